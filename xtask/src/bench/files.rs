//! Writing files.

use std::path::Path;

/// Whether a file or folder can be made where it is asked for.
pub(super) fn writable(path: &Path) -> Result<(), String> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() {
        return Ok(());
    }
    Err(format!(
        "{} cannot be written: the folder {} does not exist",
        path.display(),
        folder.display()
    ))
}

/// Writes a file, in a folder that is made if it is missing.
pub(super) fn write(file: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    }
    std::fs::write(file, text)
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

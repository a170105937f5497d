//! What versions and names of migrations look like.

/// Whether a text is a version: `YYYYMMDDhhmmss`.
pub(crate) fn is_version(text: &str) -> bool {
    text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is a migration's name.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !text.is_empty() && text.len() <= 200 && text.bytes().all(fits)
}

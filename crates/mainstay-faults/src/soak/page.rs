//! The results as text, as JSON, and as tables in the documentation.

use super::levels::Measured;

const FROM: &str = "<!-- levels: written by `cargo xtask soak --write-docs` -->";
const TO: &str = "<!-- end of the levels -->";

pub(super) fn json(soaks: &[Measured]) -> Result<String, String> {
    serde_json::to_string_pretty(soaks).map_err(|error| error.to_string())
}

fn about(soak: &Measured) -> String {
    format!(
        "{} calls in {:.1} minutes, {} a second were planned, seed {}",
        soak.calls,
        soak.seconds as f64 / 60.0,
        soak.rate,
        soak.seed
    )
}

/// For a terminal.
pub(super) fn text(soaks: &[Measured]) -> String {
    let mut text = String::new();
    for soak in soaks {
        text += &format!("{}: {}\n", soak.engine, about(soak));
        for level in &soak.levels {
            let verdict = if level.is_met { "met    " } else { "NOT MET" };
            let (what, measured, target) = (&level.what, &level.measured, &level.target);
            text += &format!("  {verdict}  {what}: {measured} (to be {target})\n");
        }
        for note in &soak.notes {
            text += &format!("  {note}\n");
        }
    }
    text
}

/// A page with new tables between its marks.
pub(super) fn replaced(page: &str, soaks: &[Measured]) -> Result<String, String> {
    let missing = || format!("the page has no lines '{FROM}' and '{TO}'");
    let (before, rest) = page.split_once(FROM).ok_or_else(missing)?;
    let (_, after) = rest.split_once(TO).ok_or_else(missing)?;
    Ok(format!("{before}{FROM}\n\n{}{TO}{after}", tables(soaks)))
}

fn tables(soaks: &[Measured]) -> String {
    let mut text = String::new();
    for soak in soaks {
        text += &format!("### {}\n\n{}.\n\n", soak.engine, about(soak));
        text += "| Level | To be | Measured |  |\n|---|---|---|---|\n";
        for level in &soak.levels {
            let verdict = if level.is_met { "met" } else { "not met" };
            let (what, target, measured) = (&level.what, &level.target, &level.measured);
            text += &format!("| {what} | {target} | {measured} | {verdict} |\n");
        }
        text.push('\n');
        text.extend(soak.notes.iter().map(|note| format!("- {note}\n")));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::levels::Level;

    #[test]
    fn the_tables_go_between_the_marks() {
        let soak = Measured {
            engine: "SQLite".into(),
            seconds: 90,
            rate: 10,
            seed: 7,
            calls: 900,
            levels: vec![Level {
                what: "Memory".into(),
                target: "flat".into(),
                measured: "twice as much".into(),
                is_met: false,
            }],
            notes: vec!["no server".into()],
        };
        let page = format!("# Levels\n{FROM}\nold\n{TO}\nafter\n");
        let new = replaced(&page, std::slice::from_ref(&soak)).unwrap();
        assert!(
            new.starts_with("# Levels\n") && new.ends_with("-->\nafter\n"),
            "{new}"
        );
        assert!(
            new.contains("| Memory | flat | twice as much | not met |"),
            "{new}"
        );
        assert!(
            !new.contains("\nold\n") && new.contains("900 calls in 1.5 minutes"),
            "{new}"
        );
        assert!(replaced("# Levels\n", &[soak]).is_err());
    }
}

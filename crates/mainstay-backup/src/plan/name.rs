//! The names of backups: `20261128T173324Z-0123456789ab`, and under which label they stand.

use chrono::{DateTime, NaiveDateTime, Utc};
use mainstay::config::DatabaseUrl;
use mainstay::{Entropy, Error, ErrorKind, Result};

const TIME: &str = "%Y%m%dT%H%M%SZ";

/// What the name of an archive ends with.
pub const ENDING: &str = ".backup";

/// What the name of the folder of a log ends with that belongs to a backup.
pub(crate) const LOG_ENDING: &str = ".log";

/// The name of a backup that is begun now. Names of later ones are greater.
pub(crate) fn new_id(now: DateTime<Utc>, entropy: &dyn Entropy) -> String {
    let mut random = [0; 6];
    entropy.fill(&mut random);
    let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{random}", now.format(TIME))
}

/// When a backup of this name was begun, if it is a backup's name.
pub(crate) fn begun_at(id: &str) -> Option<DateTime<Utc>> {
    let (time, random) = id.split_once('-')?;
    let is_random = random.len() == 12 && random.bytes().all(|b| b.is_ascii_hexdigit());
    let time = NaiveDateTime::parse_from_str(time, TIME).ok()?.and_utc();
    is_random.then_some(time)
}

/// The label of a database's backups if none is given: the file's name without its ending, or the
/// name of the database on the server.
pub(crate) fn label_of(url: &DatabaseUrl) -> String {
    let name = match url.path() {
        Some(path) => path
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned()),
        None => url.database().map(str::to_owned),
    };
    let name: String = name
        .unwrap_or_default()
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    match name.trim_start_matches('.') {
        "" => "database".to_owned(),
        name => name.to_owned(),
    }
}

/// Checks a label that was given.
///
/// # Errors
/// If it would not do as the name of a folder everywhere.
pub(crate) fn check_label(label: &str) -> Result<()> {
    let fits = !label.is_empty() && label.len() <= 100 && !label.starts_with('.');
    if fits && label.chars().all(is_plain) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!("{label:?} cannot be the label of backups"),
    )
    .with_hint("use up to 100 letters, digits, dots, hyphens and underscores"))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use mainstay::SeededEntropy;

    use super::*;

    #[test]
    fn a_name_tells_when_it_was_made_and_later_ones_are_greater() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let entropy = SeededEntropy::new(1);
        let name = new_id(at, &entropy);
        assert!(name.starts_with("20270115T080000Z-"), "{name}");
        assert_eq!(begun_at(&name), Some(at));
        assert_ne!(name, new_id(at, &entropy));
        assert!(name < new_id(at + TimeDelta::seconds(1), &entropy));
        for other in [
            "",
            "20270115T080000Z",
            "20270115T080000Z-12",
            "notes-0123456789ab",
        ] {
            assert_eq!(begun_at(other), None, "{other}");
        }
    }

    #[test]
    fn labels_are_names_of_folders() {
        for (url, label) in [
            ("sqlite:/var/lib/questlog.db", "questlog"),
            ("sqlite:my data.v2.db", "my_data.v2"),
            ("sqlite:.hidden", "hidden"),
            ("postgres://localhost/quest-log", "quest-log"),
            ("mysql://localhost/%D0%B4", "_"),
        ] {
            let url = DatabaseUrl::parse(url).expect("a URL");
            assert_eq!(label_of(&url), label);
            check_label(label).expect("fits");
        }
        for label in ["", "a/b", "..", ".a", "a b", &"a".repeat(101)] {
            assert!(check_label(label).is_err(), "{label}");
        }
    }
}

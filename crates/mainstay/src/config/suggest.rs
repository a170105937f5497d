//! "Did you mean": the known name nearest to a mistyped one.

/// The candidate nearest to `wrong`, if one is near enough to be worth naming.
///
/// Separators do not count (`pool_max` is `pool.max`), and a name that is the beginning or the
/// last part of exactly one candidate means that one (`prod`, `max`).
pub(crate) fn nearest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wrong = normal(wrong);
    if wrong.is_empty() {
        return None;
    }
    let candidates: Vec<(&str, String)> = candidates
        .into_iter()
        .map(|name| (name, normal(name)))
        .collect();
    let within = (wrong.chars().count() / 3).max(2);
    let by_distance = candidates
        .iter()
        .map(|(name, normal)| (strsim::damerau_levenshtein(&wrong, normal), *name))
        .filter(|(distance, name)| *distance <= within && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name);
    by_distance.or_else(|| {
        only(candidates.iter().filter(|(_, normal)| {
            normal.starts_with(&wrong) || normal.ends_with(&format!(".{wrong}"))
        }))
    })
}

fn only<'a, 'b: 'a>(mut found: impl Iterator<Item = &'a (&'b str, String)>) -> Option<&'b str> {
    let first = found.next()?;
    found.next().is_none().then_some(first.0)
}

/// Lower case, with every separator written as a dot.
fn normal(name: &str) -> String {
    // A name longer than this is no misspelling, and the distance costs its square.
    name.chars()
        .take(128)
        .map(|c| {
            if matches!(c, '_' | '-') {
                '.'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["pool.max", "pool.min", "timeouts.acquire", "tls_ca_file"];

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(nearest("pool.mx", KEYS), Some("pool.max"));
        assert_eq!(nearest("tls.ca_file", KEYS), Some("tls_ca_file"));
        assert_eq!(nearest("TIMEOUTS_AQUIRE", KEYS), Some("timeouts.acquire"));
        assert_eq!(nearest("acquire", KEYS), Some("timeouts.acquire"));
        assert_eq!(
            nearest("prod", ["development", "test", "production"]),
            Some("production")
        );
    }

    #[test]
    fn what_is_far_from_everything_finds_nothing() {
        assert_eq!(nearest("colour", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
        assert_eq!(nearest("pool", KEYS), None);
        assert_eq!(nearest(&"x".repeat(100_000), KEYS), None);
    }
}

//! Names: their spelling in Rust, SQL and JSON, and the nearest one to a misspelt one.

use syn::Ident;
use syn::ext::IdentExt;

/// The longest name all engines take (PostgreSQL cuts off what is longer).
const LONGEST: usize = 63;

/// An identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// `GoalEntry` as `goal_entry`. Runs of capitals are one word: `HTTPLog` is `http_log`.
pub(crate) fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        let after_small = i > 0 && !chars[i - 1].is_uppercase() && chars[i - 1] != '_';
        let before_small = i > 0
            && chars[i - 1].is_uppercase()
            && chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (after_small || before_small) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// `target_date` as `targetDate`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut out = String::new();
    for part in name.split('_').filter(|part| !part.is_empty()) {
        let mut chars = part.chars();
        if let (false, Some(first)) = (out.is_empty(), chars.next()) {
            out.extend(first.to_uppercase());
            out.push_str(chars.as_str());
        } else {
            out.push_str(part);
        }
    }
    out
}

/// Why a name cannot be that of a table, column or constraint.
///
/// Only what reads the same quoted and bare on every engine: checks name columns without quotes.
pub(crate) fn refusal(name: &str) -> Option<String> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let all_well = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !starts_well || !all_well {
        return Some(format!(
            "`{name}` is not a portable SQL name: use lower-case letters, digits and underscores"
        ));
    }
    (name.len() > LONGEST).then(|| {
        format!(
            "the name `{name}` has {} characters; PostgreSQL takes at most {LONGEST}",
            name.len()
        )
    })
}

/// The known name most like `name`, if any is close.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{camel_case, nearest, refusal, snake_case};

    #[test]
    fn names_change_case() {
        assert_eq!(snake_case("GoalEntry"), "goal_entry");
        assert_eq!(snake_case("HTTPLog"), "http_log");
        assert_eq!(snake_case("InProgress2"), "in_progress2");
        assert_eq!(camel_case("target_date"), "targetDate");
        assert_eq!(camel_case("id"), "id");
        assert_eq!(camel_case("_private"), "private");
    }

    #[test]
    fn names_that_engines_read_differently_are_refused() {
        assert_eq!(refusal("users_email_key"), None);
        assert!(refusal("Users").is_some());
        assert!(refusal("2fa").is_some());
        assert!(refusal("a b").is_some());
        assert!(refusal(&"x".repeat(64)).is_some());
    }

    #[test]
    fn the_nearest_name_is_found() {
        assert_eq!(
            nearest("lowercse", ["email", "lowercase"]),
            Some("lowercase")
        );
        assert_eq!(nearest("something", ["email", "lowercase"]), None);
    }
}

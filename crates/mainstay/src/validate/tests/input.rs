use super::*;
use crate::error::FieldErrors;

#[test]
fn lengths_have_two_edges_and_own_messages() {
    let mut errors = FieldErrors::new();
    let standard = LengthMessages::default();
    assert!(require_length(&mut errors, "q", "é", 1..=2, standard));
    assert!(require_length(&mut errors, "q", "🦀🦀", 1..=2, standard));
    assert!(errors.is_empty());
    let own = LengthMessages {
        too_short: Some("Password too short"),
        too_long: Some("Password too long"),
    };
    assert!(!require_length(&mut errors, "q", "", 1..=2, standard));
    assert!(!require_length(&mut errors, "q", "", 2..=3, standard));
    assert!(!require_length(&mut errors, "q", "abc", 1..=2, standard));
    assert!(!require_length(&mut errors, "p", "", 1..=2, own));
    assert!(!require_length(&mut errors, "p", "abc", 1..=2, own));
    assert_eq!(
        errors.joined(),
        "q is required, q must have at least 2 characters, q must have at most 2 characters, \
         Password too short, Password too long"
    );
}

#[test]
fn words_and_ranges() {
    let mut errors = FieldErrors::new();
    assert!(require_one_of(&mut errors, "sort", "name", &["name", "xp"]));
    assert!(require_range(&mut errors, "limit", &100, 1..=100));
    assert!(require_range(&mut errors, "limit", &1, 1..=100));
    assert!(errors.is_empty());
    assert!(!require_one_of(
        &mut errors,
        "sort",
        "Name",
        &["name", "xp"]
    ));
    assert!(!require_range(&mut errors, "limit", &0, 1..=100));
    assert!(!require_range(&mut errors, "ratio", &f64::NAN, 0.0..=1.0));
    let error = errors.into_result().unwrap_err();
    assert_eq!(
        problems(&error),
        [
            ("sort", "sort must be one of name, xp"),
            ("limit", "limit must be between 1 and 100"),
            ("ratio", "ratio must be between 0 and 1"),
        ]
    );
}

use proptest::prelude::*;

use super::*;

const FORMS: [TextForm; 4] = [
    TextForm::Line,
    TextForm::Multiline,
    TextForm::Lowercase,
    TextForm::Opaque,
];

#[test]
fn each_form_does_its_part() {
    use TextForm::{Line, Lowercase, Multiline, Opaque};
    for (form, given, expected) in [
        (Line, "", ""),
        (Line, "plain", "plain"),
        (Line, "  two  words \n", "two  words"),
        (Line, "\u{3000}\u{a0}\u{2003}x\u{2028}\u{85}", "x"),
        (Line, "e\u{301}", "\u{e9}"),
        (Line, "\u{212b}", "\u{c5}"),
        (Line, "İ", "İ"),
        (Multiline, "\r\na\r\nb\tc\n\nd \r\n", "a\nb\tc\n\nd"),
        (Multiline, "e\u{301}\n", "\u{e9}"),
        (Lowercase, " ANN@Example.COM ", "ann@example.com"),
        (Lowercase, "E\u{301}", "\u{e9}"),
        // J has no composed form with a caron, j has.
        (Lowercase, "J\u{30c}", "\u{1f0}"),
        (Opaque, " \tE\u{301}\r\n\u{7} ", " \tE\u{301}\r\n\u{7} "),
    ] {
        assert_eq!(
            sanitise(given, form).as_deref(),
            Ok(expected),
            "{form:?} {given:?}"
        );
    }
}

#[test]
fn control_characters_are_refused_where_they_have_no_place() {
    use TextForm::{Line, Lowercase, Multiline, Opaque};
    for (form, given) in [
        (Line, "a\nb"),
        (Line, "a\tb"),
        (Line, "a\u{7f}b"),
        (Line, "a\u{9f}"),
        (Line, "\u{1b}[0m"),
        (Lowercase, "a\rb"),
        (Multiline, "a\rb"),
        (Multiline, "a\u{b}b"),
        (Multiline, "a\r\r\nb"),
        (Multiline, "a\u{85}b"),
    ] {
        let why = sanitise(given, form).unwrap_err();
        assert!(why.contains("control characters"), "{form:?} {given:?}");
    }
    for form in FORMS {
        assert_eq!(
            sanitise("a\0b", form),
            Err("must not contain a NUL character")
        );
    }
    // At an end, NUL is no white space either.
    assert!(sanitise("a\0", Opaque).is_err() && sanitise("\0", Line).is_err());
}

#[test]
fn what_needs_no_change_is_not_copied() {
    for form in FORMS {
        assert!(matches!(
            sanitise("already fine", form),
            Ok(std::borrow::Cow::Borrowed(_))
        ));
    }
}

/// Text with many of the characters that matter.
fn awkward() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        proptest::sample::select(vec![
            "\r\n", "\r", "\n", "\t", " ", "\u{301}", "\u{30c}", "\u{345}", "\u{327}", "e", "J",
            "İ", "Σ", "\u{3a5}", "\u{1100}", "\u{1161}", "\u{11a8}", "\u{2000}", "\u{fb01}", "\0",
            "\u{85}", "@", ".", "ß",
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn sanitising_twice_changes_nothing(given in awkward()) {
        for form in FORMS {
            if let Ok(once) = sanitise(&given, form) {
                let twice = sanitise(&once, form);
                prop_assert_eq!(twice.as_deref(), Ok(&*once), "{:?}", form);
            }
        }
    }

    #[test]
    fn clean_text_is_composed_trimmed_and_free_of_control_characters(given in awkward()) {
        if let Ok(line) = sanitise(&given, TextForm::Line) {
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert_eq!(line.trim(), &*line);
            prop_assert!(unicode_normalization::is_nfc(&line));
        }
        if let Ok(lines) = sanitise(&given, TextForm::Multiline) {
            prop_assert!(!lines.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            prop_assert!(unicode_normalization::is_nfc(&lines));
        }
        if let Ok(lower) = sanitise(&given, TextForm::Lowercase) {
            prop_assert!(unicode_normalization::is_nfc(&lower));
        }
        if let Ok(opaque) = sanitise(&given, TextForm::Opaque) {
            prop_assert_eq!(&*opaque, &given);
        }
    }

    #[test]
    fn preparing_never_panics_and_refuses_or_stores_clean_text(given in awkward()) {
        for column in ["email", "name", "nickname", "description", "difficulty", "xp"] {
            if let Ok(Value::Text(stored)) = store(column, text(given.clone())) {
                prop_assert!(!stored.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            }
        }
        let _ = is_email(&given);
    }
}

//! The server's messages, without the values in them.
//!
//! Class 22 is about values that are refused, and its messages quote them: in English between ",
//! in other languages otherwise. Where the text is not known to be English, own words take its
//! place.

use std::borrow::Cow;

/// The engine's text, without the values that class 22 quotes.
pub(super) fn without_values<'a>(code: &str, text: &'a str) -> Cow<'a, str> {
    if !code.starts_with("22") {
        return text.into();
    }
    if matches!(code, "22021" | "22P05") {
        // They show the bytes without quotes.
        return own_words(code).into();
    }
    // From the first quote to the last: a value may hold quotes itself.
    let (start, value, end) = match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if last > first => {
            (&text[..first], "(value left out)", &text[last + 1..])
        }
        (Some(first), _) => (&text[..first], "(value left out)", ""),
        _ => (text, "", ""),
    };
    if is_english(start) && is_english(end) {
        format!("{start}{value}{end}").into()
    } else {
        own_words(code).into()
    }
}

/// Whether what is left of a text holds no other kind of quotes: »these«, 'these' and the like.
fn is_english(text: &str) -> bool {
    text.is_ascii() && !text.contains(['\'', '`'])
}

fn own_words(code: &str) -> &'static str {
    match code {
        "22001" => "a value is too long for its column",
        "22003" => "a number is out of range",
        "22007" => "a value is not a valid date or time",
        "22008" => "a date or time is out of range",
        "22012" => "division by zero",
        "22021" | "22P05" => "a text holds bytes that the database's encoding does not have",
        "22023" => "a parameter's value is not valid",
        "22P02" | "22P03" => "a value is not valid for its type",
        _ => "a value was refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_values_are_left_out() {
        for message in [
            "invalid input syntax for type uuid: \"secret\"",
            "value \"secret\" is out of range for type integer",
            "invalid input syntax for type uuid: \"a\"secret\"b\"",
        ] {
            let left = without_values("22P02", message);
            assert!(!left.contains("secret"), "{left}");
            assert!(left.contains("value left out"), "{left}");
        }
    }

    #[test]
    fn refused_values_are_left_out_in_every_language() {
        for (code, message, words) in [
            (
                "22P02",
                "ung\u{fc}ltige Eingabesyntax f\u{fc}r Typ uuid: \u{bb}secret\u{ab}",
                "its type",
            ),
            (
                "22P02",
                "Wert \u{bb}a\"secret\"b\u{ab} passt nicht",
                "its type",
            ),
            (
                "22007",
                "syntaxe en entr\u{e9}e invalide : \u{ab} secret \u{bb}",
                "date or time",
            ),
            ("22003", "valeur \u{ab} secret \u{bb}", "out of range"),
            ("22023", "ukendt v\u{e6}rdi secret", "not valid"),
            ("22P02", "niepoprawny \u{201e}secret\u{201d}", "its type"),
            ("22001", "fuera: 'secret'", "too long"),
            (
                "22021",
                "invalid byte sequence for encoding \"UTF8\": 0x736563726574 secret",
                "encoding",
            ),
            ("22999", "\u{ab}secret\u{bb}", "a value was refused"),
        ] {
            let left = without_values(code, message);
            assert!(!left.contains("secret"), "{left}");
            assert!(left.contains(words), "{left}");
        }
        for (message, told) in [
            ("integer out of range", "integer out of range"),
            (
                "invalid input value for enum mood: \"s\u{e9}cret\"",
                "invalid input value for enum mood: (value left out)",
            ),
        ] {
            let left = without_values("22003", message);
            assert_eq!(left, told);
        }
    }
}

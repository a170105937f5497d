//! The normal forms of text.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::schema::TextForm;

/// Puts text into its normal form, or says why it cannot be. Doing it twice changes nothing.
///
/// - [`TextForm::Line`]: composed (Unicode NFC) and trimmed of white space at both ends. Control
///   characters (category Cc) inside are refused.
/// - [`TextForm::Multiline`]: as a line, but CR LF becomes LF, and LF and tab are allowed.
/// - [`TextForm::Lowercase`]: as a line, then lower-cased.
/// - [`TextForm::Opaque`]: never altered; only NUL is refused, because PostgreSQL cannot store it.
///
/// ```
/// use mainstay::schema::TextForm;
/// use mainstay::validate::sanitise;
/// assert_eq!(sanitise(" Ann@Example.com ", TextForm::Lowercase).unwrap(), "ann@example.com");
/// assert!(sanitise("a\u{7}b", TextForm::Line).is_err());
/// ```
///
/// # Errors
/// What is wrong, without the field's name: "must not contain control characters".
pub fn sanitise(text: &str, form: TextForm) -> Result<Cow<'_, str>, &'static str> {
    // Said apart from other control characters, because it is the one that is refused everywhere.
    if text.contains('\0') {
        return Err("must not contain a NUL character");
    }
    match form {
        TextForm::Opaque => Ok(Cow::Borrowed(text)),
        TextForm::Line => line(text),
        TextForm::Lowercase => Ok(lowercase(line(text)?)),
        TextForm::Multiline => several_lines(text),
    }
}

fn line(text: &str) -> Result<Cow<'_, str>, &'static str> {
    let text = trimmed(composed(text));
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    Ok(text)
}

fn several_lines(text: &str) -> Result<Cow<'_, str>, &'static str> {
    let text = match composed(text) {
        text if text.contains("\r\n") => Cow::Owned(text.replace("\r\n", "\n")),
        text => text,
    };
    let text = trimmed(text);
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return Err("must not contain control characters other than newline and tab");
    }
    Ok(text)
}

fn composed(text: &str) -> Cow<'_, str> {
    // ASCII composes with nothing; most text is found to be no more, a word at a time.
    if text.is_ascii() || unicode_normalization::is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn lowercase(text: Cow<'_, str>) -> Cow<'_, str> {
    let lower = text.to_lowercase();
    if *text == lower {
        return text;
    }
    // A lower-case letter can compose with a mark where the capital could not.
    Cow::Owned(composed(&lower).into_owned())
}

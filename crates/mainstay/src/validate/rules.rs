//! The rules of a column.

use chrono::{DateTime, Utc};
use email_address::{EmailAddress, Options};
use rust_decimal::Decimal;

use crate::schema::{Rule, RuleKind};
use crate::value::Value;

/// The longest address that fits an SMTP path (RFC 5321, 4.5.3.1.3).
const EMAIL_BYTES: usize = 254;

/// The message of the first rule that `value` breaks, or `None` when it breaks none.
///
/// NULL breaks no rule: whether it is allowed is the column's nullability. A rule for another type
/// of value is passed over: the check of the type reports that.
pub(super) fn broken(
    rules: &[Rule],
    field: &str,
    value: &Value,
    now: DateTime<Utc>,
) -> Option<String> {
    rules
        .iter()
        .find(|rule| !holds(&rule.kind, value, now))
        .map(|rule| match rule.message {
            Some(message) => message.to_owned(),
            None => standard(&rule.kind, field),
        })
}

fn holds(rule: &RuleKind, value: &Value, now: DateTime<Utc>) -> bool {
    match (rule, value) {
        (RuleKind::MinLength(min), Value::Text(text)) => text.chars().count() >= *min as usize,
        (RuleKind::MaxLength(max), Value::Text(text)) => text.chars().count() <= *max as usize,
        (RuleKind::Min(min), value) => order(value, *min).is_none_or(std::cmp::Ordering::is_ge),
        (RuleKind::Max(max), value) => order(value, *max).is_none_or(std::cmp::Ordering::is_le),
        (RuleKind::Email, Value::Text(text)) => is_email(text),
        (RuleKind::Future, Value::Instant(at)) => *at > now,
        (RuleKind::Future, Value::Date(date)) => *date > now.date_naive(),
        (RuleKind::JsonObject, Value::Json(json)) => json.is_object(),
        _ => true,
    }
}

/// How a number stands to a bound; `None` for NaN and for what is no number.
fn order(value: &Value, bound: i64) -> Option<std::cmp::Ordering> {
    match value {
        Value::I32(number) => Some(i64::from(*number).cmp(&bound)),
        Value::I64(number) => Some(number.cmp(&bound)),
        Value::Decimal(number) => Some(number.cmp(&Decimal::from(bound))),
        Value::F64(number) => number.partial_cmp(&(bound as f64)),
        _ => None,
    }
}

fn standard(rule: &RuleKind, field: &str) -> String {
    match rule {
        RuleKind::MinLength(1) => format!("{field} is required"),
        RuleKind::MinLength(min) => format!("{field} must have at least {min} characters"),
        RuleKind::MaxLength(max) => format!("{field} must have at most {max} characters"),
        RuleKind::Min(min) => format!("{field} must be at least {min}"),
        RuleKind::Max(max) => format!("{field} must be at most {max}"),
        RuleKind::Email => format!("{field} must be an email address"),
        RuleKind::Future => format!("{field} must be in the future"),
        RuleKind::JsonObject => format!("{field} must be a JSON object"),
    }
}

/// The message for a value that is missing: that of the rule which asks for at least one
/// character, since a missing name and an empty name are the same mistake.
pub(super) fn required(rules: &[Rule], field: &str) -> String {
    rules
        .iter()
        .find(|rule| rule.kind == RuleKind::MinLength(1))
        .and_then(|rule| rule.message)
        .map_or_else(|| format!("{field} is required"), str::to_owned)
}

/// Whether text is an e-mail address that mail can be sent to over the internet.
///
/// The domain must have a dot and end in a label of at least two characters that is not a number.
/// Quoted local parts, comments, display names (`Ann <ann@example.com>`) and address literals
/// (`ann@[10.0.0.1]`) are refused. Letters of all scripts are accepted.
///
/// ```
/// use mainstay::validate::is_email;
/// assert!(is_email("ann@example.com"));
/// assert!(!is_email("ann@localhost"));
/// ```
pub fn is_email(text: &str) -> bool {
    let options = Options::default()
        .with_required_tld()
        .without_domain_literal()
        .without_display_text();
    let Ok(address) = EmailAddress::parse_with_options(text, options) else {
        return false;
    };
    let last_label = address.domain().rsplit('.').next().unwrap_or_default();
    text.len() <= EMAIL_BYTES
        && !address.local_part().starts_with('"')
        && last_label.chars().count() >= 2
        && !last_label.chars().all(|c| c.is_ascii_digit())
}

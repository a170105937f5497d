use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde_json::json;

use super::*;

#[test]
fn lengths_count_scalar_values_after_sanitising() {
    for (column, max, message) in [
        ("name", 100, "Name too long"),
        ("title", 200, "Title too long"),
        ("description", 1000, "Description too long"),
    ] {
        for unit in ["a", "\u{e9}", "語", "🦀"] {
            assert!(store(column, text(unit.repeat(max))).is_ok(), "{column}");
            assert_eq!(
                store(column, text(unit.repeat(max + 1))),
                Err(message.to_owned())
            );
        }
    }
    // An e with an accent is one scalar value once composed; blanks at the ends do not count.
    let composed = store("name", text(format!("  {} ", "e\u{301}".repeat(100))));
    assert_eq!(composed, Ok(text("\u{e9}".repeat(100))));
    assert_eq!(
        store("name", text("e\u{301}".repeat(101))),
        Err("Name too long".to_owned())
    );
    // An x with an accent has no composed form, and a flag is two scalar values.
    assert!(store("name", text("x\u{301}".repeat(50))).is_ok());
    assert!(store("name", text("x\u{301}".repeat(51))).is_err());
    assert!(store("name", text("🇳🇴".repeat(50))).is_ok());
    assert!(store("name", text("🇳🇴".repeat(51))).is_err());
}

#[test]
fn what_is_required_may_be_neither_null_nor_blank() {
    for (column, message) in [
        ("name", "Name is required"),
        ("title", "Title is required"),
        ("module_id", "Module ID is required"),
    ] {
        for value in [Value::Null, text(""), text(" \t\u{3000}\n")] {
            assert_eq!(store(column, value), Err(message.to_owned()));
        }
        assert_eq!(store(column, text(" x ")), Ok(text("x")));
    }
    // Without a rule of its own: the field's name.
    assert_eq!(store("email", Value::Null), Err("email is required".into()));
    assert_eq!(store("xp", Value::Null), Err("xp is required".into()));
    assert_eq!(store("description", Value::Null), Ok(Value::Null));
    assert_eq!(store("description", text("  ")), Ok(text("")));
}

#[test]
fn emails() {
    for good in [
        "ann@example.com",
        "a@b.co",
        "first.last+tag@sub.example.co.uk",
        "o'neil_x-1@my-host.example",
        "1@1.example",
        "josé@exámple.es",
        "x@xn--exmple-cua.com",
    ] {
        assert!(is_email(good), "{good}");
        assert_eq!(store("email", text(good)), Ok(text(good)));
    }
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long_all = format!("{}@{}com", "a".repeat(64), "abcdefgh.".repeat(21));
    assert!(is_email(&long_all[3..]) && long_all[3..].len() == 254);
    for bad in [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@localhost",
        "a@b",
        "a@b.c",
        "ann@example..com",
        "ann@.example.com",
        "ann@example.com.",
        "ann@-example.com",
        "ann@example-.com",
        ".ann@example.com",
        "ann.@example.com",
        "a..b@example.com",
        "a b@example.com",
        "a@b@example.com",
        "ann@exa mple.com",
        "\"a b\"@example.com",
        "\"ann\"@example.com",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        "ann@[10.0.0.1]",
        "ann@10.0.0.1",
        "ann(comment)@example.com",
        "mailto:ann@example.com",
        "ann@example.com, bob@example.com",
        "ann@exam_ple,com",
        long_local.as_str(),
        &long_all[2..],
    ] {
        assert!(!is_email(bad), "{bad}");
        assert_eq!(
            store("email", text(bad)),
            Err("Invalid email format".to_owned())
        );
    }
    assert_eq!(
        store("email", text(" Ann@Example.COM\n")),
        Ok(text("ann@example.com"))
    );
}

#[test]
fn the_future_begins_after_now() {
    let late = |by: TimeDelta| Value::Instant(now() + by);
    let refused = Err("Target date must be in the future".to_owned());
    assert_eq!(store("target_date", late(TimeDelta::zero())), refused);
    assert_eq!(store("target_date", late(TimeDelta::seconds(-1))), refused);
    assert!(store("target_date", late(TimeDelta::microseconds(1))).is_ok());
    assert_eq!(store("target_date", Value::Null), Ok(Value::Null));

    let day = |by: i64| Value::Date((now() + TimeDelta::days(by)).date_naive());
    assert_eq!(
        store("start_day", day(0)),
        Err("startDay must be in the future".to_owned())
    );
    assert!(store("start_day", day(1)).is_ok());
}

#[test]
fn numbers_have_bounds_that_are_included() {
    for (column, value, expected) in [
        ("xp", Value::I32(0), None),
        ("xp", Value::I32(-1), Some("xp must be at least 0")),
        ("xp", Value::I64(1000), None),
        ("xp", Value::I64(1001), Some("xp must be at most 1000")),
        ("weight", Value::F64(1.0), None),
        (
            "weight",
            Value::F64(1.000_001),
            Some("weight must be at most 1"),
        ),
        (
            "weight",
            Value::F64(-1.5),
            Some("weight must be at least -1"),
        ),
        (
            "weight",
            Value::F64(f64::NAN),
            Some("weight must be a finite number"),
        ),
        ("price", Value::Decimal(Decimal::ONE), None),
        (
            "price",
            Value::Decimal(Decimal::new(99, 2)),
            Some("price must be at least 1"),
        ),
        (
            "price",
            Value::Decimal(Decimal::new(1_001, 3)),
            Some("price must have at most 2 digits after the point"),
        ),
    ] {
        let result = store(column, value.clone());
        assert_eq!(result.as_ref().err().map(String::as_str), expected);
        if expected.is_none() {
            assert_eq!(result, Ok(value));
        }
    }
}

#[test]
fn preferences_are_an_object() {
    assert!(store("preferences", Value::Json(json!({"theme": "dark"}))).is_ok());
    for json in [json!([1]), json!("text"), json!(null), json!(1)] {
        assert_eq!(
            store("preferences", Value::Json(json)),
            Err("preferences must be a JSON object".to_owned())
        );
    }
    assert_eq!(
        store("preferences", Value::Json(json!({"a": [{"b": "x\0"}]}))),
        Err("preferences must not contain a NUL character".to_owned())
    );
}

#[test]
fn without_a_rule_the_column_s_type_speaks() {
    for (column, value, message) in [
        (
            "nickname",
            text("a"),
            "nickname must have at least 2 characters",
        ),
        (
            "nickname",
            text("abcd"),
            "nickname must have at most 3 characters",
        ),
        (
            "nickname",
            text("a\u{7}b"),
            "nickname must not contain control characters",
        ),
        (
            "difficulty",
            text("Easy"),
            "difficulty must be one of easy, hard",
        ),
        (
            "difficulty",
            text("easy "),
            "difficulty must be one of easy, hard",
        ),
        ("name", Value::I32(1), "name must be of type text, not i32"),
        (
            "password_hash",
            text("a\0"),
            "password must not contain a NUL character",
        ),
    ] {
        assert_eq!(store(column, value), Err(message.to_owned()));
    }
    assert_eq!(
        store("password_hash", text(" \tE\u{301}\n")),
        Ok(text(" \tE\u{301}\n"))
    );
}

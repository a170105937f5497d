use serde_json::json;

use super::*;

fn set(column: &str, value: Value) -> Assignment {
    Assignment::set(position(column), value)
}

fn add(column: &str, value: Value) -> Assignment {
    Assignment {
        column: position(column),
        change: Change::Add(value),
    }
}

#[test]
fn all_problems_come_at_once_in_column_order() {
    let mut assignments = vec![
        set("xp", Value::I32(-1)),
        set("target_date", Value::Instant(now())),
        set("title", text("fine")),
        set("name", text("")),
        set("email", text("no")),
    ];
    let error = prepare(&GOALS, &mut assignments, now()).unwrap_err();
    assert_eq!(error.code(), "VALIDATION_ERROR");
    assert_eq!(
        problems(&error),
        [
            ("email", "Invalid email format"),
            ("name", "Name is required"),
            ("targetDate", "Target date must be in the future"),
            ("xp", "xp must be at least 0"),
        ]
    );
    assert_eq!(
        error.columns().collect::<Vec<_>>(),
        ["email", "name", "target_date", "xp"]
    );
    assert!(
        error
            .public_message()
            .starts_with("Validation error: Invalid email format, Name is required, ")
    );
}

#[test]
fn values_never_appear_in_the_error() {
    let mut assignments = vec![
        set("email", text("hunter2")),
        set("nickname", text("hunter2")),
        set("difficulty", text("hunter2")),
        set("price", text("hunter2")),
    ];
    let error = prepare(&GOALS, &mut assignments, now()).unwrap_err();
    assert_eq!(error.fields().len(), 4);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn an_insert_lacks_nothing_that_is_not_filled_in() {
    let error = prepare_insert(&GOALS, &mut [set("title", text("x"))], now()).unwrap_err();
    assert_eq!(
        problems(&error),
        [
            ("email", "email is required"),
            ("name", "Name is required"),
            ("moduleId", "Module ID is required"),
        ]
    );
    let mut whole = [
        set("email", text("A@B.co")),
        set("name", text("n")),
        set("title", text("t")),
        set("module_id", text("m")),
    ];
    prepare_insert(&GOALS, &mut whole, now()).unwrap();
    assert_eq!(whole[0], set("email", text("a@b.co")));
    // An update gives what it changes.
    prepare(&GOALS, &mut [set("title", text("t"))], now()).unwrap();
    prepare(&GOALS, &mut [], now()).unwrap();
}

#[test]
fn adding_checks_the_type_and_not_the_rules() {
    prepare(&GOALS, &mut [add("xp", Value::I32(-50))], now()).unwrap();
    prepare(&GOALS, &mut [add("weight", Value::F64(7.0))], now()).unwrap();
    for (assignment, message) in [
        (
            add("weight", Value::F64(f64::INFINITY)),
            "weight must be a finite number",
        ),
        (
            add("xp", Value::F64(1.0)),
            "xp must be of type i32, not f64",
        ),
        (
            add("xp", Value::I64(i64::MAX)),
            "xp must be between -2147483648 and 2147483647",
        ),
        (add("xp", Value::Null), "xp is required"),
        (add("name", text("x")), "name is not a number to add to"),
    ] {
        let error = prepare(&GOALS, &mut [assignment], now()).unwrap_err();
        assert_eq!(error.fields().joined(), message);
    }
    let error = prepare_insert(&GOALS, &mut [add("xp", Value::I32(1))], now()).unwrap_err();
    assert!(problems(&error).contains(&("xp", "xp cannot be added to in an insert")));
}

#[test]
fn a_column_given_twice_and_one_that_is_not_there_are_refused() {
    let mut twice = [set("xp", Value::I32(1)), add("xp", Value::I32(1))];
    let error = prepare(&GOALS, &mut twice, now()).unwrap_err();
    assert_eq!(problems(&error), [("xp", "xp is given more than once")]);

    let mut nowhere = [Assignment::set(99, Value::Null)];
    let error = prepare(&GOALS, &mut nowhere, now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ColumnMissing);
    let error = filter_value(&GOALS, 99, &Value::Null).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ColumnMissing);
}

#[test]
fn filters_take_what_the_column_can_hold() {
    for (column, value) in [
        ("nickname", text("much longer than three")),
        ("nickname", text(" a\tb\n")),
        ("email", text("no address")),
        ("difficulty", text("easy")),
        ("xp", Value::I64(-5)),
        ("xp", Value::Null),
        ("target_date", Value::Instant(now())),
    ] {
        assert!(filter_value(&GOALS, position(column), &value).is_ok());
    }
    for (column, value, message) in [
        ("name", text("a\0"), "name must not contain a NUL character"),
        (
            "module_id",
            Value::I32(1),
            "moduleId must be of type text, not i32",
        ),
        (
            "difficulty",
            text("eazy"),
            "difficulty must be one of easy, hard",
        ),
        (
            "xp",
            Value::I64(i64::MAX),
            "xp must be between -2147483648 and 2147483647",
        ),
        (
            "weight",
            Value::F64(f64::NAN),
            "weight must be a finite number",
        ),
        (
            "price",
            Value::Decimal(rust_decimal::Decimal::new(1_005, 3)),
            "price must have at most 2 digits after the point",
        ),
    ] {
        let error = filter_value(&GOALS, position(column), &value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Validation);
        assert_eq!(error.fields().joined(), message);
        assert_eq!(error.columns().collect::<Vec<_>>(), [column]);
    }
}

#[test]
fn json_cannot_be_compared() {
    for value in [Value::Json(json!({})), Value::Null] {
        let error = filter_value(&GOALS, position("preferences"), &value).unwrap_err();
        assert_eq!(error.code(), "UNSUPPORTED");
        assert_eq!(error.table(), Some("goals"));
    }
}

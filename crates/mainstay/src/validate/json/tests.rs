use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::validate::tests::GOALS;

fn refused(document: &str) -> Vec<(String, String)> {
    fields(&parse_json(document).unwrap_err())
}

fn fields(error: &Error) -> Vec<(String, String)> {
    assert_eq!(error.code(), "VALIDATION_ERROR");
    error
        .fields()
        .iter()
        .map(|e| (e.field.to_string(), e.message.to_string()))
        .collect()
}

fn one(field: &str, message: &str) -> Vec<(String, String)> {
    vec![(field.to_owned(), message.to_owned())]
}

#[test]
fn keys_come_once_at_every_depth() {
    assert_eq!(refused(r#"{"a":1,"a":1}"#), one("a", "Duplicate field: a"));
    assert_eq!(
        refused(r#"{"x":1,"a":[0,{"b":{"c":1,"\u0063":2}}]}"#),
        one("a[1].b.c", "Duplicate field: a[1].b.c")
    );
    assert_eq!(
        refused(r#"[{"":1,"":1}]"#),
        one("[0].", "Duplicate field: [0].")
    );
    // The same key in two objects is no duplicate.
    assert!(parse_json(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
}

#[test]
fn nul_is_refused_in_texts_and_keys() {
    assert_eq!(
        refused(r#"{"a":["x","\u0000"]}"#),
        one("a[1]", "a[1] must not contain a NUL character")
    );
    assert_eq!(
        refused(r#"{"a":{"k\u0000":1}}"#),
        one("a", "Field names must not contain a NUL character")
    );
    assert_eq!(
        refused(r#""\u0000""#),
        one("$", "text must not contain a NUL character")
    );
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_json(nested(MAX_DEPTH)).is_ok());
    assert_eq!(
        refused(&nested(MAX_DEPTH + 1)),
        one("$", "Nested deeper than 64 levels")
    );
    assert_eq!(
        refused(&format!("{{\"a\":{}}}", nested(100_000))),
        one("a", "Nested deeper than 64 levels")
    );
}

#[test]
fn what_is_not_json_is_a_problem_of_the_document() {
    for bad in [
        "",
        "{",
        "nul",
        "{} {}",
        "{\"a\":}",
        "[1,]",
        "1e999",
        "\"\\ud800\"",
        "NaN",
    ] {
        let problems = refused(bad);
        assert_eq!(problems[0].0, DOCUMENT, "{bad}");
        assert!(problems[0].1.starts_with("Invalid JSON: "), "{bad}");
    }
    assert!(parse_json(b"\"\xff\"").is_err());
}

#[test]
fn names_from_outside_stay_on_one_line_and_short() {
    let error = from_json::<Goal>(r#"{"a\nb":1}"#).unwrap_err();
    assert_eq!(fields(&error)[0].1, "Unknown field: a\u{FFFD}b");
    let long = format!("{{\"{}\":1}}", "x".repeat(10_000));
    let error = from_json::<Goal>(long).unwrap_err();
    assert!(error.public_message().len() < 200);
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Goal {
    title: String,
    #[serde(default)]
    xp: i32,
    target_date: Option<DateTime<Utc>>,
    difficulty: Option<Difficulty>,
    id: Option<Uuid>,
    tags: Option<Vec<String>>,
    inner: Option<Inner>,
    #[serde(default, alias = "prefs")]
    preferences: Value,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inner {
    size: f64,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Difficulty {
    Easy,
    Hard,
    Custom(i32),
}

#[test]
fn a_struct_is_read() {
    let goal: Goal = from_json(
        r#"{"title":"t","xp":-3,"targetDate":"2030-01-01T00:00:00Z","difficulty":"hard",
            "id":"0190163d-8694-739b-aea5-966c26f8ad91","tags":["a","b"],"inner":{"size":1},
            "prefs":{"theme":"dark"}}"#,
    )
    .unwrap();
    assert_eq!(goal.difficulty, Some(Difficulty::Hard));
    assert_eq!(goal.inner, Some(Inner { size: 1.0 }));
    assert_eq!(goal.preferences, json!({"theme": "dark"}));
    assert_eq!((goal.xp, goal.tags.map(|tags| tags.len())), (-3, Some(2)));

    let goal: Goal =
        from_json(r#"{"title":"t","targetDate":null,"difficulty":{"custom":4}}"#).unwrap();
    assert_eq!((goal.xp, goal.target_date), (0, None));
    assert_eq!(goal.difficulty, Some(Difficulty::Custom(4)));
}

#[test]
fn each_misfit_names_its_field() {
    for (document, field, message) in [
        (
            r#"{"title":"t","titel":"x"}"#,
            "titel",
            "Unknown field: titel",
        ),
        (r#"{}"#, "title", "title is required"),
        (r#"{"title":null}"#, "title", "title is required"),
        (
            r#"{"title":1}"#,
            "title",
            "Invalid type for title: expected a string",
        ),
        (
            r#"{"title":"t","xp":"secret"}"#,
            "xp",
            "Invalid type for xp: expected a whole number",
        ),
        (
            r#"{"title":"t","xp":2.5}"#,
            "xp",
            "Invalid type for xp: expected a whole number",
        ),
        (
            r#"{"title":"t","xp":3000000000}"#,
            "xp",
            "xp is out of range",
        ),
        (
            r#"{"title":"t","xp":99999999999999999999}"#,
            "xp",
            "xp is out of range",
        ),
        (
            r#"{"title":"t","id":5}"#,
            "id",
            "Invalid type for id: expected a UUID",
        ),
        (r#"{"title":"t","id":"secret"}"#, "id", "id must be a UUID"),
        (
            r#"{"title":"t","targetDate":"secret"}"#,
            "targetDate",
            "targetDate must be an RFC 3339 date and time",
        ),
        (
            r#"{"title":"t","difficulty":"secret"}"#,
            "difficulty",
            "difficulty must be one of easy, hard, custom",
        ),
        (
            r#"{"title":"t","difficulty":1}"#,
            "difficulty",
            "Invalid type for difficulty: expected a word",
        ),
        (
            r#"{"title":"t","tags":["a",1]}"#,
            "tags[1]",
            "Invalid type for tags[1]: expected a string",
        ),
        (
            r#"{"title":"t","inner":{}}"#,
            "inner.size",
            "inner.size is required",
        ),
        (
            r#"{"title":"t","inner":{"size":"x"}}"#,
            "inner.size",
            "Invalid type for inner.size: expected a number",
        ),
        (
            r#"{"title":"t","inner":{"size":1,"b":1}}"#,
            "inner.b",
            "Unknown field: inner.b",
        ),
        (
            r#"{"title":"t","inner":[1]}"#,
            "inner",
            "Invalid type for inner: expected an object",
        ),
        (r#"[]"#, "$", "Invalid type: expected an object"),
        (r#"null"#, "$", "The document is required"),
    ] {
        let error = from_json::<Goal>(document).unwrap_err();
        assert_eq!(fields(&error), one(field, message), "{document}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn many_misfits_come_at_once() {
    let error = from_json::<Goal>(
        r#"{"zzz":1,"aaa":2,"title":5,"xp":"x","inner":{"size":null},"tags":["a"]}"#,
    )
    .unwrap_err();
    assert_eq!(
        fields(&error)
            .into_iter()
            .map(|(_, message)| message)
            .collect::<Vec<_>>(),
        [
            "Unknown field: aaa",
            "Unknown field: zzz",
            "Invalid type for title: expected a string",
            "Invalid type for xp: expected a whole number",
            "inner.size is required",
        ]
    );
}

#[test]
fn what_could_be_read_comes_with_the_problems() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Loose {
        title: Option<String>,
        email: Option<String>,
        tags: Option<Vec<String>>,
    }
    let (loose, problems) =
        from_json_partial::<Loose>(r#"{"zzz":1,"tags":["a",2],"title":"t","email":5}"#, &GOALS)
            .unwrap();
    let read = Loose {
        title: Some("t".to_owned()),
        email: None,
        tags: None,
    };
    assert_eq!(loose, Some(read));
    assert!(problems.names("tags") && problems.names("zzz") && !problems.names("title"));
    let ordered = crate::validate::in_column_order(problems, &GOALS);
    let fields: Vec<_> = ordered.iter().map(|e| e.field.as_ref()).collect();
    assert_eq!(fields, ["email", "zzz", "tags[1]"]);

    // What cannot be left out leaves no value.
    for (document, message) in [
        (r#"{"title":null}"#, "Title is required"),
        ("{}", "Title is required"),
        (
            r#"{"title":5}"#,
            "Invalid type for title: expected a string",
        ),
        ("[]", "Invalid type: expected an object"),
    ] {
        let (goal, problems) = from_json_partial::<Goal>(document, &GOALS).unwrap();
        assert_eq!(goal, None, "{document}");
        assert_eq!(problems.joined(), message, "{document}");
    }
    assert!(from_json_partial::<Loose>("{", &GOALS).is_err());
}

#[test]
fn a_hostile_document_costs_little() {
    let many: BTreeMap<String, Value> = (0..50_000).map(|n| (n.to_string(), json!("x"))).collect();
    let document = serde_json::to_vec(&many).unwrap();
    let error = from_json::<Goal>(&document).unwrap_err();
    assert_eq!(error.fields().len(), MAX_PROBLEMS);
    let error = from_json::<BTreeMap<String, i32>>(&document).unwrap_err();
    assert_eq!(error.fields().len(), MAX_PROBLEMS);
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[^\0]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[^\0]{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_document_without_faults_is_read_as_it_is(document in documents()) {
        let text = document.to_string();
        prop_assert_eq!(parse_json(&text).unwrap(), document.clone());
        prop_assert_eq!(from_json::<Value>(&text).unwrap(), document);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[{}\\[\\]\":,a0\\\\u \n.-]{0,40}") {
        let ours = parse_json(&text);
        if serde_json::from_str::<Value>(&text).is_err() {
            prop_assert!(ours.is_err());
        }
        let _ = from_json::<Goal>(&text);
    }
}

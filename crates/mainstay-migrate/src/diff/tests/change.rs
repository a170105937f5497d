//! Differences as JSON, and long texts in words.

use super::*;

fn change() -> Change {
    Change {
        table: Some("goals".to_owned()),
        object: Object::Column,
        name: Some("title".to_owned()),
        property: Property::Default,
        left: Some(format!("'{}\n  x'", "a".repeat(300))),
        right: None,
    }
}

#[test]
fn long_texts_are_cut_and_put_on_one_line() {
    let words = describe(&change(), "the entities", "the database");
    assert!(
        words.starts_with("goals.title has the default 'aaa"),
        "{words}"
    );
    assert!(
        words.ends_with("a ... in the entities and no default in the database"),
        "{words}"
    );
    let short = Change {
        left: Some("a\n  b".to_owned()),
        ..change()
    };
    assert!(describe(&short, "L", "R").contains("the default a b in L"));
}

#[test]
fn kinds_have_words() {
    assert_eq!(Object::ForeignKey.words(), "foreign key");
    assert_eq!(Object::Other("TYPE".to_owned()).words(), "type");
}

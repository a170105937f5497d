use chrono::{DateTime, Utc};
use mainstay::schema::Dialect;

use super::*;
use crate::PerDialect;
use crate::history::FORMAT;

const fn migration(version: &'static str, name: &'static str, sql: &'static str) -> Migration {
    Migration {
        version,
        name,
        up: PerDialect::same(sql),
        down: None,
    }
}

static STEPS: &[Migration] = &[
    migration(
        "20260101000000",
        "first",
        "CREATE TABLE a (id INT); CREATE TABLE b (id INT)",
    ),
    migration("20260102000000", "second", "CREATE TABLE c (id INT)"),
    migration("20260103000000", "third", "CREATE TABLE d (id INT)"),
];
static SET: MigrationSet = MigrationSet::new(STEPS);

fn row(step: usize, state: State) -> HistoryRow {
    let migration = &STEPS[step];
    HistoryRow {
        version: migration.version.to_owned(),
        name: migration.name.to_owned(),
        checksum: fingerprint(migration, Dialect::Sqlite).expect("valid"),
        state,
        statements_done: 1,
        statements_total: 2,
        applied_at: DateTime::<Utc>::UNIX_EPOCH,
        duration_ms: 5,
        format: FORMAT,
    }
}

fn problems(history: &[HistoryRow]) -> Vec<Problem> {
    compare(&SET, Dialect::Sqlite, history)
        .expect("the set is valid")
        .expect_err("there are problems")
}

#[test]
fn what_is_not_recorded_is_applied_in_order() {
    let plan_of = |history: &[HistoryRow]| plan(&SET, Dialect::Sqlite, history).expect("a plan");
    assert_eq!(plan_of(&[]).apply.len(), 3);
    let rest = plan_of(&[row(0, State::Applied)]);
    assert_eq!(rest.applied, 1);
    assert_eq!(rest.apply, [&STEPS[1], &STEPS[2]]);
    let all: Vec<_> = (0..3).map(|step| row(step, State::Applied)).collect();
    assert!(plan_of(&all).apply.is_empty());
}

#[test]
fn a_changed_text_is_named() {
    let mut changed = row(0, State::Applied);
    changed.checksum = "v1:other".to_owned();
    let found = problems(&[changed]);
    assert!(matches!(found.as_slice(), [Problem::Changed { .. }]));
    assert!(
        found[0]
            .to_string()
            .contains("20260101000000_first has changed")
    );
}

#[test]
fn a_fingerprint_that_cannot_be_compared_is_named_with_what_to_do() {
    let right = row(0, State::Applied);
    let bare = right.checksum.trim_start_matches("v1:").to_owned();
    for recorded in ["v9:made by a later release", "", &bare] {
        let mut unknown = right.clone();
        unknown.checksum = recorded.to_owned();
        let found = problems(&[unknown.clone()]);
        assert!(matches!(found.as_slice(), [Problem::Unverified { .. }]));
        let text = found[0].to_string();
        assert!(text.contains("migration 20260101000000_first"), "{text}");
        assert!(text.contains(&format!("{recorded:?}")), "{text}");
        let hint = found[0].hint();
        assert!(hint.contains("run the release that recorded it"), "{hint}");
        // What the hint says mends it.
        assert!(hint.contains(&format!("'{}'", right.checksum)), "{hint}");
        let error = plan(&SET, Dialect::Sqlite, &[unknown]).expect_err("nothing is applied");
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
    assert!(plan(&SET, Dialect::Sqlite, &[right]).is_ok());
}

#[test]
fn an_unknown_and_a_late_migration_are_named_oldest_first() {
    let mut foreign = row(0, State::Applied);
    foreign.version = "20260102120000".to_owned();
    foreign.name = "of_another_branch".to_owned();
    let found = problems(&[row(0, State::Applied), foreign]);
    assert!(matches!(
        found.as_slice(),
        [Problem::OutOfOrder { .. }, Problem::Missing { .. }]
    ));
    assert!(
        found[0]
            .to_string()
            .contains("20260102000000_second is not applied")
    );
    assert!(
        found[1]
            .to_string()
            .contains("20260102120000_of_another_branch")
    );
    let error = plan(&SET, Dialect::Sqlite, &[row(1, State::Applied)]).expect_err("out of order");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.hint().is_some_and(|hint| hint.contains("newer")));
}

#[test]
fn a_half_applied_migration_says_which_statement_stands_and_what_to_do() {
    let found = problems(&[row(0, State::Started)]);
    let text = found[0].to_string();
    assert!(
        text.contains("1 of 2 statements are recorded as done"),
        "{text}"
    );
    assert!(
        text.contains("statement 2 took effect is not: CREATE TABLE b (id INT)"),
        "{text}"
    );
    let hint = found[0].hint();
    assert!(
        hint.contains("SET state = 'applied', statements_done = 2"),
        "{hint}"
    );
    assert!(
        hint.contains("undo statement 1, then DELETE FROM"),
        "{hint}"
    );
}

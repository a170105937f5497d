use chrono::{DateTime, Utc};
use mainstay::schema::Dialect;

use super::*;
use crate::history::{FORMAT, HistoryRow, State};
use crate::journal::JournalRow;
use crate::{Migration, PerDialect};

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
    row_of(&SET, step, state)
}

fn row_of(set: &MigrationSet, step: usize, state: State) -> HistoryRow {
    let migration = set.migrations()[step];
    HistoryRow {
        version: migration.version.to_owned(),
        name: migration.name.to_owned(),
        checksum: fingerprint(set, &migration, Dialect::Sqlite).expect("valid"),
        state,
        statements_done: 1,
        statements_total: 2,
        applied_at: DateTime::<Utc>::UNIX_EPOCH,
        duration_ms: 5,
        format: FORMAT,
    }
}

fn recorded(history: &[HistoryRow]) -> Recorded {
    Recorded {
        history: history.to_vec(),
        journal: Vec::new(),
    }
}

fn problems(history: &[HistoryRow]) -> Vec<Problem> {
    survey(&SET, Dialect::Sqlite, &recorded(history))
        .expect("the set is valid")
        .problems
}

fn plan_in(set: &MigrationSet, history: &[HistoryRow], goal: Goal) -> Result<Plan> {
    plan(set, Dialect::Sqlite, &recorded(history), &goal)
}

fn labels(plan: &Plan) -> Vec<String> {
    let label = |step: &Step| format!("{} {}", step.direction.as_str(), step.name);
    plan.steps.iter().map(label).collect()
}

#[test]
fn what_is_not_recorded_is_applied_in_order() {
    let plan_of = |history: &[HistoryRow]| plan_in(&SET, history, Goal::Up).expect("a plan");
    assert_eq!(plan_of(&[]).steps.len(), 3);
    let rest = plan_of(&[row(0, State::Applied)]);
    assert_eq!(rest.applied, 1);
    assert_eq!(labels(&rest), ["up second", "up third"]);
    let all: Vec<_> = (0..3).map(|step| row(step, State::Applied)).collect();
    assert!(plan_of(&all).is_empty());
    let some = plan_in(&SET, &[], Goal::UpTo("20260102000000".to_owned())).expect("a plan");
    assert_eq!(labels(&some), ["up first", "up second"]);
    let error = plan_in(&SET, &[], Goal::UpTo("2026".to_owned())).expect_err("no such version");
    assert!(
        error.to_string().contains("no migration of version"),
        "{error}"
    );
}

const fn both(
    version: &'static str,
    name: &'static str,
    up: &'static str,
    down: &'static str,
) -> Migration {
    Migration {
        version,
        name,
        up: PerDialect::same(up),
        down: Some(PerDialect::same(down)),
    }
}

static REVERSIBLE: MigrationSet = MigrationSet::new(&[
    both(
        "20260101000000",
        "first",
        "-- mainstay: irreversible because it is the beginning\nCREATE TABLE a (id INT)",
        "DROP TABLE a",
    ),
    both(
        "20260102000000",
        "second",
        "CREATE TABLE b (id INT)",
        "DROP TABLE b",
    ),
    both(
        "20260103000000",
        "third",
        "CREATE TABLE c (id INT)",
        "DROP TABLE c",
    ),
    both(
        "20260104000000",
        "fourth",
        "CREATE TABLE d (id INT)",
        "-- mainstay: irreversible because nobody knows the old values",
    ),
]);

fn applied(count: usize) -> Vec<HistoryRow> {
    (0..count)
        .map(|step| row_of(&REVERSIBLE, step, State::Applied))
        .collect()
}

#[test]
fn the_newest_is_undone_first() {
    let of = |count, goal| labels(&plan_in(&REVERSIBLE, &applied(count), goal).expect("a plan"));
    assert_eq!(of(3, Goal::Down(1)), ["down third"]);
    assert_eq!(of(3, Goal::Down(2)), ["down third", "down second"]);
    let to = Goal::DownTo("20260101000000".to_owned());
    assert_eq!(of(3, to), ["down third", "down second"]);
    assert_eq!(of(3, Goal::Redo), ["down third", "up third"]);
    assert!(of(0, Goal::Down(1)).is_empty());
    assert!(of(2, Goal::DownTo("20260103000000".to_owned())).is_empty());
    let error = plan_in(&REVERSIBLE, &[], Goal::Redo).expect_err("there is none");
    assert!(
        error.to_string().contains("no migration is applied"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_undone_is_refused_with_its_reason() {
    let of = |count, goal| {
        let error = plan_in(&REVERSIBLE, &applied(count), goal).expect_err("cannot be undone");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        error.to_string()
    };
    let text = of(4, Goal::Down(1));
    assert!(
        text.contains("fourth: it cannot be undone: nobody knows the old values"),
        "{text}"
    );
    let text = of(1, Goal::DownTo(NOTHING.to_owned()));
    assert!(text.contains("it is the beginning"), "{text}");
    let text = plan_in(&SET, &[row(0, State::Applied)], Goal::Down(1))
        .expect_err("no text")
        .to_string();
    assert!(text.contains("there is no text that does it"), "{text}");
}

#[test]
fn newer_ones_can_be_undone_to_make_room_for_one_that_came_late() {
    let mut late = applied(3);
    late.remove(1);
    let up = plan_in(&REVERSIBLE, &late, Goal::Up).expect_err("out of order");
    assert!(
        up.to_string()
            .contains("second is not applied, but the newer"),
        "{up}"
    );
    let down = plan_in(&REVERSIBLE, &late, Goal::Down(1)).expect("a way out");
    assert_eq!(labels(&down), ["down third"]);
}

#[test]
fn a_plan_tells_locks_and_rows_and_how_it_is_run() {
    static ONE: MigrationSet = MigrationSet::new(&[migration(
        "20260101000000",
        "alter",
        "-- mainstay: lock-timeout 5s\nALTER TABLE goals ADD COLUMN note TEXT;\nCREATE INDEX i ON goals (note)",
    )]);
    let of = |dialect| {
        let rows = BTreeMap::from([("goals".to_owned(), 1000)]);
        let found = plan(&ONE, dialect, &Recorded::default(), &Goal::Up).expect("a plan");
        found.with_rows(&rows).to_string()
    };
    let text = of(Dialect::Postgres);
    assert!(
        text.starts_with("up 20260101000000_alter, in one transaction, lock time-out 5000 ms"),
        "{text}"
    );
    assert!(text.contains("lock: ACCESS EXCLUSIVE on goals"), "{text}");
    assert!(text.contains("2. CREATE INDEX i ON goals (note)"), "{text}");
    assert!(
        text.contains("SHARE on goals (writes wait); about 1000 rows in goals"),
        "{text}"
    );
    let text = of(Dialect::MariaDb);
    assert!(text.contains("statement by statement"), "{text}");
    assert!(text.contains("(INSTANT)"), "{text}");
    assert!(of(Dialect::Sqlite).contains("the writer"), "{text}");
}

#[test]
fn what_needs_no_transaction_is_refused_in_one() {
    const INDEX: &str = "CREATE INDEX CONCURRENTLY i ON a (b)";
    static WITH: MigrationSet = MigrationSet::new(&[migration("20260101000000", "a", INDEX)]);
    static WITHOUT: MigrationSet = MigrationSet::new(&[migration(
        "20260101000000",
        "a",
        "-- mainstay: no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b)",
    )]);
    static UNNAMED: MigrationSet = MigrationSet::new(&[migration(
        "20260101000000",
        "a",
        "-- mainstay: no-transaction\nCREATE INDEX CONCURRENTLY ON a (b)",
    )]);
    let of = |set| plan(set, Dialect::Postgres, &Recorded::default(), &Goal::Up);
    let error = of(&WITH).expect_err("in a transaction").to_string();
    assert!(
        error.contains("line 1: this cannot run in a transaction"),
        "{error}"
    );
    let error = of(&UNNAMED).expect_err("without a name").to_string();
    assert!(error.contains("line 2: name the index"), "{error}");
    assert_eq!(
        of(&WITHOUT).expect("a plan").steps[0].mode,
        Mode::Statements
    );
    let error = plan_in(&WITHOUT, &[], Goal::Up)
        .expect_err("SQLite")
        .to_string();
    assert!(
        error.contains("no-transaction has no use on SQLite"),
        "{error}"
    );
}

static SQUASHED: MigrationSet = MigrationSet::new(&[
    migration(
        "20260102000000",
        "squashed",
        "-- mainstay: replaces 20260101000000..20260102000000\nCREATE TABLE a (id INT)",
    ),
    migration("20260103000000", "third", "CREATE TABLE d (id INT)"),
]);

#[test]
fn one_that_stands_for_others_is_accepted_where_they_are_applied() {
    let of = |history: &[HistoryRow]| plan_in(&SQUASHED, history, Goal::Up);
    let anew = of(&[]).expect("a plan");
    assert_eq!(labels(&anew), ["up squashed", "up third"]);
    let old = of(&[row(0, State::Applied), row(1, State::Applied)]).expect("a plan");
    assert_eq!(
        (labels(&old), old.applied),
        (vec!["up third".to_owned()], 1)
    );
    let part = of(&[row(0, State::Applied)]).expect_err("a part of them");
    assert!(
        part.to_string().contains("only up to 20260101000000"),
        "{part}"
    );
    // On a new database its own text counts.
    let mut changed = row_of(&SQUASHED, 0, State::Applied);
    changed.checksum = "v2:other".to_owned();
    let error = of(&[changed]).expect_err("another text");
    assert!(
        error.to_string().contains("squashed has changed"),
        "{error}"
    );
}

#[test]
fn a_migration_that_has_begun_goes_on_unless_what_stands_has_another_text() {
    let entry = |position, done, sql: &str| JournalRow {
        version: "20260101000000".to_owned(),
        position,
        direction: Direction::Up,
        done,
        checksum: crate::checksum::of_statements(Dialect::MariaDb, sql).expect("valid"),
        before: None,
        started_at: DateTime::<Utc>::UNIX_EPOCH,
    };
    let of = |journal: Vec<JournalRow>| {
        let history = vec![row(0, State::Started)];
        plan(
            &SET,
            Dialect::MariaDb,
            &Recorded { history, journal },
            &Goal::Up,
        )
    };
    let going_on = of(vec![
        entry(0, true, ""),
        entry(1, true, "CREATE TABLE a (id INT)"),
    ]);
    let going_on = going_on.expect("a plan");
    assert_eq!((going_on.steps.len(), going_on.steps[0].done), (3, 1));
    let changed = of(vec![
        entry(0, true, ""),
        entry(1, true, "CREATE TABLE z (id INT)"),
    ]);
    let error = changed.expect_err("another text");
    assert!(
        error
            .to_string()
            .contains("statement 1, which took effect, has another text"),
        "{error}"
    );
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
    let bare = right.checksum.trim_start_matches("v2:").to_owned();
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
        let error = plan_in(&SET, &[unknown], Goal::Up).expect_err("nothing is applied");
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
    assert!(plan_in(&SET, &[right], Goal::Up).is_ok());
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
    let error = plan_in(&SET, &[row(1, State::Applied)], Goal::Up).expect_err("out of order");
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

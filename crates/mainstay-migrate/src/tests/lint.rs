use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mainstay::schema::Dialect::{self, MariaDb, MySql, Postgres, Sqlite};

use super::rules::{self, Rule};
use super::*;

pub(super) fn source(dialect: Dialect, version: &str, up: &str) -> Source {
    Source {
        dialect,
        version: version.to_owned(),
        name: "step".to_owned(),
        path: format!("migrations/{version}_step/up.{}.sql", dialect.slug()),
        up: up.to_owned(),
        down: Some("SELECT 1".to_owned()),
    }
}

pub(super) fn found(dialect: Dialect, up: &str) -> Report {
    lint(&[source(dialect, "2", up)], &Options::default())
}

pub(super) fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.rule).collect()
}

/// The dialects that a dialect's examples stand for.
fn stands_for(dialect: Dialect, rule: &Rule) -> Vec<Dialect> {
    let same = rule.dialects.iter().filter(|d| d.slug() == dialect.slug());
    same.copied().collect()
}

/// Rules that say the same on every dialect need no example on each.
const SAME_EVERYWHERE: [&str; 6] = [
    "missing-down",
    "unreadable-text",
    "wrong-directive",
    "ignore-without-reason",
    "ignore-unknown-rule",
    "ignore-unused",
];

#[test]
fn every_rule_has_examples_that_it_finds_and_passes_over() {
    assert!(rules::all().count() >= 25);
    for rule in rules::all() {
        let slugs = |dialects: &mut dyn Iterator<Item = Dialect>| {
            dialects.map(Dialect::slug).collect::<BTreeSet<_>>()
        };
        let shown = slugs(&mut rule.examples.iter().map(|example| example.dialect));
        let wanted = slugs(&mut rule.dialects.iter().copied());
        assert!(!shown.is_empty(), "{} has no example", rule.id);
        if !SAME_EVERYWHERE.contains(&rule.id) {
            assert_eq!(shown, wanted, "{} lacks an example", rule.id);
        }
        for example in rule.examples {
            assert!(rule.holds_for(example.dialect), "{}", rule.id);
            for dialect in stands_for(example.dialect, rule) {
                let of = |text: &str| {
                    let all = reference::findings(example, dialect, text);
                    all.into_iter()
                        .filter(|f| f.rule == rule.id)
                        .collect::<Vec<_>>()
                };
                let hits = of(example.fires);
                assert_eq!(
                    hits.len(),
                    1,
                    "{} on {dialect:?}: {}",
                    rule.id,
                    example.fires
                );
                assert!(!hits[0].message.is_empty() && !hits[0].rewrite.is_empty());
                assert!(hits[0].line >= 1);
                let passed = of(example.passes);
                assert!(passed.is_empty(), "{} on {dialect:?}: {passed:#?}", rule.id);
            }
        }
    }
}

#[test]
fn rules_are_well_formed() {
    let mut seen = BTreeSet::new();
    for rule in rules::all() {
        let fits = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(rule.id.chars().all(fits), "{}", rule.id);
        assert!(seen.insert(rule.id), "{} is there twice", rule.id);
        assert!(rule.why.ends_with('.'), "{}", rule.id);
        assert!(!rule.summary.ends_with('.'), "{}", rule.id);
        assert!(rule.source.is_none_or(|url| url.starts_with("https://")));
        assert!(!rule.dialects.is_empty());
        assert_eq!(rules::find(rule.id).map(|found| found.id), Some(rule.id));
    }
}

fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("two folders up").to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_page_of_rules_is_made_from_them() {
    let path = repository().join("docs/lint-rules.md");
    let page = reference::markdown();
    if std::env::var_os("MAINSTAY_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    assert!(
        read(&path) == page,
        "docs/lint-rules.md is out of date: run this test with MAINSTAY_WRITE_DOCS=1"
    );
}

/// Questlog's own migration in each dialect.
fn questlog() -> Vec<Source> {
    let folder = repository().join("apps/questlog/migrations/20260101000000_init");
    let of = |dialect: Dialect| Source {
        dialect,
        version: "20260101000000".to_owned(),
        name: "init".to_owned(),
        path: format!("20260101000000_init/up.{}.sql", dialect.slug()),
        up: read(&folder.join(format!("up.{}.sql", dialect.slug()))),
        down: Some(read(&folder.join(format!("down.{}.sql", dialect.slug())))),
    };
    Dialect::ALL.into_iter().map(of).collect()
}

#[test]
fn the_first_migration_of_an_application_raises_no_alarm() {
    for source in questlog() {
        let report = lint(std::slice::from_ref(&source), &Options::default());
        assert_eq!(report.findings, [], "{:?}", source.dialect);
        assert_eq!(report.migrations, 1);
        assert!(!report.has_errors());
    }
    // The same tables changed later do.
    let mut later = questlog();
    later.push(source(
        Postgres,
        "20260201000000",
        "CREATE INDEX a ON goals (status)",
    ));
    let report = lint(&later, &Options::default());
    assert!(ids(&report).contains(&"index-not-concurrent"));
    assert!(report.has_errors());
}

#[test]
fn earlier_migrations_are_read_and_not_reported() {
    let first = source(
        Postgres,
        "1",
        "CREATE TABLE a (id serial PRIMARY KEY, b varchar(10));",
    );
    let widen = "-- mainstay: lock-timeout 1s\nALTER TABLE a ALTER b TYPE varchar(20);";
    let second = source(Postgres, "2", widen);
    let after = Options {
        after: Some("1"),
        ..Options::default()
    };
    let both = [first, second];
    assert_eq!(
        ids(&lint(&both, &Options::default())),
        ["serial-type", "int-primary-key"]
    );
    let report = lint(&both, &after);
    assert_eq!(ids(&report), Vec::<&str>::new());
    assert_eq!(report.migrations, 1);
    // However many dialects it has, it is one migration.
    let dialects = [source(Postgres, "2", widen), source(Sqlite, "2", widen)];
    assert_eq!(lint(&dialects, &after).migrations, 1);
    // Without the first, nothing is known of the column.
    assert_eq!(ids(&lint(&both[1..], &after)), ["change-column-type"]);
}

#[test]
fn a_directive_ignores_one_rule_in_one_statement_with_its_reason() {
    let ignore = "-- mainstay: ignore drop-table because nobody reads it\n";
    let report = found(MariaDb, &format!("{ignore}DROP TABLE a;"));
    assert_eq!(ids(&report), Vec::<&str>::new());
    assert_eq!(report.ignored.len(), 1);
    assert_eq!(report.ignored[0].reason, "nobody reads it");
    assert_eq!(report.ignored[0].finding.line, 2);

    // Only the statement behind it.
    let report = found(Sqlite, &format!("{ignore}DROP TABLE a;\nDROP TABLE b;"));
    assert_eq!(ids(&report), ["drop-table"]);
    assert_eq!(report.findings[0].line, 3);
    // Inside of it is as good.
    let report = found(Sqlite, &format!("DROP TABLE\n{ignore}a;"));
    assert_eq!(ids(&report), Vec::<&str>::new());
    // In quotes it is none.
    let report = found(
        Sqlite,
        &format!("DELETE FROM b WHERE a = '\n{ignore}'; DROP TABLE a;"),
    );
    assert_eq!(ids(&report), ["drop-table"]);
}

#[test]
fn directives_are_looked_at_themselves() {
    let of = |text: &str| {
        let report = found(Postgres, text);
        let pairs = report.findings.iter().map(|f| (f.rule, f.line));
        pairs.collect::<Vec<_>>()
    };
    let without = "-- mainstay: ignore drop-schema\nDROP SCHEMA a;";
    assert_eq!(
        of(without),
        [("drop-schema", 2), ("ignore-without-reason", 1)]
    );
    let unknown = "-- mainstay: ignore drop-skema because x\nDROP SCHEMA a;";
    assert_eq!(
        of(unknown),
        [("drop-schema", 2), ("ignore-unknown-rule", 1)]
    );
    assert_eq!(
        of("SELECT 1;\n-- mainstay: ignore"),
        [("ignore-unknown-rule", 2)]
    );
    let unused = "SELECT 1;\n-- mainstay: ignore drop-schema because x";
    assert_eq!(of(unused), [("ignore-unused", 2)]);
    // A rule of another dialect may be meant for the text's other uses.
    assert_eq!(
        of("-- mainstay: ignore table-not-strict because x\nSELECT 1"),
        []
    );
    // So may one that needs entities, where there are none.
    assert_eq!(
        of("-- mainstay: ignore used-by-entity because x\nSELECT 1"),
        []
    );
}

fn rows(numbers: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let numbers = numbers.iter();
    numbers
        .map(|(name, number)| ((*name).to_owned(), *number))
        .collect()
}

#[test]
fn findings_are_weighed_by_the_number_of_rows() {
    let index = "CREATE INDEX goals_title_idx ON public.goals (title);\n\
                 ALTER TABLE goals ADD COLUMN rank integer NOT NULL;";
    let weighed = |numbers: &[(&str, u64)]| {
        let rows = rows(numbers);
        let options = Options {
            rows: Some(&rows),
            ..Options::default()
        };
        lint(&[source(Postgres, "2", index)], &options)
    };
    let severities = |report: &Report| {
        let wanted = ["index-not-concurrent", "add-required-column"];
        let chosen = report.findings.iter().filter(|f| wanted.contains(&f.rule));
        chosen.map(|f| f.severity).collect::<Vec<_>>()
    };
    let large = weighed(&[("goals", 1_234_567)]);
    assert_eq!(severities(&large), [Severity::Error, Severity::Error]);
    let first = &large.findings[0];
    assert!(
        first.message.ends_with("; goals has about 1,200,000 rows"),
        "{}",
        first.message
    );
    assert_eq!(first.rows, Some(1_234_567));
    assert_eq!(first.table.as_deref(), Some("goals"));
    // What fails on the first row does not matter less on a small table.
    let small = weighed(&[("goals", 9_999)]);
    assert_eq!(severities(&small), [Severity::Note, Severity::Error]);
    assert!(small.findings[0].message.contains("9,900 rows"));
    assert_eq!(
        severities(&weighed(&[("goals", 10_000)]))[0],
        Severity::Error
    );
    assert_eq!(severities(&weighed(&[("goals", 0)])), []);
    // Nothing is known of the table.
    let unknown = weighed(&[("users", 5)]);
    assert_eq!(severities(&unknown), [Severity::Error, Severity::Error]);
    assert_eq!(unknown.findings[0].rows, None);

    // A reason given still counts where the number of rows makes it needless.
    let rows = rows(&[("goals", 0)]);
    let options = Options {
        rows: Some(&rows),
        ..Options::default()
    };
    let text = "-- mainstay: ignore index-not-concurrent because it is small\n\
                CREATE INDEX goals_title_idx ON goals (title);";
    assert_eq!(
        ids(&lint(&[source(Postgres, "2", text)], &options)),
        Vec::<&str>::new()
    );
}

#[test]
fn a_text_for_several_dialects_is_reported_once() {
    let shared = |dialect: Dialect| Source {
        path: "migrations/2_step/up.sql".to_owned(),
        ..source(dialect, "2", "DROP TABLE a;")
    };
    let sources = [
        shared(Sqlite),
        shared(Postgres),
        shared(MariaDb),
        shared(MySql),
    ];
    let report = lint(&sources, &Options::default());
    assert_eq!(ids(&report), ["drop-table", "missing-lock-timeout"]);
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_line() {
    let mut broken = source(Postgres, "2", "SELECT 1;\n\nSELECT 'a;");
    broken.down = Some("\nDROP TABLE /* a".to_owned());
    let report = lint(&[broken], &Options::default());
    assert_eq!(ids(&report), ["unreadable-text", "unreadable-text"]);
    assert_eq!(report.findings[0].line, 3);
    assert!(report.findings[1].message.contains("line 2"));
}

#[test]
fn a_set_of_migrations_is_a_list_of_sources() {
    use crate::{Migration, MigrationSet, PerDialect};
    static STEPS: &[Migration] = &[Migration {
        version: "20260101000000",
        name: "first",
        up: PerDialect {
            sqlite: "a",
            postgres: "b",
            mysql: "c",
        },
        down: None,
    }];
    let sources = Source::of_set(&MigrationSet::new(STEPS), MySql, "migrations");
    let sources = sources.expect("they have a text");
    assert_eq!(sources.len(), 1);
    assert_eq!(
        sources[0].path,
        "migrations/20260101000000_first/up.mysql.sql"
    );
    assert_eq!((sources[0].up.as_str(), &sources[0].down), ("c", &None));
}

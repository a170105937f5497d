use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mainstay::schema::Dialect::{self, MariaDb, MySql, Postgres, Sqlite};
use proptest::prelude::*;

use super::rules::{self, Rule};
use super::*;

fn source(dialect: Dialect, version: &str, up: &str) -> Source {
    Source {
        dialect,
        version: version.to_owned(),
        name: "step".to_owned(),
        path: format!("migrations/{version}_step/up.{}.sql", dialect.slug()),
        up: up.to_owned(),
        down: Some("SELECT 1".to_owned()),
    }
}

fn found(dialect: Dialect, up: &str) -> Report {
    lint(&[source(dialect, "2", up)], &Options::default())
}

fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.rule).collect()
}

/// The dialects that a dialect's examples stand for.
fn stands_for(dialect: Dialect, rule: &Rule) -> Vec<Dialect> {
    let same = rule.dialects.iter().filter(|d| d.slug() == dialect.slug());
    same.copied().collect()
}

/// Rules that say the same on every dialect need no example on each.
const SAME_EVERYWHERE: [&str; 5] = [
    "missing-down",
    "unreadable-text",
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
fn the_text_of_a_report_says_what_where_why_and_what_instead() {
    let text = found(Postgres, "\nCREATE INDEX a\n  ON goals (b);").text();
    for part in [
        "migrations/2_step/up.postgres.sql\n",
        "  line 2: error [index-not-concurrent]\n",
        "    CREATE INDEX a ON goals (b)\n",
        "    why: CREATE INDEX holds a SHARE lock",
        "    instead:\n      -- mainstay: no-transaction\n      CREATE INDEX CONCURRENTLY a\n",
        "1 migration looked at: 1 error, 1 warning\n",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert_eq!(
        Report::default().text(),
        "0 migrations looked at: 0 errors, 0 warnings\n"
    );
}

#[test]
fn the_json_of_a_report_has_all_of_it() {
    let ignored = "-- mainstay: ignore drop-schema because x\nDROP SCHEMA a;\nDROP SCHEMA b;";
    let json = found(Postgres, ignored).json().expect("plain data");
    let value: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!(value["findings"][0]["rule"], "drop-schema");
    assert_eq!(value["findings"][0]["severity"], "error");
    assert_eq!(value["findings"][0]["line"], 3);
    assert_eq!(value["ignored"][0]["reason"], "x");
    assert_eq!(value["migrations"], 1);
}

#[test]
fn the_sarif_log_has_what_its_schema_asks_for() {
    let text = "-- mainstay: ignore drop-schema because x\nDROP SCHEMA a;\nDROP SCHEMA b;";
    let log = sarif::log(&found(Postgres, text));
    assert_eq!(log["version"], "2.1.0");
    assert!(
        log["$schema"]
            .as_str()
            .is_some_and(|url| url.contains("sarif-2.1.0"))
    );
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "mainstay");
    let rules = driver["rules"].as_array().expect("a list of rules");
    assert_eq!(rules.len(), rules::all().count());
    for rule in rules {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string());
        let level = rule["defaultConfiguration"]["level"].as_str();
        assert!(level.is_some_and(|level| ["error", "warning"].contains(&level)));
    }
    let results = run["results"].as_array().expect("a list of results");
    assert_eq!(results.len(), 2);
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("a number") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(result["level"], "error");
        assert!(
            result["message"]["text"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"]["uri"],
            "migrations/2_step/up.postgres.sql"
        );
        assert!(
            place["region"]["startLine"]
                .as_u64()
                .is_some_and(|line| line >= 1)
        );
    }
    assert_eq!(results[0].get("suppressions"), None);
    assert_eq!(results[1]["suppressions"][0]["kind"], "inSource");
    assert_eq!(results[1]["suppressions"][0]["justification"], "x");
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
    assert_eq!(sources.len(), 1);
    assert_eq!(
        sources[0].path,
        "migrations/20260101000000_first/up.mysql.sql"
    );
    assert_eq!((sources[0].up.as_str(), &sources[0].down), ("c", &None));
}

/// Cases beyond the examples that stand in the page: a dialect, an earlier migration, the text, and
/// all that is found in it.
const CASES: &[(Dialect, &str, &str, &[&str])] = &[
    // New tables are nobody's yet, whatever is done to them.
    (
        Postgres,
        "",
        "CREATE TABLE a (id uuid PRIMARY KEY, b text); CREATE INDEX i ON a (b); \
         ALTER TABLE a ADD c uuid NOT NULL DEFAULT gen_random_uuid(); UPDATE a SET b = ''; \
         ALTER TABLE a ADD UNIQUE (b), ALTER b SET NOT NULL, ALTER b TYPE varchar(3), DROP c;",
        &[],
    ),
    // An identity column on a table in use, with all that comes with it.
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY);",
        "-- mainstay: lock-timeout 5s\nALTER TABLE a ADD n bigserial NOT NULL;",
        &["add-column-rewrites", "serial-type"],
    ),
    // The way that the rules themselves recommend.
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY, b text);\n\
         ALTER TABLE a ADD CONSTRAINT b_set CHECK (b IS NOT NULL) NOT VALID;",
        "-- mainstay: lock-timeout 5s\nALTER TABLE a ALTER COLUMN b SET NOT NULL;",
        &["set-not-null"],
    ),
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY, b text);\n\
         ALTER TABLE a ADD CONSTRAINT b_set CHECK ((\"b\" IS NOT NULL)) NOT VALID;\n\
         ALTER TABLE a VALIDATE CONSTRAINT b_set;",
        "-- mainstay: lock-timeout 5s\nALTER TABLE a ALTER COLUMN b SET NOT NULL, \
         DROP CONSTRAINT b_set;",
        &[],
    ),
    (
        Postgres,
        "",
        "ALTER TABLE a VALIDATE CONSTRAINT b;",
        &["missing-lock-timeout"],
    ),
    // A limit set by hand.
    (
        Postgres,
        "",
        "SET LOCAL lock_timeout = '2s'; ALTER TABLE a ADD b integer;",
        &[],
    ),
    // The index is built first, and its foreign key comes two steps later.
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY, b uuid);",
        "-- mainstay: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS a_b_idx;\n\
         CREATE INDEX CONCURRENTLY a_b_idx ON a (b);",
        &[],
    ),
    // An index over both columns of a key, in any order; one over only the first does not do.
    (
        Postgres,
        "",
        "CREATE TABLE a (id uuid PRIMARY KEY, b int, c int, FOREIGN KEY (b, c) REFERENCES d (b, c));\n\
         CREATE INDEX i ON a (c, b);",
        &[],
    ),
    (
        Postgres,
        "",
        "CREATE TABLE a (id uuid PRIMARY KEY, b int, c int, FOREIGN KEY (b, c) REFERENCES d (b, c));\n\
         CREATE INDEX i ON a (b) WHERE c > 0;",
        &["foreign-key-without-index"],
    ),
    // Temporary tables concern nobody.
    (
        Postgres,
        "",
        "CREATE TEMP TABLE a AS SELECT 1; DELETE FROM a; DROP TABLE a;",
        &[],
    ),
    // A stored procedure's body is not the migration's.
    (
        Postgres,
        "",
        "CREATE FUNCTION f() RETURNS void AS $$ BEGIN DELETE FROM a; DROP TABLE b; END $$ \
         LANGUAGE plpgsql;",
        &[],
    ),
    (
        Sqlite,
        "",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; UPDATE c SET d = 1; END;",
        &[],
    ),
    // A WHERE within parentheses limits nothing.
    (
        Postgres,
        "",
        "UPDATE a SET b = (SELECT max(c) FROM d WHERE e = 1);",
        &["write-without-where"],
    ),
    (
        Postgres,
        "",
        "WITH d AS (SELECT 1) DELETE FROM a USING d WHERE a.id = 1;",
        &[],
    ),
    // MariaDB: a migration with one change, of the kind that takes no time.
    (
        MariaDb,
        "CREATE TABLE a (id BIGINT PRIMARY KEY, b VARCHAR(10));",
        "ALTER TABLE a ADD COLUMN c INT NOT NULL DEFAULT 0, ADD INDEX b_idx (b), ALTER b SET DEFAULT 'x';",
        &[],
    ),
    (
        MariaDb,
        "CREATE TABLE a (id BIGINT PRIMARY KEY, b VARCHAR(10) NOT NULL);",
        "ALTER TABLE a CHANGE COLUMN b c VARCHAR(60) NOT NULL COMMENT 'renamed';",
        &["rename-column"],
    ),
    // Crossing 255 bytes takes a second byte for the length.
    (
        MySql,
        "CREATE TABLE a (id BIGINT PRIMARY KEY, b VARCHAR(10) NOT NULL);",
        "ALTER TABLE a MODIFY b VARCHAR(100) NOT NULL;",
        &["change-column-copies-table"],
    ),
    (
        MariaDb,
        "",
        "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id), ALGORITHM=INPLACE;",
        &[],
    ),
    (
        MariaDb,
        "",
        "CREATE TABLE a (id INT PRIMARY KEY, b TIMESTAMP, c SET('x','y')) ENGINE=Aria CHARSET latin1;",
        &[
            "timestamp-type",
            "int-primary-key",
            "enum-type",
            "legacy-charset",
            "engine-not-innodb",
        ],
    ),
    // SQLite: a column with a check may be added; one in parentheses that is a constant too.
    (
        Sqlite,
        "CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT;",
        "ALTER TABLE a ADD COLUMN b INTEGER NOT NULL DEFAULT (1) CHECK (b > 0);",
        &[],
    ),
    (
        Sqlite,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT) STRICT; CREATE INDEX i ON a (b);",
        "-- mainstay: ignore drop-column because it was never filled\nALTER TABLE a DROP COLUMN b;",
        &["alter-needs-rebuild"],
    ),
    (
        Sqlite,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT) STRICT; CREATE INDEX i ON a (b);",
        "DROP INDEX i;\n-- mainstay: ignore drop-column because it was never filled\n\
         ALTER TABLE a DROP COLUMN b;",
        &[],
    ),
    // A virtual table has its own ways.
    (Sqlite, "", "CREATE VIRTUAL TABLE a USING fts5 (b);", &[]),
];

#[test]
fn cases_beyond_the_examples() {
    for (dialect, before, text, expected) in CASES {
        let sources = [source(*dialect, "1", before), source(*dialect, "2", text)];
        let options = Options {
            after: Some("1"),
            ..Options::default()
        };
        let report = lint(&sources, &options);
        assert_eq!(ids(&report), *expected, "{dialect:?}: {text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_looked_at_without_panic(words in proptest::collection::vec(
        "ALTER|TABLE|CREATE|INDEX|ADD|COLUMN|DROP|a|\"b\"|\\(|\\)|,|;|NOT|NULL|DEFAULT|KEY|PRIMARY|\
         FOREIGN|REFERENCES|CHECK|UNIQUE|ON|USING|TYPE|SET|RENAME|TO|MODIFY|1|'x'|\\.|=|LIKE|AS|\
         CONSTRAINT|GENERATED|ALWAYS|IDENTITY|UPDATE|DELETE|FROM|WHERE|IF|EXISTS|CONCURRENTLY", 0..30)) {
        let text = words.join(" ");
        for dialect in Dialect::ALL {
            let report = found(dialect, &text);
            prop_assert_eq!(report.migrations, 1);
            prop_assert!(sarif::log(&report)["runs"].is_array());
        }
    }
}

use mainstay::schema::Dialect::{MariaDb, Postgres, Sqlite};

use super::*;

fn read(text: &str) -> Directives {
    directives(Postgres, text).expect("valid directives")
}

fn refusal(text: &str) -> TextError {
    directives(Postgres, text).expect_err("must be refused")
}

#[test]
fn each_directive_is_read() {
    let found = read(
        "-- mainstay: no-transaction\n\
         --mainstay:lock-timeout 500ms\n\
         SELECT 1; -- mainstay: statement-timeout 2min\n\
         -- mainstay: irreversible because the old   values are gone\n\
         -- mainstay: replaces 20260101000000..20260301000000\n\
         -- mainstay: ignore rename-column because the old release is off\n\
         -- mainstay: rebuild goals\n",
    );
    assert!(found.no_transaction);
    assert_eq!(found.lock_timeout, Some(Duration::from_millis(500)));
    assert_eq!(found.statement_timeout, Some(Duration::from_secs(120)));
    assert_eq!(
        found.irreversible.as_deref(),
        Some("the old values are gone")
    );
    assert_eq!(found.rebuild, ["goals"]);
    let replaces = found.replaces.expect("it replaces some");
    assert!(replaces.covers("20260201000000") && replaces.covers("20260301000000"));
    assert!(!replaces.covers("20260301000001") && !replaces.covers("20251231000000"));
    let [ignore] = found.ignores.as_slice() else {
        panic!("one is to be passed over");
    };
    assert_eq!((ignore.rule.as_str(), ignore.line), ("rename-column", 6));
}

#[test]
fn times_have_the_units_of_the_configuration() {
    for (text, seconds) in [
        ("90s", 90),
        ("2m", 120),
        ("2min", 120),
        ("2 min", 120),
        ("1h", 3600),
        ("1d", 86_400),
    ] {
        let found = read(&format!("-- mainstay: lock-timeout {text}"));
        let limit = Some(Duration::from_secs(seconds));
        assert_eq!(found.lock_timeout, limit, "{text}");
    }
}

#[test]
fn what_is_wrong_does_not_hide_what_is_right() {
    let text = "-- mainstay: lock-timout 5s\n-- mainstay: rebuild \"Goals\"\n\
                -- mainstay: ignore a-rule\n-- mainstay: ignore";
    let found = placed(Postgres, text).expect("the text can be read");
    let lines: Vec<usize> = found.iter().map(|placed| placed.line).collect();
    assert_eq!(lines, [1, 2, 3, 4]);
    assert!(
        found[0]
            .directive
            .as_ref()
            .is_err_and(|what| what.contains("lock-timout"))
    );
    let rebuild = Directive::Rebuild("Goals".to_owned());
    assert_eq!(found[1].directive.as_ref(), Ok(&rebuild));
    let ignore = |rule: &str| Directive::Ignore {
        rule: rule.to_owned(),
        reason: None,
    };
    assert_eq!(found[2].directive.as_ref(), Ok(&ignore("a-rule")));
    assert_eq!(found[3].directive.as_ref(), Ok(&ignore("")));
}

#[test]
fn other_comments_and_quoted_text_are_left_alone() {
    for text in [
        "-- a comment",
        "-- mainstay reads this file",
        "-- mainstays: of the economy",
        "SELECT '-- mainstay: nonsense'",
        "/* of mainstay: nothing */",
        "",
    ] {
        assert_eq!(read(text), Directives::default(), "{text}");
    }
    // MariaDB reads dashes as a comment only before white space.
    let text = "SELECT 1--mainstay: nonsense";
    assert!(directives(MariaDb, text).is_ok());
    assert!(directives(Sqlite, text).is_err());
}

#[test]
fn what_is_misspelt_is_refused_with_its_line() {
    let cases = [
        ("-- mainstay: no-transactions", "there is no directive"),
        ("-- mainstay: no-transaction please", "stands alone"),
        ("-- mainstay no-transaction", "with a colon"),
        ("/* mainstay: no-transaction */", "-- mainstay:"),
        ("-- mainstay: lock-timeout", "takes a time"),
        ("-- mainstay: lock-timeout 5", "takes a time"),
        ("-- mainstay: lock-timeout 0s", "takes a time"),
        ("-- mainstay: lock-timeout 2days", "takes a time"),
        ("-- mainstay: lock-timeout 2d", "takes a time"),
        ("-- mainstay: lock-timeout min", "takes a time"),
        (
            "-- mainstay: statement-timeout 99999999999999999999h",
            "takes a time",
        ),
        ("-- mainstay: irreversible", "needs a reason"),
        ("-- mainstay: irreversible because", "needs a reason"),
        ("-- mainstay: ignore", "names a rule"),
        ("-- mainstay: ignore a-rule", "needs a reason"),
        ("-- mainstay: ignore a-rule because", "needs a reason"),
        (
            "-- mainstay: ignore because nobody reads it",
            "names a rule",
        ),
        ("-- mainstay: ignore a b because c", "names a rule"),
        ("-- mainstay: rebuild", "names one table"),
        ("-- mainstay: rebuild a b", "names one table"),
        ("-- mainstay: replaces 1..2", "FIRST..LAST"),
        (
            "-- mainstay: replaces 20260201000000..20260101000000",
            "FIRST..LAST",
        ),
        ("-- mainstay:", "there is no directive"),
        (
            "-- mainstay: no-transaction\n-- mainstay: no-transaction",
            "stands twice",
        ),
    ];
    for (text, said) in cases {
        let error = refusal(&format!("SELECT 1;\n{text}"));
        let line = 1 + text.lines().count();
        assert_eq!(error.line, line, "{text}");
        assert!(error.what.contains(said), "{text}: {}", error.what);
    }
}

#[test]
fn what_changes_the_run_counts_in_the_fingerprint() {
    let counted = |text: &str| read(text).in_checksum();
    assert_eq!(
        counted("-- mainstay: lock-timeout 5s"),
        counted("--   mainstay:   lock-timeout   5000ms")
    );
    assert_ne!(
        counted("-- mainstay: lock-timeout 5s"),
        counted("-- mainstay: lock-timeout 6s")
    );
    assert!(counted("-- mainstay: ignore a because b").is_empty());
    assert_eq!(counted("-- mainstay: no-transaction"), ["no-transaction"]);
}

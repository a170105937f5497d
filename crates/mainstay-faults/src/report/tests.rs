//! Rows made up by hand, and what is said of them.

use super::*;

fn report() -> Report {
    let row = Row {
        fault: "reset".into(),
        title: "Connections are reset".into(),
        engine: "PostgreSQL".into(),
        layer: MAINSTAY.into(),
        saw: BTreeMap::from([(OK.to_owned(), 7), ("CONNECTION_LOST".to_owned(), 9)]),
        recovery_ms: Some(1200),
        untrue: 2,
        details: vec!["reported failed but present: Create of x".into()],
        ..Row::default()
    };
    Report {
        seed: 1,
        quick: true,
        rows: vec![row],
    }
}

#[test]
fn a_violation_is_listed_with_what_it_is_about() {
    let lines = report().violations();
    assert_eq!(
        lines[0],
        "reset on PostgreSQL: reported failed but present: 2"
    );
    assert!(lines[1].contains("Create of x"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn an_outcome_may_be_unknown_only_where_something_was_cut() {
    let mut report = report();
    report.rows[0].unknown.others = 3;
    let said = |report: &Report| {
        report
            .violations()
            .join("\n")
            .contains("nothing was cut: 3")
    };
    assert!(said(&report));
    report.rows[0].cuts = true;
    assert!(!said(&report));
}

#[test]
fn a_fault_after_which_nothing_works_fails() {
    let mut report = report();
    report.rows[0].recovery_ms = None;
    assert!(
        report
            .violations()
            .iter()
            .any(|line| line.contains("did not return"))
    );
}

#[test]
fn late_service_and_outcomes_that_could_be_known_are_violations() {
    let mut report = report();
    let said = |report: &Report, what: &str| report.violations().join("\n").contains(what);
    assert!(!said(&report, "returned late") && !said(&report, UNSETTLED));
    report.rows[0].recovery_ms = Some(5100);
    report.rows[0].unsettled = 2;
    assert!(said(&report, "returned late: 5.1 s"));
    assert!(said(&report, &format!("{UNSETTLED}: 2")));
}

#[test]
fn a_leak_is_a_violation_unless_it_is_there_for_comparison() {
    let mut report = report();
    report.rows[0].leaked = 1;
    let said = |report: &Report| report.violations().join("\n").contains("leaked: 1");
    assert!(said(&report));
    report.rows[0].keeps_leaks = true;
    assert!(!said(&report));
}

#[test]
fn what_another_layer_shows_is_no_violation_but_an_unfinished_run_is() {
    let mut report = report();
    report.rows[0].layer = "sqlx".into();
    assert_eq!(report.violations(), Vec::<String>::new());
    report.rows[0].broken = Some("no proxy".into());
    assert_eq!(
        report.violations(),
        ["reset on PostgreSQL with sqlx: no proxy"]
    );
    assert!(report.text().contains("Client"), "{}", report.text());
}

#[test]
fn the_tables_have_a_row_per_run() {
    let report = report();
    for text in [report.text(), report.markdown()] {
        let row = text.lines().find(|line| line.contains("are reset"));
        let row = row.expect("the run has its row");
        assert!(
            row.contains("1.2 s") && row.contains("ok 7, CONNECTION_LOST 9"),
            "{row}"
        );
    }
}

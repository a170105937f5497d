use serde_json::json;

use super::results::Results;
use super::{chart, docs, tables, targets};

/// Lines as the measuring program prints them.
fn results() -> Results {
    let mut results = Results::new(json!({"cores": 2, "cpu": "a test", "rustc": ""}));
    for (candidate, rate, p99) in [("raw", 50_000.0, 90.0), ("mainstay", 100_000.0, 120.0)] {
        let line = json!({
            "engine": "postgres", "workload": "point-read", "candidate": candidate, "tasks": 64,
            "durability": "default", "ops_per_s": rate, "p50_us": 8.5, "p99_us": p99,
            "cpu_us_per_op": 12.25,
        });
        results.add(&line.to_string()).unwrap();
    }
    let line = json!({"engine": "sqlite", "workload": "tasks", "label": "4 tasks", "value": 3.0, "unit": "ops/s"});
    results.add(&line.to_string()).unwrap();
    let line = json!({
        "engine": "sqlite", "workload": "rows", "label": "insert, 10000 rows", "ops_per_s": 7654.0,
        "p50_us": 1.0, "p99_us": 2.0, "cpu_us_per_op": 3.0,
    });
    results.add(&line.to_string()).unwrap();
    results
}

#[test]
fn a_file_is_read_back_as_it_was_written() {
    let file = std::env::temp_dir().join(format!("mainstay-xtask-{}.json", std::process::id()));
    let before = results();
    before.write(&file).unwrap();
    let after = Results::read(&file);
    std::fs::remove_file(&file).unwrap();
    let after = after.unwrap();
    assert_eq!(before.cells, after.cells);
    assert_eq!((before.extra, before.machine), (after.extra, after.machine));
}

#[test]
fn what_is_no_result_is_refused_with_its_text() {
    let problem = results().add("{\"engine\": \"sqlite\"}").unwrap_err();
    assert!(problem.contains("sqlite"), "{problem}");
    let problem = results().add("panicked").unwrap_err();
    assert!(problem.contains("'panicked'"), "{problem}");
}

#[test]
fn a_table_says_how_mainstay_compares() {
    let text = tables::text(&results());
    assert!(text.contains("postgres, point-read"), "{text}");
    assert!(text.contains("2.00 x"), "{text}");
    assert!(text.contains("100,000"), "{text}");
    assert!(text.contains("4 tasks"), "{text}");
    assert!(
        text.contains("insert, 10000 rows") && text.contains("7,654"),
        "{text}"
    );
}

#[test]
fn a_target_is_reached_or_missed() {
    let table = targets::table(&results());
    assert_eq!(table.rows.len(), 1);
    assert_eq!(table.rows[0][3..], ["2.00 x", "2.00 x", "reached"]);
    let mut slower = results();
    slower.cells[1].ops_per_s = 99_000.0;
    assert_eq!(targets::table(&slower).rows[0][4..], ["1.98 x", "MISSED"]);
}

#[test]
fn the_page_keeps_what_is_written_by_hand() {
    let section = docs::section(&results());
    let page = "# Speed\n<!-- results: written by `cargo xtask bench --write-docs` -->\nold\n\
                <!-- end of the results -->\nafter\n";
    let new = docs::replaced(page, &section).unwrap();
    assert!(
        new.starts_with("# Speed\n") && new.ends_with("-->\nafter\n"),
        "{new}"
    );
    assert!(!new.contains("\nold\n") && new.contains("| raw |"), "{new}");
    assert_eq!(docs::replaced(&new, &section).unwrap(), new);
    assert!(docs::replaced("# Speed\n", &section).is_err());
}

#[test]
fn the_picture_has_a_bar_for_each_candidate() {
    let svg = chart::svg(&results());
    assert_eq!(svg.matches("<rect").count(), 3, "{svg}");
    assert!(svg.contains(">raw<") && svg.contains(">mainstay<"), "{svg}");
}

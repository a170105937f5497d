use mainstay::schema::Dialect::Postgres;

use super::tests::found;
use super::{Report, rules, sarif};

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

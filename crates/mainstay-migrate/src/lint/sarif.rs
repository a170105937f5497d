//! A report as SARIF 2.1.0, which code hosts show beside the lines of a change.

use serde_json::{Value, json};

use super::report::{Finding, Report};
use super::rules::{self, Rule};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The report as a SARIF log of one run. Paths are taken as relative to the repository's root.
///
/// ```
/// use mainstay_migrate::lint::{Options, lint, sarif};
///
/// let log = sarif::log(&lint(&[], &Options::default()));
/// assert_eq!(log["version"], "2.1.0");
/// ```
pub fn log(report: &Report) -> Value {
    let found = report.findings.iter().map(|finding| result(finding, None));
    let ignored = report
        .ignored
        .iter()
        .map(|ignored| result(&ignored.finding, Some(&ignored.reason)));
    let rules: Vec<Value> = rules::all().map(rule).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mainstay",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "results": found.chain(ignored).collect::<Vec<_>>(),
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    let mut out = json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.why },
        "help": { "text": rule.rewrite },
        "defaultConfiguration": { "level": rule.severity.as_str() },
    });
    if let Some(source) = rule.source {
        out["helpUri"] = json!(source);
    }
    out
}

fn result(finding: &Finding, ignored: Option<&str>) -> Value {
    let index = rules::all().position(|rule| rule.id == finding.rule);
    let mut text = format!("{}. {}", finding.message, finding.why);
    if !finding.rewrite.is_empty() {
        text = format!("{text}\n\nInstead:\n{}", finding.rewrite);
    }
    let mut out = json!({
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity.as_str(),
        "message": { "text": text },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&finding.path) },
                "region": { "startLine": finding.line },
            },
        }],
    });
    if let Some(reason) = ignored {
        out["suppressions"] = json!([{ "kind": "inSource", "justification": reason }]);
    }
    out
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut out = String::with_capacity(path.len());
    for byte in path.trim_start_matches("./").bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("./a/b c.sql"), "a/b%20c.sql");
        assert_eq!(uri("a\\é:1.sql"), "a/%C3%A9%3A1.sql");
    }
}

//! The page about all rules, made from the rules themselves.

use std::fmt::Write as _;

use mainstay::schema::{Automatic, ColumnModel, Dialect, TableModel, TextForm};
use mainstay::value::ColumnType;

use super::report::Finding;
use super::rules::{self, Example, Rule, Weight};
use super::{Options, Source, lint};

const fn column(name: &'static str, ty: ColumnType) -> ColumnModel {
    ColumnModel {
        name,
        field: name,
        ty,
        nullable: false,
        default: None,
        automatic: Automatic::No,
        form: TextForm::Line,
        rules: &[],
    }
}

/// The entity that the examples know.
static NOTES: TableModel = TableModel {
    name: "notes",
    columns: &[
        column("id", ColumnType::I64),
        column("body", ColumnType::Text { max: None }),
    ],
    primary_key: &[0],
    uniques: &[],
    indexes: &[],
    foreign_keys: &[],
    checks: &[],
};

const BEFORE: &str = "20260101000000";

/// What the lint says of a text that follows on an example's earlier migration.
pub(super) fn findings(example: &Example, dialect: Dialect, text: &str) -> Vec<Finding> {
    let source = |version: &str, up: &str| Source {
        dialect,
        version: version.to_owned(),
        name: "example".to_owned(),
        path: format!("{version}_example/up.{}.sql", dialect.slug()),
        up: up.to_owned(),
        down: None,
    };
    let sources = [
        source(BEFORE, example.before),
        source("20260102000000", text),
    ];
    let options = Options {
        entities: &[&NOTES],
        after: Some(BEFORE),
        ..Options::default()
    };
    lint(&sources, &options).findings
}

/// The page, in Markdown.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Rules of `migrate lint`\n\n\
         Made from the rules themselves; a test keeps it so.\n\n\
         - A rule is ignored for one statement by a comment in front of it: \
         `-- mainstay: ignore RULE because REASON`. A directive without a reason, for a rule that \
         is not there, or for one that finds nothing, is a finding of its own.\n\
         - A rule about locks or about rows that are there already says nothing of a table that \
         the same migration makes.\n\
         - With a database at hand, findings are weighed by the number of rows: what the column \
         Rows says \"weighed\" of is a note on a table of fewer than 10,000 rows and nothing on an \
         empty one; \"filled\" is left out on an empty table only.\n\
         - The way down is only looked at for whether it is there and can be read.\n\n\
         | Rule | Severity | Dialects | Rows | Finds |\n|---|---|---|---|---|\n",
    );
    for rule in rules::all() {
        let rows = match rule.weight {
            Weight::Any => "-",
            Weight::Rows => "weighed",
            Weight::Filled => "filled",
        };
        let _ = writeln!(
            out,
            "| [{id}](#{id}) | {} | {} | {rows} | {} |",
            rule.severity.as_str(),
            dialects(rule),
            rule.summary,
            id = rule.id,
        );
    }
    for rule in rules::all() {
        section(&mut out, rule);
    }
    out
}

fn dialects(rule: &Rule) -> String {
    if rule.dialects.len() == Dialect::ALL.len() {
        return "all".to_owned();
    }
    let names: Vec<_> = rule.dialects.iter().map(|dialect| dialect.name()).collect();
    names.join(", ")
}

fn section(out: &mut String, rule: &Rule) {
    let _ = writeln!(out, "\n## {}\n\n{}. {}", rule.id, rule.summary, rule.why);
    if let Some(source) = rule.source {
        let _ = writeln!(out, "See <{source}>.");
    }
    let _ = writeln!(out, "\nWhat to do: {}", ended(rule.rewrite));
    let Some(example) = rule.examples.first() else {
        return;
    };
    let found = findings(example, example.dialect, example.fires);
    let Some(found) = found.into_iter().find(|finding| finding.rule == rule.id) else {
        return;
    };
    let text = if example.before.is_empty() {
        example.fires.to_owned()
    } else {
        format!(
            "-- an earlier migration\n{}\n\n-- this one\n{}",
            example.before, example.fires
        )
    };
    let on = example.dialect.name();
    let _ = writeln!(out, "\nFound on {on}, for instance:\n\n```sql\n{text}\n```");
    let _ = writeln!(out, "\n> {}", found.message);
    if found.rewrite != rule.rewrite {
        let _ = writeln!(out, "\nInstead:\n\n```sql\n{}\n```", found.rewrite);
    }
}

/// A sentence with its end.
fn ended(text: &str) -> String {
    if text.ends_with(['.', ';', '!']) {
        text.to_owned()
    } else {
        format!("`{text}`.")
    }
}

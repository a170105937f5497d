//! Rules about directives and about texts as such. The lint finds these itself, so that they have
//! no check, and no directive passes over them.

use mainstay::schema::Dialect;

use super::rule::{ALL, Example, Rule, Weight};
use crate::lint::context::{Context, Hit};
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[
    &UNREADABLE,
    &WRONG_DIRECTIVE,
    &IGNORE_WITHOUT_REASON,
    &IGNORE_UNKNOWN_RULE,
    &IGNORE_UNUSED,
];

fn nothing(_: &Context<'_>) -> Vec<Hit> {
    Vec::new()
}

pub(in crate::lint) static UNREADABLE: Rule = Rule {
    id: "unreadable-text",
    severity: Severity::Error,
    dialects: ALL,
    summary: "A text that cannot be split into statements",
    why: "A quote, a comment or a body from BEGIN to END does not end, so that the migration \
          cannot be run.",
    source: None,
    rewrite: "Close what the message names.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "",
        fires: "DELETE FROM goals WHERE title = 'it;",
        passes: "DELETE FROM goals WHERE title = 'it';",
    }],
    check: nothing,
};

pub(in crate::lint) static WRONG_DIRECTIVE: Rule = Rule {
    id: "wrong-directive",
    severity: Severity::Error,
    dialects: ALL,
    summary: "A directive that is misspelt, stands twice or says what cannot be",
    why: "The migration is refused when it is to be run, which is late to learn of it.",
    source: None,
    rewrite: "Write the directive as the message says.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "",
        fires: "-- mainstay: lock-timout 5s\nDELETE FROM drafts WHERE title = '';",
        passes: "-- mainstay: lock-timeout 5s\nDELETE FROM drafts WHERE title = '';",
    }],
    check: nothing,
};

pub(in crate::lint) static IGNORE_WITHOUT_REASON: Rule = Rule {
    id: "ignore-without-reason",
    severity: Severity::Error,
    dialects: ALL,
    summary: "A directive that ignores a rule and does not say why",
    why: "Who reads the migration next year needs the reason more than the fact.",
    source: None,
    rewrite: "-- mainstay: ignore RULE because REASON",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "",
        fires: "-- mainstay: ignore drop-table\nDROP TABLE drafts;",
        passes: "-- mainstay: ignore drop-table because nothing was ever stored in it\n\
                 DROP TABLE drafts;",
    }],
    check: nothing,
};

pub(in crate::lint) static IGNORE_UNKNOWN_RULE: Rule = Rule {
    id: "ignore-unknown-rule",
    severity: Severity::Error,
    dialects: ALL,
    summary: "A directive that ignores a rule there is not",
    why: "A misspelt name ignores nothing, and looks as if it did.",
    source: None,
    rewrite: "-- mainstay: ignore RULE because REASON",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "",
        fires: "-- mainstay: ignore drop-tables because nothing was ever stored in it\n\
                DROP TABLE drafts;",
        passes: "-- mainstay: ignore drop-table because nothing was ever stored in it\n\
                 DROP TABLE drafts;",
    }],
    check: nothing,
};

pub(in crate::lint) static IGNORE_UNUSED: Rule = Rule {
    id: "ignore-unused",
    severity: Severity::Warning,
    dialects: ALL,
    summary: "A directive that ignores what is not found",
    why: "It would hide what a later change of the statement brings.",
    source: None,
    rewrite: "Remove the directive, or put it in front of the statement it is about.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "",
        fires: "-- mainstay: ignore drop-table because nothing was ever stored in it\n\
                DELETE FROM drafts WHERE title = '';\nDROP TABLE drafts;",
        passes: "DELETE FROM drafts WHERE title = '';\n\
                 -- mainstay: ignore drop-table because nothing was ever stored in it\n\
                 DROP TABLE drafts;",
    }],
    check: nothing,
};

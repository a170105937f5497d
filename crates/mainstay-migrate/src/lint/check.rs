//! All rules over all statements, and the directives that pass over what they find.

use std::collections::BTreeSet;

use mainstay::schema::Dialect;

use super::context::{Context, Hit};
use super::known::Known;
use super::report::{Finding, Ignored, Report};
use super::rules::{self, Rule};
use super::script::Script;
use super::weigh::weigh;
use super::{Options, Source};
use crate::directive::{Directive, Placed, placed};
use crate::split::SplitError;

/// Looks over migrations, given oldest first. Those of several dialects may be mixed: each dialect
/// is looked at by itself.
///
/// ```
/// use mainstay::schema::Dialect;
/// use mainstay_migrate::lint::{Options, Source, lint};
///
/// let source = Source {
///     dialect: Dialect::MariaDb,
///     version: "20260101000000".to_owned(),
///     name: "drop_notes".to_owned(),
///     path: "migrations/20260101000000_drop_notes/up.mysql.sql".to_owned(),
///     up: "DROP TABLE notes;".to_owned(),
///     down: Some("CREATE TABLE notes (id BIGINT PRIMARY KEY);".to_owned()),
/// };
/// let report = lint(&[source], &Options::default());
/// assert_eq!(report.findings[0].rule, "drop-table");
/// assert_eq!(report.findings[0].line, 1);
/// ```
pub fn lint(sources: &[Source], options: &Options<'_>) -> Report {
    let mut report = Report::default();
    let mut seen: Vec<Dialect> = Vec::new();
    for source in sources {
        if !seen.contains(&source.dialect) {
            seen.push(source.dialect);
        }
    }
    for dialect in seen {
        let of_dialect: Vec<&Source> = sources.iter().filter(|s| s.dialect == dialect).collect();
        lint_dialect(dialect, &of_dialect, options, &mut report);
    }
    let after = options.after;
    let reported = sources.iter().map(|source| source.version.as_str());
    let reported = reported.filter(|version| after.is_none_or(|after| *version > after));
    report.migrations = reported.collect::<BTreeSet<_>>().len();
    // One text for several dialects is looked at once for each.
    let mut kept: Vec<Finding> = Vec::with_capacity(report.findings.len());
    for finding in std::mem::take(&mut report.findings) {
        let same = |other: &Finding| {
            (&other.path, other.line, other.rule, &other.message)
                == (&finding.path, finding.line, finding.rule, &finding.message)
        };
        if !kept.iter().any(same) {
            kept.push(finding);
        }
    }
    report.findings = kept;
    report
}

fn lint_dialect(dialect: Dialect, sources: &[&Source], options: &Options<'_>, report: &mut Report) {
    let scripts: Vec<Result<Script<'_>, SplitError>> = sources
        .iter()
        .map(|source| Script::read(dialect, &source.up))
        .collect();
    let mut end = Known::default();
    for (migration, script) in scripts.iter().enumerate() {
        for step in script.iter().flat_map(|script| &script.steps) {
            end.apply(&step.act, migration);
        }
    }
    let mut known = Known::default();
    for (migration, (source, script)) in sources.iter().zip(&scripts).enumerate() {
        let reported = options
            .after
            .is_none_or(|after| source.version.as_str() > after);
        if reported {
            unreadable(dialect, source, script.as_ref().err(), report);
        }
        let Ok(script) = script else { continue };
        if reported {
            wrong_directives(dialect, source, &script.directives, report);
        }
        let mut passes = Passes::of(script);
        for (at, step) in script.steps.iter().enumerate() {
            let context = Context {
                dialect,
                source,
                script,
                at,
                migration,
                known: &known,
                end: &end,
                entities: options.entities,
            };
            if reported {
                for rule in rules::all().filter(|rule| rule.holds_for(dialect)) {
                    for hit in (rule.check)(&context) {
                        add(&context, rule, hit, &mut passes, options, report);
                    }
                }
            }
            known.apply(&step.act, migration);
        }
        if reported {
            passes.report(dialect, source, script, options, report);
        }
    }
}

/// Adds what a rule found, unless a directive or the number of rows speaks against it.
fn add(
    context: &Context<'_>,
    rule: &'static Rule,
    hit: Hit,
    passes: &mut Passes,
    options: &Options<'_>,
    report: &mut Report,
) {
    let reason = passes.reason(context.at, rule.id);
    let weighed = weigh(rule, &hit, options.rows);
    let Some(weighed) = weighed else { return };
    let statement = &context.step().statement;
    let finding = Finding {
        rule: rule.id,
        severity: weighed.severity,
        path: context.source.path.clone(),
        line: statement.line,
        migration: context.source.label(),
        statement: statement.shown(),
        message: hit.message + &weighed.remark,
        why: rule.why,
        source: rule.source,
        rewrite: hit.rewrite,
        table: hit.table.map(|table| table.name),
        rows: weighed.rows,
    };
    match reason {
        Some(reason) => report.ignored.push(Ignored { finding, reason }),
        None => report.findings.push(finding),
    }
}

/// A finding that no statement's check makes.
fn special(rule: &'static Rule, source: &Source, line: usize, message: String) -> Finding {
    let shown = source.up.lines().nth(line.saturating_sub(1));
    Finding {
        rule: rule.id,
        severity: rule.severity,
        path: source.path.clone(),
        line,
        migration: source.label(),
        statement: shown.unwrap_or_default().trim().to_owned(),
        message,
        why: rule.why,
        source: rule.source,
        rewrite: rule.rewrite.to_owned(),
        table: None,
        rows: None,
    }
}

/// A text that cannot be split: the way up, or the way down.
fn unreadable(dialect: Dialect, source: &Source, up: Option<&SplitError>, report: &mut Report) {
    if let Some(error) = up {
        let message = format!("the text cannot be read: {}", error.what);
        let finding = special(&rules::UNREADABLE, source, error.line, message);
        report.findings.push(finding);
    }
    let down = source.down.as_deref().unwrap_or_default();
    if let Err(error) = Script::read(dialect, down) {
        let message = format!("the text of the way down cannot be read: {error}");
        report
            .findings
            .push(special(&rules::UNREADABLE, source, 1, message));
    }
}

/// Directives that cannot be what is meant, of the way up and of the way down.
fn wrong_directives(dialect: Dialect, source: &Source, up: &[Placed], report: &mut Report) {
    for wrong in up {
        if let Err(what) = &wrong.directive {
            let finding = special(&rules::WRONG_DIRECTIVE, source, wrong.line, what.clone());
            report.findings.push(finding);
        }
    }
    let down = source.down.as_deref().unwrap_or_default();
    for wrong in placed(dialect, down).unwrap_or_default() {
        if let Err(what) = wrong.directive {
            let message = format!("in the way down, line {}: {what}", wrong.line);
            let finding = special(&rules::WRONG_DIRECTIVE, source, 1, message);
            report.findings.push(finding);
        }
    }
}

/// The directives that pass over findings, and which of them did.
struct Passes(Vec<Pass>);

struct Pass {
    step: Option<usize>,
    line: usize,
    rule: String,
    reason: Option<String>,
    used: bool,
}

impl Passes {
    fn of(script: &Script<'_>) -> Self {
        let passes = script.directives.iter().filter_map(|placed| {
            let Ok(Directive::Ignore { rule, reason }) = &placed.directive else {
                return None;
            };
            Some(Pass {
                step: script.step_after(placed),
                line: placed.line,
                rule: rule.clone(),
                reason: reason.clone(),
                used: false,
            })
        });
        Self(passes.collect())
    }

    /// The reason to pass over what a rule finds in a statement, which marks the directive as
    /// used.
    fn reason(&mut self, step: usize, rule: &str) -> Option<String> {
        let mut passes = self.0.iter_mut();
        let pass = passes
            .find(|pass| pass.step == Some(step) && pass.rule == rule && pass.reason.is_some())?;
        pass.used = true;
        pass.reason.clone()
    }

    /// What is wrong with the directives themselves.
    fn report(
        &self,
        dialect: Dialect,
        source: &Source,
        script: &Script<'_>,
        options: &Options<'_>,
        report: &mut Report,
    ) {
        let mut add = |rule, line, message| {
            report.findings.push(special(rule, source, line, message));
        };
        for pass in &self.0 {
            let id = &pass.rule;
            let Some(rule) = rules::find(id) else {
                let message = if id.is_empty() {
                    "the directive names no rule".to_owned()
                } else {
                    format!("there is no rule {id}")
                };
                add(&rules::IGNORE_UNKNOWN_RULE, pass.line, message);
                continue;
            };
            if pass.reason.is_none() {
                let message = "the directive gives no reason, and so ignores nothing".to_owned();
                add(&rules::IGNORE_WITHOUT_REASON, pass.line, message);
                continue;
            }
            // What cannot be found here may well be found elsewhere.
            let looked_for =
                rule.holds_for(dialect) && (!options.entities.is_empty() || !rule.needs_entities);
            if looked_for && !pass.used {
                let place = match pass.step {
                    Some(step) => format!(
                        "in the statement behind it: {}",
                        script.steps[step].statement.shown()
                    ),
                    None => "behind it, where no statement is".to_owned(),
                };
                let message = format!("{id} finds nothing {place}");
                add(&rules::IGNORE_UNUSED, pass.line, message);
            }
        }
    }
}

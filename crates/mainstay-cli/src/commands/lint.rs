//! `migrate lint`: what hurts in production, found in the texts of the migrations.

use std::collections::BTreeMap;
use std::path::Path;

use mainstay::schema::Dialect;
use mainstay::{Database, Schema};
use mainstay_migrate::lint::{self, Report, Severity, Source};
use mainstay_migrate::{Direction, MigrationSet, MigrationState, row_estimates, source, status};
use serde_json::json;

use crate::args::{LintArgs, LintFormat};
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::terminal::Terminal;

/// Where the embedded migrations are, as far as is known.
const FOLDER: &str = "migrations";

/// What a database says of the migrations.
#[derive(Default)]
struct Asked {
    dialect: Option<Dialect>,
    rows: Option<BTreeMap<String, u64>>,
    after: Option<String>,
}

/// Looks over the migrations without a database, and so without a configuration.
pub(crate) fn alone(
    set: &MigrationSet,
    schema: &Schema,
    args: &LintArgs,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    if args.rules {
        terminal.print(&rules(args.format));
        return Ok(Exit::Ok);
    }
    let read = Read::of(set, args, terminal)?;
    look(&read, schema, args, Asked::default(), terminal).map_err(cannot_run)
}

/// Looks over the migrations with a database at hand.
pub(crate) async fn run(context: &Context<'_>, args: &LintArgs) -> Result<Exit, Failure> {
    let read = Read::of(context.app.migrations(), args, &context.terminal)?;
    let asked = context
        .with_database(async |db| ask(db, read.set(), args).await)
        .await
        .map_err(cannot_run)?;
    let schema = context.app.schema();
    look(&read, &schema, args, asked, &context.terminal).map_err(cannot_run)
}

/// That it could not look is told apart from what it found.
fn cannot_run(failure: Failure) -> Failure {
    if failure.exit == Exit::Failed {
        failure.exit(Exit::Usage)
    } else {
        failure
    }
}

/// The migrations to look over.
enum Read<'a> {
    Embedded(&'a MigrationSet),
    Folder(source::Folder),
}

impl<'a> Read<'a> {
    fn of(set: &'a MigrationSet, args: &LintArgs, terminal: &Terminal) -> Result<Self, Failure> {
        let Some(folder) = &args.folder else {
            return Ok(Self::Embedded(set));
        };
        let folder = source::read(folder)?;
        for warning in &folder.warnings {
            terminal.note(&format!("warning: {warning}"));
        }
        Ok(Self::Folder(folder))
    }

    fn set(&self) -> &MigrationSet {
        match self {
            Self::Embedded(set) => set,
            Self::Folder(folder) => &folder.set,
        }
    }

    fn sources(&self, dialect: Dialect) -> Result<Vec<Source>, Failure> {
        let folder = match self {
            Self::Embedded(_) => return Ok(Source::of_set(self.set(), dialect, FOLDER)?),
            Self::Folder(folder) => &folder.path,
        };
        let mut sources = Source::of_set(self.set(), dialect, &folder.display().to_string())?;
        for source in &mut sources {
            // A dialect's own file wins over the shared one.
            if !Path::new(&source.path).exists() {
                let shared = folder.join(source.label()).join("up.sql");
                source.path = shared.display().to_string();
            }
        }
        Ok(sources)
    }
}

async fn ask(db: &Database, set: &MigrationSet, args: &LintArgs) -> Result<Asked, Failure> {
    let after = match args.pending {
        true => last_applied(db, set).await?,
        false => None,
    };
    let rows = match args.database {
        true => Some(row_estimates(db).await?),
        false => None,
    };
    Ok(Asked {
        dialect: Some(db.dialect()),
        rows,
        after,
    })
}

/// The version before the first that is not applied.
async fn last_applied(db: &Database, set: &MigrationSet) -> Result<Option<String>, Failure> {
    let found = status(db, set).await.map_err(migration_failure)?;
    let is_left = |state| matches!(state, MigrationState::Pending | MigrationState::HalfApplied);
    let before = found
        .migrations
        .iter()
        .take_while(|one| !is_left(one.state));
    Ok(before.last().map(|one| one.version.clone()))
}

fn look(
    read: &Read<'_>,
    schema: &Schema,
    args: &LintArgs,
    asked: Asked,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    read.set().check()?;
    let dialects = match (args.dialect.as_slice(), asked.dialect) {
        ([], Some(dialect)) => vec![dialect],
        ([], None) => with_text(read.set()),
        (named, _) => named.iter().map(|name| (*name).into()).collect(),
    };
    let mut sources = Vec::new();
    for dialect in dialects {
        sources.extend(read.sources(dialect)?);
    }
    let after = args.after.as_ref().or(asked.after.as_ref());
    let options = lint::Options {
        rows: asked.rows.as_ref(),
        entities: schema.tables(),
        after: after.map(String::as_str),
    };
    let report = lint::lint(&sources, &options);
    let text = match args.format {
        LintFormat::Text => report.text(),
        LintFormat::Json => output::json(&report),
        LintFormat::Sarif => output::json(&lint::sarif::log(&report)),
    };
    match &args.output {
        None => terminal.print(&text),
        Some(file) => {
            write(file, &text)?;
            terminal.note(&report.summary());
        }
    }
    Ok(exit(&report, args.strict))
}

fn exit(report: &Report, strict: bool) -> Exit {
    let warned = strict && report.count(Severity::Warning) > 0;
    if report.has_errors() || warned {
        Exit::Failed
    } else {
        Exit::Ok
    }
}

/// One dialect for each kind of text that there is.
fn with_text(set: &MigrationSet) -> Vec<Dialect> {
    let migrations = set.migrations();
    let has_text = |dialect: &Dialect| {
        migrations.iter().any(|migration| {
            let text = set.text(migration.version, Direction::Up, *dialect);
            text.is_ok_and(|text| text.is_some_and(|text| !text.trim().is_empty()))
        })
    };
    let mut out: Vec<Dialect> = Vec::new();
    for dialect in Dialect::ALL {
        let is_new = out.iter().all(|known| known.slug() != dialect.slug());
        if is_new && has_text(&dialect) {
            out.push(dialect);
        }
    }
    out
}

/// Writes a report to a file.
pub(super) fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    std::fs::write(file, format!("{text}{end}")).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!(
                "the report cannot be written to {}: {error}",
                file.display()
            ),
        )
        .next("name a file in a folder that can be written to")
    })
}

fn rules(format: LintFormat) -> String {
    let dialects = |rule: &lint::Rule| -> Vec<&'static str> {
        rule.dialects.iter().map(|dialect| dialect.name()).collect()
    };
    if format != LintFormat::Text {
        let all: Vec<_> = lint::rules::all()
            .map(|rule| {
                json!({
                    "rule": rule.id,
                    "severity": rule.severity,
                    "dialects": dialects(rule),
                    "summary": rule.summary,
                    "why": rule.why,
                    "rewrite": rule.rewrite,
                })
            })
            .collect();
        return output::json(&all);
    }
    let rows: Vec<Vec<String>> = lint::rules::all()
        .map(|rule| {
            let on = match rule.dialects.len() == Dialect::ALL.len() {
                true => "all".to_owned(),
                false => dialects(rule).join(", "),
            };
            vec![
                rule.id.to_owned(),
                rule.severity.as_str().to_owned(),
                on,
                rule.summary.to_owned(),
            ]
        })
        .collect();
    output::table(&["rule", "severity", "dialects", "finds"], &rows)
}

//! `migrate repair`: explains what does not fit between the record and the migrations, and mends
//! the record.

use mainstay_migrate::repair::{Action, Repair, apply, proposals};
use mainstay_migrate::status;

use crate::args::Format;
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{json, pair};

/// What the user says.
#[derive(Debug, Default)]
pub(crate) struct Say {
    /// That all is to be done that needs no more to be said.
    pub(crate) yes: bool,
    /// What has been done by hand.
    pub(crate) done: Vec<String>,
    /// What has been undone by hand.
    pub(crate) undone: Vec<String>,
}

impl Say {
    /// Whether a proposal is to be done.
    fn takes(&self, repair: &Repair) -> bool {
        match repair.action {
            Action::MarkDone => self.done.contains(&repair.version),
            Action::MarkUndone => self.undone.contains(&repair.version),
            Action::Rerecord | Action::Remove => self.yes,
        }
    }

    /// The first version that it says something of, and that there is nothing to say of.
    fn idle<'a>(&'a self, found: &[Repair]) -> Option<&'a String> {
        let known = |version: &str| {
            let mut choices = found.iter().filter(|repair| repair.action.is_a_choice());
            choices.any(|repair| repair.version == version)
        };
        let mut said = self.done.iter().chain(&self.undone);
        said.find(|version| !known(version))
    }
}

pub(crate) async fn run(context: &Context<'_>, say: &Say, format: Format) -> Result<Exit, Failure> {
    let set = context.app.migrations();
    let (done, left, problems) = context
        .with_database(async |db| {
            let found = proposals(db, set).await.map_err(migration_failure)?;
            if let Some(version) = say.idle(&found) {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("migration {version} is not one that has begun and not ended"),
                ));
            }
            let chosen: Vec<Repair> = found.into_iter().filter(|one| say.takes(one)).collect();
            if !chosen.is_empty() {
                apply(db, set, &chosen).await.map_err(migration_failure)?;
            }
            let left = proposals(db, set).await.map_err(migration_failure)?;
            let status = status(db, set).await.map_err(migration_failure)?;
            Ok((chosen, left, status.problems))
        })
        .await?;
    if format.json {
        context.terminal.print(&json(&serde_json::json!({
            "repaired": done, "proposals": left, "problems": problems,
        })));
    } else {
        let mut out = String::new();
        for repair in &done {
            out.push_str(&pair("repaired", &line(repair)));
        }
        for repair in &left {
            out.push_str(&pair("proposal", &proposal(context, repair)));
        }
        if out.is_empty() && problems.is_empty() {
            out.push_str(&pair("repair", "the record and the migrations fit"));
        }
        context.terminal.print(&out);
        for problem in &problems {
            context.terminal.note(&format!("problem: {problem}"));
        }
    }
    Ok(if left.is_empty() && problems.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn line(repair: &Repair) -> String {
    format!("{} {}", repair.action.as_str(), repair.version)
}

fn proposal(context: &Context<'_>, repair: &Repair) -> String {
    let flag = match repair.action {
        Action::MarkDone => format!("--done {}", repair.version),
        Action::MarkUndone => format!("--undone {}", repair.version),
        Action::Rerecord | Action::Remove => "--yes".to_owned(),
    };
    format!(
        "{}\n{}\n{}\ndo it: {}",
        line(repair),
        repair.problem,
        repair.explanation,
        context.command(&format!("migrate repair {flag}"))
    )
}

//! `migrate squash`: one migration in place of those up to a version.

use std::path::Path;

use mainstay::Database;
use mainstay::config::DatabaseUrl;
use mainstay::schema::Dialect;
use mainstay_migrate::drift::files::up_to;
use mainstay_migrate::drift::{SquashDraft, draft_squash};
use mainstay_migrate::scratch::Place;
use mainstay_migrate::source::{SquashPlan, SquashText, squash, squash_plan};
use mainstay_migrate::{MigrationSet, MigrationState, status};

use super::scratch::{at_url, folder_of, place, to_embed, with_places};
use crate::args::SquashArgs;
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{counted, json, pair};

pub(crate) async fn run(context: &Context<'_>, args: &SquashArgs) -> Result<Exit, Failure> {
    context.warn();
    let set = folder_of(context, &args.folder)?;
    let Some(newest) = set.migrations().last().map(|m| m.version.to_owned()) else {
        return Err(Failure::new(
            Exit::Usage,
            format!("there are no migrations in {}", args.folder.display()),
        )
        .next("name the folder that has them: --folder FOLDER"));
    };
    let to = args.to.clone().unwrap_or(newest);
    let plan = squash_plan(&args.folder, &to, &args.name)?;
    let old = up_to(&set, &to);
    let places = places(context, args, &plan, &to)?;
    let here = look(context, &set, &to).await?;
    let drafts = with_places(context, &places, async || {
        let mut drafts = Vec::new();
        for place in &places {
            let draft = draft_squash(&old, place).await.map_err(migration_failure)?;
            drafts.push(draft);
        }
        Ok(drafts)
    })
    .await?;
    let left_out = left_out(&drafts);
    if !args.leave_out && !left_out.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            format!(
                "the text of one migration would not have all that these do: {}",
                left_out.join("; ")
            ),
        )
        .next(
            "squash up to an earlier version; or leave it out with --leave-out, and write by hand \
             what is needed of it into the text",
        ));
    }
    if !args.dry_run {
        if !args.yes {
            ask(context, args, &plan)?;
        }
        let text = |draft: &SquashDraft| SquashText {
            slug: Some(draft.dialect.slug()),
            sql: draft.sql.clone(),
        };
        let texts: Vec<SquashText> = drafts.iter().map(text).collect();
        squash(&args.folder, &to, &args.name, &texts)?;
    }
    let done = Done {
        plan: &plan,
        to: &to,
        drafts: &drafts,
        left_out: &left_out,
        here,
    };
    context.terminal.print(&if args.format.json {
        done.json(args.dry_run)
    } else {
        done.text(context, args)
    });
    Ok(Exit::Ok)
}

/// Where the migrations run: for each engine that they have a text for, the configured one first.
fn places(
    context: &Context<'_>,
    args: &SquashArgs,
    plan: &SquashPlan,
    to: &str,
) -> Result<Vec<Place>, Failure> {
    let mut there = vec![context.dialect().slug()];
    let mut places = vec![place(context, &args.scratch)?];
    for text in &args.beside {
        let wrong = |what: String| Failure::new(Exit::Usage, format!("--beside: {what}"));
        let url = DatabaseUrl::parse(text).map_err(|error| wrong(error.to_string()))?;
        let slug = Dialect::expected(url.engine()).slug();
        if there.contains(&slug) {
            return Err(wrong(format!(
                "there is a database of this engine already: {url}"
            )));
        }
        there.push(slug);
        places.push(Place::beside(&at_url(context, url)));
    }
    // A file needs no server; its name is not used.
    let file = DatabaseUrl::parse("sqlite:squash.db")
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let slug = Dialect::expected(file.engine()).slug();
    if plan.engines.contains(&slug) && !there.contains(&slug) {
        there.push(slug);
        places.push(Place::beside(&at_url(context, file)));
    }
    match plan.engines.iter().find(|slug| !there.contains(slug)) {
        None => Ok(places),
        Some(slug) => Err(Failure::new(
            Exit::Usage,
            format!("migrations up to {to} have up.{slug}.sql, and there is no database for it"),
        )
        .next(format!(
            "name one, to make a scratch database beside: --beside {slug}://..."
        ))),
    }
}

/// What the configured database has of them, in words.
async fn look(context: &Context<'_>, set: &MigrationSet, to: &str) -> Result<String, Failure> {
    let opened = context.open_with(&context.config).await;
    let db = match opened {
        Ok(db) => db,
        Err(error) => return Ok(format!("not looked at: {}", error.detail())),
    };
    let stand = stand(context, &db, set, to).await;
    context.close(&db).await?;
    stand
}

async fn stand(
    context: &Context<'_>,
    db: &Database,
    set: &MigrationSet,
    to: &str,
) -> Result<String, Failure> {
    let found = status(db, set).await.map_err(migration_failure)?;
    if !found.problems.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            format!(
                "the migrations do not fit {}: {}",
                context.config.url,
                found.problems.join("; ")
            ),
        )
        .next(format!(
            "mend that first: {}",
            context.command("migrate repair")
        )));
    }
    let concerned = || found.migrations.iter().filter(|one| *one.version <= *to);
    let left = |state| matches!(state, MigrationState::Pending | MigrationState::HalfApplied);
    let pending = concerned().filter(|one| left(one.state)).count();
    match pending {
        0 => Ok("has all of them, and nothing to do".to_owned()),
        pending if pending == concerned().count() => {
            Ok("has none of them, and will run the new one".to_owned())
        }
        _ => Err(Failure::new(
            Exit::Failed,
            format!(
                "{} has applied a part of the migrations up to {to}, and could not go on with one \
                 in their place",
                context.config.url
            ),
        )
        .next(format!(
            "apply the others first: {}",
            context.command(&format!("migrate up --to {to}"))
        ))),
    }
}

/// What the texts do not have; what several engines have in common is told once.
fn left_out(drafts: &[SquashDraft]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for what in drafts.iter().flat_map(|draft| &draft.left_out) {
        if !out.contains(what) {
            out.push(what.clone());
        }
    }
    out
}

fn ask(context: &Context<'_>, args: &SquashArgs, plan: &SquashPlan) -> Result<(), Failure> {
    let question = format!(
        "This replaces {} in {} by {}:\n  {}\n",
        counted(plan.replaced.len() as u64, "migration"),
        args.folder.display(),
        shown(&plan.made),
        plan.replaced.join("\n  ")
    );
    match context.terminal.confirm(&question) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new(Exit::Refused, "nothing was changed")),
        None => Err(Failure::new(
            Exit::Refused,
            "migrate squash removes folders, and there is no terminal to ask on",
        )
        .next(format!(
            "look at it with {}; with --yes it does not ask",
            context.command(&format!("migrate squash {} --dry-run", args.name))
        ))),
    }
}

/// The last part of a path.
fn shown(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// What was done, or would be.
struct Done<'a> {
    plan: &'a SquashPlan,
    to: &'a str,
    drafts: &'a [SquashDraft],
    left_out: &'a [String],
    here: String,
}

impl Done<'_> {
    fn json(&self, dry_run: bool) -> String {
        let text = |draft: &SquashDraft| {
            serde_json::json!({
                "file": format!("up.{}.sql", draft.dialect.slug()),
                "sql": draft.sql,
            })
        };
        let texts: Vec<_> = self.drafts.iter().map(text).collect();
        json(&serde_json::json!({
            "folder": self.plan.made,
            "written": !dry_run,
            "replaces": { "first": self.plan.oldest, "last": self.to },
            "replaced": self.plan.replaced,
            "texts": texts,
            "left_out": self.left_out,
            "database": self.here,
        }))
    }

    fn text(&self, context: &Context<'_>, args: &SquashArgs) -> String {
        let (made, gone) = match args.dry_run {
            true => ("would make", "would go"),
            false => ("made", "replaced"),
        };
        let files: Vec<String> = std::iter::once(self.plan.made.display().to_string())
            .chain(self.drafts.iter().map(|draft| {
                format!(
                    "up.{}.sql for {}",
                    draft.dialect.slug(),
                    draft.dialect.name()
                )
            }))
            .collect();
        let mut out = pair(made, &files.join("\n"));
        out.push_str(&pair(gone, &self.plan.replaced.join("\n")));
        if self.plan.engines.is_empty() {
            out.push_str(&pair(
                "remark",
                "the old ones have texts that all engines read, and the new one for this engine \
                 alone",
            ));
        }
        for what in self.left_out {
            out.push_str(&pair("left out", what));
        }
        out.push_str(&pair(
            "databases",
            &format!(
                "{}: {}\nothers that have all of them: nothing to do; their status shows the old \
                 ones as replaced\nothers that have a part: refused until a release that still has \
                 the old ones has brought them to {}\nnew ones: run this one; such as were made by \
                 other means: {}",
                context.config.url,
                self.here,
                self.to,
                context.command(&format!("migrate baseline --to {}", self.to))
            ),
        ));
        if args.dry_run {
            for draft in self.drafts {
                out.push_str(&format!(
                    "\n-- up.{}.sql\n\n{}",
                    draft.dialect.slug(),
                    draft.sql
                ));
            }
        } else {
            out.push_str(&pair("next", &to_embed(context)));
        }
        out
    }
}

//! `backup create`, `restore` and `prune`.

use mainstay::config::DatabaseUrl;
use mainstay_backup::plan::retention::Retention;
use mainstay_backup::{Backups, Create, Restore};

use super::text;
use super::work::{place_of, under_way};
use crate::args::{Format, RestorePlace, Taken};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::json;

pub(super) fn how(taken: &Taken) -> Create {
    Create {
        kind: taken.kind.map(Into::into),
        level: taken.level,
    }
}

pub(super) async fn create(
    context: &Context<'_>,
    backups: &Backups,
    taken: &Taken,
    format: Format,
) -> Result<Exit, Failure> {
    let manifest = under_way(context, !format.json, async |control| {
        backups.create(&how(taken), control).await
    })
    .await?;
    context.terminal.print(&if format.json {
        json(&manifest)
    } else {
        text::created(
            &manifest,
            &place_of(backups),
            &context.command("backup drill"),
        )
    });
    Ok(Exit::Ok)
}

pub(super) async fn restore(
    context: &Context<'_>,
    backups: &Backups,
    which: &str,
    place: &RestorePlace,
    format: Format,
) -> Result<Exit, Failure> {
    let into = place.into.as_deref().map(DatabaseUrl::parse).transpose();
    let into = into.map_err(|error| Failure::new(Exit::Usage, format!("--into: {error}")))?;
    let options = Restore {
        which: which.parse().unwrap_or_default(),
        to: place.to,
        into,
        folder: place.folder.clone(),
        replace: place.replace,
        end_sessions: place.end_sessions,
    };
    let restored = under_way(context, !format.json, async |control| {
        backups.restore(&options, control).await
    })
    .await?;
    context.terminal.print(&if format.json {
        json(&restored)
    } else {
        text::restored(&restored)
    });
    Ok(Exit::Ok)
}

pub(super) async fn prune(
    context: &Context<'_>,
    backups: &Backups,
    retention: &Retention,
    dry_run: bool,
    format: Format,
) -> Result<Exit, Failure> {
    let pruned = under_way(context, false, async |control| {
        backups.prune(retention, dry_run, control).await
    })
    .await?;
    context.terminal.print(&if format.json {
        json(&pruned)
    } else {
        text::pruned(&pruned, dry_run)
    });
    Ok(Exit::Ok)
}

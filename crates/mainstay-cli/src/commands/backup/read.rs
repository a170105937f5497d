//! `backup list`, `verify` and `drill`.

use std::path::Path;

use mainstay_backup::{Backups, Drill};

use super::text;
use super::work::{place_of, under_way};
use crate::args::{Format, Query};
use crate::commands::lint::write;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::json;

pub(super) async fn list(
    context: &Context<'_>,
    backups: &Backups,
    format: Format,
) -> Result<Exit, Failure> {
    let listed = under_way(context, false, async |_| backups.list().await).await?;
    context.terminal.print(&if format.json {
        json(&listed)
    } else {
        text::listed(&listed, &place_of(backups), backups.name())
    });
    Ok(Exit::Ok)
}

pub(super) async fn verify(
    context: &Context<'_>,
    backups: &Backups,
    which: &str,
    format: Format,
) -> Result<Exit, Failure> {
    let which = which.parse().unwrap_or_default();
    let verified = under_way(context, !format.json, async |control| {
        backups.verify(&which, control).await
    })
    .await?;
    context.terminal.print(&if format.json {
        json(&verified)
    } else {
        text::verified(&verified, &context.command("backup drill"))
    });
    Ok(Exit::Ok)
}

pub(super) async fn drill(
    context: &Context<'_>,
    backups: &Backups,
    which: &str,
    query: Query,
    report: Option<&Path>,
    format: Format,
) -> Result<Exit, Failure> {
    let options = Drill {
        which: which.parse().unwrap_or_default(),
        query: query.query,
    };
    let drilled = under_way(context, !format.json, async |control| {
        backups.drill(&options, control).await
    })
    .await?;
    if let Some(file) = report {
        write(file, &json(&drilled))?;
    }
    context.terminal.print(&if format.json {
        json(&drilled)
    } else {
        text::drilled(&drilled)
    });
    Ok(match drilled.ok {
        true => Exit::Ok,
        false => Exit::Failed,
    })
}

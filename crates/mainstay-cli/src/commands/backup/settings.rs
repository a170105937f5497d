//! The target, label and keys: from the flags, or from the configuration.

use std::collections::HashMap;
use std::path::Path;

use mainstay::Config;
use mainstay::config::{KeyDef, Kind};
use mainstay_backup::Backups;
use mainstay_backup::archive::{Identities, Recipients};
use mainstay_backup::target::Target;

use crate::args::{FromTarget, Stored, Taken};
use crate::context::Context;
use crate::exit::{Exit, Failure};

/// The keys of backups.
pub(crate) const KEYS: &[KeyDef] = &[
    KeyDef::new(
        "backup.target",
        "MAINSTAY_BACKUP_TARGET",
        Kind::Text,
        "Where backups are kept: a folder, or `s3://BUCKET/PREFIX`.",
    ),
    KeyDef::new(
        "backup.label",
        "MAINSTAY_BACKUP_LABEL",
        Kind::Text,
        "Under which name the backups of this database stand in the target; by default its own.",
    ),
    KeyDef::new(
        "backup.recipients",
        "MAINSTAY_BACKUP_RECIPIENTS",
        Kind::Text,
        "The age recipients that backups are encrypted to, with commas between them.",
    ),
    KeyDef::new(
        "backup.identity_file",
        "MAINSTAY_BACKUP_IDENTITY_FILE",
        Kind::Path,
        "The file with the secret key that opens encrypted backups.",
    ),
];

/// The backups that are read from.
pub(super) fn from(context: &Context<'_>, from: &FromTarget) -> Result<Backups, Failure> {
    let taken = Taken::default();
    backups(context, from.target.as_deref(), &from.stored, &taken)
}

/// The backups of the configured database.
pub(super) fn backups(
    context: &Context<'_>,
    target: Option<&str>,
    stored: &Stored,
    taken: &Taken,
) -> Result<Backups, Failure> {
    context.warn();
    let config = &context.config;
    let target = target
        .map(str::to_owned)
        .or_else(|| text(config, "backup.target"));
    let Some(target) = target else {
        return Err(
            Failure::new(Exit::Usage, "it is not said where backups are kept").next(
                "name a folder or s3://BUCKET/PREFIX with --to or --from, or set backup.target or \
                 MAINSTAY_BACKUP_TARGET",
            ),
        );
    };
    let mut backups = Backups::of(config, Target::parse(&target, &environment())?);
    let label = stored
        .label
        .clone()
        .or_else(|| text(config, "backup.label"));
    if let Some(label) = label {
        backups = backups.label(&label)?;
    }
    let recipients = match taken.encrypt_to.as_slice() {
        [] => text(config, "backup.recipients"),
        given => Some(given.join(",")),
    };
    if let Some(recipients) = recipients {
        backups = backups.recipients(Recipients::parse(&recipients)?);
    }
    let configured = config
        .extra("backup.identity_file")
        .and_then(mainstay::config::Value::as_path);
    if let Some(file) = stored.identity.as_deref().or(configured) {
        backups = backups.identities(identities(file)?);
    }
    if context.app.migrations().migrations().is_empty() {
        Ok(backups)
    } else {
        Ok(backups.migrations(context.app.migrations()))
    }
}

fn identities(file: &Path) -> Result<Identities, Failure> {
    Ok(Identities::read(file)?)
}

fn text(config: &Config, key: &str) -> Option<String> {
    let value = config.extra(key)?.as_str()?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// The variables by which every tool for S3 is told where and with which key.
fn environment() -> HashMap<String, String> {
    std::env::vars()
        .filter(|(name, _)| name.starts_with("AWS_"))
        .collect()
}

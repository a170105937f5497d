//! What is printed for people.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::{HumanBytes, HumanDuration};
use mainstay_backup::archive::{Kind, Manifest};
use mainstay_backup::plan::schedule::Alert;
use mainstay_backup::{DrillReport, Entry, Event, Forward, Listed, Pruned, Restored, Verified};

use crate::output::{counted, pair, short, table};

pub(super) fn created(manifest: &Manifest, place: &str, drill: &str) -> String {
    let mut out = pair("backup", &manifest.id);
    out += &pair(
        "of",
        &format!("{} {}", manifest.engine, manifest.engine_version),
    );
    out += &pair("state of", &time(manifest.taken_at));
    out += &pair("in", &format!("{place}, label {}", manifest.label));
    out += &pair("size", &size(manifest));
    out += &pair("holds", &holds(manifest));
    out += &pair("took", &short(Duration::from_millis(manifest.duration_ms)));
    out += &pair("next", &format!("prove that it can be restored: {drill}"));
    out
}

fn size(manifest: &Manifest) -> String {
    let sealed = match manifest.is_encrypted {
        true => ", encrypted",
        false => "",
    };
    format!(
        "{} in {}, {} before compression{sealed}",
        HumanBytes(manifest.stored_bytes),
        counted(manifest.chunks, "chunk"),
        HumanBytes(manifest.raw_bytes)
    )
}

fn holds(manifest: &Manifest) -> String {
    let rows = manifest.tables.iter().map(|table| table.rows).sum();
    let tables = counted(manifest.tables.len() as u64, "table");
    let schema = match &manifest.schema {
        Some(schema) => format!(", migrated to {}", schema.version),
        None => String::new(),
    };
    // What is in them is not known before they are restored.
    if manifest.kind == Kind::Physical && manifest.tables.is_empty() {
        return format!("the server's files{schema}");
    }
    format!("{tables} with {}{schema}", counted(rows, "row"))
}

pub(super) fn listed(listed: &[Listed], place: &str, label: &str) -> String {
    if listed.is_empty() {
        return format!("there are no backups in {place}, label {label}");
    }
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|one| {
            let (state, what) = match &one.entry {
                Entry::Complete { manifest } => (time(manifest.taken_at), manifest_line(manifest)),
                Entry::Unreadable { error } => ("unreadable".to_owned(), error.clone()),
            };
            let drill = match &one.drill {
                None => "never".to_owned(),
                Some(report) if report.ok => format!("ok {}", time(report.started_at)),
                Some(report) => format!("FAILED {}", time(report.started_at)),
            };
            vec![
                one.id.clone(),
                state,
                HumanBytes(one.size).to_string(),
                drill,
                what,
            ]
        })
        .collect();
    table(&["backup", "state of", "size", "drill", "what"], &rows)
}

fn manifest_line(manifest: &Manifest) -> String {
    match manifest.is_encrypted && manifest.tables.is_empty() {
        true => format!("{}, encrypted", manifest.engine),
        false => format!("{}, {}", manifest.engine, holds(manifest)),
    }
}

pub(super) fn verified(verified: &Verified, drill: &str) -> String {
    let manifest = &verified.manifest;
    format!(
        "{}: every byte is as it was written ({}, {})\nthat it can be restored, only a drill \
         proves: {drill}\n",
        manifest.id,
        size(manifest),
        short(verified.took)
    )
}

pub(super) fn restored(restored: &Restored) -> String {
    let manifest = &restored.manifest;
    let mut out = pair("restored", &manifest.id);
    out += &pair("state of", &time(manifest.taken_at));
    out += &pair("into", &restored.into);
    if let Some(forward) = &restored.brought_forward {
        out += &pair("forward to", &brought(forward));
    }
    let mut took = format!("{} to restore", short(restored.restored_in));
    // A server of its own is read as a whole, and not compared: its log may have changed everything.
    if restored.beside.is_none() {
        out += &pair("compared", &format!("{}: all as it was", holds(manifest)));
        took += &format!(", {} to compare", short(restored.verified_in));
    }
    out += &pair("took", &took);
    if let Some(beside) = &restored.beside {
        out += &pair(
            "runs",
            &format!("at {}, its data in {}", beside.url, beside.folder.display()),
        );
        out += &pair("next", &beside.switch);
    }
    if let Some(kept) = &restored.kept {
        let removal = match &restored.kept_removal {
            Some(removal) => format!("\nwhen nobody needs it any more: {removal}"),
            None => String::new(),
        };
        out += &pair("kept", &format!("what was there is now {kept}{removal}"));
    }
    out + &cleared(&restored.cleared)
}

/// What restores left that were killed.
fn cleared(names: &[String]) -> String {
    let line = |name| {
        pair(
            "removed",
            &format!("{name}, left by a restore that was killed"),
        )
    };
    names.iter().map(line).collect()
}

fn brought(forward: &Forward) -> String {
    if let (Some(to), Some(newest)) = (forward.to, forward.newest)
        && newest > to
    {
        return format!("{}; the log goes on until {}", time(to), time(newest));
    }
    let last = match forward.newest {
        Some(newest) => format!("the last change is of {}", time(newest)),
        None => "nothing followed on the backup".to_owned(),
    };
    match forward.to {
        Some(to) if forward.is_complete => format!("{}, whole: {last}", time(to)),
        Some(to) => format!(
            "{}, and the log ends before: {last}; if anything came after that, it is not there",
            time(to)
        ),
        None => format!("all there is: {last}"),
    }
}

pub(super) fn drilled(report: &DrillReport) -> String {
    let mut out = pair("drill of", &report.id);
    let point = Duration::from_secs(report.recovery_point_s.unsigned_abs());
    out += &pair(
        "lost",
        &format!(
            "{} of work would have been: the state of {}",
            HumanDuration(point),
            time(report.taken_at)
        ),
    );
    match &report.error {
        Some(error) => out += &pair("FAILED", error),
        None => {
            let ms = Duration::from_millis;
            out += &pair(
                "recovered",
                &format!(
                    "in {}: {} to restore, {} to compare, {} to answer {}",
                    short(ms(report.recovery_time_ms)),
                    short(ms(report.restore_ms)),
                    short(ms(report.verify_ms)),
                    short(ms(report.query_ms)),
                    report.query
                ),
            );
            let tables = counted(report.tables, "table");
            out += &pair(
                "compared",
                &format!("{tables} with {}", counted(report.rows, "row")),
            );
        }
    }
    out + &cleared(&report.cleared)
}

pub(super) fn pruned(pruned: &Pruned, dry_run: bool) -> String {
    let rows: Vec<Vec<String>> = pruned
        .decisions
        .iter()
        .map(|one| {
            let kept = match one.is_kept() {
                true => one.kept_by.join(", "),
                false if dry_run => "would go".to_owned(),
                false => "removed".to_owned(),
            };
            vec![one.id.clone(), time(one.taken_at), kept]
        })
        .collect();
    let mut out = table(&["backup", "state of", "kept by"], &rows);
    for id in &pruned.unreadable {
        out += &format!("{id} cannot be read, and is not removed by a rule: look at it\n");
    }
    let would = match dry_run {
        true => "would be removed",
        false => "removed",
    };
    let backups = counted(pruned.removed as u64, "backup");
    out += &format!("{backups} {would}, {}\n", HumanBytes(pruned.freed_bytes));
    out + &cleared(&pruned.cleared)
}

pub(super) fn alerts(alerts: &[Alert]) -> String {
    if alerts.is_empty() {
        return "backups and drills happen as they should".to_owned();
    }
    let lines: Vec<String> = alerts.iter().map(alert).collect();
    lines.join("\n")
}

fn alert(alert: &Alert) -> String {
    match alert {
        Alert::Missing { due } => {
            format!("ALERT: there is no backup; one is due since {}", time(*due))
        }
        Alert::Overdue { age_s, due } => format!(
            "ALERT: the newest backup is {} old; the next was due {}",
            HumanDuration(Duration::from_secs(age_s.unsigned_abs())),
            time(*due)
        ),
        Alert::NotFollowed { since } => format!(
            "ALERT: the log is not followed since {}; what is written cannot be recovered",
            time(*since)
        ),
        Alert::Undrilled { due } => format!(
            "ALERT: no drill has shown that backups can be restored; one was due {}",
            time(*due)
        ),
        other => format!("ALERT: {other:?}"),
    }
}

pub(super) fn event(event: &Event) -> String {
    match event {
        Event::Waiting { until } => format!("nothing is due before {}", time(*until)),
        Event::BackedUp { manifest } => format!(
            "backed up: {}, {}, in {}",
            manifest.id,
            size(manifest),
            short(Duration::from_millis(manifest.duration_ms))
        ),
        Event::BackupFailed { error, again } => {
            format!("BACKUP FAILED, tried again {}: {error}", time(*again))
        }
        Event::Drilled { report } => format!(
            "drilled: {} was restored and compared in {}",
            report.id,
            short(Duration::from_millis(report.recovery_time_ms))
        ),
        Event::DrillFailed { error, again } => {
            format!("DRILL FAILED, tried again {}: {error}", time(*again))
        }
        Event::Pruned { pruned } => format!(
            "pruned: {} removed, {}",
            counted(pruned.removed as u64, "backup"),
            HumanBytes(pruned.freed_bytes)
        ),
        Event::PruneFailed { error } => format!("PRUNING FAILED: {error}"),
        Event::Following { base } => format!("following the log behind {base}"),
        Event::LogLost { why, newest } => format!(
            "THE LOG WAS LOST, a new base is taken: {why}{}",
            match newest {
                Some(newest) => format!("; recovery is possible up to {}", time(*newest)),
                None => String::new(),
            }
        ),
        Event::FollowFailed { error, again } => {
            format!(
                "THE LOG IS NOT FOLLOWED, tried again {}: {error}",
                time(*again)
            )
        }
        Event::Alert { alert: what } => alert(what),
        Event::Unreachable { error } => format!("the target does not answer, asked again: {error}"),
        other => format!("{other:?}"),
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

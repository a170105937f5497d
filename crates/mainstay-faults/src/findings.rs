//! What a run showed: calls that hung, outcomes that stayed unknown, connections that leaked, and
//! what the database says.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::faults::{Answers, Fault};
use crate::ledger::{Entry, Kind, Rest, Told};
use crate::place::Place;
use crate::report::{OK, Row, UNSETTLED};
use crate::stage::LIMITS;
use crate::verdict::{self, Verdict};

/// Beyond its deadline a caller may wait this long, and as long as this machine was late besides.
const GRACE: Duration = Duration::from_secs(1);

/// So long before a call's deadline the server must answer again for its outcome to be found out.
const TO_SETTLE: Duration = Duration::from_secs(1);

/// One line of JSON per call, after one with the fault's beginning and end.
pub(crate) fn write_down(
    file: &Path,
    entries: &[Entry],
    begin: Duration,
    end: Duration,
) -> Result<(), String> {
    let mut text = serde_json::json!({ "fault_begins": begin, "fault_ends": end }).to_string();
    for entry in entries {
        text.push('\n');
        text += &serde_json::to_string(entry).map_err(|error| error.to_string())?;
    }
    std::fs::write(file, text)
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

/// How often callers saw each code.
pub(crate) fn seen(entries: &[Entry], from: Duration, to: Duration) -> BTreeMap<String, usize> {
    let mut saw = BTreeMap::new();
    for entry in entries {
        if entry.ended < from || entry.ended > to || entry.told == Told::Dropped {
            continue;
        }
        let code = entry.code.as_deref().unwrap_or(OK);
        *saw.entry(code.to_owned()).or_default() += 1;
    }
    saw
}

/// The longest call, and calls that were not answered by their deadline.
pub(crate) fn callers(row: &mut Row, entries: &[Entry], begin: Duration, lag: Duration) {
    // What is late twice over was late for more than the machine.
    let grace = GRACE + lag * 2;
    for entry in entries.iter().filter(|entry| entry.ended >= begin) {
        let limit = LIMITS.of(entry.kind);
        row.longest_ms = row.longest_ms.max(entry.took().as_millis() as u64);
        if entry.told == Told::Hung || entry.took() > limit + grace {
            row.hung += 1;
            row.details.push(format!(
                "callers hung past their deadline: {:?} took {:.2?}, limit {limit:.2?}, told {:?} ({})",
                entry.kind,
                entry.took(),
                entry.told,
                entry.code.as_deref().unwrap_or(OK),
            ));
        }
    }
}

/// Rows to be made, and transactions with a ledger or of an engine that keeps account of them by
/// itself, whose outcome was reported as unknown, although the server answered again before the
/// call's deadline: it could have been found out.
pub(crate) fn unsettled(
    row: &mut Row,
    entries: &[Entry],
    fault: &Fault,
    by_engine: bool,
    end: Duration,
) {
    for entry in entries.iter().filter(|entry| entry.told == Told::Unknown) {
        let can_be_settled = match entry.kind {
            Kind::Create => true,
            Kind::Transfer => fault.ledger || by_engine,
            _ => false,
        };
        let in_time = match fault.answers {
            Answers::Throughout => true,
            Answers::AtEnd => entry.begun + LIMITS.of(entry.kind) >= end + TO_SETTLE,
            Answers::Never => false,
        };
        if can_be_settled && in_time {
            row.unsettled += 1;
            row.details.push(format!(
                "{UNSETTLED}: {:?} of {} at {:.2?}..{:.2?}, the fault ended at {end:.2?} ({})",
                entry.kind,
                entry.key,
                entry.begun,
                entry.ended,
                entry.code.as_deref().unwrap_or(OK),
            ));
        }
    }
}

/// Connections on loan although nobody works, and sessions that outlive the handle, which is closed.
pub(crate) async fn at_rest(client: &dyn Client, place: &Place) -> Result<Rest, String> {
    let mut rest = close(client).await;
    let sessions = place.sessions_left(Duration::from_secs(15)).await?;
    if sessions > 0 {
        rest.details.push(format!(
            "connections leaked: the server has {sessions} sessions after the handle was closed"
        ));
    }
    // One that is on loan for ever is usually also a session.
    rest.leaked = rest.leaked.max(sessions);
    Ok(rest)
}

/// Waits until nothing is on loan, and closes the handle.
pub(crate) async fn close(client: &dyn Client) -> Rest {
    let mut rest = Rest::default();
    let until = Instant::now() + Duration::from_secs(10);
    rest.leaked = loop {
        let held = client.held();
        if held.busy == 0 && held.waiting == 0 {
            break 0;
        }
        if Instant::now() >= until {
            rest.details.push(format!(
                "connections leaked: at rest {} of {} are not idle, {} wait",
                held.busy, held.open, held.waiting
            ));
            let holders = held.holders.iter().take(3);
            let holders = holders.map(|holder| format!("connections leaked: {holder}"));
            rest.details.extend(holders);
            break held.busy.max(1);
        }
        sleep(Duration::from_millis(50)).await;
    };
    if let Err(error) = client.close(Duration::from_secs(5)).await {
        rest.details
            .push(format!("connections leaked: close() says {error}"));
    }
    rest
}

/// Reads the database and compares. Where the database was exchanged underneath, only what was
/// begun after `boundary` must be in the one that is there now.
pub(crate) async fn compare(
    place: &Place,
    entries: &[Entry],
    boundary: Option<Duration>,
) -> Result<Verdict, String> {
    let snapshot = place.snapshot().await?;
    let entries: Vec<Entry> = entries
        .iter()
        .filter(|entry| boundary.is_none_or(|boundary| entry.begun >= boundary))
        .cloned()
        .collect();
    Ok(verdict::judge(&entries, &snapshot))
}

/// What was acknowledged on a file that is no longer the one at its path.
pub(crate) fn told_apart(
    entries: &[Entry],
    begin: Duration,
    end: Duration,
    limit: Duration,
) -> Vec<String> {
    let writes = || {
        let done = |entry: &&Entry| entry.kind != Kind::Read;
        entries.iter().filter(done)
    };
    let done = |from: Duration, to: Duration| {
        let within = writes().filter(|entry| entry.told == Told::Done && entry.begun >= from);
        within.filter(|entry| entry.begun < to).count()
    };
    let first = writes().find(|entry| entry.begun >= begin && entry.told != Told::Done);
    let noticed = first.map_or_else(
        || "no caller was told of it".to_owned(),
        |entry| {
            let after = entry.ended.saturating_sub(begin);
            let code = entry.code.as_deref().unwrap_or("no answer");
            format!("the first caller was told after {after:.2?} ({code})")
        },
    );
    vec![
        noticed,
        format!(
            "acknowledged before the fault and counted apart: {}; within {limit:.0?} after it began, \
             also apart: {}; later, until it ended: {}",
            done(Duration::ZERO, begin),
            done(begin, begin + limit),
            done(begin + limit, end),
        ),
    ]
}

/// Puts the comparison into the row.
pub(crate) fn judged(row: &mut Row, verdict: Verdict, blind: Vec<String>) {
    row.missing = verdict.missing + blind.len();
    row.untrue = verdict.untrue;
    row.duplicates = verdict.duplicates;
    row.halves = verdict.halves;
    row.unknown = verdict.unknown;
    row.details.extend(verdict.details.into_iter().take(12));
    row.details.extend(blind.into_iter().take(4));
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::faults::FAULTS;

    /// A call of unknown outcome that began so many milliseconds after a fault that ends at 10 s.
    fn unknown(kind: Kind, begun: i64) -> Entry {
        let begun = Duration::from_millis(u64::try_from(10_000 + begun).unwrap());
        Entry {
            kind,
            key: Uuid::nil(),
            begun,
            ended: begun + Duration::from_secs(1),
            told: Told::Unknown,
            code: Some("CONNECTION_LOST".into()),
        }
    }

    fn unsettled_in(fault: &str, entry: Entry) -> usize {
        unsettled_on(false, fault, entry)
    }

    fn unsettled_on(by_engine: bool, fault: &str, entry: Entry) -> usize {
        let fault = FAULTS.iter().find(|one| one.name == fault).unwrap();
        let mut row = Row::default();
        unsettled(
            &mut row,
            &[entry],
            fault,
            by_engine,
            Duration::from_secs(10),
        );
        assert_eq!(row.details.len(), row.unsettled);
        row.unsettled
    }

    #[test]
    fn what_could_be_found_out_must_not_be_unknown() {
        // All the time another connection can be had.
        assert_eq!(unsettled_in("reset", unknown(Kind::Create, -9_000)), 1);
        assert_eq!(unsettled_in("reset", unknown(Kind::Transfer, -9_000)), 1);
        // When the server is back: the deadline is 2 s after the beginning.
        assert_eq!(unsettled_in("restart", unknown(Kind::Create, -900)), 1);
        assert_eq!(unsettled_in("restart", unknown(Kind::Create, -1_100)), 0);
        assert_eq!(unsettled_in("restart", unknown(Kind::Transfer, -3_900)), 1);
        // The call waits for a reply until its deadline.
        assert_eq!(unsettled_in("half-open", unknown(Kind::Create, 0)), 0);
    }

    #[test]
    fn what_cannot_be_found_out_may_be_unknown() {
        assert_eq!(unsettled_in("reset", unknown(Kind::Append, 0)), 0);
        let transfer = || unknown(Kind::Transfer, 0);
        assert_eq!(unsettled_on(false, "lost-commit", transfer()), 0);
        assert_eq!(unsettled_on(true, "lost-commit", transfer()), 1);
        assert_eq!(
            unsettled_in("lost-commit-ledger", unknown(Kind::Transfer, 0)),
            1
        );
    }
}

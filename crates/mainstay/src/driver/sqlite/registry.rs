//! The writers of this process: one per file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::caller::{Caller, Presence};
use super::open;
use super::options::SqliteOptions;
use super::session::Role;
use super::writer::Writer;
use crate::error::{Error, ErrorKind, Result};

/// Held while the writer of one file is looked up or started, so that none starts twice.
type Place = Arc<tokio::sync::Mutex<Weak<Writer>>>;

static PLACES: LazyLock<Mutex<HashMap<PathBuf, Place>>> = LazyLock::new(Mutex::default);

fn place_of(path: &Path) -> Place {
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    // Forget files that are closed, so that the map does not grow for ever.
    places.retain(|_, place| {
        Arc::strong_count(place) > 1
            || place
                .try_lock()
                .map_or(true, |writer| writer.strong_count() > 0)
    });
    Arc::clone(places.entry(path.to_owned()).or_default())
}

/// The writer of a file: the one there is, or a new one. `options.path` must be canonical.
pub(super) async fn writer(options: &SqliteOptions) -> Result<Arc<Writer>> {
    let place = place_of(&options.path);
    let mut place = place.lock().await;
    if let Some(writer) = place.upgrade() {
        let of = writer.options();
        if of.synchronous != options.synchronous && !writer.is_ending() {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "{} is open in this process with synchronous={}, and asked for with {}",
                    of.path.display(),
                    of.synchronous.word(),
                    options.synchronous.word()
                ),
            )
            .with_hint("open all handles on one file with the same setting: they share a writer"));
        }
        if writer.join() {
            return Ok(writer);
        }
        // It is ending. Two at once would wait for each other's lock. How its end went is for
        // those who closed it.
        let _ = writer.wait_for_end().await;
    }
    let caller = Caller::default();
    let presence = Presence::of(&caller);
    let session = {
        let options = options.clone();
        open::blocking(move || open::open(&options, Role::Writer, &caller)).await?
    };
    presence.stay();
    let writer = Writer::start(options.clone(), session)?;
    *place = Arc::downgrade(&writer);
    Ok(writer)
}

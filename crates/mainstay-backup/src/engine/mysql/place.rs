//! The database that is restored to.

use mainstay::{Error, ErrorKind, Result};

use super::server::{self, Defaults};
use super::{MySql, close, names, quote};
use crate::engine::Place;

/// What the user must be allowed to do.
pub(super) const RIGHTS: &str = "the user needs CREATE, DROP, ALTER and all that tables, views, \
    triggers, events and routines need, on databases whose names begin like this one's: GRANT ALL \
    ON `name%`.* TO ...";

impl MySql {
    /// Makes an empty database beside the one that is restored. Before, a swap that was
    /// interrupted is brought to its end.
    ///
    /// # Errors
    /// `ACCESS_DENIED` when the user may not make databases; those of connecting, and of ending an
    /// earlier swap.
    pub(crate) async fn place(&self) -> Result<Place> {
        self.recover().await?;
        let name = names::place(&self.name, self.clock.now(), self.entropy.as_ref());
        let db = self.connect().await?;
        let made = async {
            let defaults = server::defaults(&db, &self.name).await?;
            let defaults = defaults.unwrap_or_else(|| Defaults::usual(db.dialect()));
            let sql = format!("CREATE DATABASE {} {}", quote(&name), defaults.clause());
            db.script(sql).await
        };
        let made = made.await;
        close(db).await;
        made.map_err(|error| super::programs::hinted(error, RIGHTS))?;
        Ok(self.place_called(name))
    }

    /// The databases that restores made which did not come to their end, or are still under way.
    ///
    /// # Errors
    /// Those of connecting.
    pub(crate) async fn leftovers(&self) -> Result<Vec<String>> {
        let db = self.connect().await?;
        let databases = server::databases(&db).await;
        close(db).await;
        let databases = databases?.into_iter();
        let places = databases.filter(|name| names::is_place_of(name, &self.name));
        Ok(places.collect())
    }

    fn place_called(&self, name: String) -> Place {
        let mut config = self.config.clone();
        config.url = config.url.with_database(&name);
        Place { config, name }
    }

    /// Drops the database that was made by [`place`](Self::place), with all that is in it.
    ///
    /// # Errors
    /// `UNEXPECTED_ERROR` for a database that was not made so; those of connecting and dropping.
    pub(crate) async fn discard(&self, place: Place) -> Result<()> {
        self.check_place(&place.name)?;
        let db = self.connect().await?;
        let sql = format!("DROP DATABASE IF EXISTS {}", quote(&place.name));
        let dropped = db.script(sql).await;
        close(db).await;
        dropped
    }

    /// Refuses a database that was not made for this restore, whatever the caller thinks.
    pub(super) fn check_place(&self, name: &str) -> Result<()> {
        if names::is_place_of(name, &self.name) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unexpected,
            format!("{name} was not made to restore {} to", self.name),
        ))
    }
}

//! The backups of one database in one target: [`Backups`].
//!
//! - `create`, `list`, `verify`, `restore`, `drill`, `prune`, `watch`: one verb each
//! - `trial`: a restore to a place of its own, looked over; what `restore` and `drill` share
//! - `follow`: the log beside a base backup, for recovery to a point in time
//! - `beside`: a server of its own, restored in a folder
//! - `trail`: the part of a watch that follows the log; `events`: what a watch tells
//! - `find`: which backup is meant, and its archive opened
//! - `work`: blocking work on a thread, given up when nobody waits for it any more

mod beside;
mod create;
mod drill;
mod events;
mod find;
mod follow;
mod list;
mod prune;
mod restore;
#[cfg(test)]
mod tests;
mod trail;
mod trial;
mod verify;
mod watch;
mod work;

use std::sync::Arc;

use mainstay::{Clock, Config, Entropy, Result, SystemClock, SystemEntropy};
use mainstay_migrate::MigrationSet;

pub use create::Create;
pub use drill::{Drill, DrillReport};
pub use events::{Event, Events};
pub use find::Which;
pub use follow::Follow;
pub use list::{Entry, Listed};
pub use prune::Pruned;
pub use restore::{Beside, Forward, Moment, Restore, Restored};
pub use verify::Verified;
pub use watch::Plan;

use crate::archive::{Identities, Keys, Recipients};
use crate::engine::Driver;
use crate::plan::name;
use crate::target::Target;

/// The backups of one database in one target.
///
/// ```no_run
/// use std::collections::HashMap;
///
/// use mainstay::config::ConfigLoader;
/// use mainstay_backup::control::Control;
/// use mainstay_backup::target::Target;
/// use mainstay_backup::{Backups, Create, Drill};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = ConfigLoader::new().set("url", "sqlite:app.db").load()?;
/// let backups = Backups::of(&config, Target::parse("/var/backups/app", &HashMap::new())?);
/// let made = backups.create(&Create::default(), &Control::new()).await?;
/// println!("{} has {} tables", made.id, made.tables.len());
/// let report = backups.drill(&Drill::default(), &Control::new()).await?;
/// println!("restored and compared in {} ms", report.recovery_time_ms);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Backups {
    config: Config,
    target: Target,
    label: String,
    keys: Keys,
    known: Option<Vec<String>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Backups {
    /// The backups of a database in a target, under a label made from the database's name.
    pub fn of(config: &Config, target: Target) -> Self {
        Self {
            config: config.clone(),
            target,
            label: name::label_of(&config.url),
            keys: Keys::default(),
            known: None,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// Another label: what stands under it in the target are backups of this database.
    ///
    /// # Errors
    /// If the label cannot be the name of a folder.
    pub fn label(mut self, label: &str) -> Result<Self> {
        name::check_label(label)?;
        label.clone_into(&mut self.label);
        Ok(self)
    }

    /// Encrypts new backups, so that each of these can read them.
    #[must_use]
    pub fn recipients(mut self, recipients: Recipients) -> Self {
        self.keys.recipients = Some(recipients);
        self
    }

    /// What encrypted backups are read with.
    #[must_use]
    pub fn identities(mut self, identities: Identities) -> Self {
        self.keys.identities = Some(identities);
        self
    }

    /// The migrations the application knows. A backup in which others had been applied is of newer
    /// code, and is not restored.
    #[must_use]
    pub fn migrations(mut self, set: &MigrationSet) -> Self {
        let known = set.migrations();
        self.known = Some(known.iter().map(|one| one.version.to_owned()).collect());
        self
    }

    /// The clock by which backups are named and aged.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The source of randomness from which names come.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Where they are.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The label under which they stand there.
    pub fn name(&self) -> &str {
        &self.label
    }

    /// The engine of a configuration.
    fn driver(&self, config: &Config) -> Result<Arc<Driver>> {
        let driver = Driver::new(config, self.clock.clone(), self.entropy.clone())?;
        Ok(Arc::new(driver))
    }

    /// The name of an object of a backup in the target.
    fn object(&self, id: &str, ending: &str) -> String {
        format!("{}/{id}{ending}", self.label)
    }
}

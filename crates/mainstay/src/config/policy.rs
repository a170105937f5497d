//! What a program may set up at its start without being asked.

use super::{Config, EngineKind, Profile};

/// What may happen at start without being asked, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupPolicy {
    /// Whether a missing database may be created.
    pub create_database: bool,
    /// Whether migrations may be applied.
    pub migrate: bool,
    /// Whether the seed data may be written.
    pub seed: bool,
    /// The reason, for people.
    pub reason: String,
}

impl SetupPolicy {
    fn all(allowed: bool, reason: impl Into<String>) -> Self {
        Self {
            create_database: allowed,
            migrate: allowed,
            seed: allowed,
            reason: reason.into(),
        }
    }
}

/// Decides what may be set up at start.
///
/// Production: nothing. Otherwise, what stays on this machine: everything. A server elsewhere only
/// if the profile was chosen for this run (`env_explicit`, usually
/// [`Config::profile_is_explicit`]): somebody who set `DATABASE_URL` to look at a shared server and
/// forgot `MAINSTAY_ENV` must not migrate it.
pub fn setup_policy(config: &Config, env_explicit: bool) -> SetupPolicy {
    let profile = config.profile;
    if profile == Profile::Production {
        return SetupPolicy::all(
            false,
            "production is never changed at start; run setup or migrate yourself",
        );
    }
    if config.url.engine() == EngineKind::Sqlite {
        return SetupPolicy::all(true, format!("a SQLite file in the profile {profile}"));
    }
    if config.url.is_loopback() {
        return SetupPolicy::all(true, format!("a server on this machine, profile {profile}"));
    }
    let host = config.url.host().unwrap_or_default();
    if env_explicit {
        return SetupPolicy::all(
            true,
            format!("a server on {host}, and the profile {profile} was chosen explicitly"),
        );
    }
    SetupPolicy::all(
        false,
        format!(
            "the server is on {host}, not this machine, and the profile {profile} is only the \
             default; set MAINSTAY_ENV, or run setup or migrate yourself"
        ),
    )
}

//! What is unwise in a configuration that can be read: `config check`, and warnings at start.
//!
//! Nothing here asks a server or looks at a file; what needs the server takes its answer as a
//! parameter ([`connection_limit_finding`]).

use std::fmt;

use serde::Serialize;

use super::duration::format_duration;
use super::{Config, EngineKind, Profile, Source, StatementLog, TlsMode};

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works, but probably not as meant.
    Warning,
    /// It cannot work; do not start.
    Error,
}

/// One thing `config check` has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The key to look at.
    pub key: &'static str,
    /// What is the matter, and what to do.
    pub message: String,
}

impl Finding {
    fn error(key: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            key,
            message: message.into(),
        }
    }

    fn warning(key: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            key,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}: {}", self.key, self.message)
    }
}

impl Config {
    /// Everything that can be told without asking the server, errors first.
    pub fn check(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        self.check_pool(&mut found);
        self.check_place(&mut found);
        self.check_tls(&mut found);
        self.check_timeouts(&mut found);
        if self.profile == Profile::Production && self.log.statements == StatementLog::All {
            found.push(Finding::warning(
                "log.statements",
                "every statement is logged in production; errors is enough for most",
            ));
        }
        found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        found
    }

    fn is_sqlite(&self) -> bool {
        self.url.engine() == EngineKind::Sqlite
    }

    fn origin(&self, key: &str) -> String {
        self.source(key)
            .map(|source| format!(" ({source})"))
            .unwrap_or_default()
    }

    fn check_pool(&self, found: &mut Vec<Finding>) {
        let (min, max) = (self.pool.min, self.pool.max);
        if min > max {
            found.push(Finding::error(
                "pool.min",
                format!(
                    "{min}{} is more than pool.max {max}{}; lower the one or raise the other",
                    self.origin("pool.min"),
                    self.origin("pool.max")
                ),
            ));
        }
        if self.is_sqlite() && self.instances > 1 {
            found.push(Finding::warning(
                "instances",
                "several processes share one SQLite file: their writes wait for each other, and \
                 the file must not be on a network drive",
            ));
        }
    }

    fn check_place(&self, found: &mut Vec<Finding>) {
        match (self.profile, self.is_sqlite(), self.url.is_loopback()) {
            (Profile::Production, true, _) => found.push(Finding::warning(
                "url",
                "production runs on a SQLite file: one machine, one writer at a time; make sure \
                 this is meant and the file is backed up",
            )),
            (Profile::Development | Profile::Test, _, false) => found.push(Finding::warning(
                "url",
                format!(
                    "the profile {} points at a server on another machine, and this profile's \
                     reset deletes all data; check that it is the right server",
                    self.profile
                ),
            )),
            _ => {}
        }
        if self.url.password().is_some() && matches!(self.source("url"), Some(Source::File { .. }))
        {
            found.push(Finding::warning(
                "url",
                format!(
                    "a password is written in {}; keep it out of the file by setting DATABASE_URL",
                    self.source("url")
                        .map(ToString::to_string)
                        .unwrap_or_default()
                ),
            ));
        }
    }

    fn check_tls(&self, found: &mut Vec<Finding>) {
        let tls = &self.tls;
        match (&tls.client_cert, &tls.client_key) {
            (Some(_), None) => found.push(Finding::error(
                "tls_client_cert",
                "is set without tls_client_key; set both or neither",
            )),
            (None, Some(_)) => found.push(Finding::error(
                "tls_client_key",
                "is set without tls_client_cert; set both or neither",
            )),
            _ => {}
        }
        let host = self.url.host().unwrap_or_default();
        match tls.mode {
            TlsMode::RequireUnverified if !self.is_sqlite() => found.push(Finding::warning(
                "tls",
                format!(
                    "require-unverified{}: the certificate of {host} is not verified, so anyone \
                     on the way can read and change everything; use require, with tls_ca_file \
                     for a private authority",
                    self.origin("tls")
                ),
            )),
            TlsMode::Disable if !self.url.is_loopback() => found.push(Finding::warning(
                "tls",
                format!(
                    "disable{}: the password and all data travel to {host} unencrypted; use require",
                    self.origin("tls")
                ),
            )),
            _ => {}
        }
        let unused = match tls.mode {
            _ if self.is_sqlite() => Some("the database is a SQLite file"),
            TlsMode::Disable => Some("tls is disable"),
            _ => None,
        };
        let files = [
            ("tls_ca_file", &tls.ca_file),
            ("tls_client_cert", &tls.client_cert),
            ("tls_client_key", &tls.client_key),
        ];
        for (key, _) in files.iter().filter(|(_, file)| file.is_some()) {
            if let Some(why) = unused {
                found.push(Finding::warning(key, format!("has no effect: {why}")));
            } else if *key == "tls_ca_file" && tls.mode == TlsMode::RequireUnverified {
                found.push(Finding::warning(
                    key,
                    "has no effect: tls is require-unverified",
                ));
            }
        }
        if self.is_sqlite() && self.source("tls").is_some_and(Source::is_set) {
            found.push(Finding::warning(
                "tls",
                "has no effect: the database is a SQLite file",
            ));
        }
    }

    fn check_timeouts(&self, found: &mut Vec<Finding>) {
        let t = &self.timeouts;
        let mut longer = |key, value, other: &str, limit, effect: &str| {
            if value > limit {
                found.push(Finding::warning(
                    key,
                    format!(
                        "{}{} is longer than {other} {}{}: {effect}",
                        format_duration(value),
                        self.origin(key),
                        format_duration(limit),
                        self.origin(other)
                    ),
                ));
            }
        };
        longer(
            "timeouts.statement",
            t.statement,
            "timeouts.transaction",
            t.transaction,
            "inside a transaction, the transaction ends first",
        );
        longer(
            "timeouts.idle",
            t.idle,
            "timeouts.lifetime",
            t.lifetime,
            "no connection lives long enough to be closed for being idle",
        );
        longer(
            "timeouts.health_check",
            t.health_check,
            "timeouts.lifetime",
            t.lifetime,
            "no connection lives long enough to be checked",
        );
    }
}

/// Whether all processes together may open more connections than the server takes.
///
/// `server_limit` is what the server says it allows, less what it keeps for administrators.
pub fn connection_limit_finding(
    pool_max: u32,
    instances: u32,
    server_limit: u32,
) -> Option<Finding> {
    let total = u64::from(pool_max) * u64::from(instances);
    if total <= u64::from(server_limit) {
        return None;
    }
    Some(Finding::warning(
        "pool.max",
        format!(
            "{pool_max} connections in each of {instances} instance(s) are {total}, but the server \
             takes {server_limit}; lower pool.max to {} or raise the server's limit",
            // At least one: a pool cannot be smaller.
            (server_limit / instances.max(1)).max(1)
        ),
    ))
}

//! Differences found and removed on real databases: SQLite always, PostgreSQL and MariaDB where
//! there is a server.
//!
//! - `targets`: databases, and how a draft is applied to one
//! - `random`: random schemas, their statements and rows
//! - `drafts`: from one random schema to another
//! - `drift`: what is changed behind the back of the migrations is found, in words;
//!   `drift_cases`: what that is on each engine
//! - `renames`: renames are made as told, and rows keep what they hold

mod drafts;
mod drift;
mod drift_cases;
mod random;
mod renames;
mod targets;

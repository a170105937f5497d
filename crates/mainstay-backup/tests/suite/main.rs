//! Backups and copies of real databases: SQLite always, PostgreSQL and MariaDB where there is a server.
//!
//! One program, so that what it is made of is linked once.
//!
//! - `recovery`: a backup under load, the database destroyed, restored and compared
//! - `moments`: recovery to moments, as an operator does it
//! - `damage`: damaged archives and wrong keys
//! - `full`: full disks
//! - `kills`: programs killed while they take a backup or restore one
//! - `leftovers`: what a restore leaves that is killed, and who removes it
//! - `copy`: copies from engine to engine
//! - `watching`: a watch that runs beside a test
//! - `support`: a database with a load of writes on it, and what its clients know

mod copy;
mod damage;
mod full;
mod kills;
mod leftovers;
mod moments;
mod recovery;
mod support;
mod watching;

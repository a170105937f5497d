//! The migrations, embedded in the binary.
//!
//! Each is a folder under `migrations/` with a file per dialect, up and down. A test keeps them
//! equal to the entities.

use mainstay_migrate::{Migration, MigrationSet, PerDialect};

macro_rules! step {
    ($folder:literal, $way:literal) => {
        PerDialect {
            sqlite: include_str!(concat!("../migrations/", $folder, "/", $way, ".sqlite.sql")),
            postgres: include_str!(concat!(
                "../migrations/",
                $folder,
                "/",
                $way,
                ".postgres.sql"
            )),
            mysql: include_str!(concat!("../migrations/", $folder, "/", $way, ".mysql.sql")),
        }
    };
}

/// All migrations, oldest first.
pub static MIGRATIONS: MigrationSet = MigrationSet::new(&[
    Migration {
        version: "20260101000000",
        name: "init",
        up: step!("20260101000000_init", "up"),
        down: Some(step!("20260101000000_init", "down")),
    },
    Migration {
        version: "20261128181759",
        name: "index_goals_by_status",
        up: step!("20261128181759_index_goals_by_status", "up"),
        down: Some(step!("20261128181759_index_goals_by_status", "down")),
    },
]);

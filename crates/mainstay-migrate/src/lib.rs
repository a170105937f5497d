//! mainstay-migrate.

//! The conformance suite on PostgreSQL.
#![cfg(unix)]

mainstay_testkit::conformance_suite!(Postgres);

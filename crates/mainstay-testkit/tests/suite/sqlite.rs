//! The conformance suite on SQLite.
#![cfg(unix)]

mainstay_testkit::conformance_suite!(Sqlite);

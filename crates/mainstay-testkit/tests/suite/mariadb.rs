//! The conformance suite on MariaDB.
#![cfg(unix)]

mainstay_testkit::conformance_suite!(MariaDb);

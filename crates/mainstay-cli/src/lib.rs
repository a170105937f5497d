//! mainstay-cli.

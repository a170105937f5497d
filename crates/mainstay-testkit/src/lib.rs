//! mainstay-testkit.

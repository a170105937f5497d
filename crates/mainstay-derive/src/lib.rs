//! mainstay-derive.

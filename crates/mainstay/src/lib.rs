//! mainstay.

pub mod config;

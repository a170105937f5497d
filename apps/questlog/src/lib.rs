//! Questlog, a goal tracker: users, modules, goals, progress, XP, levels and streaks. The
//! application built on Mainstay, and its first user.
//!
//! - [`entities`]: the tables
//! - [`rules`]: XP, levels and streaks, pure
//! - [`service`]: what the application does; [`password`], [`input`]: its helpers
//! - [`http`]: the API; [`router`]
//! - [`migrations`], [`seed`]: the tables' history, and the data to start with in development
//! - [`application`]: all of it for the command line

pub mod application;
pub mod entities;
pub mod http;
pub mod input;
pub mod migrations;
pub mod password;
pub mod rules;
pub mod seed;
pub mod service;

pub use application::Questlog;
pub use entities::schema;
pub use http::router;

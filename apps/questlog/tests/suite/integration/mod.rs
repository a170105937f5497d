//! Whole flows through the API, on every engine.
//!
//! - [`users`]: people, from creation to deletion
//! - [`resources`]: modules, goals and lists
//! - [`recording`]: progress: XP, levels, streaks, the end of goals, the leaderboard
//! - [`operations`]: health and the API token
//! - [`outage`]: what is answered while the database is down
//! - [`program`]: the binary as a newcomer starts it
//! - [`seed`]: the seed document's data

mod operations;
mod outage;
mod program;
mod recording;
mod resources;
mod seed;
mod users;

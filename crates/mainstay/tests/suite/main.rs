//! The crate from outside, its documentation, and the rules of the repository.
//!
//! One program, so that what it is made of is linked once.
//!
//! - `architecture`: the rules of ARCHITECTURE.md that can be read off the source text
//! - `coming_from_prisma`: each call of `docs/coming-from-prisma.md` is made once
//! - `derive`: what the derives write, seen from an application
//! - `documentation`, `guides`: what the Markdown files say is there and is true
//! - `repository_edges`: what a repository does at its edges
//! - `smoke`: a first end-to-end path
//! - `support`: the repository as files, for tests that look at its text

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture;
mod coming_from_prisma;
mod derive;
mod documentation;
mod guides;
mod repository_edges;
mod smoke;
mod support;

//! Who uses a database whose place is to be taken, as an operator is told.

use std::fmt::Write as _;

use mainstay::{Error, ErrorKind, Outcome};

/// So many are named.
const NAMED: usize = 5;

/// One who uses a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// What it calls itself, if it does.
    pub(super) application: Option<String>,
    /// What else is known of it: its number first, then by whom, from where, since when.
    pub(super) facts: Vec<String>,
}

impl User {
    fn shown(&self) -> String {
        let name = self.application.as_deref().filter(|name| !name.is_empty());
        let name = name.unwrap_or("a session");
        match self.facts.is_empty() {
            true => name.to_owned(),
            false => format!("{name} ({})", self.facts.join(", ")),
        }
    }
}

/// The error that a database on a server is in use. `users` may be empty where the server only says
/// that there are some.
pub(super) fn in_use(database: &str, users: &[User]) -> Error {
    let shown: Vec<String> = users.iter().map(User::shown).collect();
    let detail = match shown.as_slice() {
        [] => format!("the database {database} is in use"),
        shown => format!(
            "the database {database} is in use by {} {}: {}",
            shown.len(),
            if shown.len() == 1 {
                "session"
            } else {
                "sessions"
            },
            named(shown)
        ),
    };
    Error::new(ErrorKind::WriteConflict, detail)
        .with_outcome(Outcome::NotApplied)
        .with_hint("stop what uses it, or have its sessions ended: --end-sessions")
}

fn named(all: &[String]) -> String {
    let mut out = all[..all.len().min(NAMED)].join("; ");
    if all.len() > NAMED {
        // Writing to a text does not fail.
        let _ = write!(out, "; and {} more", all.len() - NAMED);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: i32) -> User {
        User {
            application: Some("questlog".into()),
            facts: vec![format!("process {number}"), "user app".into()],
        }
    }

    #[test]
    fn they_are_counted_and_named() {
        let error = in_use("app", &[user(7)]);
        assert_eq!(
            error.detail(),
            "the database app is in use by 1 session: questlog (process 7, user app)"
        );
        let many: Vec<User> = (0..8).map(user).collect();
        let error = in_use("app", &many);
        assert!(error.detail().contains("by 8 sessions: "), "{error}");
        assert!(error.detail().ends_with("; and 3 more"), "{error}");
        let hidden = User {
            application: Some(String::new()),
            facts: Vec::new(),
        };
        assert_eq!(hidden.shown(), "a session");
        assert_eq!(in_use("app", &[]).detail(), "the database app is in use");
    }
}

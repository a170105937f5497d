//! The three profiles.

use std::fmt;

/// Which set of defaults applies, and what commands may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// A developer's machine: SQLite in `dev.db`, set up without being asked.
    #[default]
    Development,
    /// Automatic tests: SQLite in `test.db`.
    Test,
    /// The real thing: a server named by `DATABASE_URL`, nothing done unasked.
    Production,
}

impl Profile {
    /// All profiles, in the order the documentation lists them.
    pub const ALL: [Self; 3] = [Self::Development, Self::Test, Self::Production];

    /// Every profile's name.
    pub const NAMES: &'static [&'static str] = &["development", "test", "production"];

    /// The name as it is written in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Test => "test",
            Self::Production => "production",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.as_str() == name)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_profiles_agree() {
        assert_eq!(Profile::NAMES.len(), Profile::ALL.len());
        for profile in Profile::ALL {
            assert!(Profile::NAMES.contains(&profile.as_str()));
            assert_eq!(Profile::from_name(profile.as_str()), Some(profile));
        }
        assert_eq!(Profile::from_name("Production"), None);
        assert_eq!(Profile::default(), Profile::Development);
    }
}

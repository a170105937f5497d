//! Passwords: their length, and hashing them without stopping everything else.

use std::sync::Arc;

use mainstay::config::Secret;
use mainstay::{Entropy, Error, ErrorKind, FieldErrors, Result};
use tokio::sync::Semaphore;

/// The work factor: each step more doubles the time one guess takes.
pub const COST: u32 = 12;

/// The fewest characters.
pub const MIN_CHARACTERS: usize = 8;

/// The most bytes. bcrypt reads no more, so a longer password would be cut without a word.
pub const MAX_BYTES: usize = 72;

/// Checks the length of a password. It is never altered: no trimming, no composing.
pub fn check(errors: &mut FieldErrors, field: &'static str, password: &Secret) {
    let text = password.expose();
    if text.chars().count() < MIN_CHARACTERS {
        errors.push(
            field,
            format!("Password must have at least {MIN_CHARACTERS} characters"),
        );
    } else if text.len() > MAX_BYTES {
        errors.push(
            field,
            format!("Password must have at most {MAX_BYTES} bytes"),
        );
    } else if text.contains('\0') {
        errors.push(field, "Password must not contain a NUL character");
    }
}

/// Hashes passwords on threads that may block, a few at a time: each takes a quarter of a second
/// of a core, and the other cores have requests to answer.
#[derive(Debug, Clone)]
pub struct Hasher {
    permits: Arc<Semaphore>,
    entropy: Arc<dyn Entropy>,
}

impl Hasher {
    /// A hasher that takes its salts from `entropy`.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            permits: Arc::new(Semaphore::new((cores / 2).max(1))),
            entropy,
        }
    }

    /// The bcrypt hash of a password that has been checked.
    ///
    /// # Errors
    /// `UNEXPECTED_ERROR` when the work was cut off because the program ends.
    pub async fn hash(&self, password: Secret) -> Result<String> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = permit.await.map_err(Error::unexpected)?;
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        tokio::task::spawn_blocking(move || {
            // Held here, so that a caller who goes away does not let more work start.
            let _permit = permit;
            bcrypt::hash_with_salt(password.expose(), COST, salt).map(|parts| parts.to_string())
        })
        .await
        .map_err(Error::unexpected)?
        .map_err(|error| {
            Error::new(ErrorKind::Unexpected, "the password could not be hashed").with_source(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use mainstay::SeededEntropy;

    use super::*;

    fn problem(password: &str) -> String {
        let mut errors = FieldErrors::new();
        check(&mut errors, "password", &Secret::new(password));
        errors.joined()
    }

    #[test]
    fn the_length_counts_characters_at_least_and_bytes_at_most() {
        assert_eq!(
            problem("1234567"),
            "Password must have at least 8 characters"
        );
        assert_eq!(
            problem("éééé"),
            "Password must have at least 8 characters",
            "eight bytes are not eight characters"
        );
        assert_eq!(problem("12345678"), "");
        assert_eq!(problem(&"x".repeat(72)), "");
        assert_eq!(
            problem(&"é".repeat(37)),
            "Password must have at most 72 bytes"
        );
        assert_eq!(
            problem("1234567\0"),
            "Password must not contain a NUL character"
        );
    }

    #[tokio::test]
    async fn every_byte_of_the_longest_password_counts() {
        let hasher = Hasher::new(Arc::new(SeededEntropy::new(1)));
        let password = format!("{}a", "x".repeat(71));
        let hash = hasher.hash(Secret::new(password.clone())).await.unwrap();
        assert!(hash.starts_with("$2b$12$"), "cost 12");
        assert!(bcrypt::verify(password, &hash).unwrap());
        assert!(!bcrypt::verify(format!("{}b", "x".repeat(71)), &hash).unwrap());
    }
}

//! Keys of `age`: whom archives are encrypted to, and what opens them.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use age::x25519;
use mainstay::{Error, ErrorKind, Result};

/// Whom an archive is encrypted to: public keys, of which each opens it with its secret half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients(Vec<x25519::Recipient>);

/// Secret keys that open archives. `Debug` shows none of them.
#[derive(Clone)]
pub struct Identities(Vec<x25519::Identity>);

/// What new archives are encrypted to, and what opens those there are.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Whom to encrypt to; nothing is encrypted if there is nobody.
    pub recipients: Option<Recipients>,
    /// What opens what is encrypted.
    pub identities: Option<Identities>,
}

impl Recipients {
    /// Reads public keys (`age1...`), separated by spaces, commas or lines. What follows a `#` on a
    /// line is a comment.
    ///
    /// ```
    /// use mainstay_backup::archive::Recipients;
    ///
    /// let text = "# the vault's\nage1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    /// assert_eq!(Recipients::parse(text)?.len(), 1);
    /// # Ok::<(), mainstay::Error>(())
    /// ```
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when one of them is no key, is a secret key, or there is none.
    pub fn parse(text: &str) -> Result<Self> {
        let mut found = Vec::new();
        for word in words(text) {
            if word.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
                return Err(invalid("a secret key stands where a public one belongs")
                    .with_hint("encrypt to its public key: `age-keygen -y FILE` tells it"));
            }
            found.push(x25519::Recipient::from_str(word).map_err(|why| {
                invalid(format!("'{word}' is no age recipient: {why}"))
                    .with_hint("a recipient begins with age1; `age-keygen` makes a pair of keys")
            })?);
        }
        if found.is_empty() {
            return Err(invalid("there is no age recipient in what was given"));
        }
        Ok(Self(found))
    }

    /// How many there are. There is at least one.
    #[allow(clippy::len_without_is_empty, reason = "there is at least one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn encryptor(&self) -> Result<age::Encryptor> {
        age::Encryptor::with_recipients(self.0.iter().map(|key| key as &dyn age::Recipient))
            .map_err(|why| invalid(format!("cannot encrypt to the recipients: {why}")))
    }
}

impl FromStr for Recipients {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl Identities {
    /// Reads secret keys as `age-keygen` writes them: one a line, and comments that begin with `#`.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when a line is no key, or there is none. The error does not show it.
    pub fn parse(text: &str) -> Result<Self> {
        let mut found = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let Some(word) = words(line).next() else {
                continue;
            };
            let number = number + 1;
            found.push(x25519::Identity::from_str(word).map_err(|why| {
                let what = match word {
                    _ if word.starts_with("age1") => "it is a public key",
                    _ if word.starts_with("age-encryption.org") => "the file is encrypted",
                    _ if word.starts_with("-----BEGIN") => "it is not a key of age",
                    _ => why,
                };
                invalid(format!("line {number} is no age identity: {what}")).with_hint(
                    "an identity begins with AGE-SECRET-KEY-1; `age-keygen -o FILE` makes one",
                )
            })?);
        }
        if found.is_empty() {
            return Err(invalid("there is no age identity in what was given"));
        }
        Ok(Self(found))
    }

    /// Reads a file of secret keys.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when it cannot be read, or as [`parse`](Self::parse) says.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|why| {
            invalid(format!(
                "cannot read the identity file {}: {why}",
                path.display()
            ))
        })?;
        Self::parse(&text).map_err(|error| {
            let told = invalid(format!("{}: {}", path.display(), error.detail()));
            match error.hint() {
                Some(hint) => told.with_hint(hint.to_owned()),
                None => told,
            }
        })
    }

    /// The public keys that go with these.
    pub fn recipients(&self) -> Recipients {
        Recipients(self.0.iter().map(x25519::Identity::to_public).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|key| key as &dyn age::Identity)
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({} secret)", self.0.len())
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .flat_map(|line| line.split(|c: char| c.is_whitespace() || c == ','))
        .filter(|word| !word.is_empty())
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, detail.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> (String, x25519::Recipient) {
        use age::secrecy::ExposeSecret;
        let key = x25519::Identity::generate();
        (key.to_string().expose_secret().to_owned(), key.to_public())
    }

    #[test]
    fn a_file_of_age_keygen_is_read() {
        let (key, public) = secret();
        let (other, _) = secret();
        let text = format!("# created: 2026-01-01\n# public key: {public}\n{key}\r\n\n  {other}\n");
        let identities = Identities::parse(&text).unwrap();
        let recipients = identities.recipients();
        assert_eq!(recipients.len(), 2);
        assert_eq!(recipients.0[0], public);
        let written: Vec<_> = recipients.0.iter().map(ToString::to_string).collect();
        assert_eq!(Recipients::parse(&written.join(", ")).unwrap(), recipients);
        assert_eq!(format!("{identities:?}"), "Identities(2 secret)");
    }

    #[test]
    fn mistakes_are_told_and_secrets_are_not() {
        let (key, public) = secret();
        let broken = format!("{}Q", &key[..key.len() - 1]);
        for text in [
            broken.as_str(),
            &public.to_string(),
            "",
            "# nothing",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            let error = Identities::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!error.to_string().contains(&key[20..40]), "{error}");
        }
        for text in [
            key.as_str(),
            &key.to_lowercase(),
            "age1abc",
            "",
            "ssh-ed25519 AAAA",
        ] {
            let error = Recipients::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!error.to_string().contains(&key[20..40]), "{error}");
        }
        let missing = Identities::read(Path::new("/nowhere/at/all")).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/at/all"), "{missing}");
    }
}

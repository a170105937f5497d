//! What a user writes to name a target, taken apart; and the names of objects.

use std::path::PathBuf;

use mainstay::{Error, ErrorKind, Result};
use object_store::path::Path;
use url::Url;

/// Where a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Folder(PathBuf),
    S3 { bucket: String, prefix: Path },
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(invalid("the target of backups is empty"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Folder(PathBuf::from(text)));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .map(Self::Folder)
                .ok_or_else(|| {
                    invalid(format!("'{text}' names no folder"))
                        .with_hint("write file:///path/of/the/folder, with three slashes")
                }),
            "s3" => s3(text, rest),
            _ => Err(
                invalid(format!("targets of kind '{scheme}://' are not known"))
                    .with_hint("a target is a path, file:///path, or s3://bucket/prefix"),
            ),
        }
    }
}

fn s3(text: &str, rest: &str) -> Result<Address> {
    // What stands in front of an @ may be a secret: it is not repeated.
    if rest.contains('@') {
        return Err(invalid("the address of a bucket has no user or password")
            .with_hint("keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
    }
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_bucket = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bucket.is_empty() || !bucket.chars().all(is_bucket) {
        return Err(invalid(format!("'{text}' names no bucket"))
            .with_hint("write s3://bucket or s3://bucket/prefix"));
    }
    Ok(Address::S3 {
        bucket: bucket.to_owned(),
        prefix: path(prefix)?,
    })
}

/// The path of a name in a store: parts of letters, digits, dots, dashes and underscores.
///
/// What a shell, a file system or a URL takes for something else is refused, and so is `#`, which
/// marks what is not complete.
pub(super) fn path(name: &str) -> Result<Path> {
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.is_empty() {
        return Ok(Path::default());
    }
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '='))
    };
    if !name.split('/').all(is_plain) {
        return Err(invalid(format!(
            "'{name}' cannot be the name of something in a target"
        ))
        .with_hint("use letters, digits, '.', '-' and '_', and '/' between folders"));
    }
    Path::parse(name).map_err(|why| invalid(why.to_string()))
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, detail.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_told_apart() {
        let folder = |path: &str| Address::Folder(PathBuf::from(path));
        for (text, expected) in [
            ("/var/backups", folder("/var/backups")),
            ("backups", folder("backups")),
            ("./a b", folder("./a b")),
            ("file:///var/my%20backups", folder("/var/my backups")),
        ] {
            assert_eq!(Address::parse(text).unwrap(), expected, "{text}");
        }
        for (text, bucket, prefix) in [
            ("s3://vault", "vault", ""),
            ("s3://vault/", "vault", ""),
            ("S3://my.vault-1/a/b/", "my.vault-1", "a/b"),
        ] {
            let expected = Address::S3 {
                bucket: bucket.into(),
                prefix: path(prefix).unwrap(),
            };
            assert_eq!(Address::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_names_no_target_is_refused_without_repeating_secrets() {
        for text in [
            "",
            " ",
            "ftp://host/x",
            "s3://",
            "s3:///prefix",
            "file://host/x",
            "s3://vault/../x",
            "s3://key:hunter2@vault/x",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn names_that_could_lead_elsewhere_are_refused() {
        for name in ["a", "a/b.backup", "2026-01-01T00_00_00Z+1=x"] {
            assert_eq!(path(name).unwrap().as_ref(), name);
        }
        for name in [
            "../a", "a//b", "/a", "a/./b", "a#1", "a b", "a\\b", "ä", "a\0",
        ] {
            assert!(path(name).is_err(), "{name:?}");
        }
    }
}

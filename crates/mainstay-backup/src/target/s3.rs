//! A prefix in a bucket of a store that speaks S3.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mainstay::{Error, ErrorKind, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use rustls::crypto::CryptoProvider;
use url::{Host, Url};

use super::place::{Place, Target};

/// For one request with its answer. The largest part has to get through in that time.
const REQUEST: Duration = Duration::from_secs(180);
const CONNECT: Duration = Duration::from_secs(10);
/// Beyond it a request is not sent again.
const AGAIN_WITHIN: Duration = Duration::from_secs(120);
const TIMES: usize = 4;

impl Target {
    /// A prefix in a bucket, with the settings of an environment.
    pub(super) fn s3(
        bucket: &str,
        prefix: Path,
        environment: &HashMap<String, String>,
    ) -> Result<Self> {
        let name = match prefix.as_ref() {
            "" => format!("s3://{bucket}"),
            prefix => format!("s3://{bucket}/{prefix}"),
        };
        let told =
            |detail: String| Error::new(ErrorKind::Configuration, format!("{name}: {detail}"));
        let settings = Settings::read(environment).map_err(&told)?;
        if let Some(endpoint) = &settings.endpoint {
            check_endpoint(endpoint, settings.may_be_plain).map_err(|error| {
                told(error.detail().to_owned())
                    .with_hint(error.hint().unwrap_or_default().to_owned())
            })?;
            if !settings.has_key {
                return Err(
                    told("there are no keys for the store".to_owned()).with_hint(
                        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for AWS_ENDPOINT_URL",
                    ),
                );
            }
        }
        if CryptoProvider::get_default().is_none() {
            // The other one that rustls knows is not linked. Losing the race is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_client_options(
                ClientOptions::new()
                    .with_timeout(REQUEST)
                    .with_connect_timeout(CONNECT),
            )
            .with_retry(retries());
        for (key, value) in settings.others {
            builder = builder.with_config(key, value);
        }
        if settings.endpoint.is_some_and(|url| url.scheme() == "http") {
            builder = builder.with_allow_http(true);
        }
        let store = builder.build().map_err(|why| told(why.to_string()))?;
        Ok(Self {
            place: Place::Store {
                store: Arc::new(store),
                name,
            },
            prefix,
        })
    }
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(10),
            base: 3.0,
        },
        max_retries: TIMES,
        retry_timeout: AGAIN_WITHIN,
    }
}

/// What an environment says of a store.
#[derive(Debug)]
struct Settings {
    endpoint: Option<Url>,
    /// Whether the user wants it without TLS anywhere.
    may_be_plain: bool,
    has_key: bool,
    /// All of it, for the client.
    others: Vec<(AmazonS3ConfigKey, String)>,
}

impl Settings {
    fn read(environment: &HashMap<String, String>) -> Result<Self, String> {
        let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
            .into_iter()
            .find_map(|name| Some((name, set(name)?)));
        let endpoint = match endpoint {
            None => None,
            Some((name, text)) => Some(
                Url::parse(text).map_err(|why| format!("{name} is no URL of a store: {why}"))?,
            ),
        };
        let may_be_plain =
            set("AWS_ALLOW_HTTP").is_some_and(|value| matches!(value.as_str(), "true" | "1"));
        let mut others = Vec::new();
        for (name, value) in environment {
            let key = name.to_ascii_lowercase();
            if name.starts_with("AWS_")
                && !value.is_empty()
                && let Ok(key) = key.parse::<AmazonS3ConfigKey>()
            {
                others.push((key, value.clone()));
            }
        }
        Ok(Self {
            endpoint,
            may_be_plain,
            has_key: set("AWS_ACCESS_KEY_ID").is_some() || set("AWS_SKIP_SIGNATURE").is_some(),
            others,
        })
    }
}

/// Refuses to send keys and data in the clear, but on this machine or where that is wanted.
fn check_endpoint(url: &Url, may_be_plain: bool) -> Result<()> {
    let told = |detail: String| Error::new(ErrorKind::Configuration, detail);
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(told("the endpoint of the store has no host".to_owned())),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            told("the endpoint of the store has a user or password".to_owned())
                .with_hint("keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        );
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_local || may_be_plain => Ok(()),
        "http" => Err(told(format!("the endpoint {url} is without TLS"))
            .with_hint("use https, or set AWS_ALLOW_HTTP=true if the way there is safe")),
        _ => Err(told(format!(
            "the endpoint {url} is neither http nor https"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, settings: &[(&str, &str)]) -> Result<Target> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Target::parse(text, &settings.iter().map(own).collect())
    }

    const KEYS: [(&str, &str); 2] = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2hunter2"),
    ];

    #[test]
    fn settings_of_the_environment_are_used_and_secrets_not_shown() {
        let endpoint = ("AWS_ENDPOINT_URL", "https://store.example.com");
        let region = ("AWS_REGION", "eu-central-1");
        let other = ("AWS_PROFILE", "work");
        let settings = [&KEYS[..], &[endpoint, region, other]].concat();
        let target = parse("s3://vault/a/b/", &settings).unwrap();
        assert_eq!(target.to_string(), "s3://vault/a/b");
        assert_eq!(format!("{target:?}"), "Target(s3://vault/a/b)");
    }

    #[test]
    fn nothing_is_sent_in_the_clear_unless_that_is_wanted() {
        let with = |endpoint, more: &[(&str, &str)]| {
            let endpoint = [("AWS_ENDPOINT_URL", endpoint)];
            parse("s3://vault", &[&KEYS[..], &endpoint, more].concat())
        };
        for endpoint in [
            "https://store.example.com",
            "http://127.0.0.1:9000",
            "http://localhost:9000",
            "http://[::1]:9000",
        ] {
            with(endpoint, &[]).unwrap();
        }
        with("http://store.internal:9000", &[("AWS_ALLOW_HTTP", "true")]).unwrap();
        for endpoint in [
            "http://store.internal:9000",
            "http://127.0.0.1.example.com",
            "store.internal:9000",
            "ftp://127.0.0.1",
            "https://user:hunter2@store.internal",
        ] {
            let error = with(endpoint, &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{endpoint}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn missing_keys_are_told_before_anything_is_sent() {
        let endpoint = ("AWS_ENDPOINT_URL", "https://store.example.com");
        let error = parse("s3://vault", &[endpoint]).unwrap_err();
        assert!(
            error.hint().unwrap().contains("AWS_ACCESS_KEY_ID"),
            "{error}"
        );
        let error = parse("s3://vault", &[endpoint, KEYS[0]]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
}

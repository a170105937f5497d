//! Keys in paths.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use mainstay::{Error, FieldErrors};
use uuid::Uuid;

use super::refusal::Failure;

/// The parameter that all routes with a key have.
const ID: &str = "id";

/// A UUID in the path.
#[derive(Debug, Clone, Copy)]
pub struct Id(pub Uuid);

/// A text in the path.
#[derive(Debug, Clone)]
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let text = text(parts, state).await?;
        // Only the usual form: the crate also reads braces and bare digits.
        let id = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36);
        id.map(Self).ok_or_else(|| invalid("id must be a UUID"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        text(parts, state).await.map(Self)
    }
}

async fn text<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, Failure> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| invalid("id must be UTF-8"))?;
    let found = params.iter().find(|(name, _)| *name == ID);
    found
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| invalid("id is required"))
}

/// The path of a row whose key is a text: everything but unreserved characters is escaped.
pub(super) fn of(collection: &str, key: &str) -> String {
    let mut path = format!("{collection}/");
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

fn invalid(message: &'static str) -> Failure {
    let mut fields = FieldErrors::new();
    fields.push(ID, message);
    Error::validation(fields).into()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn keys_are_escaped() {
        assert_eq!(of("/m", "a-b.c_d~1"), "/m/a-b.c_d~1");
        assert_eq!(of("/m", "a/b ü"), "/m/a%2Fb%20%C3%BC");
    }
}

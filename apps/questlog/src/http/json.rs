//! JSON in and out.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mainstay::Error;
use mainstay::repository::{Cursor, CursorPage};
use mainstay::validate::{from_json_partial, in_column_order};
use serde::Serialize;

use super::refusal::{Failure, Refusal};
use crate::input::Input;
use crate::service::App;

/// A request's JSON body. Unknown and duplicate fields are refused.
///
/// When a field cannot be read, the rules are asked about the others right here, so that the answer
/// holds all problems. Otherwise they are left to the operation, which asks them in any case.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: Input> FromRequest<App> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        if !is_json(request.headers()) {
            return Err(Refusal::NotJson.into());
        }
        let bytes =
            Bytes::from_request(request, app)
                .await
                .map_err(|rejection| match rejection {
                    BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                        Refusal::TooLarge
                    }
                    _ => Refusal::Incomplete,
                })?;
        let (input, mut problems) = from_json_partial::<T>(&bytes, T::table())?;
        match input {
            Some(input) if problems.is_empty() => return Ok(Self(input)),
            Some(input) => input.check(app.db.clock().now(), &mut problems)?,
            None => {}
        }
        Err(Error::validation(in_column_order(problems, T::table())).into())
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(kind)) = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) else {
        return false;
    };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// An answer as JSON, with status 200.
#[derive(Debug)]
pub struct Answer<T>(pub T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A row that was made: status 201, and where it is from now on.
#[derive(Debug)]
pub struct Created<T> {
    /// The path of the row.
    pub location: String,
    /// The row.
    pub row: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, axum::Json(self.row)).into_response();
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    items: Vec<T>,
    next_cursor: Option<Cursor>,
}

impl<T> From<CursorPage<T>> for Answer<List<T>> {
    fn from(page: CursorPage<T>) -> Self {
        Self(List {
            items: page.items,
            next_cursor: page.next,
        })
    }
}

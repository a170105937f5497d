//! One error type for everything.
//!
//! - `mod.rs`: [`Error`], what happened and all that is known about it
//! - [`kind`](ErrorKind): the kinds and the table of what follows from each
//! - [`fields`](FieldErrors): problems of an input, per field; `collect`: these as an error
//! - [`problem`](Problem): the error as problem details (RFC 9457)
//! - `response`: the error as an axum response, behind the feature `axum`

mod collect;
mod fields;
mod kind;
mod problem;
#[cfg(feature = "axum")]
mod response;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use fields::{FieldError, FieldErrors};
pub use kind::{ErrorKind, Outcome, RetryClass};
pub use problem::Problem;

/// The result of every fallible operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Arc<dyn std::error::Error + Send + Sync + 'static>;
type Text = Cow<'static, str>;

/// What went wrong, the same on every engine.
///
/// `Display` is for the operator: it names table, constraint and what to do. What may be shown to
/// the public is [`public_message`](Self::public_message). Cloning is cheap.
///
/// ```
/// use mainstay::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::NotFound, "no row of users has id 7").with_table("users");
/// assert_eq!(error.code(), "NOT_FOUND");
/// assert_eq!(error.http_status(), 404);
/// assert_eq!(error.public_message(), "Record not found");
/// ```
#[doc(alias = "DatabaseError")]
#[doc(alias = "handlePrismaError")]
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    detail: Text,
    hint: Option<Text>,
    table: Option<Text>,
    constraint: Option<Text>,
    columns: Vec<Text>,
    fields: FieldErrors,
    native_code: Option<Text>,
    prisma_code: Option<&'static str>,
    outcome: Outcome,
    retry: Option<RetryClass>,
    retry_after: Option<Duration>,
    source: Option<Source>,
    again_alone: bool,
    of_server: bool,
}

impl Error {
    /// An error of a kind, with what happened in words for the operator.
    ///
    /// Its outcome is "not applied" until [`with_outcome`](Self::with_outcome) says otherwise.
    pub fn new(kind: ErrorKind, detail: impl Into<Text>) -> Self {
        Self(Arc::new(Inner {
            kind,
            detail: detail.into(),
            hint: None,
            table: None,
            constraint: None,
            columns: Vec::new(),
            fields: FieldErrors::new(),
            native_code: None,
            prisma_code: None,
            outcome: match kind {
                ErrorKind::CommitUnknown => Outcome::Unknown,
                _ => Outcome::NotApplied,
            },
            retry: None,
            retry_after: None,
            source: None,
            again_alone: false,
            of_server: false,
        }))
    }

    /// A `VALIDATION_ERROR` with the problems of each field.
    pub fn validation(fields: FieldErrors) -> Self {
        let mut error = Self::new(ErrorKind::Validation, fields.joined());
        error.inner_mut().fields = fields;
        error
    }

    /// An error from outside the database layer: "Unexpected error".
    pub fn unexpected(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(ErrorKind::Unexpected, source.to_string()).with_source(source)
    }

    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// The same error as another kind: for what an engine calls by a more general name.
    #[must_use]
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.inner_mut().kind = kind;
        self
    }

    /// Says which of several statements it was, counted from 0.
    #[must_use]
    pub(crate) fn at_statement(mut self, position: usize, of: usize) -> Self {
        let inner = self.inner_mut();
        inner.detail = format!("statement {} of {of}: {}", position + 1, inner.detail).into();
        self
    }

    /// Says which of several rows it was, counted from 0.
    #[must_use]
    pub(crate) fn at_row(mut self, position: usize, of: usize) -> Self {
        let inner = self.inner_mut();
        inner.detail = format!("row {} of {of}: {}", position + 1, inner.detail).into();
        self
    }

    /// Adds to what happened.
    #[must_use]
    pub(crate) fn with_more(mut self, more: &str) -> Self {
        let inner = self.inner_mut();
        inner.detail = format!("{}; {more}", inner.detail).into();
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Text>) -> Self {
        self.inner_mut().hint = Some(hint.into());
        self
    }

    /// Names the table.
    #[must_use]
    pub fn with_table(mut self, table: impl Into<Text>) -> Self {
        self.inner_mut().table = Some(table.into());
        self
    }

    /// Names the constraint.
    #[must_use]
    pub fn with_constraint(mut self, constraint: impl Into<Text>) -> Self {
        self.inner_mut().constraint = Some(constraint.into());
        self
    }

    /// Names the columns.
    #[must_use]
    pub fn with_columns<I>(mut self, columns: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Text>,
    {
        self.inner_mut().columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Adds problems per field, for instance a duplicate reported on the column it concerns.
    #[must_use]
    pub fn with_fields(mut self, fields: FieldErrors) -> Self {
        self.inner_mut().fields = fields;
        self
    }

    /// Adds the engine's own code: an SQLSTATE, an SQLite result code, a MySQL error number.
    #[must_use]
    pub fn with_native_code(mut self, code: impl Into<Text>) -> Self {
        self.inner_mut().native_code = Some(code.into());
        self
    }

    /// Overrides the Prisma code of the kind.
    #[must_use]
    pub fn with_prisma_code(mut self, code: &'static str) -> Self {
        self.inner_mut().prisma_code = Some(code);
        self
    }

    /// Says whether the failed write took effect.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.inner_mut().outcome = outcome;
        self
    }

    /// Overrides the retry class of the kind.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryClass) -> Self {
        self.inner_mut().retry = Some(retry);
        self
    }

    /// Says when a retry makes sense at the earliest.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.inner_mut().retry_after = Some(after);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.inner_mut().source = Some(Arc::new(source));
        self
    }

    /// Marks the error of a transaction that was put off: none of it took effect, and it is to run
    /// again by itself, sharing its commit with nobody. For drivers.
    #[must_use]
    pub fn with_again_alone(mut self) -> Self {
        self.inner_mut().again_alone = true;
        self
    }

    /// Whether the transaction is to run again by itself.
    pub(crate) fn is_again_alone(&self) -> bool {
        self.0.again_alone
    }

    /// Marks a refusal that the driver knows to come of the state the whole database is in, rather
    /// than of the statement: a read-only server, a full disk. It concerns all writes. For drivers.
    #[must_use]
    pub fn with_state_of_server(mut self) -> Self {
        self.inner_mut().of_server = true;
        self
    }

    /// Whether it is known to concern all writes.
    pub(crate) fn is_state_of_server(&self) -> bool {
        self.0.of_server
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code, such as `DUPLICATE_ENTRY`. An engine error without a kind of its own has
    /// its Prisma code here, as in the seed.
    pub fn code(&self) -> &'static str {
        match self.0.kind {
            ErrorKind::Database => self.prisma_code().unwrap_or("P2039"),
            kind => kind.facts().code,
        }
    }

    /// The Prisma code, where Prisma has one.
    pub fn prisma_code(&self) -> Option<&'static str> {
        self.0.prisma_code.or(self.0.kind.facts().prisma)
    }

    /// The HTTP status to answer with.
    #[doc(alias = "statusCode")]
    pub fn http_status(&self) -> u16 {
        self.0.kind.facts().status
    }

    /// Whether doing the same again can help.
    pub fn retry(&self) -> RetryClass {
        if let Some(retry) = self.0.retry {
            return retry;
        }
        match (self.0.kind.facts().retry, self.0.outcome) {
            (RetryClass::Safe, Outcome::Unknown) => RetryClass::AfterResolving,
            (_, Outcome::Applied) => RetryClass::Never,
            (class, _) => class,
        }
    }

    /// Whether the failed write took effect.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// The table concerned, where known.
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// The constraint that refused, where known.
    pub fn constraint(&self) -> Option<&str> {
        self.0.constraint.as_deref()
    }

    /// The columns concerned, in the constraint's order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.columns.iter().map(AsRef::as_ref)
    }

    /// Problems per field.
    pub fn fields(&self) -> &FieldErrors {
        &self.0.fields
    }

    /// What happened, for the operator, without the kind's own words.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What to do next, for the operator.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The engine's own code.
    pub fn native_code(&self) -> Option<&str> {
        self.0.native_code.as_deref()
    }

    /// When a retry makes sense at the earliest. A 503 has one, one second unless known, but for a
    /// write that may have taken effect: to send it again is not for those who know nothing of it.
    pub fn retry_after(&self) -> Option<Duration> {
        if self.outcome() != Outcome::NotApplied {
            return None;
        }
        match (self.0.retry_after, self.http_status()) {
            (None, 503) => Some(Duration::from_secs(1)),
            (after, _) => after,
        }
    }

    /// A message that may be shown to anyone: no table, no value, no engine text.
    pub fn public_message(&self) -> String {
        match self.0.kind {
            ErrorKind::Validation => format!("Validation error: {}", self.0.fields.joined()),
            kind => kind.facts().public.to_owned(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.facts().public)?;
        if let Some(table) = self.table() {
            write!(f, " on {table}")?;
            if !self.0.columns.is_empty() {
                write!(f, " ({})", self.0.columns.join(", "))?;
            }
        }
        if let Some(constraint) = self.constraint() {
            write!(f, " [{constraint}]")?;
        }
        if !self.0.detail.is_empty() {
            write!(f, ": {}", self.0.detail)?;
        }
        if let Some(hint) = self.hint() {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("code", &self.code())
            .field("message", &self.to_string());
        if let Some(native) = self.native_code() {
            out.field("native_code", &native);
        }
        if self.0.outcome != Outcome::NotApplied {
            out.field("outcome", &self.0.outcome);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests;

//! The kinds of error and what follows from each: code, Prisma code, HTTP status, retry class and
//! the sentence shown to the public. One table, so that a kind is defined in one place.

/// What went wrong, independent of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A unique constraint or the primary key refused a value.
    Duplicate,
    /// A record that must exist does not.
    NotFound,
    /// A foreign key refused a change.
    ForeignKey,
    /// Input was refused before any database work.
    Validation,
    /// NULL in a column that must have a value.
    NotNull,
    /// A CHECK constraint refused a value.
    Check,
    /// Text or bytes longer than the column holds.
    ValueTooLong,
    /// A number or date beyond what the column holds.
    OutOfRange,
    /// A value that is not of the column's type.
    InvalidValue,
    /// An insert lacks a value that has no default.
    MissingValue,
    /// A table does not exist.
    TableMissing,
    /// A column does not exist.
    ColumnMissing,
    /// The handle has been closed.
    Closed,
    /// No connection became free in time.
    PoolTimeout,
    /// Too many callers wait for a connection already.
    Overloaded,
    /// The server cannot be reached.
    Unreachable,
    /// The connection was lost while in use.
    ConnectionLost,
    /// User name or password were refused.
    CredentialsRefused,
    /// The user may not do this.
    AccessDenied,
    /// The database does not exist.
    DatabaseMissing,
    /// The database exists already.
    DatabaseExists,
    /// A TLS connection could not be made.
    Tls,
    /// The deadline passed.
    Deadline,
    /// A serialization failure, a deadlock or a busy database.
    WriteConflict,
    /// The transaction is closed, expired or was refused after an earlier error.
    TransactionClosed,
    /// The server has no connection left to give.
    TooManyConnections,
    /// The circuit breaker is open.
    CircuitOpen,
    /// The server or file is read-only.
    ReadOnly,
    /// The disk is full.
    DiskFull,
    /// The database file or page is damaged.
    Corrupt,
    /// A backup is damaged or incomplete.
    BackupDamaged,
    /// A backup that is whole cannot be used: its key is missing, it is of a newer version or of
    /// another engine.
    BackupRefused,
    /// The place where backups are kept cannot be used.
    BackupTarget,
    /// Whether the commit took effect is not known.
    CommitUnknown,
    /// A stored value does not fit the field's type.
    Decode,
    /// The engine lacks a feature that was asked for.
    Unsupported,
    /// A setting or connection string is wrong.
    Configuration,
    /// A known engine error without a kind of its own.
    Database,
    /// An engine error that was not recognised.
    Unknown,
    /// Anything else.
    Unexpected,
}

/// Whether doing the same again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryClass {
    /// The same call fails the same way.
    Never,
    /// Nothing took effect and the cause is transient: the call may be repeated.
    Safe,
    /// The call may have taken effect: find out first.
    AfterResolving,
}

/// Whether a failed write took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing of it is in the database.
    NotApplied,
    /// It is in the database; only its answer was lost.
    Applied,
    /// It cannot be known.
    Unknown,
}

/// One row of the table of kinds.
pub(super) struct KindFacts {
    pub(super) code: &'static str,
    pub(super) prisma: Option<&'static str>,
    pub(super) status: u16,
    pub(super) retry: RetryClass,
    pub(super) public: &'static str,
}

const fn facts(
    code: &'static str,
    prisma: Option<&'static str>,
    status: u16,
    retry: RetryClass,
    public: &'static str,
) -> KindFacts {
    KindFacts {
        code,
        prisma,
        status,
        retry,
        public,
    }
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Duplicate,
        Self::NotFound,
        Self::ForeignKey,
        Self::Validation,
        Self::NotNull,
        Self::Check,
        Self::ValueTooLong,
        Self::OutOfRange,
        Self::InvalidValue,
        Self::MissingValue,
        Self::TableMissing,
        Self::ColumnMissing,
        Self::Closed,
        Self::PoolTimeout,
        Self::Overloaded,
        Self::Unreachable,
        Self::ConnectionLost,
        Self::CredentialsRefused,
        Self::AccessDenied,
        Self::DatabaseMissing,
        Self::DatabaseExists,
        Self::Tls,
        Self::Deadline,
        Self::WriteConflict,
        Self::TransactionClosed,
        Self::TooManyConnections,
        Self::CircuitOpen,
        Self::ReadOnly,
        Self::DiskFull,
        Self::Corrupt,
        Self::BackupDamaged,
        Self::BackupRefused,
        Self::BackupTarget,
        Self::CommitUnknown,
        Self::Decode,
        Self::Unsupported,
        Self::Configuration,
        Self::Database,
        Self::Unknown,
        Self::Unexpected,
    ];

    pub(super) fn facts(self) -> KindFacts {
        use RetryClass::{AfterResolving, Never, Safe};
        match self {
            Self::Duplicate => facts(
                "DUPLICATE_ENTRY",
                Some("P2002"),
                409,
                Never,
                "Unique constraint violation",
            ),
            Self::NotFound => facts("NOT_FOUND", Some("P2025"), 404, Never, "Record not found"),
            Self::ForeignKey => facts(
                "FOREIGN_KEY_ERROR",
                Some("P2003"),
                400,
                Never,
                "Foreign key constraint violation",
            ),
            Self::Validation => facts("VALIDATION_ERROR", None, 400, Never, "Validation error"),
            Self::NotNull => facts(
                "NOT_NULL_ERROR",
                Some("P2011"),
                400,
                Never,
                "A required value is missing",
            ),
            Self::Check => facts(
                "CHECK_ERROR",
                Some("P2004"),
                400,
                Never,
                "Check constraint violation",
            ),
            Self::ValueTooLong => facts(
                "VALUE_TOO_LONG",
                Some("P2000"),
                400,
                Never,
                "A value is too long",
            ),
            Self::OutOfRange => facts(
                "OUT_OF_RANGE",
                Some("P2020"),
                400,
                Never,
                "A value is out of range",
            ),
            Self::InvalidValue => facts(
                "INVALID_VALUE",
                Some("P2007"),
                400,
                Never,
                "A value is not valid",
            ),
            Self::MissingValue => facts(
                "MISSING_VALUE",
                Some("P2012"),
                400,
                Never,
                "A required value is missing",
            ),
            Self::TableMissing => facts(
                "TABLE_MISSING",
                Some("P2021"),
                500,
                Never,
                "The database is not set up",
            ),
            Self::ColumnMissing => facts(
                "COLUMN_MISSING",
                Some("P2022"),
                500,
                Never,
                "The database is not set up",
            ),
            Self::Closed => facts(
                "DATABASE_CLOSED",
                None,
                503,
                Never,
                "The service is stopping",
            ),
            Self::PoolTimeout => facts(
                "POOL_TIMEOUT",
                Some("P2024"),
                503,
                Safe,
                "The database is busy",
            ),
            Self::Overloaded => facts(
                "OVERLOADED",
                Some("P2024"),
                503,
                Safe,
                "The database is busy",
            ),
            Self::Unreachable => facts(
                "SERVER_UNREACHABLE",
                Some("P1001"),
                503,
                Safe,
                "The database cannot be reached",
            ),
            Self::ConnectionLost => facts(
                "CONNECTION_LOST",
                Some("P1017"),
                503,
                Safe,
                "The connection to the database was lost",
            ),
            Self::CredentialsRefused => facts(
                "CREDENTIALS_REFUSED",
                Some("P1000"),
                500,
                Never,
                "The database refused the service",
            ),
            Self::AccessDenied => facts(
                "ACCESS_DENIED",
                Some("P1010"),
                500,
                Never,
                "The database refused the service",
            ),
            Self::DatabaseMissing => facts(
                "DATABASE_MISSING",
                Some("P1003"),
                500,
                Never,
                "The database is not set up",
            ),
            Self::DatabaseExists => facts(
                "DATABASE_EXISTS",
                Some("P1009"),
                500,
                Never,
                "The database exists already",
            ),
            Self::Tls => facts(
                "TLS_ERROR",
                Some("P1011"),
                500,
                Never,
                "No secure connection to the database",
            ),
            Self::Deadline => facts(
                "DEADLINE_EXCEEDED",
                Some("P1008"),
                504,
                Safe,
                "The operation took too long",
            ),
            Self::WriteConflict => facts(
                "WRITE_CONFLICT",
                Some("P2034"),
                409,
                Safe,
                "The change conflicted with another one",
            ),
            Self::TransactionClosed => facts(
                "TRANSACTION_CLOSED",
                Some("P2028"),
                500,
                Never,
                "The transaction is closed",
            ),
            Self::TooManyConnections => facts(
                "TOO_MANY_CONNECTIONS",
                Some("P2037"),
                503,
                Safe,
                "The database is busy",
            ),
            Self::CircuitOpen => facts(
                "CIRCUIT_OPEN",
                None,
                503,
                Safe,
                "The database is not available",
            ),
            Self::ReadOnly => facts("READ_ONLY", None, 503, Never, "The database is read-only"),
            Self::DiskFull => facts(
                "DISK_FULL",
                None,
                507,
                Never,
                "The database is out of space",
            ),
            Self::Corrupt => facts(
                "DATABASE_CORRUPT",
                None,
                500,
                Never,
                "The database is damaged",
            ),
            Self::BackupDamaged => facts(
                "BACKUP_DAMAGED",
                None,
                500,
                Never,
                "The backup is damaged",
            ),
            Self::BackupRefused => facts(
                "BACKUP_REFUSED",
                None,
                500,
                Never,
                "The backup cannot be used",
            ),
            Self::BackupTarget => facts(
                "BACKUP_TARGET_ERROR",
                None,
                500,
                Never,
                "The place of the backups cannot be used",
            ),
            Self::CommitUnknown => facts(
                "COMMIT_UNKNOWN",
                None,
                500,
                AfterResolving,
                "It is not known whether the change was made",
            ),
            Self::Decode => facts(
                "DECODE_ERROR",
                Some("P2023"),
                500,
                Never,
                "A stored value is not valid",
            ),
            Self::Unsupported => facts(
                "UNSUPPORTED",
                Some("P2026"),
                500,
                Never,
                "The database lacks a feature",
            ),
            Self::Configuration => facts(
                "CONFIGURATION_ERROR",
                Some("P1013"),
                500,
                Never,
                "The service is misconfigured",
            ),
            Self::Database => facts(
                "DATABASE_ERROR",
                Some("P2039"),
                500,
                Never,
                "Database error",
            ),
            Self::Unknown => facts("UNKNOWN_ERROR", None, 500, Never, "Unknown database error"),
            Self::Unexpected => facts("UNEXPECTED_ERROR", None, 500, Never, "Unexpected error"),
        }
    }
}

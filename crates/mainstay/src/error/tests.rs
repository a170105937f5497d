use super::*;

#[test]
fn the_seeds_rows_are_fixed() {
    let rows = [
        (
            ErrorKind::Duplicate,
            "DUPLICATE_ENTRY",
            409,
            "Unique constraint violation",
        ),
        (ErrorKind::NotFound, "NOT_FOUND", 404, "Record not found"),
        (
            ErrorKind::ForeignKey,
            "FOREIGN_KEY_ERROR",
            400,
            "Foreign key constraint violation",
        ),
        (
            ErrorKind::Unknown,
            "UNKNOWN_ERROR",
            500,
            "Unknown database error",
        ),
        (
            ErrorKind::Unexpected,
            "UNEXPECTED_ERROR",
            500,
            "Unexpected error",
        ),
    ];
    for (kind, code, status, message) in rows {
        let error = Error::new(kind, "engine text");
        assert_eq!((error.code(), error.http_status()), (code, status));
        assert_eq!(error.public_message(), message);
    }
}

#[test]
fn codes_are_unique_and_public_messages_hide_the_detail() {
    let mut codes: Vec<_> = ErrorKind::ALL
        .iter()
        .map(|kind| Error::new(*kind, "secret-detail").code())
        .collect();
    for kind in ErrorKind::ALL {
        assert!(
            !Error::new(*kind, "secret-detail")
                .public_message()
                .contains("secret-detail")
        );
    }
    let total = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), total);
}

#[test]
fn messages_of_several_problems_join_as_in_the_seed() {
    let mut fields = FieldErrors::new();
    fields.push("email", "Invalid email format");
    fields.push("name", "Name is required");
    let error = fields.into_result().unwrap_err();
    assert_eq!(
        error.public_message(),
        "Validation error: Invalid email format, Name is required"
    );
    assert_eq!(error.http_status(), 400);
    let problem = serde_json::to_value(Problem::from(&error)).unwrap();
    assert_eq!(problem["code"], "VALIDATION_ERROR");
    assert_eq!(problem["errors"][1]["field"], "name");
}

#[test]
fn an_unknown_outcome_is_never_safe_to_retry() {
    let error = Error::new(ErrorKind::ConnectionLost, "cut");
    assert_eq!(error.retry(), RetryClass::Safe);
    assert_eq!(
        error.with_outcome(Outcome::Unknown).retry(),
        RetryClass::AfterResolving
    );
}

#[test]
fn an_engine_error_without_a_kind_has_its_prisma_code() {
    let error = Error::new(ErrorKind::Database, "boom").with_prisma_code("P2010");
    assert_eq!((error.code(), error.http_status()), ("P2010", 500));
    assert_eq!(error.to_string(), "Database error: boom");
}

#[test]
fn a_503_says_when_to_come_back() {
    assert!(
        Error::new(ErrorKind::PoolTimeout, "")
            .retry_after()
            .is_some()
    );
    assert!(Error::new(ErrorKind::NotFound, "").retry_after().is_none());
}

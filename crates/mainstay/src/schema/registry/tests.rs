use super::*;
use crate::schema::{Automatic, CheckModel, ColumnModel, OnDelete, TextForm, UniqueModel};
use crate::value::ColumnType;

const fn column(name: &'static str, field: &'static str) -> ColumnModel {
    ColumnModel {
        name,
        field,
        ty: ColumnType::I64,
        nullable: false,
        default: None,
        automatic: Automatic::No,
        form: TextForm::Line,
        rules: &[],
    }
}

const ID: &[ColumnModel] = &[column("id", "id")];

const fn table(name: &'static str) -> TableModel {
    TableModel {
        name,
        columns: ID,
        primary_key: &[0],
        uniques: &[],
        indexes: &[],
        foreign_keys: &[],
        checks: &[],
    }
}

static USERS: TableModel = TableModel {
    columns: &[
        column("id", "id"),
        column("email", "email"),
        column("full_name", "fullName"),
    ],
    uniques: &[
        UniqueModel {
            name: "users_email_key",
            columns: &["email"],
        },
        UniqueModel {
            name: "users_name_email_key",
            columns: &["full_name", "email"],
        },
    ],
    ..table("users")
};

static PROGRESS: TableModel = TableModel {
    columns: &[
        column("user_id", "userId"),
        column("day", "day"),
        column("value", "value"),
        column("max_value", "maxValue"),
    ],
    primary_key: &[1, 0],
    foreign_keys: &[ForeignKeyModel {
        name: "progress_user_fkey",
        columns: &["user_id"],
        references: "users",
        referenced_columns: &["id"],
        on_delete: OnDelete::Cascade,
    }],
    checks: &[CheckModel {
        name: "progress_value_within",
        condition: "value <= max_value",
        columns: &["value", "max_value"],
    }],
    ..table("progress")
};

fn schema() -> Schema {
    Schema::new().with_table(&PROGRESS).with_table(&USERS)
}

/// What an explained error says: table, constraint, columns, fields.
fn explained(error: Error) -> (Option<String>, Option<String>, Vec<String>, Vec<String>) {
    let error = schema().explain(error);
    (
        error.table().map(str::to_owned),
        error.constraint().map(str::to_owned),
        error.columns().map(str::to_owned).collect(),
        error.fields().iter().map(|e| e.field.to_string()).collect(),
    )
}

fn says(error: Error, table: &str, constraint: Option<&str>, columns: &[&str], fields: &[&str]) {
    let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        explained(error),
        (
            Some(table.to_owned()),
            constraint.map(str::to_owned),
            own(columns),
            own(fields)
        )
    );
}

#[test]
fn a_constraint_s_name_leads_to_its_columns() {
    let named = |kind, name| Error::new(kind, "engine text").with_constraint(name);
    for (kind, name, table, columns, fields) in [
        (
            ErrorKind::Duplicate,
            "users_email_key",
            "users",
            &["email"][..],
            &["email"][..],
        ),
        (
            ErrorKind::Duplicate,
            "users_name_email_key",
            "users",
            &["full_name", "email"],
            &["fullName", "email"],
        ),
        (
            ErrorKind::Duplicate,
            "progress_pkey",
            "progress",
            &["day", "user_id"],
            &["day", "userId"],
        ),
        (
            ErrorKind::ForeignKey,
            "progress_user_fkey",
            "progress",
            &["user_id"],
            &["userId"],
        ),
        (
            ErrorKind::Check,
            "progress_value_within",
            "progress",
            &["value", "max_value"],
            &["value", "maxValue"],
        ),
        (
            ErrorKind::Check,
            "users_full_name_check",
            "users",
            &["full_name"],
            &["fullName"],
        ),
    ] {
        says(named(kind, name), table, Some(name), columns, fields);
        // The same when the engine names the table too.
        let error = named(kind, name).with_table(table);
        says(error, table, Some(name), columns, fields);
    }
}

#[test]
fn columns_alone_lead_to_the_constraint() {
    let on = |kind, columns: &[&'static str]| {
        Error::new(kind, "engine text").with_columns(columns.iter().copied())
    };
    says(
        on(ErrorKind::Duplicate, &["email"]).with_table("users"),
        "users",
        Some("users_email_key"),
        &["email"],
        &["email"],
    );
    says(
        on(ErrorKind::Duplicate, &["day", "user_id"]),
        "progress",
        Some("progress_pkey"),
        &["day", "user_id"],
        &["day", "userId"],
    );
    says(
        on(ErrorKind::NotNull, &["full_name"]),
        "users",
        None,
        &["full_name"],
        &["fullName"],
    );
}

#[test]
fn mysql_s_primary_gets_the_name_it_has_elsewhere() {
    let primary = Error::new(ErrorKind::Duplicate, "1062").with_constraint("PRIMARY");
    says(
        primary.clone().with_table("users"),
        "users",
        Some("users_pkey"),
        &["id"],
        &["id"],
    );
    // Without a table it could be any.
    let left = explained(primary);
    assert_eq!(left, (None, Some("PRIMARY".to_owned()), vec![], vec![]));
}

#[test]
fn what_is_not_known_is_left_alone() {
    for error in [
        Error::new(ErrorKind::Duplicate, "x").with_constraint("other_key"),
        Error::new(ErrorKind::Duplicate, "x")
            .with_table("other")
            .with_constraint("users_email_key"),
        Error::new(ErrorKind::Duplicate, "x").with_columns(["full_name"]),
        Error::new(ErrorKind::NotNull, "x").with_columns(["no_such"]),
        Error::new(ErrorKind::Deadline, "x"),
    ] {
        let before = format!("{error:?}");
        let after = schema().explain(error);
        assert_eq!(format!("{after:?}"), before);
        assert!(after.fields().is_empty());
    }
}

#[test]
fn fields_that_are_there_stay() {
    let mut fields = FieldErrors::new();
    fields.push("email", "taken");
    let error = Error::new(ErrorKind::Duplicate, "x")
        .with_constraint("users_email_key")
        .with_fields(fields.clone());
    assert_eq!(schema().explain(error).fields(), &fields);
}

#[test]
fn field_messages_are_fit_for_the_public() {
    let error = Error::new(ErrorKind::Duplicate, "Key (email)=(a@b.co) already exists")
        .with_constraint("users_email_key");
    assert_eq!(
        schema().explain(error).fields().joined(),
        "Unique constraint violation"
    );
}

static A: TableModel = TableModel {
    foreign_keys: &[to("b")],
    ..table("a")
};
static B: TableModel = TableModel {
    foreign_keys: &[to("b"), to("a"), to("elsewhere")],
    ..table("b")
};
static C: TableModel = TableModel {
    foreign_keys: &[to("users")],
    ..table("c")
};

const fn to(references: &'static str) -> ForeignKeyModel {
    ForeignKeyModel {
        name: "key",
        columns: &["id"],
        references,
        referenced_columns: &["id"],
        on_delete: OnDelete::Restrict,
    }
}

#[test]
fn tables_stand_after_those_they_refer_to() {
    let names = |schema: &Schema| schema.tables().iter().map(|t| t.name).collect::<Vec<_>>();
    assert_eq!(names(&schema()), ["users", "progress"]);
    let circle = Schema::new()
        .with_table(&C)
        .with_table(&A)
        .with_table(&B)
        .with_table(&USERS)
        .with_table(&USERS);
    assert_eq!(names(&circle), ["users", "c", "a", "b"]);
    let referring: Vec<_> = circle
        .referring_to("users")
        .map(|(table, key)| (table.name, key.columns))
        .collect();
    assert_eq!(referring, [("c", &["id"][..])]);
}

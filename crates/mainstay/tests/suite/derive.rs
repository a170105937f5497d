//! What the derives write, seen from an application.

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use mainstay::driver::Row;
use mainstay::schema::{
    Automatic, DefaultValue, FromRow, Key, OnDelete, RuleKind, TableModel, TextForm,
};
use mainstay::value::OwnedRow;
use mainstay::value::{Cell, ColumnType, FromCell, ToValue};
use mainstay::{Entity, ErrorKind, Insert, Patch, Projection, TextEnum, Value};
use rust_decimal::Decimal;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, TextEnum)]
enum Status {
    Open,
    InProgress,
    #[text_enum(rename = "closed")]
    Done,
}

#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(
    table = "users",
    unique(email),
    index(total_xp, id),
    check(
        name = "xp_not_negative",
        condition = "total_xp >= 0",
        columns(total_xp)
    )
)]
struct User {
    #[entity(key, auto)]
    id: Uuid,
    #[entity(max = 254, email, lowercase, message(email = "Invalid email format"))]
    email: String,
    #[entity(
        min = 1,
        max = 100,
        message(min = "Name is required", max = "Name too long")
    )]
    name: String,
    #[entity(opaque)]
    password_hash: Option<String>,
    #[entity(default = 0, min = 0)]
    total_xp: i64,
    #[entity(json_object)]
    preferences: Option<serde_json::Value>,
    #[entity(created_at)]
    created_at: DateTime<Utc>,
    #[entity(updated_at)]
    updated_at: DateTime<Utc>,
    #[entity(version)]
    version: i64,
}

/// Every type, renamed columns, and a foreign key to itself beside one to another entity.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(unique(user_id, r#type), index(name = "goals_by_day", day))]
struct Goal {
    #[entity(key, auto)]
    id: i64,
    #[entity(references(User::id, on_delete = cascade))]
    user_id: Uuid,
    #[entity(references(Goal::id, on_delete = set_null))]
    parent: Option<i64>,
    #[entity(max = 20, field = "kind")]
    r#type: String,
    #[entity(enumeration, default = "in_progress")]
    status: Status,
    #[entity(decimal(10, 2), default = "1.50")]
    price: Decimal,
    #[entity(column = "is_active", default = true)]
    active: bool,
    #[entity(min = -5, max = 5, default = -1)]
    weight: i32,
    #[entity(default = 0.5)]
    ratio: f64,
    picture: Option<Vec<u8>>,
    #[entity(future)]
    day: NaiveDate,
    #[entity(multiline, max = 2000)]
    notes: Option<String>,
}

/// A composite key and a foreign key of two columns.
#[derive(Debug, Clone, Entity)]
#[entity(
    table = "entries",
    foreign_key(
        columns(user_id, kind),
        references = Goal,
        referenced(user_id, r#type),
        on_delete = cascade
    )
)]
struct Entry {
    #[entity(key, references(table = "users", column = "id"))]
    user_id: Uuid,
    #[entity(key)]
    number: i32,
    #[entity(max = 20)]
    kind: String,
}

#[derive(Insert)]
#[insert(User)]
struct NewUser {
    email: String,
    name: String,
    password_hash: Option<String>,
    total_xp: Option<i64>,
    preferences: Option<Option<serde_json::Value>>,
    #[insert(skip)]
    #[expect(dead_code, reason = "shows that it is left out")]
    captcha: u8,
}

#[derive(Default, Patch)]
#[patch(User)]
struct UserPatch {
    name: Option<String>,
    password_hash: Option<Option<String>>,
    #[patch(expected_version)]
    seen: Option<i64>,
    #[patch(skip)]
    #[expect(dead_code, reason = "shows that it is left out")]
    note: (),
}

#[derive(Debug, PartialEq, Projection)]
#[projection(User)]
struct UserName {
    name: String,
    id: Uuid,
    password_hash: Option<String>,
}

fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(seconds, 0).unwrap()
}

fn user() -> User {
    User {
        id: Uuid::from_u128(7),
        email: "a@example.com".to_owned(),
        name: "Ada".to_owned(),
        password_hash: None,
        total_xp: 12,
        preferences: Some(serde_json::json!({"theme": "dark"})),
        created_at: at(1),
        updated_at: at(2),
        version: 3,
    }
}

fn goal() -> Goal {
    Goal {
        id: 4,
        user_id: Uuid::from_u128(7),
        parent: None,
        r#type: "daily".to_owned(),
        status: Status::Done,
        price: Decimal::new(150, 2),
        active: true,
        weight: -1,
        ratio: 0.5,
        picture: Some(vec![1, 2]),
        day: NaiveDate::from_ymd_opt(2024, 2, 29).unwrap(),
        notes: None,
    }
}

fn row(values: Vec<Value>) -> OwnedRow {
    let names: Vec<String> = (0..values.len()).map(|i| format!("c{i}")).collect();
    OwnedRow {
        names: names.into(),
        values,
    }
}

fn read<T: FromRow>(values: Vec<Value>) -> mainstay::Result<T> {
    T::from_row(&Row::new(&row(values)))
}

fn names(table: &TableModel) -> Vec<&str> {
    table.columns.iter().map(|column| column.name).collect()
}

#[test]
fn an_entity_has_the_table_its_attributes_say() {
    let table = User::table();
    assert_eq!(table.name, "users");
    assert_eq!(
        names(table),
        [
            "id",
            "email",
            "name",
            "password_hash",
            "total_xp",
            "preferences",
            "created_at",
            "updated_at",
            "version"
        ]
    );
    assert_eq!(table.primary_key, [0]);
    assert_eq!(table.uniques[0].name, "users_email_key");
    assert_eq!(table.uniques[0].columns, ["email"]);
    assert_eq!(table.indexes[0].name, "users_total_xp_id_idx");
    assert_eq!(table.indexes[0].columns, ["total_xp", "id"]);
    assert_eq!(table.checks[0].name, "users_xp_not_negative_check");
    assert_eq!(table.checks[0].columns, ["total_xp"]);
    let automatic: Vec<_> = table.columns.iter().map(|c| c.automatic).collect();
    assert_eq!(automatic[0], Automatic::Uuid);
    assert_eq!(
        automatic[6..],
        [
            Automatic::CreatedAt,
            Automatic::UpdatedAt,
            Automatic::Version
        ]
    );
}

#[test]
fn columns_carry_types_forms_and_rules() {
    let email = User::EMAIL.model();
    assert_eq!(email.ty, ColumnType::Text { max: Some(254) });
    assert_eq!(email.form, TextForm::Lowercase);
    let rules: Vec<_> = email.rules.iter().map(|r| (&r.kind, r.message)).collect();
    assert_eq!(
        rules,
        [
            (&RuleKind::MaxLength(254), None),
            (&RuleKind::Email, Some("Invalid email format"))
        ]
    );
    let name = User::NAME.model();
    assert_eq!(name.rules[0].kind, RuleKind::MinLength(1));
    assert_eq!(name.rules[1].message, Some("Name too long"));
    let hash = User::PASSWORD_HASH.model();
    assert_eq!((hash.nullable, hash.form), (true, TextForm::Opaque));
    assert_eq!(hash.field, "passwordHash");
    let xp = User::TOTAL_XP.model();
    assert_eq!(xp.default, Some(DefaultValue::Int(0)));
    assert_eq!(xp.rules[0].kind, RuleKind::Min(0));
    assert_eq!(
        User::PREFERENCES.model().rules[0].kind,
        RuleKind::JsonObject
    );
}

#[test]
fn every_type_and_constraint_is_known() {
    let table = Goal::table();
    assert_eq!(table.name, "goals");
    assert_eq!(Goal::ID.model().automatic, Automatic::Identity);
    assert_eq!(
        Goal::STATUS.model().ty,
        ColumnType::Enum {
            variants: &["open", "in_progress", "closed"]
        }
    );
    assert_eq!(
        Goal::STATUS.model().default,
        Some(DefaultValue::Text("in_progress"))
    );
    assert_eq!(
        Goal::PRICE.model().ty,
        ColumnType::Decimal {
            precision: 10,
            scale: 2
        }
    );
    assert_eq!(Goal::ACTIVE.model().name, "is_active");
    assert_eq!(Goal::ACTIVE.model().field, "active");
    assert_eq!(Goal::WEIGHT.model().default, Some(DefaultValue::Int(-1)));
    assert_eq!(Goal::RATIO.model().default, Some(DefaultValue::Float(0.5)));
    assert_eq!(Goal::PICTURE.model().ty, ColumnType::Bytes);
    assert_eq!(Goal::DAY.model().rules[0].kind, RuleKind::Future);
    assert_eq!(Goal::TYPE.model().field, "kind");
    assert_eq!(table.uniques[0].name, "goals_user_id_type_key");
    assert_eq!(table.indexes[0].name, "goals_by_day");

    let [user, parent] = table.foreign_keys else {
        panic!("two foreign keys expected");
    };
    assert_eq!(user.name, "goals_user_id_fkey");
    assert_eq!(
        (user.references, user.referenced_columns),
        ("users", &["id"][..])
    );
    assert_eq!(user.on_delete, OnDelete::Cascade);
    assert_eq!(
        (parent.references, parent.on_delete),
        ("goals", OnDelete::SetNull)
    );
}

#[test]
fn keys_can_be_of_several_columns() {
    let entry = Entry {
        user_id: Uuid::from_u128(1),
        number: 2,
        kind: "daily".to_owned(),
    };
    let (user, number): (Uuid, i32) = entry.key();
    assert_eq!((user, number), (Uuid::from_u128(1), 2));
    assert_eq!(
        Key::values(&entry.key()),
        [Value::Uuid(Uuid::from_u128(1)), Value::I32(2)]
    );
    let [single, composite] = Entry::table().foreign_keys else {
        panic!("two foreign keys expected");
    };
    assert_eq!(single.on_delete, OnDelete::Restrict);
    assert_eq!(composite.name, "entries_user_id_kind_fkey");
    assert_eq!(composite.references, "goals");
    assert_eq!(composite.referenced_columns, ["user_id", "type"]);
}

#[test]
fn rows_become_entities_again() {
    assert_eq!(read::<User>(user().values()).unwrap(), user());
    assert_eq!(read::<Goal>(goal().values()).unwrap(), goal());
}

#[test]
fn a_row_that_does_not_fit_names_table_and_column() {
    let mut values = user().values();
    values[1] = Value::Null;
    let error = read::<User>(values).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.table(), Some("users"));
    assert_eq!(error.columns().collect::<Vec<_>>(), ["c1"]);
}

#[test]
fn an_entity_inserts_all_its_columns() {
    let given = Insert::<User>::assignments(user());
    let columns: Vec<_> = given.iter().map(|assignment| assignment.column).collect();
    assert_eq!(columns, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(given[8], User::VERSION.set(3));
}

#[test]
fn an_insert_tells_not_given_from_null() {
    let new = |total_xp, preferences| NewUser {
        email: "a@example.com".to_owned(),
        name: "Ada".to_owned(),
        password_hash: None,
        total_xp,
        preferences,
        captcha: 1,
    };
    assert_eq!(
        new(None, None).assignments(),
        [
            User::EMAIL.set("a@example.com".to_owned()),
            User::NAME.set("Ada".to_owned()),
            User::PASSWORD_HASH.set(None),
        ]
    );
    let given = new(Some(5), Some(None)).assignments();
    assert_eq!(
        given[3..],
        [User::TOTAL_XP.set(5), User::PREFERENCES.set(None)]
    );
}

#[test]
fn a_patch_has_only_what_was_given() {
    assert!(UserPatch::default().assignments().is_empty());
    assert_eq!(UserPatch::default().expected_version(), None);
    let patch = UserPatch {
        name: Some("Bea".to_owned()),
        password_hash: Some(None),
        seen: Some(3),
        note: (),
    };
    assert_eq!(patch.expected_version(), Some(3));
    assert_eq!(
        patch.assignments(),
        [
            User::NAME.set("Bea".to_owned()),
            User::PASSWORD_HASH.set(None)
        ]
    );
}

#[test]
fn a_projection_reads_its_columns_in_field_order() {
    assert_eq!(UserName::COLUMNS, [2, 0, 3]);
    let values = vec![
        Value::Text("Ada".to_owned()),
        Value::Text(Uuid::from_u128(7).to_string()),
        Value::Null,
    ];
    assert_eq!(
        read::<UserName>(values).unwrap(),
        UserName {
            name: "Ada".to_owned(),
            id: Uuid::from_u128(7),
            password_hash: None,
        }
    );
}

#[test]
fn enums_are_words() {
    assert_eq!(Status::VARIANTS, ["open", "in_progress", "closed"]);
    assert_eq!(
        Status::InProgress.to_value(),
        Value::Text("in_progress".to_owned())
    );
    assert_eq!(Status::Done.to_string(), "closed");
    assert_eq!("open".parse::<Status>().unwrap(), Status::Open);
    let error = "done".parse::<Status>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    let ty = Goal::STATUS.model().ty;
    let unknown = Status::from_cell(Cell::Text("done".into()), &ty).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Decode);
    assert!(format!("{:?}", Goal::STATUS.set(Status::Open)).contains("open"));
}

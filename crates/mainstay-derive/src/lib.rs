//! The derives of Mainstay. An application uses them through the crate `mainstay`, which
//! re-exports each beside the trait of the same name. Examples that compile stand with the traits, in
//! `mainstay::schema::entity`.
//!
//! - `entity`: a struct as a table
//! - `insert`, `patch`, `projection`: structs with some of an entity's columns
//! - `part`: what these three share
//! - `text_enum`: an enum as a word
//! - `types`: the field types that can be columns
//! - `attribute`, `names`, `problems`, `tokens`: small helpers

mod attribute;
mod entity;
mod insert;
mod names;
mod part;
mod patch;
mod problems;
mod projection;
mod text_enum;
mod tokens;
mod types;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

fn run(
    input: DeriveInput,
    expand: fn(DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    expand(input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a plain struct the row of a table.
///
/// Implements `Entity`, `FromRow` and `Insert<Self>`, and adds one typed column constant per
/// field (`User::EMAIL`). The struct must also be `Clone`.
///
/// # On the struct
/// - `table = "users"`: the table's name; otherwise the struct's name in snake case plus `s`.
/// - `unique(a, b)`, `index(a, b)`: over fields, by their names in the struct. Names are
///   `<table>_<columns>_key` and `<table>_<columns>_idx`, or what `name = "..."` says.
/// - `check(name = "xp_not_negative", condition = "total_xp >= 0", columns(total_xp))`: named
///   `<table>_<name>_check`. The condition is SQL that every engine reads, with column names.
/// - `foreign_key(columns(a, b), references = "t", referenced(x, y), on_delete = cascade)`: over
///   several columns, named `<table>_<columns>_fkey`; `on_delete` is `restrict` (the default),
///   `cascade` or `set_null`.
///
/// A column may stand in several of these lists. Clippy's lint `duplicated_attributes` takes the
/// second mention for a mistake, because it looks into the lists without knowing their meaning; it
/// looks before the derive runs, so the derive cannot tell it otherwise. Allow it above the
/// attribute:
///
/// ```text
/// #[allow(clippy::duplicated_attributes, reason = "a column stands in two indexes")]
/// #[entity(index(user_id, id), index(module_id, id))]
/// ```
///
/// # On a field
/// - `key`: part of the primary key. With `auto`, a `Uuid` is made by the client and an `i64` by
///   the database.
/// - `created_at`, `updated_at` (`DateTime<Utc>`), `version` (`i64`): filled in at each write.
/// - `min`, `max`: the length of text or the range of a number; `email`, `future`, `json_object`.
///   `message(max = "Name too long")` replaces the standard message of a rule.
/// - `lowercase`, `multiline`, `opaque`: how text is put into its normal form. Without any it is
///   a trimmed line.
/// - `default = 0`: a literal stored by inserts that leave the column out.
/// - `decimal(10, 2)`: digits in all and after the point.
/// - `enumeration`: the type implements `TextEnum`.
/// - `unique`; `references(User::id, on_delete = cascade)` or
///   `references(table = "users", column = "id")`.
/// - `column = "name"`: the column's name; otherwise the field's. `field = "camelName"`: the name
///   in field errors; otherwise the field's in camel case.
///
/// # Types
/// `bool`, `i32`, `i64`, `f64`, `Decimal`, `String`, `Vec<u8>`, `Uuid`, `DateTime<Utc>`,
/// `NaiveDate`, `serde_json::Value`, enums with `enumeration`, and `Option` of each for columns
/// that can be NULL.
///
/// ```text
/// use mainstay::Entity;
///
/// #[derive(Debug, Clone, Entity)]
/// #[entity(table = "users", unique(email))]
/// pub struct User {
///     #[entity(key, auto)]
///     pub id: Uuid,
///     #[entity(max = 254, email, lowercase)]
///     pub email: String,
/// }
/// ```
#[proc_macro_derive(Entity, attributes(entity))]
pub fn entity(input: TokenStream) -> TokenStream {
    run(parse_macro_input!(input as DeriveInput), entity::expand)
}

/// Makes a struct a new row of an entity: `#[insert(User)]`.
///
/// Fields are matched with the entity's by name and must have the column's type. In an
/// `Option<T>`, `None` is NULL where the column can be NULL; elsewhere it means "not given", and
/// the default is stored. With `Option<Option<T>>` both can be said. `#[insert(skip)]` leaves a
/// field out.
///
/// ```text
/// #[derive(Insert)]
/// #[insert(User)]
/// struct NewUser {
///     email: String,
/// }
/// ```
#[proc_macro_derive(Insert, attributes(insert))]
pub fn insert(input: TokenStream) -> TokenStream {
    run(parse_macro_input!(input as DeriveInput), insert::expand)
}

/// Makes a struct a change of an entity's row: `#[patch(User)]`.
///
/// Every field is an `Option<T>`, where `None` leaves the column as it is. For a column that can
/// be NULL, `Option<Option<T>>` also says "set to NULL" (`Some(None)`). A field marked
/// `#[patch(expected_version)]` carries the version the caller has seen; `#[patch(skip)]` leaves a
/// field out.
///
/// ```text
/// #[derive(Patch)]
/// #[patch(User)]
/// struct UserPatch {
///     email: Option<String>,
///     #[patch(expected_version)]
///     version: Option<i64>,
/// }
/// ```
#[proc_macro_derive(Patch, attributes(patch))]
pub fn patch(input: TokenStream) -> TokenStream {
    run(parse_macro_input!(input as DeriveInput), patch::expand)
}

/// Makes a struct some of an entity's columns, to be read instead of whole rows:
/// `#[projection(User)]`. Fields are matched with the entity's by name.
///
/// ```text
/// #[derive(Projection)]
/// #[projection(User)]
/// struct UserName {
///     id: Uuid,
///     name: String,
/// }
/// ```
#[proc_macro_derive(Projection, attributes(projection))]
pub fn projection(input: TokenStream) -> TokenStream {
    run(parse_macro_input!(input as DeriveInput), projection::expand)
}

/// Makes an enum without fields a word in the database: `TextEnum`, `ToValue`, `FromCell`,
/// `Display` and `FromStr`.
///
/// The word is the variant's name in snake case, or what `#[text_enum(rename = "...")]` on the
/// variant says. The enum must also be `Copy`. JSON is left to the enum's own serde derive.
///
/// ```text
/// #[derive(Debug, Clone, Copy, PartialEq, TextEnum)]
/// enum Status {
///     Open,
///     #[text_enum(rename = "closed")]
///     Done,
/// }
/// ```
#[proc_macro_derive(TextEnum, attributes(text_enum))]
pub fn text_enum(input: TokenStream) -> TokenStream {
    run(parse_macro_input!(input as DeriveInput), text_enum::expand)
}

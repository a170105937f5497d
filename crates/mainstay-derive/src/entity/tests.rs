//! What is said about entities that cannot be.

use quote::quote;

use super::expand;

/// The messages for an entity with these struct attributes and fields.
fn messages(attributes: proc_macro2::TokenStream, fields: proc_macro2::TokenStream) -> Vec<String> {
    let input = syn::parse2(quote! {
        #attributes
        struct User { #fields }
    })
    .unwrap();
    match expand(input) {
        Ok(_) => Vec::new(),
        Err(error) => error.into_iter().map(|e| e.to_string()).collect(),
    }
}

/// The only message for a field beside a key.
fn field(field: proc_macro2::TokenStream) -> String {
    let found = messages(quote!(), quote!(#[entity(key)] id: Uuid, #field));
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

/// The only message for struct attributes on an entity of a key, a text and a number.
fn table(attributes: proc_macro2::TokenStream) -> String {
    let fields = quote! {
        #[entity(key)] id: Uuid,
        #[entity(max = 100)] name: String,
        total_xp: i64,
        notes: String,
    };
    let found = messages(attributes, fields);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_good_entity_has_no_message() {
    let fields = quote! {
        #[entity(key, auto)] id: ::uuid::Uuid,
        #[entity(unique, max = 10)] name: std::string::String,
        at: Option<chrono::DateTime<chrono::Utc>>,
    };
    assert!(messages(quote!(#[entity(index(at, name))]), fields).is_empty());
}

#[test]
fn only_plain_structs_are_entities() {
    let refused = |input| expand(syn::parse2(input).unwrap()).unwrap_err().to_string();
    assert_eq!(
        refused(quote!(
            enum A {
                B,
            }
        )),
        "an entity is a struct"
    );
    assert_eq!(
        refused(quote!(
            struct A(i64);
        )),
        "an entity is a struct with named fields"
    );
    assert_eq!(
        refused(quote!(
            struct A<T> {
                t: T,
            }
        )),
        "an entity cannot be generic"
    );
}

#[test]
fn keys_are_checked() {
    assert_eq!(
        messages(quote!(), quote!(id: Uuid)),
        ["an entity needs a primary key: mark its field with #[entity(key)]"]
    );
    let key = |field| messages(quote!(), field).join("; ");
    assert_eq!(
        key(quote!(#[entity(key)] id: Option<Uuid>)),
        "a key cannot be NULL: remove Option"
    );
    assert_eq!(
        key(quote!(#[entity(key)] id: bool)),
        "a key is a Uuid, String, i32, i64, DateTime<Utc> or NaiveDate"
    );
    assert_eq!(
        key(quote!(#[entity(key)] id: String)),
        "`id` needs a limit to be in a key or index: #[entity(max = 200)]"
    );
    assert_eq!(
        key(quote!(#[entity(key, auto, max = 9)] id: String)),
        "auto is for a key of type Uuid or i64"
    );
    assert_eq!(
        key(quote!(#[entity(key, auto)] a: i64, #[entity(key)] b: i64)),
        "the database makes i64 keys of one column only"
    );
    assert_eq!(
        field(quote!(#[entity(auto)] n: i64)),
        "auto is for a field that is the key"
    );
}

#[test]
fn unknown_attributes_name_the_nearest() {
    assert_eq!(
        field(quote!(#[entity(lowercse)] name: String)),
        "unknown attribute `lowercse`; did you mean `lowercase`?"
    );
    assert_eq!(
        table(quote!(#[entity(tabel = "t")])),
        "unknown attribute `tabel`; did you mean `table`?"
    );
    assert!(field(quote!(#[entity(zzzzzzzz)] name: String)).contains("known are key, auto"));
    assert_eq!(
        field(quote!(#[entity(min = 1, min = 2)] n: i64)),
        "given twice"
    );
}

#[test]
fn types_are_checked() {
    let unknown = field(quote!(status: Status));
    assert!(unknown.starts_with("this type cannot be a column; supported are bool, i32"));
    assert!(unknown.contains("#[entity(enumeration)]"));
    assert!(field(quote!(n: u32)).contains("integers are i32 or i64"));
    assert!(field(quote!(at: DateTime<Local>)).contains("stored as DateTime<Utc>"));
    assert!(field(quote!(at: Option<Option<i64>>)).contains("one Option, not two"));
    assert!(field(quote!(n: Decimal)).contains("how many digits"));
    assert_eq!(
        field(quote!(#[entity(decimal(10, 2))] n: i64)),
        "decimal is for fields of type Decimal"
    );
    assert!(field(quote!(#[entity(decimal(29, 2))] n: Decimal)).contains("1 to 28 digits"));
}

#[test]
fn automatic_columns_are_checked() {
    assert_eq!(
        field(quote!(#[entity(version)] v: i32)),
        "version is for a field of type i64"
    );
    assert_eq!(
        field(quote!(#[entity(version)] v: i64, #[entity(version)] w: i64)),
        "an entity has one field marked version"
    );
    assert_eq!(
        field(quote!(#[entity(created_at)] at: Option<DateTime<Utc>>)),
        "created_at is for a field of type DateTime<Utc>"
    );
    assert_eq!(
        field(quote!(#[entity(created_at, updated_at)] at: DateTime<Utc>)),
        "updated_at and created_at exclude each other"
    );
    assert_eq!(
        field(quote!(#[entity(version, default = 1)] v: i64)),
        "a default is never used here: version fills the column in"
    );
}

#[test]
fn rules_are_checked() {
    assert_eq!(
        field(quote!(#[entity(max = 3000000000)] n: i32)),
        "max is beyond what the field's type, i32, holds"
    );
    assert_eq!(
        field(quote!(#[entity(min = 5, max = 4)] n: i64)),
        "max is less than min (5)"
    );
    assert_eq!(
        field(quote!(#[entity(max = 0)] s: String)),
        "the length of a text is at least 1 and fits a u32"
    );
    assert_eq!(
        field(quote!(#[entity(max = 9)] b: bool)),
        "max is for text and numbers"
    );
    assert_eq!(
        field(quote!(#[entity(email)] n: i64)),
        "email is for fields of type String"
    );
    assert_eq!(
        field(quote!(#[entity(opaque, lowercase)] s: String)),
        "opaque and lowercase exclude each other"
    );
    assert_eq!(
        field(quote!(#[entity(min = 1, message(mim = "short"))] s: String)),
        "unknown rule `mim`; did you mean `min`?"
    );
    assert_eq!(
        field(quote!(#[entity(message(min = "short"))] s: String)),
        "there is no rule `min` on this field for a message"
    );
}

#[test]
fn defaults_are_checked() {
    assert_eq!(
        field(quote!(#[entity(default = "1")] n: i64)),
        "the default does not fit, expected a whole number"
    );
    assert_eq!(
        field(quote!(#[entity(default = 3000000000)] n: i32)),
        "this number does not fit an i32"
    );
    assert!(field(quote!(#[entity(default = "x")] id2: Uuid)).contains("no default"));
    assert!(
        field(quote!(#[entity(decimal(5, 2), default = "1,5")] n: Decimal)).contains("\"1.50\"")
    );
}

#[test]
fn names_are_checked() {
    assert_eq!(
        field(quote!(#[entity(column = "id")] other: i64)),
        "two columns are named `id`"
    );
    assert!(field(quote!(#[entity(column = "Name")] name: i64)).contains("portable SQL name"));
    let long = format!("{:x<60}", "");
    let too_long = field(quote!(#[entity(column = #long)] n: i64));
    assert!(too_long.contains("PostgreSQL takes at most 63"));
    assert_eq!(
        table(quote!(#[entity(index(nmae))])),
        "unknown field `nmae`; did you mean `name`?"
    );
    assert_eq!(table(quote!(#[entity(unique(name, name))])), "named twice");
    assert_eq!(
        table(quote!(#[entity(unique(name), unique(name))])),
        "two constraints are named `users_name_key`"
    );
    assert_eq!(
        table(quote!(#[entity(index(notes))])),
        "`notes` needs a limit to be in a key or index: #[entity(max = 200)]"
    );
}

#[test]
fn checks_and_foreign_keys_are_checked() {
    let check = |fields| {
        table(quote!(#[entity(check(name = "total_xp", condition = "1 = 1", columns(#fields)))]))
    };
    assert!(check(quote!(total_xp)).contains("choose another name"));
    assert!(table(quote!(#[entity(check(name = "a"))])).contains("a check needs all of"));
    assert!(
        field(quote!(#[entity(references(table = "t"))] a: i64)).contains("references(User::id)")
    );
    assert!(
        field(quote!(#[entity(references(T::id, on_delete = set_null))] a: i64))
            .contains("make the fields Option")
    );
    assert_eq!(
        field(quote!(#[entity(references(T::id, on_delete = cascad))] a: i64)),
        "unknown action `cascad`; did you mean `cascade`?"
    );
    assert!(
        table(quote!(
            #[entity(foreign_key(columns(name), references = "t", referenced(a, b)))]
        ))
        .contains("1 columns refer to 2")
    );
}

#[test]
fn all_problems_are_shown_at_once() {
    let found = messages(
        quote!(#[entity(tabel = "t")]),
        quote!(#[entity(emial)] email: String, at: u8, #[entity(version)] v: bool),
    );
    assert_eq!(found.len(), 4, "{found:?}");
    let found = messages(
        quote!(#[entity(index(nothing))]),
        quote!(#[entity(version)] v: bool),
    );
    assert_eq!(found.len(), 3, "{found:?}");
}

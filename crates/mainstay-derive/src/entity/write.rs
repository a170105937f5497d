//! The code that is written.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Ident};

use super::column::Column;
use super::constraints::{Constraints, Foreign, Named};
use super::table::Target;
use crate::names;

/// Writes everything an entity has.
pub(super) fn write(
    input: &DeriveInput,
    columns: &[Column],
    constraints: &Constraints,
) -> TokenStream {
    let entity = &input.ident;
    let inherent = inherent(input, columns, constraints);
    let assertions = assertions(entity, columns, constraints);
    let table = table(columns, constraints);
    let fields: Vec<&Ident> = columns.iter().map(|column| &column.ident).collect();
    let key: Vec<&Column> = constraints.key.iter().map(|i| &columns[*i]).collect();
    let key_types = key.iter().map(|column| &column.ty);
    let key_fields = key.iter().map(|column| &column.ident);
    let key_values = quote!(#(::core::clone::Clone::clone(&self.#key_fields)),*);
    let (key_type, key_value) = if key.len() == 1 {
        (quote!(#(#key_types)*), key_values)
    } else {
        (quote!((#(#key_types),*)), quote!((#key_values)))
    };
    let reads = columns.iter().enumerate().map(|(position, column)| {
        let (field, constant) = (&column.ident, &column.constant);
        let read = read_function(column.nullable);
        quote!(#field: ::mainstay::schema::derived::#read(row, #position, <#entity>::#constant)?)
    });
    quote! {
        #inherent

        const _: () = {
            static TABLE: ::mainstay::schema::TableModel = #table;

            #[automatically_derived]
            impl #entity {
                #[doc(hidden)]
                pub const MAINSTAY_TABLE: &'static ::mainstay::schema::TableModel = &TABLE;
            }

            #[automatically_derived]
            impl ::mainstay::schema::Entity for #entity {
                type Key = #key_type;

                fn table() -> &'static ::mainstay::schema::TableModel {
                    &TABLE
                }

                fn key(&self) -> Self::Key {
                    #key_value
                }

                fn values(&self) -> ::std::vec::Vec<::mainstay::value::Value> {
                    ::std::vec![#(::mainstay::value::ToValue::to_value(&self.#fields)),*]
                }
            }

            #[automatically_derived]
            impl ::mainstay::schema::FromRow for #entity {
                fn from_row(row: &::mainstay::driver::Row<'_>) -> ::mainstay::Result<Self> {
                    ::core::result::Result::Ok(Self { #(#reads),* })
                }
            }

            #[automatically_derived]
            impl ::mainstay::schema::Insert<#entity> for #entity {
                fn assignments(self) -> ::std::vec::Vec<::mainstay::schema::Assignment> {
                    ::mainstay::schema::derived::all_columns(&self)
                }
            }

            #assertions
        };
    }
}

/// The function that reads a column, by whether NULL is allowed.
pub(crate) fn read_function(nullable: bool) -> Ident {
    if nullable {
        format_ident!("read_nullable")
    } else {
        format_ident!("read")
    }
}

/// The typed columns, and the names other entities' foreign keys use. These stand apart from the
/// table, so that entities can refer to each other in a circle.
fn inherent(input: &DeriveInput, columns: &[Column], constraints: &Constraints) -> TokenStream {
    let (entity, vis) = (&input.ident, &input.vis);
    let table = &constraints.table;
    let names = columns.iter().map(|column| &column.name);
    let constants = columns.iter().enumerate().map(|(position, column)| {
        let (constant, ty) = (&column.constant, &column.ty);
        let doc = format!("The column `{}`.", column.name);
        quote! {
            #[doc = #doc]
            #[allow(dead_code)]
            #vis const #constant: ::mainstay::schema::Column<#entity, #ty> =
                ::mainstay::schema::Column::new(#position);
        }
    });
    quote! {
        #[automatically_derived]
        impl #entity {
            #(#constants)*

            #[doc(hidden)]
            pub const MAINSTAY_NAME: &'static str = #table;
            #[doc(hidden)]
            pub const MAINSTAY_COLUMNS: &'static [&'static str] = &[#(#names),*];
        }
    }
}

fn table(columns: &[Column], constraints: &Constraints) -> TokenStream {
    let name = &constraints.table;
    let models = columns.iter().map(|column| {
        let Column {
            name,
            field,
            nullable,
            column_type,
            default,
            automatic,
            form,
            rules,
            ..
        } = column;
        quote!(::mainstay::schema::ColumnModel {
            name: #name,
            field: #field,
            ty: #column_type,
            nullable: #nullable,
            default: #default,
            automatic: #automatic,
            form: #form,
            rules: #rules,
        })
    });
    let key = &constraints.key;
    let uniques = constraints.uniques.iter().map(|unique| {
        let (name, columns) = named(unique, columns);
        quote!(::mainstay::schema::UniqueModel { name: #name, columns: #columns })
    });
    let indexes = constraints.indexes.iter().map(|index| {
        let (name, columns) = named(index, columns);
        quote!(::mainstay::schema::IndexModel { name: #name, columns: #columns })
    });
    let foreign_keys = constraints
        .foreign_keys
        .iter()
        .map(|key| foreign_key(key, columns));
    let checks = constraints.checks.iter().map(|(check, condition)| {
        let (name, columns) = named(check, columns);
        quote!(::mainstay::schema::CheckModel {
            name: #name,
            condition: #condition,
            columns: #columns,
        })
    });
    quote!(::mainstay::schema::TableModel {
        name: #name,
        columns: &[#(#models),*],
        primary_key: &[#(#key),*],
        uniques: &[#(#uniques),*],
        indexes: &[#(#indexes),*],
        foreign_keys: &[#(#foreign_keys),*],
        checks: &[#(#checks),*],
    })
}

fn named<'a>(named: &'a Named, columns: &[Column]) -> (&'a str, TokenStream) {
    let names = named.columns.iter().map(|i| &columns[*i].name);
    (&named.name, quote!(&[#(#names),*]))
}

fn foreign_key(foreign: &Foreign, columns: &[Column]) -> TokenStream {
    let (name, columns) = named(&foreign.key, columns);
    let on_delete = &foreign.on_delete;
    let (references, referenced) = match &foreign.target {
        Target::Named { table, columns } => (quote!(#table), quote!(&[#(#columns),*])),
        Target::Entity { entity, fields } => {
            let constants = fields.iter().map(constant);
            (
                quote!(<#entity>::MAINSTAY_NAME),
                quote!(&[#(<#entity>::MAINSTAY_COLUMNS[<#entity>::#constants.position()]),*]),
            )
        }
    };
    quote!(::mainstay::schema::ForeignKeyModel {
        name: #name,
        columns: #columns,
        references: #references,
        referenced_columns: #referenced,
        on_delete: ::mainstay::schema::OnDelete::#on_delete,
    })
}

/// What only the compiler can check: that type names mean what they seem to, that foreign keys
/// refer to columns of the same type, and that an enum's default is one of its words.
fn assertions(entity: &Ident, columns: &[Column], constraints: &Constraints) -> TokenStream {
    let types = columns.iter().filter_map(|column| {
        let canonical = column.kind.canonical()?;
        let constant = &column.constant;
        let span = located(column.ty.span());
        Some(quote_spanned! {span=>
            const _: ::mainstay::schema::Column<#entity, #canonical> = <#entity>::#constant;
        })
    });
    let references = constraints.foreign_keys.iter().filter_map(|foreign| {
        let Target::Entity {
            entity: target,
            fields,
        } = &foreign.target
        else {
            return None;
        };
        let pairs = foreign.key.columns.iter().zip(fields).map(|(i, field)| {
            let own = &columns[*i].constant;
            let span = located(field.span());
            let other = constant(field);
            quote_spanned! {span=>
                const _: () = ::mainstay::schema::derived::same_type(
                    <#target>::#other,
                    <#entity>::#own,
                );
            }
        });
        Some(quote!(#(#pairs)*))
    });
    let words = columns.iter().filter_map(|column| {
        let word = column.default_word.as_ref()?;
        let (ty, text, span) = (&column.ty, &word.value, located(word.span));
        Some(quote_spanned! {span=>
            const _: () = ::core::assert!(
                ::mainstay::schema::derived::is_word(
                    <#ty as ::mainstay::value::TextEnum>::VARIANTS,
                    #text,
                ),
                "the default is not a word of the enum",
            );
        })
    });
    quote!(#(#types)* #(#references)* #(#words)*)
}

fn constant(field: &Ident) -> Ident {
    format_ident!(
        "{}",
        names::plain(field).to_uppercase(),
        span = field.span()
    )
}

/// A place for messages, with the names of the derive's own call.
fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

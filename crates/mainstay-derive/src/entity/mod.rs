//! `#[derive(Entity)]`.
//!
//! - [`table`]: the attributes of the struct
//! - [`field`]: the attributes of a field, as written
//! - [`column`]: a field as a column: what its attributes mean for its type
//! - [`rules`]: the rules and the text form of a column
//! - [`constraints`]: keys, uniques, indexes, foreign keys and checks over the columns
//! - [`write`]: the code that is written

mod column;
mod constraints;
mod field;
mod rules;
mod table;
#[cfg(test)]
mod tests;
mod write;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Fields};

use crate::problems::Problems;
pub(crate) use write::read_function;

/// The code of `#[derive(Entity)]`.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            &input.generics,
            "an entity cannot be generic",
        ));
    }
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => fields,
            _ => {
                return Err(syn::Error::new_spanned(
                    &input.ident,
                    "an entity is a struct with named fields",
                ));
            }
        },
        _ => {
            return Err(syn::Error::new_spanned(
                &input.ident,
                "an entity is a struct",
            ));
        }
    };
    let mut problems = Problems::default();
    let attributes = table::parse(&input, &mut problems);
    let columns: Vec<_> = fields
        .named
        .iter()
        .filter_map(|field| {
            let options = field::parse(field, &mut problems)?;
            column::resolve(field, options, &mut problems)
        })
        .collect();
    // A field that could not be read would be reported again as unknown or as a missing key.
    if columns.len() < fields.named.len() {
        return problems.finish(TokenStream::new());
    }
    let constraints = constraints::resolve(&input.ident, attributes, &columns, &mut problems);
    problems.finish(())?;
    Ok(write::write(&input, &columns, &constraints))
}

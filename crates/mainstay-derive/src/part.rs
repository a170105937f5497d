//! What the derives for parts of an entity share: the entity's name and fields matched by name.

use proc_macro2::Span;
use quote::format_ident;
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Fields, Ident, Path, Type};

use crate::attribute::{once, unknown};
use crate::names;
use crate::problems::Problems;
use crate::types::inside_option;

/// A struct with some of an entity's columns.
pub(crate) struct Part {
    pub(crate) ident: Ident,
    pub(crate) entity: Path,
    pub(crate) fields: Vec<PartField>,
}

/// A field of it.
pub(crate) struct PartField {
    pub(crate) ident: Ident,
    /// The entity's constant for the column.
    pub(crate) constant: Ident,
    /// The type without its `Option`s, and how many it had (at most two).
    pub(crate) ty: Type,
    pub(crate) options: u8,
    /// The place of the type, for messages, with the names of the derive's own call.
    pub(crate) span: Span,
    /// The flag given in an attribute, if any.
    pub(crate) flag: Option<(String, Span)>,
}

/// Reads a struct with `#[<attribute>(Entity)]` and fields with at most one of the `flags`.
pub(crate) fn parse(input: &DeriveInput, attribute: &str, flags: &[&str]) -> syn::Result<Part> {
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            &input.generics,
            "this struct cannot be generic: its fields have the types of the entity's columns",
        ));
    }
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => {
                return Err(syn::Error::new_spanned(
                    &input.ident,
                    "expected a struct with named fields",
                ));
            }
        },
        _ => return Err(syn::Error::new_spanned(&input.ident, "expected a struct")),
    };
    let mut problems = Problems::default();
    let mut entity: Option<Path> = None;
    for found in input.attrs.iter().filter(|a| a.path().is_ident(attribute)) {
        if let Some(path) = problems.keep(found.parse_args::<Path>())
            && entity.replace(path).is_some()
        {
            problems.at(found.span(), "the entity is named twice");
        }
    }
    let fields = fields
        .iter()
        .filter_map(|field| {
            let mut flag = None;
            for found in field.attrs.iter().filter(|a| a.path().is_ident(attribute)) {
                let result = found.parse_nested_meta(|meta| {
                    let name = meta.path.get_ident().map(ToString::to_string);
                    match name {
                        Some(name) if flags.contains(&name.as_str()) => {
                            once(&mut flag, &meta, (name, meta.path.span()))
                        }
                        _ => Err(unknown(&meta, flags)),
                    }
                });
                problems.keep(result);
            }
            let ident = field.ident.clone()?;
            let (mut ty, mut options) = (&field.ty, 0);
            while let (Some(inner), true) = (inside_option(ty), options < 2) {
                ty = inner;
                options += 1;
            }
            let name = names::plain(&ident).to_uppercase();
            Some(PartField {
                constant: format_ident!("{name}", span = ident.span()),
                ident,
                ty: ty.clone(),
                options,
                span: Span::call_site().located_at(field.ty.span()),
                flag,
            })
        })
        .collect();
    if entity.is_none() {
        problems.at(
            input.ident.span(),
            format!("name the entity: #[{attribute}(User)]"),
        );
    }
    // Without an entity there is a problem, so the struct's own name is never used.
    let entity = entity.unwrap_or_else(|| input.ident.clone().into());
    problems.finish(Part {
        ident: input.ident.clone(),
        entity,
        fields,
    })
}

impl PartField {
    /// Whether the field has this flag.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flag.as_ref().is_some_and(|(name, _)| name == flag)
    }
}

impl Part {
    /// Code that makes it a compile error if the field's column cannot be NULL.
    pub(crate) fn must_be_nullable(&self, field: &PartField) -> proc_macro2::TokenStream {
        let (entity, constant) = (&self.entity, &field.constant);
        quote::quote_spanned! {field.span=>
            const _: () = ::core::assert!(
                <#entity>::MAINSTAY_TABLE.columns[<#entity>::#constant.position()].nullable,
                "this column cannot be NULL: one Option is enough",
            );
        }
    }
}

//! The attributes of a field, as written.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{Field, Ident, LitStr, Path, Token, parenthesized};

use super::table::{ForeignKey, Target};
use crate::attribute::{Literal, Spanned, integer, once, text, unknown};
use crate::problems::Problems;

/// What `#[entity(..)]` on a field says. A flag keeps the place where it stands.
#[derive(Default)]
pub(super) struct FieldOptions {
    pub(super) key: Option<Span>,
    pub(super) auto: Option<Span>,
    pub(super) created_at: Option<Span>,
    pub(super) updated_at: Option<Span>,
    pub(super) version: Option<Span>,
    pub(super) unique: Option<Span>,
    pub(super) enumeration: Option<Span>,
    pub(super) email: Option<Span>,
    pub(super) future: Option<Span>,
    pub(super) json_object: Option<Span>,
    pub(super) lowercase: Option<Span>,
    pub(super) multiline: Option<Span>,
    pub(super) opaque: Option<Span>,
    pub(super) min: Option<Spanned<i64>>,
    pub(super) max: Option<Spanned<i64>>,
    pub(super) decimal: Option<Spanned<(u8, u8)>>,
    pub(super) default: Option<Spanned<Literal>>,
    pub(super) column: Option<LitStr>,
    pub(super) field: Option<LitStr>,
    pub(super) messages: Vec<(Ident, LitStr)>,
    pub(super) references: Option<ForeignKey>,
}

impl FieldOptions {
    fn flag(&mut self, name: &str) -> Option<&mut Option<Span>> {
        Some(match name {
            "key" => &mut self.key,
            "auto" => &mut self.auto,
            "created_at" => &mut self.created_at,
            "updated_at" => &mut self.updated_at,
            "version" => &mut self.version,
            "unique" => &mut self.unique,
            "enumeration" => &mut self.enumeration,
            "email" => &mut self.email,
            "future" => &mut self.future,
            "json_object" => &mut self.json_object,
            "lowercase" => &mut self.lowercase,
            "multiline" => &mut self.multiline,
            "opaque" => &mut self.opaque,
            _ => return None,
        })
    }
}

const KNOWN: &[&str] = &[
    "key",
    "auto",
    "created_at",
    "updated_at",
    "version",
    "unique",
    "enumeration",
    "email",
    "future",
    "json_object",
    "lowercase",
    "multiline",
    "opaque",
    "min",
    "max",
    "decimal",
    "default",
    "column",
    "field",
    "message",
    "references",
];

/// Reads the attributes of a field; `None` when they cannot be understood.
pub(super) fn parse(field: &Field, problems: &mut Problems) -> Option<FieldOptions> {
    let mut found = FieldOptions::default();
    let mut understood = true;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("entity")) {
        let result = attribute.parse_nested_meta(|meta| one(&mut found, field, &meta));
        understood &= problems.keep(result).is_some();
    }
    understood.then_some(found)
}

fn one(found: &mut FieldOptions, field: &Field, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    let name = meta.path.get_ident().map(ToString::to_string);
    let name = name.as_deref().unwrap_or_default();
    if let Some(flag) = found.flag(name) {
        return once(flag, meta, meta.path.span());
    }
    match name {
        "min" => once(&mut found.min, meta, integer(meta)?),
        "max" => once(&mut found.max, meta, integer(meta)?),
        "decimal" => once(&mut found.decimal, meta, digits(meta)?),
        "default" => once(&mut found.default, meta, meta.value()?.parse()?),
        "column" => once(&mut found.column, meta, text(meta)?),
        "field" => once(&mut found.field, meta, text(meta)?),
        "message" => meta.parse_nested_meta(|inner| {
            let rule = inner.path.require_ident()?.clone();
            found.messages.push((rule, text(&inner)?));
            Ok(())
        }),
        "references" => once(&mut found.references, meta, references(field, meta)?),
        _ => Err(unknown(meta, KNOWN)),
    }
}

fn digits(meta: &ParseNestedMeta<'_>) -> syn::Result<Spanned<(u8, u8)>> {
    let content;
    parenthesized!(content in meta.input);
    let precision: syn::LitInt = content.parse()?;
    content.parse::<Token![,]>()?;
    let scale: syn::LitInt = content.parse()?;
    let value: (u8, u8) = (precision.base10_parse()?, scale.base10_parse()?);
    if value.0 == 0 || value.0 > 28 || value.1 > value.0 {
        return Err(syn::Error::new(
            precision.span(),
            "decimal(precision, scale) takes 1 to 28 digits in all, and no more than these after \
             the point",
        ));
    }
    Ok(Spanned {
        value,
        span: meta.path.span(),
    })
}

fn references(field: &Field, meta: &ParseNestedMeta<'_>) -> syn::Result<ForeignKey> {
    let (mut to, mut table, mut column) = (None, None, None);
    let (mut on_delete, mut name) = (None, None);
    meta.parse_nested_meta(|inner| {
        if inner.path.segments.len() > 1 {
            return once(&mut to, &inner, inner.path.clone());
        }
        match inner.path.require_ident()?.to_string().as_str() {
            "table" => once(&mut table, &inner, text(&inner)?),
            "column" => once(&mut column, &inner, text(&inner)?),
            "on_delete" => once(&mut on_delete, &inner, inner.value()?.parse()?),
            "name" => once(&mut name, &inner, text(&inner)?),
            _ => Err(unknown(&inner, &["table", "column", "on_delete", "name"])),
        }
    })?;
    let target = match (to, table, column) {
        (Some(path), None, None) => entity_field(path),
        (None, Some(table), Some(column)) => Target::Named {
            table,
            columns: vec![column.value()],
        },
        _ => {
            return Err(meta.error(
                "say what is referred to: references(User::id) or \
                 references(table = \"users\", column = \"id\")",
            ));
        }
    };
    Ok(ForeignKey {
        name,
        fields: field.ident.iter().cloned().collect(),
        target,
        on_delete,
        span: meta.path.span(),
    })
}

/// `User::id` as the entity `User` and its field `id`.
fn entity_field(path: Path) -> Target {
    let mut segments: Vec<_> = path.segments.into_iter().collect();
    let field = segments.pop().map(|segment| segment.ident);
    Target::Entity {
        entity: Path {
            leading_colon: path.leading_colon,
            segments: segments.into_iter().collect(),
        },
        fields: field.into_iter().collect(),
    }
}

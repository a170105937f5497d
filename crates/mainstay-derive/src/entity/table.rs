//! The attributes of the struct, as written.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Ident, LitStr, Path};

use crate::attribute::{idents, once, text, unknown};
use crate::problems::Problems;

/// What `#[entity(..)]` on the struct says.
#[derive(Default)]
pub(super) struct TableAttributes {
    pub(super) table: Option<LitStr>,
    pub(super) uniques: Vec<Group>,
    pub(super) indexes: Vec<Group>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) checks: Vec<Check>,
}

/// `unique(..)` or `index(..)`.
pub(super) struct Group {
    pub(super) name: Option<LitStr>,
    pub(super) fields: Vec<Ident>,
    pub(super) span: Span,
}

/// `foreign_key(..)`, and `references(..)` of a field.
pub(super) struct ForeignKey {
    pub(super) name: Option<LitStr>,
    pub(super) fields: Vec<Ident>,
    pub(super) target: Target,
    pub(super) on_delete: Option<Ident>,
    pub(super) span: Span,
}

/// What a foreign key refers to.
pub(super) enum Target {
    /// A table and its columns by name.
    Named { table: LitStr, columns: Vec<String> },
    /// An entity and its fields.
    Entity { entity: Path, fields: Vec<Ident> },
}

/// `check(..)`.
pub(super) struct Check {
    pub(super) name: LitStr,
    pub(super) condition: LitStr,
    pub(super) fields: Vec<Ident>,
}

const KNOWN: &[&str] = &["table", "unique", "index", "check", "foreign_key"];

/// Reads the attributes of the struct.
pub(super) fn parse(input: &DeriveInput, problems: &mut Problems) -> TableAttributes {
    let mut found = TableAttributes::default();
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("entity")) {
        let result = attribute.parse_nested_meta(|meta| {
            let name = meta.path.get_ident().map(ToString::to_string);
            match name.as_deref() {
                Some("table") => once(&mut found.table, &meta, text(&meta)?)?,
                Some("unique") => found.uniques.push(group(&meta)?),
                Some("index") => found.indexes.push(group(&meta)?),
                Some("check") => found.checks.push(check(&meta)?),
                Some("foreign_key") => found.foreign_keys.push(foreign_key(&meta)?),
                _ => return Err(unknown(&meta, KNOWN)),
            }
            Ok(())
        });
        problems.keep(result);
    }
    found
}

fn group(meta: &ParseNestedMeta<'_>) -> syn::Result<Group> {
    let mut group = Group {
        name: None,
        fields: Vec::new(),
        span: meta.path.span(),
    };
    meta.parse_nested_meta(|inner| {
        if inner.path.is_ident("name") && inner.input.peek(syn::Token![=]) {
            return once(&mut group.name, &inner, text(&inner)?);
        }
        group.fields.push(inner.path.require_ident()?.clone());
        Ok(())
    })?;
    if group.fields.is_empty() {
        return Err(meta.error("name at least one field, as in unique(email)"));
    }
    Ok(group)
}

fn check(meta: &ParseNestedMeta<'_>) -> syn::Result<Check> {
    let (mut name, mut condition, mut fields) = (None, None, None);
    meta.parse_nested_meta(|inner| {
        if inner.path.is_ident("name") {
            once(&mut name, &inner, text(&inner)?)
        } else if inner.path.is_ident("condition") {
            once(&mut condition, &inner, text(&inner)?)
        } else if inner.path.is_ident("columns") {
            once(&mut fields, &inner, idents(&inner)?)
        } else {
            Err(unknown(&inner, &["name", "condition", "columns"]))
        }
    })?;
    let (Some(name), Some(condition), Some(fields)) = (name, condition, fields) else {
        return Err(meta.error(
            "a check needs all of: name = \"..\", condition = \"..\", columns(..), which says whose \
             fields a violation is reported for",
        ));
    };
    if condition.value().trim().is_empty() {
        return Err(syn::Error::new(condition.span(), "the condition is empty"));
    }
    Ok(Check {
        name,
        condition,
        fields,
    })
}

fn foreign_key(meta: &ParseNestedMeta<'_>) -> syn::Result<ForeignKey> {
    const KNOWN: &[&str] = &["name", "columns", "references", "referenced", "on_delete"];
    enum To {
        Table(LitStr),
        Entity(Path),
    }
    let (mut name, mut fields, mut to) = (None, None, None);
    let (mut referenced, mut on_delete) = (None, None);
    meta.parse_nested_meta(|inner| {
        let key = inner.path.get_ident().map(ToString::to_string);
        match key.as_deref() {
            Some("name") => once(&mut name, &inner, text(&inner)?),
            Some("columns") => once(&mut fields, &inner, idents(&inner)?),
            Some("references") => {
                let value = inner.value()?;
                let target = if value.peek(LitStr) {
                    To::Table(value.parse()?)
                } else {
                    To::Entity(value.parse()?)
                };
                once(&mut to, &inner, target)
            }
            Some("referenced") => once(&mut referenced, &inner, idents(&inner)?),
            Some("on_delete") => once(&mut on_delete, &inner, inner.value()?.parse()?),
            _ => Err(unknown(&inner, KNOWN)),
        }
    })?;
    let (Some(fields), Some(to), Some(referenced)) = (fields, to, referenced) else {
        return Err(meta.error(
            "a foreign key needs all of: columns(..), references = \"table\", referenced(..)",
        ));
    };
    if fields.is_empty() || fields.len() != referenced.len() {
        return Err(meta.error(format!(
            "{} columns refer to {}: name as many in columns(..) as in referenced(..)",
            fields.len(),
            referenced.len()
        )));
    }
    let target = match to {
        To::Table(table) => Target::Named {
            table,
            columns: referenced.iter().map(crate::names::plain).collect(),
        },
        To::Entity(entity) => Target::Entity {
            entity,
            fields: referenced,
        },
    };
    Ok(ForeignKey {
        name,
        fields,
        target,
        on_delete,
        span: meta.path.span(),
    })
}

//! Keys, uniques, indexes, foreign keys and checks over the columns.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, LitStr};

use super::column::Column;
use super::table::{Check, ForeignKey, Group, TableAttributes, Target};
use crate::attribute::unknown_message;
use crate::names;
use crate::problems::Problems;
use crate::types::Kind;

/// The table's name and its constraints.
pub(super) struct Constraints {
    pub(super) table: String,
    /// Positions of the key's columns.
    pub(super) key: Vec<usize>,
    pub(super) uniques: Vec<Named>,
    pub(super) indexes: Vec<Named>,
    pub(super) foreign_keys: Vec<Foreign>,
    pub(super) checks: Vec<(Named, LitStr)>,
}

/// A name and positions of columns.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) columns: Vec<usize>,
}

/// A foreign key.
pub(super) struct Foreign {
    pub(super) key: Named,
    pub(super) target: Target,
    /// The variant of `OnDelete`.
    pub(super) on_delete: TokenStream,
}

struct Resolver<'a> {
    table: String,
    columns: &'a [Column],
    problems: &'a mut Problems,
    taken: Vec<String>,
}

/// Resolves the struct's attributes and those of its fields.
pub(super) fn resolve(
    entity: &Ident,
    mut attributes: TableAttributes,
    columns: &[Column],
    problems: &mut Problems,
) -> Constraints {
    let (table, span) = match &attributes.table {
        Some(table) => (table.value(), table.span()),
        None => (
            format!("{}s", names::snake_case(&names::plain(entity))),
            entity.span(),
        ),
    };
    if let Some(refusal) = names::refusal(&table) {
        problems.at(span, refusal);
    }
    let mut resolver = Resolver {
        table,
        columns,
        problems,
        taken: Vec::new(),
    };
    resolver.columns_differ();
    let key = resolver.key(entity);
    for column in columns {
        if let Some(span) = column.options.unique {
            attributes.uniques.push(Group {
                name: None,
                fields: vec![column.ident.clone()],
                span,
            });
        }
    }
    let uniques = resolver.groups(attributes.uniques, "key");
    let indexes = resolver.groups(attributes.indexes, "idx");
    let on_fields = columns.iter().filter_map(|c| c.options.references.as_ref());
    let mut foreign_keys: Vec<Foreign> = on_fields
        .filter_map(|key| resolver.foreign_key(key))
        .collect();
    foreign_keys.extend(
        attributes
            .foreign_keys
            .iter()
            .filter_map(|key| resolver.foreign_key(key)),
    );
    let checks = attributes
        .checks
        .into_iter()
        .filter_map(|check| resolver.check(check))
        .collect();
    Constraints {
        table: resolver.table,
        key,
        uniques,
        indexes,
        foreign_keys,
        checks,
    }
}

impl Resolver<'_> {
    /// Names are said once, and so is each thing a table has only one of.
    fn columns_differ(&mut self) {
        for (i, column) in self.columns.iter().enumerate() {
            let earlier = &self.columns[..i];
            if earlier.iter().any(|other| other.name == column.name) {
                self.problems.at(
                    column.ident.span(),
                    format!("two columns are named `{}`", column.name),
                );
            }
            let check = format!("{}_{}_check", self.table, column.name);
            let named_well = [&self.table, &column.name]
                .iter()
                .all(|name| names::refusal(name).is_none());
            if let (Some(refusal), true) = (names::refusal(&check), named_well) {
                self.problems.at(column.ident.span(), refusal);
            }
            let flags = [
                ("version", column.options.version),
                ("created_at", column.options.created_at),
                ("updated_at", column.options.updated_at),
            ];
            for (name, flag) in flags {
                let given = |other: &Column| match name {
                    "version" => other.options.version.is_some(),
                    "created_at" => other.options.created_at.is_some(),
                    _ => other.options.updated_at.is_some(),
                };
                if let (Some(span), true) = (flag, earlier.iter().any(given)) {
                    self.problems
                        .at(span, format!("an entity has one field marked {name}"));
                }
            }
        }
    }

    fn key(&mut self, entity: &Ident) -> Vec<usize> {
        let columns = self.columns;
        let key: Vec<usize> = (0..columns.len())
            .filter(|i| columns[*i].options.key.is_some())
            .collect();
        if key.is_empty() {
            self.problems.at(
                entity.span(),
                "an entity needs a primary key: mark its field with #[entity(key)]",
            );
        }
        for position in &key {
            let column = &columns[*position];
            let span = column.options.key.unwrap_or_else(|| column.ident.span());
            if column.nullable {
                self.problems
                    .at(span, "a key cannot be NULL: remove Option");
            }
            if !column.kind.is_key() {
                self.problems.at(
                    span,
                    "a key is a Uuid, String, i32, i64, DateTime<Utc> or NaiveDate",
                );
            }
            if let (Some(span), Kind::I64, true) = (column.options.auto, column.kind, key.len() > 1)
            {
                self.problems
                    .at(span, "the database makes i64 keys of one column only");
            }
            self.can_be_indexed(*position, span);
        }
        if key.len() > 4 {
            self.problems
                .at(entity.span(), "a key has at most four columns");
        }
        key
    }

    fn groups(&mut self, groups: Vec<Group>, suffix: &str) -> Vec<Named> {
        let mut found = Vec::new();
        for group in groups {
            let columns = self.positions(&group.fields);
            for (position, field) in columns.iter().zip(&group.fields) {
                self.can_be_indexed(*position, field.span());
            }
            found.push(self.named(columns, group.name.as_ref(), suffix, group.span));
        }
        found
    }

    fn foreign_key(&mut self, key: &ForeignKey) -> Option<Foreign> {
        let columns = self.positions(&key.fields);
        let on_delete = match &key.on_delete {
            None => quote!(Restrict),
            Some(word) if word == "restrict" => quote!(Restrict),
            Some(word) if word == "cascade" => quote!(Cascade),
            Some(word) if word == "set_null" => {
                if columns.iter().any(|i| !self.columns[*i].nullable) {
                    self.problems.at(
                        word.span(),
                        "set_null needs columns that can be NULL: make the fields Option",
                    );
                }
                quote!(SetNull)
            }
            Some(word) => {
                let known = ["restrict", "cascade", "set_null"];
                let message = unknown_message("action", &word.to_string(), &known);
                self.problems.at(word.span(), message);
                return None;
            }
        };
        for position in &columns {
            self.can_be_indexed(*position, key.span);
        }
        let target = match &key.target {
            Target::Named { table, columns } => Target::Named {
                table: table.clone(),
                columns: columns.clone(),
            },
            Target::Entity { entity, fields } => Target::Entity {
                entity: entity.clone(),
                fields: fields.clone(),
            },
        };
        Some(Foreign {
            key: self.named(columns, key.name.as_ref(), "fkey", key.span),
            target,
            on_delete,
        })
    }

    fn check(&mut self, check: Check) -> Option<(Named, LitStr)> {
        let columns = self.positions(&check.fields);
        let given = check.name.value();
        if self.columns.iter().any(|column| column.name == given) {
            self.problems.at(
                check.name.span(),
                format!(
                    "`{}_{given}_check` is the name of the check that follows from the column's \
                     type: choose another name",
                    self.table
                ),
            );
            return None;
        }
        let name = format!("{}_{given}_check", self.table);
        self.claim(&name, check.name.span());
        Some((Named { name, columns }, check.condition))
    }

    fn named(
        &mut self,
        columns: Vec<usize>,
        given: Option<&LitStr>,
        suffix: &str,
        span: Span,
    ) -> Named {
        let name = match given {
            Some(name) => name.value(),
            None => {
                let names: Vec<&str> = columns
                    .iter()
                    .map(|i| self.columns[*i].name.as_str())
                    .collect();
                format!("{}_{}_{suffix}", self.table, names.join("_"))
            }
        };
        self.claim(&name, given.map_or(span, LitStr::span));
        Named { name, columns }
    }

    fn claim(&mut self, name: &str, span: Span) {
        if let Some(refusal) = names::refusal(name) {
            self.problems
                .at(span, format!("{refusal} (set it with name = \"..\")"));
        }
        if self.taken.iter().any(|taken| taken == name) {
            self.problems
                .at(span, format!("two constraints are named `{name}`"));
        }
        self.taken.push(name.to_owned());
    }

    /// The positions of fields; what is not one is reported.
    fn positions(&mut self, fields: &[Ident]) -> Vec<usize> {
        let mut found = Vec::new();
        for field in fields {
            match self.columns.iter().position(|c| c.ident == *field) {
                Some(position) if found.contains(&position) => {
                    self.problems.at(field.span(), "named twice");
                }
                Some(position) => found.push(position),
                None => {
                    let known: Vec<String> = self
                        .columns
                        .iter()
                        .map(|column| names::plain(&column.ident))
                        .collect();
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    let message = unknown_message("field", &names::plain(field), &known);
                    self.problems.at(field.span(), message);
                }
            }
        }
        found
    }

    /// MariaDB and MySQL index neither text without a limit nor bytes, and no two engines agree on
    /// comparing JSON.
    fn can_be_indexed(&mut self, position: usize, span: Span) {
        let column = &self.columns[position];
        let name = &column.name;
        let message = match column.kind {
            Kind::Text if column.max.is_none() => {
                format!("`{name}` needs a limit to be in a key or index: #[entity(max = 200)]")
            }
            Kind::Bytes => format!("`{name}` cannot be in a key or index: it holds bytes"),
            Kind::Json => format!("`{name}` cannot be in a key or index: it holds JSON"),
            _ => return,
        };
        self.problems.at(span, message);
    }
}

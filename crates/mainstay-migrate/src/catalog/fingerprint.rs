//! A hash of a catalog, by which it is told whether anything has changed.

use blake3::Hasher;

use super::{
    Catalog, Check, Column, ForeignKey, Generated, Identity, Index, IndexPart, Key, Other, Table,
    Trigger, View,
};

/// The version of the way in which fingerprints are made.
const VERSION: &str = "v1:";

impl Catalog {
    /// A hash of everything in the catalog: `v1:` and a BLAKE3 hash.
    ///
    /// Equal catalogs have equal fingerprints. It knows nothing of rows, nor of the next number of
    /// a key, because a catalog does not.
    pub fn fingerprint(&self) -> String {
        let mut hasher = Hasher::new();
        feed(&mut hasher, self);
        format!("{VERSION}{}", hasher.finalize().to_hex())
    }
}

/// Something that a hash can be made of. Every part is told with its length or a mark, so that no
/// two catalogs read as the same bytes.
trait Feed {
    fn feed(&self, hasher: &mut Hasher);
}

fn feed(hasher: &mut Hasher, what: &impl Feed) {
    what.feed(hasher);
}

impl Feed for str {
    fn feed(&self, hasher: &mut Hasher) {
        hasher.update(&(self.len() as u64).to_le_bytes());
        hasher.update(self.as_bytes());
    }
}

impl Feed for String {
    fn feed(&self, hasher: &mut Hasher) {
        self.as_str().feed(hasher);
    }
}

impl Feed for bool {
    fn feed(&self, hasher: &mut Hasher) {
        hasher.update(&[u8::from(*self)]);
    }
}

impl<T: Feed> Feed for Option<T> {
    fn feed(&self, hasher: &mut Hasher) {
        self.is_some().feed(hasher);
        if let Some(what) = self {
            what.feed(hasher);
        }
    }
}

impl<T: Feed> Feed for Vec<T> {
    fn feed(&self, hasher: &mut Hasher) {
        hasher.update(&(self.len() as u64).to_le_bytes());
        for what in self {
            what.feed(hasher);
        }
    }
}

// Every field is named, so that a new one cannot be forgotten.

impl Feed for Catalog {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            dialect,
            tables,
            views,
            others,
        } = self;
        dialect.name().feed(hasher);
        tables.feed(hasher);
        views.feed(hasher);
        others.feed(hasher);
    }
}

impl Feed for Table {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            name,
            columns,
            primary_key,
            uniques,
            indexes,
            foreign_keys,
            checks,
            triggers,
            options,
            comment,
        } = self;
        name.feed(hasher);
        columns.feed(hasher);
        primary_key.feed(hasher);
        uniques.feed(hasher);
        indexes.feed(hasher);
        foreign_keys.feed(hasher);
        checks.feed(hasher);
        triggers.feed(hasher);
        options.feed(hasher);
        comment.feed(hasher);
    }
}

impl Feed for Column {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            name,
            ty,
            collation,
            nullable,
            default,
            identity,
            generated,
            on_update,
            comment,
        } = self;
        name.feed(hasher);
        ty.feed(hasher);
        collation.feed(hasher);
        nullable.feed(hasher);
        default.feed(hasher);
        identity.feed(hasher);
        generated.feed(hasher);
        on_update.feed(hasher);
        comment.feed(hasher);
    }
}

impl Feed for Identity {
    fn feed(&self, hasher: &mut Hasher) {
        let word = match self {
            Self::ByDefault => "by default",
            Self::Always => "always",
            Self::AutoIncrement => "auto increment",
        };
        word.feed(hasher);
    }
}

impl Feed for Generated {
    fn feed(&self, hasher: &mut Hasher) {
        let Self { expression, stored } = self;
        expression.feed(hasher);
        stored.feed(hasher);
    }
}

impl Feed for Key {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            name,
            columns,
            options,
        } = self;
        name.feed(hasher);
        columns.feed(hasher);
        options.feed(hasher);
    }
}

impl Feed for Index {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            name,
            unique,
            method,
            parts,
            include,
            condition,
            valid,
        } = self;
        name.feed(hasher);
        unique.feed(hasher);
        method.feed(hasher);
        parts.feed(hasher);
        include.feed(hasher);
        condition.feed(hasher);
        valid.feed(hasher);
    }
}

impl Feed for IndexPart {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            what,
            is_column,
            suffix,
        } = self;
        what.feed(hasher);
        is_column.feed(hasher);
        suffix.feed(hasher);
    }
}

impl Feed for ForeignKey {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            name,
            columns,
            references,
            referenced_columns,
            on_delete,
            on_update,
            options,
        } = self;
        name.feed(hasher);
        columns.feed(hasher);
        references.feed(hasher);
        referenced_columns.feed(hasher);
        on_delete.feed(hasher);
        on_update.feed(hasher);
        options.feed(hasher);
    }
}

impl Feed for Check {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            name,
            condition,
            options,
        } = self;
        name.feed(hasher);
        condition.feed(hasher);
        options.feed(hasher);
    }
}

impl Feed for Trigger {
    fn feed(&self, hasher: &mut Hasher) {
        let Self { name, definition } = self;
        name.feed(hasher);
        definition.feed(hasher);
    }
}

impl Feed for View {
    fn feed(&self, hasher: &mut Hasher) {
        let Self { name, definition } = self;
        name.feed(hasher);
        definition.feed(hasher);
    }
}

impl Feed for Other {
    fn feed(&self, hasher: &mut Hasher) {
        let Self {
            kind,
            name,
            definition,
        } = self;
        kind.feed(hasher);
        name.feed(hasher);
        definition.feed(hasher);
    }
}

#[cfg(test)]
#[path = "tests/fingerprint.rs"]
mod tests;

//! What a statement of a migration does, as plain data, read from its tokens.
//!
//! The reader knows the statements that change tables and the ones that write rows, in all
//! dialects at once. It is no parser: what it does not know it passes over, and a statement that it
//! does not understand is [`Act::Other`], never an error. Conditions and defaults stay text.
//!
//! - `cursor`: a place in a statement's tokens, and names in quotes
//! - `read`: a statement
//! - `column`: columns, types and constraints, as they stand in CREATE and ALTER TABLE
//! - `alter`: ALTER TABLE

mod alter;
mod column;
mod cursor;
mod read;

pub(crate) use read::read;

/// A name with the schema in front of it, if one is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl Name {
    /// What the name is compared by: some engines do not tell upper and lower case apart.
    pub(crate) fn key(&self) -> String {
        self.name.to_lowercase()
    }
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    CreateTable(CreateTable),
    AlterTable(AlterTable),
    CreateIndex(CreateIndex),
    Drop(Drop),
    /// `RENAME TABLE a TO b, c TO d`.
    RenameTables(Vec<(Name, Name)>),
    Truncate {
        tables: Vec<Name>,
        cascade: bool,
    },
    Insert {
        table: Name,
        /// Its rows come from a SELECT.
        from_query: bool,
    },
    Update {
        table: Name,
        /// It has a WHERE or a LIMIT.
        limited: bool,
    },
    Delete {
        table: Name,
        /// It has a WHERE or a LIMIT.
        limited: bool,
    },
    /// `CREATE TYPE ... AS ENUM`.
    CreateEnum {
        name: Name,
    },
    /// `ALTER TYPE ... ADD VALUE`.
    AddEnumValue {
        name: Name,
        value: String,
    },
    CreateTrigger {
        table: Name,
    },
    Maintain(Maintain),
    /// ANALYZE, CHECK, OPTIMIZE or REPAIR of one table.
    Look {
        table: Name,
    },
    /// `SET LOCAL name`, the name in lower case.
    SetLocal {
        name: String,
    },
    /// Anything else.
    Other,
}

/// CREATE TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreateTable {
    pub(crate) name: Name,
    pub(crate) temporary: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) constraints: Vec<Constraint>,
    /// Its columns come, in part or as a whole, from somewhere else: AS SELECT, LIKE, INHERITS,
    /// PARTITION OF.
    pub(crate) derived: bool,
    pub(crate) strict: bool,
    pub(crate) without_rowid: bool,
    /// `ENGINE`, in lower case.
    pub(crate) engine: Option<String>,
    /// The default character set, in lower case.
    pub(crate) charset: Option<String>,
}

/// A column's definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) not_null: bool,
    pub(crate) default: Option<Expression>,
    pub(crate) primary_key: bool,
    pub(crate) unique: bool,
    pub(crate) references: Option<Reference>,
    pub(crate) check: bool,
    /// Computed from other columns; whether it is stored.
    pub(crate) generated: Option<bool>,
    /// `GENERATED ... AS IDENTITY`, `AUTO_INCREMENT`, `AUTOINCREMENT`.
    pub(crate) identity: bool,
    /// The character set, in lower case.
    pub(crate) charset: Option<String>,
    /// Names given to its constraints.
    pub(crate) constraint_names: Vec<String>,
}

/// `REFERENCES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) to: Name,
    /// `ON DELETE` does something to the rows that refer.
    pub(crate) acts_on_delete: bool,
    /// As it is written.
    pub(crate) text: String,
}

/// A column's type; without a word where none is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Type {
    /// As it is written.
    pub(crate) text: String,
    /// Its words in lower case: `timestamp with time zone`, `int unsigned`, `text[]`.
    pub(crate) name: String,
    /// What stands in parentheses.
    pub(crate) args: Vec<String>,
}

impl Type {
    /// The type under one name, where it has several.
    pub(crate) fn canonical(&self) -> &str {
        match self.name.as_str() {
            "int" | "int4" => "integer",
            "int8" => "bigint",
            "int2" => "smallint",
            "bool" => "boolean",
            "varchar" | "nvarchar" => "character varying",
            "char" | "bpchar" => "character",
            "decimal" | "dec" => "numeric",
            "float8" | "double" => "double precision",
            "float4" => "real",
            "timestamptz" => "timestamp with time zone",
            "timestamp" => "timestamp without time zone",
            other => other,
        }
    }

    /// Whether it makes its own default from a sequence.
    pub(crate) fn is_serial(&self) -> bool {
        matches!(
            self.name.as_str(),
            "serial" | "bigserial" | "smallserial" | "serial4" | "serial8" | "serial2"
        )
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// A default or another expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    /// As it is written.
    pub(crate) text: String,
    /// The functions it calls, and words that stand for one (`current_timestamp`), in lower case.
    pub(crate) calls: Vec<String>,
    /// All of it stands in parentheses.
    pub(crate) in_parentheses: bool,
}

impl Expression {
    /// Whether it is the word NULL.
    pub(crate) fn is_null(&self) -> bool {
        self.text.eq_ignore_ascii_case("null")
    }
}

/// A constraint of a table, or an index said in its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constraint {
    pub(crate) name: Option<String>,
    pub(crate) kind: ConstraintKind,
    /// `NOT VALID`.
    pub(crate) not_valid: bool,
    /// As it is written, without its name.
    pub(crate) text: String,
}

/// What a constraint asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConstraintKind {
    PrimaryKey {
        columns: Vec<String>,
        /// `USING INDEX name`.
        using_index: bool,
    },
    Unique {
        columns: Vec<String>,
        /// `USING INDEX name`.
        using_index: bool,
    },
    ForeignKey {
        columns: Vec<String>,
        references: Reference,
    },
    Check {
        condition: String,
    },
    Exclude,
    /// `KEY name (columns)`.
    Index {
        columns: Vec<String>,
    },
}

/// ALTER TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlterTable {
    pub(crate) table: Name,
    pub(crate) actions: Vec<Action>,
    /// `ALGORITHM`, in lower case.
    pub(crate) algorithm: Option<String>,
}

/// One change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    AddColumn {
        column: Column,
        if_not_exists: bool,
    },
    DropColumn {
        name: String,
        cascade: bool,
    },
    SetType {
        column: String,
        ty: Type,
    },
    SetNotNull {
        column: String,
    },
    DropNotNull {
        column: String,
    },
    /// `SET DEFAULT`, `DROP DEFAULT` and other changes of a column that touch no row.
    AlterColumn,
    /// `MODIFY` and, with the name it had, `CHANGE`.
    Modify {
        old: String,
        column: Column,
    },
    AddConstraint(Constraint),
    ValidateConstraint {
        name: String,
    },
    DropConstraint {
        name: String,
        cascade: bool,
    },
    DropPrimaryKey,
    DropForeignKey {
        name: String,
    },
    DropIndex {
        name: String,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    RenameTable {
        to: Name,
    },
    /// Of a constraint or an index.
    RenameConstraint {
        from: String,
        to: String,
    },
    /// `CONVERT TO CHARACTER SET` and `DEFAULT CHARACTER SET`.
    Charset {
        charset: String,
        converts: bool,
    },
    /// `ENGINE = name`, in lower case.
    Engine {
        engine: String,
    },
    /// What writes the whole table anew: `SET LOGGED`, `SET TABLESPACE`, `FORCE`, `ORDER BY`,
    /// partitioning. In the words of the statement.
    Rewrite {
        what: String,
    },
    DetachPartition {
        concurrently: bool,
    },
    /// Anything else.
    Other,
}

/// CREATE INDEX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreateIndex {
    pub(crate) name: Option<Name>,
    pub(crate) table: Name,
    pub(crate) unique: bool,
    pub(crate) concurrently: bool,
    pub(crate) if_not_exists: bool,
    /// Its columns up to the first part that is none.
    pub(crate) columns: Vec<String>,
    /// It has parts that are no columns, or leaves rows out.
    pub(crate) partial: bool,
    /// It is of a kind of its own: `USING gin`, `FULLTEXT`.
    pub(crate) special: bool,
}

/// DROP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drop {
    pub(crate) what: Dropped,
    pub(crate) names: Vec<Name>,
    /// `DROP INDEX name ON table`.
    pub(crate) on: Option<Name>,
    pub(crate) concurrently: bool,
    pub(crate) cascade: bool,
}

/// The kinds of what can be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    Table,
    Index,
    /// A schema or a database.
    Schema,
    /// A view, a type, a function or another object.
    Other,
}

/// A statement that puts what is stored into order and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Maintain {
    /// In the words of the statement: `REINDEX TABLE`, `VACUUM FULL`, `CLUSTER`.
    pub(crate) what: &'static str,
    pub(crate) concurrently: bool,
    /// The table, where it is one table's.
    pub(crate) table: Option<Name>,
}

#[cfg(test)]
#[path = "../tests/ddl.rs"]
mod tests;

#[cfg(test)]
#[path = "../tests/ddl_alter.rs"]
mod alter_tests;

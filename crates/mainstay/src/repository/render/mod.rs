//! Entity operations as SQL: pure, one statement in, one statement out, tested without a server.
//!
//! - `table`: [`Table`], a table in a dialect; `mod.rs`: its statements
//! - `joined`: the calls of several callers in one statement
//! - `condition`: filters as expressions
//! - `kept`: statements on one row, whose text is written once

mod condition;
mod joined;
mod kept;
mod table;

use sea_query::{
    DeleteStatement, Expr, ExprTrait, InsertStatement, NullOrdering, OnConflict, Query,
    SelectStatement, UpdateStatement,
};

pub(crate) use table::Table;

use crate::driver::statement::to_sea_query;
use crate::driver::{Access, Statement, Tail};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::filter::Condition;
use crate::schema::{Assignment, Change, TableModel};
use crate::value::Value;

/// An order by one column, without its entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct By {
    pub(crate) column: usize,
    pub(crate) descending: bool,
}

/// What a SELECT asks for.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) columns: Vec<usize>,
    pub(crate) condition: Option<Condition>,
    pub(crate) order: Vec<By>,
    pub(crate) take: Option<u64>,
    pub(crate) skip: Option<u64>,
    pub(crate) for_update: bool,
}

impl Selection {
    /// All columns of all rows.
    pub(crate) fn whole(model: &TableModel) -> Self {
        Self {
            columns: (0..model.columns.len()).collect(),
            condition: None,
            order: Vec::new(),
            take: None,
            skip: None,
            for_update: false,
        }
    }
}

impl Table<'_> {
    fn name(&self, column: usize) -> &'static str {
        self.model.columns[column].name
    }

    fn value(&self, column: usize, value: Value) -> Expr {
        let ty = &self.model.columns[column].ty;
        Expr::value(to_sea_query(self.dialect.lower(value, ty)))
    }

    fn finish(
        &self,
        query: &impl sea_query::QueryStatementWriter,
        access: Access,
    ) -> Result<Statement> {
        let statement = Statement::from_query(self.dialect, query, access)?.on(self.model.name);
        let (given, most) = (statement.values.len(), self.capabilities.max_parameters);
        if given > most {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the statement has {given} values; the engine takes {most}"),
            )
            .with_table(self.model.name)
            .with_prisma_code("P2029")
            .with_hint("split the list of values over several statements"));
        }
        Ok(statement)
    }

    /// The condition that a row has a key.
    pub(crate) fn key_condition(&self, key: Vec<Value>) -> Condition {
        condition::equal_all(self.model.primary_key.iter().copied().zip(key))
    }

    pub(crate) fn select(&self, selection: &Selection) -> Result<Statement> {
        let mut query = Query::select();
        query
            .from(self.model.name)
            .columns(selection.columns.iter().map(|c| self.name(*c)));
        self.restrict(&mut query, selection.condition.as_ref())?;
        self.order(&mut query, &selection.order)?;
        self.limit(&mut query, selection.take, selection.skip);
        if selection.for_update && self.capabilities.row_locks {
            query.lock_exclusive();
        }
        // A locking read takes the writer where that is what locking means.
        let access = if selection.for_update {
            Access::Write
        } else {
            Access::Read
        };
        // By a key or an index, as far as anybody can tell here; an engine that must know finds
        // out while it runs.
        self.finish(&query, access).map(Statement::short)
    }

    fn restrict(&self, query: &mut SelectStatement, condition: Option<&Condition>) -> Result<()> {
        if let Some(condition) = condition {
            query.and_where(self.condition(condition)?);
        }
        Ok(())
    }

    fn order(&self, query: &mut SelectStatement, order: &[By]) -> Result<()> {
        for by in order {
            self.check_order(by.column)?;
            let direction = if by.descending {
                sea_query::Order::Desc
            } else {
                sea_query::Order::Asc
            };
            let nullable = self.model.columns[by.column].nullable;
            if nullable && !self.dialect.nulls_are_smallest() {
                let nulls = if by.descending {
                    NullOrdering::Last
                } else {
                    NullOrdering::First
                };
                query.order_by_with_nulls(self.name(by.column), direction, nulls);
            } else {
                query.order_by(self.name(by.column), direction);
            }
        }
        Ok(())
    }

    /// Refuses to order by what the engine does not store in the order of its values.
    fn check_order(&self, column: usize) -> Result<()> {
        let column = &self.model.columns[column];
        if self.dialect.orders_as_stored(&column.ty) {
            return Ok(());
        }
        let detail = format!(
            "{} keeps this type in a form without order",
            self.dialect.name()
        );
        Err(Error::new(ErrorKind::Unsupported, detail)
            .with_table(self.model.name)
            .with_columns([column.name]))
    }

    fn limit(&self, query: &mut SelectStatement, take: Option<u64>, skip: Option<u64>) {
        // No engine counts further.
        const MOST: u64 = i64::MAX as u64;
        match (take, skip) {
            (Some(take), _) => {
                query.limit(Ord::min(take, MOST));
            }
            // SQLite and MySQL know no OFFSET without LIMIT.
            (None, Some(_)) => {
                query.limit(MOST);
            }
            (None, None) => {}
        }
        if let Some(skip) = skip {
            query.offset(Ord::min(skip, MOST));
        }
    }

    pub(crate) fn count(&self, condition: Option<&Condition>) -> Result<Statement> {
        let mut query = Query::select();
        query.from(self.model.name).expr(Expr::cust("COUNT(*)"));
        self.restrict(&mut query, condition)?;
        self.finish(&query, Access::Read)
    }

    pub(crate) fn exists(&self, condition: Option<&Condition>) -> Result<Statement> {
        let mut query = self.exists_query(condition)?;
        query.limit(1);
        Ok(self.finish(&query, Access::Read)?.short())
    }

    fn exists_query(&self, condition: Option<&Condition>) -> Result<SelectStatement> {
        let mut query = Query::select();
        query.from(self.model.name).expr(Expr::cust("1"));
        self.restrict(&mut query, condition)?;
        Ok(query)
    }

    /// An aggregate per group; see [`crate::repository::aggregate`].
    pub(crate) fn aggregate(
        &self,
        groups: &[usize],
        terms: &[Expr],
        condition: Option<&Condition>,
    ) -> Result<Statement> {
        let mut query = Query::select();
        query.from(self.model.name);
        query.columns(groups.iter().map(|column| self.name(*column)));
        query.exprs(terms.iter().cloned());
        self.restrict(&mut query, condition)?;
        query.group_by_columns(groups.iter().map(|column| self.name(*column)));
        let order: Vec<_> = groups
            .iter()
            .map(|column| By {
                column: *column,
                descending: false,
            })
            .collect();
        self.order(&mut query, &order)?;
        self.finish(&query, Access::Read)
    }

    /// An INSERT of rows that all give the same columns, in the same order.
    pub(crate) fn insert(
        &self,
        columns: &[usize],
        rows: Vec<Vec<Value>>,
        returning: bool,
    ) -> Result<Statement> {
        let query = self.insert_query(columns, rows)?;
        let statement = self.finish(&query, Access::Write)?;
        Ok(if returning {
            self.returning(statement)
        } else {
            statement
        })
    }

    fn insert_query(&self, columns: &[usize], rows: Vec<Vec<Value>>) -> Result<InsertStatement> {
        let mut query = Query::insert();
        query
            .into_table(self.model.name)
            .columns(columns.iter().map(|c| self.name(*c)));
        for row in rows {
            let values = columns
                .iter()
                .zip(row)
                .map(|(column, value)| self.value(*column, value));
            query.values(values).map_err(|error| {
                Error::new(
                    ErrorKind::Unexpected,
                    format!("rows of different width: {error}"),
                )
            })?;
        }
        Ok(query)
    }

    /// An INSERT that updates `updates` instead when a row with the same `target` exists.
    pub(crate) fn upsert(
        &self,
        columns: &[usize],
        row: Vec<Value>,
        target: &[usize],
        updates: &[usize],
    ) -> Result<Statement> {
        let mut query = self.insert_query(columns, vec![row])?;
        let mut conflict = OnConflict::columns(target.iter().map(|column| self.name(*column)));
        if let Some((version, _)) = self.model.automatic(crate::schema::Automatic::Version) {
            let name = self.name(version);
            conflict.value(name, Expr::col((self.model.name, name)).add(1));
        }
        conflict.update_columns(updates.iter().map(|column| self.name(*column)));
        query.on_conflict(conflict);
        let statement = self.finish(&query, Access::Write)?;
        Ok(if self.capabilities.upsert_target {
            self.returning(statement)
        } else {
            statement
        })
    }

    pub(crate) fn update(
        &self,
        assignments: &[Assignment],
        condition: Option<&Condition>,
        returning: bool,
    ) -> Result<Statement> {
        let mut query: UpdateStatement = Query::update();
        query.table(self.model.name);
        for assignment in assignments {
            let name = self.name(assignment.column);
            match &assignment.change {
                Change::Set(value) => {
                    query.value(name, self.value(assignment.column, value.clone()));
                }
                Change::Add(value) => {
                    let by = self.value(assignment.column, value.clone());
                    query.value(name, Expr::col(name).add(by));
                }
            }
        }
        if let Some(condition) = condition {
            query.and_where(self.condition(condition)?);
        }
        let statement = self.finish(&query, Access::Write)?;
        Ok(if returning {
            self.returning(statement)
        } else {
            statement
        })
    }

    pub(crate) fn delete(
        &self,
        condition: Option<&Condition>,
        returning: bool,
    ) -> Result<Statement> {
        let mut query: DeleteStatement = Query::delete();
        query.from_table(self.model.name);
        if let Some(condition) = condition {
            query.and_where(self.condition(condition)?);
        }
        let statement = self.finish(&query, Access::Write)?;
        Ok(if returning {
            self.returning(statement)
        } else {
            statement
        })
    }

    /// Appends RETURNING with all columns. By hand, because MariaDB has it but sea-query's MySQL
    /// dialect does not.
    fn returning(&self, mut statement: Statement) -> Statement {
        let columns: Vec<_> = self
            .model
            .columns
            .iter()
            .map(|column| self.dialect.quote(column.name))
            .collect();
        statement.sql = format!("{} RETURNING {}", statement.sql, columns.join(", ")).into();
        statement.ending_with(Tail::Returning)
    }
}

#[cfg(test)]
mod tests;

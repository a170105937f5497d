//! A table known only when the program runs, as the driver wants it.

use mainstay::schema::{Automatic, ColumnModel, ForeignKeyModel, TableModel, TextForm};
use mainstay::value::ColumnType;

/// A table's model with these columns.
///
/// Models are static data everywhere, since those of entities are. This one is made once for each
/// table of a copy and stays as long as the program: some hundred bytes for each column.
pub(super) fn leaked(
    table: &str,
    columns: &[(String, ColumnType, bool)],
    foreign_keys: &'static [ForeignKeyModel],
) -> &'static TableModel {
    let columns: Vec<ColumnModel> = columns
        .iter()
        .map(|(name, ty, nullable)| {
            let name: &'static str = Box::leak(name.clone().into_boxed_str());
            ColumnModel {
                name,
                field: name,
                ty: *ty,
                nullable: *nullable,
                default: None,
                automatic: Automatic::No,
                form: TextForm::Opaque,
                rules: &[],
            }
        })
        .collect();
    Box::leak(Box::new(TableModel {
        name: Box::leak(table.to_owned().into_boxed_str()),
        columns: Box::leak(columns.into_boxed_slice()),
        primary_key: &[],
        uniques: &[],
        indexes: &[],
        foreign_keys,
        checks: &[],
    }))
}

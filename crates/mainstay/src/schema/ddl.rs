//! CREATE statements of a table, in each dialect.

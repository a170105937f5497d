//! Rows in bulk, by COPY in its binary form.
//!
//! The binary form has to have exactly the types of the columns, so the server is asked for them
//! each time: a table that has changed since is no reason to send it bytes it would misread.
//!
//! What INSERT takes and COPY does not is declined before anything is sent: texts for columns of
//! other types, which the server has to parse, tables with row security for this user, views, and
//! tables with rules.

use std::pin::pin;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{IsNull, ToSql, Type};

use super::account::followed;
use super::connection::PostgresConnection;
use super::params::{Param, goes_as_text};
use super::run::yield_now_and_then;
use super::transaction::BEGIN;
use crate::driver::load::Load;
use crate::driver::row::Ignore;
use crate::driver::statement::{Access, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::schema::Dialect;
use crate::value::Value;

/// What each file in the binary form begins with: its mark, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// How much is sent at once.
const CHUNK: usize = 64 * 1024;

impl PostgresConnection {
    pub(super) async fn copy_in(&mut self, load: Load) -> Result<u64> {
        // A load that is called off half way fails on the server without a word to us.
        self.must_ask = true;
        let name = load.table().name;
        let table = Some(name);
        let quote = |name: &str| Dialect::Postgres.quote(name);
        let quoted = quote(name);
        let columns: Vec<_> = load.columns().map(|column| quote(column.name)).collect();
        let columns = columns.join(", ");
        let asking: Arc<str> = format!("SELECT {columns} FROM {quoted} WHERE false").into();
        let copy = format!("COPY {quoted} ({columns}) FROM STDIN BINARY");
        let statements = [
            Statement::new(Arc::clone(&asking), Vec::new(), Access::Read).on(name),
            Statement::new(copy, Vec::new(), Access::Write).on(name),
        ];
        self.statements.remove(&asking);
        let prepared = self.prepare_all(&statements, &mut Ignore).await?;
        let [(described, _), (copy, _)] = prepared.as_slice() else {
            return Err(Error::new(ErrorKind::Unexpected, "COPY was not prepared"));
        };
        let types: Vec<Type> = described
            .columns()
            .iter()
            .map(|column| column.type_().clone())
            .collect();
        if needs_parsing(load.rows(), &types) || !self.takes_copy(&quoted).await? {
            load.decline();
            return Ok(0);
        }
        let lost = self.outcome_if_lost(Access::Write);
        let client = Arc::clone(&self.client);
        let sink = match client.copy_in::<_, Bytes>(copy).await {
            Ok(sink) => sink,
            Err(error) => return Err(self.fault(error, table, lost)),
        };
        // Dropped before its end, whatever the reason, the copy is called off.
        let mut sink = pin!(sink);
        let mut out = BytesMut::with_capacity(CHUNK + CHUNK / 4);
        out.put_slice(HEADER);
        for (position, row) in load.rows().iter().enumerate() {
            write_row(row, &types, &mut out).inspect_err(|_| load.refuse(position))?;
            if out.len() >= CHUNK {
                yield_now_and_then().await;
                let full = out.split().freeze();
                out.reserve(CHUNK + CHUNK / 4);
                if let Err(error) = sink.send(full).await {
                    note_row(&load, &error);
                    return Err(self.fault(error, table, lost));
                }
            }
        }
        out.put_i16(-1);
        if let Err(error) = sink.send(out.freeze()).await {
            note_row(&load, &error);
            return Err(self.fault(error, table, lost));
        }
        let mut asking = self.question_behind(Access::Write).await;
        match followed(sink.finish(), asking.as_mut()).await {
            Ok(rows) => self.take_id(asking).await.map(|()| rows),
            Err(error) => {
                note_row(&load, &error);
                Err(self.fault(error, table, lost))
            }
        }
    }

    /// Whether COPY does with the table what INSERT does. Sends the BEGIN that is owed.
    async fn takes_copy(&mut self, quoted: &str) -> Result<bool> {
        let literal = quoted.replace('\'', "''");
        let begin = if std::mem::take(&mut self.owes_begin) {
            format!("{BEGIN}; ")
        } else {
            String::new()
        };
        let asking = format!(
            "{begin}SELECT relkind IN ('r', 'p', 'f') AND NOT relhasrules \
             AND NOT pg_catalog.row_security_active(oid) FROM pg_catalog.pg_class \
             WHERE oid = '{literal}'::pg_catalog.regclass"
        );
        let client = Arc::clone(&self.client);
        let answers = match client.simple_query(&asking).await {
            Ok(answers) => answers,
            Err(error) => return Err(self.fault(error, None, Outcome::NotApplied)),
        };
        Ok(answers.iter().any(
            |answer| matches!(answer, SimpleQueryMessage::Row(row) if row.get(0) == Some("t")),
        ))
    }
}

/// Whether some value has to be parsed by the server.
fn needs_parsing(rows: &[Vec<Value>], types: &[Type]) -> bool {
    let some = Value::Text(String::new());
    let parsed = |ty: &Type| goes_as_text(&some, ty);
    let columns: Vec<_> = types
        .iter()
        .enumerate()
        .filter(|(_, ty)| parsed(ty))
        .collect();
    rows.iter().any(|row| {
        let is_text = |column: usize| matches!(row.get(column), Some(Value::Text(_)));
        columns.iter().any(|(column, _)| is_text(*column))
    })
}

/// Notes which row the server refused. Of its text only the number is kept: the rest has values.
fn note_row(load: &Load, error: &tokio_postgres::Error) {
    let place = error.as_db_error().and_then(|error| error.where_());
    let number = place.and_then(|place| row_number(place, load.table().name));
    if let Some(number) = number
        && number <= load.rows().len()
    {
        load.refuse(number - 1);
    }
}

/// The number in `COPY t, line 7, column c: "..."`, in whatever language, counted from 1.
fn row_number(place: &str, table: &str) -> Option<usize> {
    let start = |line| {
        str::strip_prefix(line, "COPY ")?
            .strip_prefix(table)?
            .strip_prefix(", ")
    };
    let rest = place.lines().find_map(start)?;
    // Only up to the next comma or colon: behind it is the column, whose name may have digits.
    let rest = rest.split([',', ':']).next()?;
    let digits = rest
        .split(|c: char| !c.is_ascii_digit())
        .find(|part| !part.is_empty())?;
    digits.parse().ok().filter(|number| *number > 0)
}

fn write_row(row: &[Value], types: &[Type], out: &mut BytesMut) -> Result<()> {
    if row.len() != types.len() {
        return Err(Error::new(
            ErrorKind::Unexpected,
            "a row to load has another number of values than columns were named",
        ));
    }
    // No table has more than 1,600 columns.
    out.put_i16(i16::try_from(row.len()).unwrap_or(i16::MAX));
    for ((value, ty), position) in row.iter().zip(types).zip(1..) {
        let at = out.len();
        out.put_i32(-1);
        let param = Param { value, position };
        let written =
            param
                .to_sql(ty, out)
                .map_err(|refusal| match refusal.downcast::<Error>() {
                    Ok(own) => *own,
                    Err(other) => Error::new(ErrorKind::InvalidValue, other.to_string()),
                })?;
        if matches!(written, IsNull::No) {
            let length = i32::try_from(out.len() - at - 4)
                .map_err(|_| Error::new(ErrorKind::ValueTooLong, "a value is larger than 2 GB"))?;
            out[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_a_refused_row_is_read() {
        for (place, number) in [
            ("COPY t, line 7, column c9: \"12\"", Some(7)),
            ("COPY t, line 7", Some(7)),
            ("COPY t, Zeile 15001, Spalte c: \u{bb}1\u{ab}", Some(15_001)),
            (
                "SQL statement \"x\"\nPL/pgSQL function f() line 3\nCOPY t, line 2",
                Some(2),
            ),
            ("COPY t, line 0", None),
            ("COPY other, line 7", None),
            ("COPY t", None),
            ("", None),
        ] {
            assert_eq!(row_number(place, "t"), number, "{place}");
        }
    }

    #[test]
    fn texts_for_columns_of_other_types_are_to_be_parsed() {
        let text = || Value::Text("x".into());
        let types = [Type::TEXT, Type::UUID];
        assert!(!needs_parsing(&[vec![text(), Value::Null]], &types));
        assert!(needs_parsing(
            &[vec![text(), Value::Null], vec![text(), text()]],
            &types
        ));
    }
}

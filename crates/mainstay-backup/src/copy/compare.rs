//! Both sides read again, counted and hashed.

use mainstay::driver::{Row, RowSink};
use mainstay::schema::TableModel;
use mainstay::{Database, Error, ErrorKind, Result, Tx};

use super::limits::AS_LONG_AS_IT_TAKES;
use super::plan::Planned;
use super::read;
use super::values;
use crate::archive::Table;
use crate::content::{Content, Pieces};
use crate::control::Control;

/// What a table holds on both sides, if that is the same.
pub(super) async fn compare(
    source: &Tx,
    from: &Database,
    to: &Database,
    table: &Planned,
    control: &Control,
) -> Result<Table> {
    let here = source.sql(read::select(from.dialect(), table.model));
    let there = to.sql(read::select(to.dialect(), table.model));
    let here = here
        .timeout(AS_LONG_AS_IT_TAKES)
        .fetch_into(sink(table, control));
    let there = there
        .timeout(AS_LONG_AS_IT_TAKES)
        .fetch_into(sink(table, control));
    // On tasks of their own, since hashing is work.
    let (here, there) = (
        tokio::spawn(async move { here.await }),
        tokio::spawn(async move { there.await }),
    );
    let (here, there) = tokio::join!(here, there);
    let (here, there) = (
        here.map_err(Error::unexpected)??.table(),
        there.map_err(Error::unexpected)??.table(),
    );
    if here == there {
        return Ok(here);
    }
    let how = if here.rows == there.rows {
        format!("the {} rows are not the same", here.rows)
    } else {
        format!("{} rows became {}", here.rows, there.rows)
    };
    Err(Error::new(
        ErrorKind::Corrupt,
        format!("table {} differs after the copy: {how}", here.name),
    )
    .with_table(here.name)
    .with_hint(
        "see what else writes to the target, and what its triggers and rounding types do; then \
         begin again",
    ))
}

fn sink(table: &Planned, control: &Control) -> Hashing {
    Hashing {
        model: table.model,
        key: table.key.clone(),
        content: Content::default(),
        row: Pieces::default(),
        control: control.clone(),
    }
}

struct Hashing {
    model: &'static TableModel,
    key: Vec<usize>,
    content: Content,
    row: Pieces,
    control: Control,
}

impl Hashing {
    fn table(&self) -> Table {
        self.content.table(self.model.name)
    }
}

impl RowSink for Hashing {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.control.check()?;
        for value in read::row(row, self.model, &self.key)? {
            values::hash(&value, &mut self.row);
        }
        self.content.add_pieces(&mut self.row);
        Ok(())
    }
}

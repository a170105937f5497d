//! Statements known beforehand and bulk loads, within a transaction.

use super::Tx;
use crate::database::{CallOptions, line};
use crate::driver::{Done, Load, RowSink, Statement};
use crate::error::{Error, Result};

impl Tx {
    /// Runs statements one after another. A failure poisons the transaction, as that of any
    /// statement does.
    pub(crate) async fn run_batch(
        &self,
        statements: Vec<Statement>,
        sink: &mut dyn RowSink,
        options: &CallOptions,
    ) -> Result<Vec<Done>> {
        let count = statements.len();
        let at = |position| move |error: Error| error.at_statement(position, count);
        let mut all = Vec::with_capacity(count);
        for (position, statement) in statements.into_iter().enumerate() {
            sink.statement(position);
            let done = self.run(statement, sink, options).await;
            all.push(done.map_err(at(position))?);
        }
        Ok(all)
    }

    /// Loads rows in bulk. A failure poisons the transaction.
    pub(crate) async fn load(&self, load: Load, options: &CallOptions) -> Result<u64> {
        let deadline = self.deadline(options);
        let mut state = self.turn(deadline).await?;
        let lease = state.usable(&self.inner)?;
        let shared = &self.inner.db.shared;
        let ran = line::load_on(shared, lease, load, deadline, options).await;
        self.note(&ran, true);
        if let Err(error) = &ran.result {
            state.poison = Some(error.clone());
        }
        ran.result.map(|done| done.rows)
    }
}

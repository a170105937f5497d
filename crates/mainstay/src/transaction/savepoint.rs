//! Nesting by savepoints.

use std::sync::atomic::Ordering;

use tokio::time::timeout_at;

use super::{Tx, interrupted};
use crate::database::line;
use crate::error::{Error, ErrorKind, Result};

impl Tx {
    /// Runs a closure within a savepoint: kept when it returns `Ok`, undone when it returns an
    /// error, so that the transaction can go on.
    ///
    /// # Errors
    /// The closure's error, unchanged; or one made from a statement's error that it hid.
    pub async fn savepoint<F, Fut, T, E>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(Self) -> Fut + Send,
        Fut: Future<Output = Result<T, E>> + Send,
        T: Send,
        E: From<Error> + Send,
    {
        let number = self.open_savepoint().await?;
        let mut abandoned = TearOnDrop {
            tx: self.clone(),
            armed: true,
        };
        let outcome = work(self.clone()).await;
        let result = self.end_savepoint(number, outcome).await;
        abandoned.armed = false;
        result
    }

    async fn end_savepoint<T, E: From<Error>>(
        &self,
        number: u32,
        outcome: Result<T, E>,
    ) -> Result<T, E> {
        let poison = {
            let mut state = self.lock().await;
            state.poison(&self.inner)
        };
        match (outcome, poison) {
            (Ok(value), None) => {
                self.close_savepoint(number, true).await?;
                Ok(value)
            }
            (Ok(_), Some(cause)) => {
                self.close_savepoint(number, false).await?;
                Err(cause.into())
            }
            (Err(error), _) => {
                self.close_savepoint(number, false).await?;
                Err(error)
            }
        }
    }

    async fn open_savepoint(&self) -> Result<u32> {
        let deadline = self.inner.deadline;
        let mut state = self.turn(deadline).await?;
        let number = state.named + 1;
        let lease = state.usable(&self.inner)?;
        let result = match timeout_at(deadline, lease.savepoint(&name(number))).await {
            Ok(result) => result,
            Err(_) => Err(interrupted()),
        };
        match result {
            Ok(()) => {
                state.named = number;
                state.savepoints.push(number);
                Ok(number)
            }
            Err(error) => {
                state.poison = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Releases the savepoint, or rolls back to it, which heals the transaction.
    async fn close_savepoint(&self, number: u32, keep: bool) -> Result<()> {
        let deadline = self.inner.deadline;
        let mut state = self.turn(deadline).await?;
        let depth = state.savepoints.iter().position(|open| *open == number);
        // Savepoints opened later lie within this one. To keep it would end them half way, and a
        // savepoint around it that was rolled back has undone it.
        let nested = match depth {
            Some(depth) => !keep || depth + 1 == state.savepoints.len(),
            None => false,
        };
        if !nested {
            let error = state.poison.get_or_insert_with(crossed);
            return Err(error.clone());
        }
        state.savepoints.truncate(depth.unwrap_or_default());
        let Some(lease) = state.lease.as_mut() else {
            return Err(super::over());
        };
        if lease.was_interrupted() {
            return Err(interrupted());
        }
        let name = name(number);
        let call = async {
            if keep {
                lease.release(&name).await
            } else {
                lease.rollback_to(&name).await
            }
        };
        let result = match timeout_at(deadline, call).await {
            Ok(result) => result,
            Err(_) => Err(interrupted()),
        };
        match result {
            Ok(()) => {
                if !keep {
                    // What was torn lies within, and is undone.
                    self.inner.torn.store(false, Ordering::SeqCst);
                    state.poison = None;
                }
                Ok(())
            }
            Err(error) => {
                let error = line::complete(&self.inner.db.shared, error, None);
                state.poison = Some(error.clone());
                Err(error)
            }
        }
    }
}

fn name(number: u32) -> String {
    format!("mainstay_{number}")
}

fn crossed() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "savepoints of one transaction were open side by side",
    )
    .with_hint("await one savepoint() before starting the next, or nest them")
}

/// Poisons the transaction when a savepoint's closure is dropped half way: what it did so far must
/// not become part of the transaction.
struct TearOnDrop {
    tx: Tx,
    armed: bool,
}

impl Drop for TearOnDrop {
    fn drop(&mut self) {
        if self.armed {
            self.tx.inner.torn.store(true, Ordering::SeqCst);
        }
    }
}

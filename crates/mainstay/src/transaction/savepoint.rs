//! Nesting by savepoints.

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
        let name = self.open_savepoint().await?;
        let mut abandoned = PoisonOnDrop {
            tx: self.clone(),
            armed: true,
        };
        let outcome = work(self.clone()).await;
        abandoned.armed = false;
        let poison = self.lock().await.poison.clone();
        match (outcome, poison) {
            (Ok(value), None) => {
                self.close_savepoint(&name, true).await?;
                Ok(value)
            }
            (Ok(_), Some(cause)) => {
                self.close_savepoint(&name, false).await?;
                Err(cause.into())
            }
            (Err(error), _) => {
                self.close_savepoint(&name, false).await?;
                Err(error)
            }
        }
    }

    async fn open_savepoint(&self) -> Result<String> {
        let mut state = self.lock().await;
        let name = format!("mainstay_{}", state.depth + 1);
        let deadline = self.inner.deadline;
        let lease = state.usable()?;
        let result = match timeout_at(deadline, lease.savepoint(&name)).await {
            Ok(result) => result,
            Err(_) => Err(interrupted()),
        };
        match result {
            Ok(()) => {
                state.depth += 1;
                Ok(name)
            }
            Err(error) => {
                state.poison = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Releases the savepoint, or rolls back to it, which heals the transaction.
    async fn close_savepoint(&self, name: &str, keep: bool) -> Result<()> {
        let mut state = self.lock().await;
        state.depth = state.depth.saturating_sub(1);
        let deadline = self.inner.deadline;
        let Some(lease) = state.lease.as_mut() else {
            return Err(super::over());
        };
        if lease.was_interrupted() {
            return Err(interrupted());
        }
        let call = async {
            if keep {
                lease.release(name).await
            } else {
                lease.rollback_to(name).await
            }
        };
        let result = match timeout_at(deadline, call).await {
            Ok(result) => result,
            Err(_) => Err(interrupted()),
        };
        match result {
            Ok(()) => {
                state.poison = None;
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

/// Poisons the transaction when a savepoint's closure is dropped half way: what it did so far must
/// not become part of the transaction.
struct PoisonOnDrop {
    tx: Tx,
    armed: bool,
}

impl Drop for PoisonOnDrop {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        if let Ok(mut state) = self.tx.inner.state.try_lock() {
            let error = Error::new(
                ErrorKind::TransactionClosed,
                "a savepoint of the transaction was dropped before it ended",
            );
            state.poison.get_or_insert(error);
        }
    }
}

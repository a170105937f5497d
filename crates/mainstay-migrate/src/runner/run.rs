//! One migration that is run statement by statement.

use std::time::Duration;

use mainstay::Result;
use mainstay::database::Exclusive;
use tokio::time::Instant;

use super::fingerprint::schema_fingerprint;
use super::report::millis;
use super::session::Job;
use crate::history::HistoryRow;
use crate::journal::{self, JournalRow};
use crate::plan::Step;

/// One migration at work.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) job: &'a Job,
    pub(super) held: &'a Exclusive,
    pub(super) step: &'a Step,
    /// Its record, if it is applied.
    pub(super) recorded: Option<&'a HistoryRow>,
    pub(super) started: Instant,
}

impl Run<'_> {
    /// The schema as it is now.
    pub(super) async fn fingerprint(self) -> Result<String> {
        schema_fingerprint(|sql| self.held.sql(sql), self.job.dialect()).await
    }

    /// Records that a statement is done.
    pub(super) async fn finish(self, row: &JournalRow, took: Duration) -> Result<()> {
        let after = self.fingerprint().await?;
        journal::finish(|sql| self.held.sql(sql), row, Some(&after), millis(took))
            .execute()
            .await?;
        Ok(())
    }
}

//! What a session has to know so that the end of its transaction can be found out by another one:
//! the transaction's id, and which server gave it out; and so that a session that was given up can
//! be [ended](super::ending) by another one.
//!
//! The server is asked who it is once per session, ahead of the first transaction that may write
//! (once more, if that one did not want its id asked for), and the id once per transaction, with the
//! first statement that writes: in a column of its rows where it has some, otherwise by a question
//! behind it, which costs the server more. Neither is waited for longer than the statement itself:
//! both are in the same flight. The question is prepared outside of any transaction, so that a server
//! that does not know it spoils none.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{MaybeDone, join, maybe_done};
use tokio::sync::oneshot;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::classify::Report;
use super::connection::PostgresConnection;
use super::ending::Mark;
use super::key;
use super::rows::PgRow;
use super::run::changed_table;
use crate::driver::contract::{BeginOptions, BoxFuture, Connection};
use crate::driver::row::Collect;
use crate::driver::statement::{Access, Statement, Tail};
use crate::error::{Outcome, Result};
use crate::value::{Cell, Columns, Row};

/// The id of the whole transaction, also where a savepoint is open. NULL until something is
/// written.
const ID: &str = "SELECT pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text";

/// The same as a column behind those that a statement returns. By then something is written.
const ID_COLUMN: &str = "pg_catalog.pg_current_xact_id_if_assigned()";

/// So many texts are remembered as unfit, and then forgotten.
const MOST_UNFIT: usize = 64;

/// Who the server is. All of it may be asked by everybody unless an administrator forbids it.
const WHO: &str = "SELECT system_identifier::pg_catalog.text, \
     CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE pg_catalog.left( \
     pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END, \
     (pg_catalog.date_part('epoch', pg_catalog.pg_stat_get_bgwriter_stat_reset_time()) \
     * 1000000)::pg_catalog.int8::pg_catalog.text, \
     pg_catalog.pg_backend_pid(), \
     (SELECT (pg_catalog.date_part('epoch', backend_start) * 1000000)::pg_catalog.int8 \
     FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())) \
     FROM pg_catalog.pg_control_system()";

/// A primary in one stretch of its life.
///
/// An id means something only where it was given out. After a failover that lost the end of the
/// log, and after a crash of the same server, ids that were told to clients are given out again:
/// an id reaches the disk with the first record of its transaction that does, and not before it is
/// told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// What `initdb` gave the cluster. Its copies have the same.
    pub(super) system: String,
    /// Every promotion begins a new one.
    pub(super) timeline: String,
    /// When the statistics began. A server that comes back from a crash throws them away, which
    /// tells it from one that was shut down in an orderly way; that one loses nothing. The start
    /// time of the server would not do: it stays the same when a crash of one of its processes
    /// makes it recover.
    pub(super) since: String,
}

impl Server {
    fn new(parts: [Option<String>; 3]) -> Option<Self> {
        let [system, timeline, since] = parts;
        Some(Self {
            system: system?,
            timeline: timeline?,
            since: since?,
        })
    }

    /// Who the server of a session of our own is; `None` where it is no primary.
    pub(super) async fn of(session: &mut PostgresConnection) -> Result<Option<Self>> {
        let read = |row: &Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
        let mut found = Collect::new(read);
        let asked = Statement::new(WHO, Vec::new(), Access::Read);
        session.run(asked, &mut found).await?;
        Ok(found.items.pop().and_then(Self::new))
    }
}

/// The server's process of one session.
///
/// Its number is given out again once it has ended, but not with the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) number: i32,
    /// When it was started, in microseconds since 1970.
    pub(super) started: i64,
}

/// What a session was told.
#[derive(Clone)]
struct Known {
    /// The question for a transaction's id, where one was prepared.
    ask_id: Option<tokio_postgres::Statement>,
    server: Arc<Server>,
    /// Who runs the session, where that is nobody else's at the same time.
    process: Option<Process>,
}

/// How far a session has come with asking.
#[derive(Default)]
enum Answer {
    #[default]
    NotAsked,
    Asked(oneshot::Receiver<Option<Known>>),
    Known(Known),
    /// The server does not tell, or is no primary.
    Refused,
}

/// What a session knows of itself and of its open transaction.
#[derive(Default)]
pub(super) struct Account {
    answer: Answer,
    /// The question for ids was prepared with it.
    asks_ids: bool,
    /// Somebody may want to find out how the open transaction ended.
    wanted: bool,
    id: Option<u64>,
    /// Texts that cannot have the column: of tables with rules, say.
    unfit: HashSet<Arc<str>>,
}

impl Account {
    /// The open transaction's id and its server, where both are known.
    pub(super) fn entry(&self) -> Option<(u64, Arc<Server>)> {
        match (&self.answer, self.id) {
            (Answer::Known(known), Some(id)) => Some((id, Arc::clone(&known.server))),
            _ => None,
        }
    }

    /// By what the server knows the session that has the open transaction, and which server.
    pub(super) fn mark(&mut self) -> Option<(Mark, Arc<Server>)> {
        if let Answer::Asked(told) = &mut self.answer
            && let Ok(Some(known)) = told.try_recv()
        {
            self.answer = Answer::Known(known);
        }
        let Answer::Known(known) = &self.answer else {
            return None;
        };
        let by_process = || known.process.map(Mark::Process);
        let mark = self.id.map(Mark::Transaction).or_else(by_process)?;
        Some((mark, Arc::clone(&known.server)))
    }

    /// The open transaction may have become another one.
    pub(super) fn forget_id(&mut self) {
        self.id = None;
    }

    /// A text was refused with the column.
    pub(super) fn is_unfit(&mut self, sql: &Arc<str>) {
        if self.unfit.len() >= MOST_UNFIT {
            self.unfit.clear();
        }
        self.unfit.insert(Arc::clone(sql));
    }

    /// Takes the id out of the last column of a row, and leaves the others.
    pub(super) fn told_by<'a>(&mut self, row: &'a tokio_postgres::Row) -> PgRow<'a> {
        let last = row.len().saturating_sub(1);
        if let Ok(Cell::I64(id)) = PgRow::whole(row).cell(last) {
            self.id = u64::try_from(id).ok();
        }
        PgRow::without_last(row)
    }
}

/// A question for the id, on its way behind a statement. Its answer may be there as soon as it is
/// sent.
pub(super) type Asking =
    MaybeDone<BoxFuture<'static, Result<tokio_postgres::Row, tokio_postgres::Error>>>;

impl PostgresConnection {
    /// Notes that a transaction begins, and asks the server who it is where that is not known yet.
    /// To be called before anything of the transaction is sent.
    pub(super) async fn open_account(&mut self, options: BeginOptions) {
        let account = &mut self.account;
        account.id = None;
        account.wanted = !options.read_only && !options.unwitnessed;
        let is_due = match account.answer {
            // Also where nobody wants ids: by it the session is known that has to be ended.
            Answer::NotAsked => !options.read_only,
            Answer::Asked(_) | Answer::Known(_) => account.wanted && !account.asks_ids,
            Answer::Refused => false,
        };
        if !is_due {
            return;
        }
        account.asks_ids = account.wanted;
        let client = Arc::clone(&self.client);
        let mut question = Box::pin(introduce(client, account.asks_ids));
        // Polled once, it is sent, and so before the transaction.
        let sent = poll_fn(|context| Poll::Ready(question.as_mut().poll(context))).await;
        self.account.answer = match sent {
            Poll::Ready(known) => known.map_or(Answer::Refused, Answer::Known),
            Poll::Pending => {
                let (tell, told) = oneshot::channel();
                // An answer that nobody takes would hold up those behind it.
                tokio::spawn(async move {
                    let _ = tell.send(question.await);
                });
                Answer::Asked(told)
            }
        };
    }

    /// The text of a statement that returns the transaction's id in a last column, where that is to
    /// be asked for and the statement lends itself to it.
    pub(super) async fn telling(&mut self, statement: &Statement) -> Option<Arc<str>> {
        let link = match statement.tail {
            Tail::Other => return None,
            Tail::Returning => ", ",
            Tail::OneRow => " RETURNING ",
        };
        self.question(statement.access).await?;
        if self.account.unfit.contains(&statement.sql) {
            return None;
        }
        let text: Arc<str> = format!("{}{link}{ID_COLUMN}", statement.sql).into();
        // A table with rules may return nothing at all. That shows when the text is prepared, which
        // would spoil a transaction that has begun.
        let is_safe = self.owes_begin
            || statement.tail == Tail::Returning
            || self.statements.get(&text).is_some();
        is_safe.then_some(text)
    }

    /// The question for the transaction's id, if it is to go behind a statement.
    pub(super) async fn question_behind(&mut self, access: Access) -> Option<Asking> {
        let (client, ask_id) = (Arc::clone(&self.client), self.question(access).await?);
        let question = async move { client.query_one(&ask_id, &[]).await };
        Some(maybe_done(Box::pin(question)))
    }

    /// The question, if the id is to be asked for along with a statement.
    async fn question(&mut self, access: Access) -> Option<tokio_postgres::Statement> {
        let account = &mut self.account;
        let due = account.wanted && account.id.is_none() && self.in_transaction;
        if !due || access == Access::Read {
            return None;
        }
        if let Answer::Asked(told) = &mut account.answer {
            let known = told.await.ok().flatten();
            account.answer = known.map_or(Answer::Refused, Answer::Known);
        }
        match &account.answer {
            Answer::Known(known) => known.ask_id.clone(),
            _ => None,
        }
    }

    /// Takes the answer to the question, once the statement before it has succeeded. When the
    /// question fails, so has the transaction.
    pub(super) async fn take_id(&mut self, asking: Option<Asking>) -> Result<()> {
        let Some(mut asking) = asking else {
            return Ok(());
        };
        (&mut asking).await;
        let error = match Pin::new(&mut asking).take_output() {
            Some(Ok(row)) => {
                let text: Option<&str> = row.try_get(0).unwrap_or_default();
                self.account.id = text.and_then(|text| text.parse().ok());
                return Ok(());
            }
            Some(Err(error)) => error,
            None => return Ok(()),
        };
        let report = error.as_db_error().map(Report::from);
        let stale = report.is_some_and(|report| report.is_stale_statement());
        let error = self.fault(error, None, Outcome::NotApplied);
        if stale {
            // Somebody has thrown away what the session had prepared.
            self.account.answer = Answer::NotAsked;
            return Err(changed_table(&error));
        }
        Err(error)
    }
}

/// Asks who the server is, and prepares the question for an id if ids are to be asked for.
async fn introduce(client: Arc<Client>, asks_ids: bool) -> Option<Known> {
    let prepare = async {
        match asks_ids {
            true => client.prepare(ID).await.map(Some),
            false => Ok(None),
        }
    };
    let (ask_id, who) = match join(prepare, client.simple_query(WHO)).await {
        (Ok(ask_id), Ok(who)) => (ask_id, who),
        (Err(error), _) | (_, Err(error)) => {
            tracing::debug!(%error, "the server does not tell by what a lost COMMIT is found out");
            return None;
        }
    };
    let row = who.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })?;
    let part = |index| row.try_get(index).ok().flatten().map(str::to_owned);
    let server = Arc::new(Server::new([part(0), part(1), part(2)])?);
    let number = |index| part(index).and_then(|text| text.parse::<i64>().ok());
    let process = key::process(&client.cancel_token()).and_then(|process| {
        (number(3)? == i64::from(process)).then_some(Process {
            number: process,
            started: number(4)?,
        })
    });
    Some(Known {
        ask_id,
        server,
        process,
    })
}

/// Waits for `first`, with `behind` sent after it: a request is sent when it is polled first.
pub(super) async fn followed<A: Future>(first: A, behind: Option<&mut Asking>) -> A::Output {
    let mut first = pin!(first);
    let mut behind = behind;
    poll_fn(|context| {
        let polled = first.as_mut().poll(context);
        // One that is over at once was refused before it was sent.
        if let (Some(behind), true) = (behind.take(), polled.is_pending()) {
            let _ = Pin::new(behind).poll(context);
        }
        polled
    })
    .await
}

//! A lock on a server that is held for as long as a place is used.
//!
//! A session holds it, and no row or file: when the program is killed, its connection ends, and the
//! lock with it. So a place that nobody holds is nobody's, however young it is; and one that is held
//! is in use, however old. It is taken before the place is made, so that there is no moment at which
//! a place in use is not held.

use std::sync::Arc;
use std::time::Duration;

use mainstay::database::Exclusive;
use mainstay::{Database, Error, ErrorKind, Result};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// The session says something this often, so that nobody between here and the server takes it for
/// forgotten.
const BEAT: Duration = Duration::from_secs(20);
/// After a lost connection it is tried again this often.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a lost connection may take to come back when it is needed.
const LIMIT: Duration = Duration::from_secs(60);
/// A server that does not answer within this has lost the connection.
const ANSWER: Duration = Duration::from_secs(10);
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A lock of a server, by the queries that each answer with a yes or no.
#[derive(Debug, Clone)]
pub(super) struct Lock {
    /// Has the server end a session of which nothing is heard any more, as of a machine that is gone,
    /// in a few minutes.
    pub(super) session: &'static str,
    /// Takes it without waiting. Yes: this session has it.
    pub(super) take: String,
    /// Whether this session has it.
    pub(super) has: String,
}

type Question = oneshot::Sender<bool>;

/// A lock that is held. It is let go with its value.
#[derive(Debug)]
pub(crate) struct Hold {
    questions: mpsc::Sender<Question>,
    task: JoinHandle<()>,
}

impl Hold {
    /// Takes a lock. `None` if somebody has it.
    ///
    /// # Errors
    /// Those of connecting and asking.
    pub(super) async fn take(db: Database, lock: Lock) -> Result<Option<Self>> {
        let (questions, asked) = mpsc::channel(4);
        let (tell, told) = oneshot::channel();
        let task = tokio::spawn(async move {
            keep(&db, &lock, asked, tell).await;
            // The session ends in any case.
            let _ = db.close(CLOSE_LIMIT).await;
        });
        let is_ours = told.await.map_err(Error::unexpected)??;
        Ok(is_ours.then_some(Self { questions, task }))
    }

    /// Asks whether it is still held. A connection that was lost is made again first.
    ///
    /// # Errors
    /// `WRITE_CONFLICT` when it is not: another program may have taken what it stands for.
    pub(super) async fn check(&self) -> Result<()> {
        let (question, answer) = oneshot::channel();
        let asked = async {
            self.questions.send(question).await.ok()?;
            answer.await.ok()
        };
        match timeout(LIMIT, asked).await {
            Ok(Some(true)) => Ok(()),
            _ => Err(Error::new(
                ErrorKind::WriteConflict,
                "the connection that marked the restored database as in use was lost, and another \
                 program may have removed it; nothing was replaced",
            )
            .with_hint("restore again")),
        }
    }

    /// Lets it go, and waits until the server knows.
    pub(super) async fn release(self) {
        drop(self.questions);
        // It ends with the connection in any case.
        let _ = timeout(CLOSE_LIMIT, self.task).await;
    }
}

/// What goes from one session with the lock to the next.
#[derive(Debug)]
struct Keeping {
    asked: mpsc::Receiver<Question>,
    /// A question that was not answered before the session was lost.
    open: Option<Question>,
    /// Told once, how taking it for the first time went.
    tell: Option<oneshot::Sender<Result<bool>>>,
}

/// Has one session after the other hold the lock, until nobody needs it.
async fn keep(
    db: &Database,
    lock: &Lock,
    asked: mpsc::Receiver<Question>,
    tell: oneshot::Sender<Result<bool>>,
) {
    let keeping = Arc::new(Mutex::new(Keeping {
        asked,
        open: None,
        tell: Some(tell),
    }));
    loop {
        let (mine, lock) = (Arc::clone(&keeping), lock.clone());
        let held = db
            .exclusive(move |held| async move {
                let mut keeping = mine.lock().await;
                run(&held, &lock, &mut keeping).await
            })
            .await;
        let Err(error) = held else { return };
        let mut keeping = keeping.lock().await;
        if let Some(tell) = keeping.tell.take() {
            // The first time it is the caller's to try again.
            let _ = tell.send(Err(error));
            return;
        }
        if keeping.asked.is_closed() {
            return;
        }
        drop(keeping);
        tracing::debug!(target: "mainstay::backup", %error, "a lock is taken again");
        sleep(AGAIN).await;
    }
}

/// Holds the lock in one session. Comes back when it is not needed any more, or cannot be had.
async fn run(held: &Exclusive, lock: &Lock, keeping: &mut Keeping) -> Result<()> {
    held.script(lock.session).await?;
    let is_ours = ask(held, &lock.take).await?;
    if let Some(tell) = keeping.tell.take() {
        let _ = tell.send(Ok(is_ours));
        if !is_ours {
            return Ok(());
        }
    } else if !is_ours {
        // Perhaps by the session that was lost, of which the server does not know yet.
        return Err(Error::new(
            ErrorKind::WriteConflict,
            "another session has the lock",
        ));
    }
    loop {
        if keeping.open.is_none() {
            tokio::select! {
                question = keeping.asked.recv() => match question {
                    Some(question) => keeping.open = Some(question),
                    None => return Ok(()),
                },
                () = sleep(BEAT) => {}
            }
        }
        let has = ask(held, &lock.has).await?;
        if let Some(question) = keeping.open.take() {
            let _ = question.send(has);
        }
    }
}

async fn ask(held: &Exclusive, sql: &str) -> Result<bool> {
    let answer: Option<i64> = held.sql(sql.to_owned()).scalar().timeout(ANSWER).await?;
    Ok(answer == Some(1))
}

/// Tells what became of a place that a killed restore left, and gives its name if it is gone.
pub(super) fn cleared(name: String, outcome: Result<bool>) -> Option<String> {
    match outcome {
        Ok(true) => return Some(name),
        Ok(false) => tracing::info!(
            target: "mainstay::backup", name, "another restore is under way"
        ),
        Err(error) => tracing::warn!(
            target: "mainstay::backup", name, %error,
            "a restore that was killed left a database that this user may not drop"
        ),
    }
    None
}

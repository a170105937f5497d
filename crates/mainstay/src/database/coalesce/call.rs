//! A call that waits in a lane, and its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::lane::Work;
use crate::database::CallOptions;
use crate::error::{Error, ErrorKind, Outcome, Result};

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Who has a call: the lane while it waits, then either the batch that takes it or the caller who
/// has given up. Exactly one of them, so that a caller knows whether anything was sent.
#[derive(Debug, Default)]
struct Claim(AtomicU8);

impl Claim {
    fn make(&self, owner: u8) -> bool {
        let claimed = self
            .0
            .compare_exchange(WAITING, owner, Ordering::AcqRel, Ordering::Acquire);
        claimed.is_ok()
    }
}

/// What becomes of a call.
pub(super) enum Reply<W: Work> {
    /// It is done.
    Done(Result<W::Output>),
    /// The caller has to run it by itself: nothing took effect.
    Alone(W::Input),
    /// Whether it took effect is not known.
    Lost(W::Input, Error),
}

/// A call in a lane.
pub(crate) struct Call<W: Work> {
    input: Option<W::Input>,
    reply: Option<oneshot::Sender<Reply<W>>>,
    claim: Arc<Claim>,
    deadline: Instant,
    options: CallOptions,
}

/// The caller's side of a call that waits.
pub(super) struct Waiting<W: Work> {
    pub(super) reply: oneshot::Receiver<Reply<W>>,
    claim: Arc<Claim>,
}

impl<W: Work> Waiting<W> {
    /// Takes the call back. `false` when a batch has it already.
    pub(super) fn give_up(&self) -> bool {
        self.claim.make(GIVEN_UP)
    }
}

impl<W: Work> Call<W> {
    pub(super) fn new(
        input: W::Input,
        deadline: Instant,
        options: CallOptions,
    ) -> (Self, Waiting<W>) {
        let (sender, receiver) = oneshot::channel();
        let claim = Arc::new(Claim::default());
        let waiting = Waiting {
            reply: receiver,
            claim: Arc::clone(&claim),
        };
        let call = Self {
            input: Some(input),
            reply: Some(sender),
            claim,
            deadline,
            options,
        };
        (call, waiting)
    }

    /// Whether somebody still waits for the answer.
    pub(super) fn is_awaited(&self) -> bool {
        let is_there = self.reply.as_ref().is_some_and(|reply| !reply.is_closed());
        is_there && self.claim.0.load(Ordering::Acquire) == WAITING
    }

    /// Takes the call for a batch, unless its caller has given up.
    pub(super) fn take(&self) -> bool {
        self.claim.make(TAKEN)
    }

    /// What is asked for.
    pub(crate) fn input(&self) -> &W::Input {
        self.input
            .as_ref()
            .expect("the input leaves only with the call")
    }

    /// The options of the call when it runs in its caller's stead.
    pub(crate) fn options(&self) -> CallOptions {
        CallOptions {
            until: Some(self.deadline),
            ..self.options
        }
    }

    /// Answers the caller. A caller who is gone is not told.
    pub(crate) fn answer(mut self, result: Result<W::Output>) {
        self.reply(Reply::Done(result));
    }

    /// Tells the caller of a failure, and gives back what was asked for where it may have taken
    /// effect all the same.
    pub(crate) fn fail(mut self, error: Error) {
        let reply = self.failure(error);
        self.reply(reply);
    }

    fn failure(&mut self, error: Error) -> Reply<W> {
        match self.input.take() {
            Some(input) if error.outcome() == Outcome::Unknown => Reply::Lost(input, error),
            _ => Reply::Done(Err(error)),
        }
    }

    /// Has the caller run it by itself, because nothing of it took effect.
    pub(crate) fn send_alone(mut self) {
        if let Some(input) = self.input.take() {
            self.reply(Reply::Alone(input));
        }
    }

    fn reply(&mut self, reply: Reply<W>) {
        if let Some(sender) = self.reply.take() {
            let _ = sender.send(reply);
        }
    }
}

/// A call that is dropped unanswered: its batch has panicked, or its runtime has ended.
impl<W: Work> Drop for Call<W> {
    fn drop(&mut self) {
        if self.reply.is_none() {
            return;
        }
        let outcome = if W::WRITES && self.claim.0.load(Ordering::Acquire) == TAKEN {
            Outcome::Unknown
        } else {
            Outcome::NotApplied
        };
        let error = Error::new(
            ErrorKind::Unexpected,
            "the statement that carried the call ended without an answer",
        )
        .with_hint("its task has panicked or its runtime has ended; see the log")
        .with_outcome(outcome);
        let reply = self.failure(error);
        self.reply(reply);
    }
}

/// The calls one statement carries.
pub(crate) struct Batch<W: Work> {
    pub(crate) calls: Vec<Call<W>>,
}

impl<W: Work> Batch<W> {
    /// The options of the statement: it may take as long as the most patient of its callers.
    pub(crate) fn options(&self) -> CallOptions {
        let until = self.calls.iter().map(|call| call.deadline).max();
        let first = self.calls.first().map(|call| call.options);
        let mut options = first.unwrap_or_else(CallOptions::here);
        options.until = until;
        options
    }

    /// Has every caller run its call by itself.
    pub(crate) fn send_alone(self) {
        for call in self.calls {
            call.send_alone();
        }
    }
}

/// Whether a statement that carried several calls is worth repeating for each of them: it was
/// refused for what it says, so that some of the calls may fare better. What concerns the
/// connection or the server as a whole concerns them all.
pub(crate) fn is_refusal(error: &Error) -> bool {
    use ErrorKind as Kind;
    error.outcome() == Outcome::NotApplied
        && !matches!(
            error.kind(),
            Kind::Closed
                | Kind::PoolTimeout
                | Kind::Overloaded
                | Kind::Unreachable
                | Kind::ConnectionLost
                | Kind::CredentialsRefused
                | Kind::DatabaseMissing
                | Kind::Tls
                | Kind::Deadline
                | Kind::TooManyConnections
                | Kind::CircuitOpen
                | Kind::DiskFull
                | Kind::CommitUnknown
        )
}

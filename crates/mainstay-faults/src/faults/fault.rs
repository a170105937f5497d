//! What a fault is: where it makes sense, what it needs, and what may be unknown after it.

use std::pin::Pin;
use std::time::Duration;

use mainstay_testkit::Engine;

use crate::load::Mix;
use crate::stage::Stage;

/// A disturbance under way.
pub(crate) type Disturbance<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// How the load reaches its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Direct,
    /// Through the proxy that breaks connections.
    Proxy,
}

/// Where a fault makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Servers,
    Files,
    All,
}

impl On {
    fn has(self, engine: Engine) -> bool {
        match self {
            Self::All => true,
            Self::Servers => engine.server().is_some(),
            Self::Files => engine.server().is_none(),
        }
    }
}

/// What is needed besides the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// A disk so small that it can be filled.
    SmallDisk,
    /// The load runs in a process of its own, which is killed.
    OwnProcess,
}

/// When the server answers again, so that the outcome of a call can be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// All the time: what is cut is a connection, and another can be had at once.
    Throughout,
    /// When the fault ends.
    AtEnd,
    /// Not before the call's deadline, because it waits for a reply until then.
    Never,
}

/// One fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The name on the command line.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) on: On,
    pub(crate) route: Route,
    pub(crate) needs: Needs,
    pub(crate) pool_max: u32,
    pub(crate) mix: Mix,
    /// Whether it comes between a request and its reply: only then may an outcome be unknown.
    pub(crate) cuts: bool,
    /// For a file that is exchanged: within this time the layer must notice.
    pub(crate) notice_within: Option<Duration>,
    /// Whether the load's transactions use the ledger.
    pub(crate) ledger: bool,
    pub(crate) answers: Answers,
    /// Further settings of the handle.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Whether connections that are held for ever stay so: a row for comparison.
    pub(crate) keeps_leaks: bool,
    /// Where and why it is nothing to compare other layers by.
    pub(crate) alone: Option<(On, &'static str)>,
    /// Begins, goes on for a while and ends.
    pub(crate) disturb: for<'a> fn(&'a mut Stage) -> Disturbance<'a>,
}

impl Fault {
    pub(crate) fn is_for(&self, engine: Engine) -> bool {
        self.on.has(engine)
    }

    /// Why other layers are not run with it on this engine.
    pub(crate) fn alone_on(&self, engine: Engine) -> Option<&'static str> {
        let (on, reason) = self.alone?;
        on.has(engine).then_some(reason)
    }

    pub(super) const fn proxied(mut self) -> Self {
        self.route = Route::Proxy;
        self
    }

    /// With the ledger, by which the outcome of a transaction whose reply is lost is found out.
    pub(super) const fn cuts(mut self, answers: Answers) -> Self {
        self.cuts = true;
        self.ledger = true;
        self.answers = answers;
        self
    }

    pub(super) const fn without_ledger(mut self) -> Self {
        self.ledger = false;
        self
    }

    pub(super) const fn set(mut self, settings: &'static [(&'static str, &'static str)]) -> Self {
        self.settings = settings;
        self
    }

    pub(super) const fn alone(mut self, on: On, reason: &'static str) -> Self {
        self.alone = Some((on, reason));
        self
    }

    pub(super) const fn keeps_leaks(mut self) -> Self {
        self.keeps_leaks = true;
        self
    }

    pub(super) const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    pub(super) const fn pool(mut self, max: u32) -> Self {
        self.pool_max = max;
        self
    }

    pub(super) const fn exchanges_file(mut self) -> Self {
        self.notice_within = Some(Duration::from_secs(1));
        self.mix.keeps_rows = false;
        self
    }
}

/// A fault with what most of them have.
pub(super) const fn fault(
    name: &'static str,
    title: &'static str,
    on: On,
    disturb: for<'a> fn(&'a mut Stage) -> Disturbance<'a>,
) -> Fault {
    Fault {
        name,
        title,
        on,
        route: Route::Direct,
        needs: Needs::Nothing,
        pool_max: 8,
        mix: Mix::USUAL,
        cuts: false,
        notice_within: None,
        ledger: false,
        answers: Answers::AtEnd,
        settings: &[],
        keeps_leaks: false,
        alone: None,
        disturb,
    }
}

//! Whether the database has been found set up, for a service that started before it.

use tokio::sync::watch;

/// Tells whether the database has been found set up. Once it has, it stays so.
#[derive(Debug, Clone)]
pub struct Readiness {
    ready: watch::Receiver<bool>,
}

impl Default for Readiness {
    /// Ready from the start.
    fn default() -> Self {
        Self {
            ready: watch::channel(true).1,
        }
    }
}

impl Readiness {
    /// Not ready until the other half says so.
    pub fn pending() -> (MakeReady, Self) {
        let (make, ready) = watch::channel(false);
        (MakeReady { ready: make }, Self { ready })
    }

    /// Whether it is.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }
}

/// The half that knows.
#[derive(Debug)]
pub struct MakeReady {
    ready: watch::Sender<bool>,
}

impl MakeReady {
    /// The database has been found set up.
    pub fn ready(&self) {
        self.ready.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_once_is_ready_for_good() {
        assert!(Readiness::default().is_ready());
        let (make, ready) = Readiness::pending();
        let other = ready.clone();
        assert!(!ready.is_ready() && !other.is_ready());
        make.ready();
        drop(make);
        assert!(ready.is_ready() && other.is_ready());
    }
}

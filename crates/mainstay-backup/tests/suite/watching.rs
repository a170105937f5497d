//! A watch that runs beside a test, and what it tells.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay_backup::control::Control;
use mainstay_backup::plan::schedule::Schedule;
use mainstay_backup::{Backups, Event, Events, Follow, Plan};
use tokio::task::JoinHandle;

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Event>>>);

impl Events for Heard {
    fn on(&self, event: &Event) {
        self.0.lock().expect("not poisoned").push(event.clone());
    }
}

/// A watch that follows the log and holds no drills.
pub(crate) struct Watching {
    heard: Heard,
    control: Control,
    task: JoinHandle<()>,
}

impl Watching {
    /// Keeps what it has not shipped yet in `spool`.
    pub(crate) fn start(backups: &Backups, spool: PathBuf) -> Self {
        let plan = Plan {
            schedule: Schedule {
                drill_every: None,
                ..Schedule::default()
            },
            follow: Some(Follow {
                interval: Duration::from_millis(300),
                spool: Some(spool),
            }),
            ..Plan::default()
        };
        let (heard, control) = (Heard::default(), Control::new());
        let task = tokio::spawn({
            let (backups, heard, control) = (backups.clone(), heard.clone(), control.clone());
            async move { backups.watch(&plan, &heard, &control).await }
        });
        Self {
            heard,
            control,
            task,
        }
    }

    /// Waits until something has been told, and forgets what was.
    pub(crate) async fn tells(&self, is_it: impl Fn(&Event) -> bool) {
        for _ in 0..600 {
            {
                let mut heard = self.heard.0.lock().expect("not poisoned");
                if heard.iter().any(&is_it) {
                    heard.clear();
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it was not told: {:?}", self.heard.0.lock());
    }

    /// Waits until the log is followed.
    pub(crate) async fn follows(&self) {
        self.tells(|event| matches!(event, Event::Following { .. }))
            .await;
    }

    /// Has it end, as Ctrl-C does.
    pub(crate) async fn stop(self) {
        self.control.cancel();
        self.task.await.expect("it ends");
    }
}

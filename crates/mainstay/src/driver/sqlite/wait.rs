//! Waiting for an answer that is about to come.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long a task stays awake for the answer to a statement of its transaction. The writer has
/// nothing else to do meanwhile, and to wake a sleeping worker thread takes longer than most
/// statements do.
const AWAKE: Duration = Duration::from_micros(50);

/// Waits for an answer that is most likely there in microseconds. Other tasks have their turns
/// meanwhile. `None` when the writer dropped the question.
pub(super) async fn soon<T>(mut answered: oneshot::Receiver<T>) -> Option<T> {
    let until = Instant::now() + AWAKE;
    loop {
        match answered.try_recv() {
            Ok(answer) => return Some(answer),
            Err(oneshot::error::TryRecvError::Closed) => return None,
            Err(oneshot::error::TryRecvError::Empty) if Instant::now() < until => {
                tokio::task::yield_now().await;
            }
            Err(oneshot::error::TryRecvError::Empty) => return answered.await.ok(),
        }
    }
}

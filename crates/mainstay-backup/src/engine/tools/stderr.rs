//! What a program complains about.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use mainstay::config::{REDACTED, Secret};

/// So much is kept of the start, where the cause usually stands, and so much of the end.
const KEPT: usize = 8 * 1024;

/// The start and the end of what was written, however much there was.
#[derive(Debug, Default)]
pub(super) struct Kept {
    start: Vec<u8>,
    end: Vec<u8>,
    left_out: u64,
}

impl Kept {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let room = KEPT - self.start.len();
        let (start, rest) = bytes.split_at(room.min(bytes.len()));
        self.start.extend_from_slice(start);
        self.end.extend_from_slice(rest);
        if self.end.len() > KEPT {
            let too_many = self.end.len() - KEPT;
            self.end.drain(..too_many);
            self.left_out += too_many as u64;
        }
    }

    pub(super) fn text(&self, secrets: &[Secret]) -> String {
        let mut text = String::from_utf8_lossy(&self.start).into_owned();
        if self.left_out > 0 {
            text.push_str(&format!("\n[{} bytes left out]\n", self.left_out));
        }
        text.push_str(&String::from_utf8_lossy(&self.end));
        redacted(text.trim(), secrets)
    }
}

/// The text without the secrets.
pub(super) fn redacted(text: &str, secrets: &[Secret]) -> String {
    secrets
        .iter()
        .filter(|secret| !secret.expose().is_empty())
        .fold(text.to_owned(), |text, secret| {
            text.replace(secret.expose(), REDACTED)
        })
}

/// Collects what comes from a pipe, on a thread, so that the program never waits for a reader.
#[derive(Debug)]
pub(super) struct Collector {
    kept: Arc<Mutex<Kept>>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    pub(super) fn start(mut pipe: impl Read + Send + 'static) -> std::io::Result<Self> {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let into = Arc::clone(&kept);
        let thread = std::thread::Builder::new()
            .name("mainstay-tool-stderr".to_owned())
            .spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(read) = pipe.read(&mut buffer) {
                    if read == 0 {
                        return;
                    }
                    into.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(&buffer[..read]);
                }
            })?;
        Ok(Self {
            kept,
            thread: Some(thread),
        })
    }

    /// What came so far.
    pub(super) fn so_far(&self, secrets: &[Secret]) -> String {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .text(secrets)
    }

    /// All of it. The program must have ended.
    pub(super) fn all(&mut self, secrets: &[Secret]) -> String {
        if let Some(thread) = self.thread.take() {
            // A child of the program may still hold the pipe: not waited for longer than a moment.
            for _ in 0..100 {
                if thread.is_finished() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
        self.so_far(secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_and_end_are_kept_and_secrets_are_not() {
        let mut kept = Kept::default();
        kept.add(b"first: the password hunter2 is wrong\n");
        for _ in 0..10_000 {
            kept.add(b"and so on\n");
        }
        kept.add(b"last: hunter2\n");
        let text = kept.text(&[Secret::new("hunter2"), Secret::new("")]);
        assert!(
            text.starts_with("first: the password [redacted] is wrong"),
            "{text}"
        );
        assert!(text.ends_with("last: [redacted]"), "{text}");
        assert!(text.contains("bytes left out"), "{text}");
        assert!(text.len() < 3 * KEPT, "{}", text.len());
    }

    #[test]
    fn little_is_kept_whole() {
        let mut kept = Kept::default();
        kept.add(b"one\n");
        kept.add(b"two\n");
        assert_eq!(kept.text(&[]), "one\ntwo");
    }
}

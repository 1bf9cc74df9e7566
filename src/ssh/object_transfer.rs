//! Objects on their way to one build: put together in the background, and handed over once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::oneshot;

use crate::git::ObjectBundle;
use crate::proc::{CancelToken, lock};

/// A bundle that is made while the build does something else. Dropping it ends what makes it.
#[derive(Debug)]
pub struct ObjectTransfer {
    handle: TransferHandle,
    took: Arc<OnceLock<Duration>>,
    stop: CancelToken,
    thread: Option<JoinHandle<()>>,
}

impl ObjectTransfer {
    /// Begins to make it. `estimate` is about how many bytes it will be.
    pub fn start(
        estimate: u64,
        prepare: impl FnOnce(&CancelToken) -> Result<ObjectBundle> + Send + 'static,
    ) -> Self {
        let (put, ready) = oneshot::channel();
        let handle = TransferHandle(Arc::new(TransferState {
            ready: Mutex::new(Some(ready)),
            size: Arc::new(AtomicU64::new(estimate)),
            failure: Mutex::new(None),
        }));
        let (stop, took) = (CancelToken::default(), Arc::new(OnceLock::new()));
        let thread = std::thread::spawn({
            let (stop, took) = (stop.clone(), Arc::clone(&took));
            let size = handle.size();
            move || {
                let began = Instant::now();
                let made = prepare(&stop);
                let _ = took.set(began.elapsed());
                if let Ok(bundle) = &made {
                    size.store(bundle.size(), Ordering::Relaxed);
                }
                // Nobody takes it any more when the build is over.
                let _ = put.send(made);
            }
        });
        Self {
            handle,
            took,
            stop,
            thread: Some(thread),
        }
    }

    /// Where the server hands it over.
    pub fn handle(&self) -> TransferHandle {
        self.handle.clone()
    }

    /// How long it took to make, once it is made.
    pub fn took(&self) -> Option<Duration> {
        self.took.get().copied()
    }

    /// What went wrong when it was made or handed over, if anything did; the first to ask hears it.
    pub fn failure(&self) -> Option<anyhow::Error> {
        lock(&self.handle.0.failure).take()
    }
}

impl Drop for ObjectTransfer {
    fn drop(&mut self) {
        self.stop.ask();
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Where a bundle is handed over to whoever asks first.
#[derive(Debug, Clone)]
pub struct TransferHandle(Arc<TransferState>);

#[derive(Debug)]
struct TransferState {
    ready: Mutex<Option<oneshot::Receiver<Result<ObjectBundle>>>>,
    size: Arc<AtomicU64>,
    failure: Mutex<Option<anyhow::Error>>,
}

impl TransferHandle {
    /// The bytes of the bundle: at first about, exactly once it is made.
    pub fn size(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.0.size)
    }

    /// The bundle, when it is made; `None` when somebody has asked for it already.
    pub(super) fn ask(&self) -> Option<oneshot::Receiver<Result<ObjectBundle>>> {
        lock(&self.0.ready).take()
    }

    /// Notes what went wrong, for the command to say; what is to be said to the client.
    pub(super) fn failed(&self, error: anyhow::Error) -> String {
        let said = format!("{error:#}");
        *lock(&self.0.failure) = Some(error);
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Cmd;

    #[test]
    fn what_makes_it_ends_when_nobody_waits_any_more() {
        let (started, starts) = std::sync::mpsc::channel();
        let delivery = ObjectTransfer::start(1, move |stop| {
            let sleep = Cmd::new("sleep").arg("100").until(stop);
            started.send(()).unwrap();
            assert!(!sleep.output()?.status.success());
            anyhow::bail!("stopped")
        });
        starts.recv().unwrap();
        drop(delivery);
    }

    #[test]
    fn only_the_first_is_served() {
        let delivery = ObjectTransfer::start(1, |_| anyhow::bail!("no"));
        let handle = delivery.handle();
        let first = handle.ask().unwrap();
        assert!(handle.ask().is_none());
        let error = first.blocking_recv().unwrap().unwrap_err();
        assert_eq!(handle.failed(error), "no");
        assert_eq!(delivery.failure().unwrap().to_string(), "no");
        assert!(delivery.failure().is_none());
    }
}

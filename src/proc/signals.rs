//! Ctrl-C and `kill`: what is told to children, and when.

use std::process::Child;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::threads::{CancelToken, RunningChild, lock};
use crate::error::Interrupted;

/// The first signal that asked us to stop; 0 while there was none.
static STOP: AtomicI32 = AtomicI32::new(0);
/// Children that are to hear of it.
static CHILDREN: Mutex<Vec<Registered>> = Mutex::new(Vec::new());
/// How often a child that stops by SIGHUP is asked, as it may not listen all the time.
const ASKED_EVERY: Duration = Duration::from_millis(100);

/// Takes SIGINT, SIGTERM and SIGHUP: from now on they end the running child and are reported as
/// [`Interrupted`], so that every temporary file is removed on the way out.
pub(crate) fn catch_signals() -> Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .context("cannot install signal handlers")?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let exchange = STOP.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
            if exchange.is_ok() {
                std::thread::spawn(ask_again_and_again);
            }
            let signal = match signal {
                SIGINT => Signal::INT,
                SIGHUP => Signal::HUP,
                _ => Signal::TERM,
            };
            for child in lock(&CHILDREN).iter() {
                // Who asks twice means it.
                if !child.by_hangup || exchange.is_err() {
                    child.tell(signal);
                }
            }
        }
    });
    Ok(())
}

/// Sends SIGHUP to the children that stop by it, until we end ourselves.
fn ask_again_and_again() {
    loop {
        for child in lock(&CHILDREN).iter().filter(|child| child.by_hangup) {
            child.tell(Signal::HUP);
        }
        std::thread::sleep(ASKED_EVERY);
    }
}

/// Fails when a signal has asked us to stop. Long waits call it now and then.
pub(crate) fn check_interrupted() -> Result<(), Interrupted> {
    match STOP.load(Ordering::SeqCst) {
        0 => Ok(()),
        signal => Err(Interrupted(signal)),
    }
}

/// Who is told of a signal to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignalTarget {
    Alone,
    /// The child, but of Ctrl-C: it shares our process group, and hears of that from the terminal.
    NotOfCtrlC,
    /// All of the child's own process group.
    Group,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Registered {
    pid: Pid,
    told: SignalTarget,
    /// Whether it is asked to stop by SIGHUP.
    by_hangup: bool,
}

impl Registered {
    fn tell(self, signal: Signal) {
        // The child may be gone already, which is what was wanted.
        let _ = match self.told {
            SignalTarget::NotOfCtrlC if signal == Signal::INT => Ok(()),
            SignalTarget::Group => kill_process_group(self.pid, signal),
            SignalTarget::Alone | SignalTarget::NotOfCtrlC => kill_process(self.pid, signal),
        };
    }
}

/// Keeps a child registered for as long as this value lives.
pub(super) struct Registration {
    child: Option<Registered>,
    _held: Option<RunningChild>,
}

impl Registration {
    /// Of a child that is told of nothing.
    pub(super) fn none() -> Self {
        Self {
            child: None,
            _held: None,
        }
    }

    pub(super) fn new(
        child: &Child,
        told: SignalTarget,
        by_hangup: bool,
        stop: Option<&CancelToken>,
    ) -> Self {
        let registered = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .map(|pid| Registered {
                pid,
                told,
                by_hangup,
            });
        lock(&CHILDREN).extend(registered);
        // A signal that came between the start and the line above was told to nobody.
        let missed = registered.filter(|child| !child.by_hangup);
        if let (Err(_), Some(child)) = (check_interrupted(), missed) {
            child.tell(Signal::TERM);
        }
        Self {
            child: registered,
            _held: stop.map(|stop| stop.hold(child)),
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&CHILDREN).retain(|child| Some(*child) != self.child);
    }
}

//! Commands and several threads: two at once, and ending those whose results nobody waits for any more.

use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};

/// What a mutex guards, also when another thread panicked with it in its hands: it tells of that
/// itself.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks two at the same time, where somebody waits for the answers of both.
pub(crate) fn join<A: Send, B>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> Result<(A, B)> {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join().map_err(|_| anyhow!("a thread did not finish"))?;
        Ok((one, other))
    })
}

/// How many questions are asked at the same time.
const TURNS: usize = 4;

/// Asks the same of each of these, a few at a time; the answers in their order.
pub(crate) fn parallel_map<T: Sync, A: Send>(
    asked: &[T],
    ask: impl Fn(&T) -> A + Sync,
) -> Result<Vec<A>> {
    let share = asked.len().div_ceil(TURNS).max(1);
    let ask = &ask;
    std::thread::scope(|scope| {
        let parts = asked.chunks(share);
        let threads: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(ask).collect::<Vec<A>>()))
            .collect();
        let mut answers = Vec::new();
        for thread in threads {
            let part = thread.join();
            answers.extend(part.map_err(|_| anyhow!("a thread did not finish"))?);
        }
        Ok(answers)
    })
}

/// Ends the commands that were given it (see `Cmd::until`), now and from now on.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<Mutex<CancelState>>);

#[derive(Debug, Default)]
struct CancelState {
    asked: bool,
    running: Vec<Pid>,
}

impl CancelToken {
    /// Ends them.
    pub fn ask(&self) {
        let mut state = lock(&self.0);
        state.asked = true;
        for child in &state.running {
            // It may be gone already, which is what was wanted.
            let _ = kill_process(*child, Signal::TERM);
        }
    }

    /// Keeps a child within reach for as long as the value lives.
    pub(super) fn hold(&self, child: &Child) -> RunningChild {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let mut state = lock(&self.0);
        state.running.extend(pid);
        if let (true, Some(pid)) = (state.asked, pid) {
            let _ = kill_process(pid, Signal::TERM);
        }
        drop(state);
        RunningChild(self.clone(), pid)
    }
}

/// A running child that can be ended.
pub(super) struct RunningChild(CancelToken, Option<Pid>);

impl Drop for RunningChild {
    fn drop(&mut self) {
        lock(&self.0.0)
            .running
            .retain(|child| Some(*child) != self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Cmd;

    #[test]
    fn a_command_ends_when_it_is_asked_and_so_does_a_later_one() {
        let stop = CancelToken::default();
        let cmd = Cmd::new("sleep").arg("100").until(&stop);
        let running = std::thread::spawn({
            let cmd = cmd.clone();
            move || cmd.output().unwrap().status.success()
        });
        stop.ask();
        assert!(!running.join().unwrap());
        assert!(!cmd.output().unwrap().status.success());
        assert!(lock(&stop.0).running.is_empty());
    }
}

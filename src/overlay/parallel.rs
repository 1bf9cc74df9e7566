//! Work on all cores whose results are needed in order.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, mpsc};

use anyhow::Result;

use crate::proc;

/// How many threads this machine has cores for.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Buffers that are used again: the kernel gives new memory page by page, which takes longer than
/// what is done with it.
#[derive(Debug, Default)]
pub(super) struct BufferPool(Mutex<Vec<Vec<u8>>>);

impl BufferPool {
    pub(super) fn get(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .unwrap_or_default()
    }

    pub(super) fn put(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(buffer);
    }
}

/// Does `work` for each number below `count` on several threads, and hands the results to `take`
/// on this one, in order. Only a few are ahead of it, so that memory stays small. Each thread has
/// a tool of its own. The first failure, or a signal, ends it.
pub(super) fn in_order<S, T: Send>(
    threads: usize,
    count: usize,
    tool: impl Fn() -> Result<S> + Sync,
    work: impl Fn(&mut S, usize) -> Result<T> + Sync,
    mut take: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let ahead = 2 * threads + 1;
    let (ask, asked) = mpsc::channel();
    let asked = Mutex::new(asked);
    let (give, given) = mpsc::channel();
    std::thread::scope(|scope| {
        // Dropped on the way out, which ends the threads.
        let (ask, given) = (ask, given);
        for _ in 0..threads.min(count) {
            let (give, asked, tool, work) = (give.clone(), &asked, &tool, &work);
            scope.spawn(move || {
                let mut mine = None;
                loop {
                    let next = asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(index) = next else { return };
                    let result = match mine.take().map_or_else(tool, Ok) {
                        Ok(tool) => work(mine.insert(tool), index),
                        Err(error) => Err(error),
                    };
                    if give.send((index, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(give);
        let mut early = BTreeMap::new();
        let (mut sent, mut taken) = (0, 0);
        while taken < count {
            proc::check_interrupted()?;
            while sent < count.min(taken + ahead) {
                ask.send(sent)?;
                sent += 1;
            }
            let (index, result) = given.recv()?;
            early.insert(index, result?);
            while let Some(result) = early.remove(&taken) {
                take(taken, result)?;
                taken += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_the_first_failure_ends_it() {
        for threads in [1, 2, 5] {
            let mut seen = Vec::new();
            let slow = |_: &mut (), index: usize| {
                if index.is_multiple_of(7) {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                Ok(index)
            };
            let take = |index, result| {
                assert_eq!(index, result);
                seen.push(result);
                Ok(())
            };
            in_order(threads, 100, || Ok(()), slow, take).unwrap();
            assert_eq!(seen, (0..100).collect::<Vec<_>>());
            let fail = |_: &mut (), index| match index {
                30 => anyhow::bail!("thirty"),
                index => Ok(index),
            };
            let error = in_order(threads, 100, || Ok(()), fail, |_, _| Ok(())).unwrap_err();
            assert_eq!(error.to_string(), "thirty");
            let refuse = |index, _| match index {
                10 => anyhow::bail!("ten"),
                _ => Ok(()),
            };
            assert!(in_order(threads, 100, || Ok(()), slow, refuse).is_err());
        }
        in_order(2, 0, || Ok(()), |_, _| Ok(()), |_, ()| Ok(())).unwrap();
    }
}

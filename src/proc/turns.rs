//! The same question on many things.

use anyhow::{Result, anyhow};

/// How many questions are asked at the same time.
const TURNS: usize = 4;

/// Asks the same of each of these, a few at a time; the answers in their order.
pub fn in_turns<T: Sync, A: Send>(asked: &[T], ask: impl Fn(&T) -> A + Sync) -> Result<Vec<A>> {
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
            answers.extend(part.map_err(|_| anyhow!("a question was cut short"))?);
        }
        Ok(answers)
    })
}

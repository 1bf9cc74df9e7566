//! What the hook for fetches costs.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::script::{self, Runner};
use super::{Event, HookState, InstallMethod};
use crate::fs::{self, TempDir};
use crate::git::Repo;
use crate::proc::Cmd;

/// How often it is run to know.
const RUNS: usize = 9;

/// The time of a call that does not concern us: the median of a few. Whatever hook is kept behind
/// ours is not run.
pub(crate) fn cost(repo: &Repo, facts: &HookState) -> Result<Duration> {
    let temp_dir = TempDir::new()?;
    let event = Event::ReferenceTransaction;
    let file = temp_dir.path().join(event.name());
    let text = script::script(event, &facts.program, None, Runner::Git);
    fs::write_with_mode(&file, text.as_bytes(), 0o700)?;
    let cmd = match facts.way {
        InstallMethod::Files => Cmd::new("sh").arg(&file),
        InstallMethod::Config => {
            let command = script::command(&file);
            let command = format!("{command} \"$@\"");
            Cmd::new("sh").arg("-c").arg(&command).arg(&command)
        }
    };
    let cmd = cmd
        .arg("committed")
        .env("GIT_DIR", &repo.git_dir)
        .env_remove("GIT_REFLOG_ACTION")
        .stdin(format!("{0} {0} refs/heads/main\n", "0".repeat(40)));
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        cmd.output()?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times[RUNS / 2])
}

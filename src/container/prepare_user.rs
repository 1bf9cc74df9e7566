//! A container whose user is not root: what needs root is done from outside, once it runs, so that nothing
//! in it ever runs as another one. Its entrypoint waits for that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::engine::{Engine, RunSpec};
use crate::proc::join;
use crate::ssh::MOUNTED_DIR;

/// What is run in the container as root: its name among the mounted files, and its text.
pub(crate) const SCRIPT: (&str, &str) =
    ("prepare-user", include_str!("../../templates/prepare-user"));
/// How often we look whether the container runs.
const LOOK: Duration = Duration::from_millis(20);
/// How often the command is tried: an engine may call a container running before it takes a command.
const TRIES: u32 = 5;

/// Runs a container, and prepares it for its user meanwhile.
pub(crate) fn with_user<T: Send>(
    engine: &Engine,
    spec: &RunSpec,
    run: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some(user) = &spec.options.user else {
        return run();
    };
    let ended = AtomicBool::new(false);
    let (prepared, outcome) = join(
        || prepare(engine, &spec.hostname, user, &ended),
        || {
            let outcome = run();
            ended.store(true, Ordering::Relaxed);
            outcome
        },
    )?;
    let outcome = outcome?;
    prepared.with_context(|| format!("cannot prepare the container for the user {user}"))?;
    Ok(outcome)
}

/// Prepares a container for its user as soon as it runs, unless it has `ended`.
pub(crate) fn prepare(
    engine: &Engine,
    container: &str,
    user: &str,
    ended: &AtomicBool,
) -> Result<()> {
    let script = format!("{MOUNTED_DIR}/{}", SCRIPT.0);
    let mut command = vec!["sh", &script];
    command.extend(user.split(':'));
    let mut tries = 0;
    loop {
        while !engine.is_running(container) {
            if ended.load(Ordering::Relaxed) {
                return Ok(());
            }
            sleep(LOOK);
        }
        // An engine that lacks privileges itself cannot give them. A container may have been left none.
        let privileged = tries % 2 == 1;
        let output = engine
            .exec_as_root(container, privileged, &command)
            .output()?;
        tries += 1;
        let over = ended.load(Ordering::Relaxed) || !engine.is_running(container);
        if output.status.success() || over {
            return Ok(());
        }
        if tries == TRIES {
            let said = String::from_utf8_lossy(&output.stderr);
            match said.trim() {
                "" => bail!(
                    "what root does in the container ended with {}",
                    output.status
                ),
                said => bail!("{said}"),
            }
        }
        sleep(LOOK);
    }
}

//! `git dkr build-profile`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde::Serialize;

use super::EngineArgs;
use crate::conf::Host;
use crate::error::{Failure, Interrupted};
use crate::fs::read_limited;
use crate::git::{self, GitDirectoryKind, Repo};
use crate::image::settings::sources;
use crate::proc;
use crate::profile::{LoggedFailure, ProfileResponse, build, request};
use crate::report::{hint, report};
use crate::ui::{self, Printer};

/// Build the image of a repository profile: one JSON object in, one out
///
/// Reads {"repo_dir": …, "profile_path": …, "image_cache_dir": …, "force_rebuild": …} from standard
/// input, the last two if wanted, and writes {"image_tag", "profile_id", "reused_cache",
/// "build_log_path"} to standard output. When it fails, the last line on standard error is
/// {"error", "hint", "build_log_path"}.
#[derive(Debug, Args)]
pub(crate) struct BuildProfile {
    #[command(flatten)]
    engine: EngineArgs,
}

/// The last line of a failure.
#[derive(Serialize)]
struct ErrorReport<'a> {
    error: String,
    hint: Option<String>,
    build_log_path: Option<&'a PathBuf>,
}

impl BuildProfile {
    /// Runs it; the exit code. Its failures are told to a program, too.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        let outcome = answer(&self.engine, printer)
            .and_then(|response| ui::result(serde_json::to_string(&response)?));
        let Err(error) = outcome else {
            return Ok(0);
        };
        let code = report(&error, printer);
        let told = ErrorReport {
            error: match error.is::<Interrupted>() {
                true => "interrupted".to_owned(),
                false => format!("{error:#}"),
            },
            hint: hint(&error),
            build_log_path: error
                .downcast_ref::<LoggedFailure>()
                .map(|logged| &logged.log),
        };
        ui::last(serde_json::to_string(&told)?);
        Ok(code)
    }
}

fn answer(engine: &EngineArgs, printer: Printer) -> Result<ProfileResponse> {
    let request = request::parse(&standard_input(printer)?)?;
    let repo_dir: &Path = &request.repo_dir;
    if !repo_dir.is_dir() {
        bail!(
            Failure::new(format!("repo_dir {} is not a directory", repo_dir.display()))
                .hint("it is the directory of the code; a relative path is looked for from the current directory")
        );
    }
    let sources = match git::within(repo_dir)? {
        GitDirectoryKind::Worktree => sources(Some(&Repo::find(Some(repo_dir))?))?,
        GitDirectoryKind::Nothing => sources(None)?,
        GitDirectoryKind::GitDirectory => bail!(
            Failure::new(format!(
                "repo_dir {} is in a git directory, which holds no files to copy",
                repo_dir.display()
            ))
            .hint("give the directory of a worktree: git worktree add makes one")
        ),
    };
    let host = Host::read(None, None, &sources)?;
    build::run(&host, &request, || engine.find(&sources, printer), printer)
}

/// All of it. Waiting for it can be given up.
fn standard_input(printer: Printer) -> Result<Vec<u8>> {
    if std::io::stdin().is_terminal() {
        printer.status("waiting", "for the request on standard input");
    }
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let _ = send.send(read_limited(&mut std::io::stdin(), "the request"));
    });
    loop {
        match receive.recv_timeout(Duration::from_millis(50)) {
            Ok(read) => return read.context("cannot read the request from standard input"),
            Err(RecvTimeoutError::Timeout) => proc::check_interrupted()?,
            Err(RecvTimeoutError::Disconnected) => bail!(anyhow!("cannot read the request")),
        }
    }
}

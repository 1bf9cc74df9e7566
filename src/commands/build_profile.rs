//! `git dkr build-profile`

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::json;

use crate::conf::Host;
use crate::error::{Failure, Interrupted};
use crate::git::Repo;
use crate::image::settings::sources;
use crate::profile::{Logged, Response, build, request};
use crate::{cli, proc, ui};

/// Build the image of a repository profile: one JSON object in, one out
///
/// Reads {"repo_dir": …, "profile_path": …, "image_cache_dir": …, "force_rebuild": …} from standard
/// input, the last two if wanted, and writes {"image_tag", "profile_id", "reused_cache",
/// "build_log_path"} to standard output. When it fails, the last line on standard error is
/// {"error", "hint", "build_log_path"}.
#[derive(Debug, Args)]
pub struct BuildProfile {}

impl BuildProfile {
    /// Runs it; the exit code. Its failures are told to a program, too.
    pub fn run(&self) -> Result<u8> {
        let outcome = answer().and_then(|response| ui::result(serde_json::to_string(&response)?));
        let Err(error) = outcome else {
            return Ok(0);
        };
        let code = cli::report(&error);
        let log = error.downcast_ref::<Logged>().map(|logged| &logged.log);
        let story = if error.is::<Interrupted>() {
            "interrupted".to_owned()
        } else {
            format!("{error:#}")
        };
        ui::last(json!({ "error": story, "hint": cli::hint(&error), "build_log_path": log }));
        Ok(code)
    }
}

fn answer() -> Result<Response> {
    let request = request::parse(&standard_input()?)?;
    let repo_dir: &Path = &request.repo_dir;
    if !repo_dir.is_dir() {
        bail!(
            Failure::new(format!("repo_dir {} is not a folder", repo_dir.display()))
                .hint("it is the folder of a repository; a relative path is looked for from the current folder")
        );
    }
    let repo = Repo::find(Some(repo_dir))?;
    let host = Host::read(None, None, &sources(Some(&repo))?)?;
    build::run(&host, &request)
}

/// All of it. Waiting for it can be given up.
fn standard_input() -> Result<Vec<u8>> {
    if std::io::stdin().is_terminal() {
        ui::status("waiting", "for the request on standard input");
    }
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes).map(|_| bytes);
        let _ = send.send(read);
    });
    loop {
        match receive.recv_timeout(Duration::from_millis(50)) {
            Ok(read) => return read.context("cannot read the request from standard input"),
            Err(RecvTimeoutError::Timeout) => proc::check_interrupted()?,
            Err(RecvTimeoutError::Disconnected) => bail!(anyhow!("cannot read the request")),
        }
    }
}

//! Whether a container can fetch and push.

use std::ffi::OsString;

use anyhow::{Result, bail};

use crate::container::prepare_user::with_user;
use crate::engine::Network;
use crate::error::Failure;
use crate::fs::TempDir;
use crate::image::query::tracking::Tracking;
use crate::image::start::container::{StartPlan, StartRequest};

/// Asks for the ref that it is given, if any, and for a push. What is wrong is printed.
const TRIAL: &str = "exec 2>&1
git ls-remote --quiet --exit-code host \"$@\" >/dev/null
case $? in
    0) git push --quiet --dry-run host ;;
    2) echo \"$1 is not shown there: git config --get-all transfer.hideRefs, or uploadpack.hideRefs\"; exit 1 ;;
    *) exit 1 ;;
esac";

impl StartPlan<'_> {
    /// Tries whether a container can fetch and push: starts one as [`StartPlan::run`] does, and changes
    /// nothing. Gives the container's network.
    pub(crate) fn try_transport(&self) -> Result<Network> {
        let at_build = Tracking {
            tip: None,
            ..self.tracking.clone()
        };
        let start = StartPlan {
            tracking: &at_build,
            ..*self
        };
        let script = ["sh", "-c", TRIAL, "sh"].map(OsString::from);
        let reference = at_build.reference.as_ref().map(OsString::from);
        let request = start.complete(StartRequest {
            command: script.into_iter().chain(reference).collect(),
            ..StartRequest::default()
        })?;
        let scratch = TempDir::new()?;
        start.write_files(&request, scratch.path())?;
        let connection = start.connection(&request);
        let server = connection.open(self.engine, self.repo)?;
        let spec = start.spec(&request, scratch.path());
        let command = self.engine.start_command(&spec);
        let output = with_user(self.engine, &spec, || command.output())?;
        if output.status.success() {
            return Ok(spec.network);
        }
        // What the engine itself says is not in the answer.
        let said = if output.stdout.is_empty() {
            output.stderr
        } else {
            output.stdout
        };
        let said = String::from_utf8_lossy(&said);
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let said = lines.collect::<Vec<_>>().join("; ");
        let said = server
            .and_then(|server| server.tunnel_failure())
            .unwrap_or(said);
        let message = format!(
            "a container of {} (network {}) cannot fetch and push: {said}",
            spec.image, spec.network
        );
        let hint = if connection.by_sshd {
            "the host's own sshd and git answer: check that ssh and git let your user in there"
        } else if said.contains("not connected") {
            "the container is connected by an exec of the engine: check that one works in a container of it"
        } else {
            "what it says is about the repository on the host, or about git and ssh in the image"
        };
        bail!(Failure::new(message).hint(hint))
    }
}

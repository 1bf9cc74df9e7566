//! Building an image: one call of the engine.

use std::path::PathBuf;

use anyhow::Result;

use super::run::csv_field;
use super::{Engine, EngineError, Event, Transcript};
use crate::proc::Cmd;
use crate::ui;

/// An image to build.
#[derive(Debug, Clone, Default)]
pub struct BuildSpec {
    /// A folder with a `Dockerfile` and what it copies.
    pub context: PathBuf,
    /// The Dockerfile, when it is not the one in the context.
    pub dockerfile: Option<PathBuf>,
    /// The name of the result.
    pub tag: String,
    /// The labels of the result.
    pub labels: Vec<(String, String)>,
    /// A private key that steps with an ssh mount may use, and not see.
    pub ssh_key: Option<PathBuf>,
    /// Files that steps with a secret mount see: id and path.
    pub secrets: Vec<(String, PathBuf)>,
    /// Values of the Dockerfile's `ARG`s.
    pub build_args: Vec<(String, String)>,
    /// Variables that are passed from our environment to the steps and do not stay: proxies.
    pub pass_env: Vec<String>,
    /// Whether each step is to run again.
    pub no_cache: bool,
    /// Images whose steps are taken where they are the same; built with `BUILDKIT_INLINE_CACHE=1`.
    pub cache_from: Vec<String>,
}

impl Engine {
    /// Builds it; `on_event` hears of each step. Nothing is tagged unless all went well.
    pub fn build(&self, spec: &BuildSpec, on_event: impl FnMut(&Event)) -> Result<()> {
        self.build_logged(spec, on_event, |_| ())
    }

    /// The same; `on_line` hears of each line that the engine prints.
    pub fn build_logged(
        &self,
        spec: &BuildSpec,
        mut on_event: impl FnMut(&Event),
        mut on_line: impl FnMut(&str),
    ) -> Result<()> {
        let mut transcript = Transcript::default();
        let status = self.build_command(spec).stderr_lines(|line| {
            on_line(line);
            if ui::verbose() && !line.is_empty() {
                ui::quoted(line);
            }
            if let Some(event) = transcript.read(line) {
                on_event(&event);
            }
        })?;
        if status.success() {
            return Ok(());
        }
        Err(explain(&transcript).into())
    }

    fn build_command(&self, spec: &BuildSpec) -> Cmd {
        let mut cmd = self
            .cmd()
            .env("DOCKER_BUILDKIT", "1")
            // Attestations would make the image an index, which older engines cannot load.
            .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")
            .args(["build", "--progress=plain"]);
        if self.buildx() {
            cmd = cmd.arg("--load");
        }
        if cfg!(target_os = "linux") {
            cmd = cmd.arg("--network=host");
        }
        if spec.no_cache {
            cmd = cmd.arg("--no-cache");
        }
        if let Some(dockerfile) = &spec.dockerfile {
            cmd = cmd.arg("--file").arg(dockerfile);
        }
        if let Some(key) = &spec.ssh_key {
            cmd = cmd.arg("--ssh").arg(format!("default={}", key.display()));
        }
        for (id, path) in &spec.secrets {
            let source = csv_field(&format!("src={}", path.display()));
            cmd = cmd.arg("--secret").arg(format!("id={id},{source}"));
        }
        for (name, value) in &spec.build_args {
            cmd = cmd.arg("--build-arg").arg(format!("{name}={value}"));
        }
        for name in &spec.pass_env {
            cmd = cmd.arg("--build-arg").arg(name);
        }
        for image in &spec.cache_from {
            cmd = cmd.arg("--cache-from").arg(image);
        }
        for (name, value) in &spec.labels {
            cmd = cmd.arg("--label").arg(format!("{name}={value}"));
        }
        cmd.args(["--tag", &spec.tag]).arg(&spec.context)
    }
}

fn explain(transcript: &Transcript) -> EngineError {
    let Some((step, tail, reason)) = transcript.failure() else {
        return EngineError::of_stderr(&transcript.loose());
    };
    let output = tail.join("\n");
    if step.starts_with("resolve image config for") {
        return EngineError::NoFrontend(reason);
    }
    if step.contains("load metadata for") || step.contains("] FROM ") {
        return EngineError::NoBaseImage(reason);
    }
    let all = format!("{output}\n{reason}");
    if all.contains("no space left on device") || all.contains("No space left on device") {
        return EngineError::DiskFull(format!("in step `{step}`"));
    }
    for line in &tail {
        ui::quoted(line);
    }
    if output.contains("ssh: connect to host") {
        return EngineError::HostUnreachable(step);
    }
    let reason = exit_code(&reason).map_or(reason.clone(), |code| format!("exit code {code}"));
    EngineError::Step { step, reason }
}

/// BuildKit repeats the whole command before the code.
fn exit_code(reason: &str) -> Option<u32> {
    reason.rsplit_once("exit code: ")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_what_matters_of_a_reason() {
        let old = "executor failed running [/bin/sh -c exit code: x]: exit code: 3";
        let new = "process \"/bin/sh -c exit 12\" did not complete successfully: exit code: 12";
        assert_eq!(exit_code(old), Some(3));
        assert_eq!(exit_code(new), Some(12));
        assert_eq!(
            exit_code("unable to find user root: invalid argument"),
            None
        );
    }
}

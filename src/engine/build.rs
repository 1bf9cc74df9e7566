//! Building an image: one call of the engine.

use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::Result;

use super::built::Built;
use super::progress::{FailedStep, Transcript};
use super::temp_name::TempName;
use super::{BuildEvent, Engine, EngineError, EngineImage, EngineKind, docker, podman};
use crate::proc::Cmd;
use crate::ui::Printer;

/// An image to build.
#[derive(Debug, Clone, Default)]
pub struct BuildSpec {
    /// A directory with a `Dockerfile` and what it copies.
    pub context: PathBuf,
    /// The Dockerfile, when it is not the one in the context.
    pub dockerfile: Option<PathBuf>,
    /// The name that the result is to have: see [`Built::tag`].
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
    /// BuildKit alone knows them: podman keeps what it built.
    pub cache_from: Vec<String>,
}

impl BuildSpec {
    /// The options that engines take alike.
    pub(super) fn shared_options(&self, mut cmd: Cmd) -> Cmd {
        if self.no_cache {
            cmd = cmd.arg("--no-cache");
        }
        if let Some(key) = &self.ssh_key {
            cmd = cmd.arg("--ssh").arg(format!("default={}", key.display()));
        }
        for (name, value) in &self.build_args {
            cmd = cmd.arg("--build-arg").arg(format!("{name}={value}"));
        }
        for name in &self.pass_env {
            cmd = cmd.arg("--build-arg").arg(name);
        }
        cmd
    }
}

impl Engine {
    /// Builds it; `on_event` hears of each step. No name is moved: that is for the caller to do.
    pub fn build(&self, spec: &BuildSpec, on_event: impl FnMut(&BuildEvent)) -> Result<Built<'_>> {
        self.build_logged(spec, on_event, |_| ())
    }

    /// The same; `on_line` hears of each line that the engine prints.
    pub fn build_logged(
        &self,
        spec: &BuildSpec,
        mut on_event: impl FnMut(&BuildEvent),
        mut on_line: impl FnMut(&str),
    ) -> Result<Built<'_>> {
        match self.kind {
            EngineKind::Docker => {
                let name = TempName::new(self, &spec.tag)?;
                let mut transcript = docker::PlainProgress::default();
                let cmd = self.docker_build(spec, &name.name)?;
                let status = cmd.stderr_lines(follow(
                    self.printer,
                    &mut transcript,
                    &mut on_event,
                    &mut on_line,
                ))?;
                outcome(self.kind, status, &transcript, self.printer)?;
                let found = self.as_asked(&name.name, spec)?;
                Ok(Built {
                    engine: self,
                    found,
                    _name: Some(name),
                })
            }
            EngineKind::Podman => {
                let cmd = self.podman_build(spec)?;
                let mut run = || -> Result<_> {
                    let mut transcript = podman::PodmanProgress::default();
                    let status = cmd.all_lines(follow(
                        self.printer,
                        &mut transcript,
                        &mut on_event,
                        &mut on_line,
                    ))?;
                    Ok((status, transcript))
                };
                let (mut status, mut transcript) = run()?;
                for _ in 1..podman::TRIES {
                    if status.success() || !transcript.lost_an_image() {
                        break;
                    }
                    (status, transcript) = run()?;
                }
                outcome(self.kind, status, &transcript, self.printer)?;
                let found = self.as_asked(transcript.image()?, spec)?;
                Ok(Built {
                    engine: self,
                    found,
                    _name: None,
                })
            }
        }
    }

    /// The image that was built. A client may say that all went well and have built nothing, or
    /// left it with a builder of its own.
    fn as_asked(&self, name: &str, spec: &BuildSpec) -> Result<EngineImage> {
        let asked = |found: &EngineImage| {
            let is_there = |(name, value): &(String, String)| found.labels.get(name) == Some(value);
            spec.labels.iter().all(is_there)
        };
        self.inspect_one(name)?
            .filter(asked)
            .ok_or_else(|| EngineError::BuiltNothing(self.kind, spec.tag.clone()).into())
    }
}

/// Hears each line of a build.
fn follow(
    printer: Printer,
    transcript: &mut impl Transcript,
    mut on_event: impl FnMut(&BuildEvent),
    mut on_line: impl FnMut(&str),
) -> impl FnMut(&str) {
    move |line| {
        on_line(line);
        if printer.verbose() && !line.is_empty() {
            printer.quoted(line);
        }
        if let Some(event) = transcript.read(line) {
            on_event(&event);
        }
    }
}

fn outcome(
    kind: EngineKind,
    status: ExitStatus,
    transcript: &impl Transcript,
    printer: Printer,
) -> Result<()> {
    if status.success() {
        Ok(())
    } else {
        Err(explain(kind, transcript, printer).into())
    }
}

fn explain(kind: EngineKind, transcript: &impl Transcript, printer: Printer) -> EngineError {
    let Some(FailedStep { step, tail, reason }) = transcript.failure() else {
        return EngineError::of_stderr(kind, &transcript.loose());
    };
    let output = tail.join("\n");
    if step.starts_with("resolve image config for") {
        return EngineError::NoFrontend(reason);
    }
    let all = format!("{output}\n{reason}");
    if kind == EngineKind::Podman
        && let Some(known) = podman::known(&all)
    {
        return known;
    }
    // The host's network has a /sys that such a container may not mount.
    if kind == EngineKind::Docker && all.contains("error mounting \"sysfs\"") {
        return EngineError::MapsUsers;
    }
    if step.contains("load metadata for") || step.contains("] FROM ") {
        return EngineError::NoBaseImage(kind, reason);
    }
    if all.contains("no space left on device") || all.contains("No space left on device") {
        return EngineError::DiskFull(kind, format!("in step `{step}`"));
    }
    for line in &tail {
        printer.quoted(line);
    }
    if output.contains("ssh: connect to host") {
        return EngineError::HostUnreachable(step);
    }
    let reason = exit_code(&reason).map_or(reason.clone(), |code| format!("exit code {code}"));
    EngineError::Step { step, reason }
}

/// BuildKit repeats the whole command before the code; podman says what it was doing.
fn exit_code(reason: &str) -> Option<u32> {
    let (_, code) = reason
        .rsplit_once("exit code: ")
        .or_else(|| reason.rsplit_once("while running runtime: exit status "))?;
    code.trim().parse().ok()
}

/// A value of `ENV`, `ARG` or `LABEL` that stands for itself. Inside double quotes a Dockerfile
/// gives a meaning to `\`, `"` and `$`, and to nothing else (`frontend/dockerfile/shell/lex.go`
/// of moby/buildkit).
pub(crate) fn quote(value: &str) -> String {
    let mut quoted = String::from('"');
    for c in value.chars() {
        if matches!(c, '\\' | '"' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
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
        assert_eq!(exit_code("while running runtime: exit status 3"), Some(3));
        assert_eq!(
            exit_code("unable to find user root: invalid argument"),
            None
        );
    }
}

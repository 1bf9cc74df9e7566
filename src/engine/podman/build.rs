//! The command of a podman build.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::context;
use crate::engine::{BuildSpec, Engine, quote};
use crate::proc::Cmd;

/// The length of `/.buildah-ssh-sock4294967295/ssh_auth_sock`.
const SOCKET_BELOW: usize = 43;
/// Stands for the files of the context.
const ARG: &str = "DKR_CONTEXT";

impl Engine {
    /// Podman's HEALTHCHECK, SHELL and ONBUILD need docker's format. The image gets no name yet.
    pub(in crate::engine) fn podman_build(&self, spec: &BuildSpec) -> Result<Cmd> {
        let mut cmd = Cmd::new("nohup")
            .arg(&self.program)
            .stops_by_hangup()
            .args(["build", "--format=docker"]);
        // The socket of its ssh agent is in there, and its path may have 107 bytes.
        if std::env::temp_dir().as_os_str().len() + SOCKET_BELOW > 107 {
            cmd = cmd.env("TMPDIR", "/tmp");
        }
        if cfg!(target_os = "linux") {
            cmd = cmd.arg("--network=host");
        }
        for (id, path) in &spec.secrets {
            // Commas cannot be quoted here; our own files are at a path without (`fs::TempDir`).
            cmd = cmd
                .arg("--secret")
                .arg(format!("id={id},src={}", path.display()));
        }
        let dockerfile = match &spec.dockerfile {
            Some(path) => path.clone(),
            None => spec.context.join("Dockerfile"),
        };
        let text = crate::fs::read_text(&dockerfile)
            .with_context(|| format!("cannot read {}", dockerfile.display()))?;
        match with_labels(&text, &spec.labels) {
            Some(mut text) => {
                if text.contains("type=bind") {
                    let digest = context::digest(&spec.context)?;
                    cmd = cmd.arg("--build-arg").arg(format!("{ARG}={digest}"));
                    text = with_argument(&text);
                }
                cmd = cmd.args(["--file", "-"]).stdin(text);
            }
            None => {
                cmd = cmd.arg("--file").arg(&dockerfile);
                for (name, value) in &spec.labels {
                    cmd = cmd.arg("--label").arg(format!("{name}={value}"));
                }
            }
        }
        Ok(spec.shared_options(cmd).arg(&spec.context))
    }
}

/// The Dockerfile with our argument in each stage.
///
/// Podman takes a step from its cache by the step's text and arguments. What the step sees of the
/// context by a bind mount, BuildKit looks at and podman does not: so it is an argument here.
fn with_argument(dockerfile: &str) -> String {
    let mut text = String::new();
    let (mut goes_on, mut is_from) = (false, false);
    for line in dockerfile.lines() {
        if !goes_on {
            let word = line.split_whitespace().next().unwrap_or_default();
            is_from = word.eq_ignore_ascii_case("from");
        }
        goes_on = line.trim_end().ends_with('\\');
        text.push_str(line);
        text.push('\n');
        if is_from && !goes_on {
            text.push_str(&format!("ARG {ARG}\n"));
        }
    }
    text
}

/// The Dockerfile with all labels as one more instruction. Podman makes a step and an image of
/// each `--label`, which takes a second for ours. `None` where that does not go in text.
fn with_labels(dockerfile: &str, labels: &[(String, String)]) -> Option<String> {
    let text = dockerfile.trim_end();
    let plain = |text: &String| !text.chars().any(char::is_control);
    let fits = labels
        .iter()
        .all(|(name, value)| plain(name) && plain(value));
    // The last line goes on with the next.
    if !fits || text.ends_with(['\\', '`']) {
        return None;
    }
    let mut text = format!("{text}\n");
    for (number, (name, value)) in labels.iter().enumerate() {
        let start = if number == 0 { "LABEL" } else { "" };
        write!(text, "{start} {}={}", quote(name), quote(value)).ok()?;
    }
    text.push('\n');
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_has_the_argument() {
        let text = "# FROM x\nFROM a AS b\nRUN c \\\n  FROM d\nfrom e \\\n  AS f\nRUN g\n";
        assert_eq!(
            with_argument(text),
            "# FROM x\nFROM a AS b\nARG DKR_CONTEXT\nRUN c \\\n  FROM d\nfrom e \\\n  AS f\nARG DKR_CONTEXT\nRUN g\n"
        );
    }

    #[test]
    fn labels_are_one_instruction() {
        let labels = [("a", "x $y"), ("dkr.repo_path", r#"/a "b"\c"#)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            with_labels("FROM a\nRUN b\n\n", &labels).unwrap(),
            "FROM a\nRUN b\nLABEL \"a\"=\"x \\$y\" \"dkr.repo_path\"=\"/a \\\"b\\\"\\\\c\"\n"
        );
        assert_eq!(with_labels("FROM a\n", &[]).unwrap(), "FROM a\n\n");
        assert_eq!(with_labels("RUN b \\\n", &labels), None);
        let broken = [("a".to_owned(), "b\nRUN c".to_owned())];
        assert_eq!(with_labels("FROM a\n", &broken), None);
    }
}

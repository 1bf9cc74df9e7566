//! What BuildKit prints with `--progress=plain`, read line by line. The format has no
//! specification; this follows `util/progress/progressui` of moby/buildkit, versions of Docker
//! 20.10 to 28: `#<step> <text>`, and lines without a number at the end of a failed build.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::progress::{BuildEvent, FailedStep, Transcript, keep};

#[derive(Debug, Default)]
struct BuildkitStep {
    /// `[4/7] RUN …`, or the name of something internal.
    name: String,
    tail: VecDeque<String>,
    failed: Option<String>,
    over: bool,
}

/// All that was printed so far, as far as it matters.
#[derive(Debug, Default)]
pub(crate) struct PlainProgress {
    steps: BTreeMap<u32, BuildkitStep>,
    /// Lines that belong to no step, the last ones.
    loose: VecDeque<String>,
}

impl Transcript for PlainProgress {
    fn read(&mut self, line: &str) -> Option<BuildEvent> {
        let line = line.trim_end();
        let Some((vertex, text)) = vertex(line) else {
            if !line.is_empty() {
                keep(&mut self.loose, line);
            }
            return None;
        };
        let step = self.steps.entry(vertex).or_default();
        if step.name.is_empty() {
            step.name = text.to_owned();
            if text.starts_with("exporting to ") {
                return Some(BuildEvent::Exporting);
            }
            let (number, of, instruction) = numbered(text)?;
            return Some(BuildEvent::Started {
                number,
                of,
                instruction,
            });
        }
        if let Some(message) = text.strip_prefix("ERROR: ") {
            step.failed = Some(message.to_owned());
            return None;
        }
        let cached = text == "CACHED";
        if cached || text.starts_with("DONE ") {
            if std::mem::replace(&mut step.over, true) {
                return None;
            }
            let (number, of, instruction) = numbered(&step.name)?;
            return Some(BuildEvent::Done {
                number,
                of,
                instruction,
                cached,
            });
        }
        let output = output(text)?;
        keep(&mut step.tail, output);
        numbered(&step.name)?;
        Some(BuildEvent::Output(output.to_owned()))
    }

    fn failure(&self) -> Option<FailedStep> {
        let step = self.steps.values().find(|step| step.failed.is_some())?;
        Some(FailedStep {
            step: step.name.clone(),
            tail: step.tail.iter().cloned().collect(),
            reason: step.failed.clone()?,
        })
    }

    fn loose(&self) -> String {
        self.loose.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// `#12 text`.
fn vertex(line: &str) -> Option<(u32, &str)> {
    let (number, text) = line.strip_prefix('#')?.split_once(' ')?;
    Some((number.parse().ok()?, text))
}

/// `[4/7] RUN …` or, with several stages, `[stage 4/7] RUN …`.
fn numbered(name: &str) -> Option<(u32, u32, String)> {
    let (place, instruction) = name.strip_prefix('[')?.split_once("] ")?;
    let (number, of) = place.rsplit(' ').next()?.split_once('/')?;
    Some((
        number.parse().ok()?,
        of.parse().ok()?,
        instruction.to_owned(),
    ))
}

/// `0.085 text`: seconds, then what the step printed. Other lines tell of BuildKit's own work.
fn output(text: &str) -> Option<&str> {
    let (seconds, line) = text.split_once(' ').unwrap_or((text, ""));
    let time = seconds.contains('.') && seconds.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    time.then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by Docker 20.10.24.
    const FAILED: &str = "\
#1 [internal] load build definition from Dockerfile
#1 sha256:ad9afaa8ee68f9cee9f7edad1af14aeaa7e22f08b63c68ce088b350c14effd0f
#1 transferring dockerfile: 242B 0.0s done
#1 DONE 0.0s

#4 [1/3] FROM docker.io/library/debian:bookworm-slim
#4 CACHED

#5 [2/3] RUN echo one; exit 0
#5 0.085 one
#5 DONE 0.4s

#6 [3/3] RUN echo two; exit 3
#6 0.085 two
#6 0.086
#6 ERROR: executor failed running [/bin/sh -c echo two; exit 3]: exit code: 3
------
 > [3/3] RUN echo two; exit 3:
------
executor failed running [/bin/sh -c echo two; exit 3]: exit code: 3
";

    #[test]
    fn a_failed_build_is_told_step_by_step() {
        let mut transcript = PlainProgress::default();
        let events: Vec<BuildEvent> = FAILED.lines().filter_map(|l| transcript.read(l)).collect();
        insta::assert_debug_snapshot!(events);
        assert_eq!(
            transcript.failure(),
            Some(FailedStep {
                step: "[3/3] RUN echo two; exit 3".into(),
                tail: vec!["two".into(), String::new()],
                reason: "executor failed running [/bin/sh -c echo two; exit 3]: exit code: 3"
                    .into(),
            })
        );
    }

    #[test]
    fn an_error_before_any_step_is_kept() {
        let mut transcript = PlainProgress::default();
        assert_eq!(
            transcript.read("failed to solve: dockerfile parse error"),
            None
        );
        assert_eq!(transcript.failure(), None);
        assert_eq!(
            transcript.loose(),
            "failed to solve: dockerfile parse error"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_taken(lines in proptest::collection::vec("(#[0-9]{0,11} )?(\\[|\\]|[0-9./ ]|DONE|ERROR: |é){0,9}", 0..9)) {
            let mut transcript = PlainProgress::default();
            for line in lines {
                let _ = transcript.read(&line);
            }
        }
    }
}

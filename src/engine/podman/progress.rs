//! What `podman build` prints, read line by line. The format has no specification; this follows
//! `imagebuildah/stage_executor.go` of containers/buildah, 1.28 (podman 4.3) and later:
//! `STEP 2/9: RUN …`, or `[1/2] STEP 2/9: RUN …` with several stages; then the step's own output;
//! then `--> Using cache …` and `--> <id>`; at the end `COMMIT` and the image's id.

use std::collections::VecDeque;

use anyhow::{Context, Result};

use crate::engine::progress::{BuildEvent, FailedStep, Transcript, keep};

/// The step that runs.
#[derive(Debug, Default)]
struct PodmanStep {
    /// `[1/2] ` with several stages.
    stage: String,
    number: u32,
    of: u32,
    instruction: String,
    tail: VecDeque<String>,
    cached: bool,
    over: bool,
}

/// All that was printed so far, as far as it matters.
#[derive(Debug, Default)]
pub(crate) struct PodmanProgress {
    step: Option<PodmanStep>,
    /// What podman says of the end.
    error: Option<String>,
    /// Lines that belong to no step, the last ones.
    loose: VecDeque<String>,
    committed: bool,
    image: Option<String>,
}

impl PodmanProgress {
    /// The id of the image that was built.
    pub(crate) fn image(&self) -> Result<&str> {
        let image = self.image.as_deref();
        image.context("podman did not say which image it has built")
    }

    /// Whether it failed because an image was removed meanwhile.
    pub(crate) fn lost_an_image(&self) -> bool {
        self.error.as_deref().is_some_and(super::lost_something)
    }
}

impl Transcript for PodmanProgress {
    fn read(&mut self, line: &str) -> Option<BuildEvent> {
        let line = line.trim_end();
        if let Some(started) = begin(line).filter(|step| self.is_next(step)) {
            let (number, of) = (started.number, started.of);
            let instruction = started.instruction.clone();
            self.step = Some(started);
            return Some(BuildEvent::Started {
                number,
                of,
                instruction,
            });
        }
        if let Some(error) = line.strip_prefix("Error: ") {
            self.error = Some(error.to_owned());
            return None;
        }
        // Podman's own remarks.
        if line.starts_with("time=\"") && line.contains(" level=") {
            keep(&mut self.loose, line);
            return None;
        }
        if is_commit(line) {
            self.committed = true;
            return Some(BuildEvent::Exporting);
        }
        // Where all was in the cache there is nothing to commit.
        let ended = |step: &PodmanStep| step.over && step.number == step.of;
        let at_end = self.committed || self.step.as_ref().is_some_and(ended);
        if at_end && line.len() == 64 && is_id(line) {
            self.image = Some(line.to_owned());
            return None;
        }
        let Some(step) = self.step.as_mut().filter(|step| !step.over) else {
            if !line.is_empty() {
                keep(&mut self.loose, line);
            }
            return None;
        };
        if let Some(arrow) = line.strip_prefix("--> ") {
            if arrow.starts_with("Using cache ") {
                step.cached = true;
                return None;
            }
            if is_id(arrow) {
                step.over = true;
                return Some(BuildEvent::Done {
                    number: step.number,
                    of: step.of,
                    instruction: step.instruction.clone(),
                    cached: step.cached,
                });
            }
        }
        keep(&mut step.tail, line);
        Some(BuildEvent::Output(line.to_owned()))
    }

    fn failure(&self) -> Option<FailedStep> {
        let step = self.step.as_ref()?;
        let error = self.error.as_deref()?;
        // Its own words name the step, in full.
        let reason = match error.strip_prefix("building at STEP \"") {
            Some(rest) => rest.split_once("\": ").map_or(rest, |(_, reason)| reason),
            None => error,
        };
        Some(FailedStep {
            step: format!(
                "[{}{}/{}] {}",
                step.stage, step.number, step.of, step.instruction
            ),
            tail: step.tail.iter().cloned().collect(),
            reason: reason.to_owned(),
        })
    }

    fn loose(&self) -> String {
        let lines = self.loose.iter().chain(&self.error);
        lines.cloned().collect::<Vec<_>>().join("\n")
    }
}

impl PodmanProgress {
    /// What a step prints may look like the beginning of another.
    fn is_next(&self, next: &PodmanStep) -> bool {
        match &self.step {
            None => true,
            Some(now) if now.stage == next.stage => {
                next.number == now.number + 1 && next.of == now.of
            }
            Some(now) => now.number == now.of && next.number == 1,
        }
    }
}

fn begin(line: &str) -> Option<PodmanStep> {
    let (stage, rest) = match line.strip_prefix('[') {
        Some(rest) => {
            let (stage, rest) = rest.split_once("] ")?;
            (format!("stage {stage}: "), rest)
        }
        None => (String::new(), line),
    };
    let (place, instruction) = rest.strip_prefix("STEP ")?.split_once(": ")?;
    let (number, of) = place.split_once('/')?;
    Some(PodmanStep {
        stage,
        number: number.parse().ok()?,
        of: of.parse().ok()?,
        instruction: instruction.to_owned(),
        ..PodmanStep::default()
    })
}

/// `COMMIT`, `COMMIT name` or, with several stages, `[2/2] COMMIT name`.
fn is_commit(line: &str) -> bool {
    let line = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ").map_or(rest, |(_, rest)| rest),
        None => line,
    };
    line == "COMMIT" || line.starts_with("COMMIT ")
}

fn is_id(text: &str) -> bool {
    text.len() >= 11 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (PodmanProgress, Vec<BuildEvent>) {
        let mut steps = PodmanProgress::default();
        let events = text.lines().filter_map(|line| steps.read(line)).collect();
        (steps, events)
    }

    /// Printed by podman 4.3.1, as all below.
    const BUILT: &str = "\
[1/2] STEP 1/2: FROM debian:bookworm-slim AS one
[1/2] STEP 2/2: RUN echo STEP 9/9: 1 > /x
--> Using cache 1c2e26c849f0ad5fdb9ee3ab5c8c3bb0aa4b0d1fb2d2a0f13a4e7f9d3df9a111
--> 1c2e26c849f
[2/2] STEP 1/3: FROM debian:bookworm-slim
[2/2] STEP 2/3: COPY --from=one /x /x
--> 3aa602c5c34
[2/2] STEP 3/3: RUN echo STEP 9/9: true
STEP 9/9: true
[2/2] COMMIT
--> f2809004b2d
f2809004b2d82795d3959260d58384363c458ccfaa0f9ce0a8b81e1daf2c8c2e
";

    #[test]
    fn a_build_is_told_step_by_step() {
        let (steps, events) = read(BUILT);
        insta::assert_debug_snapshot!(events);
        assert_eq!(steps.failure(), None);
        assert!(steps.image().unwrap().starts_with("f2809004b2d8"));
    }

    #[test]
    fn a_build_that_was_all_in_the_cache_has_an_image() {
        let id = "2429e12cab65935fb1082bb8e6be7d795011c3a9f789fcc78c692b5ec581ae09";
        let (steps, _) = read(&format!(
            "\
STEP 1/2: FROM debian:bookworm-slim
STEP 2/2: LABEL a=b
--> Using cache {id}
--> 2429e12cab6
{id}
"
        ));
        assert_eq!(steps.image().unwrap(), id);
    }

    #[test]
    fn a_failed_step_has_its_output() {
        let (steps, _) = read(
            "\
STEP 1/3: FROM debian:bookworm-slim
STEP 2/3: RUN echo one; echo err >&2; exit 0
--> Using cache 5d1fa1ad377074b88fb039a6c879235bca28a16933f8adceb63e5decec2af156
--> 5d1fa1ad377
STEP 3/3: RUN echo two; exit 3
two
Error: building at STEP \"RUN echo two; exit 3\": while running runtime: exit status 3
",
        );
        let failed = FailedStep {
            step: "[3/3] RUN echo two; exit 3".into(),
            tail: vec!["two".into()],
            reason: "while running runtime: exit status 3".into(),
        };
        assert_eq!(steps.failure(), Some(failed));
        assert!(steps.image().is_err());
    }

    #[test]
    fn a_base_image_that_cannot_be_had_is_a_failed_from() {
        let (steps, _) = read(
            "\
STEP 1/2: FROM nosuch/thing
Error: creating build container: short-name \"nosuch/thing\" did not resolve to an alias and no unqualified-search registries are defined in \"/etc/containers/registries.conf\"
",
        );
        let failed = steps.failure().unwrap();
        assert_eq!(failed.step, "[1/2] FROM nosuch/thing");
        assert!(failed.reason.contains("did not resolve"));
    }

    #[test]
    fn an_image_that_is_removed_meanwhile_is_known() {
        let (steps, _) = read(
            "\
STEP 7/13: ENV DKR_BRANCH=\"diverged\"
Error: building at STEP \"ENV DKR_BRANCH=diverged\": checking if cached image exists from a previous build: getting top layer info: layer not known
",
        );
        assert!(steps.lost_an_image());
        let (steps, _) = read(
            "STEP 1/2: RUN a\nlayer not known\nError: building at STEP \"RUN a\": while running runtime: exit status 1\n",
        );
        assert!(!steps.lost_an_image());
    }

    #[test]
    fn an_error_before_any_step_is_kept() {
        let (steps, _) = read("time=\"x\" level=warning msg=\"y\"\nError: boo\n");
        assert_eq!(steps.failure(), None);
        assert_eq!(steps.loose(), "time=\"x\" level=warning msg=\"y\"\nboo");
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_taken(lines in proptest::collection::vec("(\\[[0-9/]{0,4}\\] )?(STEP |COMMIT|--> |Error: |[0-9]{1,12}/|: |[0-9a-f]{64}|é){0,5}", 0..9)) {
            let mut steps = PodmanProgress::default();
            for line in lines {
                let _ = steps.read(&line);
            }
            let _ = (steps.failure(), steps.loose());
        }
    }
}

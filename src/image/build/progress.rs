//! Telling the user how a build goes.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::engine::{BuildEvent, EngineError};
use crate::error::Failure;
use crate::ui::{self, Printer};

/// Follows one build.
pub(super) struct BuildProgress {
    printer: Printer,
    progress: ui::Progress,
    /// The bytes sent to the clone so far.
    sent: Option<Arc<AtomicU64>>,
    /// The bytes that it is, or is at most.
    total: Arc<AtomicU64>,
    now: RefCell<CurrentStep>,
}

/// The step that runs.
struct CurrentStep {
    began: Instant,
    /// Redraws the bytes of a clone while it runs.
    watch: Option<ui::Watch>,
}

impl BuildProgress {
    pub(super) fn new(
        printer: Printer,
        sent: Option<Arc<AtomicU64>>,
        total: Arc<AtomicU64>,
    ) -> Self {
        Self {
            printer,
            progress: printer.progress("start the build"),
            sent,
            total,
            now: RefCell::new(CurrentStep {
                began: Instant::now(),
                watch: None,
            }),
        }
    }

    pub(super) fn hear(&self, event: &BuildEvent) {
        match event {
            BuildEvent::Started {
                number,
                of,
                instruction,
            } => {
                let title = title(instruction);
                let place = format!("{:<8} {title}", format!("[{number}/{of}]"));
                self.progress.say(&place);
                let watched = title == CLONE || title == UPDATE;
                let watch = self.sent.clone().filter(|_| watched).map(|sent| {
                    let total = Arc::clone(&self.total);
                    self.progress.watch_both(total, sent, move |sent, total| {
                        format!("{place} {}", ui::bytes_of(sent, total))
                    })
                });
                *self.now.borrow_mut() = CurrentStep {
                    began: Instant::now(),
                    watch,
                };
            }
            BuildEvent::Done {
                number,
                of,
                instruction,
                cached,
            } => {
                self.now.borrow_mut().watch = None;
                // The others take no time worth a line.
                if *cached || !instruction.starts_with("RUN ") {
                    return;
                }
                let title = title(instruction);
                let time = ui::seconds(self.now.borrow().began.elapsed());
                let text = match &self.sent {
                    Some(sent) if title == CLONE || title == UPDATE => {
                        format!(
                            "{title} {} in {time}",
                            ui::bytes(sent.load(Ordering::Relaxed))
                        )
                    }
                    _ => format!("{title} in {time}"),
                };
                self.progress
                    .above(|| self.printer.status(&format!("[{number}/{of}]"), &text));
            }
            BuildEvent::Output(line) => self.progress.say(line),
            BuildEvent::Exporting => self.progress.say("write the image"),
        }
    }
}

const PACKAGES: &str = "packages";
const CLONE: &str = "clone";
const UPDATE: &str = "update";

/// Tells of a failed build in the words of this job.
pub(super) fn explain(error: anyhow::Error) -> anyhow::Error {
    let Some(EngineError::Step { step, reason }) = error.downcast_ref() else {
        return error;
    };
    let (place, instruction) = step.split_once("] ").unwrap_or(("[?", step));
    let title = title(instruction);
    let hint = match title.as_str() {
        PACKAGES => "check that the names in `packages` are those of the base image's distribution",
        CLONE | UPDATE => "git dkr doctor checks what the clone needs; -v shows all of the output",
        _ => "-v shows all of the output",
    };
    Failure::new(format!("step {place}] {title} failed: {reason}"))
        .hint(hint)
        .into()
}

/// An instruction in a few words.
fn title(instruction: &str) -> String {
    for (script, title) in [
        ("sh /run/dkr/install-packages ", PACKAGES),
        ("sh /run/dkr/install-ca ", "CA certificates"),
        ("sh /run/dkr/clone ", CLONE),
        ("sh /run/dkr/context/update ", UPDATE),
    ] {
        if instruction.contains(script) {
            return title.to_owned();
        }
    }
    ui::shortened(instruction, 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_short() {
        assert_eq!(
            title("RUN --mount=type=ssh     sh /run/dkr/clone 3f2a"),
            "clone"
        );
        assert_eq!(title("RUN  make   check"), "RUN make check");
        assert_eq!(title(&"é".repeat(80)).chars().count(), 61);
    }
}

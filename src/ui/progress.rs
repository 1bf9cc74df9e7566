//! Lines that move while something runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Several lines that move at the same time.
#[derive(Debug)]
pub struct Board {
    lines: MultiProgress,
    moves: bool,
}

impl Board {
    pub(super) fn new(moves: bool) -> Self {
        let lines = MultiProgress::new();
        Self { lines, moves }
    }

    /// Whether its lines can be seen.
    pub fn is_shown(&self) -> bool {
        self.moves
    }

    /// One more line at the end.
    pub fn line(&self, text: &str) -> Progress {
        let bar = if self.moves {
            self.lines.add(ProgressBar::new_spinner())
        } else {
            ProgressBar::hidden()
        };
        Progress::with(bar, text)
    }

    pub fn above(&self, print: impl FnOnce()) {
        self.lines.suspend(print);
    }
}

/// One line that moves while something runs, and is gone afterwards.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A line without a bar.
    pub(super) fn start(moves: bool, text: &str) -> Self {
        let bar = if moves {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        Self::with(bar, text)
    }

    fn with(bar: ProgressBar, text: &str) -> Self {
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(TICK);
        style(&bar, PLAIN);
        Self(bar)
    }

    /// Says what runs now.
    pub fn say(&self, text: &str) {
        self.0.set_message(text.to_owned());
    }

    /// Shows a bar that follows a counter of bytes until the value returned is dropped.
    pub fn watch(
        &self,
        total: u64,
        count: Arc<AtomicU64>,
        text: impl Fn(u64) -> String + Send + 'static,
    ) -> Watch {
        let total = Arc::new(AtomicU64::new(total));
        self.watch_both(total, count, move |count, _| text(count))
    }

    /// The same where the total may become another meanwhile.
    pub fn watch_both(
        &self,
        total: Arc<AtomicU64>,
        count: Arc<AtomicU64>,
        text: impl Fn(u64, u64) -> String + Send + 'static,
    ) -> Watch {
        let bar = self.0.clone();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        if !bar.is_hidden() {
            std::thread::spawn(move || {
                style(&bar, "   {spinner:.green} {msg} {bar:28.green} {elapsed}");
                while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    let count = count.load(Ordering::Relaxed);
                    let total = total.load(Ordering::Relaxed);
                    bar.set_length(total.max(1));
                    bar.set_position(count.min(total));
                    bar.set_message(text(count, total));
                }
                style(&bar, PLAIN);
            });
        }
        Watch { _stop: stop }
    }

    /// Prints a line above the moving one.
    pub fn above(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

/// A bar that follows a counter, until dropped.
#[derive(Debug)]
pub struct Watch {
    _stop: std::sync::mpsc::Sender<()>,
}

const PLAIN: &str = "   {spinner:.green} {wide_msg} {elapsed}";
/// How often a moving line is redrawn.
const TICK: Duration = Duration::from_millis(100);

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

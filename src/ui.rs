//! The one place that prints. Results go to standard output, all else to standard error; colour
//! and movement only on a terminal, and never when `NO_COLOR` is set.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// How much to say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Errors and warnings only.
    pub quiet: bool,
    /// Each command that is run, and all of its output.
    pub verbose: bool,
}

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// Sets how much to say, once, at the start.
pub fn init(options: Options) {
    let _ = OPTIONS.set(options);
}

fn options() -> Options {
    OPTIONS.get().copied().unwrap_or_default()
}

/// Whether commands are echoed and shown with all of their output.
pub fn verbose() -> bool {
    options().verbose
}

/// Whether only warnings and errors are wanted.
pub fn quiet() -> bool {
    options().quiet
}

/// Whether a person sits at both ends: we may ask.
pub fn interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether standard output is a terminal.
pub fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// What cannot be said on standard error cannot be complained of either.
fn stderr(line: impl Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// A line of the result, on standard output. A reader that hangs up has read enough.
pub fn result(line: impl Display) -> Result<()> {
    match writeln!(anstream::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write the result")
        }
        _ => Ok(()),
    }
}

/// A step that was done: what, and about what.
pub fn status(what: &str, text: &str) {
    if !options().quiet {
        stderr(format_args!("   {GREEN}{what:<8}{GREEN:#} {text}"));
    }
}

/// A line of a command's own output, where the user asked to see all or a failure is explained.
pub fn quoted(line: &str) {
    stderr(format_args!("     {DIM}|{DIM:#} {line}"));
}

/// Something the user should know and may want to mend.
pub fn warn(text: impl Display) {
    stderr(format_args!("{YELLOW}warning:{YELLOW:#} {text}"));
}

/// A line of ours amid the output of git, which says whose it is. On standard output: a hook leads
/// that to git's standard error, and nothing else.
pub fn notice(text: impl Display) {
    let _ = writeln!(anstream::stdout(), "{YELLOW}dkr:{YELLOW:#} {text}");
}

/// The end of a failed run: each line of the story from the outermost on, then the advice.
pub fn error(error: &anyhow::Error, hint: Option<&str>) {
    let mut story = error.chain();
    if let Some(what) = story.next() {
        stderr(format_args!("{RED}error:{RED:#} {what}"));
    }
    for cause in story {
        stderr(format_args!("  caused by: {}", indent(&cause.to_string())));
    }
    if let Some(hint) = hint {
        stderr(format_args!("{CYAN}hint:{CYAN:#} {hint}"));
    }
}

fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

/// The last line on standard error, for a program that reads it.
pub fn last(line: impl Display) {
    stderr(line);
}

/// A command about to run, when the user asked to see them.
pub fn echo(command: &impl Display) {
    if options().verbose {
        stderr(format_args!("{DIM}+ {command}{DIM:#}"));
    }
}

/// Asks a question that ends in `[y/N]`; `false` unless the answer is yes.
pub fn confirm(question: &str) -> Result<bool> {
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .wait_for_newline(true)
        .interact()
        .context("cannot read the answer")
}

/// Whether there is somebody to watch lines that move.
fn moves() -> bool {
    let options = options();
    !options.quiet && !options.verbose && std::io::stderr().is_terminal()
}

/// Several lines that move at the same time.
#[derive(Debug, Default)]
pub struct Board(MultiProgress);

impl Board {
    /// Without a line yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether its lines can be seen.
    pub fn is_shown(&self) -> bool {
        moves()
    }

    /// One more line at the end.
    pub fn line(&self, text: &str) -> Progress {
        let bar = if moves() {
            self.0.add(ProgressBar::new_spinner())
        } else {
            ProgressBar::hidden()
        };
        Progress::with(bar, text)
    }

    /// Prints above them.
    pub fn above(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

/// One line that moves while something runs, and is gone afterwards.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A line without a bar. Hidden when standard error is no terminal or the user wants quiet.
    pub fn start(text: &str) -> Self {
        let bar = if moves() {
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

/// Rows under a header, aligned, without lines around them.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(comfy_table::ContentArrangement::Disabled)
        .set_header(header.iter().map(|name| name.to_uppercase()))
        .add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A text in one line, and no more of it than this many characters.
pub fn shortened(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut text = words.join(" ");
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Bytes for people: `415 MB`.
pub fn bytes(count: u64) -> String {
    bytesize::ByteSize(count).display().si().to_string()
}

/// How much is done of what was expected: `1.2 MB of 5 MB`. An expectation that has proved wrong is left out.
pub fn bytes_of(done: u64, total: u64) -> String {
    if done > total {
        bytes(done)
    } else {
        format!("{} of {}", bytes(done), bytes(total))
    }
}

/// A duration for people: `0.8 s`, `27 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..=9 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..=119 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_leave_no_trailing_space() {
        let text = table(
            &["tag", "size"],
            vec![
                vec!["a-long-one".into(), "1 MB".into()],
                vec!["b".into(), String::new()],
            ],
        );
        assert_eq!(text, "TAG         SIZE\na-long-one  1 MB\nb");
    }

    #[test]
    fn bytes_are_short() {
        assert_eq!(bytes(415_000_000), "415.0 MB");
        assert_eq!(bytes_of(1_200, 5_000), "1.2 kB of 5.0 kB");
        assert_eq!(bytes_of(5_000, 5_000), "5.0 kB of 5.0 kB");
        assert_eq!(bytes_of(11_300, 6_300), "11.3 kB");
        assert_eq!(seconds(Duration::from_millis(840)), "0.8 s");
        assert_eq!(seconds(Duration::from_secs(27)), "27 s");
        assert_eq!(seconds(Duration::from_secs(200)), "3 min 20 s");
    }
}

//! The one place that prints. Results go to standard output, all else to standard error; colour
//! and movement only on a terminal, and never when `NO_COLOR` is set.
//!
//! How a run goes is said by a [`Printer`], which the command line makes of its flags and each job is given.
//! Free functions format, or print what no flag changes: results and the end of a failed run. Process-wide is
//! one thing: whether commands are echoed ([`echo_commands`]), since processes are started everywhere.

mod echo;
mod live_table;
mod printer;
mod progress;

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};

pub(crate) use echo::{echo, echo_commands};
pub(crate) use live_table::{LiveTable, live_table};
pub use printer::{Options, Printer};
pub(crate) use progress::{Board, Progress, Watch};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Whether standard output is a terminal.
pub fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether a program that we run can be given a terminal: both ends of it are one.
pub(crate) fn on_terminal() -> bool {
    std::io::stdin().is_terminal() && stdout_is_terminal()
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

//! A table that fills the terminal and is kept up to date until a key ends it.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Row, Table, TableState, Wrap};
use ratatui::{DefaultTerminal, Frame};

use crate::proc::check_interrupted;

/// How long after an answer the next question is put.
const EVERY: Duration = Duration::from_secs(2);
/// How soon a key, an answer or a signal is seen.
const SOON: Duration = Duration::from_millis(100);

/// What a live table shows at one time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LiveTable {
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    /// Said in place of rows where there are none.
    pub none: &'static str,
    /// Said below the rows.
    pub warnings: Vec<String>,
}

/// Shows what `ask` answers, again and again, until `q`, Escape or Ctrl-C is pressed.
pub(crate) fn live_table(mut ask: impl FnMut() -> LiveTable + Send + 'static) -> Result<()> {
    let (sender, answers) = channel();
    // Not waited for at the end: an engine that hangs would keep the terminal.
    std::thread::spawn(move || {
        while sender.send(ask()).is_ok() {
            std::thread::sleep(EVERY);
        }
    });
    let mut terminal = ratatui::try_init().context("cannot take the terminal")?;
    let outcome = show(&mut terminal, &answers);
    ratatui::restore();
    outcome
}

fn show(terminal: &mut DefaultTerminal, answers: &Receiver<LiveTable>) -> Result<()> {
    let mut table = None;
    let mut position = TableState::new();
    let mut is_drawn = false;
    loop {
        check_interrupted()?;
        match answers.try_recv() {
            Ok(answer) => {
                table = Some(answer);
                is_drawn = false;
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => bail!("nothing answers any more"),
        }
        if !is_drawn {
            let draw = |frame: &mut Frame| draw(frame, table.as_ref(), &mut position);
            terminal.draw(draw).context("cannot draw on the terminal")?;
            is_drawn = true;
        }
        if !event::poll(SOON).context("cannot wait for a key")? {
            continue;
        }
        // A key, or another size of the terminal.
        is_drawn = false;
        if let Event::Key(key) = event::read().context("cannot read a key")?
            && !scroll(key, &mut position)
        {
            return Ok(());
        }
    }
}

/// Moves the rows as a pager does; `false` where the key ends the table.
fn scroll(key: KeyEvent, position: &mut TableState) -> bool {
    const PAGE: usize = 10;
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let top = position.offset();
    *position.offset_mut() = match key.code {
        KeyCode::Char('c') if control => return false,
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('j') | KeyCode::Down => top.saturating_add(1),
        KeyCode::Char('k') | KeyCode::Up => top.saturating_sub(1),
        KeyCode::Char(' ') | KeyCode::PageDown => top.saturating_add(PAGE),
        KeyCode::Char('b') | KeyCode::PageUp => top.saturating_sub(PAGE),
        KeyCode::Char('g') | KeyCode::Home => 0,
        KeyCode::Char('G') | KeyCode::End => usize::MAX,
        _ => top,
    };
    true
}

/// The rows, what is to be said of them, and the keys. Until there is an answer, the keys alone.
fn draw(frame: &mut Frame, table: Option<&LiveTable>, position: &mut TableState) {
    let warnings = table.map_or(&[][..], |table| &table.warnings);
    let warnings = warnings.iter().map(|text| {
        let mark = "warning: ".yellow().bold();
        Line::from_iter([mark, text.as_str().into()])
    });
    let warnings = Paragraph::new(Text::from_iter(warnings)).wrap(Wrap { trim: false });
    let lines = u16::try_from(warnings.line_count(frame.area().width)).unwrap_or(u16::MAX);
    let parts = [
        Constraint::Min(2),
        Constraint::Max(lines),
        Constraint::Length(1),
    ];
    let [above, middle, below] = Layout::vertical(parts).areas(frame.area());
    let keys = match table {
        None => "q ends; asking…",
        Some(_) => "q ends, ↑ and ↓ scroll",
    };
    frame.render_widget(Line::from(keys).dim(), below);
    frame.render_widget(warnings, middle);
    let Some(table) = table else { return };
    if table.rows.is_empty() {
        frame.render_widget(table.none, above);
        return;
    }
    // No further than to where the last row is the lowest.
    let shown = usize::from(above.height.saturating_sub(1)).max(1);
    let most = table.rows.len().saturating_sub(shown);
    *position.offset_mut() = position.offset().min(most);
    frame.render_stateful_widget(rows(table), above, position);
}

/// Columns that say nothing are left out, as terminals are narrow.
fn rows(table: &LiveTable) -> Table<'_> {
    let says = |column: &usize| table.rows.iter().any(|row| !row[*column].is_empty());
    let columns: Vec<usize> = (0..table.header.len()).filter(says).collect();
    let width = |column: &usize| {
        let cells = table.rows.iter().map(|row| &*row[*column]);
        let cells = cells.chain([table.header[*column]]);
        let widest = cells.map(|text| Line::from(text).width()).max();
        Constraint::Length(u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX))
    };
    let row = |row: &'_ [String]| Row::new(columns.iter().map(|column| row[*column].clone()));
    let header = columns
        .iter()
        .map(|column| table.header[*column].to_uppercase());
    Table::new(
        table.rows.iter().map(|cells| row(cells)),
        columns.iter().map(width),
    )
    .header(Row::new(header).style(Style::new().bold()))
    .column_spacing(2)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn drawn(table: Option<&LiveTable>, keys: &[KeyCode]) -> String {
        let mut terminal = Terminal::new(TestBackend::new(34, 7)).unwrap();
        let mut position = TableState::new();
        for key in keys {
            terminal
                .draw(|frame| draw(frame, table, &mut position))
                .unwrap();
            assert!(scroll((*key).into(), &mut position));
        }
        let drawn = terminal.draw(|frame| draw(frame, table, &mut position));
        drawn.unwrap();
        terminal.backend().to_string()
    }

    fn table(rows: u8, warnings: &[&str]) -> LiveTable {
        let row = |row| vec![format!("shop-{row}"), String::new(), "näher".to_owned()];
        LiveTable {
            header: vec!["name", "pushed", "branch"],
            rows: (0..rows).map(row).collect(),
            none: "no container yet",
            warnings: warnings.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn rows_warnings_and_keys() {
        insta::assert_snapshot!(drawn(None, &[]), @r#"
            "                                  "
            "                                  "
            "                                  "
            "                                  "
            "                                  "
            "                                  "
            "q ends; asking…                   "
            "#);
        insta::assert_snapshot!(drawn(Some(&table(0, &[])), &[]), @r#"
            "no container yet                  "
            "                                  "
            "                                  "
            "                                  "
            "                                  "
            "                                  "
            "q ends, ↑ and ↓ scroll            "
            "#);
        let warned = table(9, &["the engine does not answer: no such socket"]);
        insta::assert_snapshot!(drawn(Some(&warned), &[]), @r#"
            "NAME    BRANCH                    "
            "shop-0  näher                     "
            "shop-1  näher                     "
            "shop-2  näher                     "
            "warning: the engine does not      "
            "answer: no such socket            "
            "q ends, ↑ and ↓ scroll            "
            "#);
    }

    #[test]
    fn rows_scroll_as_far_as_the_last() {
        let table = table(9, &[]);
        insta::assert_snapshot!(drawn(Some(&table), &[KeyCode::Down]), @r#"
            "NAME    BRANCH                    "
            "shop-1  näher                     "
            "shop-2  näher                     "
            "shop-3  näher                     "
            "shop-4  näher                     "
            "shop-5  näher                     "
            "q ends, ↑ and ↓ scroll            "
            "#);
        let end = drawn(Some(&table), &[KeyCode::End]);
        insta::assert_snapshot!(end, @r#"
            "NAME    BRANCH                    "
            "shop-4  näher                     "
            "shop-5  näher                     "
            "shop-6  näher                     "
            "shop-7  näher                     "
            "shop-8  näher                     "
            "q ends, ↑ and ↓ scroll            "
            "#);
        assert_eq!(drawn(Some(&table), &[KeyCode::PageDown]), end);
        let back = [KeyCode::End, KeyCode::Down, KeyCode::Home, KeyCode::Up];
        assert_eq!(drawn(Some(&table), &back), drawn(Some(&table), &[]));
    }

    #[test]
    fn keys_that_end_it() {
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for key in [control_c, KeyCode::Char('q').into(), KeyCode::Esc.into()] {
            assert!(!scroll(key, &mut TableState::new()));
        }
    }
}

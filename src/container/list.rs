//! What a list says of containers.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::inventory::Container;
use crate::engine::ContainerState;
use crate::git::{CAP, CommitReader, Repo};

/// So many branches are named in a table.
const SHOWN: usize = 3;

/// A container as programs read it. What is not known is `null`.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct ContainerRow<'a> {
    pub name: &'a str,
    repo: Option<&'a str>,
    repo_path: Option<String>,
    branch: Option<&'a str>,
    branch_from: Option<&'a str>,
    commit: Option<&'a str>,
    work_branch: Option<&'a str>,
    image: Option<&'a str>,
    agent: Option<&'a str>,
    /// `created`, `running`, `paused`, `ended` or `saved`.
    state: &'static str,
    exit_code: Option<i32>,
    /// More than 10,000 are given as 10,001.
    commits_ahead: Option<u64>,
    /// The files that were not committed when its work was last saved.
    files_changed: Option<u64>,
    /// Branches in the repository, by their names below the container's.
    pushed: Vec<&'a str>,
    /// Other containers whose work its own would conflict with.
    conflicts: Vec<&'a str>,
    saved: SavedRow<'a>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

/// What is saved of it.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct SavedRow<'a> {
    branches: Vec<&'a str>,
    /// Worktrees whose HEAD is detached.
    detached: Vec<&'a str>,
    /// Worktrees with what is not committed.
    uncommitted: Vec<&'a str>,
    stash: usize,
}

/// How many commits each has made, as far as the repository has them: what its tips lead to beyond the commit
/// that it began at.
pub(crate) fn ahead(repo: &Repo, containers: &[Container]) -> Result<Vec<Option<u64>>> {
    if containers.is_empty() {
        return Ok(Vec::new());
    }
    let reader = CommitReader::open(repo)?;
    let count = |container: &Container| {
        let tips = container.saved.tips().chain(container.pushed.values());
        reader.ahead(container.commit()?, &tips.collect::<Vec<_>>())
    };
    Ok(containers.iter().map(count).collect())
}

impl<'a> ContainerRow<'a> {
    /// Of a container of this repository, by its name and path, or of another, whose refs nobody looked at.
    pub(crate) fn new(
        container: &'a Container,
        repo: Option<(&'a str, &'a Path)>,
        ahead: Option<u64>,
    ) -> Self {
        let live = container.live.as_ref();
        let labels = live.map(|live| &live.labels);
        let saved = &container.saved;
        let path = container.repo_path();
        let path = path.or(repo.map(|(_, path)| path));
        let name = labels.map(|labels| &*labels.repo_name);
        let (state, exit_code) = match live.map(|live| live.state) {
            Some(ContainerState::Created) => ("created", None),
            Some(ContainerState::Running) => ("running", None),
            Some(ContainerState::Paused) => ("paused", None),
            Some(ContainerState::Exited(code)) => ("ended", code),
            None => ("saved", container.info().and_then(|info| info.exit_code)),
        };
        Self {
            name: &container.name,
            repo: name.or(repo.map(|(name, _)| name)),
            repo_path: path.map(|path| path.to_string_lossy().into_owned()),
            branch: container.branch(),
            branch_from: container.branch_from(),
            commit: container.commit().map(|commit| commit.as_str()),
            work_branch: container.work_branch(),
            image: container.image(),
            agent: container.agent(),
            state,
            exit_code,
            commits_ahead: ahead,
            files_changed: repo.is_some().then(|| saved.changed()),
            pushed: container.pushed.keys().map(String::as_str).collect(),
            conflicts: container.conflicts.iter().map(String::as_str).collect(),
            saved: SavedRow {
                branches: saved.heads.keys().map(String::as_str).collect(),
                detached: saved.detached.keys().map(String::as_str).collect(),
                uncommitted: saved.uncommitted().collect(),
                stash: saved.stash.len(),
            },
            started_at: container.started_at(),
            ended_at: container.info().and_then(|info| info.ended_at),
        }
    }

    /// The name of its repository.
    pub(crate) fn repo(&self) -> &str {
        self.repo.unwrap_or("")
    }

    /// A row for people, as [`COLUMNS`] has it.
    pub(crate) fn cells(&self, now: Timestamp) -> Vec<String> {
        let text = |text: Option<&str>| text.unwrap_or("").to_owned();
        let state = match (self.state, self.exit_code) {
            ("ended", Some(code)) => format!("ended {code}"),
            (state, _) => state.to_owned(),
        };
        let ahead = match self.commits_ahead {
            Some(count) if count > CAP => format!("{CAP}+"),
            Some(count) => count.to_string(),
            // Of others nobody asked.
            None if self.files_changed.is_none() => String::new(),
            None => "?".to_owned(),
        };
        let changed = self.files_changed;
        vec![
            self.name.to_owned(),
            text(self.branch),
            text(self.work_branch),
            state,
            ahead,
            changed.map(|files| files.to_string()).unwrap_or_default(),
            some_of(&self.pushed),
            some_of(&self.conflicts),
            text(self.agent),
            self.started_at.map(|at| age(at, now)).unwrap_or_default(),
        ]
    }
}

pub(crate) const COLUMNS: [&str; 10] = [
    "name",
    "branch",
    "work branch",
    "state",
    "ahead",
    "changed",
    "pushed",
    "conflicts",
    "agent",
    "age",
];

fn some_of(names: &[&str]) -> String {
    let shown = &names[..names.len().min(SHOWN)];
    let more = names.len() - shown.len();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `3 min`. A clock that was set back makes nothing younger than now.
fn age(from: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(from.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::container::inventory::tests::{here, live};
    use crate::container::saved::SavedWip;
    use crate::git::ObjectId;
    use crate::ui;

    #[test]
    fn a_table_and_a_row_for_programs() {
        let engine = vec![
            live("box", "/shop", ContainerState::Running),
            live("bag", "/shop", ContainerState::Exited(Some(7))),
            live("crate", "/other", ContainerState::Paused),
        ];
        let mut all = here(engine, &["old"]);
        let id = ObjectId::parse(&"0b".repeat(20)).unwrap();
        let names = ["a", "b", "c", "d"].map(|name| (name.to_owned(), id.clone()));
        all.here[1].pushed = names.into();
        all.here[1].conflicts = vec!["box".to_owned()];
        let wip = SavedWip {
            commit: id.clone(),
            files: 3,
            left_out: Vec::new(),
        };
        all.here[2].saved.wip = BTreeMap::from([("workspace".to_owned(), wip)]);
        all.here[2].saved.heads = BTreeMap::from([("fix".to_owned(), id)]);
        let now = "2026-03-02T10:03:10Z".parse().unwrap();
        let counts = [Some(CAP + 1), Some(0), None];
        let mut rows: Vec<_> = all
            .here
            .iter()
            .zip(counts)
            .map(|(container, ahead)| {
                ContainerRow::new(container, Some(("shop", Path::new("/shop"))), ahead)
            })
            .collect();
        rows.push(ContainerRow::new(&all.elsewhere[0], None, None));
        let cells = rows.iter().map(|row| row.cells(now)).collect();
        insta::assert_snapshot!(ui::table(&COLUMNS, cells));
        insta::assert_snapshot!(serde_json::to_string_pretty(&rows[2]).unwrap());
    }

    #[test]
    fn ages() {
        let from: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let after = |seconds| Timestamp::from_second(from.as_second() + seconds).unwrap();
        let ages = [-5, 0, 59, 60, 3_599, 7_200, 86_400, 200_000].map(|s| age(from, after(s)));
        assert_eq!(
            ages,
            [
                "0 s", "0 s", "59 s", "1 min", "59 min", "2 h", "1 day", "2 days"
            ]
        );
    }
}

//! Carries out the steps of a `Containerfile`, one after the other, up to the first that fails.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::containerfile::{Containerfile, DownloadSource, FetchStep, OverlayStep, StepAction};
use super::environment::Environment;
use super::fetch::{FetchSpec, fetch};
use super::github::GitHubClient;
use super::inside::inside;
use crate::conf;
use crate::error::{Failure, PartialState};
use crate::grammar::{Piece, Word};
use crate::ui;

mod command;

/// How much of a step's text stands in a line.
const SHOWN: usize = 100;

/// What carries over from step to step, and from one `Containerfile` to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepState {
    /// What `ENV` has set.
    pub environment: Environment,
    /// Where `WORKDIR` has gone, as the root sees it.
    pub workdir: PathBuf,
    /// What `SNAPSHOT` has named in this `Containerfile`, as the root sees it.
    pub snapshot: Vec<PathBuf>,
}

impl Default for StepState {
    fn default() -> Self {
        Self {
            environment: Environment::default(),
            workdir: PathBuf::from("/"),
            snapshot: Vec::new(),
        }
    }
}

impl StepState {
    /// What it is after these steps have been restored instead of run.
    pub fn pass(&mut self, containerfile: &Containerfile) -> Result<()> {
        for step in &containerfile.steps {
            self.take(&step.action).with_context(|| step.text.clone())?;
        }
        self.snapshot.clear();
        Ok(())
    }

    /// What one step changes of it.
    fn take(&mut self, action: &StepAction) -> Result<()> {
        match action {
            StepAction::Env(pairs) => self.environment.set(pairs).map_err(Failure::new)?,
            StepAction::Workdir(directory) => {
                let directory = self.expand(directory)?;
                self.workdir = self.path(&directory)?;
            }
            StepAction::Snapshot(paths) => {
                for path in paths {
                    let path = self.expand(path)?;
                    let path = self.path(&path)?;
                    self.snapshot.push(path);
                }
            }
            StepAction::Run(_) | StepAction::Fetch(_) => {}
        }
        Ok(())
    }

    fn expand(&self, word: &Word) -> Result<String> {
        let value = self.environment.expand(word, &machine);
        value.map_err(|message| Failure::new(message).into())
    }

    /// A path as a step writes it: it stands on the directory that we are in. `..` is taken away.
    fn path(&self, text: &str) -> Result<PathBuf> {
        if text.is_empty() || text.contains('\0') {
            bail!(Failure::new(format!("`{text}` is not a path")));
        }
        let mut path = PathBuf::from("/");
        for part in self.workdir.join(text).components() {
            match part {
                std::path::Component::ParentDir => {
                    path.pop();
                }
                std::path::Component::Normal(name) => path.push(name),
                _ => {}
            }
        }
        Ok(path)
    }
}

/// What is not for the steps: tokens of ours, as one could end in the snapshot, and what git tells
/// those that it calls.
const HIDDEN: [&str; 6] = [
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_EXEC_PATH",
    "GIT_PREFIX",
];

/// A variable of this machine, as the steps see it.
pub fn machine(name: &str) -> Option<String> {
    if HIDDEN.contains(&name) {
        return None;
    }
    let value = conf::variable(name)?;
    match conf::variable("GIT_EXEC_PATH") {
        // Git puts its own programs before all others for those that it calls.
        Some(git) if name == "PATH" => {
            let own = value.split(':').filter(|directory| *directory != git);
            Some(own.collect::<Vec<_>>().join(":"))
        }
        _ => Some(value),
    }
}

/// Where steps run, and what is said of them.
pub struct StepContext<'a> {
    /// The directory that is `/` to them.
    pub root: &'a Path,
    /// The file's name, for messages.
    pub file: &'a str,
}

/// Carries them all out.
pub fn carry_out(
    containerfile: &Containerfile,
    place: &StepContext<'_>,
    state: &mut StepState,
) -> Result<()> {
    let count = containerfile.steps.len();
    for (index, step) in containerfile.steps.iter().enumerate() {
        let number = format!("[{}/{count}]", index + 1);
        ui::status(&number, &ui::shortened(&step.text, SHOWN));
        let begun = Instant::now();
        one(step, place, state)
            .context(PartialState(
                "nothing was stored, and what was done so far is still on this machine",
            ))
            .with_context(|| {
                format!(
                    "step {} of {count} failed, {}:{}: {}",
                    index + 1,
                    place.file,
                    step.line,
                    ui::shortened(&step.text, SHOWN)
                )
            })?;
        if matches!(step.action, StepAction::Run(_) | StepAction::Fetch(_)) {
            ui::status(
                &number,
                &format!("done in {}", ui::seconds(begun.elapsed())),
            );
        }
    }
    Ok(())
}

fn one(step: &OverlayStep, place: &StepContext<'_>, state: &mut StepState) -> Result<()> {
    state.take(&step.action)?;
    match &step.action {
        StepAction::Run(run) => command::run(run, place.root, state),
        StepAction::Workdir(_) => {
            let directory = inside(place.root, &state.workdir)?;
            std::fs::create_dir_all(&directory)
                .with_context(|| format!("cannot make {}", directory.display()))
        }
        StepAction::Fetch(fetch) => get(fetch, place.root, state),
        StepAction::Env(_) | StepAction::Snapshot(_) => Ok(()),
    }
}

fn get(asked: &FetchStep, root: &Path, state: &StepState) -> Result<()> {
    let source = DownloadSource::parse(&state.expand(&asked.source)?).map_err(Failure::new)?;
    let dest = state.expand(&asked.dest)?;
    let is_directory = dest.ends_with('/');
    let mut dest = state.path(&dest)?.to_string_lossy().into_owned();
    dest.extend(is_directory.then_some('/'));
    let wanted = FetchSpec {
        source,
        dest,
        sha256: asked.sha256.clone(),
        chmod: asked.chmod,
    };
    let downloads = conf::cache_directory("downloads")?;
    let placed = fetch(&wanted, root, &GitHubClient::open()?, &downloads)?;
    let what = match placed.unpacked {
        Some(files) => format!("{files} files"),
        None => "one file".to_owned(),
    };
    let (from, size) = (placed.from, ui::bytes(placed.bytes));
    ui::status(
        "fetched",
        &format!("{from}  {size}, {what} at {}", placed.at.display()),
    );
    Ok(())
}

/// The time that stands for those that the run makes, if the steps were given one.
pub fn source_date(state: &StepState) -> Result<Option<i64>> {
    let own = Word(vec![Piece::Variable {
        name: command::SOURCE_DATE.to_owned(),
        otherwise: None,
    }]);
    let text = state.expand(&own)?;
    if text.is_empty() {
        return Ok(None);
    }
    let name = command::SOURCE_DATE;
    let seconds = text.parse().map_err(|_| {
        Failure::new(format!("{name} is `{text}`")).hint("it is a number of seconds since 1970")
    })?;
    Ok(Some(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_after_steps_that_were_restored() {
        let text = "ENV A=/a\nWORKDIR srv\nWORKDIR ../$A/../b\nSNAPSHOT x ../y\nRUN false\n";
        let read = Containerfile::parse("Containerfile", text.as_bytes()).unwrap();
        let mut state = StepState::default();
        state.pass(&read).unwrap();
        assert_eq!(state.workdir, Path::new("/b"));
        assert!(state.snapshot.is_empty());
        state.take(&read.steps[3].action).unwrap();
        assert_eq!(state.snapshot, [Path::new("/b/x"), Path::new("/y")]);
    }
}

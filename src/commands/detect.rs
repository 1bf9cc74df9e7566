//! `git dkr detect`

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::RepoArgs;
use crate::error::Failure;
use crate::git::{ObjectId, Repo};
use crate::image::query::target::{self, FetchMode};
use crate::layers::detect::{self, Detected};
use crate::profile;
use crate::ui::{self, Printer};

/// Say which languages a branch is written in, and which layers follow
///
/// Told by files such as Cargo.toml at the top of the commit's tree, else in the directories directly
/// below it. The worktree is not looked at, and nothing is fetched. With --format profile it writes
/// a repo_profile.json for git dkr build-profile instead.
#[derive(Debug, Args)]
pub(crate) struct Detect {
    #[command(flatten)]
    place: RepoArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: DetectFormat,
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum DetectFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// As a profile that git dkr build-profile builds, of a Python repository
    Profile,
}

/// The answer as programs read it.
#[derive(Debug, Serialize)]
struct DetectReport<'a> {
    commit: &'a str,
    types: Vec<DetectedType<'a>>,
    layers: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct DetectedType<'a> {
    r#type: &'a str,
    /// `null` where none is built in.
    layer: Option<&'a str>,
    files: &'a [String],
}

impl Detect {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        if self.format == DetectFormat::Profile {
            return self.profile().context("cannot write a profile");
        }
        let (commit, detected) = self.ask().context("cannot detect the languages")?;
        let layers = detect::stack(&detected);
        if self.format == DetectFormat::Json {
            let answer = DetectReport {
                commit: commit.as_str(),
                types: detected.iter().map(DetectedType::new).collect(),
                layers,
            };
            ui::result(serde_json::to_string_pretty(&answer)?)?;
            return Ok(0);
        }
        if detected.is_empty() {
            printer.status("none", "no file of a language that git dkr knows");
        } else {
            ui::result(ui::table(&["type", "found by", "layer"], rows(&detected)))?;
        }
        ui::result(format_args!("layers: {}", layers.join(" ")))?;
        if let Some(remark) = detect::without_layer(&detected) {
            printer.warn(remark);
        }
        printer.status(
            "hint",
            "git dkr create-image --stack auto builds on these layers",
        );
        Ok(0)
    }

    fn profile(&self) -> Result<u8> {
        let (repo, commit) = self.commit()?;
        let Some(profile) = profile::detect::profile(&repo, &commit)? else {
            bail!(
                Failure::new(format!("nothing in {} says how to install it with pip", commit.short()))
                    .hint("it looks for pyproject.toml, setup.py, requirements*.txt, Pipfile and poetry.lock in the commit; or write install_cmds by hand")
            );
        };
        ui::result(serde_json::to_string_pretty(&profile)?)?;
        Ok(0)
    }

    fn commit(&self) -> Result<(Repo, ObjectId)> {
        let (path, typed) = self.place.split();
        let repo = Repo::look(path)?;
        let commit = target::resolve(&repo, typed, FetchMode::No)?.commit;
        Ok((repo, commit))
    }

    fn ask(&self) -> Result<(ObjectId, Vec<Detected>)> {
        let (repo, commit) = self.commit()?;
        let detected = detect::languages(&repo, &commit)?;
        Ok((commit, detected))
    }
}

impl<'a> DetectedType<'a> {
    fn new(found: &'a Detected) -> Self {
        Self {
            r#type: found.language,
            layer: found.layer,
            files: &found.files,
        }
    }
}

/// As many files as a line holds; a monorepo has them by the hundred.
fn rows(detected: &[Detected]) -> Vec<Vec<String>> {
    const SHOWN: usize = 3;
    let row = |found: &Detected| {
        let shown = &found.files[..found.files.len().min(SHOWN)];
        let mut files = shown.join(", ");
        if found.files.len() > SHOWN {
            files += &format!(" and {} more", found.files.len() - SHOWN);
        }
        vec![
            found.language.to_owned(),
            files,
            found.layer.unwrap_or("-").to_owned(),
        ]
    };
    detected.iter().map(row).collect()
}

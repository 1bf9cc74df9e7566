//! One file a subcommand: its arguments, then: gather facts, decide, act, print.

// Doc comments of commands are their help texts, and mean no Rust by brackets.
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]

pub(crate) mod attach;
pub(crate) mod audit;
pub(crate) mod build_profile;
mod building;
mod candidates;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod compose;
mod container_args;
pub(crate) mod create_image;
pub(crate) mod detect;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod explain;
mod git_args;
pub(crate) mod hooks;
pub(crate) mod keep;
pub(crate) mod layer;
pub(crate) mod list_containers;
pub(crate) mod list_images;
pub(crate) mod log;
pub(crate) mod logs;
pub(crate) mod man;
mod named_container;
pub(crate) mod notes;
pub(crate) mod overlay;
mod planning;
pub(crate) mod record;
pub(crate) mod remove;
pub(crate) mod resume;
pub(crate) mod save;
pub(crate) mod start_image;
pub(crate) mod stop;
pub(crate) mod update_image;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::conf::{self, Host, Sources, Value};
use crate::engine::{Engine, EngineKind};
use crate::git::Repo;
use crate::image::Image;
use crate::image::model::staleness::Staleness;
use crate::image::settings::sources;
use crate::ui::{self, Printer};

/// Which repository and branch.
#[derive(Debug, Args)]
struct RepoArgs {
    /// A repository, by its path
    #[arg(value_name = "REPO")]
    first: Option<String>,
    /// A branch (main, origin/main), a tag or a commit
    #[arg(value_name = "BRANCH_FROM")]
    second: Option<String>,
}

impl RepoArgs {
    /// The two, told apart: one alone is a REPO when it is a directory that holds a repository.
    fn split(&self) -> (Option<&Path>, Option<&str>) {
        match (self.first.as_deref(), self.second.as_deref()) {
            (Some(only), None) if !is_repository(only) => (None, Some(only)),
            (repo, branch) => (repo.map(Path::new), branch),
        }
    }
}

/// Whether this is a directory that holds a repository, or was meant as one: no branch is called
/// `/src` or `../app`.
fn is_repository(word: &str) -> bool {
    let has = |name: &str| Path::new(word).join(name).exists();
    let path = ["/", "./", "../"]
        .iter()
        .any(|start| word.starts_with(start));
    path || matches!(word, "." | "..")
        || has(".git")
        || (has("HEAD") && has("objects") && has("refs"))
}

/// How the host is reached, and what its network needs.
#[derive(Debug, Args)]
struct HostArgs {
    /// Use the host's own sshd with this private key, instead of the embedded server
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    /// Extra CA certificates that https needs in this network
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,
}

impl HostArgs {
    fn read(&self, sources: &Sources) -> Result<Host> {
        let absolute =
            |path: &Option<PathBuf>| path.as_deref().map(std::path::absolute).transpose();
        Ok(Host::read(
            absolute(&self.ssh_key)?,
            absolute(&self.ca_bundle)?,
            sources,
        )?)
    }
}

#[derive(Debug, Args)]
struct EngineArgs {
    /// The container engine; docker by default, and podman where there is none
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "docker|podman"
    )]
    engine: Option<EngineKind>,
}

impl EngineArgs {
    /// The one that was asked for, and by what.
    fn wanted(&self, sources: &Sources) -> Result<Option<Value<EngineKind>>> {
        Ok(conf::engine(self.engine, sources)?)
    }

    /// The one that was asked for, or the one that is here.
    fn find(&self, sources: &Sources, printer: Printer) -> Result<Engine> {
        let wanted = self.wanted(sources)?;
        let kind = wanted.as_ref().map(|wanted| wanted.value);
        Engine::find(kind, conf::docker_socket(), printer).with_context(|| match &wanted {
            Some(wanted) => format!("{} asks for {}", wanted.origin, wanted.value),
            None => "cannot find a container engine".to_owned(),
        })
    }

    /// The same where a repository may be: its own settings count too.
    fn find_at(&self, path: Option<&Path>, printer: Printer) -> Result<Engine> {
        let repo = Repo::look(path).ok();
        self.find(&sources(repo.as_ref())?, printer)
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// An image as programs read it.
#[derive(Debug, Serialize)]
struct ImageRow<'a> {
    tag: &'a str,
    id: &'a str,
    repo: &'a str,
    repo_path: String,
    branch: &'a str,
    branch_from: &'a str,
    commit: &'a str,
    created_at: String,
    r#type: &'static str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    staleness: Option<&'a Staleness>,
}

impl<'a> ImageRow<'a> {
    fn new(image: &'a Image, staleness: Option<&'a Staleness>) -> Self {
        let labels = &image.labels;
        Self {
            tag: &image.tag,
            id: &image.id,
            repo: &labels.repo_name,
            repo_path: labels.repo_path.to_string_lossy().into_owned(),
            branch: &labels.branch,
            branch_from: &labels.branch_from,
            commit: labels.commit.as_str(),
            created_at: labels.created_at.to_string(),
            r#type: labels.kind.name(),
            size: image.size,
            staleness,
        }
    }
}

/// The image that a command leaves behind: its name for a script, or all of it. A person on a
/// terminal has read the name already.
fn print_image(image: &Image, format: OutputFormat) -> Result<()> {
    match format {
        OutputFormat::Json => {
            ui::result(serde_json::to_string_pretty(&ImageRow::new(image, None))?)
        }
        OutputFormat::Text if !ui::stdout_is_terminal() => ui::result(&image.tag),
        OutputFormat::Text => Ok(()),
    }
}

//! The Dockerfile of a composed image. It stands alone: no file beside it, no here-document, no
//! frontend to fetch.

use std::fmt::Write as _;

use super::recipe::{ComposeSource, FOREIGN, MACHINE, Recipe, Runtime};
use crate::layers::dockerfile::variables;

/// How the first line begins.
pub(crate) const MARK: &str = "# Written by git dkr compose";
const GATHER: &str = include_str!("../../../templates/compose/gather");
const SAME: &str = include_str!("../../../templates/compose/same");
const INSTALL: &str = include_str!("../../../templates/compose/install");

/// The names of the images that a recipe is made of.
#[derive(Debug, Clone)]
pub(crate) struct RecipeTags {
    /// Of its sources, in their order.
    pub sources: Vec<SourceTag>,
    pub runtime: String,
    /// The command that makes them.
    pub made_by: String,
}

/// The image of a layer, and the one below it.
#[derive(Debug, Clone)]
pub(crate) struct SourceTag {
    pub tag: String,
    /// What the layer was put on.
    pub below: String,
}

pub(crate) fn dockerfile(recipe: &Recipe, tags: &RecipeTags) -> String {
    let names: Vec<&str> = recipe.layers.iter().map(|layer| layer.name()).collect();
    let mut text = format!(
        "{MARK}: {}\n# The images that it starts from are made by: {}\n",
        names.join(" "),
        tags.made_by
    );
    for (source, tags) in recipe.sources.iter().zip(&tags.sources) {
        text.push_str(&gather(source, tags));
    }
    let _ = write!(text, "\nFROM {}\n", tags.runtime);
    let user = recipe.user().filter(|user| user != "root" && user != "0");
    if user.is_some() {
        text.push_str("USER root\n");
    }
    for source in &recipe.sources {
        text.push_str(&variables(&source.layer.definition.environment));
    }
    for source in &recipe.sources {
        let name = source.layer.name();
        let programs: String = source
            .binaries
            .iter()
            .map(|binary| format!(" {}", quote(binary)))
            .collect();
        let _ = write!(
            text,
            "\n# what {name} provides, and the libraries that it needs and are not here\n\
             RUN --mount=type=bind,from=from-{name},source=/,target=/mnt \\\n    \
             set -eu; layer={name}; set --{programs}; \\\n{}",
            joined(&[SAME, INSTALL].concat())
        );
    }
    if let Some(user) = user {
        let _ = writeln!(text, "\nUSER {user}");
    }
    text
}

/// The stage that finds what of a layer is taken along.
fn gather(source: &ComposeSource, SourceTag { tag, below }: &SourceTag) -> String {
    let name = source.layer.name();
    let kinds = [
        ("binary", &source.binaries),
        ("library", &source.libraries),
        ("path", &source.paths),
        ("added", &source.system),
    ];
    let args: String = kinds
        .iter()
        .flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)))
        .map(|(kind, name)| format!(" \\\n    {kind} {}", quote(name)))
        .collect();
    let (mut stage, mut run, mut foreign) = (String::new(), "RUN".to_owned(), String::new());
    if !source.system.is_empty() {
        stage = format!("FROM {below} AS below-{name}\n");
        run = format!("RUN --mount=type=bind,from=below-{name},source=/,target=/mnt \\\n   ");
        foreign = format!(" foreign='{FOREIGN} {MACHINE}';");
    }
    format!(
        "\n# what {name} provides\n{stage}FROM {tag} AS from-{name}\nUSER root\n\
         {run} set -eu; layer={name};{foreign} set --{args}; \\\n{}",
        joined(&[SAME, GATHER].concat())
    )
}

impl Recipe<'_> {
    /// The command that makes the images of its parts, when none of them is made for it alone.
    pub(crate) fn parts(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.sources.iter().map(|s| s.layer.name()).collect();
        if let Runtime::Layers(layers) = &self.runtime {
            let last = layers.last().map(|layer| layer.name());
            parts.extend(last.filter(|last| !parts.contains(last)));
        }
        parts
    }
}

/// A word for sh. It holds no line break: those are refused where it is read.
fn quote(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| String::new(), std::borrow::Cow::into_owned)
}

/// A script as the rest of a `RUN`: one line to the shell. Its comments are left out.
fn joined(script: &str) -> String {
    let lines: Vec<&str> = script
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
        .collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let end = if at + 1 == lines.len() { "" } else { " \\" };
        let _ = writeln!(text, "    {line}{end}");
    }
    text
}

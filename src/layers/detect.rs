//! Which languages a tree is written in, told by the files that their build tools read.

use anyhow::{Context, Result};

use crate::git::{ObjectId, Repo};

/// A language, the layer that brings its tools, and the files that say so.
#[derive(Debug, PartialEq, Eq)]
struct Language {
    name: &'static str,
    layer: &'static str,
    files: &'static [&'static str],
}

/// In the order of a stack. It is the same for all, so that projects share what is below.
const LANGUAGES: [Language; 5] = [
    Language {
        name: "node",
        layer: "nodejs",
        files: &["package.json"],
    },
    Language {
        name: "python",
        layer: "python",
        files: &[
            "pyproject.toml",
            "setup.py",
            "requirements.txt",
            "Pipfile",
            "poetry.lock",
        ],
    },
    Language {
        name: "java",
        layer: "java",
        files: &["pom.xml", "build.gradle", "build.gradle.kts"],
    },
    Language {
        name: "go",
        layer: "golang",
        files: &["go.mod", "go.sum"],
    },
    Language {
        name: "rust",
        layer: "rust",
        files: &["Cargo.toml"],
    },
];

/// Folders at the top that hold what others wrote, or what is not the project itself.
const NOT_THE_PROJECT: [&str; 18] = [
    "3rdparty",
    "bower_components",
    "demo",
    "demos",
    "doc",
    "docs",
    "documentation",
    "example",
    "examples",
    "external",
    "node_modules",
    "sample",
    "samples",
    "third-party",
    "third_party",
    "thirdparty",
    "vendor",
    "vendored",
];

/// A language that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// Its name, as `rust`.
    pub language: &'static str,
    /// The built-in layer that brings its tools.
    pub layer: &'static str,
    /// The files that say so, sorted.
    pub files: Vec<String>,
}

/// Which languages these paths of a tree speak of, in the order of a stack. What is at the top
/// decides; only when it says nothing do the folders directly below it.
pub fn detect(files: &[&str]) -> Vec<Detected> {
    let at_top = found(files.iter().filter(|path| !path.contains('/')));
    if !at_top.is_empty() {
        return at_top;
    }
    found(files.iter().filter(|path| match path.split_once('/') {
        Some((folder, name)) => !name.contains('/') && is_project(folder),
        None => false,
    }))
}

/// The layers of a stack for these, `base` first.
pub fn stack(detected: &[Detected]) -> Vec<&'static str> {
    let layers = detected.iter().map(|found| found.layer);
    std::iter::once("base").chain(layers).collect()
}

/// The same of a commit. Lists the top of its tree, and one level more when that says nothing.
pub fn languages(repo: &Repo, commit: &ObjectId) -> Result<Vec<Detected>> {
    let list = |folders: &[String]| {
        repo.list(commit, folders)
            .with_context(|| format!("cannot list the files of {}", commit.short()))
    };
    let top = list(&[])?;
    let at_top = detect(&names(&top.files));
    let mut below = top.folders;
    below.retain(|folder| is_project(folder));
    if !at_top.is_empty() || below.is_empty() {
        return Ok(at_top);
    }
    Ok(detect(&names(&list(&below)?.files)))
}

fn names(files: &[String]) -> Vec<&str> {
    files.iter().map(String::as_str).collect()
}

fn is_project(folder: &str) -> bool {
    let folder = folder.to_ascii_lowercase();
    !folder.starts_with('.') && !NOT_THE_PROJECT.contains(&folder.as_str())
}

fn found<'a>(paths: impl Iterator<Item = &'a &'a str> + Clone) -> Vec<Detected> {
    let speaks_of = |language: &Language| {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let says = |path: &&&str| language.files.contains(&name(path).as_str());
        let mut files: Vec<String> = paths
            .clone()
            .filter(says)
            .map(|path| (*path).to_owned())
            .collect();
        files.sort();
        files.dedup();
        (!files.is_empty()).then_some(Detected {
            language: language.name,
            layer: language.layer,
            files,
        })
    };
    LANGUAGES.iter().filter_map(speaks_of).collect()
}

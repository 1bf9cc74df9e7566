//! Which languages a tree is written in, told by the files that their build tools read.

use anyhow::{Context, Result};

use crate::git::{ObjectId, Repo};

/// A language, the layer that brings its tools, and the files that say so: names, or `*.x` for
/// all that end in `.x`.
#[derive(Debug, PartialEq, Eq)]
struct Language {
    name: &'static str,
    layer: Option<&'static str>,
    files: &'static [&'static str],
}

impl Language {
    const fn new(name: &'static str, layer: &'static str, files: &'static [&'static str]) -> Self {
        Self {
            name,
            layer: Some(layer),
            files,
        }
    }

    const fn without_layer(name: &'static str, files: &'static [&'static str]) -> Self {
        Self {
            name,
            layer: None,
            files,
        }
    }

    fn is_told_by(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default();
        self.files.iter().any(|file| match file.strip_prefix('*') {
            Some(end) => name.len() > end.len() && name.ends_with(end),
            None => name == *file,
        })
    }
}

/// In the order of a stack. It is the same for all, so that projects share what is below.
const LANGUAGES: [Language; 10] = [
    Language::new("node", "nodejs", &["package.json"]),
    Language::new(
        "python",
        "python",
        &[
            "pyproject.toml",
            "setup.py",
            "requirements.txt",
            "Pipfile",
            "poetry.lock",
        ],
    ),
    Language::new(
        "java",
        "java",
        &["pom.xml", "build.gradle", "build.gradle.kts"],
    ),
    Language::new("go", "golang", &["go.mod", "go.sum"]),
    Language::new("rust", "rust", &["Cargo.toml"]),
    Language::new("php", "php", &["composer.json"]),
    Language::new("cpp", "cpp", &["CMakeLists.txt", "meson.build"]),
    Language::without_layer("csharp", &["*.csproj", "*.sln"]),
    Language::without_layer("nix", &["flake.nix", "default.nix", "shell.nix"]),
    Language::without_layer("terraform", &["*.tf"]),
];

/// Projects in any language have one, so it says something only where nothing else does.
const MAKEFILE: [Language; 1] = [Language::new("cpp", "cpp", &["Makefile"])];

/// Directories at the top that hold what others wrote, or what is not the project itself.
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
    /// The built-in layer that brings its tools, if there is one.
    pub layer: Option<&'static str>,
    /// The files that say so, sorted.
    pub files: Vec<String>,
}

/// Which languages these paths of a tree speak of, in the order of a stack. What is at the top
/// decides; only when that says nothing of a language with a layer do the directories directly below it.
pub fn detect(files: &[&str]) -> Vec<Detected> {
    let (top, below): (Vec<&str>, Vec<&str>) = files
        .iter()
        .filter(|path| is_looked_at(path))
        .partition(|path| !path.contains('/'));
    let all = [&top[..], &below].concat();
    let choices = [
        found(&LANGUAGES, &top),
        found(&LANGUAGES, &all),
        [found(&MAKEFILE, &top), found(&LANGUAGES, &all)].concat(),
        [found(&MAKEFILE, &below), found(&LANGUAGES, &all)].concat(),
    ];
    let [.., last] = &choices;
    choices
        .iter()
        .find(|choice| has_layer(choice))
        .unwrap_or(last)
        .clone()
}

/// The layers of a stack for these, `base` first.
pub fn stack(detected: &[Detected]) -> Vec<&'static str> {
    let layers = detected.iter().filter_map(|found| found.layer);
    std::iter::once("base").chain(layers).collect()
}

/// The languages among these that have no layer, in a sentence; `None` when all have one.
pub fn without_layer(detected: &[Detected]) -> Option<String> {
    let names: Vec<&str> = detected
        .iter()
        .filter(|found| found.layer.is_none())
        .map(|found| found.language)
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "no layer is built in for {}: name packages in .dkr.conf, or write a layer (git dkr layer new)",
            names.join(", ")
        )
    })
}

/// The same of a commit. Lists the top of its tree, and one level more when that does not decide.
pub fn languages(repo: &Repo, commit: &ObjectId) -> Result<Vec<Detected>> {
    let list = |directories: &[String]| {
        repo.list(commit, directories)
            .with_context(|| format!("cannot list the files of {}", commit.short()))
    };
    let top = list(&[])?;
    let mut files = top.files;
    let mut below = top.directories;
    below.retain(|directory| is_project(directory));
    if !has_layer(&found(&LANGUAGES, &files)) && !below.is_empty() {
        files.extend(list(&below)?.files);
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    Ok(detect(&files))
}

/// Whether it is at the top, or in a directory of the project directly below it.
fn is_looked_at(path: &str) -> bool {
    match path.split_once('/') {
        Some((directory, name)) => !name.contains('/') && is_project(directory),
        None => true,
    }
}

fn is_project(directory: &str) -> bool {
    let directory = directory.to_ascii_lowercase();
    !directory.starts_with('.') && !NOT_THE_PROJECT.contains(&directory.as_str())
}

fn has_layer(found: &[Detected]) -> bool {
    found.iter().any(|found| found.layer.is_some())
}

fn found(languages: &[Language], paths: &[impl AsRef<str>]) -> Vec<Detected> {
    let told = |language: &Language| {
        let paths = paths.iter().map(AsRef::as_ref);
        let mut files: Vec<String> = paths
            .filter(|path| language.is_told_by(path))
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        (!files.is_empty()).then_some(Detected {
            language: language.name,
            layer: language.layer,
            files,
        })
    };
    languages.iter().filter_map(told).collect()
}

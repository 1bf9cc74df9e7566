//! A profile for the Python repository at hand: which Python by what the project says of itself,
//! how to install by the files that are there.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use toml_edit::{DocumentMut, Item};

use super::python_version;
use crate::git::{ObjectId, Repo};

/// Files whose content is read.
const READ: [&str; 2] = ["pyproject.toml", ".python-version"];
/// Lists of requirements, in the order in which they are installed. Others, as those for the
/// documentation, are not needed to run the code.
const REQUIREMENTS: [&str; 14] = [
    "requirements.txt",
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "dev_requirements.txt",
    "requirements-test.txt",
    "requirements_test.txt",
    "requirements-tests.txt",
    "test-requirements.txt",
    "test_requirements.txt",
    "requirements/base.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
];
/// Extras that a developer needs, by usual names.
const EXTRAS: [&str; 5] = ["dev", "develop", "test", "tests", "testing"];

/// A profile for a commit; `None` when nothing there speaks of Python.
pub fn profile(repo: &Repo, commit: &ObjectId) -> Result<Option<Value>> {
    let top = repo.list(commit, &[])?;
    let mut files = top.files;
    if top
        .directories
        .iter()
        .any(|directory| directory == "requirements")
    {
        files.extend(repo.list(commit, &["requirements".to_owned()])?.files);
    }
    let mut texts = BTreeMap::new();
    for name in READ {
        if files.iter().any(|file| file == name)
            && let Some(text) = repo.file_at(commit, name)?
        {
            texts.insert(name, text);
        }
    }
    Ok(detect_profile(&files, &texts))
}

/// The same from the paths of files and the texts of some: a pure function.
fn detect_profile(files: &[String], texts: &BTreeMap<&str, String>) -> Option<Value> {
    let has = |name: &str| files.iter().any(|file| file == name);
    let project = texts.get("pyproject.toml");
    let project = project.and_then(|text| text.parse::<DocumentMut>().ok());
    let project = project.unwrap_or_default();
    let install = install(&has, &project);
    if install.is_empty() {
        return None;
    }
    let mut profile = json!({
        "working_dir": ".",
        "status": "supported",
        "install_cmds": install,
    });
    if let Some(target) = target(texts, &project) {
        profile["python_version_target"] = target.into();
    }
    Some(json!({ "profile": profile }))
}

fn install(has: &impl Fn(&str) -> bool, project: &DocumentMut) -> Vec<String> {
    let table = |path: &[&str]| at(project.as_item(), path).is_some();
    if has("poetry.lock") || table(&["tool", "poetry", "dependencies"]) {
        let install = "POETRY_VIRTUALENVS_CREATE=false poetry install --no-interaction";
        return vec!["pip install poetry".to_owned(), install.to_owned()];
    }
    if has("Pipfile") {
        let locked = if has("Pipfile.lock") {
            "--deploy"
        } else {
            "--skip-lock"
        };
        return vec![
            "pip install pipenv".to_owned(),
            format!("pipenv install --system --dev {locked}"),
        ];
    }
    let lists = REQUIREMENTS.iter().filter(|name| has(name));
    let mut commands: Vec<String> = lists.map(|name| format!("pip install -r {name}")).collect();
    if has("setup.py") || table(&["project"]) || table(&["build-system"]) {
        commands.push(match extras(project).join(",") {
            none if none.is_empty() => "pip install -e .".to_owned(),
            extras => format!("pip install -e '.[{extras}]'"),
        });
    }
    commands
}

/// Those of [`EXTRAS`] that the project has.
fn extras(project: &DocumentMut) -> Vec<&'static str> {
    let Some(Item::Table(table)) = at(project.as_item(), &["project", "optional-dependencies"])
    else {
        return Vec::new();
    };
    EXTRAS
        .into_iter()
        .filter(|name| table.contains_key(name))
        .collect()
}

/// The version that developers use here, else the lowest that the project promises to run on.
fn target(texts: &BTreeMap<&str, String>, project: &DocumentMut) -> Option<String> {
    let pinned = texts.get(".python-version").map(|text| {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect::<Vec<_>>()
    });
    let promised = [
        &["project", "requires-python"][..],
        &["tool", "poetry", "dependencies", "python"],
    ];
    let promised = promised
        .iter()
        .filter_map(|path| at(project.as_item(), path)?.as_str());
    let pinned = pinned.unwrap_or_default();
    pinned
        .into_iter()
        .chain(promised)
        .filter_map(python_version::version)
        .find(|found| found.asked)
        .map(|found| found.version)
}

fn at<'a>(item: &'a Item, path: &[&str]) -> Option<&'a Item> {
    path.iter().try_fold(item, |item, name| item.get(name))
}

#[cfg(test)]
mod tests {
    use super::super::repo_profile;
    use super::*;

    fn detect(files: &[&str], project: Option<&str>, pinned: Option<&str>) -> Option<Value> {
        let mut texts = BTreeMap::new();
        texts.extend(project.map(|text| ("pyproject.toml", text.to_owned())));
        texts.extend(pinned.map(|text| (".python-version", text.to_owned())));
        let mut files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        files.extend(texts.keys().map(|name| (*name).to_owned()));
        let found = detect_profile(&files, &texts)?;
        // What is written can be built.
        repo_profile::parse("p.json", &found.to_string()).unwrap();
        Some(found["profile"].clone())
    }

    fn commands(files: &[&str], project: Option<&str>) -> Value {
        detect(files, project, None).unwrap()["install_cmds"].clone()
    }

    #[test]
    fn how_to_install() {
        let poetry =
            Some("[tool.poetry]\nname = 'x'\n[tool.poetry.dependencies]\npython = '^3.10'\n");
        let project = Some("[project]\nname = 'x'\n");
        let extras = Some(
            "[project]\nname = 'x'\n[project.optional-dependencies]\ntest = []\ndocs = []\ndev = []\n",
        );
        assert_eq!(
            commands(&["requirements.txt"], None),
            json!(["pip install -r requirements.txt"])
        );
        assert_eq!(
            commands(
                &[
                    "requirements-dev.txt",
                    "requirements.txt",
                    "requirements-docs.txt",
                    "setup.py"
                ],
                None
            ),
            json!([
                "pip install -r requirements.txt",
                "pip install -r requirements-dev.txt",
                "pip install -e ."
            ])
        );
        assert_eq!(
            commands(&["requirements/test.txt"], None),
            json!(["pip install -r requirements/test.txt"])
        );
        assert_eq!(commands(&["setup.py"], None), json!(["pip install -e ."]));
        assert_eq!(commands(&[], project), json!(["pip install -e ."]));
        assert_eq!(
            commands(&[], extras),
            json!(["pip install -e '.[dev,test]'"])
        );
        assert_eq!(commands(&[], poetry)[0], json!("pip install poetry"));
        assert_eq!(
            commands(&["poetry.lock"], project)[0],
            json!("pip install poetry")
        );
        assert_eq!(
            commands(&["Pipfile", "Pipfile.lock", "setup.py"], None),
            json!([
                "pip install pipenv",
                "pipenv install --system --dev --deploy"
            ])
        );
        // Settings of tools make no project, nor does a broken file.
        assert_eq!(detect(&["a.py"], Some("[tool.ruff]\n"), None), None);
        assert_eq!(detect(&["README.md"], None, None), None);
        assert_eq!(detect(&["README.md"], Some("["), None), None);
    }

    #[test]
    fn which_python() {
        let target = |project, pinned| {
            let found = detect(&["setup.py"], project, pinned).unwrap();
            found["python_version_target"].as_str().map(str::to_owned)
        };
        let requires = Some("[project]\nrequires-python = '>=3.10,<3.13'\n");
        let poetry = Some("[tool.poetry.dependencies]\npython = '^3.9'\n");
        assert_eq!(target(None, None), None);
        assert_eq!(target(requires, None).as_deref(), Some("3.10"));
        assert_eq!(target(poetry, None).as_deref(), Some("3.9"));
        assert_eq!(target(None, Some("3.12.1\n")).as_deref(), Some("3.12.1"));
        assert_eq!(
            target(requires, Some("# ours\n3.12\n3.11\n")).as_deref(),
            Some("3.12")
        );
        assert_eq!(
            target(requires, Some("pypy3.10-7.3\n")).as_deref(),
            Some("3.10")
        );
        assert_eq!(target(None, Some("system\n")), None);
    }
}

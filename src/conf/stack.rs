//! What stands under a repository: languages, layers, an agent.

use std::sync::LazyLock;

use regex::Regex;

/// A part of an image's name, as registries allow it.
static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$").ok());
/// A build argument of a layer.
static ARG: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([a-z0-9][a-z0-9._-]*)\.([A-Za-z_][A-Za-z0-9_]*)=(.*)$").ok());

/// Which languages' tools are under the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stack {
    /// None: the base image has what it takes.
    None,
    /// Those of the languages that the repository's files tell.
    Auto,
    /// Those of these layers.
    Names(Vec<String>),
}

/// Where the toolchains in built-in layers come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Toolchains {
    /// From those who make them, in pinned versions.
    #[default]
    Upstream,
    /// From the packages of the base image's distribution.
    Distribution,
}

/// Whether this can be a layer's name.
pub(crate) fn is_layer_name(text: &str) -> bool {
    text.len() <= 100 && NAME.as_ref().is_some_and(|rule| rule.is_match(text))
}

/// Whether this can begin the names of layers' images: `dkr-layer`, `registry:5000/team`.
pub(crate) fn is_prefix(text: &str) -> bool {
    let (host, path) = match text.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) => (Some(host), path),
        _ => (None, text),
    };
    let host_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-');
    host.is_none_or(|host| host.chars().all(host_char)) && path.split('/').all(is_layer_name)
}

pub(super) fn layer(word: &str) -> Result<String, String> {
    if is_layer_name(word) {
        Ok(word.to_owned())
    } else {
        Err(format!("`{word}` is not the name of a layer"))
    }
}

pub(super) fn stack(text: &str) -> Result<Stack, String> {
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["none"] | [] => Ok(Stack::None),
        ["auto"] => Ok(Stack::Auto),
        words => Ok(Stack::Names(
            words
                .iter()
                .map(|word| layer(word))
                .collect::<Result<_, _>>()?,
        )),
    }
}

pub(super) fn agent(text: &str) -> Result<Option<String>, String> {
    match text {
        "none" | "" => Ok(None),
        name => layer(name)
            .map(Some)
            .map_err(|_| format!("`{name}` is not the name of an agent")),
    }
}

pub(super) fn toolchains(text: &str) -> Result<Toolchains, String> {
    match text {
        "upstream" => Ok(Toolchains::Upstream),
        "distribution" => Ok(Toolchains::Distribution),
        _ => Err(format!("`{text}` is neither `upstream` nor `distribution`")),
    }
}

pub(super) fn prefix(text: &str) -> Result<String, String> {
    if is_prefix(text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` cannot begin an image's name: expected a word like dkr-layer"
        ))
    }
}

pub(super) fn args(text: &str) -> Result<Vec<(String, String, String)>, String> {
    shlex::split(text)
        .ok_or("a quote is not closed")?
        .iter()
        .map(|word| {
            let found = ARG.as_ref().and_then(|rule| rule.captures(word));
            found
                .map(|parts| {
                    (
                        parts[1].to_owned(),
                        parts[2].to_owned(),
                        parts[3].to_owned(),
                    )
                })
                .ok_or_else(|| format!("`{word}` is not LAYER.ARGUMENT=value"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_names_of_images() {
        for good in [
            "dkr-layer",
            "some/team",
            "registry:5000/team",
            "ghcr.io/a/b",
        ] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in ["", "A", "a b", "a//b", "a:b", "-a", "a/$(id)"] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }

    #[test]
    fn arguments_are_of_a_layer() {
        assert_eq!(
            args("golang.GO_VERSION=1.23.4 'x.A=b c'").unwrap(),
            [("golang", "GO_VERSION", "1.23.4"), ("x", "A", "b c")].map(|(a, b, c)| (
                a.to_owned(),
                b.to_owned(),
                c.to_owned()
            ))
        );
        assert!(args("GO_VERSION=1").is_err());
        assert_eq!(stack("auto"), Ok(Stack::Auto));
        assert!(stack("auto rust").is_ok_and(|s| s != Stack::Auto));
    }
}

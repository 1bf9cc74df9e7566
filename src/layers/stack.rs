//! Which layers a repository asks for, in an order that lets projects share them.

use super::catalog::LayerCatalog;
use super::layer::Layer;
use crate::error::Failure;

/// The layer that all others stand on.
pub(crate) const BASE: &str = "base";
/// How the names of agents' layers begin.
pub(crate) const AGENT: &str = "agent-";
/// The languages' layers, the ones that most projects share first. What is not here comes after
/// them.
const ORDER: [&str; 8] = [
    BASE, "nodejs", "python", "java", "golang", "rust", "php", "cpp",
];
/// Other names of languages.
const SYNONYMS: [(&str, &str); 5] = [
    ("go", "golang"),
    ("node", "nodejs"),
    ("javascript", "nodejs"),
    ("cargo", "rust"),
    ("c", "cpp"),
];

/// A coding agent: what `--agent` calls it, and how it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agent {
    pub name: &'static str,
    pub command: &'static str,
    /// The variable in which it looks for a key; `None` when it reads the mounted file itself.
    pub key_variable: Option<&'static str>,
    /// Where its key is mounted.
    pub key_file: &'static str,
    /// What stands before a prompt, for it to run without a terminal and to end when it is done.
    pub prompt_option: Option<&'static str>,
}

/// The agents that are known here.
pub(crate) const AGENTS: [Agent; 5] = [
    Agent {
        name: "claude",
        command: "claude",
        key_variable: None,
        key_file: "/run/secrets/anthropic_key",
        prompt_option: Some("-p"),
    },
    Agent {
        name: "codex",
        command: "codex",
        key_variable: Some("OPENAI_API_KEY"),
        key_file: "/run/secrets/codex_key",
        prompt_option: Some("exec"),
    },
    Agent {
        name: "copilot",
        command: "copilot",
        key_variable: Some("GH_TOKEN"),
        key_file: "/run/secrets/copilot_key",
        prompt_option: None,
    },
    Agent {
        name: "cursor",
        command: "cursor-agent",
        key_variable: Some("CURSOR_API_KEY"),
        key_file: "/run/secrets/cursor_key",
        prompt_option: None,
    },
    Agent {
        name: "gemini",
        command: "gemini",
        key_variable: Some("GEMINI_API_KEY"),
        key_file: "/run/secrets/gemini_key",
        prompt_option: Some("-p"),
    },
];

/// The agent of this name.
pub(crate) fn agent(name: &str) -> Result<&'static Agent, Failure> {
    let found = AGENTS.iter().find(|agent| agent.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = AGENTS.iter().map(|agent| agent.name).collect();
        Failure::new(format!("no agent is called `{name}`"))
            .hint(format!("there are {}, or none", names.join(", ")))
    })
}

/// What a repository asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StackRequest<'a> {
    /// Languages, by their layers.
    pub languages: &'a [String],
    pub layers: &'a [String],
    /// An agent, by its name.
    pub agent: Option<&'a str>,
}

/// The layers for that, each behind what it requires. The same set always comes in the same
/// order. Agents come last, with what they alone require right below them: they change most often, and
/// a stack that is there without one is not built again for it.
pub(crate) fn order<'a>(
    catalog: &'a LayerCatalog,
    wanted: StackRequest,
) -> Result<Vec<&'a Layer>, Failure> {
    let mut names: Vec<String> = wanted
        .languages
        .iter()
        .map(|name| known(catalog, name))
        .collect();
    names.extend(wanted.layers.iter().cloned());
    if let Some(name) = wanted.agent {
        let layer = format!("{AGENT}{name}");
        if !catalog.layers.contains_key(&layer) {
            agent(name)?;
        }
        names.push(layer);
    }
    if names.is_empty() {
        names.push(BASE.to_owned());
    }
    let is_agent = |name: &&String| name.starts_with(AGENT);
    let (mut agents, tools): (Vec<&String>, Vec<&String>) = names.iter().partition(is_agent);
    // By their names, as whichever is run must not decide what is below the others.
    agents.sort();
    let mut all = sorted(catalog, &tools)?;
    all.extend(sorted(catalog, &agents)?);
    catalog.order(&all)
}

/// These and all that they require, in the one order.
fn sorted<'a>(catalog: &'a LayerCatalog, names: &[&String]) -> Result<Vec<&'a str>, Failure> {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let order = catalog.order(&names)?;
    let mut all: Vec<&str> = order.iter().map(|layer| layer.name()).collect();
    all.sort_by_key(|name| rank(name));
    Ok(all)
}

/// The layer that a language goes by.
fn known(catalog: &LayerCatalog, name: &str) -> String {
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == name);
    match synonym {
        Some((_, layer)) if !catalog.layers.contains_key(name) => (*layer).to_owned(),
        _ => name.to_owned(),
    }
}

fn rank(name: &str) -> usize {
    let last = ORDER.len() + usize::from(name.starts_with(AGENT));
    ORDER
        .iter()
        .position(|other| *other == name)
        .unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::super::catalog::LayerSettings;
    use super::super::catalog::tests::{place, toml};
    use super::super::layer::LayerOrigin;
    use super::*;

    fn names(languages: &[&str], layers: &[&str], agent: Option<&str>) -> Result<String, Failure> {
        let all = [
            ("base", toml("base", &[])),
            ("nodejs", toml("nodejs", &["base"])),
            ("python", toml("python", &["base"])),
            ("golang", toml("golang", &["base"])),
            ("rust", toml("rust", &["base"])),
            ("ours", toml("ours", &["rust"])),
            ("agent-claude", toml("agent-claude", &["nodejs"])),
            ("agent-codex", toml("agent-codex", &["nodejs"])),
        ];
        let directories: Vec<(&str, &str, &str)> = all
            .iter()
            .map(|(name, toml)| (*name, toml.as_str(), "FROM $BASE_IMAGE\n"))
            .collect();
        let place = place(LayerOrigin::BuiltIn, "x", &directories);
        let catalog = LayerCatalog::read(vec![place], &LayerSettings::default()).unwrap();
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let wanted = StackRequest {
            languages: &own(languages),
            layers: &own(layers),
            agent,
        };
        let order = order(&catalog, wanted)?;
        Ok(order
            .iter()
            .map(|layer| layer.name())
            .collect::<Vec<_>>()
            .join(" "))
    }

    #[test]
    fn what_projects_share_is_at_the_bottom() {
        assert_eq!(names(&[], &[], None).unwrap(), "base");
        assert_eq!(
            names(&["rust"], &[], Some("claude")).unwrap(),
            "base rust nodejs agent-claude"
        );
        assert_eq!(
            names(&["rust", "node"], &[], Some("claude")).unwrap(),
            "base nodejs rust agent-claude"
        );
        assert_eq!(
            names(&["rust"], &["agent-codex"], Some("claude")).unwrap(),
            "base rust nodejs agent-claude agent-codex"
        );
        assert_eq!(
            names(&["rust"], &["agent-claude"], Some("codex")).unwrap(),
            "base rust nodejs agent-claude agent-codex"
        );
        assert_eq!(
            names(&["rust", "python"], &["ours"], None).unwrap(),
            names(&["python", "rust"], &["ours"], None).unwrap()
        );
        assert_eq!(names(&[], &["ours"], None).unwrap(), "base rust ours");
        assert_eq!(names(&["go"], &[], None).unwrap(), "base golang");
    }

    #[test]
    fn who_is_not_there_is_named() {
        let error = names(&[], &[], Some("clod")).unwrap_err();
        assert_eq!(error.to_string(), "no agent is called `clod`");
        let error = names(&["rusty"], &[], None).unwrap_err();
        assert_eq!(error.advice(), Some("did you mean `rust`?"));
    }
}

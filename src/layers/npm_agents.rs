//! The layers of agents that npm installs: one text, and what differs.

use anyhow::{Context, Result};
use minijinja::{Environment, UndefinedBehavior, context};

use super::definition;

const DOCKERFILE: &str = include_str!("../../templates/npm-agent/Dockerfile");
const LAYER: &str = include_str!("../../templates/npm-agent/layer.toml");

struct NpmAgent {
    /// What the layer is called behind `agent-`, and the command.
    name: &'static str,
    title: &'static str,
    package: &'static str,
    /// The variable that keeps it from updating itself.
    no_update: Option<&'static str>,
}

const AGENTS: [NpmAgent; 4] = [
    NpmAgent {
        name: "claude",
        title: "Claude Code",
        package: "@anthropic-ai/claude-code",
        no_update: Some("DISABLE_AUTOUPDATER"),
    },
    NpmAgent {
        name: "codex",
        title: "Codex CLI",
        package: "@openai/codex",
        no_update: None,
    },
    NpmAgent {
        name: "copilot",
        title: "GitHub Copilot CLI",
        package: "@github/copilot",
        no_update: None,
    },
    NpmAgent {
        name: "gemini",
        title: "Gemini CLI",
        package: "@google/gemini-cli",
        no_update: None,
    },
];

/// The files of a layer: names and texts.
type Files = [(&'static str, String); 2];

/// The name of each layer, with its files.
pub(super) fn layers() -> Result<Vec<(String, Files)>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let render = |agent: &NpmAgent, template| -> Result<String> {
        let values = context! {
            name => agent.name,
            title => agent.title,
            package => agent.package,
            no_update => agent.no_update,
        };
        let text = environment
            .render_str(template, values)
            .with_context(|| format!("cannot render the layer agent-{}", agent.name))?;
        Ok(text + "\n")
    };
    let layer = |agent: &NpmAgent| {
        let files = [
            ("Dockerfile", render(agent, DOCKERFILE)?),
            (definition::FILE, render(agent, LAYER)?),
        ];
        Ok((format!("agent-{}", agent.name), files))
    };
    AGENTS.iter().map(layer).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// Keys of images are made of these bytes.
    #[test]
    fn what_is_written() {
        let mut written = String::new();
        for (layer, files) in layers().unwrap() {
            for (name, text) in files {
                let digest = crate::digest::of(&text);
                write!(written, "==> {layer}/{name} {digest}\n{text}").unwrap();
            }
        }
        insta::assert_snapshot!(written);
    }
}

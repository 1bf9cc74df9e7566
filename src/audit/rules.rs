//! What keys and tokens look like, as far as a value alone tells one. What goes by a word beside it
//! (`secret = …`) finds as much in programs and their documentation, of which an image is full.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result};
use regex::Regex;

use crate::digest;

/// How secrets of a kind begin, and what the whole of one is.
struct SecretFormat {
    rule: &'static str,
    begins: &'static str,
    rest: &'static str,
}

const fn format(rule: &'static str, begins: &'static str, rest: &'static str) -> SecretFormat {
    SecretFormat { rule, begins, rest }
}

/// Each with those who document it. No beginning is the beginning of another.
const FORMATS: [SecretFormat; 42] = [
    // GitHub Docs, "About authentication to GitHub", token formats
    format("github-token", "ghp_", "[0-9A-Za-z]{36}"),
    format("github-token", "gho_", "[0-9A-Za-z]{36}"),
    format("github-token", "ghu_", "[0-9A-Za-z]{36}"),
    format("github-token", "ghs_", "[0-9A-Za-z]{36}"),
    format("github-token", "ghr_", "[0-9A-Za-z]{36}"),
    format("github-token", "github_pat_", "[0-9A-Za-z_]{60}"),
    // GitLab Docs, "Token overview", token prefixes
    format("gitlab-token", "glpat-", "[0-9A-Za-z_-]{20}"),
    format("gitlab-token", "gldt-", "[0-9A-Za-z_-]{20}"),
    format("gitlab-token", "glrt-", "[0-9A-Za-z_-]{20}"),
    format("gitlab-token", "glptt-", "[0-9a-f]{40}"),
    // AWS IAM User Guide, "IAM identifiers", unique ID prefixes
    format("aws-access-key", "AKIA", "[A-Z2-7]{16}"),
    format("aws-access-key", "ASIA", "[A-Z2-7]{16}"),
    // Google Cloud, "Manage API keys" and "Manage OAuth clients"; service accounts have a private key
    format("google-key", "AIza", "[0-9A-Za-z_-]{35}"),
    format("google-key", "GOCSPX-", "[0-9A-Za-z_-]{28}"),
    // Claude API Docs, "API keys"
    format(
        "anthropic-key",
        "sk-ant-",
        "[a-z]{3,8}[0-9]{2}-[0-9A-Za-z_-]{60}",
    ),
    // OpenAI API reference, "Authentication"
    format("openai-key", "sk-proj-", "[0-9A-Za-z_-]{40}"),
    format("openai-key", "sk-svcacct-", "[0-9A-Za-z_-]{40}"),
    format("openai-key", "sk-admin-", "[0-9A-Za-z_-]{40}"),
    // Slack API, "Token types" and "Incoming webhooks"
    format("slack-token", "xoxb-", "[0-9]{8,14}-[0-9A-Za-z-]{16}"),
    format("slack-token", "xoxp-", "[0-9]{8,14}-[0-9A-Za-z-]{16}"),
    format(
        "slack-token",
        "xapp-",
        "[0-9]-[0-9A-Z]{8,14}-[0-9]{8,14}-[0-9a-f]{32}",
    ),
    format(
        "slack-webhook",
        "https://hooks.slack.com/services/",
        "T[0-9A-Z]{8,}/B[0-9A-Z]{8,}/[0-9A-Za-z]{20}",
    ),
    // npm Docs, "About access tokens"
    format("npm-token", "npm_", "[0-9A-Za-z]{36}"),
    // PyPI, "Help", API tokens
    format("pypi-token", "pypi-AgEIcHlwaS5vcmc", "[0-9A-Za-z_-]{50}"),
    // RubyGems Guides, "API key scopes"
    format("rubygems-key", "rubygems_", "[0-9a-f]{48}"),
    // Docker Docs, "Personal access tokens"
    format("docker-token", "dckr_pat_", "[0-9A-Za-z_-]{20}"),
    format("docker-token", "dckr_oat_", "[0-9A-Za-z_-]{20}"),
    // Hugging Face, "User access tokens"
    format("huggingface-token", "hf_", "[A-Za-z]{34}"),
    // Stripe Docs, "API keys"
    format("stripe-key", "sk_live_", "[0-9A-Za-z]{16}"),
    format("stripe-key", "rk_live_", "[0-9A-Za-z]{16}"),
    // Twilio SendGrid, "API keys"
    format(
        "sendgrid-key",
        "SG.",
        r"[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}",
    ),
    // DigitalOcean API reference, "Authentication"
    format("digitalocean-token", "dop_v1_", "[0-9a-f]{64}"),
    format("digitalocean-token", "doo_v1_", "[0-9a-f]{64}"),
    // Databricks, "Personal access token authentication"
    format("databricks-token", "dapi", "[0-9a-f]{32}"),
    // Vault by HashiCorp, "Tokens", prefixes
    format("vault-token", "hvs.", "[0-9A-Za-z_-]{24}"),
    format("vault-token", "hvb.", "[0-9A-Za-z_-]{24}"),
    // Shopify, "Access tokens"
    format("shopify-token", "shpat_", "[0-9a-f]{32}"),
    // Linear, "API and webhooks"; Notion, "Authorization"; Grafana, "Service accounts"
    format("linear-key", "lin_api_", "[0-9A-Za-z]{40}"),
    format("notion-token", "ntn_", "[0-9A-Za-z]{46}"),
    format("grafana-token", "glsa_", "[0-9A-Za-z]{32}_[0-9a-f]{8}"),
    // age(1); RFC 7468 and RFC 9580, and the same with line breaks as JSON writes them
    format("age-key", "AGE-SECRET-KEY-1", "[0-9A-Z]{58}"),
    format(
        PRIVATE_KEY,
        "-----BEGIN ",
        r"[0-9A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\x20-\x7E\r\n]{0,200}?[0-9A-Za-z+/]{40}",
    ),
];

const PRIVATE_KEY: &str = "private-key";
/// How compiled programs and libraries begin. Those that encrypt hold private keys to try themselves with.
const ELF: &[u8] = b"\x7fELF";
/// Files that come with programs and hold keys to try them with: how their paths begin, and directories
/// that packages lie in.
const OF_PROGRAMS: [&str; 6] = [
    "usr/share/doc/",
    "usr/share/perl",
    "usr/share/php/",
    "usr/lib/python3",
    "usr/lib/go-",
    "usr/local/go/",
];
const OF_PACKAGES: [&str; 4] = ["node_modules", "site-packages", "dist-packages", "testdata"];
/// A value that is meant to be seen has fewer different characters: `ghp_xxxx…`.
const DIFFERENT: usize = 8;
/// How much is read at a time, and how much of it a secret may be.
const CHUNK: usize = 1 << 20;
const LONGEST: usize = 2 << 10;

/// The formats, ready to be looked for.
pub(super) struct SecretPatterns {
    beginnings: AhoCorasick,
    patterns: [OnceLock<Option<Regex>>; FORMATS.len()],
}

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// What kind it is.
    pub rule: &'static str,
    /// The beginning that all secrets of this kind have, and nothing else of it.
    pub shown: String,
}

impl SecretPatterns {
    /// Prepares them. A pattern is read when a beginning was seen.
    pub(super) fn new() -> Result<Self> {
        let beginnings = AhoCorasick::new(FORMATS.iter().map(|format| format.begins))
            .context("cannot look for keys")?;
        Ok(Self {
            beginnings,
            patterns: [const { OnceLock::new() }; FORMATS.len()],
        })
    }

    /// Hands on each secret in what is read, once. Holds no more of it than is read at a time.
    pub(super) fn scan(
        &self,
        mut reader: impl Read,
        mut on_hit: impl FnMut(Hit),
    ) -> io::Result<()> {
        let mut seen = BTreeSet::new();
        let mut buffer = Vec::new();
        // Beginnings are looked for from here on; before it is the one byte that tells whether one is.
        let mut start = 0;
        let mut is_program = false;
        loop {
            let room = CHUNK as u64;
            let read = reader.by_ref().take(room).read_to_end(&mut buffer)?;
            let last = read < CHUNK;
            is_program |= start == 0 && buffer.starts_with(ELF);
            // What begins later is seen whole in the next round.
            let end = if last {
                buffer.len()
            } else {
                buffer.len().saturating_sub(LONGEST)
            };
            for found in self.beginnings.find_iter(&buffer[start..]) {
                let (at, kind) = (start + found.start(), found.pattern().as_usize());
                let in_word =
                    at > 0 && (buffer[at - 1].is_ascii_alphanumeric() || buffer[at - 1] == b'_');
                let to_try = is_program && FORMATS[kind].rule == PRIVATE_KEY;
                if at >= end || in_word || to_try {
                    continue;
                }
                let text = &buffer[at..buffer.len().min(at + LONGEST)];
                if let Some(secret) = self.secret(kind, &String::from_utf8_lossy(text))
                    && seen.insert(digest::short(&[&secret]))
                {
                    let format = &FORMATS[kind];
                    on_hit(Hit {
                        rule: format.rule,
                        shown: format!("{}…", format.begins.trim_end()),
                    });
                }
            }
            if last {
                return Ok(());
            }
            let keep = end.saturating_sub(1);
            buffer.drain(..keep);
            start = end - keep;
        }
    }

    /// The secret of this kind that a text begins with.
    fn secret(&self, kind: usize, text: &str) -> Option<String> {
        let SecretFormat { begins, rest, .. } = FORMATS.get(kind)?;
        let pattern = self.patterns.get(kind)?;
        let pattern = pattern.get_or_init(|| Regex::new(&format!("^{rest}")).ok());
        let secret = pattern.as_ref()?.find(text.get(begins.len()..)?)?.as_str();
        let different: BTreeSet<char> = secret.chars().collect();
        // As AWS writes those of its documentation.
        let is_example = secret.ends_with("EXAMPLE");
        (different.len() >= DIFFERENT && !is_example).then(|| secret.to_owned())
    }
}

/// Whether what looks like a key in a file of this path is there to try a program with.
pub(super) fn is_of_program(path: &str) -> bool {
    OF_PROGRAMS.iter().any(|start| path.starts_with(start))
        || path.split('/').any(|part| OF_PACKAGES.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Split, so that nobody who looks for keys takes it for one.
    const GITHUB: (&str, &str) = ("ghp_", "x7Kd92LmQpZ4vTtR8sWbY1cNfJ6hGuE3aDoX");

    fn hits(text: impl AsRef<[u8]>) -> Vec<String> {
        let mut hits = Vec::new();
        let on_hit = |hit: Hit| hits.push(format!("{} {}", hit.rule, hit.shown));
        SecretPatterns::new()
            .unwrap()
            .scan(text.as_ref(), on_hit)
            .unwrap();
        hits
    }

    #[test]
    fn formats_are_read_and_do_not_hide_each_other() {
        for (at, format) in FORMATS.iter().enumerate() {
            assert!(
                Regex::new(&format!("^{}", format.rest)).is_ok(),
                "{}",
                format.rest
            );
            let others = FORMATS.iter().enumerate().filter(|(other, _)| *other != at);
            for (_, other) in others {
                assert!(!other.begins.starts_with(format.begins), "{}", other.begins);
            }
        }
    }

    #[test]
    fn a_token_is_found_once_wherever_it_stands() {
        let token = GITHUB.0.to_owned() + GITHUB.1;
        let found = ["github-token ghp_…"];
        assert_eq!(hits(&token), found);
        assert_eq!(hits(format!("a b={token}\n\"{token}\"\n")), found);
        assert_eq!(hits(format!("\0\u{1}{token}\0")), found);
        // At each place around the ends of what is read at a time.
        for before in [0, 1, LONGEST, 2 * LONGEST] {
            for off in [0, 1, 20, 39, 40, 41] {
                let text = " ".repeat(CHUNK - before - off) + &token + &" ".repeat(before + 100);
                assert_eq!(hits(&text), found, "{before} {off}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_is_not_found() {
        let low = GITHUB.0.to_owned() + &"a".repeat(36);
        let in_word = format!("x{}{}", GITHUB.0, GITHUB.1);
        let example = format!("AKIA{}", "IOSFODNN7EXAMPLE");
        let header = "-----BEGIN RSA PRIVATE KEY-----\0".repeat(9);
        let certificate = format!("-----BEGIN CERTIFICATE-----\n{}", "MIIBabcdefgh".repeat(9));
        for text in [
            low,
            in_word,
            example,
            header,
            certificate,
            "ghp_".to_owned(),
            String::new(),
        ] {
            assert!(hits(&text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_private_key_is_found_also_in_json() {
        for end in ["\n", "\\n"] {
            let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
            let text = format!("x: -----BEGIN {}{end}{line}{end}", "PRIVATE KEY-----");
            assert_eq!(hits(&text), ["private-key -----BEGIN…"]);
            assert!(hits(format!("\x7fELF {text}")).is_empty());
        }
    }

    #[test]
    fn files_of_programs_are_left_out() {
        for path in [
            "usr/lib/node_modules/a/b.js",
            "usr/share/doc/x",
            "usr/lib/python3.11/test/a.pem",
        ] {
            assert!(is_of_program(path), "{path}");
        }
        for path in [
            "root/.netrc",
            "workspace/config.yml",
            "etc/ssl/private/a.key",
        ] {
            assert!(!is_of_program(path), "{path}");
        }
    }
}

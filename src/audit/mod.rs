//! Looking through an image for keys and tokens: through the files of each layer, also those that a later
//! one removed, and through what its description says. Whoever has the image has all of that.
//!
//! Pure: `rules` tells what a secret looks like. `archive` reads what the engine writes.

mod archive;
mod rules;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::engine::{Engine, EngineImage};
use crate::ui::{self, Printer};
use archive::Description;
use rules::{Hit, SecretPatterns, is_of_program};

/// How a layer says that a file of those below it is gone, and that all of a directory are.
const GONE: &str = ".wh.";
const ALL_GONE: &str = ".wh..wh..opq";

/// A secret, without the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct LeakedSecret {
    #[serde(flatten)]
    pub location: SecretLocation,
    /// What kind it is.
    pub rule: &'static str,
    /// The beginning that all secrets of this kind have.
    pub shown: String,
}

/// Where in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "where", rename_all = "lowercase")]
pub(crate) enum SecretLocation {
    /// In a variable of the environment.
    Environment {
        name: String,
    },
    Label {
        name: String,
    },
    /// In what containers run.
    Command,
    /// In a step of its history.
    History {
        /// Its number, from 1.
        step: usize,
    },
    File {
        /// The number of its layer, from 1 at the bottom.
        layer: usize,
        path: String,
        /// Whether a later layer removes it: it is in the image all the same.
        removed: bool,
    },
}

/// What an audit came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ImageAudit {
    /// How many layers there are.
    pub layers: usize,
    pub findings: Vec<LeakedSecret>,
}

/// The files of one layer, as far as they matter.
#[derive(Default)]
struct LayerSecrets {
    hits: Vec<(String, Hit)>,
    /// Files of layers below that are gone; a directory ends in a slash when only what it holds is.
    gone: Vec<String>,
}

/// Looks through all of an image.
pub(crate) fn audit(
    engine: &Engine,
    image: &EngineImage,
    name: &str,
    printer: Printer,
) -> Result<ImageAudit> {
    let rules = SecretPatterns::new()?;
    let progress = printer.progress("read the layers");
    let (total, count) = (image.size, Arc::new(AtomicU64::new(0)));
    let _watch = progress.watch(total, Arc::clone(&count), move |now| {
        format!("read {}", ui::bytes_of(now, total))
    });
    engine
        .saved(name, |reader| {
            let counted = Counted {
                reader,
                count: &count,
            };
            read(&rules, counted).context("cannot read what the engine saved")
        })
        .with_context(|| format!("cannot look through {name}"))
}

fn read(rules: &SecretPatterns, reader: impl Read) -> io::Result<ImageAudit> {
    let mut layers: BTreeMap<String, LayerSecrets> = BTreeMap::new();
    let whole = archive::read(reader, |name, content| {
        layers.insert(name.to_owned(), scan(rules, content)?);
        Ok(())
    })?;
    let mut findings = described(rules, &whole.description)?;
    let in_order: Vec<Option<&LayerSecrets>> =
        whole.layers.iter().map(|name| layers.get(name)).collect();
    for (index, layer) in in_order.iter().enumerate() {
        let later = || in_order[index + 1..].iter().flatten();
        for (path, hit) in layer.iter().flat_map(|layer| &layer.hits) {
            let location = SecretLocation::File {
                layer: index + 1,
                path: format!("/{path}"),
                removed: later().any(|layer| layer.gone.iter().any(|gone| covers(gone, path))),
            };
            findings.push(LeakedSecret::new(location, hit.clone()));
        }
    }
    findings.sort();
    findings.dedup();
    Ok(ImageAudit {
        layers: whole.layers.len(),
        findings,
    })
}

/// Looks through the files of a layer.
fn scan(rules: &SecretPatterns, content: &mut dyn Read) -> io::Result<LayerSecrets> {
    let mut layer = LayerSecrets::default();
    let mut archive = tar::Archive::new(content);
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let (directory, name) = match path.rsplit_once('/') {
            Some((directory, name)) => (format!("{directory}/"), name),
            None => (String::new(), path),
        };
        if name == ALL_GONE {
            layer.gone.push(directory);
        } else if let Some(name) = name.strip_prefix(GONE) {
            layer.gone.push(directory + name);
        } else if entry.header().entry_type().is_file() && !is_of_program(path) {
            rules.scan(entry, |hit| layer.hits.push((path.to_owned(), hit)))?;
        }
    }
    Ok(layer)
}

/// Whether a file is gone with this one, or with the directory that this is.
fn covers(gone: &str, path: &str) -> bool {
    path.strip_prefix(gone).is_some_and(|rest| {
        gone.ends_with('/') || gone.is_empty() || rest.is_empty() || rest.starts_with('/')
    })
}

/// Looks through what an image says of itself.
fn described(rules: &SecretPatterns, description: &Description) -> io::Result<Vec<LeakedSecret>> {
    let mut findings = Vec::new();
    let mut look = |location: SecretLocation, text: &str| {
        rules.scan(text.as_bytes(), |hit| {
            findings.push(LeakedSecret::new(location.clone(), hit));
        })
    };
    let config = &description.config;
    for variable in config.env.iter().flatten() {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        look(
            SecretLocation::Environment {
                name: name.to_owned(),
            },
            value,
        )?;
    }
    for (name, value) in config.labels.iter().flatten() {
        look(SecretLocation::Label { name: name.clone() }, value)?;
    }
    for words in [&config.cmd, &config.entrypoint] {
        look(
            SecretLocation::Command,
            &words
                .iter()
                .flatten()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(" "),
        )?;
    }
    for (index, step) in description.history.iter().enumerate() {
        look(
            SecretLocation::History { step: index + 1 },
            &step.created_by,
        )?;
        look(SecretLocation::History { step: index + 1 }, &step.comment)?;
    }
    Ok(findings)
}

impl LeakedSecret {
    fn new(location: SecretLocation, hit: Hit) -> Self {
        Self {
            location,
            rule: hit.rule,
            shown: hit.shown,
        }
    }
}

/// Counts what is read.
struct Counted<'a, R> {
    reader: R,
    count: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

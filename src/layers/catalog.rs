//! All layers there are, and whether they hold together. Reading places is [`sources`](super::sources)'
//! work; all here is a function of what was read.

use std::collections::BTreeMap;

use super::definition::{self, Reference};
use super::dockerfile::{self, BASE_IMAGE};
use super::files::{LayerFile, LayerFiles};
use super::layer::{Layer, LayerOrigin};
use super::toolchains;
use crate::conf::{self, Conf, Toolchains};
use crate::error::{Diagnostic, Diagnostics};

/// A place where layers were looked for: each directory with a `layer.toml` or a `Dockerfile`.
#[derive(Debug, Clone)]
pub struct LayerSource {
    /// What place it is.
    pub origin: LayerOrigin,
    /// How users know it, without a slash at the end.
    pub shown: String,
    /// Its directories, by their names.
    pub directories: BTreeMap<String, LayerFiles>,
}

/// What users may say about layers from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSettings {
    /// How the names of layers' images begin.
    pub prefix: String,
    /// What the lowest layers stand on; what their Dockerfiles say when absent.
    pub base: Option<String>,
    /// Values of build arguments: layer, argument, value.
    pub args: Vec<(String, String, String)>,
    /// Which toolchains the built-in layers hold.
    pub toolchains: Toolchains,
}

/// How the names of layers' images begin when nobody says otherwise.
pub const PREFIX: &str = "dkr-layer";

impl LayerSettings {
    /// As far as a repository or its user made them. The lowest layers stand on `stack_base`, else on
    /// the base image that somebody has set.
    pub fn of(conf: &Conf) -> Self {
        let named = Some(&conf.base_image).filter(|base| base.origin != conf::ValueOrigin::Default);
        let base = conf.stack_base.as_ref().or(named);
        let prefix = conf
            .layer_prefix
            .as_ref()
            .map(|prefix| prefix.value.clone());
        Self {
            prefix: prefix.unwrap_or_else(|| PREFIX.to_owned()),
            base: base.map(|base| base.value.clone()),
            args: conf.layer_args.value.clone(),
            toolchains: conf.toolchains.value,
        }
    }
}

impl Default for LayerSettings {
    fn default() -> Self {
        Self {
            prefix: PREFIX.to_owned(),
            base: None,
            args: Vec::new(),
            toolchains: Toolchains::default(),
        }
    }
}

/// Layers that hold together, by name.
#[derive(Debug, Clone, Default)]
pub struct LayerCatalog {
    /// Them.
    pub layers: BTreeMap<String, Layer>,
    /// What users should hear, though nothing is wrong.
    pub remarks: Vec<String>,
}

impl LayerCatalog {
    /// Reads what was found in the places, the strongest first. Fails with everything that is
    /// wrong, in whichever layer.
    pub fn read(places: Vec<LayerSource>, settings: &LayerSettings) -> Result<Self, Diagnostics> {
        let mut diagnostics = Vec::new();
        let mut catalog = Self::default();
        for place in places {
            let mut here: BTreeMap<String, Layer> = BTreeMap::new();
            for (directory, files) in place.directories {
                let directory = format!("{}/{directory}", place.shown);
                let found = layer(place.origin, &directory, files, settings, &mut diagnostics);
                let Some(layer) = found else { continue };
                if let Some(other) = here.get(layer.name()) {
                    let message = format!(
                        "{} has a layer of the name `{}` too",
                        other.directory,
                        layer.name()
                    );
                    diagnostics.push(Diagnostic::in_file(&file(&directory), message));
                } else {
                    here.insert(layer.name().to_owned(), layer);
                }
            }
            for (name, layer) in here {
                catalog.layers.entry(name).or_insert(layer);
            }
        }
        for layer in catalog.layers.values() {
            catalog.check(layer, settings, &mut diagnostics);
        }
        catalog.check_args(settings, &mut diagnostics);
        diagnostics.extend(catalog.cycles());
        catalog.remarks = catalog.foreign_prefixes(settings);
        let advice = "docs/layers.md of git dkr says how such files are written";
        Diagnostics::none_or(diagnostics, advice)?;
        Ok(catalog)
    }

    /// That the layers it names are there, and that it says so of those it starts from.
    fn check(&self, layer: &Layer, settings: &LayerSettings, diagnostics: &mut Vec<Diagnostic>) {
        let toml_file = file(&layer.directory);
        let toml = text_of(&layer.files, definition::FILE);
        let named = layer.definition.requires.iter();
        for reference in named.chain(&layer.definition.runtime) {
            if let Some(message) = self.missing(reference) {
                diagnostics.push(Diagnostic::at_byte(
                    &toml_file,
                    &toml,
                    reference.at,
                    message,
                ));
            }
        }
        let dockerfile = format!("{}/Dockerfile", layer.directory);
        for from in &layer.text.froms {
            let Some((name, version)) = parse_layer_tag(&from.image, &settings.prefix) else {
                continue;
            };
            let requires = &layer.definition.requires;
            let message = if !requires.iter().any(|reference| reference.name == name) {
                Some(format!(
                    "it starts from the layer `{name}`, which is not in [requires] of {}",
                    definition::FILE
                ))
            } else {
                let other = self.layers.get(name).map(|other| &other.definition.version);
                other.filter(|other| *other != version).map(|other| {
                    format!("it starts from `{name}` {version}, and that layer is {other}")
                })
            };
            diagnostics.extend(
                message.map(|message| Diagnostic::at(&dockerfile, (from.line, 1), message)),
            );
        }
    }

    fn missing(&self, reference: &Reference) -> Option<String> {
        let Some(found) = self.layers.get(&reference.name) else {
            let names: Vec<&str> = self.layers.keys().map(String::as_str).collect();
            let near = crate::suggest::nearest(&reference.name, &names);
            let advice = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Some(format!("there is no layer `{}`{advice}", reference.name));
        };
        let version = reference.version.as_ref()?;
        let is = &found.definition.version;
        (version != is).then(|| format!("the layer `{}` is {is}, not {version}", reference.name))
    }

    /// Build arguments for layers or names that are not there.
    fn check_args(&self, settings: &LayerSettings, diagnostics: &mut Vec<Diagnostic>) {
        for (name, arg, _) in &settings.args {
            let message = match self.layers.get(name) {
                None => format!("there is no layer `{name}`"),
                Some(layer) if !layer.definition.args.contains_key(arg) => {
                    let known: Vec<&str> =
                        layer.definition.args.keys().map(String::as_str).collect();
                    match known.as_slice() {
                        [] => format!("the layer `{name}` takes no arguments"),
                        known => format!(
                            "the layer `{name}` takes no argument `{arg}`; there are {}",
                            known.join(", ")
                        ),
                    }
                }
                Some(_) => continue,
            };
            diagnostics.push(Diagnostic::in_file(
                &format!("layer_args: {name}.{arg}"),
                message,
            ));
        }
    }

    /// Requirements that come back to where they began, each once.
    fn cycles(&self) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = Vec::new();
        let mut seen: Vec<Vec<&str>> = Vec::new();
        for name in self.layers.keys() {
            let Some(cycle) = self.cycle_through(name) else {
                continue;
            };
            let mut members = cycle.clone();
            members.sort_unstable();
            if !seen.contains(&members) {
                seen.push(members);
                let layer = &self.layers[name];
                let next = cycle.get(1).unwrap_or(&cycle[0]);
                let requires = layer.definition.requires.iter();
                let at = requires.clone().find(|other| other.name == *next);
                let path = [&cycle[..], &[name]].concat().join(" → ");
                let toml = text_of(&layer.files, definition::FILE);
                let at = at.map_or(0, |reference| reference.at);
                let message = format!("layers require each other: {path}");
                found.push(Diagnostic::at_byte(
                    &file(&layer.directory),
                    &toml,
                    at,
                    message,
                ));
            }
        }
        found
    }

    /// The shortest way from a layer back to itself.
    fn cycle_through<'a>(&'a self, start: &'a str) -> Option<Vec<&'a str>> {
        let mut ways: std::collections::VecDeque<Vec<&str>> = [vec![start]].into();
        let mut seen: Vec<&str> = Vec::new();
        while let Some(way) = ways.pop_front() {
            let last = self.layers.get(*way.last()?)?;
            for next in &last.definition.requires {
                if next.name == start {
                    return Some(way);
                }
                if let Some((name, _)) = self.layers.get_key_value(&next.name)
                    && !seen.contains(&name.as_str())
                {
                    seen.push(name);
                    ways.push_back([&way[..], &[name]].concat());
                }
            }
        }
        None
    }

    /// Images with another prefix that look like layers: most likely they are.
    fn foreign_prefixes(&self, settings: &LayerSettings) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for layer in self.layers.values() {
            for from in &layer.text.froms {
                let Some((prefix, rest)) = from.image.rsplit_once('/') else {
                    continue;
                };
                let name = rest.split(':').next().unwrap_or(rest);
                let required = layer.definition.requires.iter().any(|r| r.name == name);
                if prefix != settings.prefix && required && self.layers.contains_key(name) {
                    let remark = format!(
                        "{} starts from {}, which is not built here; if that is the layer \
                         `{name}`, say so: --prefix {prefix}",
                        layer.name(),
                        from.image
                    );
                    found.push(remark);
                }
            }
        }
        found
    }
}

/// Name and version, when an image is a layer's.
pub fn parse_layer_tag<'a>(image: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let rest = image.strip_prefix(prefix)?.strip_prefix('/')?;
    Some(rest.split_once(':').unwrap_or((rest, "latest")))
}

fn file(directory: &str) -> String {
    format!("{directory}/{}", definition::FILE)
}

fn text_of(files: &LayerFiles, name: &str) -> String {
    match files.get(name) {
        Some(LayerFile::Plain(bytes, _)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

fn layer(
    origin: LayerOrigin,
    directory: &str,
    files: LayerFiles,
    settings: &LayerSettings,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Layer> {
    let toml_file = file(directory);
    for name in [definition::FILE, "Dockerfile"] {
        if !matches!(files.get(name), Some(LayerFile::Plain(..))) {
            diagnostics.push(Diagnostic::in_file(
                directory,
                format!("there is no {name}"),
            ));
        }
    }
    if !files.contains_key(definition::FILE) {
        return None;
    }
    let toml = text_of(&files, definition::FILE);
    let mut definition = definition::read(&toml_file, &toml, diagnostics)?;
    toolchains::choose(origin, &mut definition, settings.toolchains);
    for (_, arg, value) in settings
        .args
        .iter()
        .filter(|(name, ..)| *name == definition.name)
    {
        if let Some(found) = definition.args.get_mut(arg) {
            found.clone_from(value);
        }
    }
    let mut args = definition.args.clone();
    if let Some(base) = &settings.base {
        args.insert(BASE_IMAGE.to_owned(), base.clone());
    }
    let dockerfile = text_of(&files, "Dockerfile");
    let text = dockerfile::read(&dockerfile, &args);
    if files.contains_key("Dockerfile") {
        let file = format!("{directory}/Dockerfile");
        diagnostics.extend(
            text.problems
                .iter()
                .map(|(line, message)| Diagnostic::at(&file, (*line, 1), message.clone())),
        );
    }
    Some(Layer {
        definition,
        origin,
        directory: directory.to_owned(),
        files,
        dockerfile,
        text,
    })
}

#[cfg(test)]
pub(super) mod tests;

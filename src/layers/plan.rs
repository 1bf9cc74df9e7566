//! Which images layers come to, which of these are there already, and why the others are not.
//! A function of the layers and of what the engine has.

use std::collections::BTreeMap;

use super::catalog::{LayerCatalog, LayerSettings, parse_layer_tag};
use super::dockerfile::BASE_IMAGE;
use super::layer::Layer;
use super::{definition, env};
use crate::digest;
use crate::engine::EngineImage;
use crate::error::Failure;

/// Counts up when the same inputs begin to mean another image.
const SCHEMA: &str = "2";
/// The label that holds the key of a layer's image.
pub(crate) const KEY: &str = "dkr.layer_key";
/// The label that holds what the key is over, as JSON.
pub(crate) const INPUTS: &str = "dkr.layer_inputs";
/// Files that shape nothing by themselves: what matters of them is in the key by itself.
const UNKEYED: [&str; 2] = [definition::FILE, env::OWN];

/// An image to be made of a layer.
#[derive(Debug, Clone)]
pub(crate) struct LayerNode {
    pub layer: Layer,
    /// The name of the image.
    pub tag: String,
    /// What it is put on, when the layer leaves that open: a layer's image or another.
    pub base: Option<String>,
    /// The images of layers that must be there before: places in [`LayerPlan::nodes`].
    pub below: Vec<usize>,
    /// What the image depends on, by name.
    pub inputs: BTreeMap<String, String>,
    /// The key over that; `None` while an image that it stands on is not here.
    pub key: Option<String>,
    /// Whether it is there.
    pub state: LayerState,
    /// The layers from the bottom to this one.
    chain: Vec<String>,
    own: bool,
    keyed: bool,
    plain: String,
}

impl LayerNode {
    /// The layers from the bottom to this one.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &str> {
        self.chain.iter().map(String::as_str)
    }

    /// The image that it stands on in the end, through stages of its own; `scratch` for none.
    pub(crate) fn bottom(&self) -> &str {
        let text = &self.layer.text;
        let by_argument = text
            .froms
            .iter()
            .any(|from| from.by_argument && from.image == text.bottom);
        match &self.base {
            Some(base) if by_argument => base,
            _ => &text.bottom,
        }
    }

    /// The name without the key, where a layer on exactly what it requires has another: for people.
    pub(crate) fn plain_name(&self) -> Option<&str> {
        (self.own && self.plain != self.tag).then_some(&self.plain)
    }

    /// Whether its name is not known yet, as a part of it is a key that is not.
    pub(crate) fn lacks_name(&self) -> bool {
        self.keyed && self.key.is_none()
    }

    /// Whether it is the layer on exactly what it requires.
    pub(crate) fn is_own(&self) -> bool {
        self.own
    }
}

/// Whether a layer's image is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LayerState {
    /// As it should be.
    Built {
        id: String,
        /// Bytes, all layers together.
        size: u64,
        /// Whether it has the name that it should.
        named: bool,
    },
    /// There is one, and these inputs have changed since.
    Changed(Vec<String>),
    Missing,
}

/// Images of layers, each behind those it stands on.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerPlan {
    pub nodes: Vec<LayerNode>,
    /// Images that are no layers and not here yet; keys are not known before they are.
    pub absent: Vec<String>,
}

pub(crate) struct Planner<'a> {
    catalog: &'a LayerCatalog,
    settings: &'a LayerSettings,
    images: &'a [EngineImage],
    plan: LayerPlan,
}

impl<'a> Planner<'a> {
    /// An image has the name `<prefix>/<name>:<version>`, and the key in it where the layer stands on
    /// more than it requires, or on a base other than its own: two repositories may want two.
    /// `images` is all that the engine has.
    pub(crate) fn new(
        catalog: &'a LayerCatalog,
        settings: &'a LayerSettings,
        images: &'a [EngineImage],
    ) -> Self {
        Self {
            catalog,
            settings,
            images,
            plan: LayerPlan::default(),
        }
    }

    pub(crate) fn finish(self) -> LayerPlan {
        self.plan
    }

    /// Plans the image of a layer on exactly what it requires; its place in the plan.
    pub(crate) fn own(&mut self, layer: &'a Layer) -> Result<usize, Failure> {
        if !layer.text.takes_base() {
            return self.node(layer, None);
        }
        let order = self.catalog.order(&[layer.name()])?;
        self.stack(&order)
    }

    /// Plans one image with all of these layers, given in the order of [`LayerCatalog::order`].
    pub(crate) fn stack(&mut self, layers: &[&'a Layer]) -> Result<usize, Failure> {
        let mut below: Option<usize> = None;
        for layer in layers {
            below = Some(if layer.text.takes_base() {
                self.node(layer, below)?
            } else {
                let own = self.own(layer)?;
                let held = self.catalog.order(&[layer.name()])?;
                let lost = below.map(|at| self.plan.nodes[at].chain.clone());
                let lost = lost.into_iter().flatten();
                for name in lost {
                    if !held.iter().any(|layer| layer.name() == name) {
                        let message = format!(
                            "{} cannot be put on {name}: its Dockerfile does not start from ${{{BASE_IMAGE}}}",
                            layer.name()
                        );
                        return Err(Failure::new(message)
                            .hint("git dkr compose makes one image of several that stand apart"));
                    }
                }
                own
            });
        }
        below.ok_or_else(|| Failure::new("there are no layers to stack"))
    }

    /// Plans a layer's image on another's, or on none.
    fn node(&mut self, layer: &'a Layer, on: Option<usize>) -> Result<usize, Failure> {
        let mut chain = on.map_or(Vec::new(), |on| self.plan.nodes[on].chain.clone());
        chain.push(layer.name().to_owned());
        let known = |node: &LayerNode| node.layer.name() == layer.name() && node.chain == chain;
        if let Some(at) = self.plan.nodes.iter().position(known) {
            return Ok(at);
        }
        let mut inputs = self.own_inputs(layer);
        let mut below: Vec<usize> = on.into_iter().collect();
        let mut complete = true;
        let mut base = None;
        for from in &layer.text.froms {
            let at = match (on, parse_layer_tag(&from.image, &self.settings.prefix)) {
                (Some(on), _) if from.by_argument => Some(on),
                (_, Some((name, _))) => Some(self.own(self.catalog.get(name)?)?),
                _ => None,
            };
            if from.by_argument {
                let tag = at.map(|at| self.plan.nodes[at].tag.clone());
                base = Some(tag.unwrap_or_else(|| from.image.clone()));
            }
            let value = match at {
                Some(at) => {
                    if !below.contains(&at) {
                        below.push(at);
                    }
                    self.plan.nodes[at].key.clone()
                }
                None => self.digest(&from.image),
            };
            complete &= value.is_some();
            let name = match at {
                Some(at) => format!("layer:{}", self.plan.nodes[at].layer.name()),
                None => format!("image:{}", from.image),
            };
            inputs.insert(name, value.unwrap_or_default());
        }
        let key = complete.then(|| digest::key(&inputs));
        let order = self.catalog.order(&[layer.name()])?;
        let on_its_own = order.iter().map(|layer| layer.name());
        let own = !layer.text.takes_base() || on_its_own.eq(chain.iter().map(String::as_str));
        let keyed = !own || (!self.stands_on_its_base(&chain) && !self.is_named_by_another(layer));
        let prefix = &self.settings.prefix;
        let plain = format!("{prefix}/{}:{}", layer.name(), layer.definition.version);
        let tag = match &key {
            Some(key) if keyed => format!("{plain}-{}", key.get(..12).unwrap_or(key)),
            _ => plain.clone(),
        };
        let state = self.state(layer, &tag, key.as_deref(), &inputs);
        self.plan.nodes.push(LayerNode {
            layer: layer.clone(),
            tag,
            base,
            below,
            inputs,
            key,
            state,
            chain,
            own,
            keyed,
            plain,
        });
        Ok(self.plan.nodes.len() - 1)
    }

    /// What the image depends on but for what it stands on.
    fn own_inputs(&self, layer: &Layer) -> BTreeMap<String, String> {
        let definition = &layer.definition;
        let mut inputs: BTreeMap<String, String> = [
            ("schema", SCHEMA),
            ("name", &definition.name),
            ("version", &definition.version),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let files = layer.files.iter();
        for (path, file) in files.filter(|(path, _)| !UNKEYED.contains(&path.as_str())) {
            inputs.insert(format!("file:{path}"), file.digest());
        }
        for (name, value) in &definition.args {
            inputs.insert(format!("arg:{name}"), value.clone());
        }
        for (name, value) in &definition.environment {
            inputs.insert(format!("env:{name}"), value.clone());
        }
        inputs
    }

    fn digest(&mut self, image: &str) -> Option<String> {
        let found = named(self.images, image);
        if found.is_none() && !self.plan.absent.iter().any(|absent| absent == image) {
            self.plan.absent.push(image.to_owned());
        }
        found.map(|found| found.digest(image).to_owned())
    }

    /// Whether the settings have no say in what is at the bottom.
    fn stands_on_its_base(&self, chain: &[String]) -> bool {
        let bottom = chain.first().and_then(|name| self.catalog.layers.get(name));
        self.settings.base.is_none() || !bottom.is_some_and(|layer| layer.text.takes_base())
    }

    /// Whether a Dockerfile starts from it by its plain name.
    fn is_named_by_another(&self, layer: &Layer) -> bool {
        let froms = self.catalog.layers.values().flat_map(|l| &l.text.froms);
        let names = froms.filter(|from| !from.by_argument);
        names
            .filter_map(|from| parse_layer_tag(&from.image, &self.settings.prefix))
            .any(|(name, _)| name == layer.name())
    }

    fn state(
        &self,
        layer: &Layer,
        tag: &str,
        key: Option<&str>,
        inputs: &BTreeMap<String, String>,
    ) -> LayerState {
        // Images made on a layer inherit its labels: names tell them apart.
        let repository = format!("{}/{}:", self.settings.prefix, layer.name());
        let is_ours = |image: &&EngineImage| {
            let key_of = image.labels.get(KEY).map(String::as_str);
            key.is_some() && key_of == key && image.names.iter().any(|n| n.starts_with(&repository))
        };
        let has_name = |image: &&EngineImage| image.names.iter().any(|name| name == tag);
        let mut same: Vec<&EngineImage> = self.images.iter().filter(is_ours).collect();
        same.sort_by_key(|image| !has_name(image));
        if let Some(image) = same.first() {
            return LayerState::Built {
                id: image.id.clone(),
                size: image.size,
                named: has_name(image),
            };
        }
        let Some(old) = named(self.images, tag) else {
            return LayerState::Missing;
        };
        let old = old.labels.get(INPUTS).map(String::as_str);
        let old = old.and_then(|text| serde_json::from_str(text).ok());
        LayerState::Changed(match old {
            Some(old) => reasons(&old, inputs),
            None => vec!["the image of that name is not git dkr's".to_owned()],
        })
    }
}

fn named<'a>(images: &'a [EngineImage], name: &str) -> Option<&'a EngineImage> {
    let full = if name
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains([':', '@']))
    {
        name.to_owned()
    } else {
        format!("{name}:latest")
    };
    let has = |found: &&EngineImage| {
        found.id == name || found.names.contains(&full) || found.digests.contains(&full)
    };
    images.iter().find(has)
}

/// What is different, the most telling first.
fn reasons(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| {
            let (kind, what) = name.split_once(':').unwrap_or((name, ""));
            match (kind, old.get(name), new.get(name)) {
                ("file", Some(_), Some(_)) => format!("{what} changed"),
                ("file", None, _) => format!("{what} is new"),
                ("file", _, None) => format!("{what} is gone"),
                ("layer", Some(_), Some(_)) => format!("the layer {what} below it changed"),
                ("layer", _, None) => format!("it stood on {what}"),
                ("image", Some(_), Some(_)) => format!("{what} has a new digest"),
                ("image", _, None) => format!("it stood on {what}"),
                ("layer" | "image", None, _) => format!("it stands on {what}"),
                (_, _, Some(value)) if !what.is_empty() => format!("{what} is now \"{value}\""),
                (_, _, None) if !what.is_empty() => format!("{what} is no longer set"),
                (kind, ..) => format!("its {kind} changed"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;

//! What a composed image is made of: a function of the layers.

use crate::conf::is_prefix;
use crate::error::Failure;
use crate::layers::catalog::{LayerCatalog, LayerSettings};
use crate::layers::dockerfile::last_user;
use crate::layers::layer::Layer;
use crate::layers::plan::Planner;

/// What of a layer is taken along.
#[derive(Debug, Clone)]
pub(crate) struct ComposeSource<'a> {
    /// The layer, whose image it is taken from.
    pub layer: &'a Layer,
    /// Commands.
    pub binaries: Vec<&'a str>,
    /// Shared libraries.
    pub libraries: Vec<&'a str>,
    pub paths: Vec<&'a str>,
    /// Directories of a system, of which only what the layer added is taken.
    pub system: Vec<&'a str>,
}

/// What it is put into.
#[derive(Debug, Clone)]
pub(crate) enum Runtime<'a> {
    /// These layers as one image, each behind what it requires.
    Layers(Vec<&'a Layer>),
    /// An image that is no layer's.
    Image(&'a str),
}

/// A composed image, before anything is known of the engine.
#[derive(Debug, Clone)]
pub(crate) struct Recipe<'a> {
    /// The layers that were asked for.
    pub layers: Vec<&'a Layer>,
    pub sources: Vec<ComposeSource<'a>>,
    pub runtime: Runtime<'a>,
    /// What users should hear.
    pub remarks: Vec<String>,
}

/// The places of a recipe's images in a plan.
#[derive(Debug, Clone)]
pub(crate) struct RecipeImages {
    /// Of its sources, in their order.
    pub sources: Vec<usize>,
    /// Of its runtime, when that is of layers.
    pub runtime: Option<usize>,
}

impl<'a> Recipe<'a> {
    /// Decides what an image of these layers is made of.
    pub(crate) fn new(catalog: &'a LayerCatalog, names: &[String]) -> Result<Self, Failure> {
        let mut layers: Vec<&Layer> = Vec::new();
        for name in names {
            let layer = catalog.get(name)?;
            if !layers.iter().any(|other| other.name() == layer.name()) {
                layers.push(layer);
            }
        }
        for layer in &layers {
            provides_something(layer)?;
        }
        let mut recipe = Self {
            runtime: Runtime::Image(""),
            layers,
            sources: Vec::new(),
            remarks: Vec::new(),
        };
        let apart = recipe.choose_runtime(catalog)?;
        let inside: Vec<&str> = match &recipe.runtime {
            Runtime::Layers(layers) => layers.iter().map(|layer| layer.name()).collect(),
            Runtime::Image(_) => Vec::new(),
        };
        for layer in recipe.layers.clone().into_iter().chain(apart) {
            let known = recipe
                .sources
                .iter()
                .any(|source| source.layer.name() == layer.name());
            if !known && !inside.contains(&layer.name()) && provides_something(layer).is_ok() {
                not_too_much(layer)?;
                recipe.add(layer);
            }
        }
        Ok(recipe)
    }

    /// Gives the runtime layers that cannot be put on the others: they are copied from.
    fn choose_runtime(&mut self, catalog: &'a LayerCatalog) -> Result<Vec<&'a Layer>, Failure> {
        let mut wanted: Vec<&str> = Vec::new();
        for reference in self.layers.iter().flat_map(|l| &l.definition.runtime) {
            if !wanted.contains(&reference.name.as_str()) {
                wanted.push(&reference.name);
            }
        }
        if wanted.is_empty() {
            let lowest = self.layers.iter().find_map(|layer| {
                let order = catalog.order(&[layer.name()]).ok()?;
                order.first().copied()
            });
            let lowest = lowest.ok_or_else(|| Failure::new("there is nothing to compose"))?;
            let named = self.layers.iter().any(|l| l.name() == lowest.name());
            self.runtime = if named {
                Runtime::Image(&lowest.text.bottom)
            } else {
                Runtime::Layers(vec![lowest])
            };
            return Ok(Vec::new());
        }
        let mut chosen: Vec<&str> = Vec::new();
        let mut order: Vec<&Layer> = Vec::new();
        let mut apart = Vec::new();
        for name in wanted {
            chosen.push(name);
            match stacked(catalog, &chosen)? {
                Some(found) => order = found,
                None => {
                    chosen.pop();
                    self.remarks.push(format!(
                        "{name} cannot be put on {}; what it provides is copied",
                        chosen.join(" ")
                    ));
                    apart.push(catalog.get(name)?);
                }
            }
        }
        self.runtime = Runtime::Layers(order);
        Ok(apart)
    }

    /// Adds what the layer provides and no other before it.
    fn add(&mut self, layer: &'a Layer) {
        let base = |path: &'a str| path.rsplit('/').next().unwrap_or(path);
        let definition = &layer.definition;
        let mut binaries: Vec<&str> = Vec::new();
        for binary in &definition.binaries {
            let first = self
                .sources
                .iter()
                .find(|source| source.binaries.iter().any(|b| base(b) == base(binary)));
            match first {
                Some(first) => self.remarks.push(format!(
                    "{} and {} both provide {}; the one of {0} is copied",
                    first.layer.name(),
                    layer.name(),
                    base(binary)
                )),
                None if binaries.contains(&binary.as_str()) => {}
                None => binaries.push(binary),
            }
        }
        let (system, own): (Vec<&str>, Vec<&str>) = definition
            .paths
            .iter()
            .map(String::as_str)
            .partition(|path| is_of_a_system(path));
        // Each layer has added something of its own there.
        let system = fresh(system, &[]);
        if !system.is_empty() {
            let remark = format!(
                "of {} only what {} itself added is copied",
                system.join(" and "),
                layer.name()
            );
            self.remarks.push(remark);
        }
        let sources = &self.sources;
        let libraries = sources.iter().flat_map(|source| &source.libraries);
        let paths = sources.iter().flat_map(|source| &source.paths);
        let source = ComposeSource {
            layer,
            binaries,
            libraries: fresh(names(&definition.libraries), &libraries.collect::<Vec<_>>()),
            paths: fresh(own, &paths.collect::<Vec<_>>()),
            system,
        };
        self.sources.push(source);
    }

    /// Plans the images that it is made of.
    pub(crate) fn plan<'p>(
        &self,
        planner: &mut Planner<'p>,
        catalog: &'p LayerCatalog,
    ) -> Result<RecipeImages, Failure> {
        let sources = self.sources.iter();
        let sources = sources.map(|source| planner.own(catalog.get(source.layer.name())?));
        let sources = sources.collect::<Result<_, _>>()?;
        let runtime = match &self.runtime {
            Runtime::Layers(layers) => {
                let layers = layers.iter().map(|layer| catalog.get(layer.name()));
                Some(planner.stack(&layers.collect::<Result<Vec<_>, _>>()?)?)
            }
            Runtime::Image(_) => None,
        };
        Ok(RecipeImages { sources, runtime })
    }

    /// The user that the runtime ends as, when its layers say so.
    pub(super) fn user(&self) -> Option<String> {
        let Runtime::Layers(layers) = &self.runtime else {
            return None;
        };
        let users = layers.iter().rev();
        users
            .filter_map(|layer| last_user(&layer.dockerfile))
            .next()
    }
}

/// Those that were not taken yet, each once.
fn fresh<'a>(all: Vec<&'a str>, taken: &[&&str]) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for name in all {
        if !taken.contains(&&name) && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn names(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

fn provides_something(layer: &Layer) -> Result<(), Failure> {
    let definition = &layer.definition;
    let all = [
        &definition.binaries,
        &definition.libraries,
        &definition.paths,
    ];
    if all.iter().any(|list| !list.is_empty()) {
        return Ok(());
    }
    let message = format!("the layer `{}` provides nothing", layer.name());
    Err(Failure::new(message).hint(format!(
        "[provides] of {}/layer.toml names what compose copies",
        layer.directory
    )))
}

/// Directories that belong to a system as a whole.
const WHOLE: &str = "/ /bin /boot /etc /home /lib /lib32 /lib64 /libx32 /media /opt /root \
    /sbin /srv /tmp /usr /usr/bin /usr/include /usr/lib /usr/lib64 /usr/libexec /usr/local /usr/local/bin \
    /usr/sbin /usr/share /var /var/cache /var/lib";
/// What a package manager, or the engine, keeps for itself; and where an image is mounted.
pub(super) const FOREIGN: &str = "/var/lib/dpkg /var/lib/apt /var/lib/rpm /usr/lib/sysimage /lib/apk /var/lib/pacman \
    /dev /proc /sys /run /mnt";
/// What belongs to the machine that a system runs on, and to the moment.
pub(super) const MACHINE: &str = "/.dockerenv /etc/hosts /etc/hostname /etc/ld.so.cache /etc/mtab /etc/resolv.conf /tmp \
    /var/cache /var/log /var/tmp";

/// The parts of a path, without what does not matter.
fn parts(path: &str) -> Vec<&str> {
    path.split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect()
}

fn is_of_a_system(path: &str) -> bool {
    let plain = format!("/{}", parts(path).join("/"));
    WHOLE.split_whitespace().any(|directory| plain == directory)
}

/// Refuses to put one system over another.
fn not_too_much(layer: &Layer) -> Result<(), Failure> {
    for path in &layer.definition.paths {
        let plain = format!("/{}", parts(path).join("/"));
        let within =
            |directory: &str| plain == directory || plain.starts_with(&format!("{directory}/"));
        let message = format!("the layer `{}` provides {path}", layer.name());
        if parts(path).contains(&"..") || FOREIGN.split_whitespace().any(within) {
            return Err(Failure::new(message).hint(
                "compose copies what a layer brings, not what a system keeps for itself: name files and directories of its own",
            ));
        }
        // Nothing is below it from which what it added could be told.
        if is_of_a_system(path) && layer.text.bottom == "scratch" {
            return Err(Failure::new(format!("{message}, and starts from scratch")).hint(
                "all of a system would be copied over another: name files and directories of its own",
            ));
        }
    }
    Ok(())
}

/// These layers and what they require in an order in which they make one image, if there is one:
/// a layer that says itself what it starts from cannot be put on others.
fn stacked<'a>(
    catalog: &'a LayerCatalog,
    names: &[&str],
) -> Result<Option<Vec<&'a Layer>>, Failure> {
    let mut fixed_first = names.to_vec();
    fixed_first.sort_by_key(|name| catalog.get(name).is_ok_and(|layer| layer.text.takes_base()));
    for names in [names, &fixed_first] {
        let order = catalog.order(names)?;
        let mut below: Vec<&str> = Vec::new();
        let mut fits = true;
        for layer in &order {
            if !layer.text.takes_base() {
                let held = catalog.order(&[layer.name()])?;
                let holds = |name: &&str| held.iter().any(|layer| layer.name() == *name);
                fits &= below.iter().all(holds);
            }
            below.push(layer.name());
        }
        if fits {
            return Ok(Some(order));
        }
    }
    Ok(None)
}

/// Whether an image can be given this name: `app`, `registry:5000/team/app:1.0`.
pub(crate) fn check_tag(
    tag: &str,
    settings: &LayerSettings,
    catalog: &LayerCatalog,
) -> Result<(), Failure> {
    let (name, version) = match tag.rsplit_once(':') {
        Some((name, version)) if !version.contains('/') => (name, version),
        _ => (tag, "latest"),
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || matches!(c, '.' | '-');
    let fits = version.len() <= 128
        && version.chars().all(word)
        && !version.is_empty()
        && !version.starts_with(['.', '-']);
    if !fits || !is_prefix(name) {
        return Err(
            Failure::new(format!("`{tag}` cannot be the name of an image"))
                .hint("a name in lower-case letters, and a version if wanted: tools:1.0"),
        );
    }
    let layer = crate::layers::catalog::parse_layer_tag(tag, &settings.prefix);
    if layer.is_some_and(|(name, _)| catalog.layers.contains_key(name)) {
        return Err(
            Failure::new(format!("{tag} is the name of a layer's image")).hint("take another name"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;

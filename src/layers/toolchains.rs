//! Which versions of toolchains the built-in layers hold: pinned ones of those who make them, or whatever
//! the distribution has.

use anyhow::Error;

use super::definition::Definition;
use super::layer::{Layer, LayerOrigin};
use crate::conf::Toolchains;
use crate::engine::EngineError;
use crate::error::Failure;

/// A toolchain, the layer and build argument that choose its version, and the version of its makers
/// that is taken. Checksums are in `templates/layers/fetch`.
struct Pinned {
    name: &'static str,
    layer: &'static str,
    arg: &'static str,
    version: &'static str,
}

const PINNED: [Pinned; 5] = [
    pinned("Go", "golang", "GO_VERSION", "1.23.4"),
    pinned("Rust", "rust", "RUST_VERSION", "1.99.0"),
    pinned("Node.js", "nodejs", "NODE_VERSION", "24.19.0"),
    pinned("JDK", "java", "JAVA_VERSION", "21.0.12+8"),
    pinned("Gradle", "java", "GRADLE_VERSION", "8.14.4"),
];

const fn pinned(
    name: &'static str,
    layer: &'static str,
    arg: &'static str,
    version: &'static str,
) -> Pinned {
    Pinned {
        name,
        layer,
        arg,
        version,
    }
}

/// The toolchains of a built-in layer; somebody's own layer of the same name decides for itself.
fn pinned_in<'a>(
    origin: LayerOrigin,
    layer: &'a str,
) -> impl Iterator<Item = &'static Pinned> + 'a {
    PINNED
        .iter()
        .filter(move |pinned| origin == LayerOrigin::BuiltIn && pinned.layer == layer)
}

/// Sets the build arguments of a layer; an empty one stands for the distribution's own.
pub(super) fn choose(origin: LayerOrigin, definition: &mut Definition, toolchains: Toolchains) {
    for pinned in pinned_in(origin, &definition.name) {
        let version = match toolchains {
            Toolchains::Upstream => pinned.version,
            Toolchains::Distribution => "",
        };
        if let Some(value) = definition.args.get_mut(pinned.arg) {
            version.clone_into(value);
        }
    }
}

/// The versions inside a layer, as far as they are chosen: `Go 1.23.4`.
pub(crate) fn versions(layer: &Layer) -> Vec<String> {
    let version = |pinned: &Pinned| match layer.definition.args.get(pinned.arg) {
        Some(version) if !version.is_empty() => format!("{} {version}", pinned.name),
        _ => format!("{} of the distribution", pinned.name),
    };
    pinned_in(layer.origin, layer.name()).map(version).collect()
}

/// Adds what to do when the build of a layer with a pinned version failed at a step.
pub(super) fn explain(layer: &Layer, error: Error) -> Error {
    let is_pinned = |pinned: &Pinned| {
        layer.definition.args.get(pinned.arg).map(String::as_str) == Some(pinned.version)
    };
    let is_step = matches!(error.downcast_ref(), Some(EngineError::Step { .. }));
    if !is_step || !pinned_in(layer.origin, layer.name()).any(is_pinned) {
        return error;
    }
    let versions = versions(layer).join(" and ");
    Failure::new(format!("{error:#}"))
        .hint(format!(
            "where {versions} cannot be fetched, as in a closed network, the distribution's own does: \
             git config dkr.toolchains distribution"
        ))
        .into()
}

//! Gathers what a build depends on, for its key manifest.

use anyhow::{Context, Result};

use super::tool_layers::ToolLayers;
use crate::conf::{CaBundle, Conf, ca};
use crate::image::context::BuildContext;
use crate::image::model::dockerfile::CloneOptions;
use crate::image::model::key_manifest::{BaseInputs, BuildInputs, KeyManifest, check_key_files};
use crate::image::model::{Image, Target};

/// Of a full clone; `None` while the base image is not here.
pub(super) fn of_create(
    context: BuildContext,
    conf: &Conf,
    target: &Target,
    clone: &CloneOptions,
    tool_layers: Option<&ToolLayers>,
) -> Result<Option<KeyManifest>> {
    // Layers may yet have to be built; what they stand on is here.
    let name = match tool_layers {
        None => Some(conf.base_image.value.as_str()),
        Some(layers) => layers.bottom(),
    };
    let found = match name {
        None => None,
        Some(name) => match context.engine.inspect_one(name)? {
            None => return Ok(None),
            found => found,
        },
    };
    let bundle = context.host.ca_bundle.as_ref();
    let ca = bundle
        .filter(|_| conf.ca_bundle.value == CaBundle::Install)
        .map(|bundle| ca::read(&bundle.value))
        .transpose()?;
    let names = tool_layers.map(ToolLayers::names).unwrap_or_default();
    let layers = match tool_layers {
        None => None,
        Some(layers) => match layers.key() {
            Some(key) => Some((names.as_slice(), key)),
            None => return Ok(None),
        },
    };
    let digest = found
        .as_ref()
        .zip(name)
        .map(|(found, name)| found.digest(name));
    let platform = found.as_ref().and_then(|found| found.platform.as_deref());
    let base = BaseInputs {
        image: name.unwrap_or("scratch"),
        digest: digest.unwrap_or_default(),
        layers,
        platform: platform.unwrap_or_default(),
        clone,
        ca: ca.as_deref(),
    };
    let key_files = key_files(context, conf, target)?;
    let inputs = BuildInputs {
        conf,
        target,
        key_files: &key_files,
    };
    Ok(Some(KeyManifest::of_create(inputs, base)))
}

/// Of one more layer on an image.
pub(super) fn of_update(
    context: BuildContext,
    conf: &Conf,
    target: &Target,
    parent: &Image,
) -> Result<KeyManifest> {
    let key_files = key_files(context, conf, target)?;
    let inputs = BuildInputs {
        conf,
        target,
        key_files: &key_files,
    };
    // An image of an earlier git dkr has no key; its id stands for it.
    let key = parent.labels.cache_key.as_ref().unwrap_or(&parent.id);
    Ok(KeyManifest::of_update(inputs, key))
}

fn key_files(context: BuildContext, conf: &Conf, target: &Target) -> Result<Vec<(String, String)>> {
    let found = context
        .repo
        .blobs_at(&target.commit, &conf.key_file_patterns());
    let found = found.context("cannot look up the key files")?;
    check_key_files(&found)?;
    Ok(found)
}

//! Gathers what a build depends on, for its key manifest.

use anyhow::{Context, Result};

use super::dockerfile::CloneOptions;
use super::manifest::{BaseInputs, BuildInputs, KeyManifest, check_key_files};
use super::plan::BuildContext;
use super::tool_layers::ToolLayers;
use super::{Image, Target};
use crate::conf::{self, CaBundle, Conf, ca};

/// Of an image of its own; `None` while the base image is not here.
pub fn of_create(
    context: BuildContext,
    conf: &Conf,
    target: &Target,
    clone: CloneOptions,
    tool_layers: Option<&ToolLayers>,
) -> Result<Option<KeyManifest>> {
    // Layers may yet have to be built; what they stand on is here.
    let name = match tool_layers {
        None => Some(&conf.base_image.value),
        Some(tool_layers) => tool_layers.bottom.as_ref(),
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
    let layers = match tool_layers {
        None => None,
        Some(tool_layers) => match &tool_layers.key {
            Some(key) => Some((tool_layers.layers.as_slice(), key.as_str())),
            None => return Ok(None),
        },
    };
    let base = BaseInputs {
        image: name.map_or("scratch", String::as_str),
        digest: found
            .as_ref()
            .zip(name)
            .map_or("", |(found, name)| found.digest(name)),
        layers,
        platform: found
            .as_ref()
            .and_then(|found| found.platform.as_deref())
            .unwrap_or_default(),
        clone,
        ca: ca.as_deref(),
    };
    let key_files = key_files(context, conf, target)?;
    let inputs = BuildInputs {
        conf,
        target,
        key_files: &key_files,
    };
    KeyManifest::of_create(inputs, base).map(Some)
}

/// Of one more layer on an image.
pub fn of_update(
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
    KeyManifest::of_update(inputs, key)
}

fn key_files(context: BuildContext, conf: &Conf, target: &Target) -> Result<Vec<(String, String)>> {
    let found = context.repo.blobs_at(&target.commit, &patterns(conf));
    let found = found.context("cannot look up the key files")?;
    check_key_files(&found)?;
    Ok(found)
}

/// The patterns of key files; the settings themselves are always one.
pub fn patterns(conf: &Conf) -> Vec<String> {
    let mut patterns = conf.key_files.value.clone();
    patterns.push(conf::FILE.to_owned());
    patterns
}

//! What is decided of a build: values that can be printed.

use std::collections::BTreeMap;

use super::request::Reuse;
use super::tool_layers::ToolLayers;
use crate::conf::Conf;
use crate::git::{CommitSummary, Objects};
use crate::image::model::chain_base::ChainBase;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::model::labels::ImageKind;
use crate::image::model::{Image, Target};
use crate::image::parent::{FullCloneReason, NearestImage};

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) enum BuildAction {
    /// Nothing: this image is what is wanted.
    UpToDate(Box<Image>),
    /// This image is what is wanted, and gets the name.
    Retag(Box<Image>, String),
    /// This is to be built.
    Build(Box<BuildPlan>),
}

/// What a build starts from.
#[derive(Debug, Clone)]
pub(crate) enum Foundation {
    /// The base image that the settings name: a full clone.
    BaseImage {
        /// Why it is built on no other image of the repository, where there are any.
        reason: Option<FullCloneReason>,
    },
    /// The uppermost of the layers that the settings ask for: a full clone, too.
    ToolLayers {
        layers: ToolLayers,
        /// As above.
        reason: Option<FullCloneReason>,
    },
    /// The nearest image of the repository: the result is what a full clone would give.
    Nearest(NearestImage),
    /// The image that is updated.
    Previous {
        image: Image,
        /// The full clone below it.
        base: ChainBase,
    },
}

impl Foundation {
    /// What the result is told to be.
    pub(crate) fn kind(&self) -> ImageKind {
        match self {
            Self::BaseImage { .. } | Self::ToolLayers { .. } | Self::Nearest(_) => ImageKind::Base,
            Self::Previous { .. } => ImageKind::Update,
        }
    }

    /// The image of the repository, with the full clone below it; none for a full clone.
    pub(crate) fn parent(&self) -> Option<(&Image, &ChainBase)> {
        match self {
            Self::BaseImage { .. } | Self::ToolLayers { .. } => None,
            Self::Nearest(nearest) => Some((&nearest.image, &nearest.base)),
            Self::Previous { image, base } => Some((image, base)),
        }
    }

    /// The layers that are to be there before.
    pub(crate) fn tool_layers(&self) -> Option<&ToolLayers> {
        match self {
            Self::ToolLayers { layers, .. } => Some(layers),
            Self::BaseImage { .. } | Self::Nearest(_) | Self::Previous { .. } => None,
        }
    }

    /// Why it is a full clone, where there are images that it might have been built on.
    pub(crate) fn full_clone_reason(&self) -> Option<&FullCloneReason> {
        match self {
            Self::BaseImage { reason } | Self::ToolLayers { reason, .. } => reason.as_ref(),
            Self::Nearest(_) | Self::Previous { .. } => None,
        }
    }
}

/// What the cache key is over.
#[derive(Debug, Clone)]
pub(crate) enum PlannedKey {
    Known(KeyManifest),
    /// The digests of these images, among other things, which are to be fetched first.
    AfterPull(Vec<String>),
}

impl PlannedKey {
    /// What it is over, if that is known.
    pub(crate) fn manifest(&self) -> Option<&KeyManifest> {
        match self {
            Self::Known(manifest) => Some(manifest),
            Self::AfterPull(_) => None,
        }
    }
}

/// A build: a value that can be printed.
#[derive(Debug, Clone)]
pub(crate) struct BuildPlan {
    /// What the image is to hold.
    pub target: Target,
    /// What is shown of the commit.
    pub commit: CommitSummary,
    /// Settings at that commit.
    pub conf: Conf,
    pub tag: String,
    /// What it starts from.
    pub foundation: Foundation,
    /// What of earlier builds it may use.
    pub reuse: Reuse,
    /// Which objects a full clone has.
    pub objects: Objects,
    /// The flags that shape the image, by the names of their settings: an update has them again.
    pub asked: BTreeMap<String, String>,
    /// What the cache key is over.
    pub key: PlannedKey,
    pub dockerfile: String,
    /// What the user should hear beforehand.
    pub remarks: Vec<String>,
}

impl BuildPlan {
    /// What would be done, in a line.
    pub(crate) fn describe(&self) -> String {
        let tag = &self.tag;
        match &self.foundation {
            Foundation::BaseImage { .. } | Foundation::ToolLayers { .. } => {
                format!("{tag} on {}", self.conf.base_image.value)
            }
            Foundation::Nearest(nearest) if nearest.distance.is_empty() => {
                format!("{tag} on {}", nearest.image.tag)
            }
            Foundation::Nearest(nearest) => {
                format!("{tag} on {}: {}", nearest.image.tag, nearest.distance)
            }
            Foundation::Previous { image, .. } => {
                let commit = image.labels.commit.short();
                format!("{tag}, one layer on the image of {commit}")
            }
        }
    }
}

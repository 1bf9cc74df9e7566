//! What is asked for of the image that a create is built on, and what comes of it.

use std::fmt;

use super::cost::Reason;
use crate::conf::Conf;
use crate::git::ObjectId;
use crate::image::context::BuildContext;
use crate::image::model::Image;
use crate::image::model::chain_base::ChainBase;
use crate::image::model::chain_limits::ChainLimit;
use crate::image::model::key_manifest::KeyManifest;

/// What the user says of the image that a create is built on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ParentChoice<'a> {
    /// The cheapest; a full clone for one who insists on building.
    #[default]
    Cheapest,
    Nothing,
    /// This image, by its name, its id or its branch.
    Image(&'a str),
}

impl<'a> ParentChoice<'a> {
    /// As it is typed.
    pub(crate) fn parse(typed: Option<&'a str>) -> Self {
        match typed {
            None => Self::Cheapest,
            Some("none") => Self::Nothing,
            Some(name) => Self::Image(name),
        }
    }
}

/// The create for which an image is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParentQuery<'a> {
    /// What it works with.
    pub context: BuildContext<'a>,
    pub commit: &'a ObjectId,
    /// The settings at that commit.
    pub conf: &'a Conf,
    /// What it depends on; `None` while that is not known, and then no image can be compared with it.
    pub manifest: Option<&'a KeyManifest>,
}

/// What a create is built on.
#[derive(Debug, Clone)]
pub(crate) enum SelectedParent {
    /// An image of the repository.
    Nearest(Box<NearestImage>),
    /// None, and why, where there are images.
    None(Option<FullCloneReason>),
}

/// The image of the repository from which the least leads to the target.
#[derive(Debug, Clone)]
pub(crate) struct NearestImage {
    pub image: Image,
    /// The full clone below it.
    pub base: ChainBase,
    /// How far it is: `214 commits, 3.1 MB`; empty where git cannot say.
    pub distance: String,
}

/// Why a build is a full clone, though there are images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FullCloneReason {
    /// The most likely one cannot be built on.
    Unusable { tag: String, reason: Reason },
    /// The nearest one is no cheaper.
    Farther {
        tag: String,
        /// How far it is.
        distance: String,
    },
    /// The image that is updated has too much over its full clone.
    ChainLimit {
        tag: String,
        /// What it has too much of.
        limit: ChainLimit,
    },
}

impl fmt::Display for FullCloneReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { tag, reason } => write!(f, "not on {tag}: {reason}"),
            Self::Farther { tag, distance } => {
                write!(f, "not on {tag}, which is no cheaper: {distance}")
            }
            Self::ChainLimit { tag, limit } => {
                write!(f, "not on {tag}: {limit}: this update is a create")?;
                match limit {
                    ChainLimit::Engine(_) => Ok(()),
                    _ => f.write_str("; --keep-chain makes it a layer"),
                }
            }
        }
    }
}

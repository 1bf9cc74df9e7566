//! One layer, as it was read.

use super::definition::Definition;
use super::dockerfile::LayerDockerfile;
use super::files::LayerFiles;

/// Where a layer was found; the first that has a name wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerOrigin {
    /// A directory that the user named.
    Named,
    /// `.dkr/layers` of the repository.
    Repository,
    /// The user's own directory.
    User,
    /// It comes with git dkr.
    BuiltIn,
}

impl LayerOrigin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Named => "folder",
            Self::Repository => "repository",
            Self::User => "user",
            Self::BuiltIn => "built in",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Layer {
    /// What its `layer.toml` says, build arguments as the user set them.
    pub definition: Definition,
    /// Where it was found.
    pub origin: LayerOrigin,
    /// How users know its directory.
    pub directory: String,
    pub files: LayerFiles,
    pub dockerfile: String,
    pub text: LayerDockerfile,
}

impl Layer {
    pub fn name(&self) -> &str {
        &self.definition.name
    }
}

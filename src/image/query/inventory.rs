//! Which images there are.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::engine::Engine;
use crate::image::model::labels::MARK;
use crate::image::model::{Image, names};
use crate::ui::Printer;

/// An image with our mark and labels that make no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StrangeImage {
    tag: String,
    /// The repository that it is said to be of.
    repo_path: Option<PathBuf>,
    reason: String,
}

impl StrangeImage {
    /// What is wrong with it, and the command that removes it.
    pub(crate) fn describe(&self, engine: &Engine) -> String {
        let Self { tag, reason, .. } = self;
        let engine = engine.kind();
        format!("{tag} is left out: {reason}; {engine} rmi {tag} removes it")
    }
}

/// What an engine has of git dkr.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// The images that have a name, newest first, each once.
    pub images: Vec<Image>,
    /// Those that cannot be used.
    pub strange: Vec<StrangeImage>,
}

impl Inventory {
    /// Asks the engine.
    pub(crate) fn list(engine: &Engine) -> Result<Self> {
        let (mut images, mut strange) = (Vec::new(), Vec::new());
        for found in engine.images(MARK)? {
            // A name that a build which was killed left behind is no image's own.
            let Some(first) = found.names.iter().find(|name| !names::is_lent(name)) else {
                continue;
            };
            match Image::read(first.clone(), &found) {
                Ok(image) => images.push(image.under_our_name(&found.names)),
                Err(reason) => strange.push(StrangeImage {
                    tag: first.clone(),
                    repo_path: found.labels.get("dkr.repo_path").map(PathBuf::from),
                    reason,
                }),
            }
        }
        // Of an image and what somebody built on it, which inherits all labels, ours comes first.
        images.sort_by_key(|image| {
            (
                std::cmp::Reverse(image.labels.created_at),
                !image.has_our_name(),
            )
        });
        Ok(Self { images, strange })
    }

    /// Warns of those that cannot be used: of this repository, or of all.
    pub(crate) fn warn(&self, engine: &Engine, repo_path: Option<&Path>, printer: Printer) {
        let concerns = |strange: &&StrangeImage| {
            repo_path.is_none_or(|path| strange.repo_path.as_deref() == Some(path))
        };
        for strange in self.strange.iter().filter(concerns) {
            printer.warn(format_args!("image {}", strange.describe(engine)));
        }
    }
}

/// The images of all repositories, for a command about one of them: a warning tells of each that is
/// said to be of this one and cannot be used.
pub(crate) fn all_for(engine: &Engine, repo_path: &Path, printer: Printer) -> Result<Vec<Image>> {
    let inventory = Inventory::list(engine)?;
    inventory.warn(engine, Some(repo_path), printer);
    Ok(inventory.images)
}

/// The newest image of a repository and branch.
pub(crate) fn newest_of<'a>(
    images: &'a [Image],
    repo_path: &Path,
    branch: &str,
) -> Option<&'a Image> {
    images.iter().find(|image| image.is_of(repo_path, branch))
}

//! The image that a user names.

use anyhow::{Context, Result};

use super::target::{self, FetchMode};
use crate::error::Failure;
use crate::git::Repo;
use crate::image::model::Image;

/// The image that a name means: a tag, an id or its beginning; `None` when it is none of them.
pub(crate) fn by_name<'a>(images: &'a [Image], name: &str) -> Option<&'a Image> {
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    let is_id = id.len() >= 6 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    images.iter().find(|image| image.tag == name).or_else(|| {
        images.iter().find(|image| {
            let hex = image.id.trim_start_matches("sha256:");
            is_id && hex.starts_with(id)
        })
    })
}

/// An image by its name, or the newest of a branch of the repository.
pub(crate) fn find_image<'a>(images: &'a [Image], repo: &Repo, name: &str) -> Result<&'a Image> {
    if let Some(image) = by_name(images, name) {
        return Ok(image);
    }
    let target = target::resolve(repo, Some(name), FetchMode::No);
    let branch = target.as_ref().ok().map(|target| target.branch.as_str());
    let found = images
        .iter()
        .find(|image| image.labels.repo_path == repo.path && image.answers_to(name, branch));
    match found {
        Some(image) => Ok(image),
        None => {
            target.with_context(|| format!("no image is called {name}"))?;
            Err(Failure::new(format!("there is no image of {name} yet"))
                .hint(format!(
                    "git dkr list-images shows what there is, git dkr explain --candidates {name} what it would stand on"
                ))
                .into())
        }
    }
}

/// The newest image of the repository.
pub(crate) fn newest<'a>(images: &'a [Image], repo: &Repo) -> Result<&'a Image> {
    let found = images
        .iter()
        .find(|image| image.labels.repo_path == repo.path);
    found.ok_or_else(|| {
        Failure::new("there is no image of this repository yet")
            .hint("git dkr create-image makes one")
            .into()
    })
}

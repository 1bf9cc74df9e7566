//! The name of the image that is built.

use anyhow::Result;

use crate::image::context::BuildContext;
use crate::image::model::labels::Labels;
use crate::image::model::{Image, Target, names};

/// That of the branch's newest image, unless somebody else gave it.
pub(super) fn tag(
    context: BuildContext,
    target: &Target,
    newest: Option<&Image>,
) -> Result<String> {
    match newest.filter(|image| image.has_our_name()) {
        Some(image) => Ok(image.tag.clone()),
        None => free_tag(context, target),
    }
}

/// The plain tag, or one with a hash when the plain one is another's.
fn free_tag(context: BuildContext, target: &Target) -> Result<String> {
    let (repo, branch) = (context.repo, &target.branch);
    let plain = names::tag(&repo.name(), branch);
    let taken = context.engine.inspect_one(&plain)?.is_some_and(|found| {
        match Labels::parse(&found.labels) {
            Ok(labels) => labels.repo_path != repo.path || labels.branch != *branch,
            Err(_) => true,
        }
    });
    Ok(match taken {
        true => names::tag_apart(&repo.name(), &repo.path, branch),
        false => plain,
    })
}

//! How much of the commit is to be in an image, held against what there is.

use std::path::Path;

use anyhow::{Result, bail};

use super::build_plan::BuildPlan;
use crate::conf::{Conf, Submodules};
use crate::error::Failure;
use crate::git::{Extras, ExtrasRequest, ObjectId, Repo};
use crate::image::Image;
use crate::image::context::BuildContext;
use crate::image::model::input_table::BESIDE_THE_COMMIT;
use crate::image::query::records;

/// What to say of directories of `sparse` that the commit lacks. Fails when none of them is there, or
/// one is a file: nobody wants that image.
pub(super) fn absent(repo: &Repo, commit: &ObjectId, conf: &Conf) -> Result<Option<String>> {
    let wanted = outermost(&conf.sparse.value);
    if wanted.is_empty() {
        return Ok(None);
    }
    let found = repo.which(commit, &wanted)?;
    let short = commit.short();
    if !found.files.is_empty() {
        bail!(
            Failure::new(format!(
                "sparse ({}) names what is not a directory in {short}: {}",
                conf.sparse.origin,
                found.files.join(", ")
            ))
            .hint("name the directory that it is in; files at the top are always there")
        );
    }
    let there = |path: &String| found.directories.contains(path) || found.submodules.contains(path);
    let lacking: Vec<&str> = wanted
        .iter()
        .filter(|path| !there(path))
        .map(String::as_str)
        .collect();
    if lacking.is_empty() {
        return Ok(None);
    }
    let text = format!(
        "sparse ({}) names what {short} does not have: {}",
        conf.sparse.origin,
        lacking.join(", ")
    );
    if lacking.len() == wanted.len() {
        bail!(Failure::new(text).hint(format!(
            "git ls-tree -dr --name-only {short} lists its directories"
        )));
    }
    Ok(Some(text))
}

/// What is to come with the commit, beside the repository's own objects. Fails when the host lacks
/// any of it.
pub(crate) fn extras(context: BuildContext, plan: &BuildPlan) -> Result<Extras> {
    let (conf, commit) = (&plan.conf, &plan.target.commit);
    let wanted = ExtrasRequest {
        submodules: conf.submodules.value != Submodules::No,
        recursive: conf.submodules.value == Submodules::Recursive,
        lfs: conf.lfs.value,
        sparse: &conf.sparse.value,
    };
    if !wanted.submodules && !wanted.lfs {
        return Ok(Extras::default());
    }
    if let Some(key) = &context.host.ssh_key {
        let message = format!(
            "submodules and files of git-lfs cannot be fetched over the host's own sshd ({})",
            key.origin
        );
        bail!(Failure::new(message).hint(
            "leave --ssh-key (dkr.sshKey) out, or set submodules = no and lfs = no in .dkr.conf"
        ));
    }
    // What is asked below must be here.
    context
        .repo
        .complete(commit, conf.filter.value.spec(), context.printer)?;
    let below = match plan.foundation.parent() {
        Some((parent, _)) if same_scope(context, plan, parent)? => Some(&parent.labels.commit),
        _ => None,
    };
    Extras::find(context.repo, commit, wanted, below)
}

/// Whether an image was asked for the same, so that it has what its own commit needs. Without a
/// record nobody knows, and all is sent.
fn same_scope(context: BuildContext, plan: &BuildPlan, image: &Image) -> Result<bool> {
    let records = records::of(context.repo, &image.labels.commit, context.printer)?;
    let record = records.iter().find(|record| record.image == image.id);
    let (Some(record), Some(manifest)) = (record, plan.key.manifest()) else {
        return Ok(false);
    };
    let same = |name: &&str| record.manifest.get(name) == manifest.get(name);
    Ok(BESIDE_THE_COMMIT.iter().all(same))
}

/// Without those that lie in another one.
fn outermost(paths: &[String]) -> Vec<String> {
    let inside = |path: &str, other: &str| path != other && Path::new(path).starts_with(other);
    let mut kept: Vec<String> = paths
        .iter()
        .filter(|path| !paths.iter().any(|other| inside(path, other)))
        .cloned()
        .collect();
    kept.sort();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_another_directory_comes_with_it() {
        let paths = ["a/b", "ab", "a", "a/b/c", "a"].map(str::to_owned);
        assert_eq!(outermost(&paths), ["a", "ab"]);
    }
}

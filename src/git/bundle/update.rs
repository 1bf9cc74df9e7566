//! What takes a clone from one commit to another, as a fetch would and without its questions: the
//! host knows both ends, and so it can begin before anybody asks.

use std::path::Path;

use anyhow::{Context, Result};

use super::send::BundleEntry;
use super::{BundleWork, ObjectBundle, ObjectDirectories, fsck, part};
use crate::git::{Extras, ObjectId, Repo, View, run};
use crate::proc::{CancelToken, join};

/// Where `templates/update` finds `below`, the commit that the clone must be at, and `tags`: the object
/// that must be there for the tag to be taken, the tag's own id and its ref, a line each.
const DIRECTORY: &str = "dkr-update";

/// Which tags a clone is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagSelection {
    /// All; it takes those that lead to what it has, as a fetch does.
    Followed,
    /// Those that lead into the history of the commit; it is to have these and no others.
    Merged,
}

impl ObjectBundle {
    /// The objects that `commit` leads to and `below` does not, with the tags on them, in one pack; no
    /// pack where there are none. The repository must have both commits, and not be cut off.
    /// `directory` must be empty, and may be removed afterwards. Fails as [`ObjectBundle::prepare`] does.
    pub fn since(
        repo: &Repo,
        below: &ObjectId,
        commit: &ObjectId,
        tags: TagSelection,
        directory: &Path,
        stop: &CancelToken,
    ) -> Result<Self> {
        let hint = format!("{} looks for what is broken", fsck(repo));
        let work = BundleWork {
            view: View::create(repo, commit, None, directory)?,
            commit,
            stop,
            hint: &hint,
        };
        let packs = directory.join("objects/pack");
        std::fs::create_dir_all(&packs)
            .with_context(|| format!("cannot make {}", packs.display()))?;
        // Tags that lie on older commits are there already, and would come each time. Bitmaps speak of
        // whole histories, and gain nothing here. What differs from something old must be compared with
        // others anew: with few, which takes three quarters of the time and one percent more space.
        let pack = work
            .pack()
            .args(["--revs", "--include-tag", "--non-empty", "--window=4"])
            .stdin(format!("{commit}\n^{below}\n"));
        let list = list(&work, tags);
        let (packed, list) = join(
            || work.run("pack-objects", &pack),
            || run("for-each-ref", &list),
        )?;
        packed?;
        let list = String::from_utf8_lossy(&list?).into_owned();
        let mut bundle = Self::of_extras(repo, Extras::default(), directory, stop)?;
        bundle.parts.extend([
            BundleEntry::text(&format!("{DIRECTORY}/below"), format!("{below}\n")),
            BundleEntry::text(&format!("{DIRECTORY}/tags"), list),
        ]);
        for open in ObjectDirectories::of(&[directory.join("objects")]).open()? {
            bundle.parts.push(part(open, &repo.object_format)?);
        }
        Ok(bundle)
    }
}

fn list(work: &BundleWork, tags: TagSelection) -> crate::proc::Cmd {
    let BundleWork { view, commit, .. } = work;
    let (leads_to, which) = match tags {
        TagSelection::Followed => {
            let peeled = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)";
            (peeled.to_owned(), None)
        }
        TagSelection::Merged => (commit.to_string(), Some(format!("--merged={commit}"))),
    };
    let format = format!("--format={leads_to} %(objectname) %(refname)");
    let cmd = view.git(["for-each-ref".to_owned(), format]);
    cmd.args(which).arg("refs/tags").until(work.stop)
}

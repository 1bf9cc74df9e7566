//! `git pack-objects`, as all who make packs call it.

use std::path::Path;

use crate::proc::Cmd;

/// `git pack-objects` of a git command that names the repository, into a directory: one pack with all that
/// makes it quick to read, whatever the user's config says.
pub(super) fn pack_into(git: Cmd, directory: &Path) -> Cmd {
    git.args(["-c", "pack.writeReverseIndex=true"])
        .args(["-c", "pack.packSizeLimit=0", "-c", "pack.indexVersion=2"])
        .args(["pack-objects", "-q", "--delta-base-offset"])
        .arg(directory.join("pack"))
}

//! The build context of an image: what its Dockerfile reads.

use std::path::Path;

use anyhow::Result;

use crate::conf::Conf;
use crate::fs::write_private;
use crate::image::model::dockerfile::CONTEXT;

/// Writes the build context: the Dockerfile, the scripts that it uses, and the directories that are to
/// be checked out, when these are not all.
pub(super) fn write(dockerfile: &str, conf: &Conf, directory: &Path) -> Result<()> {
    let sparse = &conf.sparse.value;
    if !sparse.is_empty() {
        write_private(&directory.join("sparse"), sparse.join("\n") + "\n", 0o644)?;
    }
    write_private(&directory.join("Dockerfile"), dockerfile, 0o644)?;
    for (name, text) in CONTEXT {
        write_private(&directory.join(name), text, 0o755)?;
    }
    Ok(())
}

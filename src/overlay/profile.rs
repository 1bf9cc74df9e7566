//! What `ENV` leaves behind for login shells.

use std::path::Path;

use anyhow::{Context, Result};

use super::environment::Environment;
use super::inside::inside;
use crate::fs::write_with_mode;

/// The file that login shells read, below the root.
pub(super) const FILE: &str = "/etc/profile.d/git-dkr-overlay.sh";

/// How it begins.
const MARK: &str = "# Written by git dkr overlay, from ENV.\n";

/// Writes it; where there is nothing to set, one that we have written before goes.
pub(super) fn leave(root: &Path, environment: &Environment) -> Result<()> {
    let path = inside(root, Path::new(FILE))?;
    if environment.is_empty() {
        let ours = crate::fs::read(&path).is_ok_and(|text| text.starts_with(MARK.as_bytes()));
        if ours {
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        return Ok(());
    }
    let text = [MARK, &environment.posix()].concat();
    write_with_mode(&path, text.as_bytes(), 0o644)
}

//! What `ENV` leaves behind for login shells.

use std::path::Path;

use anyhow::Result;

use super::environment::Environment;
use super::inside::inside;
use crate::fs::write_with_mode;

/// The file that login shells read, below the root.
pub const FILE: &str = "/etc/profile.d/git-dkr-overlay.sh";

/// Writes it, where there is something to set.
pub fn leave(root: &Path, environment: &Environment) -> Result<()> {
    if environment.is_empty() {
        return Ok(());
    }
    let text = format!(
        "# Written by git dkr overlay, from ENV.\n{}",
        environment.posix()
    );
    write_with_mode(&inside(root, Path::new(FILE))?, text.as_bytes(), 0o644)
}

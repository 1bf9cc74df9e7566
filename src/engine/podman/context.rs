//! A digest of a build context.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::digest;

/// Over the names and contents of all files but the Dockerfile, whose steps speak for themselves.
pub(super) fn digest(directory: &Path) -> Result<String> {
    let mut files = BTreeMap::new();
    add(directory, "", &mut files)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    Ok(digest::key(&files))
}

fn add(directory: &Path, below: &str, files: &mut BTreeMap<String, String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if name == "Dockerfile" {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            add(&entry.path(), &format!("{name}/"), files)?;
            continue;
        }
        let content = if kind.is_symlink() {
            let target = std::fs::read_link(entry.path())?;
            format!("-> {}", target.display())
        } else {
            digest::of(crate::fs::read(entry.path())?)
        };
        files.insert(name, content);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_count_and_the_dockerfile_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text);
        write("Dockerfile", "FROM a").unwrap();
        write("a", "bc").unwrap();
        let one = digest(directory.path()).unwrap();
        write("Dockerfile", "FROM b").unwrap();
        assert_eq!(digest(directory.path()).unwrap(), one);
        write("a", "bd").unwrap();
        let other = digest(directory.path()).unwrap();
        assert_ne!(one, other);
        std::fs::create_dir(directory.path().join("sub")).unwrap();
        write("sub/a", "").unwrap();
        assert_ne!(digest(directory.path()).unwrap(), other);
    }
}

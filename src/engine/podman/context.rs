//! A digest of a build context.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Over the names and contents of all files but the Dockerfile, whose steps speak for themselves.
pub fn digest(folder: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    add(folder, Path::new(""), &mut hash)
        .with_context(|| format!("cannot read {}", folder.display()))?;
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

fn add(folder: &Path, below: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = below.join(entry.file_name());
        if name == Path::new("Dockerfile") {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            add(&entry.path(), &name, hash)?;
            continue;
        }
        let content = if kind.is_symlink() {
            let target = std::fs::read_link(entry.path())?;
            target.into_os_string().into_encoded_bytes()
        } else {
            std::fs::read(entry.path())?
        };
        for part in [name.as_os_str().as_encoded_bytes(), &content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_count_and_the_dockerfile_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("Dockerfile", "FROM a").unwrap();
        write("a", "bc").unwrap();
        let one = digest(folder.path()).unwrap();
        write("Dockerfile", "FROM b").unwrap();
        assert_eq!(digest(folder.path()).unwrap(), one);
        write("a", "bd").unwrap();
        let other = digest(folder.path()).unwrap();
        assert_ne!(one, other);
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        write("sub/a", "").unwrap();
        assert_ne!(digest(folder.path()).unwrap(), other);
    }
}

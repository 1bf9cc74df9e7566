//! Paths as the root sees them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

use crate::error::Failure;

/// How many links one path may lead through, as in Linux.
const MOST_LINKS: usize = 40;

/// Where a path of the root is on this machine. Links on the way are followed as after a `chroot`:
/// an absolute one starts at the root again, and `..` does not lead out. What does not exist yet
/// is taken as it is written.
pub fn inside(root: &Path, path: &Path) -> Result<PathBuf> {
    let mut left: VecDeque<OsString> = parts(path).collect();
    let mut found = PathBuf::new();
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == ".." {
            found.pop();
            continue;
        }
        let next = found.join(&part);
        match std::fs::read_link(root.join(&next)) {
            Ok(target) => {
                links += 1;
                if links > MOST_LINKS {
                    let shown = path.display();
                    bail!(
                        Failure::new(format!("{shown} leads through links without an end"))
                            .hint("look where they lead: namei -l")
                    );
                }
                if target.is_absolute() {
                    found.clear();
                }
                for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                    left.push_front(part);
                }
            }
            // No link, or nothing there.
            Err(_) => found = next,
        }
    }
    Ok(root.join(found))
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_in_the_root() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        symlink("usr/lib", root.join("lib")).unwrap();
        symlink("/usr", root.join("absolute")).unwrap();
        symlink("../../../../etc", root.join("usr/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let see = |path: &str| {
            inside(root, Path::new(path)).map(|found| {
                found
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
        };
        for (path, expected) in [
            ("/", ""),
            ("/lib/x", "usr/lib/x"),
            ("lib/../x", "usr/x"),
            ("/absolute/lib", "usr/lib"),
            ("/usr/up/passwd", "etc/passwd"),
            ("/../../x", "x"),
            ("/new/../other", "other"),
        ] {
            assert_eq!(see(path).unwrap(), expected, "{path}");
        }
        assert!(see("/loop/x").is_err());
    }
}

//! Paths as they are seen from within a root.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

use crate::error::Failure;

/// Links on one way; more are a circle (as Linux has it).
const LINKS: usize = 40;

/// Where a path leads for somebody whose `/` is `root`: links on the way are followed, absolute ones
/// from the root, and `..` ends there. What does not exist is taken as it is written.
pub(crate) fn inside(root: &Path, path: &Path) -> Result<PathBuf> {
    let mut todo: VecDeque<OsString> = parts(path);
    let mut done: Vec<OsString> = Vec::new();
    let mut links = 0;
    while let Some(part) = todo.pop_front() {
        match part.to_str() {
            Some("/") => done.clear(),
            Some("..") => drop(done.pop()),
            _ => {
                done.push(part);
                let here: PathBuf = root.join(done.iter().collect::<PathBuf>());
                if let Ok(target) = std::fs::read_link(&here) {
                    links += 1;
                    if links > LINKS {
                        bail!(Failure::new(format!(
                            "{} is a loop of symbolic links",
                            path.display()
                        )));
                    }
                    done.pop();
                    for part in parts(&target).into_iter().rev() {
                        todo.push_front(part);
                    }
                }
            }
        }
    }
    Ok(root.join(done.into_iter().collect::<PathBuf>()))
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir | Component::Prefix(_)))
        .map(|part| part.as_os_str().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_leads_out() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        symlink("usr/lib", root.join("lib")).unwrap();
        symlink("/usr", root.join("abs")).unwrap();
        symlink("../../../etc", root.join("usr/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("/abs/up/x", root.join("chain")).unwrap();
        let to = |path: &str| {
            let found = inside(root, Path::new(path)).unwrap();
            found.strip_prefix(root).unwrap().display().to_string()
        };
        assert_eq!(to("/"), "");
        assert_eq!(to("/lib/x"), "usr/lib/x");
        assert_eq!(to("abs/./lib"), "usr/lib");
        assert_eq!(to("/usr/up/passwd"), "etc/passwd");
        assert_eq!(to("/../../x"), "x");
        assert_eq!(to("/lib/../x"), "usr/x");
        assert_eq!(to("/chain"), "etc/x");
        assert_eq!(to("/new/../../y"), "y");
        assert!(inside(root, Path::new("/loop/x")).is_err());
    }
}

//! Unpacks archives: first into a directory of its own, where everything in them is looked at, then into
//! place.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::error::Failure;
use crate::overlay::inside::inside;
use crate::proc;

/// An entry of an archive.
struct ArchiveItem<'a> {
    name: PathBuf,
    what: ItemKind<'a>,
    mode: u32,
    modified: Option<u64>,
}

enum ItemKind<'a> {
    Directory,
    File(&'a mut dyn Read),
    Link(PathBuf),
    /// Another name of a file that came before.
    Same(PathBuf),
}

/// Where an archive is unpacked before anything is placed.
pub(super) struct UnpackDirectory<'a> {
    directory: &'a Path,
    /// How many directories at the top are left out.
    strip: usize,
    /// Modes of directories, given at the end: one may say that nothing may be written into it.
    modes: Vec<(PathBuf, u32)>,
    files: u64,
}

impl<'a> UnpackDirectory<'a> {
    pub(super) fn new(directory: &'a Path, strip: usize) -> Self {
        Self {
            directory,
            strip,
            modes: Vec::new(),
            files: 0,
        }
    }

    /// All of a tar archive; how many files and links.
    pub(super) fn tar(mut self, from: impl Read) -> Result<u64> {
        let mut archive = tar::Archive::new(from);
        for entry in archive.entries().context("cannot read the archive")? {
            let mut entry = entry.context("cannot read the archive")?;
            let bytes = |bytes: &[u8]| PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
            let name = bytes(&entry.path_bytes());
            let target = entry.link_name_bytes().map(|target| bytes(&target));
            let header = entry.header();
            let (mode, modified) = (header.mode().unwrap_or(0o644), header.mtime().ok());
            let kind = header.entry_type();
            let what = match (kind, target) {
                _ if kind.is_pax_global_extensions() => continue,
                _ if kind.is_dir() => ItemKind::Directory,
                _ if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() => {
                    ItemKind::File(&mut entry)
                }
                (tar::EntryType::Symlink, Some(target)) => ItemKind::Link(target),
                (tar::EntryType::Link, Some(target)) => ItemKind::Same(target),
                _ => bail!(refused(&name, "is a device, or of an unknown kind")),
            };
            self.place(ArchiveItem {
                name,
                what,
                mode,
                modified,
            })?;
        }
        // The checksum of what it is packed in stands behind the last entry.
        let mut rest = archive.into_inner();
        copy(&mut rest, &mut io::sink()).context("cannot read the archive")?;
        self.finish()
    }

    /// All of a zip archive.
    pub(super) fn zip(mut self, file: &Path) -> Result<u64> {
        let cannot = "cannot read the archive";
        let file = crate::fs::open(file).context(cannot)?;
        let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).context(cannot)?;
        for number in 0..archive.len() {
            let mut entry = archive.by_index(number).context(cannot)?;
            let name = PathBuf::from(std::ffi::OsStr::from_bytes(entry.name_raw()));
            let (is_dir, is_symlink) = (entry.is_dir(), entry.is_symlink());
            let mode = entry.unix_mode();
            // The kind of a file, as stat has it; none where the archive is of another system.
            if mode.is_some_and(|mode| {
                !matches!(mode & 0o170_000, 0 | 0o040_000 | 0o100_000 | 0o120_000)
            }) {
                bail!(refused(&name, "is a device, or of an unknown kind"));
            }
            let mut target = Vec::new();
            let what = if is_dir {
                ItemKind::Directory
            } else if is_symlink {
                (&mut entry)
                    .take(4096)
                    .read_to_end(&mut target)
                    .context(cannot)?;
                ItemKind::Link(PathBuf::from(std::ffi::OsStr::from_bytes(&target)))
            } else {
                ItemKind::File(&mut entry)
            };
            let usual = if is_dir { 0o755 } else { 0o644 };
            self.place(ArchiveItem {
                name,
                what,
                mode: mode.unwrap_or(usual),
                modified: None,
            })?;
        }
        self.finish()
    }

    fn place(&mut self, item: ArchiveItem) -> Result<()> {
        proc::check_interrupted()?;
        let shown = item.name.display().to_string();
        let Some(name) = self.name_of(&item.name)? else {
            return Ok(());
        };
        let cannot = || format!("cannot unpack {shown}");
        // Links that came before lead to places within, or they would not be there.
        let parent = inside(self.directory, name.parent().unwrap_or(Path::new("")))?;
        std::fs::create_dir_all(&parent).with_context(cannot)?;
        let last = name.file_name().unwrap_or_default();
        let to = parent.join(last);
        let there = std::fs::symlink_metadata(&to);
        if let Ok(there) = &there
            && there.is_dir() != matches!(item.what, ItemKind::Directory)
        {
            if there.is_dir() || there.is_file() {
                bail!(refused(&item.name, "is a directory and a file"));
            }
            // A directory that is a link to one is that one.
            let to = inside(self.directory, &name)?;
            std::fs::create_dir_all(to).with_context(cannot)?;
            return Ok(());
        }
        let clear = || match there {
            Ok(_) => std::fs::remove_file(&to),
            Err(_) => Ok(()),
        };
        match item.what {
            ItemKind::Directory => {
                std::fs::create_dir_all(&to).with_context(cannot)?;
                // Whoever unpacks may enter it.
                self.modes.push((to, item.mode & 0o777 | 0o700));
                return Ok(());
            }
            ItemKind::File(from) => {
                clear().with_context(cannot)?;
                let mut file = File::create_new(&to).with_context(cannot)?;
                copy(from, &mut file).with_context(cannot)?;
                // Not as somebody else: no setuid. Owners are those who unpack.
                file.set_permissions(Permissions::from_mode(item.mode & 0o777))
                    .with_context(cannot)?;
                let modified = item.modified.map(Duration::from_secs);
                if let Some(at) = modified.and_then(|at| SystemTime::UNIX_EPOCH.checked_add(at)) {
                    file.set_modified(at).with_context(cannot)?;
                }
            }
            ItemKind::Link(target) => {
                let depth = parent
                    .strip_prefix(self.directory)
                    .map_or(0, |path| path.components().count());
                if !stays(&target, depth) {
                    bail!(refused(
                        &item.name,
                        "is a link that leads out of the archive"
                    ));
                }
                clear().with_context(cannot)?;
                symlink(&target, &to).with_context(cannot)?;
            }
            ItemKind::Same(target) => {
                let Some(target) = self.name_of(&target)? else {
                    bail!(refused(&item.name, "is a link to what is left out"));
                };
                let target = inside(self.directory, &target)?;
                let is_file = std::fs::symlink_metadata(&target).is_ok_and(|there| there.is_file());
                if !is_file {
                    bail!(refused(&item.name, "is a link to no file of the archive"));
                }
                if target == to {
                    return Ok(());
                }
                clear().with_context(cannot)?;
                std::fs::hard_link(&target, &to).with_context(cannot)?;
            }
        }
        self.files += 1;
        Ok(())
    }

    /// The name without what is left out of it; `None` when nothing is left. An error when it leads out.
    fn name_of(&self, name: &Path) -> Result<Option<PathBuf>> {
        let mut parts = Vec::new();
        for part in name.components() {
            match part {
                Component::Normal(part) => parts.push(part),
                Component::CurDir => {}
                _ => bail!(refused(name, "leads out of the archive")),
            }
        }
        if name.as_os_str().as_bytes().contains(&0) {
            bail!(refused(name, "is not the name of a file"));
        }
        let name: PathBuf = parts.into_iter().skip(self.strip).collect();
        Ok((!name.as_os_str().is_empty()).then_some(name))
    }

    fn finish(self) -> Result<u64> {
        for (path, mode) in self.modes.iter().rev() {
            std::fs::set_permissions(path, Permissions::from_mode(*mode))
                .context("cannot set the mode of a directory")?;
        }
        Ok(self.files)
    }
}

/// Whether a link in a directory this deep stays within: relative, and `..` at its beginning only and not
/// too often. Behind a name `..` may lead anywhere, as the name may be a link.
fn stays(target: &Path, depth: usize) -> bool {
    let up = target
        .components()
        .take_while(|part| *part == Component::ParentDir);
    let up = up.count();
    let mut rest = target.components().skip(up);
    up <= depth
        && !target.as_os_str().is_empty()
        && rest.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn refused(name: &Path, why: &str) -> Failure {
    let name: String = name
        .display()
        .to_string()
        .escape_debug()
        .take(200)
        .collect();
    Failure::new(format!("the archive is refused: `{name}` {why}"))
        .hint("nothing of it was placed; unpack it yourself in a RUN if you trust it")
}

fn copy(from: &mut dyn Read, to: &mut dyn Write) -> Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        proc::check_interrupted()?;
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            read => to.write_all(&buffer[..read])?,
        }
    }
}

/// Moves all that is in a directory into another of the same file system, seen from a root. With
/// `really` off it looks only whether that would do.
pub(super) fn merge(from: &Path, root: &Path, to: &Path, really: bool) -> Result<()> {
    let cannot = || format!("cannot write {}", to.display());
    let into = inside(root, to)?;
    if really {
        std::fs::create_dir_all(&into).with_context(cannot)?;
    }
    for entry in std::fs::read_dir(from).with_context(cannot)? {
        proc::check_interrupted()?;
        let entry = entry.with_context(cannot)?;
        let is_directory = entry.file_type().with_context(cannot)?.is_dir();
        let at = into.join(entry.file_name());
        let seen = to.join(entry.file_name());
        let there = std::fs::symlink_metadata(&at).ok();
        let goes = match &there {
            None => true,
            Some(there) => !there.is_dir() && !is_directory,
        };
        if goes {
            if really {
                std::fs::rename(entry.path(), &at).with_context(cannot)?;
            }
        } else if is_directory && inside(root, &seen)?.is_dir() {
            merge(&entry.path(), root, &seen, really)?;
        } else {
            let shown = seen.display();
            let is = if is_directory {
                "not a directory, but is one"
            } else {
                "a directory, but is a file"
            };
            bail!(
                Failure::new(format!("{shown} is {is} in the archive"))
                    .hint("remove it first, in a RUN")
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_stay() {
        let to = |target: &str, depth| stays(Path::new(target), depth);
        assert!(to("a", 0) && to("../a", 1) && to("./a/b", 0) && to("..", 1) && to(".", 0));
        assert!(
            !to("/a", 3) && !to("../a", 0) && !to("a/../b", 3) && !to("", 0) && !to("../../x", 1)
        );
    }
}

//! What goes into an image beside the repository's own objects, in the same bundle.

use std::path::Path;

use anyhow::{Context, Result};

use super::send::BundleEntry;
use super::{ObjectBundle, fsck};
use crate::git::extras::Contents;
use crate::git::{Extras, Repo};
use crate::proc::CancelToken;

/// Where `templates/scope` finds submodules: packs of each in a directory of its number,
/// `list` with their git directories, `top` with the paths of those that are no submodule's own, and `urls`
/// with git directories and the URLs of their remotes that nobody could tell there.
/// So no name that somebody chose is the name of an entry.
const MODULES: &str = "dkr-modules";

impl ObjectBundle {
    /// Nothing but the extras; see [`ObjectBundle::with`](super::ObjectBundle::with).
    pub fn of_extras(
        repo: &Repo,
        extras: Extras,
        directory: &Path,
        stop: &CancelToken,
    ) -> Result<Self> {
        let empty = Self {
            parts: Vec::new(),
            contents: Contents::default(),
            subset: None,
            hint: format!("{} looks for what is broken", fsck(repo)),
        };
        empty.with(repo, extras, directory, stop)
    }

    /// The same with the extras. Submodules are packed into `directory`, which must be empty, and may be
    /// removed afterwards.
    pub fn with(
        mut self,
        repo: &Repo,
        extras: Extras,
        directory: &Path,
        stop: &CancelToken,
    ) -> Result<Self> {
        let (mut list, mut top, mut urls) = (String::new(), String::new(), String::new());
        for (number, (module, below)) in extras.modules.iter().enumerate() {
            let into = directory.join(format!("module-{number}"));
            std::fs::create_dir_all(&into)
                .with_context(|| format!("cannot make {}", into.display()))?;
            if below.as_ref() != Some(&module.commit) {
                module.pack(below.as_ref(), &into, stop)?;
            }
            let entries = std::fs::read_dir(&into).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            for entry in entries.with_context(|| format!("cannot read {}", into.display()))? {
                let name = format!("{MODULES}/{number}/{}", entry.file_name().to_string_lossy());
                let path = entry.path();
                let file = crate::fs::open(&path)
                    .with_context(|| format!("cannot open {}", path.display()))?;
                let hashed = Some(repo.object_format.as_str());
                self.parts
                    .push(BundleEntry::file(&name, path, file, hashed)?);
            }
            let cut = module.boundary()?;
            if !cut.is_empty() {
                let name = format!("{MODULES}/{number}/shallow");
                self.parts.push(BundleEntry::text(&name, cut));
            }
            list += &format!("{}\n", module.directory);
            if let Some(url) = &module.url {
                urls += &format!("{}\t{url}\n", module.directory);
            }
            if !module.nested {
                top += &format!("{}\n", module.path);
            }
        }
        if extras.submodules {
            let lists = [("list", list), ("top", top), ("urls", urls)];
            let lists =
                lists.map(|(name, text)| BundleEntry::text(&format!("{MODULES}/{name}"), text));
            self.parts.extend(lists);
        }
        self.contents = extras.contents;
        Ok(self)
    }
}

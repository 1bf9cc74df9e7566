//! Which directory hooks are files in, and whether it is the repository's own.

use std::path::{Path, PathBuf};

use super::Event;
use super::script::Runner;
use crate::error::Failure;
use crate::git::HooksPath;

/// A directory of hooks that is the repository's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HooksDirectory {
    pub path: PathBuf,
    /// Where husky looks for what it is to run, when the directory is its own.
    pub husky: Option<PathBuf>,
}

impl HooksDirectory {
    /// Decides by what git says; an error says why hooks cannot be put there.
    pub(crate) fn find(said: &HooksPath, common_dir: &Path) -> Result<Self, Failure> {
        let Some(path) = said.directory.as_deref() else {
            return Err(off("core.hooksPath is empty"));
        };
        if path == Path::new("/dev/null") {
            return Err(off("core.hooksPath is /dev/null"));
        }
        let shared = said.setting.as_ref().is_some_and(|(scope, value)| {
            let everywhere = value.starts_with(['/', '~', '%']);
            everywhere && (scope == "global" || scope == "system")
        });
        let owned = resolved(path).is_some_and(|path| {
            let mut roots = said.tops.iter().map(PathBuf::as_path).chain([common_dir]);
            roots.any(|root| resolved(root).is_some_and(|root| path.starts_with(root)))
        });
        if shared || !owned {
            return Err(Failure::new(format!(
                "the hooks of this repository are in {}, outside of it",
                path.display()
            ))
            .hint(
                "other repositories use that directory too. Give this one its own: \
                 git config --local core.hooksPath .githooks, and call the present hooks from there; \
                 or use git 2.54 or later, which needs no files for hooks",
            ));
        }
        Ok(Self {
            husky: husky(path),
            path: path.to_owned(),
        })
    }

    /// The directory of an event's hook, and who runs it there.
    pub(crate) fn for_event(&self, event: Event) -> (&Path, Runner) {
        match (&self.husky, event) {
            // husky does not know this one, so git's own directory it is, which husky leaves alone.
            (None, _) | (_, Event::ReferenceTransaction) => (&self.path, Runner::Git),
            (Some(husky), _) => (husky, Runner::Husky),
        }
    }
}

fn off(why: &str) -> Failure {
    Failure::new(format!("hooks are switched off in this repository: {why}")).hint(
        "git config --show-origin --get core.hooksPath says where; \
         git config --local core.hooksPath .githooks gives this repository hooks of its own",
    )
}

/// husky writes all files in `.husky/_` anew each time it runs; they call those in `.husky`.
fn husky(path: &Path) -> Option<PathBuf> {
    let runs = || crate::fs::read_text(path.join("h")).is_ok_and(|text| text.contains("husky"));
    let is_husky = path.ends_with(".husky/_") || (path.ends_with("_") && runs());
    is_husky
        .then(|| path.parent().map(Path::to_owned))
        .flatten()
}

/// A path with its links followed, as far as it exists.
pub(super) fn resolved(path: &Path) -> Option<PathBuf> {
    for above in path.ancestors() {
        if let Ok(found) = above.canonicalize() {
            let rest = path.strip_prefix(above).ok()?;
            // `..` in what does not exist yet leads who knows where.
            let plain = !rest.components().any(|part| part.as_os_str() == "..");
            return plain.then(|| found.join(rest));
        }
    }
    None
}

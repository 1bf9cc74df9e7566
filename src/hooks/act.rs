//! Does what a plan says: all of it, or nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::plan::{InstallPlan, InstallStep};
use crate::fs;
use crate::git::Repo;
use crate::ui::Printer;

/// How to undo a step.
type Undo<'a> = Box<dyn FnOnce() -> Result<()> + 'a>;

/// Takes every step; when one fails, undoes those before it.
pub(crate) fn act(repo: &Repo, plan: &InstallPlan, printer: Printer) -> Result<()> {
    let mut done: Vec<Undo> = Vec::new();
    for action in &plan.actions {
        match step(repo, action) {
            Ok(undo) => done.push(undo),
            Err(error) => {
                let mut undone = true;
                while let Some(undo) = done.pop() {
                    if let Err(error) = undo() {
                        undone = false;
                        printer.warn(format_args!("cannot undo a step: {error:#}"));
                    }
                }
                return Err(error).context(if undone {
                    format!("cannot {action}; nothing was changed")
                } else {
                    format!("cannot {action}")
                });
            }
        }
    }
    Ok(())
}

fn step<'a>(repo: &'a Repo, action: &'a InstallStep) -> Result<Undo<'a>> {
    Ok(match action {
        InstallStep::Rename { from, to } => {
            rename(from, to)?;
            Box::new(move || rename(to, from))
        }
        InstallStep::Write { path, bytes, mode } => {
            let before = saved(path)?;
            write(repo, path, bytes, *mode)?;
            match before {
                Some((bytes, mode)) => Box::new(move || write(repo, path, &bytes, mode)),
                None => Box::new(move || remove(path)),
            }
        }
        InstallStep::Remove(path) => {
            let before = saved(path)?;
            remove(path)?;
            Box::new(move || match before {
                Some((bytes, mode)) => write(repo, path, &bytes, mode),
                None => Ok(()),
            })
        }
        InstallStep::RemoveDirectory(path) => {
            // Others' files in it are no failure.
            let removed = std::fs::remove_dir(path).is_ok();
            Box::new(move || {
                if removed {
                    std::fs::create_dir(path)?;
                }
                Ok(())
            })
        }
        InstallStep::Set { key, value, before } => {
            repo.set_own_config(key, value.as_deref())?;
            Box::new(move || repo.set_own_config(key, before.as_deref()))
        }
        InstallStep::RemoveSection { name, before } => {
            repo.remove_own_section(name)?;
            Box::new(move || {
                for (key, value) in before {
                    repo.set_own_config(key, Some(value))?;
                }
                Ok(())
            })
        }
    })
}

fn write(repo: &Repo, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    fs::write_with_mode(path, bytes, mode)?;
    repo.set_owner_and_mode(path);
    Ok(())
}

/// A file's content and mode.
fn saved(path: &Path) -> Result<Option<(Vec<u8>, u32)>> {
    let Ok(meta) = path.metadata() else {
        return Ok(None);
    };
    let bytes = match meta.is_file() {
        true => crate::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        // Such as a link to /dev/null.
        false => Vec::new(),
    };
    Ok(Some((bytes, meta.permissions().mode() & 0o7777)))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).with_context(|| format!("cannot rename {}", from.display()))
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

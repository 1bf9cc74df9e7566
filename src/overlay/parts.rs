//! The `Containerfile`s of an overlay, each of which stands on the ones before it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::containerfile::Containerfile;
use super::key;
use crate::error::{Diagnostics, Failure};
use crate::fs::{is_missing, read_written};

/// What a file is called where none is named.
pub(crate) const FILE: &str = "Containerfile";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OverlayPart {
    /// Its name, as the user gave it.
    pub file: String,
    /// What it asks for.
    pub containerfile: Containerfile,
    /// The key of its snapshot, 64 hexadecimal digits.
    pub key: String,
    /// What its snapshot is called in caches.
    pub tag: String,
}

/// Reads them; all that is wrong in any of them is one error.
pub(crate) fn read(files: &[PathBuf], name: Option<&str>) -> Result<Vec<OverlayPart>> {
    if let Some(name) = name {
        key::check_name(name)?;
    }
    let bytes = files.iter().map(|file| bytes_of(file));
    let bytes: Vec<Vec<u8>> = bytes.collect::<Result<_>>()?;
    let (mut parts, mut wrong) = (Vec::new(), Vec::new());
    for ((file, bytes), key) in files.iter().zip(&bytes).zip(key::keys(&bytes)) {
        let file = file.display().to_string();
        match Containerfile::parse(&file, bytes) {
            Ok(containerfile) => parts.push(OverlayPart {
                tag: key::tag(name, &key),
                file,
                containerfile,
                key,
            }),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    let advice = "docs/overlay.md of git dkr says how such files are written";
    Diagnostics::none_or(wrong, advice)?;
    Ok(parts)
}

fn bytes_of(file: &Path) -> Result<Vec<u8>> {
    let shown = file.display();
    match read_written(file) {
        Err(error) if is_missing(&error) => {
            bail!(Failure::new(format!("there is no {shown}")).hint(
                "write one, with steps such as RUN apt-get install -y jq, or name another: -f FILE"
            ))
        }
        read => read.with_context(|| format!("cannot read {shown}")),
    }
}

//! Carries out `FETCH`: downloads, checks, unpacks what is an archive, and places the rest as it is.

mod kind;
mod unpack;

use std::fs::Permissions;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, anyhow, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::inside::inside;
use kind::{Packing, is_tar, packing, unpacked};
use unpack::{UnpackDirectory, merge};

use super::containerfile::{DownloadSource, GitHubRepo};
use super::downloads::DownloadFile;
use super::github::{self, GitHubClient};
use crate::error::Failure;
use crate::net::{Address, Download, Resume};
use crate::{digest, ui};

/// A `FETCH` whose words are expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSpec {
    /// What.
    pub source: DownloadSource,
    /// Where it goes, absolute as seen from within the root; with `/` at its end it is a directory.
    pub dest: String,
    /// The SHA-256 that the download must have.
    pub sha256: Option<String>,
    /// The mode of a file that is placed; 0644 otherwise.
    pub chmod: Option<u32>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedFile {
    /// Where it is, the root included.
    pub at: PathBuf,
    /// What it came from; a repository with the ref that was found.
    pub from: String,
    /// Bytes that were downloaded.
    pub bytes: u64,
    /// How many files were unpacked; `None` for a file that was placed.
    pub unpacked: Option<u64>,
}

/// Fetches into the root. A download that breaks off is kept in a directory, and gone on with by the
/// next run. Nothing is placed before all of it is here, has its digest, and was looked at.
pub fn fetch(
    wanted: &FetchSpec,
    root: &Path,
    hub: &GitHubClient,
    downloads: &Path,
) -> Result<FetchedFile> {
    let (from, address, name) = match &wanted.source {
        DownloadSource::Url(address) => (address.to_string(), address.clone(), address.file_name()),
        DownloadSource::GitHub { repo, at } => {
            let at = match at {
                Some(at) => Some(at.clone()),
                None => newest(hub, repo)?,
            };
            let rest = at.as_deref().map_or(String::new(), |at| {
                format!("/{}", utf8_percent_encode(at, &IN_PATH))
            });
            let address = hub.address(repo, &format!("/tarball{rest}"))?;
            let repo = repo.clone();
            (
                DownloadSource::GitHub { repo, at }.to_string(),
                address,
                None,
            )
        }
    };
    let mut slot = DownloadFile::acquire(
        downloads,
        &address.id(),
        "another download of the same",
        hub.client.printer(),
    )?;
    download(&address, hub, slot.path(), &from).map_err(|error| match &wanted.source {
        DownloadSource::GitHub { repo, .. } => no_such_ref(hub, repo, &from, error),
        DownloadSource::Url(_) => error,
    })?;
    // Whole and as it is: it is of no more use to another run.
    slot.spend();
    let cannot = || format!("cannot read the download of {from}");
    let (bytes, found) = crate::fs::open(slot.path())
        .and_then(digest::of_reader)
        .with_context(cannot)?;
    if let Some(sha256) = &wanted.sha256
        && *sha256 != found
    {
        bail!(
            Failure::new(format!(
                "{from} has the SHA-256 {found}, but should have {sha256}"
            ))
            .hint("nothing was placed; if the new content is right, change --sha256")
        );
    }
    let file = || crate::fs::open(slot.path()).with_context(cannot);
    let shown = name.clone().unwrap_or_default();
    let packing = packing(&first(file()?).with_context(cannot)?, &shown);
    let strip = usize::from(matches!(wanted.source, DownloadSource::GitHub { .. }));
    let is_archive = packing == Packing::Zip
        // What cannot be unpacked is no archive to us.
        || unpacked(packing, file()?).and_then(|reader| Ok(first(reader)?)).is_ok_and(|first| is_tar(&first));
    if !is_archive {
        let at = place(slot.path(), wanted, root, name.as_deref())?;
        let unpacked = None;
        return Ok(FetchedFile {
            at,
            from,
            bytes,
            unpacked,
        });
    }
    let at = inside(root, Path::new(&wanted.dest))?;
    let stage = tempfile::Builder::new()
        .prefix(".git-dkr-")
        .tempdir_in(nearest(&at))
        .with_context(|| format!("cannot write {}", at.display()))?;
    let unpack = UnpackDirectory::new(stage.path(), strip);
    let files = match packing {
        Packing::Zip => unpack.zip(slot.path()),
        _ => unpack.tar(unpacked(packing, file()?)?),
    };
    let files = files.with_context(|| format!("cannot unpack {from}"))?;
    for really in [false, true] {
        merge(stage.path(), root, Path::new(&wanted.dest), really)?;
    }
    Ok(FetchedFile {
        at,
        from,
        bytes,
        unpacked: Some(files),
    })
}

fn download(address: &Address, hub: &GitHubClient, to: &Path, from: &str) -> Result<()> {
    let progress = hub.client.printer().progress(from);
    let count = Arc::new(AtomicU64::new(0));
    let mut watch = None;
    let download = Download {
        from: address,
        accept: "*/*",
        to,
        at: 0,
        size: None,
        resume: Resume::IfSame,
        count: &count,
    };
    let shown = from.to_owned();
    hub.client.download(&download, &mut |total| {
        let shown = shown.clone();
        let text = move |count| format!("{shown} {}", ui::bytes_of(count, total));
        watch = Some(progress.watch(total, Arc::clone(&count), text));
    })
}

#[derive(Deserialize)]
struct Latest {
    tag_name: String,
}

/// The tag of the newest release; `None` where there are none.
fn newest(hub: &GitHubClient, repo: &GitHubRepo) -> Result<Option<String>> {
    let latest: Option<Latest> = hub.find(repo, "/releases/latest")?;
    Ok(latest.map(|latest| latest.tag_name))
}

/// Says which of both is not there, the repository or the ref.
fn no_such_ref(
    hub: &GitHubClient,
    repo: &GitHubRepo,
    from: &str,
    error: anyhow::Error,
) -> anyhow::Error {
    if !github::is(&error, 404) {
        return hub.explain(repo, error);
    }
    match hub.get::<serde_json::Value>(repo, "") {
        Err(error) => error,
        Ok(_) => anyhow!(
            Failure::new(format!("there is no {from}"))
                .hint(format!("{repo} exists: check the branch, tag or commit"))
        ),
    }
}

/// Places a file, whole or not at all.
fn place(from: &Path, wanted: &FetchSpec, root: &Path, name: Option<&str>) -> Result<PathBuf> {
    let mut at = inside(root, Path::new(&wanted.dest))?;
    if wanted.dest.ends_with('/') || at.is_dir() {
        let name = name.ok_or_else(|| {
            let what = format!(
                "{} is a directory, and the address names no file",
                wanted.dest
            );
            Failure::new(what).hint("give the name of the file as DEST")
        })?;
        at.push(name);
        if at.is_dir() {
            bail!(Failure::new(format!("{} is a directory", at.display())));
        }
    }
    let cannot = || format!("cannot write {}", at.display());
    let directory = at.parent().unwrap_or(root);
    std::fs::create_dir_all(directory).with_context(cannot)?;
    let mut file = tempfile::Builder::new()
        .prefix(".git-dkr-")
        .tempfile_in(directory)
        .with_context(cannot)?;
    let mut from = crate::fs::open(from).with_context(cannot)?;
    std::io::copy(&mut from, file.as_file_mut()).with_context(cannot)?;
    let mode = Permissions::from_mode(wanted.chmod.unwrap_or(0o644));
    file.as_file().set_permissions(mode).with_context(cannot)?;
    file.persist(&at).with_context(cannot)?;
    Ok(at)
}

/// The first block, or less.
fn first(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut block = Vec::new();
    from.take(512).read_to_end(&mut block)?;
    Ok(block)
}

/// The directory itself, or the nearest above it that exists.
fn nearest(path: &Path) -> &Path {
    let mut ancestors = path.ancestors();
    ancestors
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("/"))
}

/// What stands for itself in a path made of a ref.
const IN_PATH: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

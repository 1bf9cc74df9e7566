//! The releases of a repository on GitHub as a cache. A release has the entry's tag, and as assets the
//! archive in parts, `<tag>.tar.zst.000` and so on, and its index, `<tag>.json`.
//!
//! It is made as a draft, which others do not see, and published when it is complete.

mod put;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, bail};
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::entry::{Archive, ArchiveHold, CacheEntry};
use super::index::LONGEST;
use super::sums::sums;
use super::{CorruptEntry, Index};
use crate::error::Failure;
use crate::net::{Download, Resume};
use crate::overlay::containerfile::GitHubRepo;
use crate::overlay::downloads::DownloadFile;
use crate::overlay::github::GitHubClient;
use crate::overlay::key::of_tag;
use crate::proc;

/// Releases that are asked for at once, the most there can be.
const PAGE: usize = 100;
const BYTES: &str = "application/octet-stream";

/// The releases of one repository.
#[derive(Debug)]
pub struct Releases {
    hub: GitHubClient,
    repo: GitHubRepo,
    part_size: u64,
    downloads: PathBuf,
}

/// A release, as the API tells of it.
#[derive(Debug, Clone, Deserialize)]
struct Release {
    id: u64,
    tag_name: String,
    #[serde(default)]
    body: Option<String>,
    draft: bool,
    upload_url: String,
    published_at: Option<Timestamp>,
    #[serde(default)]
    assets: Vec<Asset>,
}

#[derive(Debug, Clone, Deserialize)]
struct Asset {
    id: u64,
    name: String,
    state: String,
    size: u64,
    #[serde(default)]
    digest: Option<String>,
}

/// What the text of a draft says of whoever writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    sha256: String,
    /// A number of the run.
    run: String,
    /// When it took the draft over.
    at: Timestamp,
}

impl Release {
    fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.name == name)
    }

    fn mark(&self) -> Option<Mark> {
        serde_json::from_str(self.body.as_deref()?).ok()
    }
}

impl Asset {
    /// Whether it is what was sent, as far as the API tells.
    fn is(&self, size: u64, sha256: &str) -> bool {
        let digest = self
            .digest
            .as_deref()
            .and_then(|digest| digest.strip_prefix("sha256:"));
        self.state == "uploaded"
            && self.size == size
            && digest.is_none_or(|digest| digest == sha256)
    }
}

impl Releases {
    /// Those of `repo`. Archives are split into parts of this many bytes; downloads that are not done
    /// yet are kept in a directory.
    pub fn new(hub: GitHubClient, repo: &GitHubRepo, part_size: u64, downloads: &Path) -> Self {
        Self {
            hub,
            repo: repo.clone(),
            part_size,
            downloads: downloads.to_owned(),
        }
    }

    /// The published release of a tag.
    fn release(&self, tag: &str) -> Result<Option<Release>> {
        self.hub.find(&self.repo, &format!("/releases/tags/{tag}"))
    }

    pub(super) fn find(&self, tag: &str) -> Result<Option<Index>> {
        match self.release(tag)? {
            Some(release) => self.index(&release).map(Some),
            None => {
                // It may be the repository that is not there.
                let _: serde_json::Value = self.hub.get(&self.repo, "")?;
                Ok(None)
            }
        }
    }

    /// The index of a release, all of whose parts are there.
    fn index(&self, release: &Release) -> Result<Index> {
        let tag = &release.tag_name;
        let corrupt = |why: String| CorruptEntry::new(tag, why);
        let asset = release
            .asset(&index_name(tag))
            .filter(|asset| asset.state == "uploaded" && asset.size <= LONGEST)
            .ok_or_else(|| corrupt("its index is missing".to_owned()))?;
        let temp_dir = tempfile::tempdir().context("cannot make a temporary directory")?;
        let path = temp_dir.path().join("index");
        let count = Arc::default();
        self.download(asset, &path, 0, asset.size, &count)?;
        let bytes = crate::fs::read(&path).context("cannot read an index")?;
        let index = Index::read(tag, &bytes)?;
        for (number, part) in index.parts.iter().enumerate() {
            let asset = release.asset(&part.name);
            let good = asset.is_some_and(|asset| asset.is(part.size, &part.sha256));
            if part.name != part_name(tag, number) || !good {
                bail!(corrupt(format!("part {number} is missing or wrong")));
            }
        }
        Ok(index)
    }

    fn download(
        &self,
        asset: &Asset,
        to: &Path,
        at: u64,
        size: u64,
        count: &Arc<AtomicU64>,
    ) -> Result<()> {
        let rest = format!("/releases/assets/{}", asset.id);
        let from = self.hub.address(&self.repo, &rest)?;
        let download = Download {
            from: &from,
            accept: BYTES,
            to,
            at,
            size: Some(size),
            resume: Resume::ByDigest,
            count,
        };
        let done = self.hub.client.download(&download, &mut |_| ());
        done.map_err(|error| self.hub.explain(&self.repo, error))
    }

    pub(super) fn get(&self, index: &Index, count: &Arc<AtomicU64>) -> Result<Archive> {
        let tag = &index.tag;
        let corrupt = |why: &str| CorruptEntry::new(tag, why);
        let slot = DownloadFile::acquire(
            &self.downloads,
            &index.sha256,
            "another download of the same",
            self.hub.client.printer(),
        )?;
        let path = slot.path().to_owned();
        let release = self
            .release(tag)?
            .ok_or_else(|| corrupt("it was just removed"))?;
        let begun_before = std::fs::metadata(&path).is_ok_and(|there| there.len() > 0);
        self.fill(&path, index, &release, count)?;
        let mut found = sums(&path, u64::MAX, &mut io::sink(), count)?;
        if found.sha256 != index.sha256 && begun_before {
            // What an earlier download left may be to blame, and not the release.
            cut(&path, 0)?;
            self.fill(&path, index, &release, count)?;
            found = sums(&path, u64::MAX, &mut io::sink(), count)?;
        }
        let held = ArchiveHold::Downloaded(slot);
        let archive = Archive { path, held };
        // It goes with its download if it is not good.
        if found.sha256 != index.sha256 {
            bail!(corrupt("the archive has another digest"));
        }
        Ok(archive)
    }

    /// Downloads the parts that are not there yet, one behind the other.
    fn fill(
        &self,
        path: &Path,
        index: &Index,
        release: &Release,
        count: &Arc<AtomicU64>,
    ) -> Result<()> {
        let corrupt = |why: &str| CorruptEntry::new(&index.tag, why);
        let mut at = 0;
        for part in &index.parts {
            let found = release.asset(&part.name);
            let asset = found.ok_or_else(|| corrupt("a part was just removed"))?;
            let end = at + part.size;
            let before = std::fs::metadata(path).map_or(0, |there| there.len());
            if before < end {
                self.download(asset, path, at, part.size, count)?;
                // What was there before may have been no beginning of it.
                let again = before > at && digest_of(path, at, part.size)? != part.sha256;
                if again {
                    cut(path, at)?;
                    self.download(asset, path, at, part.size, count)?;
                }
            }
            at = end;
        }
        cut(path, index.size)
    }

    /// All releases, drafts too where the token may see them.
    fn all(&self) -> Result<Vec<Release>> {
        let mut all = Vec::new();
        for page in 1.. {
            proc::check_interrupted()?;
            let rest = format!("/releases?per_page={PAGE}&page={page}");
            let some: Vec<Release> = self.hub.get(&self.repo, &rest)?;
            let last = some.len() < PAGE;
            all.extend(
                some.into_iter()
                    .filter(|release| of_tag(&release.tag_name).is_some()),
            );
            if last {
                break;
            }
        }
        Ok(all)
    }

    pub(super) fn may_write(&self) -> Result<()> {
        self.hub.may_write(&self.repo)
    }

    pub(super) fn list(&self) -> Result<Vec<CacheEntry>> {
        let all = self.all()?.into_iter().filter(|release| !release.draft);
        let mut found: Vec<CacheEntry> = all
            .map(|release| {
                let tag = &release.tag_name;
                let parts = release
                    .assets
                    .iter()
                    .filter(|asset| asset.name != index_name(tag));
                CacheEntry {
                    size: parts.map(|part| part.size).sum(),
                    used_at: release.published_at.unwrap_or_default(),
                    broken: release.asset(&index_name(tag)).is_none(),
                    tag: release.tag_name,
                }
            })
            .collect();
        found.sort_by(|one, other| one.tag.cmp(&other.tag));
        Ok(found)
    }

    pub(super) fn remove(&self, tag: &str) -> Result<()> {
        if of_tag(tag).is_none() {
            bail!(Failure::new(format!(
                "`{tag}` is not the tag of a cached layer"
            )));
        }
        self.hub.may_write(&self.repo)?;
        if let Some(release) = self.release(tag)? {
            self.delete(&release)?;
        }
        let tag = format!("/git/refs/tags/{tag}");
        self.hub.delete(&self.repo, &tag)
    }

    fn delete(&self, release: &Release) -> Result<()> {
        self.hub
            .delete(&self.repo, &format!("/releases/{}", release.id))
    }

    /// Removes drafts that nobody has gone on with for a day.
    pub(super) fn sweep(&self) -> Result<()> {
        let day = Timestamp::now().checked_sub(Span::new().hours(24))?;
        for release in self.all()? {
            let old = release.mark().is_some_and(|mark| mark.at < day);
            if release.draft && old {
                self.delete(&release)?;
            }
        }
        Ok(())
    }
}

fn index_name(tag: &str) -> String {
    format!("{tag}.json")
}

fn part_name(tag: &str, number: usize) -> String {
    format!("{tag}.tar.zst.{number:03}")
}

fn digest_of(path: &Path, from: u64, len: u64) -> Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let read = || -> io::Result<String> {
        let mut file = crate::fs::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        Ok(crate::digest::of_reader(file.take(len))?.1)
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

fn cut(path: &Path, len: u64) -> Result<()> {
    let file = std::fs::File::options().write(true).open(path);
    file.and_then(|file| file.set_len(len))
        .with_context(|| format!("cannot write {}", path.display()))
}

//! Makes a release: a draft, its parts, its index, and then for all to see.
//!
//! Another run may do the same at the same time, here or elsewhere. A draft belongs to whoever wrote
//! its text last; who finds that it is another's now leaves it alone. Only a draft of the same archive
//! is gone on with, so that no two runs ever want different bytes in one.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::sums::sums;
use super::super::{Index, IndexPart, StoreResult};
use super::{Asset, Mark, Release, Releases, index_name, part_name};
use crate::error::Failure;
use crate::net::{Address, Body, HttpRequest};
use crate::overlay::github;
use crate::proc;

/// A release has at most a thousand assets, and one is the index.
const MOST: usize = 999;

/// A draft that is ours.
struct Draft<'a> {
    cache: &'a Releases,
    id: u64,
    upload: Address,
    run: String,
    assets: Vec<Asset>,
}

impl Releases {
    pub(in super::super) fn put(
        &self,
        archive: &Path,
        index: &Index,
        replace: bool,
        count: &Arc<AtomicU64>,
    ) -> Result<StoreResult> {
        self.hub.may_write(&self.repo)?;
        let tag = &index.tag;
        let old = self.release(tag)?;
        if let Some(old) = &old
            && !replace
            && self.index(old).is_ok()
        {
            return Ok(StoreResult::WasThere);
        }
        let index = &self.split(archive, index)?;
        let Some(mut draft) = self.draft(index)? else {
            return Ok(StoreResult::Elsewhere);
        };
        let mut at = 0;
        for part in &index.parts {
            if !draft.send(part, archive, at, count)? {
                return Ok(StoreResult::Elsewhere);
            }
            at += part.size;
        }
        let json = index.to_json()?;
        let mut file = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
        io::Write::write_all(&mut file, &json).context("cannot write a temporary file")?;
        let part = IndexPart {
            name: index_name(tag),
            size: json.len() as u64,
            sha256: crate::digest::of(&json),
        };
        if !draft.send(&part, file.path(), 0, &Arc::default())? || !draft.is_ours()? {
            return Ok(StoreResult::Elsewhere);
        }
        // Until here the old one was there for all.
        if let Some(old) = &old {
            self.delete(old)?;
        }
        draft.publish(tag)
    }

    /// The same with its parts, whose digests are found; the archive must be what the index says.
    fn split(&self, archive: &Path, index: &Index) -> Result<Index> {
        let read = sums(archive, self.part_size, &mut io::sink(), &AtomicU64::new(0))?;
        if read.sha256 != index.sha256 || read.size != index.size {
            bail!(Failure::new(format!(
                "{} does not match its digest",
                archive.display()
            )));
        }
        if read.parts.len() > MOST {
            bail!(
                Failure::new(format!("{} is too large for a release", archive.display()))
                    .hint("keep large things out of the snapshot, or use a directory as the cache")
            );
        }
        let part = |(number, (size, sha256))| IndexPart {
            name: part_name(&index.tag, number),
            size,
            sha256,
        };
        Ok(index.with_parts(read.parts.into_iter().enumerate().map(part).collect()))
    }

    /// A draft of an earlier try, or a new one.
    fn draft(&self, index: &Index) -> Result<Option<Draft<'_>>> {
        let mark = Mark {
            sha256: index.sha256.clone(),
            run: format!("{:016x}", rand::random::<u64>()),
            at: Timestamp::now(),
        };
        let body = serde_json::to_string(&mark).context("cannot write a mark")?;
        let earlier = self.all()?.into_iter().find(|release| {
            let same = release
                .mark()
                .is_some_and(|mark| mark.sha256 == index.sha256);
            release.draft && release.tag_name == index.tag && same
        });
        let release: Release = match earlier {
            Some(earlier) => {
                let rest = format!("/releases/{}", earlier.id);
                let taken = self
                    .hub
                    .ask("PATCH", &self.repo, &rest, Some(&json!({"body": body})));
                match taken {
                    // It was published, or given up, meanwhile.
                    Err(error) if github::is(&error, 404) => return Ok(None),
                    Ok(Release { draft: false, .. }) => return Ok(None),
                    other => other?,
                }
            }
            None => {
                let new = json!({
                    "tag_name": index.tag,
                    "name": index.tag,
                    "body": body,
                    "draft": true,
                    "make_latest": "false",
                });
                self.hub.ask("POST", &self.repo, "/releases", Some(&new))?
            }
        };
        // A template (RFC 6570) of what may be added.
        let url = release.upload_url.split('{').next().unwrap_or_default();
        let upload = Address::parse(url).map_err(|why| anyhow!(Failure::new(why)))?;
        if !self.hub.takes_uploads(&upload) {
            let failure = Failure::new(format!("the API names another host for uploads: {upload}"));
            bail!(failure.hint("check DKR_GITHUB_API"));
        }
        Ok(Some(Draft {
            cache: self,
            id: release.id,
            upload,
            run: mark.run,
            assets: release.assets,
        }))
    }
}

impl Draft<'_> {
    fn look(&self) -> Result<Option<Release>> {
        let rest = format!("/releases/{}", self.id);
        self.cache.hub.find(&self.cache.repo, &rest)
    }

    fn is_ours(&self) -> Result<bool> {
        let release = self.look()?.filter(|release| release.draft);
        let mark = release.and_then(|release| release.mark());
        Ok(mark.is_some_and(|mark| mark.run == self.run))
    }

    /// Sends one part, unless it is there; `false` when the draft is another's now.
    fn send(
        &mut self,
        part: &IndexPart,
        file: &Path,
        from: u64,
        count: &Arc<AtomicU64>,
    ) -> Result<bool> {
        if self.clear(part)? {
            count.fetch_add(part.size, Ordering::Relaxed);
            return Ok(true);
        }
        if !self.is_ours()? {
            return Ok(false);
        }
        let address = self
            .upload
            .at(&format!("{}?name={}", self.upload.path(), part.name));
        let address = address.map_err(|why| anyhow!(Failure::new(why)))?;
        let request = HttpRequest {
            method: "POST".parse().context("no method")?,
            address: &address,
            accept: "application/vnd.github+json",
            headers: Vec::new(),
            body: Body::FileRange {
                file,
                from,
                len: part.size,
                count: Arc::clone(count),
            },
        };
        // A try that failed leaves a piece behind, or all of it: the answer alone may be lost.
        let client = &self.cache.hub.client;
        let again = || {
            proc::check_interrupted()?;
            if let Some(release) = self.look()? {
                self.assets = release.assets;
            }
            match self.clear(part)? {
                true => Err(anyhow!(Arrived)),
                false => Ok(()),
            }
        };
        let sent = client.call(&request, again);
        match sent {
            Ok(answer) => {
                let asset: Asset = serde_json::from_slice(&answer)
                    .context("the answer to the upload has an unknown form")?;
                if !asset.is(part.size, &part.sha256) {
                    bail!(Failure::new(format!("{} is incomplete there", part.name)));
                }
                Ok(true)
            }
            Err(error) if error.is::<Arrived>() => {
                count.fetch_add(part.size, Ordering::Relaxed);
                Ok(true)
            }
            Err(error) if github::is_refusal(&error) && !self.is_ours()? => Ok(false),
            Err(error) => Err(self.cache.hub.explain(&self.cache.repo, error)),
        }
    }

    /// Removes what has the name of this part and is not it; `true` when it is there.
    fn clear(&mut self, part: &IndexPart) -> Result<bool> {
        let Some(at) = self.assets.iter().position(|asset| asset.name == part.name) else {
            return Ok(false);
        };
        if self.assets[at].is(part.size, &part.sha256) {
            return Ok(true);
        }
        if self.is_ours()? {
            let rest = format!("/releases/assets/{}", self.assets[at].id);
            self.cache.hub.delete(&self.cache.repo, &rest)?;
        }
        self.assets.remove(at);
        Ok(false)
    }

    fn publish(&self, tag: &str) -> Result<StoreResult> {
        let cache = self.cache;
        let rest = format!("/releases/{}", self.id);
        let published = json!({"draft": false, "make_latest": "false"});
        let answer: Result<Value> = cache.hub.ask("PATCH", &cache.repo, &rest, Some(&published));
        match answer {
            Ok(_) => Ok(StoreResult::Stored),
            // Another run was faster.
            Err(error) if github::is(&error, 422) || github::is(&error, 404) => {
                let Some(other) = cache.release(tag)? else {
                    return Err(error);
                };
                if other.id != self.id {
                    cache.hub.delete(&cache.repo, &rest)?;
                }
                Ok(StoreResult::Elsewhere)
            }
            Err(error) => Err(error),
        }
    }
}

/// A part is there, though its upload seemed to fail.
#[derive(Debug, thiserror::Error)]
#[error("it has arrived")]
struct Arrived;

//! Which objects may be had by their ids: those that the refs lead to, and no dropped ones.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Result, bail};

use super::{ObjectId, command, lines, run, serve};
use crate::proc::{CancelToken, lock};

/// The objects that the refs of a repository lead to, as far as somebody asked for them.
#[derive(Debug)]
pub(crate) struct Reachable {
    git_dir: PathBuf,
    /// Commits that may be had though no ref leads to them.
    also: Vec<ObjectId>,
    stop: CancelToken,
    known: Mutex<KnownObjects>,
}

/// Trees and blobs. Where there is no bitmap, git must walk to them.
#[derive(Debug, Default)]
struct KnownObjects {
    /// The refs that they were looked for under.
    tips: Vec<String>,
    /// The first eight bytes of their ids, sorted: no two objects share them by chance.
    ids: Vec<u64>,
    /// Whether somebody looked for some that were not among these.
    asked: bool,
    /// Whether these are all.
    complete: bool,
}

impl Reachable {
    /// Of the repository whose git directory this is.
    pub(crate) fn new(git_dir: &Path, also: Vec<ObjectId>, stop: &CancelToken) -> Self {
        Self {
            git_dir: git_dir.to_owned(),
            also,
            stop: stop.clone(),
            known: Mutex::default(),
        }
    }

    /// One of these ids that no ref leads to, if there is one. Refs that the repository hides from
    /// fetches count as none.
    pub(crate) fn outside(&self, wanted: &[String]) -> Result<Option<String>> {
        let tips = self.tips()?;
        let at_tips: HashSet<&String> = tips.iter().collect();
        let mut rest: Vec<&String> = wanted.iter().filter(|id| !at_tips.contains(id)).collect();
        rest.sort();
        rest.dedup();
        if rest.is_empty() {
            return Ok(None);
        }
        let (mut commits, mut others) = (Vec::new(), Vec::new());
        for (id, kind) in rest.iter().zip(self.kinds(&rest)?) {
            match kind.as_str() {
                "commit" => commits.push(*id),
                "tree" | "blob" | "tag" => others.push(*id),
                _ => return Ok(Some((*id).clone())),
            }
        }
        if let Some(id) = self.outside_history(&commits, &tips)? {
            return Ok(Some(id));
        }
        if others.is_empty() {
            return Ok(None);
        }
        self.outside_trees(&others, tips)
    }

    /// What git advertises, sorted.
    fn tips(&self) -> Result<Vec<String>> {
        let cmd = serve("upload-pack", &[super::HIDDEN], &self.git_dir).arg("--advertise-refs");
        let cmd = cmd.env_remove("GIT_PROTOCOL").until(&self.stop);
        let mut tips = advertised(&run("upload-pack", &cmd)?);
        tips.extend(self.also.iter().map(ObjectId::to_string));
        tips.sort();
        tips.dedup();
        Ok(tips)
    }

    /// The type of each, or what git says of those that are not there.
    fn kinds(&self, ids: &[&String]) -> Result<Vec<String>> {
        let cmd = command(&self.git_dir)
            .args(["cat-file", "--batch-check=%(objecttype)"])
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .stdin(input(ids.iter().copied()));
        Ok(lines(&run("cat-file", &cmd.until(&self.stop))?))
    }

    fn outside_history(&self, commits: &[&String], tips: &[String]) -> Result<Option<String>> {
        if commits.is_empty() {
            return Ok(None);
        }
        let not: String = tips.iter().map(|tip| format!("^{tip}\n")).collect();
        let cmd = command(&self.git_dir)
            .args(["rev-list", "--ignore-missing", "--stdin"])
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .stdin(input(commits.iter().copied()) + &not);
        let listed = lines(&run("rev-list", &cmd.until(&self.stop))?);
        let listed: HashSet<&String> = listed.iter().collect();
        let found = commits.iter().find(|commit| listed.contains(**commit));
        Ok(found.map(|commit| (*commit).clone()))
    }

    fn outside_trees(&self, ids: &[&String], tips: Vec<String>) -> Result<Option<String>> {
        let mut known = lock(&self.known);
        if known.tips != tips {
            let before: Vec<&String> = known.tips.iter().collect();
            // What only a ref led to that has been moved since is dropped by now.
            if self.outside_history(&before, &tips)?.is_some() {
                known.ids.clear();
            }
            known.tips = tips;
            (known.asked, known.complete) = (false, false);
        }
        // A checkout asks for what the newest commits have, and then no more.
        while !known.complete && known.lacks(ids).is_some() {
            let enough = !std::mem::replace(&mut known.asked, true);
            self.list(&mut known, if enough { ids } else { &[] })?;
        }
        Ok(known.lacks(ids).map(str::to_owned))
    }

    /// Lists what the tips lead to, the newest first, until these ids are found; all when there are
    /// none. By a bitmap in no order, and at once.
    fn list(&self, known: &mut KnownObjects, until: &[&String]) -> Result<()> {
        let mut open: HashSet<u64> = until.iter().filter_map(|id| first(id.as_bytes())).collect();
        let stops = !open.is_empty();
        let cmd = command(&self.git_dir)
            .args([
                "rev-list",
                "--objects",
                "--no-object-names",
                "--in-commit-order",
            ])
            .args(["--use-bitmap-index", "--missing=allow-any", "--stdin"])
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .stdin(input(&known.tips))
            .until(&self.stop);
        let mut found = Vec::new();
        let listed = cmd.records(b'\n', |id| {
            let id = first(id);
            found.extend(id);
            if stops && id.is_some_and(|id| open.remove(&id)) && open.is_empty() {
                bail!("all are found");
            }
            Ok(())
        });
        let broke_off = stops && open.is_empty();
        if !broke_off {
            // Of a repository that lacks objects, what is there.
            listed?;
            known.complete = true;
        }
        known.ids.append(&mut found);
        known.ids.sort_unstable();
        known.ids.dedup();
        Ok(())
    }
}

impl KnownObjects {
    fn lacks<'a>(&self, ids: &[&'a String]) -> Option<&'a str> {
        let has = |id: &str| {
            let id = first(id.as_bytes());
            id.is_some_and(|id| self.ids.binary_search(&id).is_ok())
        };
        ids.iter().map(|id| id.as_str()).find(|id| !has(id))
    }
}

fn input<'a>(ids: impl IntoIterator<Item = &'a String>) -> String {
    ids.into_iter().map(|id| format!("{id}\n")).collect()
}

/// The first eight bytes of an id.
fn first(id: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(id.get(..16)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

/// The ids in an advertisement (git's `gitprotocol-pack`, "Reference Discovery").
fn advertised(mut bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(4) {
        let length = std::str::from_utf8(head).ok();
        let length = length.and_then(|head| usize::from_str_radix(head, 16).ok());
        let content = length.unwrap_or(0).saturating_sub(4);
        let Some((line, rest)) = rest.split_at_checked(content) else {
            break;
        };
        let id = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let id = std::str::from_utf8(id).ok().and_then(ObjectId::parse);
        // In an empty repository it is no object's.
        found.extend(id.filter(|id| *id != id.null()).map(|id| id.to_string()));
        bytes = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advertisement_is_read() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let line = |text: String| format!("{:04x}{text}", text.len() + 4);
        let text = [
            line(format!("{one} HEAD\0multi_ack side-band\n")),
            line(format!("{two} refs/heads/a\n")),
            line(format!("shallow {one}\n")),
            "0000".to_owned(),
        ];
        assert_eq!(advertised(text.concat().as_bytes()), [one, two]);
        let none = line(format!("{} capabilities^{{}}\0x\n", "0".repeat(40)));
        assert_eq!(advertised(none.as_bytes()), [""; 0]);
        assert_eq!(advertised(b"00ff1111"), [""; 0]);
    }
}

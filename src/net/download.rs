//! Fills a file from an address, and goes on where it stopped.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow};
use ureq::http;

use super::request_error::{RequestError, broken};
use super::response::header;
use super::{Address, Body, HttpClient, HttpRequest};
use crate::error::Failure;
use crate::{fs, proc, ui};

/// What makes bytes that are there already good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// The digest of it all, which the caller checks.
    ByDigest,
    /// The server's word that it has the same still; what it calls it is kept beside the file.
    IfSame,
}

/// A download.
#[derive(Debug)]
pub struct Download<'a> {
    /// From where.
    pub from: &'a Address,
    /// The type that is asked for.
    pub accept: &'a str,
    /// The file, which may hold the beginning.
    pub to: &'a Path,
    /// Where in the file it begins, in bytes.
    pub at: u64,
    /// How many bytes it must be, where that is known.
    pub size: Option<u64>,
    /// What makes the beginning good.
    pub resume: Resume,
    /// Counts what is there.
    pub count: &'a Arc<AtomicU64>,
}

/// A try that wrote so much was worth it, and is not held against the server.
const WORTH: u64 = 1 << 20;

impl HttpClient {
    /// Downloads. `on_size` hears how long it all will be, when the server says it. What was
    /// downloaded stays in the file if it fails.
    pub fn download(&self, wanted: &Download, on_size: &mut dyn FnMut(u64)) -> Result<()> {
        let cannot = || format!("cannot write {}", wanted.to.display());
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(wanted.to)
            .with_context(cannot)?;
        let before = wanted.count.load(Ordering::Relaxed);
        self.with_retries(|| {
            let filled = Filled::of(&mut file, wanted).with_context(cannot)?;
            wanted.count.store(before + filled.0, Ordering::Relaxed);
            self.fill(wanted, &mut file, filled, before, on_size)
        })
    }

    fn fill(
        &self,
        wanted: &Download,
        file: &mut File,
        Filled(have): Filled,
        before: u64,
        on_size: &mut dyn FnMut(u64),
    ) -> Result<(), RequestError> {
        let cannot = || format!("cannot write {}", wanted.to.display());
        if wanted.size == Some(have) {
            return Ok(());
        }
        let mut headers = Vec::new();
        if have > 0 {
            headers.push(("range", format!("bytes={have}-")));
            if wanted.resume == Resume::IfSame {
                let name = validator_beside(wanted.to).unwrap_or_default();
                headers.push(("if-range", name));
            }
        }
        let request = HttpRequest {
            method: http::Method::GET,
            address: wanted.from,
            accept: wanted.accept,
            headers,
            body: Body::None,
        };
        let start_over = |file: &File| -> Result<()> {
            file.set_len(wanted.at).with_context(cannot)?;
            wanted.count.store(before, Ordering::Relaxed);
            Ok(())
        };
        let response = match self.send(&request) {
            // Nothing is left to send, or what is there is not the beginning.
            Err(RequestError::Final(why)) if have > 0 && is_status(&why, 416) => {
                start_over(file)?;
                return Err(RequestError::passing(why));
            }
            other => other?,
        };
        let range = header(&response, "content-range").and_then(content_range);
        let resumes = response.status() == http::StatusCode::PARTIAL_CONTENT;
        let (mut done, total) = match (resumes, range) {
            (true, Some((from, total))) if from == have => (have, total),
            (true, _) => {
                start_over(file)?;
                let why = format!("{} sent another part than requested", wanted.from);
                return Err(RequestError::passing(anyhow!(Failure::new(why))));
            }
            (false, _) => {
                start_over(file)?;
                if wanted.resume == Resume::IfSame {
                    note_validator(wanted.to, &response)?;
                }
                let length = header(&response, "content-length");
                (0, length.and_then(|length| length.parse().ok()))
            }
        };
        if let (Some(size), Some(total)) = (wanted.size, total)
            && size != total
        {
            let what = format!("{} has {total} bytes, but should have {size}", wanted.from);
            return Err(Failure::new(what).into());
        }
        total.into_iter().for_each(on_size);
        file.seek(SeekFrom::Start(wanted.at + done))
            .with_context(cannot)?;
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 17];
        let began = done;
        let lost = |trouble, done| match trouble {
            RequestError::Passing { why, limit, .. } => RequestError::Passing {
                why,
                limit,
                moved: done - began >= WORTH,
            },
            last => last,
        };
        loop {
            proc::check_interrupted()?;
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(lost(broken(wanted.from, &error.into()), done)),
            };
            done += read as u64;
            if wanted.size.is_some_and(|size| done > size) {
                return Err(
                    Failure::new(format!("{} sends more than it should", wanted.from)).into(),
                );
            }
            file.write_all(&buffer[..read]).with_context(cannot)?;
            wanted.count.fetch_add(read as u64, Ordering::Relaxed);
        }
        match total.or(wanted.size) {
            Some(total) if total != done => {
                let (done_text, total) = (ui::bytes(done), ui::bytes(total));
                let why = format!("{} ended after {done_text} of {total}", wanted.from);
                Err(lost(
                    RequestError::passing(anyhow!(Failure::new(why))),
                    done,
                ))
            }
            _ => Ok(()),
        }
    }
}

/// How many bytes of a download are there and good.
struct Filled(u64);

impl Filled {
    fn of(file: &mut File, wanted: &Download) -> std::io::Result<Self> {
        let length = file.metadata()?.len();
        let have = length.saturating_sub(wanted.at);
        let named = wanted.resume == Resume::ByDigest || validator_beside(wanted.to).is_some();
        if length >= wanted.at && named && wanted.size.is_none_or(|size| have <= size) {
            return Ok(Self(have));
        }
        file.set_len(wanted.at)?;
        Ok(Self(0))
    }
}

/// The file beside a download that holds what the server calls it.
pub(super) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".etag");
    name.into()
}

fn validator_beside(file: &Path) -> Option<String> {
    crate::fs::read_text(beside(file)).ok()
}

/// Keeps the name of this version, before any byte of it. A weak one does not hold for bytes.
fn note_validator(file: &Path, response: &http::Response<ureq::Body>) -> Result<()> {
    let strong = header(response, "etag").filter(|etag| etag.starts_with('"'));
    match strong.or_else(|| header(response, "last-modified")) {
        Some(name) => fs::write_whole(&beside(file), name.as_bytes()),
        None => match std::fs::remove_file(beside(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", beside(file).display()))
            }
            _ => Ok(()),
        },
    }
}

fn is_status(error: &anyhow::Error, status: u16) -> bool {
    super::HttpError::find_in(error).is_some_and(|refusal| refusal.status == status)
}

/// `bytes 5-9/10`: from where, and how long it all is.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.parse().ok()?, total.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in ["", "bytes */10", "lines 1-2/3", "bytes 5/10", "bytes -5/10"] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}

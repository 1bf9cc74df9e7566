//! Reading an answer.

use std::io::{self, Read};

use ureq::http;

pub(super) fn header<'a, B>(response: &'a http::Response<B>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// All of it, if it is not longer than `limit`.
pub(super) fn read(from: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other("the answer is too long"));
    }
    Ok(bytes)
}

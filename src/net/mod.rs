//! Edge: HTTP. Downloads that resume, uploads that stream, tokens that go to their own hosts only.
//!
//! Pure: `address` is where a request may go, `retry` how long one waits, `http_error` an answer that says
//! no, `request_error` whether to ask again. The others act: `client` asks and asks again, `file_range` is
//! sent, `download` fills a file.

mod address;
mod client;
mod download;
mod file_range;
mod http_error;
mod request_error;
mod response;
mod retry;

pub use address::Address;
pub(crate) use client::is_direct;
pub use client::{Body, ClientSettings, HttpClient, HttpRequest};
pub use download::{Download, Resume};
pub use http_error::HttpError;
pub use retry::RetryPolicy;

use std::fmt;

/// A text that is never shown: a token.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// `None` for a text that no header can carry, which no token is.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The text, for the one header that carries it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

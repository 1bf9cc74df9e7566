//! Why a try came to nothing, and whether another may do better.

use std::io;

use jiff::Timestamp;
use ureq::http;

use super::response::{header, read};
use super::{Address, HttpError, http_error, retry};
use crate::error::Failure;

/// The most that is read of an answer that says no.
const LONGEST: u64 = 64 << 10;

/// Why a try came to nothing.
pub(super) enum RequestError {
    /// Another may do better.
    Passing {
        why: anyhow::Error,
        limit: Option<(Timestamp, bool)>,
        /// Whether it brought us forward all the same.
        moved: bool,
    },
    Final(anyhow::Error),
}

impl RequestError {
    pub(super) fn passing(why: anyhow::Error) -> Self {
        Self::Passing {
            why,
            limit: None,
            moved: false,
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for RequestError {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

/// An answer that says no to what was asked.
pub(super) fn refused(asked: &str, response: http::Response<ureq::Body>) -> RequestError {
    let status = response.status().as_u16();
    let limit = retry::limit(status, |name| header(&response, name), Timestamp::now());
    let body = read(response.into_body().into_reader(), LONGEST).unwrap_or_default();
    let refusal = HttpError {
        asked: asked.to_owned(),
        status,
        message: http_error::message(&body),
    };
    if refusal.is_passing() || limit.is_rate {
        RequestError::Passing {
            why: refusal.into(),
            limit: limit.until.map(|until| (until, limit.is_rate)),
            moved: false,
        }
    } else {
        RequestError::Final(refusal.into())
    }
}

/// What is wrong with a connection. Texts of ureq that hold addresses are left out.
pub(super) fn broken(to: &Address, error: &ureq::Error) -> RequestError {
    let host = to.host();
    let (what, hint) = match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            let hint = "name the certificates of your own network in SSL_CERT_FILE";
            return Failure::new(format!("cannot trust {host}: {error}"))
                .hint(hint)
                .into();
        }
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => {
            return Failure::new(format!("cannot trust {host}: {error}")).into();
        }
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) | ureq::Error::Http(_) => {
            return Failure::new(format!("cannot send a request to {to}")).into();
        }
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => (
            "the proxy refused the connection".to_owned(),
            "check HTTPS_PROXY and NO_PROXY",
        ),
        ureq::Error::Io(error) => (error.to_string(), "check that the network is up"),
        other => (other.to_string(), "check that the network is up"),
    };
    let failure = Failure::new(format!("cannot connect to {to}: {what}")).hint(hint);
    RequestError::passing(failure.into())
}

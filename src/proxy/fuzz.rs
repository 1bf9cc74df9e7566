//! The door of fuzz targets: nobody else comes this way.

use hyper::{Method, Uri};

use super::agents::path_for;
use super::client_hello::HelloReader;
use super::host::HostPort;
use super::policy::EgressPolicy;

/// Reads the first bytes of a tunnel, in pieces.
pub fn client_hello(bytes: &[u8]) {
    let mut reader = HelloReader::default();
    for piece in bytes.chunks(97) {
        reader.feed(piece);
    }
}

/// Reads what a client asks for, and judges it. Only what is named is allowed, and what is read is read again
/// as the same.
pub fn target(text: &str) {
    let words = ["allowed.example", "*.below.example"].map(str::to_owned);
    if let (Ok(target), Ok(policy)) = (HostPort::parse(text, Some(443)), EgressPolicy::new(&words))
    {
        let name = target.host.to_string();
        let named = name == "allowed.example" || name.ends_with(".below.example");
        let usual = matches!(target.port, 80 | 443);
        assert_eq!(policy.decide(&target).is_ok(), named && usual, "{target}");
        assert_eq!(HostPort::parse(&target.to_string(), None), Ok(target));
    }
    // A word is refused, or the policy keeps it as it is.
    if let Ok(policy) = EgressPolicy::new(&[text.to_owned()]) {
        assert_eq!(policy.words(), [text]);
    }
    if let Ok(uri) = text.parse::<Uri>()
        && let Ok(path) = path_for(&Method::GET, &uri)
    {
        assert!(path.as_str().starts_with('/') && !path.as_str().starts_with("//"));
    }
}

//! Addresses of the web: https, and http on this machine alone.
//!
//! The crate `url` is not used: it rewrites what it reads (`/a/../b`, the host `127.1`), and an address is
//! sent, refused and remembered as it was written.

use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use ureq::http::Uri;

/// An address that may be asked. Shown without its query, which may hold a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Uri);

/// Scheme, host and port: what a token belongs to.
pub(super) type UrlOrigin = (String, String, u16);

impl Address {
    /// Reads `https://…`, or `http://` of a loopback address. A part behind `#` is dropped.
    pub fn parse(text: &str) -> Result<Self, String> {
        let whole = text.split('#').next().unwrap_or_default();
        let shown = shown(whole);
        let uri: Uri = whole
            .parse()
            .map_err(|_| format!("`{shown}` is not a web address"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("`{shown}` does not begin with https://"));
        };
        if authority.as_str().contains('@') {
            return Err(format!("`{shown}` has a user name or a password in it"));
        }
        if authority.host().is_empty() {
            return Err(format!("`{shown}` names no host"));
        }
        match scheme {
            "https" => Ok(Self(uri)),
            "http" if is_loopback(authority.host()) => Ok(Self(uri)),
            "http" => Err(format!("`{shown}` is not encrypted; use https://")),
            _ => Err(format!("`{shown}` does not begin with https://")),
        }
    }

    /// What `Location` says, seen from here. Never from https to http.
    pub(super) fn join(&self, location: &str) -> Result<Self, String> {
        let scheme = self.0.scheme_str().unwrap_or("https");
        let authority = self
            .0
            .authority()
            .map_or("", |authority| authority.as_str());
        let to = if location.contains("://") && !location.starts_with('/') {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else {
            let path = self.0.path();
            let directory = path.rfind('/').map_or("/", |at| &path[..=at]);
            format!("{scheme}://{authority}{directory}{location}")
        };
        let to = Self::parse(&to)?;
        if scheme == "https" && to.0.scheme_str() != Some("https") {
            return Err(format!("{self} leads to {to}, which is not encrypted"));
        }
        Ok(to)
    }

    /// The same host with another path and query, given as they are sent.
    pub fn at(&self, path: &str) -> Result<Self, String> {
        self.join(path)
    }

    /// The host's name, in lower case.
    pub fn host(&self) -> String {
        self.0.host().unwrap_or_default().to_ascii_lowercase()
    }

    /// The path, as it is sent, without the query.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The last part of the path, without its escapes; `None` when it is none for a file.
    pub fn file_name(&self) -> Option<String> {
        let last = self.path().rsplit('/').next().unwrap_or_default();
        let name = percent_decode_str(last).decode_utf8().ok()?;
        let fits = !matches!(&*name, "" | "." | "..") && !name.contains(['/', '\0']);
        fits.then(|| name.into_owned())
    }

    /// What tells it from all others, without showing it: 64 hexadecimal digits.
    pub fn id(&self) -> String {
        crate::digest::of(self.0.to_string())
    }

    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host())
    }

    pub(super) fn origin(&self) -> UrlOrigin {
        let scheme = self.0.scheme_str().unwrap_or_default().to_owned();
        let usual = if scheme == "http" { 80 } else { 443 };
        (scheme, self.host(), self.0.port_u16().unwrap_or(usual))
    }

    /// Whether both are of the same scheme, host and port.
    pub fn same_host(&self, other: &Self) -> bool {
        self.origin() == other.origin()
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0.to_string()))
    }
}

/// Without user, password and query.
fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let colon = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{colon}{host}{path}")
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_or_this_machine() {
        for good in [
            "https://example.com/a?b",
            "HTTPS://example.com",
            "http://127.0.0.1:80/",
            "http://localhost:8080/x",
            "http://[::1]:1/",
        ] {
            assert!(Address::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "ftp://example.com/",
            "example.com/a",
            "/a",
            "",
            "https://",
            "https://a b/",
            "https://me:pw@example.com/",
            "http://127.0.0.1@example.com/",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let address = Address::parse("https://example.com/a/b?sig=hidden#hidden").unwrap();
        assert_eq!(address.to_string(), "https://example.com/a/b");
        for text in [
            "https://me:hidden@example.com/a",
            "ftp://hidden@h/?hidden",
            "x y?hidden",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn redirects_are_seen_from_where_they_are() {
        let from = Address::parse("https://a.example:444/x/y?q").unwrap();
        let to = |location: &str| from.join(location).map(|to| to.uri().to_string());
        assert_eq!(
            to("https://b.example/z?t").unwrap(),
            "https://b.example/z?t"
        );
        assert_eq!(to("//b.example/z").unwrap(), "https://b.example/z");
        assert_eq!(
            to("/z?u=http://v").unwrap(),
            "https://a.example:444/z?u=http://v"
        );
        assert_eq!(to("z").unwrap(), "https://a.example:444/x/z");
        assert!(to("http://b.example/z").is_err());
        let encrypted = to("http://127.0.0.1/z").unwrap_err();
        assert!(encrypted.contains("not encrypted"), "{encrypted}");
    }

    #[test]
    fn hosts_are_told_apart_by_port_and_scheme() {
        let address = |text| Address::parse(text).unwrap();
        let one = address("https://a.example/x");
        assert!(one.same_host(&address("https://A.example:443/y")));
        assert!(!one.same_host(&address("https://a.example:444/x")));
        assert!(!one.same_host(&address("https://b.a.example/x")));
        assert!(!address("http://localhost/").same_host(&address("https://localhost/")));
    }

    #[test]
    fn names_of_files() {
        let name = |text| Address::parse(text).unwrap().file_name();
        assert_eq!(name("https://h/a%20b.txt?x").as_deref(), Some("a b.txt"));
        for none in [
            "https://h/",
            "https://h/a/",
            "https://h/..",
            "https://h/%2e%2E",
            "https://h/a%2fb",
        ] {
            assert_eq!(name(none), None, "{none}");
        }
        assert_eq!(name("https://h/100%").as_deref(), Some("100%"));
    }
}

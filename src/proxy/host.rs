//! Names of hosts as a client or a user writes them: read strictly, so that one host has one form.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name that DNS has.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host: a name in lower case without a dot at its end, or an address. An IPv4 address that is written as
/// IPv6 is the IPv4 address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostName {
    /// A name that is resolved.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl HostName {
    /// Reads a name or an address, IPv6 in brackets. Addresses in forms that only some programs read
    /// (`127.1`, `0x7f.1`, `2130706433`) are refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = text.escape_default();
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').unwrap_or_default();
            let address: Ipv6Addr = inner
                .parse()
                .map_err(|_| format!("`{shown}` is not an IPv6 address"))?;
            return Ok(Self::Ip(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(address.into()));
        }
        if !text.is_ascii() {
            return Err(format!(
                "`{shown}` is not ASCII; write the name in its `xn--` form"
            ));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.len() > LONGEST_NAME || !name.split('.').all(is_label) {
            return Err(format!("`{shown}` is not the name of a host"));
        }
        if name.rsplit('.').next().is_some_and(is_number) {
            return Err(format!(
                "`{shown}` is not a host: an address has four decimal numbers"
            ));
        }
        Ok(Self::Dns(name))
    }

    /// Whether it is `localhost`, or a name below that.
    pub(super) fn is_localhost(&self) -> bool {
        matches!(self, Self::Dns(name) if name == "localhost" || name.ends_with(".localhost"))
    }

    /// Whether it is this machine itself.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(address) => address.is_loopback(),
            Self::Dns(_) => self.is_localhost(),
        }
    }

    /// Whether it is a name without a dot, other than `localhost`.
    pub(super) fn is_single_label(&self) -> bool {
        matches!(self, Self::Dns(name) if name != "localhost" && !name.contains('.'))
    }
}

fn is_label(label: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(letter)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// What the URL standard takes for the end of an IPv4 address, whatever stands before it.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x");
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A host and a port: what a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The host.
    pub host: HostName,
    /// The port, never 0.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port`, or `host` where there is a usual port.
    pub fn parse(text: &str, usual: Option<u16>) -> Result<Self, String> {
        let (host, port) = split(text)?;
        let port = port.or(usual);
        Ok(Self {
            host: HostName::parse(host)?,
            port: port.ok_or_else(|| format!("`{}` has no port", text.escape_default()))?,
        })
    }
}

/// The host as it is written, and the port if there is one.
pub(super) fn split(text: &str) -> Result<(&str, Option<u16>), String> {
    let host_ends = match text.starts_with('[') {
        true => text.find(']').map_or(text.len(), |at| at + 1),
        false => text.find(':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(host_ends);
    if rest.is_empty() {
        return Ok((host, None));
    }
    let digits = rest.strip_prefix(':').unwrap_or_default();
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| *port > 0 && only_digits);
    match port {
        Some(port) => Ok((host, Some(port))),
        None => Err(format!(
            "`{}` has no port behind its host",
            text.escape_default()
        )),
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_host_has_one_form() {
        for (written, read) in [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("localhost.", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("_a.1b.example", "_a.1b.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[0:0::1]", "[::1]"),
            ("[::ffff:127.0.0.1]", "127.0.0.1"),
            ("[::FFFF:7f00:1]", "127.0.0.1"),
        ] {
            assert_eq!(HostName::parse(written).unwrap().to_string(), read);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for written in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a..",
            "-a",
            "a-",
            "a b",
            "a/b",
            "a@b",
            "a%2eb",
            "a\0",
            "a\n",
            "a:b",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "0177.0.0.1",
            "127.0.0.01",
            "1.2.3.4.5",
            "127.0.0.1.",
            "a.1",
            "a.0x",
            "a.0xff",
            "bücher.example",
            "example。com",
            "１２７.0.0.1",
            "::1",
            "[::1",
            "[::1%eth0]",
            "[]",
            "[127.0.0.1]",
            "[::1]x",
        ] {
            assert!(HostName::parse(written).is_err(), "{written}");
        }
        assert!(HostName::parse(&"a".repeat(64)).is_err());
        assert!(HostName::parse(&["a"; 127].join(".")).is_ok());
        assert!(HostName::parse(&["a"; 128].join(".")).is_err());
    }

    #[test]
    fn ports() {
        let read = |text| HostPort::parse(text, Some(80)).map(|read| read.to_string());
        assert_eq!(read("a:443").unwrap(), "a:443");
        assert_eq!(read("A.").unwrap(), "a:80");
        assert_eq!(read("[::1]:8080").unwrap(), "[::1]:8080");
        for bad in [
            "a:", "a:0", "a:+80", "a:65536", "a:80:80", ":80", "a:8 0", "[::1]80", "u@a:80",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(HostPort::parse("a", None).is_err());
    }

    proptest! {
        /// What is read is read again as the same.
        #[test]
        fn reading_is_stable(text in "[a-zA-Z0-9.:\\[\\]x-]{0,24}|\\PC{0,12}") {
            if let Ok(read) = HostPort::parse(&text, Some(1)) {
                prop_assert_eq!(HostPort::parse(&read.to_string(), None), Ok(read));
            }
        }
    }
}

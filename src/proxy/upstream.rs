//! The proxy through which this machine itself reaches the network. Pure: `conf` reads the variables.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::host::HostPort;
use crate::net::{Secret, is_direct};

/// The proxies of this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct UpstreamProxies {
    /// For https: `HTTPS_PROXY`.
    pub https: Option<UpstreamProxy>,
    /// For http: `HTTP_PROXY`.
    pub http: Option<UpstreamProxy>,
    /// `NO_PROXY`, as it is written: hosts that are reached without.
    pub direct: String,
}

/// One proxy.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamProxy {
    /// Whether it is itself spoken to by TLS.
    pub(super) tls: bool,
    pub(super) address: HostPort,
    /// User and password, as the scheme `Basic` has them.
    pub(super) credentials: Option<Secret>,
}

impl UpstreamProxy {
    /// Reads `http://user:password@host:port`, as others read such a variable. An error does not repeat it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, user, host) = parts(text);
        let (tls, usual) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, 80),
            "https" => (true, 443),
            other => {
                let other = other.escape_default();
                return Err(format!(
                    "a proxy of the kind `{other}` is not supported, http is"
                ));
            }
        };
        let plain = |user: &str| {
            let bytes: Vec<u8> = percent_decode_str(user).collect();
            let colon: &[u8] = if user.contains(':') { b"" } else { b":" };
            Secret::new(&STANDARD.encode([&bytes, colon].concat()))
        };
        Ok(Self {
            tls,
            address: HostPort::parse(host, Some(usual))?,
            credentials: user.and_then(plain),
        })
    }
}

/// Whether such a variable leads to this machine's loopback interface, be it by a scheme that is not spoken
/// here.
pub(crate) fn is_loopback_proxy(text: &str) -> bool {
    let (_, _, host) = parts(text);
    HostPort::parse(host, Some(80)).is_ok_and(|address| address.host.is_loopback())
}

/// The scheme, what stands before the `@`, and the host with its port.
fn parts(text: &str) -> (&str, Option<&str>, &str) {
    let (scheme, rest) = text
        .trim()
        .split_once("://")
        .unwrap_or(("http", text.trim()));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, host)) => (scheme, Some(user), host),
        None => (scheme, None, authority),
    }
}

impl UpstreamProxies {
    /// The proxy for a host, if there is one. This machine itself is reached without.
    pub(super) fn of(&self, target: &HostPort, https: bool) -> Option<&UpstreamProxy> {
        let proxy = if https { &self.https } else { &self.http };
        let name = target.host.to_string();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        proxy
            .as_ref()
            .filter(|_| !target.host.is_loopback() && !is_direct(bare, &self.direct))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_variables_hold() {
        let read = |text| {
            UpstreamProxy::parse(text).map(|proxy| {
                let credentials = proxy
                    .credentials
                    .as_ref()
                    .map(|secret| secret.reveal().to_owned());
                (proxy.tls, proxy.address.to_string(), credentials)
            })
        };
        let plain = |address: &str| Ok((false, address.to_owned(), None));
        assert_eq!(read("http://proxy.corp:3128"), plain("proxy.corp:3128"));
        assert_eq!(read("proxy.corp:3128/"), plain("proxy.corp:3128"));
        assert_eq!(read("http://127.0.0.1"), plain("127.0.0.1:80"));
        let with_user = (true, "p:443".to_owned(), Some("bWU6YTpiQA==".to_owned()));
        assert_eq!(read("https://me:a%3Ab%40@p"), Ok(with_user));
        for bad in [
            "socks5://me:hidden@p:1",
            "http://me:hidden@",
            "http://me:hidden@a b",
        ] {
            let told = read(bad).unwrap_err();
            assert!(!told.contains("hidden"), "{told}");
        }
        let shown = format!("{:?}", UpstreamProxy::parse("http://me:hidden@p"));
        assert!(
            !shown.contains("hidden") && !shown.contains("bWU6"),
            "{shown}"
        );
    }

    #[test]
    fn which_hosts_go_through_it() {
        let proxies = UpstreamProxies {
            https: UpstreamProxy::parse("p:1").ok(),
            http: None,
            direct: "corp.example,10.0.0.1".to_owned(),
        };
        for (target, through) in [
            ("example.com:443", true),
            ("a.corp.example:443", false),
            ("10.0.0.1:443", false),
            ("localhost:443", false),
            ("127.0.0.1:443", false),
            ("[::1]:443", false),
        ] {
            let target = HostPort::parse(target, None).unwrap();
            assert_eq!(proxies.of(&target, true).is_some(), through, "{target}");
            assert!(proxies.of(&target, false).is_none());
        }
    }

    #[test]
    fn proxies_of_the_loopback_interface() {
        for proxy in [
            "http://127.0.0.1:3128",
            "127.3.2.1:80",
            "localhost",
            "http://me:p@ss@LOCALHOST:3128/",
            "socks5h://[::1]:1080",
        ] {
            assert!(is_loopback_proxy(proxy), "{proxy}");
        }
        for proxy in [
            "http://proxy:3128",
            "10.0.0.1:80",
            "http://127.0.0.1.example.com",
            "",
        ] {
            assert!(!is_loopback_proxy(proxy), "{proxy}");
        }
    }
}

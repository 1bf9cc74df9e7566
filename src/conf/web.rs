//! What the environment says of the network and of GitHub.

use std::time::Duration;

use anyhow::{Result, anyhow};

use super::variable;
use crate::error::Failure;
use crate::net::{Address, ClientSettings, RetryPolicy, Secret};
use crate::proxy::{UpstreamProxies, UpstreamProxy};
use crate::ui::Printer;

/// Proxies are read by the client itself. `DKR_HTTP_WAIT` is the first wait between two tries in
/// milliseconds (500), all other times being in proportion to it.
pub(crate) fn network(printer: Printer) -> ClientSettings {
    let wait = variable("DKR_HTTP_WAIT").and_then(|text| text.parse::<u32>().ok());
    let patience = wait.map_or_else(RetryPolicy::default, |wait| RetryPolicy {
        first: Duration::from_millis(wait.max(1).into()),
    });
    ClientSettings {
        patience,
        direct: no_proxy(),
        printer,
    }
}

fn no_proxy() -> String {
    let either = variable("NO_PROXY").or_else(|| variable("no_proxy"));
    either.unwrap_or_default()
}

/// The proxies through which a sandboxed container's requests leave this machine, for as long as it runs.
pub(crate) fn upstream_proxies() -> Result<UpstreamProxies> {
    let read = |names: [&str; 4]| -> Result<Option<UpstreamProxy>> {
        let found = names
            .into_iter()
            .find_map(|name| Some((name, variable(name)?)));
        let parse = |(name, text): (&str, String)| {
            UpstreamProxy::parse(&text).map_err(|why| {
                let hint = "a proxy is written http://host:port";
                anyhow!(Failure::new(format!("{name}: {why}")).hint(hint))
            })
        };
        found.map(parse).transpose()
    };
    Ok(UpstreamProxies {
        https: read(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])?,
        http: read(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])?,
        direct: no_proxy(),
    })
}

/// The API of GitHub: `DKR_GITHUB_API`, for an Enterprise server `https://HOST/api/v3`.
pub(crate) fn github_api() -> Result<Address> {
    let text = variable("DKR_GITHUB_API").unwrap_or_else(|| "https://api.github.com".to_owned());
    Address::parse(text.trim_end_matches('/')).map_err(|why| {
        let hint = "an Enterprise server's is https://HOST/api/v3";
        anyhow!(Failure::new(format!("DKR_GITHUB_API: {why}")).hint(hint))
    })
}

/// `GH_TOKEN`, else `GITHUB_TOKEN`.
pub(crate) fn github_token() -> Result<Option<Secret>> {
    for name in ["GH_TOKEN", "GITHUB_TOKEN"] {
        if let Some(text) = variable(name) {
            let secret = Secret::new(&text).ok_or_else(|| {
                let hint = "it is one word, without spaces or line breaks";
                anyhow!(Failure::new(format!("{name} is not a token")).hint(hint))
            })?;
            return Ok(Some(secret));
        }
    }
    Ok(None)
}

/// `DKR_OVERLAY_PART_SIZE`: bytes of one asset of a release, 1.9e9 as GitHub takes less than 2 GiB.
pub(crate) fn part_size() -> u64 {
    let size = variable("DKR_OVERLAY_PART_SIZE").and_then(|text| text.parse().ok());
    size.filter(|size| *size > 0).unwrap_or(1_900_000_000)
}

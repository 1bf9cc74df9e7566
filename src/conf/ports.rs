//! Ports of a container that this machine shows.

use std::net::{IpAddr, Ipv4Addr};

use super::values::split_words;

/// `none`, or words. Those that other machines reach are `to_network` alone.
pub(super) fn parse(text: &str, to_network: bool) -> Result<Vec<String>, String> {
    let words = split_words(text)?;
    if words == ["none"] {
        return Ok(Vec::new());
    }
    words.iter().map(|word| port(word, to_network)).collect()
}

/// One, as docker's `-p`; but without an address it is at the loopback one, and not in the whole network.
fn port(word: &str, to_network: bool) -> Result<String, String> {
    let wrong = || {
        format!(
            "`{word}` is not a port: expected 3000, 8080:80 or 127.0.0.1:8080:80, and /udp if wanted"
        )
    };
    let (body, protocol) = match word.split_once('/') {
        Some((body, protocol)) => (body, Some(protocol)),
        None => (word, None),
    };
    if !matches!(protocol, None | Some("tcp" | "udp" | "sctp")) {
        return Err(wrong());
    }
    let mut ports = body.rsplitn(3, ':');
    let inside = ports.next().unwrap_or_default();
    let outside = ports.next();
    let address: IpAddr = match ports.next() {
        None => Ipv4Addr::LOCALHOST.into(),
        Some(address) => {
            let bare = address
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            let parsed = bare.unwrap_or(address).parse::<IpAddr>().ok();
            parsed
                .filter(|parsed| parsed.is_ipv6() == bare.is_some())
                .ok_or_else(wrong)?
        }
    };
    // Where an address is given the engine may choose the port.
    let any = body.matches(':').count() > 1 && outside == Some("");
    let outside = outside.unwrap_or(inside);
    if !is_port_or_range(inside) || !(any || is_port_or_range(outside)) {
        return Err(wrong());
    }
    if !to_network && !address.is_loopback() {
        return Err(format!(
            "no repository opens a port to the network ({word}): --publish, DKR_PORTS or git config dkr.ports does"
        ));
    }
    let address = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let protocol = protocol.map(|protocol| format!("/{protocol}"));
    Ok(format!(
        "{address}:{outside}:{inside}{}",
        protocol.unwrap_or_default()
    ))
}

fn is_port_or_range(text: &str) -> bool {
    let number = |text: &str| {
        let digits = text.chars().all(|c| c.is_ascii_digit());
        text.parse::<u16>().ok().filter(|port| digits && *port > 0)
    };
    match text.split_once('-') {
        None => number(text).is_some(),
        Some((first, last)) => match (number(first), number(last)) {
            (Some(first), Some(last)) => first <= last,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_an_address() {
        let ports = |text: &str| match parse(text, true) {
            Ok(ports) => ports.join(" "),
            Err(problem) => problem,
        };
        for (typed, meant) in [
            ("3000", "127.0.0.1:3000:3000"),
            ("8080:80", "127.0.0.1:8080:80"),
            ("0.0.0.0:8080:80/udp", "0.0.0.0:8080:80/udp"),
            ("127.0.0.1::80", "127.0.0.1::80"),
            ("[::1]:80:80", "[::1]:80:80"),
            (
                "3000-3005 9000-9001:90-91",
                "127.0.0.1:3000-3005:3000-3005 127.0.0.1:9000-9001:90-91",
            ),
            ("none", ""),
        ] {
            assert_eq!(ports(typed), meant, "{typed}");
        }
        for bad in [
            "0",
            "70000",
            ":80",
            "80:",
            "x:80:80",
            "::1:80:80",
            "127.0.0.1:80",
            "80/icmp",
            "5-3",
            "+80",
            "1:2:3:4",
        ] {
            assert!(
                ports(bad).contains("is not a port"),
                "{bad}: {}",
                ports(bad)
            );
        }
    }
}

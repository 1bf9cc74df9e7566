//! What a container reaches in each network: the rows of the table in `docs/security.md`.

use std::net::{TcpListener, UdpSocket};

use super::networks::networks;
use crate::common::engine::Lab;

/// What a container of each network says of whether it could connect, and what is expected.
#[track_caller]
fn connects(address: &str, expected: &[(&str, bool)]) {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let (host, port) = address.rsplit_once(':').unwrap();
    let script = format!(
        "if timeout 5 bash -c ': </dev/tcp/{host}/{port}' 2>/dev/null; then echo true; else echo false; fi"
    );
    for network in networks(&lab) {
        let (_, reaches) = expected.iter().find(|(name, _)| *name == network).unwrap();
        let option = format!("--network={network}");
        let outcome = lab.start(&repo, &[&option], &script).ok();
        assert_eq!(
            outcome.stdout,
            format!("{reaches}\n"),
            "{network}: {address}"
        );
    }
}

#[test]
fn what_listens_on_the_host_s_loopback_interface() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    connects(
        &address,
        &[("host", true), ("bridge", false), ("none", false)],
    );
}

#[test]
fn what_listens_on_the_host_s_other_addresses() {
    // Nothing is sent: the kernel says which of its addresses it would send from.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").unwrap();
    let address = socket.local_addr().unwrap().ip();
    let listener = TcpListener::bind((address, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    connects(
        &address,
        &[("host", true), ("bridge", true), ("none", false)],
    );
}

#[test]
fn without_a_network_there_is_a_loopback_interface_alone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "sed 1,2d /proc/net/dev | cut -d: -f1 | tr -d ' '; getent hosts \"$(hostname)\" | cut -d' ' -f1";
    let outcome = lab.start(&repo, &["--network=none"], script).ok();
    assert_eq!(outcome.stdout, "lo\n127.0.0.1\n");
}

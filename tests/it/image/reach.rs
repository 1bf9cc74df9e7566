//! What a container reaches in each network: the rows of the table in `docs/security.md`.

use std::net::{IpAddr, TcpListener, UdpSocket};

use super::networks::networks;
use crate::common::engine::Lab;

/// The columns of that table.
struct Expected {
    bridge: bool,
    none: bool,
    host: bool,
    sandbox: bool,
}

/// What the machine's own network leads to.
const BY_ITS_NETWORK: Expected = Expected {
    bridge: true,
    none: false,
    host: true,
    sandbox: false,
};

/// Whether a script succeeds in a container of each kind.
#[track_caller]
fn succeeds(lab: &Lab, script: &str, expected: &Expected) {
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = format!("if {script}; then echo true; else echo false; fi 2>/dev/null");
    for kind in networks(lab).into_iter().chain(["sandbox"]) {
        let (option, reaches) = match kind {
            "bridge" => ("--network=bridge", expected.bridge),
            "none" => ("--network=none", expected.none),
            "host" => ("--network=host", expected.host),
            _ => ("--sandbox", expected.sandbox),
        };
        let outcome = lab.start(&repo, &[option], &script).ok();
        assert_eq!(outcome.stdout, format!("{reaches}\n"), "{kind}: {script}");
    }
}

/// Whether a container of each kind can connect.
#[track_caller]
fn connects(lab: &Lab, host: IpAddr, port: u16, expected: &Expected) {
    let script = format!("timeout 5 bash -c ': </dev/tcp/{host}/{port}'");
    succeeds(lab, &script, expected);
}

/// An address of this machine that is not its loopback interface's.
fn own_address() -> IpAddr {
    // Nothing is sent: the kernel says which of its addresses it would send from.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").unwrap();
    socket.local_addr().unwrap().ip()
}

#[test]
fn what_listens_on_the_host_s_loopback_interface() {
    let Some(lab) = Lab::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let expected = Expected {
        bridge: false,
        ..BY_ITS_NETWORK
    };
    connects(&lab, address.ip(), address.port(), &expected);
}

#[test]
fn what_listens_on_the_host_s_other_addresses() {
    let Some(lab) = Lab::new() else { return };
    let listener = TcpListener::bind((own_address(), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    connects(&lab, address.ip(), address.port(), &BY_ITS_NETWORK);
}

/// One that the engine's user started without us, in the engine's own network.
#[test]
fn other_containers() {
    // Without root podman's are in a network that the host itself does not see.
    let Some(lab) = Lab::of("docker") else { return };
    if !networks(&lab).contains(&"bridge") {
        return eprintln!("skipped: this engine has no bridge");
    }
    let listen = "use IO::Socket; $| = 1; \
                  my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 9) or die; \
                  print qq(listening\\n); while ($s->accept) {}";
    // Removed with what git dkr starts.
    let label = format!("--label=dkr.repo_path={}", lab.path("other").display());
    let mut run = lab.client();
    run.args([
        "run",
        "--detach",
        "--network=bridge",
        &label,
        "--name",
        &lab.host,
    ]);
    run.args(["debian:bookworm-slim", "perl", "-e", listen]);
    crate::common::run(&mut run);
    let address = lab.docker(&[
        "inspect",
        "--format={{.NetworkSettings.Networks.bridge.IPAddress}}",
        &lab.host,
    ]);
    let address: IpAddr = address.trim().parse().unwrap();
    while !lab.docker(&["logs", &lab.host]).contains("listening") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    connects(&lab, address, 80, &BY_ITS_NETWORK);
}

/// What answers a datagram, as a name server does.
#[test]
fn name_servers() {
    let Some(lab) = Lab::new() else { return };
    let server = UdpSocket::bind((own_address(), 0)).unwrap();
    let address = server.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut asked = [0; 64];
        while let Ok((length, client)) = server.recv_from(&mut asked) {
            let _ = server.send_to(&asked[..length], client);
        }
    });
    let script = format!(
        "timeout 5 bash -c 'exec 3<>/dev/udp/{}/{} && echo asked >&3 && test \"$(head -n 1 <&3)\" = asked'",
        address.ip(),
        address.port()
    );
    succeeds(&lab, &script, &BY_ITS_NETWORK);
}

#[test]
fn raw_sockets() {
    // Podman lets no container have any.
    let Some(lab) = Lab::of("docker") else { return };
    // Of a protocol that is for experiments.
    let script = format!(
        "perl -e 'use Socket; socket(my $s, PF_INET, SOCK_RAW, 253) or exit 1; \
         send($s, \"x\", 0, pack_sockaddr_in(0, inet_aton(\"{}\"))) or exit 1'",
        own_address()
    );
    succeeds(&lab, &script, &BY_ITS_NETWORK);
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

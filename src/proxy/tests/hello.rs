use std::sync::Arc;

use proptest::prelude::*;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::proxy::client_hello::{HelloProgress, HelloReader};

fn hello(name: &str) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

#[test]
fn the_name_is_read_however_it_comes() {
    for (name, read) in [
        ("Api.Example.com", Some("api.example.com")),
        ("127.0.0.1", None),
    ] {
        let bytes = hello(name);
        for step in [1, 7, bytes.len()] {
            let mut reader = HelloReader::default();
            let mut last = HelloProgress::Incomplete;
            for piece in bytes.chunks(step) {
                assert_eq!(last, HelloProgress::Incomplete);
                last = reader.feed(piece);
            }
            assert_eq!(last, HelloProgress::Complete(read.map(str::to_owned)));
        }
    }
}

#[test]
fn an_endless_one_is_none() {
    let mut reader = HelloReader::default();
    // A handshake message of 16 MB, in records of 16 kB.
    let mut record = vec![22, 3, 1, 0x40, 0];
    record.extend([1, 0xff, 0xff, 0xff]);
    record.resize(5 + 0x4000, 0);
    let mut last = HelloProgress::Incomplete;
    for _ in 0..10 {
        if last != HelloProgress::Incomplete {
            break;
        }
        last = reader.feed(&record);
    }
    assert_eq!(last, HelloProgress::Invalid);
}

proptest! {
    #[test]
    fn noise_is_no_hello(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
        let progress = HelloReader::default().feed(&bytes);
        prop_assert!(!matches!(progress, HelloProgress::Complete(_)));
    }

    #[test]
    fn a_changed_hello_does_not_break_it(at in 0usize..200, byte: u8) {
        let mut bytes = hello("a.example");
        let at = at % bytes.len();
        bytes[at] = byte;
        HelloReader::default().feed(&bytes);
    }
}

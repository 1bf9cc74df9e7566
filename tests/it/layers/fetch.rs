//! `fetch`, which layers are built with: nothing is unpacked before its checksum is right. Against a
//! server on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use sha2::{Digest, Sha256};

use crate::common::{Sandbox, run};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/layers/fetch");

/// Serves these bytes whatever is asked for, as long as the test runs; the address.
pub fn serve(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let asked = BufReader::new(&stream).lines();
            for line in asked {
                if line.unwrap().is_empty() {
                    break;
                }
            }
            let length = bytes.len();
            write!(
                stream,
                "HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n"
            )
            .unwrap();
            stream.write_all(&bytes).unwrap();
        }
    });
    format!("http://{address}")
}

/// An archive of `top/program`, and its checksum.
fn archive(sandbox: &Sandbox) -> (Vec<u8>, String) {
    sandbox.file("top/program", "#!/bin/sh\necho hello\n");
    let path = sandbox.path("archive.tar.gz");
    let mut tar = sandbox.command("tar");
    run(tar
        .arg("-czf")
        .arg(&path)
        .arg("-C")
        .arg(sandbox.root())
        .arg("top"));
    let bytes = std::fs::read(path).unwrap();
    let sum = sum(&bytes);
    (bytes, sum)
}

/// The SHA-256.
pub fn sum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fetch(sandbox: &Sandbox, args: &[&str]) -> Output {
    let mut command: Command = sandbox.command("sh");
    command.env("no_proxy", "127.0.0.1").arg(SCRIPT).args(args);
    command.output().unwrap()
}

/// It refuses, says this, and has left nothing behind.
#[track_caller]
fn refuses(sandbox: &Sandbox, args: [&str; 3], says: &str) {
    let directory = sandbox.path("into");
    let output = fetch(
        sandbox,
        &[&args[..], &[directory.to_str().unwrap()]].concat(),
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(says), "{said}");
    assert!(!directory.exists());
    left_nothing(sandbox);
}

#[track_caller]
fn left_nothing(sandbox: &Sandbox) {
    let entries = |path: &Path| std::fs::read_dir(path).unwrap().count();
    assert_eq!(entries(&sandbox.path("tmp")), 0);
}

#[test]
fn what_has_the_right_checksum_is_unpacked() {
    let sandbox = Sandbox::new();
    let (bytes, sum) = archive(&sandbox);
    let url = serve(bytes) + "/some-1.0.tar.gz";
    let upper = sum.to_uppercase();
    for (sum, strip, file) in [
        (&sum, "0", "whole/top/program"),
        (&upper, "1", "bare/program"),
    ] {
        let file = sandbox.path(file);
        let directory = sandbox.path(if strip == "0" { "whole" } else { "bare" });
        let output = fetch(
            &sandbox,
            &[&url, "SUM", sum, directory.to_str().unwrap(), strip],
        );
        assert!(output.status.success(), "{output:?}");
        assert!(file.exists());
    }
    left_nothing(&sandbox);
}

#[test]
fn what_is_no_archive_is_a_program() {
    let sandbox = Sandbox::new();
    let bytes = b"#!/bin/sh\necho hello\n".to_vec();
    let sum = sum(&bytes);
    let url = serve(bytes) + "/a/program";
    let directory = sandbox.path("into");
    assert!(
        fetch(&sandbox, &[&url, "SUM", &sum, directory.to_str().unwrap()])
            .status
            .success()
    );
    assert_eq!(
        run(&mut sandbox.command(directory.join("program").to_str().unwrap())),
        "hello"
    );
    left_nothing(&sandbox);
}

#[test]
fn another_content_is_refused() {
    let sandbox = Sandbox::new();
    let (bytes, sum) = archive(&sandbox);
    let server = serve(bytes);
    let other = "0".repeat(64);
    let url = format!("{server}/some-1.0.tar.gz");
    refuses(
        &sandbox,
        [&url, "SUM", &other],
        &format!("is {sum}, and not {other}: nothing was unpacked"),
    );
    // One that is known, from a mirror that has something else.
    let url = format!("{server}/go1.23.4.linux-amd64.tar.gz");
    refuses(
        &sandbox,
        [&url, "GO_SHA256", ""],
        "and not 6924efde5de86fe277676e929dc9917d466efa02fb934197bc2eba35d5680971",
    );
}

#[test]
fn a_version_that_is_not_known_needs_its_checksum() {
    let sandbox = Sandbox::new();
    // Nobody listens there: it is refused before anything is asked for.
    for name in [
        "go1.23.5.linux-amd64.tar.gz",
        "xgo1.23.4.linux-amd64.tar.gz",
        "none",
    ] {
        let url = format!("http://127.0.0.1:9/{name}");
        let says =
            format!("no checksum is known for {name}: give it by the build argument GO_SHA256");
        refuses(&sandbox, [&url, "GO_SHA256", ""], &says);
    }
    for sum in ["abc", "a b", "$(id)", &"g".repeat(64), &"0".repeat(65)] {
        refuses(
            &sandbox,
            ["http://127.0.0.1:9/x", "GO_SHA256", sum],
            "GO_SHA256 is no SHA-256",
        );
    }
}

#[test]
fn what_cannot_be_fetched() {
    let sandbox = Sandbox::new();
    let sum = "0".repeat(64);
    let file = sandbox.file("x.tar.gz", "");
    let file = format!("file://{}", file.display());
    for url in ["http://127.0.0.1:9/x.tar.gz", &file, "-o/tmp/x", ""] {
        refuses(&sandbox, [url, "SUM", &sum], "fetch: cannot fetch ");
    }
}

//! Toolchains in built-in layers: pinned versions of those who make them, or the distribution's. Against a
//! server on this machine, as the real ones are somebody else's.

use std::path::Path;

use serde_json::Value;

use crate::common::dkr::{Outcome, outcome};
use crate::common::run;
use crate::layers::fetch::{serve, sum};
use crate::layers::lab::Layers;

/// A base that has what fetches, and no more.
fn layers() -> Option<Layers> {
    let layers = Layers::new()?;
    layers.file(
        "layers/base/layer.toml",
        "[layer]\nname = \"base\"\nversion = \"1\"\n",
    );
    layers.file(
        "layers/base/Dockerfile",
        "ARG BASE_IMAGE=debian:bookworm-slim\nFROM ${BASE_IMAGE}\nRUN apt-get update -qq \
         && apt-get install -qq -y --no-install-recommends curl >/dev/null && rm -rf /var/lib/apt/lists/*\n",
    );
    Some(layers)
}

/// `git dkr layer …` with Go from this server.
fn layer(layers: &Layers, server: &str, args: &[&str]) -> Outcome {
    let mirror = format!("--arg=golang.GO_MIRROR={server}");
    let args = [
        &["layer"],
        args,
        &[&mirror, "--stack-base=debian:bookworm-slim"],
    ]
    .concat();
    // Where a proxy leads out, it is not to be asked for this machine.
    outcome(layers.dkr_ready(&args).env("no_proxy", "127.0.0.1"))
}

/// What a release of Go looks like to those who unpack it.
fn go(layers: &Layers) -> Vec<u8> {
    for tool in ["go", "gofmt"] {
        layers.script(
            &format!("release/go/bin/{tool}"),
            "echo go version go1.23.4",
        );
    }
    let archive = layers.path("go.tar.gz");
    let mut tar = layers.command("tar");
    run(tar
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(layers.path("release"))
        .arg("go"));
    std::fs::read(archive).unwrap()
}

fn row(listed: Outcome, name: &str) -> Value {
    let rows: Vec<Value> = serde_json::from_str(&listed.ok().stdout).unwrap();
    rows.into_iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn upstream_is_the_default_and_its_version_is_shown() {
    let Some(layers) = layers() else { return };
    let archive = go(&layers);
    let checksum = format!("--arg=golang.GO_SHA256={}", sum(&archive));
    let server = serve(archive);
    let upstream = |args: &[&str]| layer(&layers, &server, &[args, &[&checksum]].concat());
    upstream(&["build", "golang"]).ok();
    let tag = format!("{}/golang:1.0", layers.prefix);
    assert_eq!(layers.sh(&tag, "go version"), "go version go1.23.4");
    let listed = row(upstream(&["list", "--format=json"]), "golang");
    assert_eq!(listed["versions"], serde_json::json!(["Go 1.23.4"]));
    assert_eq!(listed["state"], "built");
    let shown = upstream(&["list"]).ok().stdout;
    assert!(shown.contains("Go 1.23.4"), "{shown}");

    // The distribution's is another image.
    let config = ["config", "--global", "dkr.toolchains", "distribution"];
    run(layers.command("git").args(config));
    let listed = row(upstream(&["list", "--format=json"]), "golang");
    assert_eq!(
        listed["versions"],
        serde_json::json!(["Go of the distribution"])
    );
    assert_eq!(listed["state"], "missing");
    let flag = upstream(&["list", "--format=json", "--toolchains=upstream"]);
    assert_eq!(row(flag, "golang")["state"], "built");
    let wrong = upstream(&["list", "--toolchains=newest"]).fails();
    wrong.says("`newest` is neither `upstream` nor `distribution`");
}

#[test]
fn what_cannot_be_fetched_is_not_replaced_by_something_else() {
    let Some(layers) = layers() else { return };
    // Nobody listens there; and somebody who has something else.
    for (server, why) in [
        (
            "http://127.0.0.1:9".to_owned(),
            "cannot fetch http://127.0.0.1:9/go1.23.4.",
        ),
        (serve(b"other".to_vec()), "nothing was unpacked"),
    ] {
        let failed = layer(&layers, &server, &["build", "golang"]).fails();
        failed.says(why);
        failed.says("cannot build the layer golang");
        failed.says("git config dkr.toolchains distribution");
    }
    let golang = |(tag, _): &(String, String)| tag.contains("/golang:");
    assert!(!layers.named().iter().any(golang));
}

#[test]
fn each_pinned_version_has_a_checksum() {
    let listed = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/layers/fetch"),
    );
    let listed = listed.unwrap();
    let layers = git_dkr::layers::sources::gather(
        &[],
        git_dkr::layers::sources::RepositoryFiles::Nowhere,
        &git_dkr::layers::catalog::LayerSettings::default(),
    )
    .unwrap();
    for (layer, arg, file) in [
        ("golang", "GO_VERSION", "go{}.linux-amd64.tar.gz"),
        (
            "rust",
            "RUSTUP_VERSION",
            "{}/x86_64-unknown-linux-gnu/rustup-init",
        ),
        ("nodejs", "NODE_VERSION", "node-v{}-linux-x64.tar.xz"),
        (
            "java",
            "JAVA_VERSION",
            "OpenJDK21U-jdk_x64_linux_hotspot_{}.tar.gz",
        ),
        ("java", "GRADLE_VERSION", "gradle-{}-bin.zip"),
    ] {
        let version = &layers.layers[layer].definition.args[arg];
        let file = file.replace("{}", &version.replace('+', "_"));
        assert!(listed.contains(&format!("  {file}\n")), "{file}");
    }
}

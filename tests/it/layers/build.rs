//! `layer build`: what is built, when, and why; `list`, `show`, `new` and `clean` beside it.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::common::engine::Gate;
use crate::layers::lab::Layers;

const ALL: [&str; 3] = ["base", "left", "right"];

#[test]
fn what_is_there_is_not_built_again() {
    let Some(layers) = Layers::small() else {
        return;
    };
    let built = layers.layer(&["build", "left", "right"]).ok();
    built.says("built").never_says("warning");
    assert_eq!(
        layers.plain(&built.stdout).lines().collect::<Vec<_>>(),
        ["PREFIX/base:1", "PREFIX/left:1", "PREFIX/right:1"]
    );
    let ids = ALL.map(|name| layers.id(name).unwrap());
    assert_eq!(
        layers.sh(&layers.tag("left"), "cat /base; left a"),
        "1\nleft /usr/local/bin/left a"
    );

    // Warm: the same images, and no call of the engine but the question what is there.
    let again = layers.layer(&["build", "left", "right", "-v"]).ok();
    again.never_says("built  ").never_says(" build ");
    let echoed = again.stderr.lines().filter(|line| line.starts_with("+ "));
    let engine_calls = echoed.filter(|line| line.contains("docker")).count();
    assert_eq!(engine_calls, 1, "{}", again.stderr);
    assert_eq!(ALL.map(|name| layers.id(name).unwrap()), ids);

    // What does not shape the image does not rebuild it.
    let toml = std::fs::read_to_string(layers.directory.join("left/layer.toml")).unwrap();
    layers.file(
        "layers/left/layer.toml",
        toml + "[aliases]\nl = \"left x\"\n",
    );
    layers.layer(&["build", "left"]).ok().never_says("built  ");

    // A changed base rebuilds all that is above it, and says why.
    layers.file(
        "layers/base/Dockerfile",
        "FROM debian:bookworm-slim\nRUN echo 2 > /base\n",
    );
    let shown = layers.layer(&["show", "left"]).ok();
    assert!(
        shown
            .stdout
            .contains("changed: the layer base below it changed"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains("changed: Dockerfile changed"),
        "{}",
        shown.stdout
    );
    let dry = layers.layer(&["build", "left", "--dry-run"]).ok();
    assert!(
        dry.stdout
            .contains("build (the layer base below it changed)"),
        "{}",
        dry.stdout
    );
    let json = layers.layer(&["build", "left", "--dry-run", "--format=json"]);
    let json: serde_json::Value = serde_json::from_str(&json.ok().stdout).unwrap();
    let left = json.as_array().unwrap().last().unwrap();
    assert_eq!(left["tag"], layers.tag("left"));
    assert_eq!(left["state"], "changed");
    assert_eq!(left["reasons"][0], "the layer base below it changed");
    layers.layer(&["build", "left"]).ok();
    assert_eq!(layers.sh(&layers.tag("left"), "cat /base"), "2");
    let now = ALL.map(|name| layers.id(name).unwrap());
    assert!(now[0] != ids[0] && now[1] != ids[1], "{now:?}");
    assert_eq!(now[2], ids[2], "nobody asked for it");

    // Forced: this layer, and what was asked for above it.
    layers
        .layer(&["build", "left", "--force-rebuild"])
        .ok()
        .says("built");
    assert_eq!(layers.id("base").unwrap(), now[0]);
    layers.layer(&["list"]).ok();

    let rows: serde_json::Value =
        serde_json::from_str(&layers.layer(&["list", "--format=json"]).ok().stdout).unwrap();
    let state = |name: &str| {
        let rows = rows.as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap()["state"].clone()
    };
    assert_eq!(
        (state("base"), state("right")),
        ("built".into(), "changed".into())
    );

    layers.layer(&["clean", "left"]).ok().says("removed");
    assert_eq!(layers.id("left"), None);
    layers.layer(&["clean", "--all"]).ok();
    assert_eq!(layers.named(), []);
}

#[test]
fn a_failing_layer_stops_the_rest_and_says_why() {
    let Some(layers) = Layers::small() else {
        return;
    };
    layers.write(
        "base",
        "FROM debian:bookworm-slim\nRUN echo what a pity >&2; exit 3\n",
        "",
    );
    layers
        .layer(&["build", "--all"])
        .fails()
        .says("cannot build the layer base")
        .says("what a pity")
        .says("exit code 3");
    assert_eq!(layers.named(), []);
    assert_eq!(layers.leftovers(), [""; 0]);
}

#[test]
fn what_can_be_built_is_and_the_rest_is_named() {
    let Some(layers) = Layers::small() else {
        return;
    };
    let on = |name: &str| format!("FROM {}/{name}:1\n", layers.prefix);
    let requires = |name: &str| format!("[requires]\nlayers = [\"{name}\"]\n");
    layers.write("lost", "FROM 127.0.0.1:1/no/such:image\n", "");
    layers.write("on-lost", &on("lost"), &requires("lost"));
    layers.write(
        "broken",
        &(on("base") + "RUN echo what a pity >&2; exit 3\n"),
        &requires("base"),
    );
    layers.write("on-broken", &on("broken"), &requires("broken"));
    let outcome = layers.layer(&["build", "--all"]).fails();
    outcome
        .says("cannot get the image 127.0.0.1:1/no/such:image")
        .says("what a pity")
        .says("cannot build the layer broken")
        .says(
            "some layers were not built; failed: 127.0.0.1:1/no/such:image, broken; \
             not tried, as they stand on those: lost, on-broken, on-lost\n",
        );
    let names: Vec<String> = layers.named().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ALL.map(|name| layers.tag(name)));
    assert_eq!(layers.leftovers(), [""; 0]);
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    let Some(layers) = Layers::new() else { return };
    let gate = Gate::new();
    layers.write(
        "slow",
        &format!("FROM debian:bookworm-slim\n{}", gate.step()),
        "",
    );
    let running = layers.spawn(&["layer", "build", "slow"]);
    let step = gate.reached();
    running.signal(Signal::INT);
    running.finish().exits(130).says("interrupted");
    step.wait_for_end();
    assert_eq!(layers.named(), []);
    assert_eq!(layers.leftovers(), [""; 0]);
}

#[test]
fn two_at_once_build_once() {
    let Some(layers) = Layers::new() else { return };
    let gate = Gate::new();
    layers.write(
        "slow",
        &format!("FROM debian:bookworm-slim\n{}", gate.step()),
        "",
    );
    let first = layers.spawn(&["layer", "build", "slow"]);
    let step = gate.reached();
    let second = layers.spawn(&["layer", "build", "slow"]);
    second.says("waiting");
    step.open();
    first.finish().ok().says("built");
    second.finish().ok().never_says("built  ");
}

#[test]
fn a_frontend_that_cannot_be_had_is_done_without() {
    let Some(layers) = Layers::new() else { return };
    layers.write(
        "x",
        "# syntax=127.0.0.1:9/no/frontend:1\nFROM debian:bookworm-slim\nRUN echo 1 > /x\n",
        "[provides]\npaths = [\"/x\"]\n",
    );
    layers
        .layer(&["build", "x"])
        .ok()
        .says("trying the engine's own");
    assert!(layers.id("x").is_some());
}

#[test]
fn a_new_layer_builds() {
    let Some(layers) = Layers::small() else {
        return;
    };
    let directory = layers.directory.display().to_string();
    layers
        .dkr(layers.root(), ["layer", "new", "mine", "--dir", &directory])
        .ok();
    for file in ["Dockerfile", "layer.toml", "env.sh"] {
        let metadata = std::fs::metadata(layers.directory.join("mine").join(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o644, "{file}");
    }
    layers.layer(&["build", "mine"]).ok();
    layers.layer(&["test", "mine"]).ok();
    // Its env.sh says nothing yet.
    let toml = std::fs::read_to_string(layers.directory.join("mine/layer.toml")).unwrap();
    let toml = toml.replace("binaries = []", "binaries = [\"cat\"]");
    layers.file("layers/mine/layer.toml", toml);
    let text = layers.layer(&["env", "mine", "--shell=bash"]).ok().stdout;
    assert!(text.contains("function cat {"), "{text}");
    layers
        .dkr(layers.root(), ["layer", "new", "mine", "--dir", &directory])
        .fails();
    layers
        .dkr(layers.root(), ["layer", "new", "Not A Name"])
        .fails();
    let elsewhere = layers.dkr(layers.root(), ["layer", "new", "other"]).fails();
    elsewhere.says("--dir");
}

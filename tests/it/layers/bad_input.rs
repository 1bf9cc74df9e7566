//! Layers that do not hold together, and commands that make no sense: said, and nothing is done.

use crate::layers::lab::Layers;

#[test]
fn every_mistake_is_told_at_once() {
    let Some(layers) = Layers::small() else {
        return;
    };
    layers.write(
        "a",
        "FROM debian\n",
        "colour = \"red\"\n[requires]\nlayers = [\"b\"]\n",
    );
    layers.write(
        "b",
        "FROM debian\n",
        "[requires]\nlayers = [\"a\", \"nosuch\"]\n",
    );
    layers.write("from", &format!("FROM {}/base:1\n", layers.prefix), "");
    let toml = "[layer]\nname = \"left\"\nversion = \"2\"\n";
    layers.file("layers/left-again/layer.toml", toml);
    layers.file("layers/left-again/Dockerfile", "FROM debian\n");
    for command in [
        &["layer", "list"][..],
        &["layer", "test", "--all"],
        &["compose", "left"],
    ] {
        let outcome = layers.run(command).fails();
        outcome
            .says("unknown key `layer.colour`")
            .says("layers require each other: a → b → a")
            .says("there is no layer `nosuch`")
            .says("it starts from the layer `base`, which is not in [requires]")
            .says("has a layer of the name `left` too");
    }
    assert_eq!(layers.named(), []);
}

#[test]
fn unknown_layers() {
    let Some(layers) = Layers::small() else {
        return;
    };
    for command in [
        &["layer", "test", "rihgt"][..],
        &["layer", "env", "rihgt"],
        &["layer", "build", "rihgt"],
        &["compose", "left", "rihgt"],
    ] {
        layers
            .run(command)
            .fails()
            .says("there is no layer `rihgt`")
            .says("did you mean `right`?");
    }
    layers.layer(&["test"]).fails().says("--all");
    layers.run(&["compose"]).exits(2);
}

#[test]
fn what_cannot_be_composed() {
    let Some(layers) = Layers::small() else {
        return;
    };
    layers.write("nothing", "FROM debian:bookworm-slim\n", "");
    layers.write(
        "whole",
        "FROM scratch\nCOPY layer.toml /usr/\n",
        "[provides]\npaths = [\"/usr\"]\n",
    );
    layers
        .run(&["compose", "nothing"])
        .fails()
        .says("provides nothing");
    layers
        .run(&["compose", "whole"])
        .fails()
        .says("provides /usr");
    for tag in ["A B", "x:", "$(id)"] {
        let build = format!("--build={tag}");
        layers
            .run(&["compose", "left", &build])
            .fails()
            .says("cannot be the name of an image");
    }
    let build = format!("--build={}", layers.tag("left"));
    layers
        .run(&["compose", "right", &build])
        .fails()
        .says("the name of a layer's image");
    layers
        .layer(&["env", "nothing", "--shell=bash"])
        .fails()
        .says("has no commands");
    assert_eq!(layers.named(), []);
}

#[test]
fn a_file_of_others_is_not_overwritten() {
    let Some(layers) = Layers::small() else {
        return;
    };
    let file = layers.file("Dockerfile", "FROM mine\n");
    let output = format!("--output={}", file.display());
    layers
        .run(&["compose", "left", &output])
        .fails()
        .says("did not write it");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "FROM mine\n");
    layers.run(&["compose", "left", &output, "--force"]).ok();
    layers.run(&["compose", "left", "right", &output]).ok();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# Written by git dkr compose: left right\n"),
        "{text}"
    );
    let directory = format!("--output={}", layers.root().display());
    layers
        .run(&["compose", "left", &directory])
        .fails()
        .says("is a directory");
}

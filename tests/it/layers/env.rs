//! `layer env`: functions for real shells, run in a directory with an odd name.

use std::process::Command;

use crate::common::Sandbox;
use crate::common::dkr::{Outcome, outcome};
use crate::layers::lab::Layers;

/// A shell that has read the functions and runs a script.
fn shell(layers: &Layers, shell: &str, layer: &str, script: &str) -> Outcome {
    let text = layers
        .layer(&["env", layer, &format!("--shell={shell}")])
        .ok()
        .stdout;
    let functions = layers.file(&format!("functions.{shell}"), text);
    let directory = layers.path("a \"b\", c:d $e");
    std::fs::create_dir_all(&directory).unwrap();
    let mut command = Sandbox::command(layers, shell);
    let script = format!("source {}\n{script}", functions.display());
    outcome(command.current_dir(directory).args(["-c", &script]))
}

/// Prints each of its arguments, and ends with a code of its own.
fn args_layer(layers: &Layers) {
    layers.write(
        "shown",
        &format!(
            "FROM {}/base:1\nRUN printf '#!/bin/sh\\nfor a; do echo \"[$a]\"; done; echo made > out; touch \"$HOME/x\" && exit 42\\n' \
             > /usr/local/bin/show-args && chmod +x /usr/local/bin/show-args\nENTRYPOINT [\"false\"]\n",
            layers.prefix
        ),
        "[requires]\nlayers = [\"base\"]\n[provides]\nbinaries = [\"show-args\", \"test\"]\n\
         [aliases]\ntwo = \"show-args 'it is' $HOME\"\nthree = \"two last\"\n",
    );
}

#[test]
fn arguments_and_codes_pass_exactly() {
    let Some(layers) = Layers::small() else {
        return;
    };
    args_layer(&layers);
    for name in ["bash", "zsh", "fish"] {
        let quoted = "'a b' '$HOME' '\"q\"' '' '*' '-x' '`id`'";
        let found = shell(&layers, name, "shown", &format!("show-args {quoted}")).exits(42);
        assert_eq!(
            found.stdout, "[a b]\n[$HOME]\n[\"q\"]\n[]\n[*]\n[-x]\n[`id`]\n",
            "{name}"
        );
        let found = shell(&layers, name, "shown", "three more").exits(42);
        assert_eq!(found.stdout, "[it is]\n[$HOME]\n[last]\n[more]\n", "{name}");
        let found = shell(&layers, name, "shown", "cat out; cd /usr; show-args").exits(1);
        assert_eq!(found.stdout, "made\n", "{name}");
        found.says("would hide that of the container");
    }
    let text = layers.layer(&["env", "shown", "--shell=bash"]).ok().stdout;
    assert!(
        text.contains("# left out: test means something to shells already"),
        "{text}"
    );
}

#[test]
fn a_layer_s_own_text_comes_first() {
    let Some(layers) = Layers::small() else {
        return;
    };
    layers.file("layers/left/env.sh", "mine() { echo mine; }\n");
    let own = layers.layer(&["env", "left", "--shell=zsh"]).ok();
    assert_eq!(own.stdout, "mine() { echo mine; }\n");
    assert!(layers.id("left").is_some(), "what it runs is not there");
    let fish = layers.layer(&["env", "left", "--shell=fish"]).ok();
    fish.says("not for fish");
    assert!(fish.stdout.contains("function left;"), "{}", fish.stdout);
    let mut command = layers.dkr_ready(&["layer", "env", "right"]);
    outcome(command.env("SHELL", "/bin/nu"))
        .fails()
        .says("--shell");
}

/// Where the tests run as root, which may become somebody else.
#[test]
fn files_belong_to_who_made_them() {
    let Some(layers) = Layers::small() else {
        return;
    };
    args_layer(&layers);
    layers.write(
        "cargo",
        &format!(
            "FROM {}/base:1\nRUN printf '#!/bin/sh\\necho x > $CARGO_HOME/mine && id -u\\n' > /bin/cargo && chmod +x /bin/cargo\n",
            layers.prefix
        ),
        "[requires]\nlayers = [\"base\"]\n[provides]\nbinaries = [\"cargo\"]\n",
    );
    layers.layer(&["build", "cargo"]).ok();
    if crate::common::run(Command::new("id").arg("-u")) != "0" {
        return;
    }
    // Any number will do that has no cache yet.
    let user = (60_000 + std::process::id() % 5_000).to_string();
    let group = crate::common::run(Command::new("stat").args(["-c", "%g", "/var/run/docker.sock"]));
    let directory = layers.path("theirs");
    std::fs::create_dir_all(&directory).unwrap();
    crate::common::run(Command::new("chown").args(["-R", &user]).arg(layers.root()));
    crate::common::run(Command::new("chmod").arg("755").arg(layers.root()));
    let mut command = Sandbox::command(&layers, "setpriv");
    command.args(["--reuid", &user, "--regid", &user, "--groups", &group]);
    let script = format!(
        "eval \"$({} layer env cargo --shell bash --dir {} --prefix {})\" && cargo && cargo && cp /etc/hostname . && ls -A",
        crate::common::dkr::binary(),
        layers.directory.display(),
        layers.prefix
    );
    let found = outcome(
        command
            .args(["bash", "-c", &script])
            .current_dir(&directory),
    );
    let _ = Command::new(layers.docker)
        .args(["volume", "rm", &format!("cargo-cache-{user}")])
        .output();
    assert_eq!(found.ok().stdout, format!("{user}\n{user}\nhostname\n"));
}

//! The eight layers of Debian's packages, built once: they take minutes. Cold, warm, tried,
//! composed.

use crate::common::engine::VERIFY_PACKAGES;
use crate::layers::lab::Layers;

#[test]
fn eight_layers() {
    let Some(layers) = Layers::eight() else {
        return;
    };
    let built = layers.layer(&["build", "--all"]).ok();
    assert_eq!(built.stdout.lines().count(), 8, "{}", built.stdout);
    let ids = layers.named();
    layers.layer(&["build", "--all"]).ok().never_says("built  ");
    assert_eq!(layers.named(), ids);

    let tried = layers.layer(&["test", "--all"]).ok();
    assert!(tried.stdout.contains("all well"), "{}", tried.stdout);

    a_program_of_the_builder_runs_in_the_runtime(&layers);
    mosquitto_on_the_runtime_s_base(&layers);
}

/// A layer that compiles with gcc, and is composed on a base without it.
fn a_program_of_the_builder_runs_in_the_runtime(layers: &Layers) {
    let from = format!("FROM {}/compiler:12\n", layers.prefix);
    layers.write(
        "program",
        &(from + "COPY main.c /src/main.c\nRUN gcc -o /usr/local/bin/answer /src/main.c\n"),
        "[requires]\nlayers = [\"compiler\"]\n[runtime]\nlayers = [\"debian-base\"]\n[provides]\nbinaries = [\"answer\"]\n",
    );
    layers.file(
        "layers/program/main.c",
        "#include <stdio.h>\nint main(void) { puts(\"42\"); return 0; }\n",
    );
    let tag = layers.tag("composed-program");
    layers
        .run(&["compose", "program", &format!("--build={tag}")])
        .ok();
    assert_eq!(
        layers.sh(&tag, "answer; command -v gcc || echo no gcc"),
        "42\nno gcc"
    );
    assert_whole(layers, &tag);
}

fn mosquitto_on_the_runtime_s_base(layers: &Layers) {
    let tag = layers.tag("composed-mosquitto");
    layers
        .run(&[
            "compose",
            "mosquitto-clients",
            "git",
            &format!("--build={tag}"),
        ])
        .ok();
    let said = layers.sh(&tag, "mosquitto_pub --help || true; git --version");
    assert!(said.contains("mosquitto_pub version"), "{said}");
    assert!(said.contains("git version"), "{said}");
    assert_whole(layers, &tag);
}

/// The package database, users and configuration are the runtime's.
#[track_caller]
fn assert_whole(layers: &Layers, tag: &str) {
    assert_eq!(layers.sh(tag, VERIFY_PACKAGES), "");
    let check = layers.sh(tag, "apt-get check -q");
    assert!(!check.contains("unmet") && !check.contains("E:"), "{check}");
    let users = |image: &str| layers.sh(image, "cat /etc/passwd /etc/group");
    assert_eq!(users(tag), users("debian:bookworm-slim"));
}

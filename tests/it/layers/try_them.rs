//! `layer test`: what is in the images, and what only `layer.toml` says.

use serde_json::Value;

use crate::layers::lab::Layers;

fn tried(stdout: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(stdout).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| {
            let (layer, check, what) = (text(row, "layer"), text(row, "check"), text(row, "what"));
            format!("{layer} {check} {what}: {}", row["ok"])
        })
        .collect()
}

#[test]
fn what_is_there_and_what_is_not() {
    let Some(layers) = Layers::small() else {
        return;
    };
    layers.write(
        "odd",
        &format!(
            "FROM {}/base:1\nWORKDIR /usr/local/bin\n\
             RUN printf '#!/bin/sh\\nexit 9\\n' > nine; printf '#!/bin/sh\\nsleep 1000\\n' > waits; \
             printf '#!/no/such/thing\\n' > lost; printf '#!/bin/sh\\nkill -9 $$\\n' > dies; chmod +x *; \
             printf x > plain; ln -s /no/where /dangling\nUSER 65534\nENTRYPOINT [\"false\"]\n",
            layers.prefix
        ),
        r#"
[requires]
layers = ["base"]
[provides]
binaries = ["nine", "waits", "lost", "dies", "plain", "none", "/bin/sh", "/bin/none"]
libraries = ["libc.so.6", "libnone.so"]
paths = ["/etc/passwd", "/no/$(id) 'a", "/dangling"]
[aliases]
good = "nine --x"
two = "good again"
bad = "none x"
round = "about"
about = "round"
"#,
    );
    let outcome = layers
        .layer(&["test", "odd", "--no-compose", "--format=json"])
        .exits(1);
    insta::assert_snapshot!(tried(&outcome.stdout).join("\n"), @r"
    odd binary nine: true
    odd binary waits: true
    odd binary lost: false
    odd binary dies: false
    odd binary plain: false
    odd binary none: false
    odd binary /bin/sh: true
    odd binary /bin/none: false
    odd path /etc/passwd: true
    odd path /no/$(id) 'a: false
    odd path /dangling: false
    odd library libc.so.6: true
    odd library libnone.so: false
    odd alias about = round: false
    odd alias bad = none x: false
    odd alias good = nine --x: true
    odd alias round = about: false
    odd alias two = good again: true
    ");
    let outcome = layers.layer(&["test", "odd", "--no-compose"]).exits(1);
    assert!(
        outcome.stdout.contains("11 failed: 18 checks in 1 layer"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn several_are_tried_together_too() {
    let Some(layers) = Layers::small() else {
        return;
    };
    let outcome = layers
        .layer(&["test", "left", "right", "--format=json"])
        .ok();
    assert_eq!(
        tried(&outcome.stdout),
        [
            "left binary left: true",
            "right binary right: true",
            "composed binary left: true",
            "composed binary right: true"
        ]
    );
    // Other tests compose images too, and remove them only at their end.
    let composed = "label=dkr.composed=left right";
    let images = layers.docker(&["images", "--quiet", "--filter", composed]);
    assert_eq!(images, "", "the image that was tried is still there");
    let text = layers.layer(&["test", "left"]).ok().stdout;
    assert!(text.ends_with("all well: 1 check in 1 layer\n"), "{text}");
}

#[test]
fn what_cannot_be_built_is_told_beside_the_rest() {
    let Some(layers) = Layers::small() else {
        return;
    };
    for (name, below, step) in [("broken", "base", "false"), ("above", "broken", "true")] {
        layers.write(
            name,
            &format!("FROM {}/{below}:1\nRUN {step}\n", layers.prefix),
            &format!("[requires]\nlayers = [\"{below}\"]\n[provides]\npaths = [\"/base\"]\n"),
        );
    }
    let outcome = layers
        .layer(&["test", "broken", "above", "left", "--format=json"])
        .exits(1);
    let tried = tried(&outcome.stdout);
    assert_eq!(
        tried
            .iter()
            .map(|row| layers.plain(row))
            .collect::<Vec<_>>(),
        [
            "broken image PREFIX/broken:1: false",
            "above image PREFIX/above:1: false",
            "left binary left: true",
        ]
    );
    outcome
        .says("cannot build the layer broken")
        .says("some could not be built");
    let told = layers.layer(&["test", "above", "left"]).exits(1);
    assert!(
        told.stdout.contains("1 failed: 2 checks in 2 layers"),
        "{}",
        told.stdout
    );
}

#[test]
fn an_interrupted_try_leaves_no_container() {
    let Some(layers) = Layers::small() else {
        return;
    };
    let mark = &layers.prefix;
    layers.write(
        "waits",
        &format!(
            "FROM {mark}/base:1\nRUN printf '#!/bin/sh\\nsleep 1000\\n' > /bin/waits && chmod +x /bin/waits\n"
        ),
        "[requires]\nlayers = [\"base\"]\n[provides]\nbinaries = [\"waits\"]\n",
    );
    layers.layer(&["build", "waits"]).ok();
    let running = layers.spawn(&["layer", "test", "waits"]);
    let tag = layers.tag("waits");
    // Podman knows no ancestor by a short name.
    let id = layers.docker(&["image", "inspect", "--format={{.Id}}", &tag]);
    let ancestor = format!("ancestor={}", id.trim_start_matches("sha256:"));
    let containers = || layers.docker(&["ps", "--all", "--quiet", "--filter", &ancestor]);
    crate::common::wait_until("a container", || !containers().is_empty());
    running.signal(rustix::process::Signal::INT);
    running.finish().exits(130).says("interrupted");
    crate::common::wait_until("no container", || containers().is_empty());
}

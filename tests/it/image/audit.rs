//! `git dkr audit`: keys and tokens in an image, wherever they hide.

use serde_json::Value;

use crate::common::engine::Lab;
use crate::common::unique;

/// Split, so that nobody who looks for keys takes it for one.
fn token(end: &str) -> String {
    ["gh", "p_x7Kd92LmQpZ4vTtR8sWbY1cNfJ6hGuE3a"].concat() + end
}

/// Builds an image of these lines, with files beside the Dockerfile; its name.
fn build(lab: &Lab, lines: &str, files: &[(&str, &str)]) -> String {
    let name = unique();
    let context = lab.path(&name);
    for (path, text) in files {
        lab.file(&format!("{name}/{path}"), text);
    }
    let mark = format!("LABEL dkr.repo_path=\"{}\"\n", context.display());
    lab.file(&format!("{name}/Dockerfile"), format!("{lines}{mark}"));
    lab.docker(&[
        "build",
        "--quiet",
        "--tag",
        &name,
        context.to_str().unwrap(),
    ]);
    name
}

#[test]
fn an_image_of_ours_is_clean() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let tag = lab.create(&repo, &[]).tag;
    let audit = lab.dkr(&repo.path, ["audit"]).ok();
    audit.says(&format!("clean    {tag}: no known key or token in "));
    assert_eq!(audit.stdout, "");
    lab.dkr(&repo.path, ["audit", "nowhere"])
        .fails()
        .says("no image is called nowhere");
}

#[test]
fn what_a_layer_removes_is_found_below_it() {
    let Some(lab) = Lab::new() else { return };
    let lines = "FROM debian:bookworm-slim\nCOPY key /opt/\nCOPY kept hidden /opt/hidden/\n\
                 RUN rm -r /opt/key /opt/hidden\n";
    let [key, hidden] = ["Rem", "Hid"].map(token);
    let name = build(
        &lab,
        lines,
        &[("key", &key), ("kept", "a"), ("hidden", &hidden)],
    );
    let json = lab
        .dkr(lab.root(), ["audit", &name, "--format=json"])
        .exits(1);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let found = |path: &str, layer: usize| {
        serde_json::json!({"where": "file", "layer": layer, "path": path, "removed": true,
            "rule": "github-token", "shown": "ghp_…"})
    };
    let expected = [found("/opt/key", 2), found("/opt/hidden/hidden", 3)];
    assert_eq!(json["findings"].as_array().unwrap(), &expected, "{json:#}");
    assert_eq!((&json["image"], &json["layers"]), (&name.into(), &4.into()));
}

#[test]
fn what_an_image_says_of_itself_is_looked_through_and_no_secret_is_shown() {
    let Some(lab) = Lab::new() else { return };
    let [env, label, file] = ["Env", "Lab", "Fil"].map(token);
    let lines =
        format!("FROM scratch\nLABEL note=\"the key {label}\"\nENV TOKEN={env}\nCOPY file /a/\n");
    let name = build(&lab, &lines, &[("file", &format!("{file} {file}"))]);
    let shown = lab.dkr(lab.root(), ["audit", &name, "-v"]).exits(1);
    for part in [
        "variable TOKEN",
        "label note",
        "history, step ",
        "/a/file (layer 1 of 1)",
        "github-token",
        "ghp_…",
    ] {
        assert!(
            shown.stdout.contains(part),
            "{part:?} is not in\n{}",
            shown.stdout
        );
    }
    shown.says("revoke them");
    for said in [&shown.stdout, &shown.stderr] {
        assert!(!said.contains(&env[4..14]), "{said}");
    }
    // What holds none is clean, whosever it is.
    let clean = build(
        &lab,
        "FROM scratch\nCOPY file /a/\n",
        &[("file", "ghp_ no key\n")],
    );
    let clean = lab.dkr(lab.root(), ["audit", &clean, "--format=json"]).ok();
    let clean: Value = serde_json::from_str(&clean.stdout).unwrap();
    assert_eq!(clean["findings"], serde_json::json!([]));
}

use std::collections::BTreeMap;

use super::*;
use crate::layers::catalog::LayerSource;
use crate::layers::compose::text::{RecipeTags, SourceTag, dockerfile};
use crate::layers::files::{LayerFile, LayerFiles};
use crate::layers::layer::LayerOrigin;

/// A catalog of layers: name, Dockerfile, and what their `layer.toml` says beside name and version.
fn catalog(layers: &[(&str, &str, &str)]) -> LayerCatalog {
    let plain = |text: String| LayerFile::Plain(text.into_bytes(), false);
    let directories: BTreeMap<String, LayerFiles> = layers
        .iter()
        .map(|(name, dockerfile, more)| {
            let toml = format!("[layer]\nname = \"{name}\"\nversion = \"1\"\n{more}");
            let files = [
                ("layer.toml".to_owned(), plain(toml)),
                ("Dockerfile".to_owned(), plain((*dockerfile).to_owned())),
            ];
            ((*name).to_owned(), files.into())
        })
        .collect();
    let place = LayerSource {
        origin: LayerOrigin::Named,
        shown: "layers".to_owned(),
        directories,
    };
    LayerCatalog::read(vec![place], &settings()).unwrap()
}

fn settings() -> LayerSettings {
    LayerSettings {
        prefix: "p".to_owned(),
        ..LayerSettings::default()
    }
}

const FREE: &str = "ARG BASE_IMAGE=debian:12\nFROM ${BASE_IMAGE}\n";

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The plan of a recipe in a few lines, where the engine has `debian:12` and no layer.
fn text(catalog: &LayerCatalog, wanted: &[&str]) -> String {
    let recipe = Recipe::new(catalog, &names(wanted)).unwrap();
    let base = crate::engine::EngineImage {
        id: "sha256:0".to_owned(),
        size: 0,
        layers: None,
        labels: BTreeMap::new(),
        names: vec!["debian:12".to_owned()],
        digests: Vec::new(),
        platform: None,
    };
    let images = [base];
    let settings = settings();
    let mut planner = Planner::new(catalog, &settings, &images);
    let places = recipe.plan(&mut planner, catalog).unwrap();
    let tags: RecipeTags =
        crate::layers::compose::make::tags(&recipe, &planner.finish(), &places).unwrap();
    let text = dockerfile(&recipe, &tags);
    // The scripts are files of their own.
    let script = |line: &&str| {
        !line.starts_with("    ")
            || line.ends_with("; \\") && line.contains("set -eu")
            || line.starts_with("    binary ") && !line.contains("()")
            || line.starts_with("    path ") && !line.contains("()")
            || line.starts_with("    added ") && !line.contains("()")
    };
    let lines: Vec<&str> = text.lines().filter(script).collect();
    format!("{}\n{}", recipe.remarks.join("\n"), lines.join("\n"))
}

fn failure(catalog: &LayerCatalog, wanted: &[&str]) -> String {
    let failure = Recipe::new(catalog, &names(wanted)).unwrap_err();
    format!("{failure}\nhint: {}", failure.advice().unwrap_or("none"))
}

#[test]
fn the_eight_layers() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/layers/eight");
    let mut directories = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mut files = crate::layers::files::read_directory(&path).unwrap();
        let LayerFile::Plain(text, _) = files["Dockerfile"].clone() else {
            panic!("no text")
        };
        let text = String::from_utf8(text).unwrap().replace("PREFIX", "p");
        files.insert(
            "Dockerfile".to_owned(),
            LayerFile::Plain(text.into_bytes(), false),
        );
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        directories.insert(name, files);
    }
    let place = LayerSource {
        origin: LayerOrigin::Named,
        shown: "eight".to_owned(),
        directories,
    };
    let catalog = LayerCatalog::read(vec![place], &settings()).unwrap();
    let all: Vec<&str> = catalog.layers.keys().map(String::as_str).collect();
    insta::assert_snapshot!("eight", text(&catalog, &all));
    let recipe = Recipe::new(&catalog, &names(&["compiler"])).unwrap();
    let tags = RecipeTags {
        sources: vec![SourceTag {
            tag: "p/compiler:12".to_owned(),
            below: "p/build-essential:12".to_owned(),
        }],
        runtime: "p/debian-base:bookworm".to_owned(),
        made_by: "git dkr layer build compiler debian-base".to_owned(),
    };
    insta::assert_snapshot!("compiler", dockerfile(&recipe, &tags));
}

#[test]
fn the_first_of_two_with_a_binary_wins() {
    let catalog = catalog(&[
        (
            "a",
            FREE,
            "[provides]\nbinaries = [\"x\", \"y\", \"y\"]\npaths = [\"/opt/a b\"]\n[environment]\nA = \"1:$PATH\"\n",
        ),
        (
            "b",
            FREE,
            "[provides]\nbinaries = [\"/opt/x\", \"z\"]\npaths = [\"/opt/a b\"]\n",
        ),
    ]);
    insta::assert_snapshot!(text(&catalog, &["a", "b", "a"]));
}

/// Of two layers with the same directory of a system each brings its own part of it, and a stage
/// that is left behind is not what a layer stands on.
#[test]
fn of_a_system_what_each_layer_added() {
    let catalog = catalog(&[
        ("os", "FROM debian:12\n", "[provides]\nbinaries = [\"o\"]\n"),
        (
            "a",
            FREE,
            "[requires]\nlayers = [\"os\"]\n[provides]\npaths = [\"/usr/bin/\", \"/opt/a\", \"/usr/bin/\"]\n",
        ),
        (
            "b",
            "ARG BASE_IMAGE=debian:12\nFROM $BASE_IMAGE AS x\nRUN make\nFROM debian:13 AS y\nFROM y\nCOPY --from=x /x /usr/lib/x\n",
            "[provides]\npaths = [\"/usr/bin/\", \"/usr/lib\"]\n",
        ),
    ]);
    insta::assert_snapshot!(text(&catalog, &["a", "b"]));
}

#[test]
fn runtimes_are_one_image_as_far_as_they_can_be() {
    let catalog = catalog(&[
        (
            "os",
            "FROM debian:12\nUSER me\n",
            "[provides]\nbinaries = [\"o\"]\n",
        ),
        (
            "r1",
            FREE,
            "[requires]\nlayers = [\"os\"]\n[provides]\nbinaries = [\"r\"]\n",
        ),
        (
            "r2",
            "FROM p/os:1\n",
            "[requires]\nlayers = [\"os\"]\n[provides]\nlibraries = [\"libr2.so\"]\n",
        ),
        (
            "r3",
            "FROM alpine:3\n",
            "[provides]\npaths = [\"/opt/r3\"]\n",
        ),
        (
            "a",
            FREE,
            "[provides]\nbinaries = [\"a\"]\n[runtime]\nlayers = [\"r1\", \"r2\", \"r3\"]\n",
        ),
    ]);
    insta::assert_snapshot!(text(&catalog, &["a"]));
}

#[test]
fn what_cannot_be_composed_is_said() {
    let catalog = catalog(&[
        ("none", FREE, ""),
        (
            "usr",
            "FROM scratch\nADD root.tar /\n",
            "[provides]\npaths = [\"//usr/./\"]\n",
        ),
        (
            "db",
            FREE,
            "[provides]\npaths = [\"/var/lib/dpkg/status\"]\n",
        ),
        ("up", FREE, "[provides]\npaths = [\"/opt/../etc\"]\n"),
    ]);
    let all: Vec<String> = ["none", "usr", "db", "up", "nono"]
        .iter()
        .map(|name| failure(&catalog, &[name]))
        .collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn names_of_images() {
    let catalog = catalog(&[("a", FREE, "[provides]\nbinaries = [\"x\"]\n")]);
    for good in [
        "app",
        "app:1",
        "registry:5000/team/app:1.0-B_2",
        "p/other:1",
    ] {
        assert!(check_tag(good, &settings(), &catalog).is_ok(), "{good}");
    }
    for bad in [
        "",
        "App",
        "a b",
        "app:",
        "app:-1",
        "a:b:c",
        "$(id)",
        "app@sha256:1",
        "p/a:1",
    ] {
        assert!(check_tag(bad, &settings(), &catalog).is_err(), "{bad}");
    }
}

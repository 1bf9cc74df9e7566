use super::*;
use crate::conf::Sources;
use crate::git::ObjectId;

fn conf(text: &str) -> Conf {
    Conf::read(Some(text), &Sources::default()).unwrap()
}

fn target() -> Target {
    Target {
        branch_from: "main".into(),
        branch: "main".into(),
        reference: Some("refs/heads/main".into()),
        commit: ObjectId::parse(&"3f".repeat(20)).unwrap(),
    }
}

const BASE: BaseInputs = BaseInputs {
    digest: "sha256:0a",
    layers: None,
    image: "debian:12",
    platform: "linux/amd64",
    clone: CloneOptions {
        shallow: None,
        objects: Objects::Exact,
    },
    ca: None,
};

fn create(text: &str, target: &Target, base: BaseInputs) -> KeyManifest {
    let inputs = BuildInputs {
        conf: &conf(text),
        target,
        key_files: &[("Cargo.lock".into(), "b1".into())],
    };
    KeyManifest::of_create(inputs, base).unwrap()
}

#[test]
fn the_key_is_over_lengths_names_and_values() {
    let manifest = |pairs: &[(&str, &str)]| {
        KeyManifest(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    };
    // printf '\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1a\0\0\0\0\0\0\0\2bc' | sha256sum
    assert_eq!(
        manifest(&[("a", "bc")]).key(),
        "fc37d51db89930a9486d09a9251efdcc349eba376f0ef4d7680bdc6f91054592"
    );
    assert_ne!(
        manifest(&[("a", "bc")]).key(),
        manifest(&[("ab", "c")]).key()
    );
    let (one, two) = ([("a", "b")], [("a", "b"), ("c", "")]);
    assert_ne!(manifest(&one).key(), manifest(&two).key());
}

#[test]
fn every_input_counts_and_nothing_else() {
    let plain = create("", &target(), BASE).key();
    assert_eq!(plain, create("", &target(), BASE).key());
    // How it was typed, who asks, how often and with which volumes.
    let typed = Target {
        branch_from: "refs/heads/main".into(),
        ..target()
    };
    assert_eq!(plain, create("", &typed, BASE).key());
    assert_eq!(
        plain,
        create("stale_after = 7\nvolumes = /a:/a\n", &target(), BASE).key()
    );
    let ca = BaseInputs {
        ca: Some(b"certificate"),
        ..BASE
    };
    assert_eq!(plain, create("", &target(), ca).key());

    let moved = Target {
        commit: ObjectId::parse(&"40".repeat(20)).unwrap(),
        ..target()
    };
    let renamed = Target {
        branch: "other".into(),
        ..target()
    };
    let install = "ca_bundle = install\n";
    let all = [
        plain,
        create("packages = make\n", &target(), BASE).key(),
        create("base_image = debian:12\n", &target(), BASE).key(),
        create("caches = cargo\n", &target(), BASE).key(),
        create("[pre_clone]\nRUN a\n", &target(), BASE).key(),
        create("[post_clone]\nRUN a\n", &target(), BASE).key(),
        create("", &moved, BASE).key(),
        create("", &renamed, BASE).key(),
        create(
            "",
            &target(),
            BaseInputs {
                digest: "sha256:0b",
                layers: None,
                image: "debian:12",
                ..BASE
            },
        )
        .key(),
        create(
            "",
            &target(),
            BaseInputs {
                platform: "linux/arm64",
                ..BASE
            },
        )
        .key(),
        create(
            "",
            &target(),
            BaseInputs {
                clone: CloneOptions {
                    shallow: Some("3f"),
                    ..BASE.clone
                },
                ..BASE
            },
        )
        .key(),
        create(
            "",
            &target(),
            BaseInputs {
                clone: CloneOptions {
                    objects: Objects::All,
                    ..BASE.clone
                },
                ..BASE
            },
        )
        .key(),
        create(install, &target(), ca).key(),
        create(
            install,
            &target(),
            BaseInputs {
                ca: Some(b"other"),
                ..BASE
            },
        )
        .key(),
    ];
    for (index, key) in all.iter().enumerate() {
        assert!(!all[..index].contains(key), "{index}");
    }
}

#[test]
fn the_most_telling_change_comes_first() {
    let old = create("packages = make\n", &target(), BASE);
    let moved = Target {
        commit: ObjectId::parse(&"40".repeat(20)).unwrap(),
        ..target()
    };
    let base = BaseInputs {
        digest: "sha256:0b",
        layers: None,
        image: "debian:12",
        ..BASE
    };
    let mut new = create("packages = make gcc\n", &moved, base);
    new.put("key_file:Cargo.lock", "b2".into());
    let names: Vec<String> = old.changes(&new).into_iter().map(|c| c.name).collect();
    assert_eq!(
        names,
        ["base_digest", "key_file:Cargo.lock", "packages", "commit"]
    );
    assert_eq!(old.changes(&old), []);
}

#[test]
fn an_update_stands_on_its_parent() {
    let parent = create("packages = make\n[post_clone]\nRUN a\n", &target(), BASE);
    let moved = Target {
        commit: ObjectId::parse(&"40".repeat(20)).unwrap(),
        ..target()
    };
    let inputs = BuildInputs {
        conf: &conf(""),
        target: &moved,
        key_files: &[],
    };
    let update = KeyManifest::of_update(inputs, &parent.key()).unwrap();
    let other = KeyManifest::of_update(inputs, "0").unwrap();
    assert_ne!(update.key(), other.key());
    let whole = update.on(&parent);
    assert_eq!(whole.get("packages"), Some("make"));
    assert_eq!(whole.get("commit"), Some(moved.commit.as_str()));
    assert_eq!(whole.get("key_file:Cargo.lock"), None);
    assert_eq!(whole.get("post_clone"), None);
    assert_eq!(whole.get("type"), Some("base"));
    // Its text spoke of the old [post_clone], and so of nothing that can be compared.
    assert_eq!(whole.get("dockerfile"), None);
    assert!(
        create("", &moved, BASE)
            .changes(&whole)
            .iter()
            .all(|c| c.name != "dockerfile")
    );
}

#[test]
fn a_manifest_has_limits() {
    let key_files = |count: usize| -> Vec<(String, String)> {
        let file = |n| (format!("directory/file-{n}"), format!("{n:040x}"));
        (0..count).map(file).collect()
    };
    check_key_files(&key_files(200_000)).unwrap();
    let error = check_key_files(&key_files(2_000_000)).unwrap_err();
    let said = "there are 2000000 key files, whose names and ids take 122.9 MB: a record may hold 16.0 MB of them";
    assert_eq!(error.to_string(), said);

    // A label that an image has and nobody of ours wrote.
    let mut manifest = KeyManifest::default();
    manifest.put("a", "x".repeat(LONGEST_LABEL));
    assert_eq!(manifest.to_label(), None);
    let labels = Labels {
        cache_key: Some(manifest.key()),
        manifest: Some(serde_json::to_string(&manifest).unwrap()),
        ..crate::image::labels::tests::labels()
    };
    assert_eq!(KeyManifest::of_label(&labels), None);
}

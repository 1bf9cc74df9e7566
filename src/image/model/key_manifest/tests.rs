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

/// The same branch, at another commit.
fn moved() -> Target {
    Target {
        commit: ObjectId::parse(&"40".repeat(20)).unwrap(),
        ..target()
    }
}

static CLONE: CloneOptions = CloneOptions {
    shallow: None,
    objects: Objects::Exact,
};

const BASE: BaseInputs = BaseInputs {
    digest: "sha256:0a",
    layers: None,
    image: "debian:12",
    platform: "linux/amd64",
    clone: &CLONE,
    ca: None,
};

fn create(text: &str, target: &Target, base: BaseInputs) -> KeyManifest {
    let inputs = BuildInputs {
        conf: &conf(text),
        target,
        key_files: &[("Cargo.lock".into(), "b1".into())],
    };
    KeyManifest::of_create(inputs, base)
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
    let container = "network = none\nuser = agent\ncpus = 2\nmemory = 4g\ngpus = all\nports = 3000\nenv = A=b\n";
    assert_eq!(plain, create(container, &target(), BASE).key());
    let ca = BaseInputs {
        ca: Some(b"certificate"),
        ..BASE
    };
    assert_eq!(plain, create("", &target(), ca).key());

    let moved = moved();
    let renamed = Target {
        branch: "other".into(),
        ..target()
    };
    let install = "ca_bundle = install\n";
    let all = [
        plain,
        create("packages = make\n", &target(), BASE).key(),
        create(
            "",
            &target(),
            BaseInputs {
                image: "debian:13",
                ..BASE
            },
        )
        .key(),
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
                clone: &CloneOptions {
                    shallow: Some("3f".into()),
                    ..CLONE.clone()
                },
                ..BASE
            },
        )
        .key(),
        create(
            "",
            &target(),
            BaseInputs {
                clone: &CloneOptions {
                    objects: Objects::All,
                    ..CLONE.clone()
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
    let moved = moved();
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
    let moved = moved();
    let inputs = BuildInputs {
        conf: &conf(""),
        target: &moved,
        key_files: &[],
    };
    let update = KeyManifest::of_update(inputs, &parent.key());
    let other = KeyManifest::of_update(inputs, "0");
    assert_ne!(update.key(), other.key());
    let whole = update.on(&parent);
    assert_eq!(whole.get("packages"), Some("make"));
    assert_eq!(whole.get("commit"), Some(moved.commit.as_str()));
    assert_eq!(whole.get("key_file:Cargo.lock"), None);
    assert_eq!(whole.get("post_clone"), None);
    assert_eq!(whole.get("type"), Some("base"));
    assert_eq!(whole.get("dockerfile"), parent.get("dockerfile"));
    let names: Vec<String> = create("", &moved, BASE)
        .changes(&whole)
        .into_iter()
        .map(|change| change.name)
        .collect();
    assert_eq!(names, ["key_file:Cargo.lock", "packages"]);
}

/// An image of an earlier git dkr was made of the same, told in another way.
#[test]
fn another_schema_is_told_and_not_what_it_told_otherwise() {
    let new = create("caches = cargo\n", &target(), BASE);
    let mut old = create("caches = none\n", &target(), BASE);
    old.put("schema", "1".into());
    old.put("dockerfile", "0a".into());
    let changes = old.changes(&new);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(
        changes[0].sentence(None),
        "git dkr itself builds differently"
    );
}

/// What is in the text of a Dockerfile is in the key, so that no build is taken for another.
#[test]
fn settings_that_change_the_text_change_the_key() {
    let text = |settings: &str, ca: bool| {
        let target = target();
        dockerfile::create(&conf(settings), &target, &CLONE, &[], ca).unwrap()
    };
    let plain = (text("", false), create("", &target(), BASE));
    for settings in [
        "packages = make\n",
        "caches = none\n",
        "caches = cargo bazel\n",
        "caches = bazel cargo\n",
        "filter = blob:none\n",
        "submodules = yes\n",
        "submodules = recursive\n",
        "lfs = yes\n",
        "sparse = a\n",
        "[pre_clone]\nRUN a\n",
        "[post_clone]\nRUN a\n",
    ] {
        assert_ne!(text(settings, false), plain.0, "{settings}");
        let manifest = create(settings, &target(), BASE);
        assert_ne!(manifest.key(), plain.1.key(), "{settings}");
        assert_ne!(manifest.changes(&plain.1), [], "{settings}");
    }
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
        ..crate::image::model::labels::tests::labels()
    };
    assert_eq!(KeyManifest::of_label(&labels), None);
}

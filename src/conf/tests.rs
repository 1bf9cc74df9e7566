use super::value::Position;
use super::*;

fn read(text: &str) -> Result<Conf, Diagnostics> {
    Conf::read(Some(text), &Sources::default())
}

fn problems(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn an_absent_file_gives_the_defaults() {
    let conf = Conf::read(None, &Sources::default()).unwrap();
    assert_eq!(conf.base_image.value, "fedora:43");
    assert_eq!(conf.base_image.origin, ValueOrigin::Default);
    assert_eq!(conf.caches.value, [ToolCache::Bazel]);
    assert_eq!(conf.stale_after.value, 50);
    assert!(conf.packages.value.is_empty());
    assert!(conf.siblings.value);
    assert_eq!(conf.max_layers.value, 20);
    assert_eq!(conf.ca_bundle.value, CaBundle::Mount);
}

/// The manual tells these defaults.
#[test]
fn the_table_has_the_defaults_that_hold() {
    let without_origins = |conf: &Conf| {
        let text = format!("{conf:?}");
        let origin = regex::Regex::new(r"origin: (Default|File\(Position \{[^}]*\}\))").unwrap();
        origin.replace_all(&text, "").into_owned()
    };
    let unset = without_origins(&read("").unwrap());
    for setting in SETTINGS.iter().filter(|setting| setting.in_file()) {
        if let Some(default) = setting.default.filter(|_| setting.name != "layer_prefix") {
            let set = read(&format!("{} = {default}\n", setting.name)).unwrap();
            assert_eq!(without_origins(&set), unset, "{}", setting.name);
        }
    }
}

/// Each name once, but that of a file, and of what becomes of it.
#[test]
fn the_table_names_each_setting_once() {
    let mut names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.retain(|name| *name != "ca_bundle");
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn so_many_problems_are_told_and_no_more() {
    for line in ["x\n", "[x]\n", "packages = a\n", "[pre_clone]\n"] {
        let problems = read(&line.repeat(100_000)).unwrap_err();
        assert_eq!(
            problems.to_string().lines().count(),
            crate::error::MOST_DIAGNOSTICS,
            "{line}"
        );
    }
}

#[test]
fn every_key_is_read() {
    let conf = read(concat!(
        "# a comment\n",
        "base_image = ubuntu:24.04\r\n",
        "packages = bazel  clang cmake\n",
        "\n",
        "volumes = /opt/data:/data \"/a b:/c:ro\"\n",
        "caches = cargo go\n",
        "stack = rust python\n",
        "agent = claude\n",
        "layers = ours\n",
        "stack_base = debian:12\n",
        "layer_prefix = team/layers\n",
        "layer_args = golang.GO_VERSION=1.23.4\n",
        "toolchains = distribution\n",
        "stale_after=7\n",
        "key_files = Cargo.lock **/package-lock.json\n",
        "siblings = no\n",
        "max_layers = 3\n",
        "ca_bundle = install\n",
        "sparse = src/tool \"a b/\"\n",
        "filter = blob:none\n",
        "submodules = recursive\n",
        "lfs = yes\n",
        "[pre_clone]\n",
        "# kept\n",
        "RUN echo one \\\n",
        "    && [ -d / ]\n",
        "[post_clone]\n",
        "RUN cd /workspace && ./setup.sh\n",
    ))
    .unwrap();
    assert_eq!(conf.base_image.value, "ubuntu:24.04");
    assert_eq!(
        conf.base_image.origin,
        ValueOrigin::File(Position {
            line: 2,
            column: 14
        })
    );
    assert_eq!(conf.packages.value, ["bazel", "clang", "cmake"]);
    assert_eq!(conf.volumes.value, ["/opt/data:/data", "/a b:/c:ro"]);
    assert_eq!(conf.caches.value, [ToolCache::Cargo, ToolCache::Go]);
    let names = vec!["rust".to_owned(), "python".to_owned()];
    assert_eq!(conf.stack.value, Stack::Names(names));
    assert_eq!(conf.agent.value.as_deref(), Some("claude"));
    assert_eq!(conf.layers.value, ["ours"]);
    assert_eq!(conf.stack_base.unwrap().value, "debian:12");
    assert_eq!(conf.layer_prefix.unwrap().value, "team/layers");
    assert_eq!(conf.layer_args.value[0].1, "GO_VERSION");
    assert_eq!(conf.toolchains.value, Toolchains::Distribution);
    assert_eq!(conf.stale_after.value, 7);
    assert_eq!(conf.key_files.value, ["Cargo.lock", "**/package-lock.json"]);
    assert!(!conf.siblings.value);
    assert_eq!(conf.max_layers.value, 3);
    assert_eq!(conf.ca_bundle.value, CaBundle::Install);
    assert_eq!(conf.sparse.value, ["src/tool", "a b"]);
    assert_eq!(conf.filter.value, Filter::Blobs);
    assert_eq!(conf.submodules.value, Submodules::Recursive);
    assert!(conf.lfs.value);
    assert_eq!(
        conf.pre_clone.text,
        "# kept\nRUN echo one \\\n    && [ -d / ]\n"
    );
    assert_eq!(conf.pre_clone.first_line, 24);
    assert_eq!(conf.post_clone.text, "RUN cd /workspace && ./setup.sh\n");
}

#[test]
fn all_problems_are_reported_at_once_with_their_places() {
    insta::assert_snapshot!(problems(concat!(
        "base_imag = debian\n",
        "packages = good $(bad) \n",
        "  volumes = data\n",
        "stale_after = soon\n",
        "caches = cargoo\n",
        "stale_after = 3\n",
        "just words\n",
        "stack = Rust\n",
        "key_files = \"open\n",
        "ca_bundle = /etc/ca.pem\n",
        "zebra = 1\n",
        "sparse = src ../other\n",
        "filter = tree:0\n",
        "submodules = all\n",
        "lfs = on\n",
        "[preclone]\n",
        "[post_clone]\n",
        "RUNN echo\n",
        "FROM scratch\n",
        "RUN echo \\\n",
    )), @r"
    .dkr.conf:1:1: unknown key `base_imag`; did you mean `base_image`?
    .dkr.conf:2:12: `$(bad)` is not the name of a package
    .dkr.conf:3:13: `data` is not a volume: expected /directory:/target or name:/target, and :ro if wanted
    .dkr.conf:4:15: `soon` is not a whole number
    .dkr.conf:5:10: no cache is called `cargoo`; did you mean `cargo`?
    .dkr.conf:6:1: `stale_after` is already set in line 4
    .dkr.conf:7:1: expected `key = value` or a [section], found `just words`
    .dkr.conf:8:9: `Rust` is not the name of a layer
    .dkr.conf:9:13: a quote is not closed
    .dkr.conf:10:13: `/etc/ca.pem` is neither `mount` nor `install`; the file itself is given by --ca-bundle or git config dkr.caBundle
    .dkr.conf:11:1: unknown key `zebra`; known keys: base_image, packages, volumes, caches, stack, agent, layers, stack_base, layer_prefix, layer_args, toolchains, stale_after, key_files, siblings, max_layers, ca_bundle, sparse, filter, submodules, lfs, network, user, cpus, memory, gpus, ports, env, sandbox, allow, save_every, save_limit
    .dkr.conf:12:10: `../other` is not a directory of the repository: its path begins at the top, as in src/tool
    .dkr.conf:13:10: `tree:0` is neither `none` nor `blob:none`
    .dkr.conf:14:14: `all` is none of `no`, `yes`, `recursive`
    .dkr.conf:15:7: `on` is neither `yes` nor `no`
    .dkr.conf:16:1: unknown section [preclone]; did you mean [pre_clone]?
    .dkr.conf:18:1: [post_clone] `RUNN` is not an instruction; did you mean RUN?
    .dkr.conf:19:1: [post_clone] FROM would start another image; set base_image instead
    .dkr.conf:20:1: [post_clone] this RUN ends in a backslash
    ");
}

#[test]
fn a_section_has_no_escape_character_of_its_own() {
    insta::assert_snapshot!(
        problems("[pre_clone]\n# escape=`\nRUN a `\n  b\n"),
        @".dkr.conf:2:1: [pre_clone] only a backslash continues a line here: take this directive out"
    );
}

#[test]
fn environment_beats_git_config_beats_the_file() {
    let file = "base_image = from-file\n";
    let git = [("dkr.baseimage".to_owned(), "from-git".to_owned())];
    let env = [("DKR_BASE_IMAGE".to_owned(), "from-env".to_owned())];

    let conf = Conf::read(Some(file), &Sources::new([], git.clone())).unwrap();
    assert_eq!(conf.base_image.value, "from-git");
    assert_eq!(
        conf.base_image.origin.to_string(),
        "git config dkr.baseImage"
    );

    let conf = Conf::read(Some(file), &Sources::new(env, git)).unwrap();
    assert_eq!(conf.base_image.value, "from-env");
}

#[test]
fn a_bad_value_outside_the_file_is_named_by_its_source() {
    let env = [("DKR_STALE_AFTER".to_owned(), "x".to_owned())];
    let error = Conf::read(None, &Sources::new(env, [])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "DKR_STALE_AFTER in the environment: `x` is not a whole number"
    );
}

#[test]
fn nothing_in_a_value_can_become_code() {
    for text in [
        "base_image = debian\\\n",
        "base_image = debian AS x\n",
        "base_image = $(id)\n",
        "packages = --allow-downgrades\n",
        "packages = a;b\n",
        "volumes = $HOME:/x\n",
        "volumes = /a:/b:ro:rw\n",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn reading_never_panics(text in "(?s)(RUN|#|\\\\|<<E|E|\n| |\\[|\\]|=|pre_clone|base_image|é){0,40}") {
        let _ = read(&text);
    }
}

#[test]
fn patterns_that_match_nothing_are_refused() {
    for pattern in ["/Cargo.lock", "../Cargo.lock", "a/../b", "./a"] {
        let text = format!("key_files = {pattern}\n");
        let error = Conf::read(Some(&text), &Sources::default()).unwrap_err();
        assert!(error.to_string().contains("matches nothing"), "{error}");
    }
}

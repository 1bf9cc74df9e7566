//! Layers under a repository, from its settings or the command line.

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::VERIFY_PACKAGES;
use crate::common::repo::Repo;
use crate::layers::lab::Layers;

/// A layer that any base takes, as a repository keeps it.
fn layer(name: &str, steps: &str) -> [(String, String); 2] {
    let directory = format!(".dkr/layers/{name}");
    let toml = format!("[layer]\nname = \"{name}\"\nversion = \"1\"\n");
    [
        (format!("{directory}/layer.toml"), toml),
        (
            format!("{directory}/Dockerfile"),
            format!("ARG BASE_IMAGE=debian:bookworm-slim\nFROM ${{BASE_IMAGE}}\n{steps}"),
        ),
    ]
}

/// An agent that tells what it sees of its key.
const AGENT: &str = "RUN printf '#!/bin/sh\\necho agent here, key $OPENAI_API_KEY\\n' > /usr/local/bin/codex && chmod +x /usr/local/bin/codex\n";

/// A repository whose images' layers have a prefix of this lab.
fn repo<'a>(layers: &'a Layers, name: &str, files: &[(String, String)]) -> Repo<'a> {
    // Two repositories of one name would be after one tag.
    let repo = layers.repo_at(&format!("{}-{name}", layers.prefix));
    repo.git(["config", "dkr.layerPrefix", &layers.prefix]);
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    repo.commit("Files", &files);
    repo
}

fn create(layers: &Layers, repo: &Repo, args: &[&str]) -> Outcome {
    layers.dkr(&repo.path, [&["create-image"], args].concat())
}

#[test]
fn an_agent_runs_with_a_key_that_is_in_no_image() {
    let Some(layers) = Layers::new() else { return };
    let repo = repo(&layers, "app", &layer("agent-codex", AGENT));
    let made = create(&layers, &repo, &["--agent=codex"]).ok();
    let image = layers.image(&made);
    assert_eq!(image.label("agent"), "codex");
    assert_eq!(image.label("layers"), "agent-codex");

    let key = layers.file("key", "sk-secret-value\n");
    let key = format!("--agent-key={}", key.display());
    let start = |options: &[&str]| layers.dkr(&repo.path, [&["start-image"], options].concat());
    // The image's agent is run where no other command is given.
    let run = start(&[&key]).ok();
    assert!(
        run.stdout.contains("agent here, key sk-secret-value"),
        "{run:?}"
    );
    // In the shell after it the key is not.
    let script = layers.file("script", "echo \"after: $OPENAI_API_KEY.\"\n");
    let shell = layers
        .dkr_command(&repo.path, ["start-image", &key])
        .stdin(std::fs::File::open(script).unwrap())
        .output()
        .unwrap();
    let shell = String::from_utf8_lossy(&shell.stdout).into_owned();
    assert!(shell.contains("after: .\n"), "{shell}");
    let shown = start(&[&key, "--dry-run"]).ok();
    assert!(!shown.stdout.contains("sk-secret"), "{shown:?}");
    let none = start(&["--agent=none"]).ok();
    assert!(!none.stdout.contains("agent here"), "{none:?}");
    let script = "test -z \"$DKR_AGENT_COMMAND\" && ! test -e /run/secrets/* && echo mine";
    let mine = start(&["--agent=none", "--", "sh", "-c", script]).ok();
    assert_eq!(mine.stdout, "mine\n");
    start(&["--agent=codex", "--", "true"])
        .exits(2)
        .says("but there is a command after --");
    let other = start(&["--agent=gemini"]).exits(127);
    other.says("there is no gemini in this image");

    let history = layers.docker(&["history", "--no-trunc", &image.tag]);
    assert!(!history.contains("sk-secret"));
    assert!(!image.value.to_string().contains("sk-secret"));
    assert!(!image.layers_unpacked().hold("sk-secret"));
}

#[test]
fn an_agent_is_put_on_the_layers_that_are_there() {
    let Some(layers) = Layers::new() else { return };
    let stamp = "RUN cat /proc/sys/kernel/random/uuid > /stamp\n";
    let mut files = [
        layer("rust", stamp),
        layer("nodejs", "RUN true\n"),
        layer("agent-codex", AGENT),
    ]
    .concat();
    let toml = &mut files[4].1;
    toml.push_str("[requires]\nlayers = [\"nodejs\"]\n");
    let repo = repo(&layers, "app", &files);
    let stamp = |args: &[&str]| {
        let made = create(&layers, &repo, args).ok();
        let image = layers.image(&made);
        (image.label("layers"), image.sh("cat /stamp"))
    };
    let (_, first) = stamp(&["--stack=rust"]);
    let with_agent = ["--stack=rust", "--agent=codex"];
    let of_agent = "rust nodejs agent-codex".to_owned();
    assert_eq!(stamp(&with_agent), (of_agent.clone(), first.clone()));
    let forced = [&with_agent[..], &["--force-rebuild"]].concat();
    let (stack, second) = stamp(&forced);
    assert_eq!(stack, of_agent);
    assert_ne!(second, first);
    let planned = create(&layers, &repo, &[&forced[..], &["--dry-run"]].concat()).ok();
    assert!(planned.stdout.contains("(3 to build)"), "{planned:?}");
}

#[test]
fn two_repositories_share_their_layers() {
    let Some(layers) = Layers::new() else { return };
    let files = [
        layer("one", "RUN echo 1 > /one\n"),
        layer("two", "RUN echo 2 > /two\n"),
    ]
    .concat();
    let first = repo(&layers, "first", &files);
    first.conf("layers = one two\n");
    let made = create(&layers, &first, &[]).ok();
    assert_eq!(layers.image(&made).sh("cat /one /two"), "1\n2");
    let before = layers.named();

    let second = repo(&layers, "second", &files);
    let made = create(&layers, &second, &["--layer=one", "--layer=two"]).ok();
    made.never_says(
        &format!("{}/", layers.prefix)
            .replace(&layers.prefix, &format!("built    {}", layers.prefix)),
    );
    assert_eq!(layers.named(), before);
    assert_eq!(layers.image(&made).label("layers"), "one two");

    // What is there is not built again, and what changed is.
    create(&layers, &second, &["--layer=one", "--layer=two"])
        .ok()
        .says("already");
    let other = layer("one", "RUN echo other > /one\n");
    second.commit("Change a layer", &[(&other[1].0, &other[1].1)]);
    let made = create(&layers, &second, &["--layer=one", "--layer=two"]).ok();
    assert_eq!(layers.image(&made).sh("cat /one /two"), "other\n2");
}

#[test]
fn layers_are_those_of_the_commit_and_the_flag_passes_them_by() {
    let Some(layers) = Layers::new() else { return };
    let repo = repo(
        &layers,
        "app",
        &layer("ours", "RUN echo committed > /ours\n"),
    );
    repo.conf("layers = ours\n");
    repo.write(".dkr/layers/ours/Dockerfile", "FROM nowhere\n");
    let made = create(&layers, &repo, &[]).ok();
    assert_eq!(layers.image(&made).sh("cat /ours"), "committed");

    let plain = create(&layers, &repo, &["--base-image=debian:bookworm-slim"]).ok();
    let image = layers.image(&plain);
    assert_eq!(image.sh("ls /ours 2>/dev/null || echo none"), "none");
    assert_eq!(image.label("layers"), "");
    // An explanation compares with what the same command would make now.
    let told = layers.dkr(&repo.path, ["explain"]).ok();
    assert!(told.stdout.contains("nothing differs"), "{}", told.stdout);
}

#[test]
fn commands_on_layers_obey_base_image_as_a_create_does() {
    let Some(layers) = Layers::new() else { return };
    let [toml, (dockerfile, text)] = layer("open", "RUN echo 1 > /open\n");
    let text = text.replace("debian:bookworm-slim", "127.0.0.1:1/no/such:image");
    let [fixed_toml, (fixed, _)] = layer("fixed", "");
    let files = [
        toml,
        (dockerfile, text),
        (
            fixed_toml.0,
            fixed_toml.1 + "[requires]\nlayers = [\"open\"]\n",
        ),
        (
            fixed,
            format!("FROM {}/open:1\nRUN echo 2 > /fixed\n", layers.prefix),
        ),
    ];
    let repo = repo(&layers, "app", &files);
    repo.conf("base_image = debian:bookworm-slim\nlayers = fixed\n");
    let dkr = |args: &[&str]| {
        let mut command = layers.dkr_command(&repo.path, args);
        outcome(command.env_remove("DKR_BASE_IMAGE"))
    };
    let made = dkr(&["create-image"]).ok();
    assert_eq!(layers.image(&made).sh("cat /open /fixed"), "1\n2");
    let there = layers.named();
    let rows = dkr(&["layer", "list", "--format=json"]).ok().stdout;
    let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
    for name in ["open", "fixed"] {
        let rows = rows.as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        assert_eq!(row["state"], "built", "{row}");
        assert!(there.iter().any(|(tag, _)| row["tag"] == **tag), "{row}");
    }
    dkr(&["layer", "build", "--all"]).ok().never_says("built  ");
    assert_eq!(layers.named(), there);

    // A name without a key, for people, is of the one that was built last.
    let lone = layer("lone", "RUN echo 3 > /lone\n");
    for (path, text) in &lone {
        repo.write(path, text);
    }
    let built = dkr(&["layer", "build", "lone"]).ok();
    let [tag] = built.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{}", built.stdout)
    };
    let named = layers.named();
    let id = |tag: &str| named.iter().find(|(name, _)| name == tag).map(|(_, id)| id);
    assert!(id(tag).is_some() && tag != layers.tag("lone"), "{tag}");
    assert_eq!(id(tag), id(&layers.tag("lone")));

    dkr(&["layer", "new", "mine"]).ok();
    let new = std::fs::read_to_string(repo.path.join(".dkr/layers/mine/Dockerfile")).unwrap();
    assert!(
        new.starts_with("ARG BASE_IMAGE=debian:bookworm-slim\n"),
        "{new}"
    );
}

#[test]
fn a_layer_may_be_made_from_scratch() {
    let Some(layers) = Layers::new() else { return };
    let [toml, (dockerfile, _)] = layer("whole", "");
    let text = "FROM scratch\nCOPY layer.toml /x\n";
    let repo = repo(&layers, "app", &[toml, (dockerfile, text.to_owned())]);
    let planned = create(&layers, &repo, &["--layer=whole", "--dry-run"]).ok();
    assert!(
        planned.stdout.contains("layers  whole (1 to build)"),
        "{planned:?}"
    );
}

#[test]
fn what_cannot_be_is_said_before_anything_is_built() {
    let Some(layers) = Layers::new() else { return };
    let repo = repo(&layers, "app", &layer("ours", "RUN true\n"));
    create(&layers, &repo, &["--agent=clod"])
        .fails()
        .says("no agent is called `clod`");
    create(&layers, &repo, &["--stack=rst"])
        .fails()
        .says("did you mean `rust`?");
    create(&layers, &repo, &["--layer=our"])
        .fails()
        .says("did you mean `ours`?");
    create(&layers, &repo, &["--agent=claude", "--base-image=x"]).exits(2);
    let broken = [(
        ".dkr/layers/bad/layer.toml",
        "[layer]\nname = \"bad\"\nversoin = 1\n",
    )];
    repo.commit("Break a layer", &broken);
    let told = create(&layers, &repo, &["--layer=ours"]).fails();
    told.says(
        ".dkr/layers/bad/layer.toml:3:1: unknown key `layer.versoin`; did you mean `version`?",
    );
    told.says(".dkr/layers/bad: there is no Dockerfile");
    assert_eq!(layers.named(), []);
}

#[test]
fn languages_without_a_layer_are_said_and_stop_nothing() {
    let Some(layers) = Layers::new() else { return };
    let text = |name: &str| (name.to_owned(), "x".to_owned());
    let files = [
        &layer("base", "RUN true\n")[..],
        &[text("main.tf"), text("app.csproj")],
    ]
    .concat();
    let repo = repo(&layers, "app", &files);
    let made = create(&layers, &repo, &["--stack=auto"]).ok();
    made.says("no layer is built in for csharp, terraform");
    assert_eq!(layers.image(&made).label("layers"), "base");
}

#[test]
fn the_layers_of_php_and_of_c_work() {
    let Some(layers) = Layers::new() else { return };
    let system = "/etc/ssl/certs/ca-certificates.crt";
    let ca = format!("--ca-bundle={system}");
    let ca = std::path::Path::new(system).exists().then_some(ca.as_str());
    let base = "--stack-base=debian:bookworm-slim";
    let args = |command| {
        let args = [command, "php", "cpp", base].into_iter().chain(ca);
        args.collect::<Vec<_>>()
    };
    layers.layer(&args("build")).ok();
    let tried = layers.layer(&args("test")).ok();
    assert!(tried.stdout.contains("all well"), "{}", tried.stdout);
    assert!(
        tried.stdout.contains("composed  binary  meson"),
        "{}",
        tried.stdout
    );
    let image = |name: &str| format!("{}/{name}:1.0", layers.prefix);
    let said = layers.sh(&image("php"), "php -r 'echo strlen(json_encode([1]));'");
    assert_eq!(said, "3");
    let script = "cd /tmp; echo 'int main() { return 0; }' > a.cpp
        printf 'cmake_minimum_required(VERSION 3.10)\nproject(a CXX)\nadd_executable(a a.cpp)\n' > CMakeLists.txt
        cmake -G Ninja . >/dev/null && ninja >/dev/null && ./a && echo built";
    assert_eq!(layers.sh(&image("cpp"), script), "built");
    for name in ["php", "cpp"] {
        let clean = layers.sh(&image(name), "ls -A /tmp /var/lib/apt/lists /root");
        assert!(!clean.contains("composer"), "{clean}");
    }

    // Composed, they do the same: their programs are scripts that read much of /usr and /etc.
    let composed = layers.tag("composed");
    let build = format!("--build={composed}");
    let args = [args("compose"), vec![&build]].concat();
    layers.run(&args).ok();
    let scripts = "export COMPOSER_ALLOW_SUPERUSER=1; mkdir /tmp/a; cd /tmp/a
        echo '{\"name\": \"a/b\", \"description\": \"c\", \"license\": \"MIT\"}' > composer.json
        composer validate --strict
        echo 'int main() { return 0; }' > a.c
        echo \"project('a', 'c'); executable('a', 'a.c')\" | tr ';' '\\n' > meson.build
        meson setup out >/dev/null && ninja -C out >/dev/null && out/a && echo built";
    let said = layers.sh(&composed, scripts);
    assert!(said.contains("composer.json is valid\n"), "{said}");
    assert!(said.ends_with("built"), "{said}");
    assert_eq!(layers.sh(&composed, script), "built");
}

/// The story of the README: no settings, one command, everything in it.
#[test]
fn a_rust_and_python_repository_gets_both_toolchains_and_agents() {
    let Some(layers) = Layers::new() else { return };
    let text = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let repo = repo(
        &layers,
        "app",
        &[
            text(
                "Cargo.toml",
                "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
            ),
            text(
                "Cargo.lock",
                "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n",
            ),
            text("src/main.rs", "fn main() {\n    println!(\"built\");\n}\n"),
            text(
                "pyproject.toml",
                "[project]\nname = \"app\"\nversion = \"0.1\"\n",
            ),
            text(
                "tests/test_app.py",
                "def test_app():\n    assert 1 + 1 == 2\n",
            ),
        ],
    );
    // Where https goes through somebody else's certificate the machine trusts it, and npm in a
    // container does not.
    let system = "/etc/ssl/certs/ca-certificates.crt";
    if std::path::Path::new(system).exists() {
        repo.git(["config", "dkr.caBundle", system]);
    }
    // A test asks nobody but the mirrors that its machine has.
    repo.git(["config", "dkr.toolchains", "distribution"]);
    let others = ["--layer=agent-codex", "--layer=agent-gemini"];
    let args = [&["--stack=auto", "--agent=claude"], &others[..]].concat();
    let made = create(&layers, &repo, &args).ok();
    let image = layers.image(&made);
    assert_eq!(
        image.label("layers"),
        "base python rust nodejs agent-claude agent-codex agent-gemini"
    );
    let said = image.sh(
        "cd /workspace; cargo build --quiet; target/debug/app; cargo clippy --version; rustfmt --version
         pytest -q; pip --version; for agent in claude codex gemini; do echo \"$agent $($agent --version)\"; done",
    );
    for part in [
        "built\n",
        "clippy",
        "rustfmt",
        "1 passed",
        "pip ",
        "Claude Code",
        "codex codex-cli",
        "gemini ",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    assert_eq!(
        image.sh(&format!("{VERIFY_PACKAGES}; ls -A /tmp /var/lib/apt/lists")),
        "/tmp:\n\n/var/lib/apt/lists:\npartial"
    );
}

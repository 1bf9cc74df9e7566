//! The client of the engine under test, which `DKR_TEST_ENGINE` names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Whether the tests run on podman.
pub fn is_podman() -> bool {
    std::env::var_os("DKR_TEST_ENGINE").is_some_and(|value| value == "podman")
}

/// The name of the engine that the tests run on.
pub fn name() -> &'static str {
    if is_podman() { "podman" } else { "docker" }
}

/// What `-v` shows of a build, and of nothing else.
pub fn echo_of_a_build() -> &'static str {
    if is_podman() {
        "+ nohup "
    } else {
        "+ DOCKER_BUILDKIT=1 "
    }
}

/// What leads podman to its settings and images when the home directory is another. `scripts/engine`
/// writes settings of the tests' own where podman does not work without.
pub fn podman_env() -> Vec<(&'static str, OsString)> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let directory = |name: &str, below: &str| {
        std::env::var_os(name).map_or_else(|| home.join(below), PathBuf::from)
    };
    let own = directory("XDG_CACHE_HOME", ".cache").join("git-dkr-test-tools/containers.conf");
    let own = own.exists().then(|| own.into_os_string());
    let mut env = vec![(
        "XDG_DATA_HOME",
        directory("XDG_DATA_HOME", ".local/share").into(),
    )];
    for (name, value) in [
        (
            "CONTAINERS_CONF",
            std::env::var_os("CONTAINERS_CONF").or(own),
        ),
        ("XDG_RUNTIME_DIR", std::env::var_os("XDG_RUNTIME_DIR")),
    ] {
        env.extend(value.map(|value| (name, value)));
    }
    env
}

/// The client under test: podman, or the first docker on the PATH that builds with BuildKit.
pub fn client() -> Option<&'static Path> {
    static ENGINE: OnceLock<Option<PathBuf>> = OnceLock::new();
    if std::env::var_os("DKR_TEST_ENGINE").is_some_and(|value| value == "none") {
        eprintln!("skipped: it needs an engine, and DKR_TEST_ENGINE=none");
        return None;
    }
    let name = name();
    let engine = ENGINE.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|directory| directory.join(name))
            .find(|client| client.exists() && (is_podman() || builds(client)))
    });
    match engine {
        Some(client) => Some(client),
        None => panic!(
            "no {name} on the PATH can build here; `make test` sees to one, and \
             DKR_TEST_ENGINE=none leaves these tests out"
        ),
    }
}

/// Only a build tells. This one needs no base image and leaves no image behind.
fn builds(client: &Path) -> bool {
    let child = Command::new(client)
        .args(["build", "--output=type=tar,dest=/dev/null", "-"])
        .env("DOCKER_BUILDKIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let mut stdin = child.stdin.take().unwrap();
    // A client that fails early does not read it.
    let _ = std::io::Write::write_all(&mut stdin, b"FROM scratch\nLABEL dkr.probe=1\n");
    drop(stdin);
    child.wait().unwrap().success()
}

//! With the real uv and pip, from the network: what was recorded makes the same environment again.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::SCRIPT;
use crate::common::dkr::outcome;
use crate::common::{Sandbox, run};

/// What leads to the network here; no variable of a user's shell.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where `scripts/test-tools` puts uv, and a Python to make environments with.
#[track_caller]
fn tools() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
    let bin = cache
        .unwrap_or_else(home)
        .join("git-dkr-test-tools/python/bin");
    assert!(
        bin.join("uv").exists(),
        "there is no uv: run scripts/test-tools"
    );
    bin
}

/// Both kinds of run know the home directory, the proxy and its certificates.
fn clean(sandbox: &Sandbox, program: &str) -> Command {
    let mut command = sandbox.command(program);
    if Path::new(BUNDLE).exists() {
        command.env("SSL_CERT_FILE", BUNDLE).env("PIP_CERT", BUNDLE);
    }
    command
}

/// Runs a script in which the tools are recorded, with a PATH of these directories and the usual ones.
fn record(sandbox: &Sandbox, directories: &[&Path], script: &str) -> String {
    let file = sandbox.path("Containerfile");
    let functions: String = ["uv", "pip", "python3"]
        .iter()
        .map(|tool| {
            format!(
                "{tool}() {{ sh {SCRIPT} {} {tool} \"$@\"; }}\n",
                file.display()
            )
        })
        .collect();
    let mut command = clean(sandbox, "sh");
    let mut path: Vec<&Path> = directories.to_vec();
    let tools = tools();
    path.push(&tools);
    path.push(Path::new("/usr/local/bin:/usr/bin:/bin"));
    let path: Vec<_> = path
        .iter()
        .map(|directory| directory.to_str().unwrap())
        .collect();
    command.env("PATH", path.join(":"));
    std::fs::create_dir_all(sandbox.path("my place")).unwrap();
    command.current_dir(sandbox.path("my place"));
    outcome(command.args(["-ec", &(functions + script)])).ok();
    std::fs::read_to_string(file).unwrap()
}

/// Runs the lines as a build does.
#[track_caller]
fn replay(sandbox: &Sandbox, recorded: &str) {
    for line in recorded.lines() {
        let script = line.strip_prefix("RUN ").unwrap();
        let mut command = clean(sandbox, "/bin/sh");
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        outcome(
            command
                .env("PATH", path)
                .current_dir("/")
                .args(["-c", script]),
        )
        .ok();
    }
}

/// What is installed in an environment.
fn installed(environment: &Path) -> Vec<String> {
    let mut command = Command::new(tools().join("uv"));
    command
        .args(["pip", "freeze", "--python"])
        .arg(environment.join("bin/python"));
    run(&mut command).lines().map(str::to_owned).collect()
}

#[test]
fn an_environment_of_pip() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "my place/req's.txt",
        "# pinned\nsix==1.16.0 \\\n  # and\n\niniconfig<2.1 ; python_version > '3'\n",
    );
    sandbox.file("my place/c.txt", "toml==0.10.1\n");
    let environment = sandbox.path("my place/.venv");
    let bin = environment.join("bin");
    let recorded = record(
        &sandbox,
        &[&bin],
        "python3 -m venv .venv\npip install -q -r \"req's.txt\" -c c.txt toml\npip install 'attrs<24' >&2\npip install attrs\\<24\n\
         pip uninstall --yes --quiet attrs\npip install --dry-run idna",
    );
    assert_eq!(recorded.lines().count(), 4, "{recorded}");
    let before = installed(&environment);
    assert!(
        before.contains(&"six==1.16.0".to_owned()) && before.contains(&"toml==0.10.1".to_owned()),
        "{before:?}"
    );
    std::fs::remove_dir_all(&environment).unwrap();
    replay(&sandbox, &recorded);
    assert_eq!(installed(&environment), before);
}

#[test]
fn environments_of_uv() {
    let sandbox = Sandbox::new();
    sandbox.file("my place/r.txt", "six==1.16.0\n");
    sandbox.file("my place/c.txt", "toml==0.10.1\n");
    let recorded = record(
        &sandbox,
        &[],
        "uv venv --quiet\nuv pip install --quiet -r r.txt -c c.txt toml 'iniconfig<2.1'\n\
         uv venv --quiet ../other\nVIRTUAL_ENV=$PWD/../other uv pip install --quiet attrs==23.2.0\n\
         uv tool install --quiet pycowsay==0.0.0.2",
    );
    assert_eq!(recorded.lines().count(), 5, "{recorded}");
    let environments = [
        sandbox.path("my place/.venv"),
        sandbox.path("other"),
        sandbox.path("home/.local/share/uv/tools/pycowsay"),
    ];
    let before = environments.each_ref().map(|one| installed(one));
    assert_eq!(
        before[0],
        ["iniconfig==2.0.0", "six==1.16.0", "toml==0.10.1"]
    );
    assert_eq!((before[1].len(), before[2].len()), (1, 1), "{before:?}");
    // With the commands of the tool.
    for made in ["my place/.venv", "other", "home/.local"] {
        std::fs::remove_dir_all(sandbox.path(made)).unwrap();
    }
    replay(&sandbox, &recorded);
    assert_eq!(environments.each_ref().map(|one| installed(one)), before);
}

#[test]
fn a_project_of_uv() {
    let sandbox = Sandbox::new();
    let manifest = "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n";
    let file = sandbox.file("my place/pyproject.toml", manifest);
    let recorded = record(
        &sandbox,
        &[],
        "uv add --quiet 'six==1.16.0' attrs\nuv remove --quiet attrs\nuv add --quiet 'iniconfig<2.1'\nuv sync --quiet",
    );
    assert_eq!(recorded.lines().count(), 4, "{recorded}");
    let (after, environment) = (
        std::fs::read_to_string(&file).unwrap(),
        sandbox.path("my place/.venv"),
    );
    let before = installed(&environment);
    assert_eq!(before, ["iniconfig==2.0.0", "six==1.16.0"]);
    std::fs::remove_dir_all(&environment).unwrap();
    std::fs::remove_file(sandbox.path("my place/uv.lock")).unwrap();
    std::fs::write(&file, manifest).unwrap();
    replay(&sandbox, &recorded);
    assert_eq!(installed(&environment), before);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
}

#[test]
fn the_tool_s_own_failure_is_passed_on() {
    let sandbox = Sandbox::new();
    let recorded = record(
        &sandbox,
        &[],
        "uv venv --quiet\nuv pip install 'no such thing' && exit 1 || [ $? = 2 ]\nuv pip install --no-index six && exit 1 || [ $? = 1 ]",
    );
    assert_eq!(recorded.lines().count(), 1, "{recorded}");
}

//! The uv shim: what it records, in real shells; what it leaves alone.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use git_dkr::conf::split;
use proptest::prelude::*;
use rustix::process::Signal;

use crate::common::dkr::{Outcome, outcome, spawn, terminal};
use crate::common::{Sandbox, wait_until};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/uv-shim");
const IN_CONTAINERS: &str = include_str!("../../templates/shim");
/// What `sh` is, here and there.
const INTERPRETERS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// A folder with tools that do nothing but write down how they were called, and end with `$CODE`.
pub struct Shop(Sandbox);

impl Shop {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        for tool in ["uv", "pip", "pip3", "python3"] {
            sandbox.script(
                &format!("bin/{tool}"),
                "printf '%s\\0' \"$@\" >>\"${0%/*}/../calls\"\nexit ${CODE:-0}",
            );
        }
        std::fs::create_dir(sandbox.path("place")).unwrap();
        Self(sandbox)
    }

    /// A program that finds them first.
    fn command(&self, program: &str) -> Command {
        let mut command = self.0.command(program);
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", self.0.path("bin").display()))
            .current_dir(self.0.path("place"));
        command
    }

    /// The script itself, ready to run in the first of the shells.
    fn shim(&self, args: &[&str]) -> Command {
        self.shim_in(INTERPRETERS[0], args)
    }

    fn shim_in(&self, interpreter: &[&str], args: &[&str]) -> Command {
        let mut command = self.command(interpreter[0]);
        command.args(&interpreter[1..]).arg(SCRIPT).arg(self.file());
        command.args(args);
        command
    }

    fn file(&self) -> PathBuf {
        self.0.path("Containerfile")
    }

    fn recorded(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap_or_default()
    }

    /// The lines of the file without our folder, which is `[ROOT]`.
    fn lines(&self) -> Vec<String> {
        let text = self.0.steady(&self.recorded());
        text.lines().map(str::to_owned).collect()
    }

    /// With what the tools were called since the last question.
    fn calls(&self) -> Vec<String> {
        let path = self.0.path("calls");
        let text = std::fs::read(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        let mut calls: Vec<String> = text
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        calls.pop();
        calls
    }

    /// Runs what was recorded as a build would: `/bin/sh`, another folder, none of our variables.
    #[track_caller]
    fn replay(&self) {
        for step in split(&self.recorded()) {
            assert_eq!(
                (step.keyword.as_str(), &step.unfinished),
                ("RUN", &None),
                "{step:?}"
            );
            sh(&step.body[4..]);
        }
    }
}

#[track_caller]
fn sh(script: &str) {
    let mut command = Command::new("/bin/sh");
    command.env_clear().current_dir("/").args(["-c", script]);
    outcome(&mut command).ok();
}

/// A shell that has read the functions and runs a script: those for users, or those for containers.
fn with_functions(shop: &Shop, shell: &[&str], script: &str) -> Command {
    let text = if ["bash", "zsh", "fish"].contains(&shell[0]) {
        let args = [
            "overlay",
            "shim",
            "--containerfile=../Containerfile",
            "--shell",
            shell[0],
        ];
        shop.0.dkr(&shop.0.path("place"), args).ok().stdout
    } else {
        IN_CONTAINERS
            .replace("/run/dkr/uv-shim", SCRIPT)
            .replace("/workspace/Containerfile.recorded", "\"$RECORDED\"")
    };
    let functions = shop.0.file("functions", text);
    let mut command = shop.command(shell[0]);
    command.env("RECORDED", shop.file()).args(&shell[1..]);
    let script = format!(". {}\n{script}", functions.display());
    command.args(["-c", &script]);
    command
}

#[test]
fn in_every_shell_the_call_is_the_tool_s_own_and_is_recorded() {
    let shells: [&[&str]; 5] = [
        &["bash"],
        &["zsh"],
        &["fish"],
        &["dash"],
        &["busybox", "sh"],
    ];
    for shell in shells {
        let shop = Shop::new();
        shop.0
            .script("bin/pip3", "cat; echo out; echo err >&2; exit ${CODE:-0}");
        let quoted = "uv add 'a b' '$HOME' '\"q\"' '*' '`id`'";
        outcome(&mut with_functions(&shop, shell, quoted)).ok();
        assert_eq!(
            shop.calls(),
            ["add", "a b", "$HOME", "\"q\"", "*", "`id`"],
            "{shell:?}"
        );
        shop.replay();
        assert_eq!(
            shop.calls(),
            ["add", "a b", "$HOME", "\"q\"", "*", "`id`"],
            "{shell:?}"
        );

        let before = shop.recorded();
        let mut command = with_functions(&shop, shell, "pip3 install x");
        let failed = outcome(command.env("CODE", "42")).exits(42);
        assert_eq!(
            (failed.stdout.as_str(), failed.stderr.as_str()),
            ("out\n", "err\n")
        );
        assert_eq!(shop.recorded(), before, "{shell:?}");

        let mut command = with_functions(&shop, shell, "pip3 install x");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"in\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"in\nout\n"[..], &b"err\n"[..])
        );

        let python = "python3 -c 1; python3; python3 -m pip install y; python3 -m venv .v";
        outcome(&mut with_functions(&shop, shell, python)).ok();
        let place = "cd [ROOT]/place && [ROOT]/bin";
        assert_eq!(
            shop.lines()[1..],
            [
                "RUN [ROOT]/bin/pip3 install x".to_owned(),
                "RUN [ROOT]/bin/python3 -m pip install y".to_owned(),
                format!("RUN {place}/python3 -m venv .v"),
            ],
            "{shell:?}"
        );
    }
}

/// Whether an alias of the same name is in the way when the functions are defined.
#[test]
fn aliases_of_the_same_name_are_no_hindrance() {
    for shell in ["bash", "zsh"] {
        let shop = Shop::new();
        let args = [
            "overlay",
            "shim",
            "--containerfile=../Containerfile",
            "--shell",
            shell,
        ];
        let text = shop.0.dkr(&shop.0.path("place"), args).ok().stdout;
        let functions = shop.0.file("functions", text);
        let script = format!(
            "[ -z \"$BASH_VERSION\" ] || shopt -s expand_aliases\nalias uv='uv --quiet'\n\
             eval \"$(cat {})\"\neval 'uv add x'\n",
            functions.display()
        );
        outcome(shop.command(shell).args(["-c", &script])).ok();
        assert_eq!(shop.calls(), ["--quiet", "add", "x"], "{shell}");
        assert_eq!(shop.lines(), ["RUN cd [ROOT]/place && [ROOT]/bin/uv add x"]);
    }
}

#[test]
fn what_is_recorded() {
    let cases: [(&str, &[&str], &str); 22] = [
        (
            "",
            &["pip", "install", "flask"],
            "RUN [ROOT]/bin/pip install flask",
        ),
        (
            "",
            &[
                "pip",
                "-q",
                "--log",
                "x",
                "install",
                "-Uqq",
                "--proxy=u:p@h",
                "a",
            ],
            "RUN [ROOT]/bin/pip install -U a",
        ),
        (
            "",
            &["pip", "install", "-tlibs", "a"],
            "RUN cd [ROOT]/place && [ROOT]/bin/pip install -t libs a",
        ),
        (
            "",
            &["pip", "install", "--target=/l", "a[b]<3"],
            "RUN [ROOT]/bin/pip install --target=/l 'a[b]<3'",
        ),
        (
            "",
            &["pip", "install", "a @ https://h/a.zip"],
            "RUN [ROOT]/bin/pip install 'a @ https://h/a.zip'",
        ),
        (
            "",
            &["pip", "install", "git+ssh://git@h/a.git@v1"],
            "RUN [ROOT]/bin/pip install git+ssh://git@h/a.git@v1",
        ),
        (
            "",
            &["pip", "uninstall", "a"],
            "RUN [ROOT]/bin/pip uninstall -y a",
        ),
        (
            "",
            &["pip", "uninstall", "--yes", "a"],
            "RUN [ROOT]/bin/pip uninstall -y a",
        ),
        (
            "PIP_INDEX_URL=https://h/s",
            &["pip", "install", "a"],
            "RUN PIP_INDEX_URL=https://h/s [ROOT]/bin/pip install a",
        ),
        (
            "UV_INDEX_URL=https://h/s",
            &["pip", "install", "a"],
            "RUN [ROOT]/bin/pip install a",
        ),
        (
            "",
            &["uv", "--quiet", "pip", "install", "a"],
            "RUN cd [ROOT]/place && [ROOT]/bin/uv pip install a",
        ),
        (
            "",
            &["uv", "pip", "install", "--system", "a"],
            "RUN [ROOT]/bin/uv pip install --system a",
        ),
        (
            "VIRTUAL_ENV=/v w",
            &["uv", "pip", "install", "a"],
            "RUN VIRTUAL_ENV='/v w' [ROOT]/bin/uv pip install a",
        ),
        (
            "VIRTUAL_ENV=/v",
            &["uv", "add", "a"],
            "RUN cd [ROOT]/place && [ROOT]/bin/uv add a",
        ),
        (
            "VIRTUAL_ENV=/v",
            &["uv", "sync", "--active"],
            "RUN cd [ROOT]/place && VIRTUAL_ENV=/v [ROOT]/bin/uv sync --active",
        ),
        (
            "VIRTUAL_ENV=/v",
            &["pip", "install", "a"],
            "RUN [ROOT]/bin/pip install a",
        ),
        (
            "",
            &["uv", "tool", "install", "-p", "3.12", "a"],
            "RUN [ROOT]/bin/uv tool install -p 3.12 a",
        ),
        (
            "",
            &["uv", "venv", "-c", "./v"],
            "RUN cd [ROOT]/place && [ROOT]/bin/uv venv -c ./v",
        ),
        (
            "",
            &["uv", "remove", "a"],
            "RUN cd [ROOT]/place && [ROOT]/bin/uv remove a",
        ),
        (
            "",
            &["uv", "add", "-C", "a=b/c", "--branch", "x/y", "a"],
            "RUN cd [ROOT]/place && [ROOT]/bin/uv add -C a=b/c --branch x/y a",
        ),
        (
            "",
            &["uv", "python", "install", "3.12"],
            "RUN [ROOT]/bin/uv python install 3.12",
        ),
        (
            "",
            &["uv", "pip", "install", "--", "a"],
            "RUN cd [ROOT]/place && [ROOT]/bin/uv pip install -- a",
        ),
    ];
    let shop = Shop::new();
    for interpreter in INTERPRETERS {
        for (variable, args, line) in cases {
            let _ = std::fs::remove_file(shop.file());
            let mut command = shop.shim_in(interpreter, args);
            command.envs(variable.split_once('='));
            let said = outcome(&mut command).ok();
            assert_eq!(
                shop.lines(),
                [line],
                "{interpreter:?} {args:?} {}",
                said.stderr
            );
            assert_eq!(shop.calls(), args[1..], "{interpreter:?}");
        }
    }
}

#[test]
fn what_does_not_change_the_environment_is_not_recorded_and_is_the_tool_itself() {
    let shop = Shop::new();
    let cases: [&[&str]; 9] = [
        &["uv"],
        &["uv", "run", "pip", "install", "a"],
        &["uv", "pip", "list"],
        &["uv", "add", "--dry-run", "a"],
        &["uv", "sync", "--check"],
        &["pip", "install", "--help"],
        &["pip", "--python", "install", "list"],
        &["pip", "download", "a"],
        &["python3", "-m", "pip", "freeze"],
    ];
    for interpreter in INTERPRETERS {
        for args in cases {
            outcome(&mut shop.shim_in(interpreter, args))
                .ok()
                .never_says("dkr");
            assert_eq!(
                (shop.recorded().as_str(), shop.calls()),
                ("", words(&args[1..])),
                "{args:?}"
            );
        }
    }
    shop.0.script("bin/uv", "echo $$");
    let child = shop
        .shim(&["uv", "run"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        id.to_string()
    );
    let missing = outcome(shop.shim(&["uv", "run"]).env("PATH", "/nowhere:/bin/no")).code;
    assert_ne!(missing, Some(0));
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn what_would_not_do_the_same_again_is_refused_with_a_reason() {
    let shop = Shop::new();
    shop.0.file("place/nested.txt", "a\n-r other.txt\n");
    shop.0.file("place/editable.txt", "-e .\n");
    shop.0
        .file("place/variable.txt", "a @ https://${TOKEN}@h/a\n");
    shop.0.file("place/path.txt", "a @ ./a.whl\n");
    shop.0.file(
        "place/secret.txt",
        "--index-url https://me:hunter2@h/s\na\n",
    );
    shop.0.file("place/big.txt", "a==1\n".repeat(20_000));
    shop.0.file("project/pyproject.toml", "");
    let project = shop.0.path("project");
    let project = project.to_str().unwrap();
    let cases: [(&str, &[&str], &str); 30] = [
        ("", &["pip", "install", "-e", "."], "installed by -e"),
        (
            "",
            &["uv", "pip", "install", "--editable=../x"],
            "installed by --editable",
        ),
        ("", &["uv", "tool", "install", "-e", "x"], "installed by -e"),
        ("", &["pip", "install", "."], ". is a path"),
        ("", &["pip", "install", "./a[b]"], "./a[b] is a path"),
        ("", &["pip", "install", "sub/a"], "sub/a is a path"),
        ("", &["pip", "install", "a.whl"], "a.whl is a file"),
        (
            "",
            &["pip", "install", "/x/a-1.tar.gz"],
            "a-1.tar.gz is a file",
        ),
        ("", &["pip", "install", project], "is a path"),
        (
            "",
            &["pip", "install", "a @ file:///x/a"],
            "a file of this machine",
        ),
        (
            "",
            &["pip", "install", "-f", "wheels", "a"],
            "wheels is a folder",
        ),
        (
            "",
            &["uv", "add", "--index", "x=wheels", "a"],
            "wheels is a folder",
        ),
        (
            "",
            &["pip", "install", "-i", "https://me:hunter2@h/s", "a"],
            "credentials",
        ),
        (
            "",
            &["pip", "install", "--extra-index-url=https://hunter2@h", "a"],
            "credentials",
        ),
        (
            "",
            &["pip", "install", "git+https://hunter2@h/a"],
            "credentials",
        ),
        (
            "",
            &["pip", "install", "ssh://me:hunter2@h/a"],
            "credentials",
        ),
        (
            "",
            &["pip", "install", "https://h/a.zip?x=1&access_token=hunter2"],
            "credentials",
        ),
        (
            "",
            &["uv", "add", "--token", "hunter2", "a"],
            "--token is a secret",
        ),
        (
            "",
            &["uv", "add", "--password=hunter2", "a"],
            "--password is a secret",
        ),
        (
            "UV_EXTRA_INDEX_URL=https://a https://me:hunter2@h",
            &["uv", "add", "a"],
            "credentials",
        ),
        (
            "PIP_CONSTRAINT=c.txt",
            &["pip", "install", "a"],
            "PIP_CONSTRAINT names a file",
        ),
        ("", &["uv", "add", "--script", "x.py", "a"], "a script"),
        (
            "",
            &["pip", "install", "-r", "nested.txt"],
            "names another file",
        ),
        ("", &["pip", "install", "-reditable.txt"], "editable"),
        ("", &["pip", "install", "-Ur", "variable.txt"], "variable"),
        (
            "",
            &["uv", "pip", "install", "-c", "path.txt", "a"],
            "./a.whl is a path",
        ),
        ("", &["uv", "pip", "sync", "secret.txt"], "credentials"),
        ("", &["uv", "add", "-r", "big.txt"], "too long"),
        (
            "",
            &["uv", "pip", "install", "-r", "pyproject.toml"],
            "describes a project",
        ),
        ("", &["pip", "install", "-r", "/dev/stdin"], "from a pipe"),
    ];
    for interpreter in INTERPRETERS {
        for (variable, args, reason) in cases {
            let mut command = shop.shim_in(interpreter, args);
            command.envs(variable.split_once('='));
            let said = outcome(&mut command).ok();
            assert!(
                said.stderr.starts_with("dkr: not recorded: "),
                "{args:?} {}",
                said.stderr
            );
            assert_eq!(said.stderr.lines().count(), 1);
            said.says(reason).never_says("hunter2");
            assert_eq!(
                (shop.recorded().as_str(), shop.calls()),
                ("", words(&args[1..]))
            );
        }
    }
    for odd in ["a\nRUN evil", "a\rb", "a\tb", "\u{1b}[2J"] {
        let said = outcome(&mut shop.shim(&["pip", "install", odd])).ok();
        said.says("dkr: not recorded: an argument with a control character");
        assert_eq!(shop.recorded(), "");
    }
}

#[test]
fn files_of_requirements_become_part_of_the_line() {
    let shop = Shop::new();
    // It writes down what is in files, too.
    let tool = "for a; do case $a in /*) cat \"$a\" ;; esac; printf '%s\\n' \"$a\"; done | sed 's|/.*/|/|' >\"${0%/*}/../calls\"";
    shop.0.script("bin/pip", tool);
    shop.0.script("bin/uv", tool);
    let text = "# why\r\nflask==3.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb  # both\n\n\
                \trequests >= 2 ; python_version < '3.9'\n--require-hashes\na @ https://h/a.zip#sha256=00";
    shop.0.file("place/it's.txt", text);
    shop.0.file("c.txt", "urllib3<3\n");
    for interpreter in INTERPRETERS {
        let _ = std::fs::remove_file(shop.file());
        let args = [
            "pip",
            "install",
            "-r",
            "it's.txt",
            "--constraint=../c.txt",
            "x",
        ];
        outcome(&mut shop.shim_in(interpreter, &args)).ok();
        shop.replay();
        let expected = "install\n-r\nflask==3.0   --hash=sha256:aa   --hash=sha256:bb\n\
                        requests >= 2 ; python_version < '3.9'\n--require-hashes\na @ https://h/a.zip#sha256=00\n\
                        /1\n--constraint\nurllib3<3\n/2\nx\n";
        let squeeze = |text: &str| {
            text.split(' ')
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let called = std::fs::read_to_string(shop.0.path("calls")).unwrap();
        // The addresses lose their slashes to what hides the temporary folder.
        let expected = expected.replace("https://h/a.zip#sha256=00", "https:/a.zip#sha256=00");
        assert_eq!(squeeze(&called), squeeze(&expected), "{interpreter:?}");

        let _ = std::fs::remove_file(shop.file());
        outcome(&mut shop.shim_in(interpreter, &["uv", "pip", "sync", "../c.txt"])).ok();
        shop.replay();
        let called = std::fs::read_to_string(shop.0.path("calls")).unwrap();
        assert_eq!(called, "pip\nsync\nurllib3<3\n/1\n");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever the arguments: refused, or one instruction that calls the tool with the same.
    #[test]
    fn arguments_come_back_as_they_were(
        args in prop::collection::vec("a[ -~é日\u{1F600}]{0,12}|a(<<|[\"'$\\\\`#]){1,4}|<<E", 1..4),
        which in 0..3_usize,
    ) {
        let shop = Shop::new();
        let args: Vec<&str> = ["pip", "install"].into_iter().chain(args.iter().map(String::as_str)).collect();
        let said = outcome(&mut shop.shim_in(INTERPRETERS[which], &args)).ok();
        prop_assert_eq!(shop.calls(), words(&args[1..]));
        if said.stderr.is_empty() {
            prop_assert_eq!(split(&shop.recorded()).len(), 1);
            shop.replay();
            prop_assert_eq!(shop.calls(), words(&args[1..]));
        } else {
            prop_assert_eq!(shop.recorded(), "");
        }
    }
}

#[test]
fn a_line_is_recorded_once_as_long_as_it_would_change_nothing() {
    let shop = Shop::new();
    let record = |args: &[&str]| {
        outcome(&mut shop.shim(args)).ok();
        shop.recorded().lines().count()
    };
    assert_eq!(record(&["pip", "install", "a==1"]), 1);
    assert_eq!(record(&["pip", "install", "--quiet", "a==1"]), 1);
    assert_eq!(record(&["pip", "install", "a-b"]), 2);
    assert_eq!(record(&["pip", "install", "a==1"]), 2);
    // Another version of the same, and back.
    assert_eq!(record(&["pip", "install", "a==2"]), 3);
    assert_eq!(record(&["pip", "install", "a==1"]), 4);
    assert_eq!(record(&["pip", "install", "a==1"]), 4);
    assert_eq!(record(&["pip", "uninstall", "z"]), 5);
    assert_eq!(record(&["pip", "install", "a-b"]), 6);
}

#[test]
fn the_file_s_last_line_is_not_spoilt() {
    let line = |shop: &Shop| format!("RUN {}/bin/pip install a\n", shop.0.root().display());
    for interpreter in INTERPRETERS {
        let shop = Shop::new();
        let record = |text: &str| {
            std::fs::write(shop.file(), text).unwrap();
            let said = outcome(&mut shop.shim_in(interpreter, &["pip", "install", "a"])).ok();
            (said, shop.recorded())
        };
        for whole in [
            "",
            "RUN b\n",
            "RUN b \\\n # c\n\n && c\n\n",
            "RUN <<-'E' cat\n \\\nx\n\tE\n",
            "COPY <<A <<B /\nA\nB\n",
            "# \\\n",
            "RUN cat <<<x\n",
            "RUN b\r\n",
        ] {
            assert_eq!(
                record(whole).1,
                format!("{whole}{}", line(&shop)),
                "{interpreter:?}"
            );
        }
        assert_eq!(record("RUN b").1, format!("RUN b\n{}", line(&shop)));
        for open in [
            "RUN b \\\n",
            "RUN b \\",
            "RUN b \\\n# c\n",
            "RUN <<E cat\nx\n",
            "COPY <<A <<B /\nA\n",
            "run cat \\\n <<\"E\"\n",
        ] {
            let (said, text) = record(open);
            said.says("ends in the middle of an instruction");
            assert_eq!(text, open, "{interpreter:?}");
            assert!(split(open)[0].unfinished.is_some());
        }
        // Text that looks like the line and is none.
        let inside = format!("RUN <<E cat\n{}E\n", line(&shop));
        assert_eq!(record(&inside).1, format!("{inside}{}", line(&shop)));
    }
}

#[test]
fn places_that_are_no_files() {
    let shop = Shop::new();
    let record = |file: &Path| {
        let mut command = shop.command("dash");
        command.arg(SCRIPT).arg(file).args(["pip", "install", "a"]);
        outcome(&mut command).ok()
    };
    record(&shop.0.path("place")).says("is not a file");
    record(&shop.0.path("no/such/file")).says("cannot write");
    let link = shop.0.path("link");
    std::os::unix::fs::symlink("place/real", &link).unwrap();
    record(&link);
    let real = std::fs::read_to_string(shop.0.path("place/real")).unwrap();
    assert!(real.starts_with("RUN ") && link.is_symlink(), "{real}");
}

#[test]
fn two_at_once_lose_no_line_and_record_once() {
    for interpreter in INTERPRETERS {
        let shop = Shop::new();
        std::fs::write(shop.file(), "RUN first").unwrap();
        let names: Vec<String> = (0..24)
            .map(|number| format!("p{}-{}", number / 2, "x".repeat(3000)))
            .collect();
        let start = |name: &String| {
            shop.shim_in(interpreter, &["pip", "install", name])
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = names.iter().map(start).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let mut lines = shop.lines();
        lines.sort();
        let mut expected: Vec<String> = names
            .iter()
            .step_by(2)
            .map(|name| format!("RUN [ROOT]/bin/pip install {name}"))
            .collect();
        expected.push("RUN first".to_owned());
        expected.sort();
        assert_eq!(lines, expected, "{interpreter:?}");
    }
}

/// Where there is no `flock`.
#[test]
fn a_lock_of_one_that_was_killed_holds_nobody_up() {
    let shop = Shop::new();
    for tool in ["dash", "dd", "ln", "readlink", "rm", "sleep", "iconv"] {
        let found = crate::common::run(Command::new("sh").args(["-c", "command -v \"$0\"", tool]));
        std::os::unix::fs::symlink(found, shop.0.path("bin").join(tool)).unwrap();
    }
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let lock = shop.0.path("Containerfile.lock");
    std::os::unix::fs::symlink(gone.id().to_string(), &lock).unwrap();
    let record = |name: &str| {
        let mut command = shop.shim(&["pip", "install", name]);
        command.env("PATH", shop.0.path("bin"));
        command
    };
    outcome(&mut record("a")).ok();
    assert_eq!(shop.lines(), ["RUN [ROOT]/bin/pip install a"]);
    assert!(!lock.is_symlink());
    let children: Vec<_> = (0..4).map(|_| record("b").spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(shop.lines().len(), 2);
    assert!(!lock.is_symlink());
}

#[test]
fn killed_while_the_tool_runs_nothing_is_recorded() {
    let shop = Shop::new();
    shop.0.script("bin/pip", "echo $$; read go; exit 0");
    for signal in [Signal::KILL, Signal::TERM] {
        let mut running = spawn(shop.shim(&["pip", "install", "a"]));
        running.prints("\n");
        running.signal(signal);
        wait_until("its end", || !running.is_running());
        drop(running);
        assert_eq!(shop.recorded(), "");
    }
    let mut running = spawn(shop.shim(&["pip", "install", "a"]));
    running.reads("go\n");
    running.finish().ok();
    assert_eq!(shop.lines(), ["RUN [ROOT]/bin/pip install a"]);
}

#[test]
fn at_a_terminal_ctrl_c_is_the_tool_s_and_success_is_told() {
    let shop = Shop::new();
    shop.0.script(
        "bin/pip",
        "trap 'echo got-it; exit 7' INT; echo ready-$((40 + 2)); while [ -t 0 ]; do sleep 0.1; done",
    );
    let mut session = terminal(shop.shim(&["pip", "install", "a"]));
    session
        .shows("ready-42")
        .presses(expectrl::ControlCode::EndOfText)
        .shows("got-it");
    assert_eq!(session.ends(), 7);
    assert_eq!(shop.recorded(), "");
    let told = format!("dkr: recorded in {}", shop.file().display());
    let shown = |args: &[&str]| terminal(shop.shim(args)).shows_in_all();
    assert!(shown(&["uv", "add", "a"]).contains(&told));
    assert_eq!(shown(&["uv", "add", "a"]), "");
}

#[test]
fn the_tool_sees_the_environment_of_the_shell() {
    let shop = Shop::new();
    shop.0.script(
        "bin/pip",
        "env | grep -v -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort >\"${0%/*}/../seen-$2\"",
    );
    let seen = |interpreter: Option<&[&str]>, name: &str| {
        let mut command = match interpreter {
            Some(interpreter) => shop.shim_in(interpreter, &["pip", "install", name]),
            None => shop.command("pip"),
        };
        for name in [
            "file", "line", "names", "reason", "value", "row", "ends", "place", "IFS", "name",
            "words",
        ] {
            command.env(name, "mine");
        }
        command.env("LC_ALL", "C.UTF-8").env("PIP_USER", "0");
        if interpreter.is_none() {
            command.args(["install", name]);
        }
        outcome(&mut command).ok();
        std::fs::read_to_string(shop.0.path(&format!("seen-{name}"))).unwrap()
    };
    let plain = seen(None, "plain");
    assert!(plain.contains("reason=mine"), "{plain}");
    for (number, interpreter) in INTERPRETERS.into_iter().enumerate() {
        let found = seen(Some(interpreter), &number.to_string());
        assert_eq!(found, plain, "{interpreter:?}");
    }
}

#[test]
fn a_path_that_cannot_be_printed_is_refused() {
    let sandbox = Sandbox::new();
    let found: Outcome = sandbox.dkr(
        sandbox.root(),
        ["overlay", "shim", "--shell=zsh", "--containerfile=a\nb"],
    );
    found.fails();
    let mut command = sandbox.dkr_command(sandbox.root(), ["overlay", "shim"]);
    outcome(command.env("SHELL", "/bin/nu"))
        .fails()
        .says("--shell");
    let mut command = sandbox.dkr_command(sandbox.root(), ["overlay", "shim"]);
    let found = outcome(command.env("SHELL", "/usr/bin/fish")).ok();
    let file = sandbox.path("Containerfile");
    assert!(
        found
            .stdout
            .contains(&format!("dkr-shim {} $argv", file.display()))
    );
    // Nothing of a run is left to chance: the text is the same from anywhere.
    let mut command = sandbox.dkr_command(sandbox.root(), ["overlay", "shim", "--shell=fish"]);
    command
        .arg("--containerfile")
        .arg(&file)
        .arg0("elsewhere")
        .current_dir("/");
    assert_eq!(outcome(&mut command).ok().stdout, found.stdout);
}

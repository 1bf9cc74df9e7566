//! The call of a tool stays its own: arguments, streams, exit code, environment.

use std::io::Write;
use std::process::Stdio;

use super::{INTERPRETERS, Shop, with_functions, words};
use crate::common::Sandbox;
use crate::common::dkr::{outcome, terminal};

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
fn at_a_terminal_ctrl_c_is_the_tool_s_and_success_is_told() {
    let shop = Shop::new();
    // A shell that has just forked can lose a signal: this one waits by itself.
    shop.0.script(
        "bin/pip",
        "trap 'echo got-it; exit 7' INT; echo ready-$((40 + 2)); while [ -t 0 ]; do read -r line; done",
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
            "file", "line", "names", "reason", "value", "row", "ends", "place", "name", "words",
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
    let mut command = shop.shim_in(&["/bin/sh"], &["uv", "run"]);
    outcome(command.env("PATH", "/nowhere")).exits(127);
}

#[test]
fn a_path_that_cannot_be_printed_is_refused() {
    let sandbox = Sandbox::new();
    let found = sandbox.dkr(
        sandbox.root(),
        ["record", "shim", "--shell=zsh", "--containerfile=a\nb"],
    );
    found.fails();
    let mut command = sandbox.dkr_command(sandbox.root(), ["record", "shim"]);
    outcome(command.env("SHELL", "/bin/nu"))
        .fails()
        .says("--shell");
    let mut command = sandbox.dkr_command(sandbox.root(), ["record", "shim"]);
    let found = outcome(command.env("SHELL", "/usr/bin/fish")).ok();
    let file = sandbox.path("Containerfile");
    assert!(
        found
            .stdout
            .contains(&format!("dkr-shim {} $argv", file.display()))
    );
    // Nothing of a run is left to chance: the text is the same from anywhere.
    let mut command = sandbox.dkr_command(sandbox.root(), ["record", "shim", "--shell=fish"]);
    command.arg("--containerfile").arg(&file).current_dir("/");
    assert_eq!(outcome(&mut command).ok().stdout, found.stdout);
}

//! Help, version and the manual.

use crate::common::dkr::{binary, outcome};
use crate::common::{Sandbox, run};

const COMMANDS: [&str; 9] = [
    "create-image",
    "update-image",
    "start-image",
    "list-images",
    "hooks",
    "build-profile",
    "doctor",
    "completions",
    "man",
];

#[test]
fn help_names_every_command_and_the_program_as_it_is_typed() {
    let sandbox = Sandbox::new();
    let shown = sandbox.dkr(sandbox.root(), ["--help"]).ok().stdout;
    for command in COMMANDS {
        assert!(shown.contains(&format!("\n  {command} ")), "{command}");
        let help = sandbox.dkr(sandbox.root(), [command, "--help"]).ok().stdout;
        assert!(
            help.contains(&format!("Usage: git dkr {command}")),
            "{help}"
        );
    }
}

#[test]
fn the_version_is_the_package_s() {
    let sandbox = Sandbox::new();
    let version = env!("CARGO_PKG_VERSION");
    let shown = sandbox.dkr(sandbox.root(), ["--version"]).ok().stdout;
    assert!(shown.contains(version), "{shown}");
}

#[test]
fn git_finds_it_as_a_command_of_its_own() {
    let sandbox = Sandbox::new();
    let directory = std::path::Path::new(binary()).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = sandbox.command("git");
    command.env("PATH", format!("{}:{path}", directory.display()));
    let shown = run(command.args(["dkr", "-h"]));
    assert!(shown.contains("Usage: git dkr"), "{shown}");
}

#[test]
fn aliases() {
    let sandbox = Sandbox::new();
    for (alias, command) in [
        ("ci", "create-image"),
        ("ui", "update-image"),
        ("si", "start-image"),
        ("start-container", "start-image"),
        ("sc", "start-image"),
        ("ls", "list-images"),
    ] {
        let help = |name: &str| sandbox.dkr(sandbox.root(), [name, "-h"]).ok().stdout;
        assert_eq!(help(alias), help(command));
    }
}

#[test]
fn what_is_not_known_exits_with_2() {
    let sandbox = Sandbox::new();
    let dkr = |args: &[&str]| sandbox.dkr(sandbox.root(), args).exits(2);
    dkr(&["create-image", "--no-such-flag"]).says("--no-such-flag");
    dkr(&["creat-image"]).says("create-image");
    dkr(&["create-image", "--objects=nonsense"]).says("[possible values: exact, all]");
    dkr(&["create-image", "--from="]).says("--from");
    dkr(&["create-image", "--print-dockerfile", "--format=json"]).says("cannot be used with");
    dkr(&["--quiet", "--verbose", "doctor"]).says("cannot be used with");
    dkr(&[]).says("Usage: git dkr");
}

#[test]
fn the_manual_is_rendered_without_a_complaint() {
    let sandbox = Sandbox::new();
    let page = sandbox.dkr(sandbox.root(), ["man"]).ok().stdout;
    assert!(page.contains(".TH git-dkr 1"), "{page}");
    let file = sandbox.file("git-dkr.1", &page);
    let mut command = sandbox.command("man");
    command
        .args(["--warnings", "--encoding=utf8", "-l"])
        .arg(&file)
        .env("MANWIDTH", "100");
    let Ok(found) = command.output() else {
        eprintln!("not rendered: there is no man here");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&found.stderr), "");
    // Letters that are struck twice are bold.
    let shown = regex::Regex::new(".\u{8}").unwrap();
    let text = String::from_utf8(found.stdout).unwrap();
    let text = shown.replace_all(&text, "");
    for part in COMMANDS
        .iter()
        .chain(&["--ssh-key", "--anthropic-key", "--print-dockerfile"])
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn help_and_version_need_nothing() {
    let sandbox = Sandbox::new();
    for args in [
        &["--version"][..],
        &["-h"],
        &["man"],
        &["completions", "fish"],
    ] {
        let mut command = sandbox.command(binary());
        outcome(command.env_clear().args(args)).ok();
    }
}

//! Completion scripts: printed for each shell, and in bash really used.

use std::path::Path;

use crate::common::{Sandbox, run};

const BASH_COMPLETION_OF_GIT: [&str; 2] = [
    "/usr/share/bash-completion/completions/git",
    "/usr/local/share/bash-completion/completions/git",
];

#[test]
fn each_shell_gets_one() {
    let sandbox = Sandbox::new();
    for (shell, mark) in [
        ("bash", "complete "),
        ("zsh", "#compdef git-dkr"),
        ("fish", "complete -c git-dkr"),
    ] {
        let script = sandbox
            .dkr(sandbox.root(), ["completions", shell])
            .ok()
            .stdout;
        assert!(script.contains(mark), "{shell}");
        assert!(script.contains("create-image"), "{shell}");
    }
    sandbox
        .dkr(sandbox.root(), ["completions", "no-such-shell"])
        .exits(2);
}

/// What bash offers for this line, with the TAB at its end. `before` is run first.
fn offers(sandbox: &Sandbox, before: &str, function: &str, line: &str) -> Vec<String> {
    let script = sandbox
        .dkr(sandbox.root(), ["completions", "bash"])
        .ok()
        .stdout;
    let file = sandbox.file("dkr.bash", script);
    let asks = r#"
        set -u
        line=$3
        eval "$1"
        source "$2"
        read -r -a COMP_WORDS <<<"$line"
        case $line in *' ') COMP_WORDS+=('') ;; esac
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line} COMP_TYPE=9 COMP_KEY=9
        COMPREPLY=()
        previous=$((COMP_CWORD > 0 ? COMP_CWORD - 1 : 0))
        set +u
        "$4" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[previous]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = sandbox.command("bash");
    command
        .args(["--norc", "-c", asks, "bash", before])
        .arg(file)
        .args([line, function]);
    let offers = run(&mut command);
    offers
        .lines()
        .map(|offer| offer.trim_end().to_owned())
        .collect()
}

#[test]
fn bash_completes_commands_and_flags_of_git_dkr() {
    let sandbox = Sandbox::new();
    // Declared to bash for the name that it sees on a line.
    let git = |line: &str| offers(&sandbox, "", "_git_dkr", line);
    assert_eq!(git("git dkr cr"), ["create-image"]);
    assert_eq!(git("git dkr start-image --anth"), ["--anthropic-key"]);
    assert_eq!(git("git -C /tmp dkr list-images --form"), ["--format"]);
    assert_eq!(git("git dkr list-images --format j"), ["json"]);
    for command in ["create-image", "update-image", "start-image", "list-images"] {
        assert!(git("git dkr ").contains(&command.to_owned()), "{command}");
    }
}

#[test]
fn bash_completes_the_program_under_its_own_name() {
    let sandbox = Sandbox::new();
    let script = "source \"$0\"; complete -p git-dkr";
    let file = sandbox.file(
        "dkr.bash",
        sandbox
            .dkr(sandbox.root(), ["completions", "bash"])
            .ok()
            .stdout,
    );
    let mut command = sandbox.command("bash");
    let declared = run(command.args(["--norc", "-c", script]).arg(file));
    let function = declared
        .split_whitespace()
        .skip_while(|word| *word != "-F")
        .nth(1)
        .unwrap();
    assert_eq!(
        offers(&sandbox, "", function, "git-dkr cr"),
        ["create-image"]
    );
    assert_eq!(
        offers(&sandbox, "", function, "git-dkr start-image --hostn"),
        ["--hostname"]
    );
}

#[test]
fn git_s_own_completion_finds_it() {
    let sandbox = Sandbox::new();
    let Some(gits) = BASH_COMPLETION_OF_GIT
        .iter()
        .find(|file| Path::new(file).exists())
    else {
        eprintln!("skipped: git's completion for bash is not installed");
        return;
    };
    let before = format!("set +u; source {gits}");
    let git = |line: &str| offers(&sandbox, &before, "__git_wrap__git_main", line);
    assert_eq!(git("git dkr cr"), ["create-image"]);
    assert_eq!(git("git -C /tmp dkr start-image --na"), ["--name"]);
}

#[test]
fn names_of_containers_are_offered_where_one_stands() {
    let sandbox = Sandbox::new();
    let names =
        "[ \"$*\" = 'list-containers --format names' ] && printf 'shop-1\\nshop-2\\nbox\\n'";
    sandbox.script("bin/git-dkr", names);
    let before = format!("PATH={}:$PATH", sandbox.path("bin").display());
    let git = |line: &str| offers(&sandbox, &before, "_git_dkr", line);
    assert_eq!(git("git dkr exec shop"), ["shop-1", "shop-2"]);
    assert_eq!(git("git dkr diff "), ["shop-1", "shop-2", "box"]);
    assert_eq!(git("git dkr logs --follow b"), ["box"]);
    assert_eq!(git("git dkr attach --eng"), ["--engine"]);
    let none = [""; 0];
    assert_eq!(git("git dkr exec box -- shop"), none);
    assert!(!git("git dkr list-images sho").contains(&"shop-1".to_owned()));
    for (shell, mark) in [
        ("zsh", ":_dkr_containers'"),
        (
            "fish",
            "__fish_git_dkr_using_subcommand exec\" -f -a '(git-dkr list-containers --format names 2>/dev/null)'",
        ),
    ] {
        let script = sandbox.dkr(sandbox.root(), ["completions", shell]).ok();
        assert!(script.stdout.contains(mark), "{}", script.stdout);
    }
}

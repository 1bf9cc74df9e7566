//! What is told from the text of a Containerfile alone: its key, its environment, its mistakes.

use std::process::Command;

use git_dkr::grammar::value;
use git_dkr::overlay::environment::Environment;
use proptest::prelude::*;

use crate::common::Sandbox;

#[test]
fn the_key_is_the_sha_256_of_the_bytes() {
    let place = Sandbox::new();
    place.file("Containerfile", "RUN true\n");
    place.file("more", "RUN false\n");
    let key = |args: &[&str]| place.dkr(place.root(), [&["overlay", "key"], args].concat());
    // As `sha256sum` prints it.
    let sum = "5f592643e08131e9d743877662aac76bbaf1505d2decb44868800a7ce7a7367f";
    assert_eq!(key(&[]).ok().stdout.trim_end(), sum);
    let both = key(&[
        "-f",
        "Containerfile",
        "-f",
        "more",
        "--name=arm",
        "--format=json",
    ])
    .ok();
    let both: serde_json::Value = serde_json::from_str(&both.stdout).unwrap();
    assert_eq!(both[0]["tag"], format!("layer-arm-{sum}"));
    assert_eq!(both[1]["file"], "more");
    let alone = key(&["-f", "more"]).ok().stdout;
    assert_ne!(both[1]["key"], alone.trim_end(), "it stands on the first");
    key(&["--name=../x"]).fails().says("cannot be the name");
}

/// Texts that people write are short, and what reads one may need a hundred times as much.
#[test]
fn a_text_that_nobody_has_written_is_refused_by_its_size() {
    let place = Sandbox::new();
    let large = "# x\n".repeat(300_000);
    place.file("large", &large);
    let key = place.dkr(place.root(), ["overlay", "key", "-f", "large"]);
    key.fails()
        .says("large is too large: at most 1.0 MB are read, and it has 1.2 MB");
}

#[test]
fn the_file_is_here_or_at_the_top_of_the_repository() {
    let place = Sandbox::new();
    let repo = place.repo();
    let key = |directory: &str| place.dkr(&repo.path.join(directory), ["overlay", "key"]);
    std::fs::create_dir(repo.path.join("sub")).unwrap();
    key("sub").fails().says("there is no Containerfile");
    std::fs::write(repo.path.join("Containerfile"), "RUN true\n").unwrap();
    let top = key("sub").ok().stdout;
    assert_eq!(top, key("").ok().stdout);
    std::fs::write(repo.path.join("sub/Containerfile"), "RUN false\n").unwrap();
    assert_ne!(top, key("sub").ok().stdout);
    // A linked worktree has its own.
    repo.git(["worktree", "add", "--quiet", "../linked", "-b", "linked"]);
    let linked = repo.path.parent().unwrap().join("linked");
    std::fs::create_dir(linked.join("sub")).unwrap();
    std::fs::write(linked.join("Containerfile"), "RUN linked\n").unwrap();
    let of_linked = place
        .dkr(&linked.join("sub"), ["overlay", "key"])
        .ok()
        .stdout;
    assert_ne!(top, of_linked);
    // Git keeps out of what is somebody else's.
    std::os::unix::fs::chown(&linked, Some(1234), Some(1234)).unwrap();
    let kept_out = place.dkr(&linked.join("sub"), ["overlay", "key"]).fails();
    kept_out.says("dubious ownership").says("safe.directory");
}

#[test]
fn all_mistakes_of_all_files_come_at_once() {
    let place = Sandbox::new();
    place.file("one", "RUNN x\nCOPY a b\n");
    place.file("two", "ENV\n");
    let args = ["overlay", "env", "-f", "one", "-f", "two"];
    let outcome = place.dkr(place.root(), args).fails();
    for line in ["one:1:1: `RUNN`", "one:2:1: COPY", "two:1:4: ENV takes"] {
        outcome.says(line);
    }
}

#[test]
fn the_environment_in_each_shell() {
    let place = Sandbox::new();
    place.file(
        "one",
        "ENV GREETING=\"it's \\\"$NAME\\\"\" PATH=/opt/bin:$PATH\n",
    );
    place.file("two", "ENV PATH=/more:$PATH\n");
    let text = |shell: &str| {
        let args = ["overlay", "env", "-f", "one", "-f", "two", "--shell", shell];
        let mut command = place.dkr_command(place.root(), args);
        let output = command
            .env("NAME", "Ada")
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let expected = "it's \"Ada\"\n/more:/opt/bin:/usr/bin:/bin\n";
    for shell in ["sh", "bash", "zsh", "fish"] {
        let functions = text(if shell == "fish" { "fish" } else { "sh" });
        let output = Command::new(shell)
            .args(["-c", &format!("{functions}printenv GREETING PATH")])
            .env_clear()
            .envs([("NAME", "Ada"), ("PATH", "/usr/bin:/bin"), ("HOME", "/")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{shell}");
    }
    let values: serde_json::Value = serde_json::from_str(&text("json")).unwrap();
    assert_eq!(values["GREETING"], "it's \"Ada\"");
}

#[test]
fn what_is_required_and_missing_is_said() {
    let place = Sandbox::new();
    place.file("Containerfile", "ENV A=${NEVER_SET:?give one}\n");
    let outcome = place.dkr(place.root(), ["overlay", "env", "--shell=json"]);
    outcome.exits(1).says("NEVER_SET: give one");
}

#[test]
fn a_quote_behind_a_condition_closes_nothing() {
    let place = Sandbox::new();
    place.file("one", "ENV ONE=${NO+it\\'s}.${HOME+it\\'s}\n");
    let args = ["overlay", "env", "-f", "one", "--shell=sh"];
    let text = place.dkr(place.root(), args).ok().stdout;
    for shell in ["sh", "bash", "zsh"] {
        let mut command = Command::new(shell);
        command.args(["-c", &format!("{text}printenv ONE")]);
        let output = command.env_remove("NO").env("HOME", "/").output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            ".it's\n",
            "{shell}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A shell makes of our text what we make of it ourselves.
    #[test]
    fn a_shell_reads_the_values_that_we_compute(
        first in "([$]A|[$][{]A:-x[}]|[$][{]NO[+:-]*|[}]|x|'|\"|\\\\| |`|;|é|!){0,12}",
        second in "([$]A|[$]ONE|[$][{]ONE:[+]y[}]|[$][{]NO-[}]|[$][{]NO:-[$]A[}]|z| |[*]){0,12}",
    ) {
        let (one, two) = (value(&first), value(&second));
        prop_assume!(one.is_ok() && two.is_ok());
        let (one, two) = (one.unwrap(), two.unwrap());
        let mut environment = Environment::default();
        environment.set(&[("ONE".to_owned(), one)]).unwrap();
        environment.set(&[("TWO".to_owned(), two)]).unwrap();
        let machine = |name: &str| (name == "A").then(|| "a  \"b'\\".to_owned());
        let values = environment.values(&machine).unwrap();
        let expected: String = values.iter().map(|(_, value)| format!("{value}\n")).collect();
        for shell in ["sh", "bash"] {
            let script = format!("{}printenv ONE TWO", environment.posix());
            let output = Command::new(shell)
                .args(["-c", &script])
                .env_clear()
                .envs([("A", machine("A").unwrap()), ("PATH", "/usr/bin:/bin".to_owned())])
                .output()
                .unwrap();
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), expected.clone(), "{}: {}", shell, script);
        }
    }
}

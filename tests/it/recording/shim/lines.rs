//! What is recorded, and what is refused with a reason.

use git_dkr::grammar::split;
use proptest::prelude::*;

use super::{INTERPRETERS, Shop, words};
use crate::common::dkr::outcome;

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
            "wheels is a directory",
        ),
        (
            "",
            &["uv", "add", "--index", "x=wheels", "a"],
            "wheels is a directory",
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
            "PIP_CONSTRAINT names what",
        ),
        ("", &["uv", "add", "--script", "x.py", "a"], "a script"),
        (
            "",
            &["pip", "install", "-r", "nested.txt"],
            "names another file",
        ),
        (
            "",
            &["pip", "install", "--requirem", "editable.txt"],
            "editable",
        ),
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
        // The addresses lose their slashes to what hides the temporary directory.
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

use super::super::RunCommand;
use super::*;

fn read(text: &str) -> Containerfile {
    Containerfile::parse("Containerfile", text.as_bytes()).unwrap()
}

fn diagnostics(text: &str) -> String {
    let read = Containerfile::parse("Containerfile", text.as_bytes());
    let lines = |diagnostics: Vec<Diagnostic>| {
        let lines: Vec<String> = diagnostics.iter().map(Diagnostic::to_string).collect();
        lines.join("\n")
    };
    read.map_or_else(lines, |read| format!("{read:?}"))
}

/// The one step's command.
fn run(text: &str) -> RunCommand {
    match read(text).steps.remove(0).action {
        StepAction::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

fn shell(text: &str) -> RunCommand {
    RunCommand::Shell(text.to_owned())
}

/// What the one `ENV` sets, where `A` is `a`.
fn env(text: &str) -> Vec<(String, String)> {
    let get = |name: &str| (name == "A").then(|| "a".to_owned());
    match read(text).steps.remove(0).action {
        StepAction::Env(pairs) => pairs
            .into_iter()
            .map(|(name, word)| (name, word.expand(&get).unwrap()))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_one() {
    let text = concat!(
        "# syntax=docker/dockerfile:1\n",
        "FROM debian\n",
        "from other\n",
        "env A=1 \\\n",
        "  # a comment\n",
        "  B=\"2 $A\"\n",
        "WORKDIR /srv/$A\n",
        "RUN --mount=type=cache,target=/x --network=none apt-get update \\\n",
        "    && apt-get install -y jq\n",
        "FETCH --chmod=755 https://example.com/tool /usr/local/bin/\n",
        "SNAPSHOT /opt \"/srv/with space\"\n",
        "CMD [\"x\"]\n",
    );
    insta::assert_debug_snapshot!(read(text));
}

#[test]
fn env_in_its_forms() {
    let pairs = |expected: &[(&str, &str)]| {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        expected.iter().map(own).collect::<Vec<_>>()
    };
    assert_eq!(
        env("ENV X=1 Y='2 3' Z="),
        pairs(&[("X", "1"), ("Y", "2 3"), ("Z", "")])
    );
    assert_eq!(env("ENV X a  \"b\" $A\\ c "), pairs(&[("X", "a  b a c")]));
    assert_eq!(env("ENV X=${B:-x}/${A}"), pairs(&[("X", "x/a")]));
    assert_eq!(env("ENV X=a=b"), pairs(&[("X", "a=b")]));
    assert_eq!(
        env("ENV A=b B=$A"),
        pairs(&[("A", "b"), ("B", "a")]),
        "all at once"
    );
}

#[test]
fn run_in_its_forms() {
    assert_eq!(run("RUN a \\\n  b\n"), shell("a   b"));
    assert_eq!(run("RUN a \\\r\n b\r\n"), shell("a  b"));
    assert_eq!(
        run("RUN [\"a\", \"b c\"]"),
        RunCommand::Exec(vec!["a".into(), "b c".into()])
    );
    assert_eq!(run("RUN [ -f x ] || y"), shell("[ -f x ] || y"));
    assert_eq!(run("RUN <<EOF\na\n  b\nEOF\n"), shell("a\n  b\n"));
    assert_eq!(run("RUN <<-EOF\n\ta\n\tEOF\n"), shell("a\n"));
    assert_eq!(
        run("RUN <<EOF\n#!/usr/bin/python3\nprint(1)\nEOF\n"),
        RunCommand::Script("#!/usr/bin/python3\nprint(1)\n".into())
    );
    assert_eq!(
        run("RUN cat <<A >/x && cat <<'B'\n1\nA\n$2\nB\n"),
        shell("cat <<A >/x && cat <<'B'\n1\nA\n$2\nB")
    );
    assert_eq!(run("RUN <<EOF\r\na\r\nEOF\r\n"), shell("a\n"));
}

#[test]
fn a_mark_at_the_start_is_none_of_it() {
    assert_eq!(run("\u{feff}RUN é"), shell("é"));
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = concat!(
        "RUNN a\n",
        "COPY . /x\n",
        "ENV\n",
        "ENV 1A=x\n",
        "ENV A=1 \\\n",
        "    B\n",
        "ENV A \"x\n",
        "ENV A=${B%x}\n",
        "WORKDIR\n",
        "WORKDIR /a /b\n",
        "FETCH ftp://x /y\n",
        "FETCH https://example.com/x\n",
        "FETCH --sha256=12 https://example.com/x /y\n",
        "FETCH --chmod=9 https://example.com/x /y\n",
        "FETCH --check=9 https://example.com/x /y\n",
        "SNAPSHOT\n",
        "RUN\n",
        "RUN --mount=type=secret,id=x cat /run/secrets/x\n",
        "RUN ['a']\n",
        "RUN [\"\"]\n",
        "NOTHING x\n",
        "RUN <<EOF\n",
        "never ends\n",
    );
    insta::assert_snapshot!(diagnostics(text));
}

#[test]
fn files_that_are_none() {
    insta::assert_snapshot!(diagnostics(""), @"Containerfile: there is no step in it: no RUN, ENV, WORKDIR, FETCH or SNAPSHOT");
    insta::assert_snapshot!(diagnostics("# escape=`\nRUN a"), @"Containerfile:1:1: only a backslash continues a line here: take this directive out");
    let bytes = Containerfile::parse("Containerfile", b"RUN a\nRUN \xff\n");
    insta::assert_snapshot!(bytes.unwrap_err()[0], @"Containerfile:2:5: this is not UTF-8");
}

/// Where each is, is counted from the beginning of the file.
#[test]
fn so_many_mistakes_are_told_and_no_more() {
    let text = "x\n".repeat(300_000);
    let told = Containerfile::parse("Containerfile", text.as_bytes());
    assert_eq!(told.unwrap_err().len(), MOST_DIAGNOSTICS);
}

proptest::proptest! {
    #[test]
    fn anything_can_be_read(
        text in "(?s)(RUN|ENV|FETCH|WORKDIR|SNAPSHOT|FROM|<<E|E|\n|\r\n| |#|\\\\|=|\"|'|[$]|[{]|[}]|\\[|\\]|--mount|https://x/|/|é|\u{0}){0,40}",
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60),
    ) {
        let _ = Containerfile::parse("f", text.as_bytes());
        let _ = Containerfile::parse("f", &bytes);
    }
}

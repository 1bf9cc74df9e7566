//! `run_args`: what else the engine is told. Only the user says that: it can give a container anything.

use super::values::split_words;

/// What git dkr says itself, with what to use instead.
const OWN: [(&[&str], &str); 14] = [
    (&["--name", "--hostname", "-h"], "use --hostname"),
    (&["--network", "--net"], "use `network` (--network)"),
    (&["--user", "-u"], "use `user` (--user)"),
    (&["--cpus"], "use `cpus` (--cpus)"),
    (&["--memory", "-m"], "use `memory` (--memory)"),
    (&["--gpus"], "use `gpus` (--gpus)"),
    (&["--publish", "-p"], "use `ports` (--publish)"),
    (&["--env", "-e"], "use `env` (--env)"),
    (&["--userns"], "use `user` (--user host)"),
    (
        &["--interactive", "-i", "--tty", "-t"],
        "there is a terminal when git dkr has one",
    ),
    (&["--detach", "-d"], "git dkr stays with its container"),
    (
        &["--rm", "--restart"],
        "a container is removed when its command ends",
    ),
    (&["--entrypoint", "--init"], "the command goes after --"),
    (&["--pull"], "only images that are here are started"),
];

/// Words, split as a shell does. The first is an option, and so is one of two that follow each other: what
/// is left over would be the image and its command.
pub(super) fn parse(text: &str) -> Result<Vec<String>, String> {
    let words = split_words(text)?;
    let mut after_option = false;
    for word in &words {
        let is_option = word.starts_with('-');
        if !is_option && !after_option || matches!(word.as_str(), "-" | "--") {
            return Err(format!(
                "`{word}` is no option of the engine, nor the value of one: write --option=value"
            ));
        }
        if let Some(advice) = is_option.then(|| own(word)).flatten() {
            let name = word.split('=').next().unwrap_or(word);
            return Err(format!("`{name}` is git dkr's own to say: {advice}"));
        }
        after_option = is_option;
    }
    Ok(words)
}

/// What to use instead of an option that git dkr says itself.
fn own(word: &str) -> Option<&'static str> {
    let name = match word.strip_prefix("--") {
        Some(_) => word.split('=').next().unwrap_or(word).to_owned(),
        // -p80:80 is -p 80:80, and -it is -i -t.
        None => word.chars().take(2).collect(),
    };
    let found = OWN.iter().find(|(names, _)| names.contains(&name.as_str()));
    found.map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let args = parse("--cap-add SYS_PTRACE --label='a b' -v /a:/b --privileged");
        let words = [
            "--cap-add",
            "SYS_PTRACE",
            "--label=a b",
            "-v",
            "/a:/b",
            "--privileged",
        ];
        assert_eq!(args.unwrap(), words);
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn what_git_dkr_says_itself_is_refused() {
        let bad = [
            "--name=x",
            "--net host",
            "-p80:80",
            "-it",
            "--rm",
            "alpine",
            "--cap-add A b",
            "--",
            "'open",
        ];
        let told = bad.map(|text| format!("{text}: {}", parse(text).unwrap_err()));
        insta::assert_snapshot!(told.join("\n"));
    }
}

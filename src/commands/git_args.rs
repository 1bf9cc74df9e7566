//! What is handed on to a git command that shows something.

use std::ffi::OsString;

use clap::Args;

use crate::error::Failure;

#[derive(Debug, Args)]
pub(super) struct GitArgs {
    /// An option of git's command, such as --stat
    #[arg(allow_hyphen_values = true, value_name = "OPTION")]
    options: Vec<OsString>,
    /// Show these alone
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<OsString>,
}

impl GitArgs {
    /// The options and the paths. A word between them would be a revision to git.
    pub(super) fn split(&self) -> Result<(&[OsString], Vec<&OsString>), Failure> {
        // Once there are options, clap takes the dashes before the paths for one, too.
        let dashes = self.options.iter().position(|word| word == "--");
        let (options, rest) = self.options.split_at(dashes.unwrap_or(self.options.len()));
        let paths = rest.iter().skip(1).chain(&self.paths).collect();
        let is_option = |word: &&OsString| word.as_encoded_bytes().starts_with(b"-");
        match options.iter().find(|word| !is_option(word)) {
            None => Ok((options, paths)),
            Some(word) => Err(Failure::new(format!(
                "{} is not an option",
                word.to_string_lossy()
            ))
            .hint(
                "paths go after --, and the value of an option behind an equals sign: --stat=80 -- src",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Probe {
        _name: String,
        #[command(flatten)]
        git: GitArgs,
    }

    #[test]
    fn paths_are_behind_the_dashes() {
        let split = |line: &str| {
            let words = std::iter::once("probe").chain(line.split(' '));
            let probe = Probe::try_parse_from(words).unwrap();
            let split = probe.git.split();
            split.map(|(options, paths)| format!("{options:?} {paths:?}"))
        };
        for (line, expected) in [
            ("box", "[] []"),
            ("box -- a", r#"[] ["a"]"#),
            ("box -- --a --", r#"[] ["--a", "--"]"#),
            ("box --stat", r#"["--stat"] []"#),
            ("box --stat -p -- a -b", r#"["--stat", "-p"] ["a", "-b"]"#),
        ] {
            assert_eq!(split(line).as_deref().ok(), Some(expected), "{line}");
        }
        for line in ["box main", "box --stat main -- a"] {
            let failure = split(line).unwrap_err();
            assert_eq!(failure.to_string(), "main is not an option");
        }
    }
}

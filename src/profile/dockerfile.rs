//! The Dockerfile of a profile: a pure function, so the same profile gives the same bytes.
//!
//! In values of variables references to others are expanded ([`env_value`]). A Dockerfile knows no
//! way to write a line break in one: it comes as the build argument [`NEWLINE`], which is always
//! the same. Commands are code, and meant to be; but one command is one RUN, whatever is in it.

use super::repo_profile::Profile;
use super::variant::Variant;
use crate::conf::ca;
use crate::grammar::{BACKSLASH, env_value};

/// The build argument that holds one line break.
pub(super) const NEWLINE: &str = "DKR_NEWLINE";
/// Always there.
const PACKAGES: &str = "git build-essential curl";
/// What building extensions needs besides.
const BUILDER: &str = "python3-dev libffi-dev";

/// What is different from one build to another beside the profile.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DockerfileOptions {
    pub variant: Variant,
    /// Whether extra CA certificates are at hand, as a build secret.
    pub ca: bool,
}

/// The image that a profile starts from.
pub(super) fn base(profile: &Profile) -> String {
    format!("python:{}-slim", profile.python)
}

/// Whether the build needs [`NEWLINE`].
pub(super) fn needs_newline(profile: &Profile) -> bool {
    profile.env.values().any(|value| value.contains('\n'))
}

pub(super) fn text(profile: &Profile, options: DockerfileOptions) -> String {
    let mount = if options.ca { ca::MOUNT } else { "" };
    let mut lines = vec![format!("FROM {}", base(profile))];
    if options.ca {
        let variable = |name| format!("ARG {name}={}", ca::MOUNTED);
        lines.extend(ca::VARIABLES.map(variable));
    }
    lines.push(format!("RUN {mount}{}", packages(profile, options.variant)));
    lines.push("WORKDIR /workspace".to_owned());
    lines.push("COPY . /workspace".to_owned());
    if needs_newline(profile) {
        lines.push(format!("ARG {NEWLINE}"));
    }
    for (name, value) in &profile.env {
        let value = env_value(value, BACKSLASH).replace('\n', &format!("${{{NEWLINE}}}"));
        lines.push(format!("ENV {name}={value}"));
    }
    for command in &profile.install {
        lines.push(format!("RUN {mount}{}", run(command)));
    }
    lines.join("\n") + "\n"
}

fn packages(profile: &Profile, variant: Variant) -> String {
    let mut steps = Vec::new();
    let (mut update, mut install) = ("apt-get update".to_owned(), "apt-get install".to_owned());
    if variant.archive {
        // Releases there have expired, and are still signed. What is gone is asked for no more.
        steps.push(concat!(
            r"find /etc/apt \( -name '*.list' -o -name '*.sources' \) -exec sed -i ",
            r"-e '/^deb.* [a-z]*-updates /d' -e '/^Suites:/s/ [a-z]*-updates//g' ",
            r"-e 's#https\{0,1\}://\(deb\|security\|httpredir\|ftp\)\.debian\.org/#http://archive.debian.org/#g' {} +"
        ).to_owned());
        update += " -o Acquire::Check-Valid-Until=false";
        if profile.allow_unverified_archive {
            update += " -o Acquire::AllowInsecureRepositories=true";
            install += " -o APT::Get::AllowUnauthenticated=true";
        }
    }
    let builder = if variant.builder {
        format!(" {BUILDER}")
    } else {
        String::new()
    };
    steps.push(update);
    steps.push(format!(
        "{install} -y --no-install-recommends {PACKAGES}{builder}"
    ));
    steps.push("rm -rf /var/lib/apt/lists/*".to_owned());
    steps.join(" && ")
}

/// A command as it is where that is one instruction, and else as the list of words that a shell is
/// started with, which can hold anything.
fn run(command: &str) -> String {
    let trimmed = command.trim();
    let plain = !trimmed.starts_with(['[', '-', '#'])
        && !trimmed.ends_with('\\')
        && !trimmed.contains("<<")
        && !trimmed.chars().any(char::is_control);
    if plain {
        return trimmed.to_owned();
    }
    let words = serde_json::json!(["/bin/sh", "-c", command]).to_string();
    // A reader of here-documents might see one in a string.
    words.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::super::repo_profile::parse;
    use super::*;

    fn of(json: &str) -> Profile {
        parse("p.json", json).unwrap()
    }

    const FULL: &str = r##"{"python_version_target": "3.12.4", "env": {"Z": "last", "A": "a\"b$c\\d #e\nf'g`h`", "PATH": "/x:$PATH"},
        "install_cmds": ["pip install -r requirements.txt", "pip install -e '.[dev]' && true",
        "cat <<EOF > /x\n$HOME\nEOF", "echo end \\", "[ -f x ] || true", "--mount=type=bind,target=/x ls", "# nothing", "echo \"é\" | tee '/a b'\t"]}"##;

    #[test]
    fn plain_and_with_everything() {
        let plain = of(r#"{"install_cmds": ["pip install -e ."]}"#);
        insta::assert_snapshot!(text(&plain, DockerfileOptions::default()));
        insta::assert_snapshot!(text(&of(FULL), DockerfileOptions::default()));
    }

    #[test]
    fn variants() {
        let profile = |unverified: bool| {
            of(&format!(
                r#"{{"install_cmds": ["true"], "allow_unverified_archive": {unverified}}}"#
            ))
        };
        let step = |profile: &Profile, builder, archive, ca| {
            let variant = Variant { builder, archive };
            text(profile, DockerfileOptions { variant, ca })
        };
        let builder = step(&profile(false), true, false, false);
        assert!(
            builder.contains("git build-essential curl python3-dev libffi-dev &&"),
            "{builder}"
        );
        let archive = step(&profile(false), false, true, false);
        assert!(archive.contains("archive.debian.org") && !archive.contains("AllowInsecure"));
        insta::assert_snapshot!(step(&profile(true), true, true, true));
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let one = of(r#"{"env": {"B": "2", "A": "1"}, "install_cmds": ["x"]}"#);
        let other = of(r#"{"install_cmds": ["x"], "env": {"A": "1", "B": "2"}}"#);
        let of = |profile| text(profile, DockerfileOptions::default());
        assert_eq!(of(&one), of(&other));
        assert_eq!(one.id, other.id);
    }

    proptest::proptest! {
        /// One command is one line, and a value leaves its quotes nowhere.
        #[test]
        fn nothing_becomes_another_instruction(command in "([a-z\\[\\]\\\\\n\r\t<>\"'$# -]|EOF|RUN|\\PC){1,30}", value in "([a-z_1\\\\\n\"$#{}' ]){0,20}") {
            proptest::prop_assume!(!command.trim().is_empty());
            let json = serde_json::json!({"install_cmds": [command], "env": {"A": value}});
            let profile = of(&json.to_string());
            let text = text(&profile, DockerfileOptions::default());
            let lines: Vec<&str> = text.split('\n').collect();
            let count = if value.contains('\n') { 8 } else { 7 };
            proptest::prop_assert_eq!(lines.len(), count, "{}", text);
            proptest::prop_assert!(!lines[count - 2].ends_with('\\'));
            let reference = regex::Regex::new(r"\$(?:([a-z_][a-z_1]*)|\{([a-z_][a-z_1]*)\})").unwrap();
            let expanded = reference.replace_all(&value, "<$1$2>");
            proptest::prop_assert_eq!(unquote(lines[count - 3].strip_prefix("ENV A=").unwrap()), expanded);
        }
    }

    /// Reads a value back as BuildKit's lexer does inside double quotes; `<a>` for `${a}`.
    fn unquote(quoted: &str) -> String {
        let mut rest = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        let mut read = String::new();
        while let Some(c) = rest.chars().next() {
            if let Some(behind) = rest.strip_prefix("${DKR_NEWLINE}") {
                read.push('\n');
                rest = behind;
                continue;
            }
            if let Some((name, behind)) = rest.strip_prefix("${").and_then(|b| b.split_once('}')) {
                read.push_str(&format!("<{name}>"));
                rest = behind;
                continue;
            }
            assert!(!matches!(c, '"' | '$'));
            let mut chars = rest.chars();
            read.push(match chars.next() {
                Some('\\') => chars.next().unwrap(),
                _ => c,
            });
            rest = chars.as_str();
        }
        read
    }
}

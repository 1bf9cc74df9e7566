//! The pages of the reference are made from the code: commands from clap's grammar, settings from the
//! table in `conf`. `make reference` writes them anew.

use std::fmt::Write;
use std::path::Path;

use git_dkr::cli;
use git_dkr::conf::{SETTINGS, Setting};
use snapbox::{Assert, Data};

use super::pages;

const MADE: &str = "<!-- Made by `make reference`. -->";

#[track_caller]
fn compare(path: &str, text: &str) {
    let path = pages::root().join(path);
    if std::env::var_os("SNAPSHOTS").is_none() {
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        if old != text {
            eprintln!("hint: make reference writes {} anew", path.display());
        }
    }
    Assert::new()
        .action_env("SNAPSHOTS")
        .normalize_paths(false)
        .eq(
            Data::text(text),
            Data::read_from(Path::new(&path), None).raw(),
        );
}

#[test]
fn commands() {
    let mut grammar = cli::grammar().term_width(96);
    grammar.build();
    let mut page = format!(
        "{MADE}\n\n# Commands\n\n\
         What `git dkr COMMAND --help` prints. Each command has these, too:\n\n```text\n"
    );
    for name in ["quiet", "verbose"] {
        let found = grammar.get_arguments().find(|arg| arg.get_id() == name);
        let found = found.unwrap();
        let (short, help) = (found.get_short().unwrap(), found.get_help().unwrap());
        writeln!(page, "  -{short}, --{name:<9} {help}").unwrap();
    }
    page += "  -h, --help      Print help (-h: a summary)\n```\n\n";
    page += "| command | short | |\n|---|---|---|\n";
    list(&grammar, "git dkr", &mut page);
    describe(&grammar, "git dkr", &mut page);
    compare("docs/reference/commands.md", &page);
}

/// A row for each command that does something.
fn list(command: &clap::Command, name: &str, page: &mut String) {
    for sub in shown(command) {
        let name = format!("{name} {}", sub.get_name());
        if has_commands(sub) {
            list(sub, &name, page);
            continue;
        }
        let short: Vec<String> = sub
            .get_visible_aliases()
            .map(|alias| format!("`{alias}`"))
            .collect();
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let anchor = name.replace(' ', "-");
        writeln!(
            page,
            "| [`{name}`](#{anchor}) | {} | {about} |",
            short.join(", ")
        )
        .unwrap();
    }
}

fn describe(command: &clap::Command, name: &str, page: &mut String) {
    for sub in shown(command) {
        let name = format!("{name} {}", sub.get_name());
        let mut own = sub.clone().disable_help_flag(true);
        for global in ["quiet", "verbose", "help"] {
            if own.get_arguments().any(|arg| arg.get_id() == global) {
                own = own.mut_arg(global, |arg| arg.hide(true).hide_short_help(true));
            }
        }
        let help = own.render_long_help().to_string();
        let lines: Vec<&str> = help.trim().lines().map(str::trim_end).collect();
        write!(page, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n")).unwrap();
        describe(sub, &name, page);
    }
}

fn shown(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    let shown = |sub: &&clap::Command| !sub.is_hide_set() && sub.get_name() != "help";
    command.get_subcommands().filter(shown)
}

fn has_commands(command: &clap::Command) -> bool {
    shown(command).next().is_some()
}

#[test]
fn settings() {
    let mut page = format!(
        "{MADE}\n\n# Settings\n\n\
         Strongest first: flag, environment, git config, `.dkr.conf`, default. \
         [Configuration](../configuration.md) says how they are written.\n"
    );
    for (title, about, in_file) in [
        ("Of the repository", "`.dkr.conf` may hold these.", true),
        (
            "Of the machine and its user",
            "No repository can make these. Files are absolute paths, or begin with `~/`.",
            false,
        ),
    ] {
        write!(page, "\n## {title}\n\n{about}\n\n").unwrap();
        page += if in_file {
            "| key | environment | git config | flag | default | what it does |\n|---|---|---|---|---|---|\n"
        } else {
            "| environment | git config | flag | default | what it does |\n|---|---|---|---|---|\n"
        };
        for setting in SETTINGS
            .iter()
            .filter(|setting| setting.in_file() == in_file)
        {
            page += &row(setting, in_file);
        }
    }
    page += "\n## Sections of `.dkr.conf`\n\n\
             | section | what it holds |\n|---|---|\n\
             | `[pre_clone]` | raw Dockerfile lines before the clone |\n\
             | `[post_clone]` | and after it, on create and on update |\n\
             \n## Variables that others read, too\n\n\
             | environment | what it does |\n|---|---|\n";
    for (name, help) in OTHERS {
        writeln!(page, "| {name} | {help} |").unwrap();
    }
    compare("docs/reference/configuration.md", &page);
}

/// What is no setting of ours.
const OTHERS: [(&str, &str); 8] = [
    (
        "`GH_TOKEN`, `GITHUB_TOKEN`",
        "The token for GitHub, for overlays. No step of a Containerfile sees it.",
    ),
    (
        "`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, `ALL_PROXY`",
        "Proxies, in capitals or not: passed to builds and containers.",
    ),
    (
        "`DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_CONFIG`",
        "Where docker's client looks for its daemon, which must be on this machine.",
    ),
    (
        "`XDG_CACHE_HOME`",
        "The directory of `git-dkr/`, where packs, locks and snapshots have their place; `~/.cache` by default.",
    ),
    (
        "`XDG_CONFIG_HOME`",
        "The directory of `git-dkr/layers`, where a user's layers are; `~/.config` by default.",
    ),
    (
        "`PF_TMP_DIR`",
        "The directory of `image-cache`, where `build-profile` keeps archives.",
    ),
    (
        "`SOURCE_DATE_EPOCH`",
        "The time that files of an overlay's snapshot get.",
    ),
    ("`NO_COLOR`", "No colours."),
];

fn row(setting: &Setting, in_file: bool) -> String {
    let code = |text: Option<String>| text.map(|text| format!("`{text}`")).unwrap_or_default();
    let mut cells = vec![
        code(setting.variable()),
        code(setting.git_config()),
        setting.flag.unwrap_or_default().to_owned(),
        code(setting.default.map(str::to_owned)),
        setting.help.replace('|', "\\|"),
    ];
    if in_file {
        cells.insert(0, code(Some(setting.name.to_owned())));
    }
    format!("| {} |\n", cells.join(" | "))
}

//! The sessions of README and manual, run on a real engine, each page in a repository of its own.

use std::sync::LazyLock;

use regex::Regex;
use snapbox::{Assert, Data};

use super::pages::{self, Page};
use super::shop::Shop;

/// A command of a page and what should come of it.
pub struct Step {
    pub command: String,
    output: String,
    line: usize,
}

/// The steps of a page. `$ ` begins a command, and `> ` goes on with it.
pub fn steps(page: &Page) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in page.blocks() {
        if block.language != "console" {
            continue;
        }
        let begin = steps.len();
        for (number, line) in block.text.lines().enumerate() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step {
                    command: command.to_owned(),
                    output: String::new(),
                    line: block.line + 1 + number,
                });
                continue;
            }
            let at = block.line + 1 + number;
            assert!(
                steps.len() > begin,
                "{}: no command before it",
                page.place(at)
            );
            let step = steps.last_mut().unwrap();
            let goes_on = line.strip_prefix("> ").or((line == ">").then_some(""));
            match goes_on {
                Some(more) if step.output.is_empty() => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                _ => {
                    step.output.push_str(line);
                    step.output.push('\n');
                }
            }
        }
    }
    steps
}

/// As a person at a terminal sees it: there, these two do not print the tag of the image.
pub fn as_typed(command: &str) -> String {
    let quiet = ["git dkr create-image", "git dkr update-image"];
    match quiet.iter().any(|start| command.starts_with(start)) {
        true => format!("{command} >/dev/null"),
        false => command.to_owned(),
    }
}

/// What is another in each run, and what takes its place.
static STEADY: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"\b[0-9a-f]{7,64}\b", "<id>"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b", "<time>"),
        (r"\b\d+(\.\d+)? (B|kB|MB|GB)\b", "<size>"),
        (r"\b\d+(\.\d+)? (ms|s|min)\b", "<duration>"),
        (r"\bon branch [a-z]+-[a-z]+ ", "on branch <name> "),
        (r"\bport \d+", "port <port>"),
        (r" +", " "),
    ]
    .map(|(rule, name)| (Regex::new(rule).unwrap(), name))
    .into()
});

/// What a build tells of a step that the engine has not cached.
static STEP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\[\d+/\d+\] ").unwrap());

/// Without what differs from run to run.
fn steady(text: &str) -> String {
    let text = text.replace('\r', "");
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !STEP.is_match(line));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    for (rule, name) in STEADY.iter() {
        text = rule.replace_all(&text, *name).into_owned();
    }
    text.trim().to_owned()
}

fn run(path: &str) {
    let Some(shop) = Shop::new() else { return };
    let page = pages::page(path);
    let steps = steps(&page);
    let commands: Vec<String> = steps.iter().map(|step| as_typed(&step.command)).collect();
    let ran = shop.run(&commands, &[]);
    assert_eq!(ran.len(), steps.len(), "the shell ended early");
    for (step, ran) in steps.iter().zip(&ran) {
        let place = page.place(step.line);
        eprintln!("{place}: $ {}\n{}", step.command, ran.output);
        let told = format!("{}{}", step.command, step.output);
        let fails = ["error", "hint: ", "exit "]
            .iter()
            .any(|word| told.contains(word));
        assert!(fails || ran.code == 0, "{place}: exit code {}", ran.code);
        let (output, expected) = (steady(&ran.output), steady(&step.output));
        // The engine hands on both outputs of a container, each by itself.
        let starts = ["start-image", "machine "];
        let starts = starts.iter().any(|word| step.command.contains(word));
        if starts && has_same_lines(&output, &expected) {
            continue;
        }
        let assert = Assert::new().normalize_paths(false);
        let (output, expected) = (Data::text(output), Data::text(expected));
        if let Err(difference) = assert.try_eq(Some(&place), output, expected) {
            panic!("{difference}");
        }
    }
}

/// Whether they are the same in any order.
fn has_same_lines(output: &str, expected: &str) -> bool {
    let mut left: Vec<&str> = output.lines().collect();
    let mut wanted = expected.lines().filter(|line| *line != "...");
    let all = wanted.all(|line| {
        let found = left.iter().position(|other| *other == line);
        found.map(|at| left.remove(at)).is_some()
    });
    all && (left.is_empty() || expected.lines().any(|line| line == "..."))
}

macro_rules! sessions {
    ($($name:ident: $path:literal,)*) => {
        $(
            #[test]
            fn $name() {
                run($path);
            }
        )*

        #[test]
        fn every_page_with_a_session_is_run() {
            let listed = [$($path),*];
            for page in pages::all() {
                let has = !steps(&page).is_empty();
                let path = page.path.display().to_string();
                assert_eq!(listed.contains(&&*path), has, "{path}");
            }
        }
    };
}

sessions! {
    configuration: "docs/configuration.md",
    containers: "docs/containers.md",
    guide: "docs/guide.md",
    hooks: "docs/hooks.md",
    images: "docs/images.md",
    layers: "docs/layers.md",
    overlay: "docs/overlay.md",
    profiles: "docs/profiles.md",
    readme: "README.md",
    sandbox: "docs/sandbox.md",
    security: "docs/security.md",
    sharing: "docs/sharing.md",
    troubleshooting: "docs/troubleshooting.md",
}

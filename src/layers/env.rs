//! A layer's commands as functions of a shell, each run in a container on the current directory.
//! Pure functions.

use std::fmt::Write as _;
use std::path::Path;

use super::check::expanded;
use super::definition::Definition;
use super::files::{LayerFile, LayerFiles};
use crate::conf::{Shell, ToolCache};

/// The file in a layer's directory that is printed instead of functions of ours.
pub(crate) const OWN: &str = "env.sh";
const POSIX: &str = include_str!("../../templates/layer-env.sh");
const FISH: &str = include_str!("../../templates/layer-env.fish");

/// What the functions run, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct EnvContainer<'a> {
    pub engine: &'a Path,
    pub image: &'a str,
    /// User and group of what it makes.
    pub user: (u32, u32),
}

/// Names that mean something to one of these shells by themselves.
const TAKEN: &str = "alias always and argparse autoload background begin bg bind bindkey block break breakpoint \
    builtin bye caller case cd chdir clone command commandline compadd compgen complete compopt continue contains \
    coproc count declare dirs disable disown do done echo echotc echoti elif else emit emulate enable end esac \
    eval exec exit export false fc fg fi float for foreach function functions getln getopts hash help history if \
    in integer jobs kill let limit local log logout mapfile math nocorrect noglob not or path popd print printf \
    private pushd pushln pwd random read readarray readonly realpath rehash repeat return sched select set \
    set_color setopt shift shopt source stat status string suspend switch test then time times trap true ttyctl \
    type typeset ulimit umask unalias unfunction unhash unlimit unset unsetopt until vared wait whence where \
    which while zcompile zle zmodload zparseopts zstyle";

/// The commands of a layer: each name, and the words that it stands for.
fn commands(definition: &Definition) -> Vec<(&str, Result<Vec<String>, String>)> {
    let aliases = definition.aliases.keys();
    let mut found: Vec<_> = aliases
        .map(|name| (name.as_str(), expanded(&definition.aliases, name)))
        .collect();
    for binary in &definition.binaries {
        let name = binary.rsplit('/').next().unwrap_or(binary);
        if !found.iter().any(|(other, _)| *other == name) {
            found.push((name, Ok(vec![binary.clone()])));
        }
    }
    found
}

/// The layer's own text for shells: its `env.sh`, when that says more than comments do.
pub(crate) fn own_text(files: &LayerFiles) -> Option<String> {
    let Some(LayerFile::Plain(bytes, _)) = files.get(OWN) else {
        return None;
    };
    let text = String::from_utf8_lossy(bytes);
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    text.lines().any(says).then(|| text.trim_end().to_owned())
}

/// Whether there is anything to write functions for.
pub(crate) fn has_commands(definition: &Definition) -> bool {
    !commands(definition).is_empty()
}

/// The caches that a layer's commands fill, so that the next container finds them.
pub(crate) fn caches(definition: &Definition) -> Vec<ToolCache> {
    let has = |names: &[&str]| {
        let commands = commands(definition);
        let mut words = commands
            .iter()
            .flat_map(|(_, words)| words.iter().flatten());
        words.any(|word| names.contains(&word.rsplit('/').next().unwrap_or(word)))
    };
    let known: [(ToolCache, &[&str]); 5] = [
        (ToolCache::Cargo, &["cargo"]),
        (ToolCache::Npm, &["npm", "npx", "yarn", "pnpm"]),
        (ToolCache::Pip, &["pip", "pip3", "poetry"]),
        (ToolCache::Go, &["go"]),
        (ToolCache::Ccache, &["ccache"]),
    ];
    let known = known.into_iter().filter(|(_, names)| has(names));
    known.map(|(cache, _)| cache).collect()
}

/// The named volume of a cache, as docker's `-v` takes it. What root put there others cannot
/// change, so that each user but root has one.
pub(crate) fn volume(cache: ToolCache, user: u32) -> String {
    let volume = cache.volume();
    match volume.split_once(':') {
        Some((name, target)) if user != 0 => format!("{name}-{user}:{target}"),
        _ => volume,
    }
}

/// The text for a shell to read.
pub(crate) fn wrapper(definition: &Definition, container: &EnvContainer, shell: Shell) -> String {
    let name = &definition.name;
    // Dots are fine in a layer's name, and in no function of zsh with some options.
    let helper = format!("__dkr_{}", name.replace(['-', '.'], "_"));
    let quote = |word: &str| shell.quote(word);
    let mut options = Vec::new();
    let (uid, gid) = container.user;
    options.push(format!("--user={uid}:{gid}"));
    for cache in caches(definition) {
        options.push(format!("--volume={}", volume(cache, uid)));
        for (name, value) in cache.environment() {
            options.push(format!("--env={name}={value}"));
        }
    }
    let options: Vec<String> = options.iter().map(|option| quote(option)).collect();
    let template = match shell {
        Shell::Bash | Shell::Zsh => POSIX,
        Shell::Fish => FISH,
    };
    let mut text = template
        .replace("HELPER", &helper)
        .replace("LAYER", name)
        .replace("ENGINE", &quote(&container.engine.to_string_lossy()))
        .replace("OPTIONS", &options.join(" "))
        .replace("IMAGE", &quote(container.image));
    for (name, words) in commands(definition) {
        let words = match words {
            Ok(words) => words,
            Err(reason) => {
                let _ = writeln!(text, "# left out: the alias {name}: {reason}");
                continue;
            }
        };
        if !is_function_name(name) {
            let _ = writeln!(text, "# left out: {name} means something to shells already");
            continue;
        }
        let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
        let words = words.join(" ");
        let _ = match shell {
            Shell::Fish => writeln!(text, "function {name}; {helper} {words} $argv; end"),
            _ => writeln!(text, "function {name} {{ {helper} {words} \"$@\"; }}"),
        };
    }
    text
}

/// Whether shells take it for the name of a function, and nobody misses what had it.
fn is_function_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| first(c) || matches!(c, '.' | '+' | '-');
    name.starts_with(first)
        && name.chars().all(rest)
        && !TAKEN.split_whitespace().any(|taken| taken == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Definition {
        let text = r#"
[layer]
name = "rust"
version = "1"
[provides]
binaries = ["cargo", "/opt/x/bin/c++", "test", "clang-format", "7z", "a@b"]
[aliases]
clippy = "cargo clippy"
odd = "cargo --config 'it''s $HOME' \"a'b\\\\\""
a = "b"
b = "a"
"#;
        let mut mistakes = Vec::new();
        let found = super::super::definition::read("x", text, &mut mistakes).unwrap();
        assert_eq!(mistakes, []);
        found
    }

    fn shown(shell: Shell, user: u32) -> String {
        let container = EnvContainer {
            engine: Path::new("/usr/bin/docker"),
            image: "dkr-layer/rust:1",
            user: (user, user),
        };
        wrapper(&definition(), &container, shell)
    }

    #[test]
    fn comments_alone_are_no_text_of_a_layer_s_own() {
        let own = |text: &str| {
            let file = LayerFile::Plain(text.as_bytes().to_vec(), false);
            own_text(&[(OWN.to_owned(), file)].into())
        };
        assert_eq!(own("# a\n\n  # b\n"), None);
        assert_eq!(
            own("# a\nf() { g; }\n\n").as_deref(),
            Some("# a\nf() { g; }")
        );
        assert_eq!(own_text(&LayerFiles::new()), None);
    }

    #[test]
    fn functions_for_bash_and_zsh() {
        insta::assert_snapshot!(shown(Shell::Bash, 1000));
        assert_eq!(shown(Shell::Bash, 0), shown(Shell::Zsh, 0));
    }

    #[test]
    fn functions_for_fish() {
        insta::assert_snapshot!(shown(Shell::Fish, 0));
    }
}

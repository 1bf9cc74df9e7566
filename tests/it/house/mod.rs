//! The rules of the house, read out of the sources: who may import whom, how long a file may be,
//! and that nothing speaks of one machine.

mod circles;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Longer than this, a file is probably two rooms.
const LINES: usize = 450;

/// The floor of a module at the top of the crate. A module imports from floors below its own.
fn floor(module: &str) -> Option<u8> {
    Some(match module {
        "cli" | "commands" | "report" => 4,
        "image" | "hooks" | "container" | "layers" | "audit" | "profile" | "overlay"
        | "recording" => 3,
        "conf" => 2,
        "git" | "engine" | "ssh" | "net" | "proxy" => 1,
        "proc" | "fs" | "ui" | "error" | "digest" | "suggest" | "grammar" => 0,
        _ => return None,
    })
}

/// Whether `from` may import `to`.
fn may_import(from: &str, to: &str) -> bool {
    let floors = (floor(from), floor(to));
    let (Some(upper), Some(lower)) = floors else {
        return false;
    };
    let neighbours = matches!(
        (from, to),
        ("ssh", "git")
            | ("proxy", "net")
            | ("hooks", "image")
            | ("image", "layers" | "container")
            | ("container", "layers")
    ) || upper == 4
        || upper == 0;
    from == to || lower < upper || (lower == upper && neighbours)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    files(&root().join("src"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// `src/image/context.rs` is the module `image::context`, `src/image/mod.rs` is `image`.
fn module_of(path: &Path) -> Vec<String> {
    let path = path
        .strip_prefix(root().join("src"))
        .unwrap_or(path)
        .with_extension("");
    let mut module: Vec<String> = path
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    module.pop_if(|last| last == "mod");
    module
}

/// The modules at the top of the crate that a text names by `crate::…` or by `super::…`, with the
/// number of the line. `module` is where the text stands.
fn imports(module: &[String], text: &str) -> Vec<(usize, String)> {
    // Comments speak of others without importing them; they are blanked, lines kept.
    let comment = Regex::new(r"//[^\n]*").unwrap();
    let text = comment.replace_all(text, "");
    let path = Regex::new(r"\b(crate::|(?:super::)+)(\{[^;]*\}|[a-z_]+)").unwrap();
    let tests = Regex::new(r"(?m)^mod tests \{")
        .unwrap()
        .find(&text)
        .map(|found| found.start());
    let mut found = Vec::new();
    for capture in path.captures_iter(&text) {
        let start = capture.get(0).unwrap().start();
        let depth = module.len() + usize::from(tests.is_some_and(|tests| start > tests));
        let up = capture[1].matches("super::").count();
        // `super` leads to the top only from deep enough.
        if up > 0 && up < depth {
            continue;
        }
        let line = 1 + text[..start].matches('\n').count();
        for name in first_names(&capture[2]) {
            found.push((line, name));
        }
    }
    found
}

/// `image` of `image`; `proc` and `ui` of `{proc, ui::{a, b}}`.
fn first_names(path: &str) -> Vec<String> {
    let Some(inner) = path.strip_prefix('{') else {
        return vec![path.to_owned()];
    };
    let mut names = Vec::new();
    let (mut depth, mut name) = (0, String::new());
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => names.push(std::mem::take(&mut name)),
            c if depth == 0 => name.push(c),
            _ => {}
        }
    }
    let first = |name: String| {
        name.split("::")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    names
        .into_iter()
        .map(first)
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn imports_go_downwards() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        // They see all: the map, and the way in.
        if matches!(module[0].as_str(), "lib" | "main") {
            continue;
        }
        for (line, to) in imports(&module, &text) {
            if floor(&to).is_some() && !may_import(&module[0], &to) {
                wrong.push(format!(
                    "{}:{line}: {} imports {to}",
                    path.display(),
                    module[0]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "upwards, or sideways:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_module_has_a_floor() {
    for (path, _) in sources() {
        let module = &module_of(&path)[0];
        let known = floor(module).is_some() || matches!(module.as_str(), "lib" | "main");
        assert!(
            known,
            "give {module} a floor in tests/it/house/mod.rs, and a line in src/lib.rs"
        );
    }
}

/// That the two above would notice.
#[test]
fn the_reader_of_imports_reads() {
    let read = |module: &str, text: &str| {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let names = imports(&module, text).into_iter().map(|(_, name)| name);
        names.collect::<Vec<_>>()
    };
    let several = "use crate::{\n    git::{self, Repo},\n    ui,\n};\n";
    assert_eq!(read("image::context", several), ["git", "ui"]);
    assert_eq!(read("image::context", "use super::{names, find};"), [""; 0]);
    assert_eq!(
        read("image::context", "use super::super::commands::x;"),
        ["commands"]
    );
    assert_eq!(
        read("git", "fn f() { crate::image::context(); } // crate::cli"),
        ["image"]
    );
    assert_eq!(
        read(
            "proc",
            "mod tests {\n    use super::*; use super::super::ui;\n}"
        ),
        ["ui"]
    );
    assert_eq!(read("proc", "mod tests {\n    use super::*;\n}"), [""; 0]);
    assert!(may_import("image", "git") && may_import("ssh", "git") && may_import("fs", "ui"));
    for (from, to) in [
        ("git", "image"),
        ("git", "ssh"),
        ("git", "engine"),
        ("ui", "git"),
        ("conf", "image"),
    ] {
        assert!(!may_import(from, to), "{from} {to}");
    }
}

#[test]
fn files_are_of_a_size_to_be_read() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LINES, "{} has {lines} lines", path.display());
    }
}

/// A type's name says what it is, wherever it is read. The structs of subcommands are called as those are.
#[test]
fn a_name_belongs_to_one_type_and_says_what_it_is() {
    let definition =
        Regex::new(r"(?m)^\s*(pub(?:\([a-z: ]+\))? )?(?:struct|enum|trait|type) (\w+)").unwrap();
    let mut owners: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (path, text) in sources() {
        for found in definition.captures_iter(&text) {
            let name = &found[2];
            assert!(
                !["Part", "Place", "Site", "State", "Way"].contains(&name),
                "{}: {name}",
                path.display()
            );
            if found.get(1).is_none() || module_of(&path)[0] == "commands" {
                continue;
            }
            if let Some(other) = owners.insert(name.to_owned(), path.clone()) {
                panic!("{name}: {} and {}", other.display(), path.display());
            }
        }
    }
}

/// The project is made on some machine, and is for all.
#[test]
fn nothing_speaks_of_one_machine() {
    // Put together, so as not to find themselves.
    let hints = [["/wo", "rk/"].concat(), ["/home", "/runner"].concat()];
    for path in files_of_the_project() {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            // The refs of saved work.
            let line = line.replace("refs/dkr/work/", "");
            for hint in &hints {
                assert!(
                    !line.contains(hint.as_str()),
                    "{}:{}: {line}",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}

fn files_of_the_project() -> Vec<PathBuf> {
    let left_out = ["target", ".git", "Cargo.lock"];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if left_out.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    assert!(found.len() > 50, "{found:?}");
    found
}

/// Jobs report through the printer that they are given. It is made where flags are read, and by what the
/// hooks call, which has none. Process-wide is the echo of commands alone.
#[test]
fn jobs_are_given_a_printer() {
    let free = Regex::new(
        r"\bui::(?:status|warn|quoted|notice|confirm|interactive|verbose|quiet|progress|board)\(",
    )
    .unwrap();
    let made = Regex::new(r"\bPrinter::(?:new|default)\(").unwrap();
    let process_wide = Regex::new(r"(?m)^\s*(?:pub )?static ").unwrap();
    for (path, text) in sources() {
        let module = module_of(&path).join("::");
        if module.ends_with("::tests") {
            continue;
        }
        let shown = path.display();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        assert!(!free.is_match(text), "{shown} prints without a printer");
        let makes = ["cli", "commands::hooks"].contains(&module.as_str());
        assert_eq!(made.is_match(text), makes, "{shown} makes a printer");
        if module.starts_with("ui") {
            let is_echo = module == "ui::echo";
            assert_eq!(process_wide.is_match(text), is_echo, "{shown}");
        }
    }
}

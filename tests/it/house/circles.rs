//! No two files refer to each other, directly or by way of others.
//!
//! A file refers to another when its text names an item that the other defines: by an import or by a path, whichever
//! names and re-exports lead there. To name a module, to declare or to re-export it is no reference. Nor are tests,
//! and what is reached by a method or a field alone, whose type is named elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::iter::Peekable;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::root;

/// The path of a module, an item, or what a text names.
type Path = Vec<String>;

/// What a file says, without its tests.
#[derive(Debug, Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    /// The names that imports bring in.
    names: BTreeMap<String, Path>,
    globs: Vec<Path>,
    /// The paths in the text and in imports; not those in re-exports.
    paths: BTreeSet<Path>,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq)]
enum Target {
    Module(Path),
    Item(String, String),
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<TokenStream> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group.stream()),
        _ => None,
    }
}

impl Module {
    fn read(file: &str, text: &str) -> Self {
        let mut module = Self {
            file: file.to_owned(),
            ..Self::default()
        };
        module.walk(text.parse().unwrap(), true);
        module
    }

    /// Reads the tokens of a group; `top` are those of the file itself.
    fn walk(&mut self, tokens: TokenStream, top: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
            let next = tokens.get(at + 1);
            match &tokens[at] {
                TokenTree::Punct(_) if is(tokens.get(at), '#') && is_for_tests(next) => {
                    at = end_of_item(&tokens, at + 2);
                    continue;
                }
                TokenTree::Group(inner) => self.walk(inner.stream(), false),
                TokenTree::Ident(ident) => match ident.to_string().as_str() {
                    "use" if !is(next, '<') => {
                        let end = (at..).find(|at| is(tokens.get(*at), ';')).unwrap();
                        let re_export = word(before(1)).as_deref() == Some("pub")
                            || group(before(1), Delimiter::Parenthesis).is_some();
                        let tree = tokens[at + 1..end].iter().cloned();
                        self.import(&mut tree.peekable(), &Path::new(), re_export);
                        at = end;
                    }
                    "mod" if top => {
                        assert!(
                            is(tokens.get(at + 2), ';'),
                            "{}: a module in a file",
                            self.file
                        );
                        self.children.extend(word(next));
                        at += 1;
                    }
                    "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static"
                        if top =>
                    {
                        self.items.extend(word(next));
                    }
                    _ => {
                        let behind_dot = is(before(1), '.') && !is(before(2), '.');
                        let behind_path = is(before(1), ':') && is(before(2), ':');
                        let is_lifetime = is(before(1), '\'');
                        if !behind_dot && !behind_path && !is_lifetime {
                            let mut path = vec![ident.to_string()];
                            while is(tokens.get(at + 1), ':') && is(tokens.get(at + 2), ':') {
                                let Some(name) = word(tokens.get(at + 3)) else {
                                    break;
                                };
                                path.push(name);
                                at += 3;
                            }
                            self.paths.insert(path);
                        }
                    }
                },
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads the tree of a `use`, below the path in front of it.
    fn import(
        &mut self,
        tree: &mut Peekable<impl Iterator<Item = TokenTree>>,
        front: &Path,
        re_export: bool,
    ) {
        let mut path = front.clone();
        while let Some(token) = tree.next() {
            if let Some(inner) = group(Some(&token), Delimiter::Brace) {
                let mut inner = inner.into_iter().peekable();
                while inner.peek().is_some() {
                    let one: Vec<_> = inner
                        .by_ref()
                        .take_while(|token| !is(Some(token), ','))
                        .collect();
                    self.import(&mut one.into_iter().peekable(), &path, re_export);
                }
                return;
            } else if is(Some(&token), '*') {
                self.globs.push(path);
                return;
            }
            match word(Some(&token)).as_deref() {
                Some("as") => {
                    self.name(path, word(tree.next().as_ref()), re_export);
                    return;
                }
                Some("self") if !path.is_empty() => {}
                Some(name) => path.push(name.to_owned()),
                None => {}
            }
        }
        let name = path.last().cloned();
        self.name(path, name, re_export);
    }

    fn name(&mut self, path: Path, name: Option<String>, re_export: bool) {
        if !re_export {
            self.paths.insert(path.clone());
        }
        self.names.extend(name.map(|name| (name, path)));
    }
}

/// Whether an attribute is `[cfg(test)]`.
fn is_for_tests(attribute: Option<&TokenTree>) -> bool {
    group(attribute, Delimiter::Bracket)
        .is_some_and(|text| text.to_string().replace(' ', "") == "cfg(test)")
}

/// Behind the item that begins here: behind its block, or its semicolon.
fn end_of_item(tokens: &[TokenTree], start: usize) -> usize {
    let ends =
        |at: &usize| is(tokens.get(*at), ';') || group(tokens.get(*at), Delimiter::Brace).is_some();
    (start..tokens.len())
        .find(ends)
        .map_or(tokens.len(), |at| at + 1)
}

/// All modules of a crate, by their paths.
struct Crate(BTreeMap<Path, Module>);

impl Crate {
    /// Reads the files that modules lead to, from the root on; `text` gives the text of one that exists.
    fn read(text: impl Fn(&str) -> Option<String>) -> Self {
        let mut modules = BTreeMap::new();
        let mut open = vec![(Path::new(), vec!["lib.rs".to_owned()])];
        while let Some((path, files)) = open.pop() {
            let found = files
                .iter()
                .find_map(|file| Some(Module::read(file, &text(file)?)));
            let module = found.unwrap_or_else(|| panic!("none of {files:?} is there"));
            for child in &module.children {
                let path = [path.as_slice(), std::slice::from_ref(child)].concat();
                let name = path.join("/");
                open.push((path, vec![format!("{name}.rs"), format!("{name}/mod.rs")]));
            }
            modules.insert(path, module);
        }
        Self(modules)
    }

    /// Where a path leads that is read in a module.
    fn resolve(&self, module: &Path, path: &[String], depth: u8) -> Option<Target> {
        let mut here = Target::Module(module.clone());
        for (at, name) in path.iter().enumerate() {
            let Target::Module(inside) = &here else { break };
            here = match name.as_str() {
                "crate" => Target::Module(Path::new()),
                "self" => continue,
                "super" => Target::Module(inside[..inside.len().checked_sub(1)?].to_vec()),
                name => self.look_up(inside, name, at + 1 < path.len(), depth)?,
            };
        }
        Some(here)
    }

    /// What a name is in a module; `inner` where more of a path follows. A module and a function may have one name.
    fn look_up(&self, path: &Path, name: &str, inner: bool, depth: u8) -> Option<Target> {
        let module = self.0.get(path)?;
        let depth = depth.checked_sub(1)?;
        let child = || {
            let child = || [path.as_slice(), &[name.to_owned()]].concat();
            module
                .children
                .contains(name)
                .then(|| Target::Module(child()))
        };
        let item = || {
            module
                .items
                .contains(name)
                .then(|| Target::Item(module.file.clone(), name.to_owned()))
        };
        let imported = || self.resolve(path, module.names.get(name)?, depth);
        let anywhere = || {
            let mut globs = module.globs.iter();
            globs.find_map(|glob| match self.resolve(path, glob, depth)? {
                Target::Module(inside) => self.look_up(&inside, name, inner, depth),
                Target::Item(..) => None,
            })
        };
        let named = if inner { child().or_else(item) } else { item() };
        named.or_else(imported).or_else(child).or_else(anywhere)
    }

    /// Which files each file refers to, and by which names.
    fn references(&self) -> BTreeMap<&str, BTreeMap<String, BTreeSet<String>>> {
        let mut references: BTreeMap<&str, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (path, module) in &self.0 {
            let from = references.entry(&module.file).or_default();
            for named in &module.paths {
                if let Some(Target::Item(file, name)) = self.resolve(path, named, 16)
                    && file != module.file
                {
                    from.entry(file).or_default().insert(name);
                }
            }
        }
        references
    }

    /// The circles, each with its files in order, and how they are told.
    fn circles(&self) -> Vec<(BTreeSet<String>, String)> {
        let references = self.references();
        let reached = |start: &str| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
            while let Some(file) = open.pop() {
                for next in references[file].keys() {
                    if seen.insert(next.clone()) {
                        open.push(next);
                    }
                }
            }
            seen
        };
        let reach: BTreeMap<&str, BTreeSet<String>> = references
            .keys()
            .map(|file| (*file, reached(file)))
            .collect();
        let mut circles = BTreeMap::new();
        for (file, reached) in &reach {
            let both = |other: &&String| reach[other.as_str()].contains(*file);
            let circle: BTreeSet<String> = reached.iter().filter(both).cloned().collect();
            if circle.is_empty() {
                continue;
            }
            let mut told = String::new();
            for from in &circle {
                for (to, names) in &references[from.as_str()] {
                    if circle.contains(to) {
                        let names: Vec<&str> = names.iter().map(String::as_str).collect();
                        writeln!(told, "  {from} names {} of {to}", names.join(", ")).unwrap();
                    }
                }
            }
            circles.insert(circle, told);
        }
        circles.into_iter().collect()
    }
}

#[test]
fn no_circles() {
    let read = |file: &str| std::fs::read_to_string(root().join("src").join(file)).ok();
    let circles = Crate::read(read).circles();
    let wrong: Vec<&str> = circles.iter().map(|(_, told)| told.as_str()).collect();
    assert!(
        wrong.is_empty(),
        "{} circles of files:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// That the one above would notice.
#[test]
fn the_reader_of_references_reads() {
    let found = |files: &[(&str, &str)]| {
        let files: BTreeMap<&str, &str> = files.iter().copied().collect();
        let read = Crate::read(|file: &str| files.get(file).map(|text| (*text).to_owned()));
        let references = read.references();
        let all = references.iter().flat_map(|(from, to)| {
            to.iter().map(move |(file, names)| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                format!("{from} {file} {}", names.join(" "))
            })
        });
        (all.collect::<Vec<_>>(), read.circles().len())
    };
    let lib = ("lib.rs", "mod a; mod b;");
    let b = ("b.rs", "pub struct B; pub mod deep;");
    let deep = (
        "b/deep.rs",
        "pub fn f() {} pub fn deep() {} pub enum E { X }",
    );
    // Imports and paths, in macros too.
    let of_a = |text| found(&[lib, ("a.rs", text), b, deep]).0;
    for text in [
        "use crate::b::B;",
        "use super::{b::{self, B}};",
        "fn f() { g!(crate::b::B) }",
        "use crate::b as c; fn f() -> Vec<c::B> {}",
        "use crate::b::*; fn f(b: &B) {}",
        "fn f() { use super::b; 1..b::B; }",
    ] {
        assert_eq!(of_a(text), ["a.rs b.rs B"], "{text}");
    }
    for text in [
        "pub use crate::b::B;",
        "use crate::b; fn f() { x.b::<B>(); other::b::B }",
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(test)] mod tests; struct B;",
        "// crate::b::B",
    ] {
        assert_eq!(of_a(text), [""; 0], "{text}");
    }
    assert_eq!(
        of_a("use crate::b::deep::{deep, E::X};"),
        ["a.rs b/deep.rs E deep"]
    );
    // Re-exports lead to where an item is; what a file above defines counts.
    let files = [
        ("lib.rs", "mod a;"),
        (
            "a/mod.rs",
            "mod b; mod c; pub use c::C; struct A; fn f() { b::g() }",
        ),
        ("a/b.rs", "use super::{A, C}; pub fn g() {}"),
        ("a/c.rs", "pub struct C;"),
    ];
    let references = ["a/b.rs a/c.rs C", "a/b.rs a/mod.rs A", "a/mod.rs a/b.rs g"];
    assert_eq!(found(&files), (references.map(str::to_owned).to_vec(), 1));
}

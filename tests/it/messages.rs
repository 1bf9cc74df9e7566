//! Every text that a user can meet, in one snapshot, so that they can be read one after the other.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, LitStr, Macro, Meta};

/// Scripts and formats are longer than any message.
const LONGEST: usize = 400;

/// The texts of a file, without those of its tests and of its documentation.
#[derive(Default)]
struct Texts(Vec<String>);

impl Texts {
    /// Those between the brackets of a macro or an attribute, `format!` within `bail!` too.
    fn of_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.of_tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    let literal = syn::parse_str::<LitStr>(&literal.to_string());
                    self.0.extend(literal.map(|literal| literal.value()));
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Texts {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let is_test = |attribute: &Attribute| {
            let list = attribute.meta.require_list();
            attribute.path().is_ident("cfg")
                && list.is_ok_and(|list| list.tokens.to_string() == "test")
        };
        if !item.attrs.iter().any(is_test) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta
            && list.path.is_ident("error")
        {
            self.of_tokens(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, found: &'ast Macro) {
        self.of_tokens(found.tokens.clone());
    }

    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        self.0.push(literal.value());
    }
}

/// Whether people are meant: two words next to other signs are enough.
fn is_prose(text: &&String) -> bool {
    let is_word = |word: &&str| {
        let in_word = |c: char| c.is_alphabetic() || "',.;:?!".contains(c);
        word.chars().count() > 1 && word.chars().all(in_word)
    };
    text.len() <= LONGEST && text.split(' ').filter(is_word).count() >= 2
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let below = |path: PathBuf| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    };
    paths.into_iter().flat_map(below).collect()
}

#[test]
fn every_message() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = String::new();
    for path in sources(&root) {
        let of_tests = path.ends_with("tests.rs") || path.iter().any(|part| part == "tests");
        if of_tests || path.extension() != Some("rs".as_ref()) {
            continue;
        }
        let file = syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut texts = Texts::default();
        texts.visit_file(&file);
        let prose: Vec<&String> = texts.0.iter().filter(is_prose).collect();
        if prose.is_empty() {
            continue;
        }
        let shown = path.strip_prefix(&root).unwrap().display();
        writeln!(all, "{shown}").unwrap();
        for text in prose {
            writeln!(all, "    {}", text.replace('\n', "\\n")).unwrap();
        }
    }
    insta::assert_snapshot!(all);
}

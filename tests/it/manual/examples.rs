//! Examples that are texts of ours: the library reads them.

use git_dkr::conf::{Conf, Sources};
use git_dkr::layers::definition;
use git_dkr::overlay::containerfile::Containerfile;
use git_dkr::profile::{fuzz, request};

use super::pages::{self, Block, Page};

/// What a block may be. Those of `sh` and `text` are not run, and so they are few.
const LANGUAGES: [&str; 8] = [
    "console",
    "Containerfile",
    "ini",
    "json",
    "rust",
    "sh",
    "text",
    "toml",
];

#[track_caller]
fn each(language: &str, check: impl Fn(&Page, &Block)) {
    let mut count = 0;
    for page in pages::all() {
        for block in page.blocks() {
            if block.language == language {
                check(&page, &block);
                count += 1;
            }
        }
    }
    assert!(count > 0, "no page has a block of {language}");
}

#[test]
fn blocks_say_what_they_are() {
    let mut not_run = 0;
    for page in pages::all() {
        for block in page.blocks() {
            let place = page.place(block.line);
            assert!(
                LANGUAGES.contains(&&*block.language),
                "{place}: {}",
                block.language
            );
            let made = page.path.starts_with("docs/reference");
            not_run += usize::from(!made && matches!(&*block.language, "sh" | "text"));
        }
    }
    assert!(not_run <= 5, "{not_run} examples are not run");
}

#[test]
fn settings_are_read() {
    each("ini", |page, block| {
        if let Err(problems) = Conf::read(Some(&block.text), &Sources::default()) {
            panic!("{}: {problems}", page.place(block.line));
        }
    });
}

#[test]
fn layers_are_read() {
    each("toml", |page, block| {
        let mut mistakes = Vec::new();
        definition::read("layer.toml", &block.text, &mut mistakes);
        assert!(
            mistakes.is_empty(),
            "{}: {mistakes:?}",
            page.place(block.line)
        );
    });
}

#[test]
fn containerfiles_are_read() {
    each("Containerfile", |page, block| {
        if let Err(mistakes) = Containerfile::parse("Containerfile", block.text.as_bytes()) {
            panic!("{}: {mistakes:?}", page.place(block.line));
        }
    });
}

#[test]
fn json_is_json() {
    each("json", |page, block| {
        let read: Result<serde_json::Value, _> = serde_json::from_str(&block.text);
        assert!(read.is_ok(), "{}: {read:?}", page.place(block.line));
    });
}

/// The request and the profile that are to be pasted.
#[test]
fn profiles_are_read() {
    let page = pages::page("docs/profiles.md");
    let blocks = page.blocks();
    let block = blocks.iter().find(|block| block.language == "sh").unwrap();
    let (_, rest) = block.text.split_once("<<'END'\n").unwrap();
    let (profile, rest) = rest.split_once("END\n").unwrap();
    fuzz::readable(profile).unwrap();
    let json = rest.split('\'').nth(1).unwrap();
    request::parse(json.as_bytes()).unwrap();
}

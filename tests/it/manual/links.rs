//! Links and anchors between README, CONTRIBUTING, CHANGELOG and the manual.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::pages::{self, Page};

/// README is what a stranger reads; the manual is for the rest.
const README_LIMIT: usize = 12_000;

#[test]
fn every_link_leads_somewhere() {
    let pages = pages::all();
    let mut wrong = Vec::new();
    for page in &pages {
        for link in page.links() {
            if let Err(why) = check(&pages, page, &link.target) {
                wrong.push(format!("{}: {}: {why}", page.place(link.line), link.target));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn check(pages: &[Page], page: &Page, target: &str) -> Result<(), String> {
    if target.contains("://") {
        return Ok(());
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match path {
        "" => page.path.clone(),
        path => plain(&page.path.parent().unwrap().join(path)),
    };
    if !pages::root().join(&path).exists() {
        return Err("there is no such file".to_owned());
    }
    if page.path.starts_with("docs") && !path.starts_with("docs") {
        return Err("it leads out of docs/, and so out of the book".to_owned());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    match pages.iter().find(|page| page.path == path) {
        Some(page) if page.anchors().iter().any(|known| known == anchor) => Ok(()),
        Some(page) => Err(format!("there are #{}", page.anchors().join(" #"))),
        None => Err("only pages have anchors".to_owned()),
    }
}

/// Without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn the_summary_lists_every_page_once() {
    let summary = pages::page("docs/SUMMARY.md");
    let mut listed = BTreeSet::new();
    for link in summary.links() {
        assert!(
            listed.insert(format!("docs/{}", link.target)),
            "{} is there twice",
            link.target
        );
    }
    let pages = pages::all().into_iter().map(|page| page.path);
    let manual = pages.filter(|path| path.starts_with("docs") && !path.ends_with("SUMMARY.md"));
    let manual: BTreeSet<String> = manual.map(|path| path.display().to_string()).collect();
    assert_eq!(listed, manual);
}

#[test]
fn the_readme_is_short() {
    let length = pages::page("README.md").text.len();
    assert!(
        length <= README_LIMIT,
        "README.md has {length} bytes, and {README_LIMIT} are enough"
    );
}

//! The pages: README and its neighbours, and the manual.

use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page of Markdown.
pub struct Page {
    /// From the top of the repository: `docs/guide.md`.
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block of code.
pub struct Block {
    pub language: String,
    pub text: String,
    pub line: usize,
}

/// Where a page leads to.
pub struct Link {
    pub target: String,
    pub line: usize,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The manual, then the pages at the top.
pub fn all() -> Vec<Page> {
    let mut paths = below(Path::new("docs"));
    paths.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from));
    let read = |path: PathBuf| Page {
        text: std::fs::read_to_string(root().join(&path)).unwrap(),
        path,
    };
    paths.into_iter().map(read).collect()
}

pub fn page(path: &str) -> Page {
    let mut pages = all();
    pages.retain(|page| page.path == Path::new(path));
    pages.pop().unwrap()
}

fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(directory)).unwrap() {
        let entry = entry.unwrap();
        let path = directory.join(entry.file_name());
        if entry.path().is_dir() {
            found.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

impl Page {
    /// `docs/guide.md:12`.
    pub fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, usize)> {
        let parser = Parser::new_ext(&self.text, Options::ENABLE_TABLES);
        let line = |at: usize| 1 + self.text[..at].matches('\n').count();
        parser
            .into_offset_iter()
            .map(move |(event, range)| (event, line(range.start)))
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        for (event, line) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    inside = true;
                    blocks.push(Block {
                        language: language.into_string(),
                        text: String::new(),
                        line,
                    });
                }
                Event::Text(text) if inside => blocks.last_mut().unwrap().text.push_str(&text),
                Event::End(TagEnd::CodeBlock) => inside = false,
                _ => {}
            }
        }
        blocks
    }

    pub fn links(&self) -> Vec<Link> {
        let in_html = regex::Regex::new(r#"\b(?:href|src|srcset)="([^"]*)""#).unwrap();
        let mut links = Vec::new();
        for (event, line) in self.events() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let target = dest_url.into_string();
                    links.push(Link { target, line });
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    let found = in_html.captures_iter(&html);
                    links.extend(found.map(|found| Link {
                        target: found[1].to_owned(),
                        line,
                    }));
                }
                _ => {}
            }
        }
        links
    }

    /// What can follow a `#`: of each heading what GitHub and mdBook make of it.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors = Vec::new();
        let mut heading: Option<String> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    anchors.extend(heading.take().map(|text| anchor(&text)));
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        anchors
    }
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

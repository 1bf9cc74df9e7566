//! What each setting may hold. Everything here ends up on a command line or in a Dockerfile, so
//! the rules say what is allowed, not what is forbidden.

use std::sync::LazyLock;

use regex::Regex;

use super::file::{ConfEntry, ConfFile};
use super::sources::Sources;
use super::value::{Value, ValueOrigin};
use crate::error::Diagnostic;

/// What becomes of the extra CA certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaBundle {
    /// They are there while the image is built and while a container runs, and do not stay.
    Mount,
    /// They are also put into the image's own trust store.
    Install,
}

/// An image reference: `registry:port/name:tag@digest`, nothing else.
static IMAGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$").ok());
/// A package name with the version and architecture marks of the six package managers.
static PACKAGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9@][A-Za-z0-9+._:@=~/-]*$").ok());
static VOLUME_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9][A-Za-z0-9_.-]+$").ok());

fn matches(rule: &LazyLock<Option<Regex>>, text: &str) -> bool {
    rule.as_ref().is_some_and(|rule| rule.is_match(text))
}

/// Picks the strongest word on each setting, and checks the weaker ones too.
pub(super) struct Picker<'a> {
    pub file: &'a ConfFile,
    pub sources: &'a Sources,
    pub diagnostics: &'a mut Vec<Diagnostic>,
}

impl Picker<'_> {
    pub(super) fn value<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Value<T>> {
        self.value_by(name, |text, _| parse(text))
    }

    /// The same where it matters who says it.
    pub(super) fn value_by<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str, &ValueOrigin) -> Result<T, String>,
    ) -> Option<Value<T>> {
        let in_file = self.in_file(name, &parse);
        let Some((text, origin)) = self.sources.get(name) else {
            return in_file;
        };
        self.keep(text, origin, &parse)
    }

    /// What all say, the weakest first.
    pub(super) fn all<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str, &ValueOrigin) -> Result<T, String>,
    ) -> Vec<Value<T>> {
        let mut all: Vec<Value<T>> = self.in_file(name, &parse).into_iter().collect();
        for (text, origin) in self.sources.all(name) {
            all.extend(self.keep(text, origin, &parse));
        }
        all
    }

    /// A setting that only the repository can make.
    pub(super) fn file_only<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Value<T>> {
        self.in_file(name, &|text: &str, _: &ValueOrigin| parse(text))
    }

    fn in_file<T>(
        &mut self,
        name: &str,
        parse: &impl Fn(&str, &ValueOrigin) -> Result<T, String>,
    ) -> Option<Value<T>> {
        let ConfEntry { value, at, .. } =
            self.file.entries.iter().find(|entry| entry.key == name)?;
        self.keep(value, ValueOrigin::File(*at), parse)
    }

    /// Words separated by white space, quoted as in a shell; none by default.
    pub(super) fn list(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<String, String>,
    ) -> Value<Vec<String>> {
        let words = |text: &str| -> Result<Vec<String>, String> {
            split_words(text)?.iter().map(|word| parse(word)).collect()
        };
        self.value(name, words)
            .unwrap_or_else(|| Value::default_of(Vec::new()))
    }

    fn keep<T>(
        &mut self,
        text: &str,
        origin: ValueOrigin,
        parse: &impl Fn(&str, &ValueOrigin) -> Result<T, String>,
    ) -> Option<Value<T>> {
        match parse(text, &origin) {
            Ok(value) => Some(Value { value, origin }),
            Err(message) => {
                self.diagnostics.push(origin.diagnostic(message));
                None
            }
        }
    }
}

/// Words separated by white space, quoted as in a shell.
pub(super) fn split_words(text: &str) -> Result<Vec<String>, String> {
    shlex::split(text).ok_or_else(|| "a quote is not closed".to_owned())
}

pub(super) fn image(text: &str) -> Result<String, String> {
    if matches(&IMAGE, text) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not the name of an image"))
    }
}

pub(super) fn package(word: &str) -> Result<String, String> {
    if matches(&PACKAGE, word) {
        Ok(word.to_owned())
    } else {
        Err(format!("`{word}` is not the name of a package"))
    }
}

pub(super) fn volume(word: &str) -> Result<String, String> {
    let mut parts = word.split(':');
    let (source, target) = (parts.next().unwrap_or_default(), parts.next());
    let options = parts.next().unwrap_or("rw");
    let source_fits = source.starts_with('/') || matches(&VOLUME_NAME, source);
    let target_fits = target.is_some_and(|path| path.starts_with('/'));
    let options_fit = options
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, ',' | '=' | '-'));
    if source_fits && target_fits && options_fit && parts.next().is_none() {
        Ok(word.to_owned())
    } else {
        Err(format!(
            "`{word}` is not a volume: expected /directory:/target or name:/target, and :ro if wanted"
        ))
    }
}

pub(super) fn pattern(word: &str) -> Result<String, String> {
    if word.is_empty() {
        return Err("an empty pattern matches nothing".to_owned());
    }
    // Seen from the top of the repository, as `.gitignore` would write it with a slash before it.
    if word.starts_with('/') || word.split('/').any(|part| matches!(part, "." | "..")) {
        let message = "matches nothing: patterns begin at the top of the repository";
        return Err(format!("`{word}` {message}, as in src/*.lock"));
    }
    Ok(word.to_owned())
}

pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a whole number"))
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("`{text}` is neither `yes` nor `no`")),
    }
}

pub(super) fn ca_bundle(text: &str) -> Result<CaBundle, String> {
    match text {
        "mount" => Ok(CaBundle::Mount),
        "install" => Ok(CaBundle::Install),
        _ => Err(format!(
            "`{text}` is neither `mount` nor `install`; the file itself is given by \
             --ca-bundle or git config dkr.caBundle"
        )),
    }
}

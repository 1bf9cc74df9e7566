//! What was said already, so that each new tip is told of once.
//!
//! A line that went to a terminal was seen. One that went elsewhere (an IDE fetches in the
//! background) may not have been: it is told once more when a person is there.

use anyhow::Result;

use crate::git::Repo;

/// The files in our directory.
const TOLD: &str = "told";
const PENDING: &str = "pending";

/// Who was told of a state of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NotifiedState {
    /// Somebody, or a file.
    Told,
    /// A person at a terminal.
    Seen,
}

/// What was said, and about which state: the image's name, its commit, and the tip it was
/// compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Notified(Vec<(String, NotifiedState)>);

impl Notified {
    /// Reads it back; what cannot be read was not said.
    pub(crate) fn read(repo: &Repo) -> Self {
        Self::parse(&crate::fs::read_text(repo.own_dir().join(TOLD)).unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (ear, state) = line.split_once(' ')?;
            let ear = match ear {
                "told" => NotifiedState::Told,
                "seen" => NotifiedState::Seen,
                _ => return None,
            };
            Some((state.to_owned(), ear))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// Whether there is anybody who has not heard this yet; from now on they have.
    pub(crate) fn tell(&mut self, state: &str, to_person: bool) -> bool {
        let ear = if to_person {
            NotifiedState::Seen
        } else {
            NotifiedState::Told
        };
        match self.0.iter_mut().find(|(known, _)| known == state) {
            Some((_, known)) if *known >= ear => false,
            Some((_, known)) => {
                *known = ear;
                true
            }
            None => {
                self.0.push((state.to_owned(), ear));
                true
            }
        }
    }

    /// Whether a person has not seen this, though it was said.
    pub(crate) fn is_unseen(&self, state: &str) -> bool {
        self.0
            .iter()
            .any(|(known, ear)| known == state && *ear == NotifiedState::Told)
    }

    /// Forgets the states of images that are no more or stand elsewhere by now.
    pub(crate) fn keep(&mut self, is_present: impl Fn(&str) -> bool) {
        self.0.retain(|(state, _)| is_present(state));
    }

    /// Writes it down, and the mark by which the stubs know that something was not seen.
    pub(crate) fn write(&self, repo: &Repo) -> Result<()> {
        let mut text = String::new();
        for (state, ear) in &self.0 {
            let ear = if *ear == NotifiedState::Seen {
                "seen"
            } else {
                "told"
            };
            text.push_str(&format!("{ear} {state}\n"));
        }
        repo.write_own(TOLD, text.as_bytes())?;
        if self.0.iter().any(|(_, ear)| *ear == NotifiedState::Told) {
            repo.write_own(PENDING, b"")
        } else {
            // It may not have been there.
            let _ = std::fs::remove_file(repo.own_dir().join(PENDING));
            Ok(())
        }
    }
}

/// Forgets all of it.
pub(crate) fn forget(repo: &Repo) {
    // What is not there need not go.
    for name in [TOLD, PENDING, "update.log"] {
        let _ = std::fs::remove_file(repo.own_dir().join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_hears_what_only_a_file_has_heard_and_nobody_hears_twice() {
        let mut told = Notified::default();
        assert!(told.tell("a", false));
        assert!(!told.tell("a", false));
        assert!(told.is_unseen("a"));
        assert!(told.tell("a", true));
        assert!(!told.is_unseen("a"));
        assert!(!told.tell("a", true));
        assert!(!told.tell("a", false));
        assert!(told.tell("b", true));
        told.keep(|state| state == "b");
        assert_eq!(told, Notified::parse("seen b\nnonsense\n"));
    }
}

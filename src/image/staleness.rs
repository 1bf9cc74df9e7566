//! How far an image is behind the ref it was built from: a pure function of facts.

use serde::Serialize;

use crate::git::Distance;

/// How an image lies to its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "commits", rename_all = "lowercase")]
pub enum Staleness {
    /// At the tip.
    Fresh,
    /// This many commits behind, at least one.
    Behind(u64),
    /// Its commit is no longer in the branch's history: a force-push or a rebase.
    Diverged,
    /// The ref was deleted.
    Gone,
    /// Its commit is not in this repository, or there is no repository.
    Unknown,
}

impl Staleness {
    /// From how the image's commit lies to the tip of its ref; `None` when the ref is gone.
    pub fn of(distance: Option<Distance>) -> Self {
        match distance {
            None => Self::Gone,
            Some(Distance::Behind(0)) => Self::Fresh,
            Some(Distance::Behind(commits)) => Self::Behind(commits),
            Some(Distance::Diverged) => Self::Diverged,
            Some(Distance::Missing) => Self::Unknown,
        }
    }

    /// For a column of a table.
    pub fn short(self) -> String {
        match self {
            Self::Fresh => "fresh".to_owned(),
            Self::Behind(commits) => format!("{commits} behind"),
            Self::Diverged => "diverged".to_owned(),
            Self::Gone => "branch gone".to_owned(),
            Self::Unknown => "unknown".to_owned(),
        }
    }

    /// What to tell before the image is started, if anything; `stale_after` is the number of
    /// commits that is still fine.
    pub fn advice(self, tag: &str, branch_from: &str, stale_after: u64) -> Option<Advice> {
        match self {
            Self::Behind(commits) if commits > stale_after => Some(Advice {
                warning: format!("image {tag} is {} behind {branch_from}", plural(commits)),
                mend: Mend::Update,
            }),
            Self::Diverged => Some(Advice {
                warning: format!(
                    "image {tag} has diverged from {branch_from}: its commit is no longer in that branch"
                ),
                mend: Mend::Create,
            }),
            Self::Gone => Some(Advice {
                warning: format!("{branch_from}, which image {tag} was built from, is gone"),
                mend: Mend::Nothing,
            }),
            Self::Fresh | Self::Behind(_) | Self::Unknown => None,
        }
    }
}

fn plural(commits: u64) -> String {
    match commits {
        1 => "1 commit".to_owned(),
        _ => format!("{commits} commits"),
    }
}

/// A warning and what would mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// One line.
    pub warning: String,
    /// What helps.
    pub mend: Mend,
}

/// What takes an image to its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// `update-image`.
    Update,
    /// `create-image`.
    Create,
    /// Nothing does.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_past_the_limit_is_worth_a_word() {
        let advice = |staleness: Staleness| {
            staleness
                .advice("dkr:app-main", "origin/main", 50)
                .map(|advice| (advice.warning, advice.mend))
        };
        assert_eq!(advice(Staleness::Fresh), None);
        assert_eq!(advice(Staleness::Behind(50)), None);
        assert_eq!(advice(Staleness::Unknown), None);
        assert_eq!(
            advice(Staleness::Behind(60)),
            Some((
                "image dkr:app-main is 60 commits behind origin/main".into(),
                Mend::Update
            ))
        );
        assert_eq!(advice(Staleness::Diverged).unwrap().1, Mend::Create);
        assert_eq!(advice(Staleness::Gone).unwrap().1, Mend::Nothing);
    }

    #[test]
    fn distances_become_states() {
        assert_eq!(Staleness::of(None), Staleness::Gone);
        assert_eq!(Staleness::of(Some(Distance::Behind(0))), Staleness::Fresh);
        assert_eq!(
            Staleness::of(Some(Distance::Behind(3))),
            Staleness::Behind(3)
        );
        assert_eq!(Staleness::of(Some(Distance::Missing)), Staleness::Unknown);
    }
}

//! How far an image is behind the ref it was built from: a pure function of facts.

use serde::Serialize;

use crate::git::{CAP, Distance};

/// How an image lies to its branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum Staleness {
    /// At the tip.
    Fresh,
    /// At an ancestor of the tip.
    Behind(Behind),
    /// Its commit is no longer in the branch's history: a force-push or a rebase.
    Diverged,
    /// The ref was deleted.
    Gone,
    /// Its commit is not in this repository, or there is no repository.
    Unknown,
}

/// How far behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Behind {
    /// How many commits, at least one.
    pub commits: u64,
    /// Whether there are more than that: counting ends somewhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub or_more: bool,
    /// The key files that changed since.
    pub key_files: Vec<String>,
}

impl Staleness {
    /// From how the image's commit lies to the tip of its ref, `None` when the ref is gone, and
    /// which key files differ between the two.
    pub(crate) fn of(distance: Option<Distance>, key_files: Vec<String>) -> Self {
        match distance {
            None => Self::Gone,
            Some(Distance::Behind(0)) => Self::Fresh,
            Some(Distance::Behind(commits)) => Self::Behind(Behind {
                commits: commits.min(CAP),
                or_more: commits > CAP,
                key_files,
            }),
            Some(Distance::Diverged) => Self::Diverged,
            Some(Distance::Missing) => Self::Unknown,
        }
    }

    /// Whether a newer image could be had.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(self, Self::Behind(_) | Self::Diverged | Self::Gone)
    }

    /// For a column of a table.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Fresh => "fresh".to_owned(),
            Self::Behind(behind) => match behind.key_files.split_first() {
                None => format!("{} behind", behind.number()),
                Some((file, [])) => format!("{} behind ({file})", behind.number()),
                Some((file, more)) => {
                    format!("{} behind ({file}, +{})", behind.number(), more.len())
                }
            },
            Self::Diverged => "diverged".to_owned(),
            Self::Gone => "branch gone".to_owned(),
            Self::Unknown => "unknown".to_owned(),
        }
    }

    /// A sentence about an image.
    pub(crate) fn sentence(&self, tag: &str, branch_from: &str) -> String {
        match self {
            Self::Fresh => format!("{tag} is fresh"),
            Self::Behind(behind) => {
                format!("{tag} is {behind} behind {branch_from}{}", behind.files())
            }
            Self::Diverged => format!(
                "{tag} has diverged from {branch_from} (its commit is no longer in that branch)"
            ),
            Self::Gone => format!("{tag} was built from {branch_from}, which is gone"),
            Self::Unknown => format!("{tag} is at a commit that is not in this repository"),
        }
    }

    pub(crate) fn remedy(&self) -> Remedy {
        match self {
            Self::Behind(_) => Remedy::Update,
            Self::Diverged => Remedy::Create,
            Self::Fresh | Self::Gone | Self::Unknown => Remedy::Nothing,
        }
    }

    /// Whether it is worth a word before the image is started; `stale_after` is the number of
    /// commits that is still fine while no key file changed.
    pub(crate) fn matters(&self, stale_after: u64) -> bool {
        match self {
            Self::Behind(behind) => {
                behind.or_more || behind.commits > stale_after || !behind.key_files.is_empty()
            }
            Self::Diverged | Self::Gone => true,
            Self::Fresh | Self::Unknown => false,
        }
    }
}

impl Behind {
    fn number(&self) -> String {
        number(self.commits + u64::from(self.or_more))
    }

    /// ` (Cargo.lock changed)`, or nothing.
    fn files(&self) -> String {
        match &self.key_files[..] {
            [] => String::new(),
            [first, second, more @ ..] if more.len() > 1 => {
                format!(" ({first}, {second} and {} more changed)", more.len())
            }
            files => format!(" ({} changed)", files.join(", ")),
        }
    }
}

impl std::fmt::Display for Behind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&commits(self.commits + u64::from(self.or_more)))
    }
}

/// `1 commit`, `63 commits`, or `10,000+ commits` where counting ended.
pub(crate) fn commits(count: u64) -> String {
    let noun = if count == 1 { "commit" } else { "commits" };
    format!("{} {noun}", number(count))
}

fn number(count: u64) -> String {
    let more = if count > CAP { "+" } else { "" };
    match count.min(CAP) {
        few @ 0..1000 => format!("{few}{more}"),
        many => format!("{},{:03}{more}", many / 1000, many % 1000),
    }
}

/// What takes an image to its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// `update-image`.
    Update,
    /// `create-image`.
    Create,
    Nothing,
}

impl Remedy {
    /// The command, for a repository and branch as one would type them.
    pub(crate) fn command(self, place: &str) -> Option<String> {
        match self {
            Self::Update => Some(format!("git dkr update-image {place}")),
            Self::Create => Some(format!("git dkr create-image {place}")),
            Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(commits: u64, files: &[&str]) -> Staleness {
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        Staleness::of(Some(Distance::Behind(commits)), files)
    }

    #[test]
    fn only_what_is_past_the_limit_is_worth_a_word() {
        for (staleness, matters) in [
            (Staleness::Fresh, false),
            (Staleness::Unknown, false),
            (behind(50, &[]), false),
            (behind(51, &[]), true),
            (behind(1, &["Cargo.lock"]), true),
            (behind(CAP + 1, &[]), true),
            (Staleness::Diverged, true),
            (Staleness::Gone, true),
        ] {
            assert_eq!(staleness.matters(50), matters, "{staleness:?}");
        }
    }

    #[test]
    fn distances_become_states() {
        let of = |distance| Staleness::of(distance, Vec::new());
        assert_eq!(of(None), Staleness::Gone);
        assert_eq!(of(Some(Distance::Behind(0))), Staleness::Fresh);
        assert_eq!(of(Some(Distance::Diverged)), Staleness::Diverged);
        assert_eq!(of(Some(Distance::Missing)), Staleness::Unknown);
    }

    #[test]
    fn sentences() {
        let lines: Vec<String> = [
            Staleness::Fresh,
            behind(1, &[]),
            behind(63, &["Cargo.lock"]),
            behind(CAP, &["a", "b", "c"]),
            behind(CAP + 1, &["a", "b", "c", "d"]),
            Staleness::Diverged,
            Staleness::Gone,
            Staleness::Unknown,
        ]
        .iter()
        .map(|state| {
            let sentence = state.sentence("dkr:app-main", "origin/main");
            let command = state.remedy().command(". origin/main").unwrap_or_default();
            format!("{:<24} | {sentence} | {command}", state.short())
        })
        .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn programs_read_numbers_and_names() {
        let json = |state: &Staleness| serde_json::to_string(state).unwrap();
        assert_eq!(json(&Staleness::Fresh), r#"{"state":"fresh"}"#);
        assert_eq!(
            json(&behind(3, &["a"])),
            r#"{"state":"behind","commits":3,"key_files":["a"]}"#
        );
        assert_eq!(
            json(&behind(CAP + 1, &[])),
            r#"{"state":"behind","commits":10000,"or_more":true,"key_files":[]}"#
        );
    }
}

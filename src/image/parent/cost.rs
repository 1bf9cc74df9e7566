//! Which image a create stands on best: pure functions of what is known of each.

use std::cmp::Reverse;
use std::fmt;

use crate::git::Divergence;
use crate::image::Image;
use crate::image::model::chain_limits::ChainLimit;
use crate::image::model::staleness::commits;
use crate::ui;

/// How many of the images with the fewest commits between are looked at closely.
pub(crate) const CLOSE: usize = 4;
/// How much dearer a byte is that is fetched into an image than one of a full clone, which arrives with its
/// index.
const FETCHED: u64 = 5;
/// What a full create costs besides the clone, in bytes: steps before it, and all files anew.
const STEPS: u64 = 4 << 20;
/// One changed key file costs this part of a full create.
const KEY_FILE: u64 = 10;

/// An image that a create may stand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub image: Image,
    /// How the target lies to its commit; `None` where nobody asked.
    pub divergence: Option<Divergence>,
    /// The bytes of the objects that lead from its commit to the target; `None` where nobody asked, or git
    /// does not know.
    pub bytes: Option<u64>,
    /// How many key files differ.
    pub key_files: u64,
    /// Why it cannot be taken, if so.
    pub reason: Option<Reason>,
}

/// Why an image is not one to stand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// There is no record of it.
    NoRecord,
    /// There is none of an image below it.
    NoRoot,
    /// A create would make something else; what, in words.
    Differs(String),
    /// Its commit is not in the repository.
    Missing,
    /// It shares no commit with the target.
    Unrelated,
    /// It has commits of its own, which the settings do not want.
    Sibling,
    /// Too much lies over its full clone already.
    TooMuch(ChainLimit),
    /// Objects between are not here, as in a partial clone.
    Unmeasured,
    /// Others have fewer commits between.
    Farther,
    /// Somebody removed it meanwhile.
    Gone,
}

impl Reason {
    /// Whether the image would not come to what a full create is, whatever one asks for.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::NoRecord | Self::NoRoot | Self::Differs(_) | Self::Gone => true,
            Self::TooMuch(_)
            | Self::Missing
            | Self::Unrelated
            | Self::Sibling
            | Self::Unmeasured
            | Self::Farther => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord => write!(f, "it has no record in this repository"),
            Self::NoRoot => write!(f, "an image below it has no record in this repository"),
            Self::Differs(what) => write!(f, "{what}"),
            Self::Missing => write!(f, "its commit is not in this repository"),
            Self::Unrelated => write!(f, "it shares no history with the commit"),
            Self::Sibling => write!(
                f,
                "it, or what it stands on, has commits of its own, and siblings = no"
            ),
            Self::TooMuch(why) => write!(f, "{why}"),
            Self::Unmeasured => write!(
                f,
                "objects between the two commits are not in this repository"
            ),
            Self::Farther => write!(f, "others are nearer"),
            Self::Gone => write!(f, "it was removed meanwhile"),
        }
    }
}

impl Candidate {
    /// An image of which nothing else is known yet.
    pub(crate) fn of(image: &Image) -> Self {
        Self {
            image: image.clone(),
            divergence: None,
            bytes: None,
            key_files: 0,
            reason: None,
        }
    }

    /// What it costs to stand on it, in bytes of a full create that costs `full`; `None` when it cannot be
    /// taken.
    pub(crate) fn cost(&self, full: u64) -> Option<u64> {
        if self.reason.is_some() {
            return None;
        }
        let fetched = self.bytes?.saturating_mul(FETCHED);
        let key_files = self.key_files.saturating_mul(full / KEY_FILE);
        Some(fetched.saturating_add(key_files))
    }

    /// How far it is: `214 commits, 3.1 MB`.
    pub(crate) fn distance(&self) -> String {
        let mut distance = distance(self.divergence, self.bytes);
        match self.key_files {
            0 => {}
            1 => distance.push_str(", 1 key file changed"),
            count => distance.push_str(&format!(", {count} key files changed")),
        }
        distance
    }

    /// What becomes of it where a full create costs `full`: its distance, and why it is not taken.
    pub(crate) fn verdict(&self, full: u64) -> String {
        let distance = self.distance();
        match &self.reason {
            Some(Reason::Farther) => format!("{distance}; not weighed: {}", Reason::Farther),
            Some(reason) if distance.is_empty() => format!("no: {reason}"),
            Some(reason) => format!("{distance}; no: {reason}"),
            None if self.cost(full).is_none_or(|cost| cost >= full) => {
                format!("{distance}; no: a full clone is cheaper")
            }
            None => distance,
        }
    }

    /// Commits between, then the newest first.
    fn commits_apart(&self) -> (u64, u64) {
        match self.divergence {
            Some(Divergence::Shared { ahead, behind }) => (ahead, behind),
            _ => (u64::MAX, u64::MAX),
        }
    }

    /// Of equals the one with the least over its clone is best, then the newest.
    fn weight(&self) -> impl Ord + use<> {
        let image = &self.image;
        let age = Reverse(image.labels.created_at);
        (image.size, age, image.tag.clone())
    }
}

/// What leads from one commit to another: `214 commits, 3.1 MB`.
pub(crate) fn distance(divergence: Option<Divergence>, bytes: Option<u64>) -> String {
    let commits = match divergence {
        Some(Divergence::Shared { ahead: 0, behind }) if behind > 0 => {
            Some(format!("{} behind", commits(behind)))
        }
        Some(Divergence::Shared { ahead, .. }) => Some(commits(ahead)),
        _ => None,
    };
    let words: Vec<String> = commits.into_iter().chain(bytes.map(ui::bytes)).collect();
    words.join(", ")
}

/// Puts those that may be taken first, the fewest commits between first among them. All
/// but a few of them are too far to be looked at.
pub(crate) fn by_distance(candidates: &mut [Candidate]) {
    candidates.sort_by_cached_key(|c| (c.reason.is_some(), c.commits_apart(), c.weight()));
    let able = candidates.iter_mut().filter(|c| c.reason.is_none());
    for candidate in able.skip(CLOSE) {
        candidate.reason = Some(Reason::Farther);
    }
}

/// What a full create costs where the repository takes that many bytes.
pub(crate) fn full(size: u64) -> u64 {
    size.saturating_add(STEPS)
}

/// Puts the cheapest first, then the others that may be taken.
pub(crate) fn by_cost(candidates: &mut [Candidate], full: u64) {
    candidates.sort_by_cached_key(|c| {
        (
            c.cost(full).is_none(),
            c.cost(full),
            c.commits_apart(),
            c.weight(),
        )
    });
}

/// The cheapest, when it is cheaper than a full create. They are in the order of their costs.
pub(crate) fn cheapest(candidates: &[Candidate], full: u64) -> Option<&Candidate> {
    candidates
        .first()
        .filter(|first| first.cost(full).is_some_and(|cost| cost < full))
}
#[cfg(test)]
mod tests;

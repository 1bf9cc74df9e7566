//! How one commit lies to another.

/// Distances are exact up to this many commits; all that is farther is one more than this.
pub const CAP: u64 = 10_000;

/// How a commit lies to the tip of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// It is an ancestor of the tip, this many commits behind; 0 when it is the tip. More than
    /// [`CAP`] is given as `CAP + 1`, as counting on takes time and tells nobody anything.
    Behind(u64),
    /// It is not in the tip's history.
    Diverged,
    /// It is not in this repository.
    Missing,
}

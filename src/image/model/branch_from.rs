//! What the user typed for a branch, read without looking at the repository's refs.

/// What a BRANCH_FROM may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BranchFrom {
    Head,
    /// A branch of a remote, which is fetched first.
    Remote {
        /// The remote's name, which may hold slashes.
        remote: String,
        /// The branch's name over there.
        branch: String,
    },
    /// A local branch, a tag or a commit, tried in that order.
    Local(String),
}

/// Reads it: the longest name of a remote that is followed by a slash makes it a remote branch.
pub(crate) fn parse(text: &str, remotes: &[String]) -> BranchFrom {
    if matches!(text, "" | "HEAD" | "@") {
        return BranchFrom::Head;
    }
    if !can_be_ref(text) {
        return BranchFrom::Local(text.to_owned());
    }
    // As `git branch -a` shows it.
    let full = text.strip_prefix("refs/").unwrap_or(text);
    let short = full.strip_prefix("remotes/").unwrap_or(text);
    let remote = remotes
        .iter()
        .filter_map(|remote| {
            let branch = short.strip_prefix(remote.as_str())?.strip_prefix('/')?;
            (!branch.is_empty()).then_some((remote, branch))
        })
        .max_by_key(|(remote, _)| remote.len());
    match remote {
        Some((remote, branch)) => BranchFrom::Remote {
            remote: remote.clone(),
            branch: branch.to_owned(),
        },
        None => BranchFrom::Local(text.to_owned()),
    }
}

/// Whether a ref could have this name; otherwise it is an expression such as `main~3`, which
/// leads to a commit only (`gitrevisions`).
pub(crate) fn can_be_ref(name: &str) -> bool {
    !name.contains(['~', '^', ':', '?', '*', '[', '\\', ' '])
        && !name.contains("@{")
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> BranchFrom {
        let remotes = ["origin", "space", "team/a", "team"].map(str::to_owned);
        parse(text, &remotes)
    }

    fn remote(remote: &str, branch: &str) -> BranchFrom {
        BranchFrom::Remote {
            remote: remote.into(),
            branch: branch.into(),
        }
    }

    #[test]
    fn the_longest_remote_wins_and_the_rest_is_local() {
        assert_eq!(read("HEAD"), BranchFrom::Head);
        assert_eq!(read("origin/main"), remote("origin", "main"));
        assert_eq!(read("refs/remotes/origin/a/b"), remote("origin", "a/b"));
        assert_eq!(read("remotes/origin/a/b"), remote("origin", "a/b"));
        assert_eq!(read("space/main"), remote("space", "main"));
        assert_eq!(read("team/a/x"), remote("team/a", "x"));
        assert_eq!(read("team/b/x"), remote("team", "b/x"));
        for local in [
            "main",
            "origin",
            "origin/",
            "original/x",
            "feature/x",
            "1a2b3c",
            "origin/main~3",
            "HEAD^",
            "refs/origin/main",
        ] {
            assert_eq!(read(local), BranchFrom::Local(local.into()));
        }
    }
}

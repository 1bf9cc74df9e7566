//! What a container's work is now, as far as the repository has it.

use super::inventory::Container;
use super::saved::MAIN_WORKTREE;
use crate::git::ObjectId;

/// The newest that there is of the worktree at `/workspace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewestWork<'a> {
    /// Shaped as a stash: what is not committed.
    Uncommitted(&'a ObjectId),
    Commit(&'a ObjectId),
}

/// What is not committed, else the work branch, as it was saved or else as it was pushed.
pub(crate) fn newest(container: &Container) -> Option<NewestWork<'_>> {
    let saved = &container.saved;
    if let Some(wip) = saved.wip.get(MAIN_WORKTREE) {
        return Some(NewestWork::Uncommitted(&wip.commit));
    }
    let branch = container.work_branch()?;
    let commit = saved.heads.get(branch);
    let commit = commit.or_else(|| saved.detached.get(MAIN_WORKTREE));
    let commit = commit.or_else(|| container.pushed.get(branch));
    commit.map(NewestWork::Commit)
}

/// The tips of all that was committed in it.
pub(crate) fn tips(container: &Container) -> Vec<&ObjectId> {
    let tips = container.saved.tips().chain(container.pushed.values());
    let mut tips: Vec<&ObjectId> = tips.collect();
    tips.sort();
    tips.dedup();
    tips
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::inventory::tests::here;
    use crate::container::saved::SavedWip;

    #[test]
    fn what_is_not_committed_comes_before_what_was_saved_and_that_before_what_was_pushed() {
        let id = |byte: &str| ObjectId::parse(&byte.repeat(20)).unwrap();
        let (wip, saved, pushed) = (id("01"), id("02"), id("03"));
        let mut container = here(Vec::new(), &["box"]).here.remove(0);
        assert_eq!(newest(&container), None);
        let branch = container.work_branch().unwrap().to_owned();
        container.pushed.insert("other".into(), wip.clone());
        assert_eq!(newest(&container), None);
        container.pushed.insert(branch.clone(), pushed.clone());
        assert_eq!(newest(&container), Some(NewestWork::Commit(&pushed)));
        container.saved.heads.insert(branch, saved.clone());
        assert_eq!(newest(&container), Some(NewestWork::Commit(&saved)));
        let entry = |commit: &ObjectId| SavedWip {
            commit: commit.clone(),
            files: 1,
            left_out: Vec::new(),
        };
        container
            .saved
            .wip
            .insert("worktrees/a".into(), entry(&wip));
        assert_eq!(newest(&container), Some(NewestWork::Commit(&saved)));
        container.saved.wip.insert("workspace".into(), entry(&wip));
        assert_eq!(newest(&container), Some(NewestWork::Uncommitted(&wip)));
        assert_eq!(tips(&container), [&wip, &saved, &pushed]);
    }
}

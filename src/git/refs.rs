//! Refs: what they point to.

use anyhow::Result;

use super::{CommitSummary, ObjectId, Repo, lines, run};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// On a branch, by its short name; the branch may be unborn.
    Branch(String),
    /// At a commit.
    Detached,
}

impl Repo {
    /// What HEAD is.
    pub fn head(&self) -> Result<Head> {
        if let Some(head) = self.quick_head() {
            return Ok(head);
        }
        let output = self.git(["symbolic-ref", "-q", "HEAD"]).output()?;
        let name = String::from_utf8_lossy(&output.stdout);
        Ok(match name.trim_end().strip_prefix("refs/heads/") {
            Some(branch) => Head::Branch(branch.to_owned()),
            None => Head::Detached,
        })
    }

    /// The commits that these revisions lead to, in their order; `None` where there is none.
    /// A revision with a line break in it leads nowhere.
    pub fn commits<S: AsRef<str>>(&self, revisions: &[S]) -> Result<Vec<Option<ObjectId>>> {
        if let Some(commits) = self.quick_commits(revisions) {
            return Ok(commits);
        }
        let mut input = String::new();
        for revision in revisions.iter().map(AsRef::as_ref) {
            // An empty revision would be read as `^{commit}` of the index.
            let fits = !revision.is_empty() && !revision.contains(['\n', '\0']);
            input.push_str(if fits { revision } else { "refs/heads/.no" });
            input.push_str("^{commit}\n");
        }
        let cmd = self
            .git(["cat-file", "--batch-check=%(objectname) %(objecttype)"])
            .stdin(input);
        let answer = lines(&run("cat-file", &cmd)?);
        let commit = |line: &String| {
            let (id, kind) = line.split_once(' ')?;
            (kind == "commit").then(|| ObjectId::parse(id)).flatten()
        };
        let mut commits: Vec<_> = answer.iter().map(commit).collect();
        // One line an answer; should git say less, the rest is not there.
        commits.resize(revisions.len(), None);
        Ok(commits)
    }

    /// What a ref names, whether or not that object is there.
    pub fn named_by(&self, reference: &str) -> Result<Option<ObjectId>> {
        let cmd = self.git(["rev-parse", "--verify", "--quiet", reference]);
        let answer = lines(&cmd.output()?.stdout);
        Ok(answer.first().and_then(|line| ObjectId::parse(line)))
    }

    /// The kind of object that a revision leads to, through tags; `None` where there is none.
    pub fn kind_of(&self, revision: &str) -> Result<Option<String>> {
        if revision.contains(['\n', '\0']) {
            return Ok(None);
        }
        // Behind a path `^{}` would be a part of it.
        let input = format!("{revision}^{{}}\n{revision}\n");
        let cmd = self.git(["cat-file", "--batch-check=%(objecttype)"]);
        let answer = lines(&cmd.stdin(input).output()?.stdout);
        let kinds = ["blob", "tree", "commit", "tag"];
        Ok(answer
            .into_iter()
            .find(|kind| kinds.contains(&kind.as_str())))
    }

    /// The commit's first line, and what else is shown of it.
    pub fn commit(&self, id: &ObjectId) -> Result<CommitSummary> {
        let cmd = self.git([
            "show",
            "-s",
            "--no-show-signature",
            "--format=%h%x00%s",
            id.as_str(),
        ]);
        let answer = String::from_utf8_lossy(&run("show", &cmd)?).into_owned();
        let (short, subject) = answer.trim_end().split_once('\0').unwrap_or((&answer, ""));
        Ok(CommitSummary {
            id: id.clone(),
            short: short.to_owned(),
            subject: subject.to_owned(),
        })
    }

    /// The names of the branches below a prefix such as `box/`, without it.
    pub fn branches_below(&self, prefix: &str) -> Result<Vec<String>> {
        let place = format!("refs/heads/{prefix}");
        let cmd = self.git(["for-each-ref", "--format=%(refname)", &place]);
        let names = lines(&run("for-each-ref", &cmd)?);
        let below = |name: &String| Some(name.strip_prefix(&place)?.to_owned());
        Ok(names.iter().filter_map(below).collect())
    }

    /// The names of all branches, those of remotes with the remote's name before them.
    pub fn branch_names(&self) -> Result<Vec<String>> {
        let format = "--format=%(refname:lstrip=2)";
        let cmd = self.git(["for-each-ref", format, "refs/heads", "refs/remotes"]);
        Ok(lines(&run("for-each-ref", &cmd)?))
    }
}

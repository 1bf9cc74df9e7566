//! The labels of containers. Labels are input: anybody can write any.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::git::{ObjectId, can_be_branch_name};

/// The label by which our containers are found: images, whose labels they inherit, have none.
pub(crate) const MARK: &str = "dkr.work_branch";
/// The version of the labels.
const SCHEMA: &str = "1";

/// What the labels of one container say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerLabels {
    /// The repository's path on the host.
    pub repo_path: PathBuf,
    /// The repository's name.
    pub repo_name: String,
    /// The branch that its work branch follows.
    pub branch: String,
    /// What the user typed.
    pub branch_from: String,
    /// The commit that its work branch began at.
    pub commit: ObjectId,
    /// The branch that it was started on.
    pub work_branch: String,
    /// The tag of its image.
    pub image: String,
    /// The agent that runs in it.
    pub agent: Option<String>,
}

impl ContainerLabels {
    /// As the engine takes them.
    pub(crate) fn to_pairs(&self) -> Vec<(String, String)> {
        let pairs = [
            ("repo_path", self.repo_path.to_string_lossy().into_owned()),
            ("repo_name", self.repo_name.clone()),
            ("branch", self.branch.clone()),
            ("branch_from", self.branch_from.clone()),
            ("commit", self.commit.to_string()),
            ("work_branch", self.work_branch.clone()),
            ("image", self.image.clone()),
            // An image's own agent need not be the one that runs.
            ("agent", self.agent.clone().unwrap_or_default()),
            ("schema", SCHEMA.to_owned()),
        ];
        let named = |(name, value)| (format!("dkr.{name}"), value);
        pairs.into_iter().map(named).collect()
    }

    /// Reads them back; says which one does not make sense.
    pub(crate) fn parse(labels: &BTreeMap<String, String>) -> Result<Self, String> {
        let get = |name: &str| match labels.get(&format!("dkr.{name}")) {
            Some(value) => Ok(value.clone()),
            None => Err(format!("it has no label dkr.{name}")),
        };
        let bad = |name: &str, value: &str| format!("its label dkr.{name} is {value:?}");
        let schema = get("schema")?;
        if schema != SCHEMA {
            return Err(bad("schema", &schema));
        }
        let (commit, work_branch) = (get("commit")?, get("work_branch")?);
        if !can_be_branch_name(&work_branch) {
            return Err(bad("work_branch", &work_branch));
        }
        Ok(Self {
            repo_path: get("repo_path")?.into(),
            repo_name: get("repo_name")?,
            branch: get("branch")?,
            branch_from: get("branch_from")?,
            commit: ObjectId::parse(&commit).ok_or_else(|| bad("commit", &commit))?,
            work_branch,
            image: get("image")?,
            agent: Some(get("agent")?).filter(|agent| !agent.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> ContainerLabels {
        ContainerLabels {
            repo_path: "/src/shop".into(),
            repo_name: "shop".into(),
            branch: "main".into(),
            branch_from: "origin/main".into(),
            commit: ObjectId::parse("0123456789012345678901234567890123456789").unwrap(),
            work_branch: "fix/typo".into(),
            image: "dkr:shop-main".into(),
            agent: None,
        }
    }

    #[test]
    fn labels_come_back_as_they_were() {
        let labels = labels();
        let pairs = labels.to_pairs().into_iter().collect();
        assert_eq!(ContainerLabels::parse(&pairs), Ok(labels));
    }

    #[test]
    fn hostile_labels_are_named() {
        for (name, value) in [
            ("dkr.commit", "main"),
            ("dkr.work_branch", "--upload-pack=x"),
            ("dkr.schema", "2"),
        ] {
            let mut pairs: BTreeMap<_, _> = labels().to_pairs().into_iter().collect();
            pairs.insert(name.to_owned(), value.to_owned());
            let error = ContainerLabels::parse(&pairs).unwrap_err();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}

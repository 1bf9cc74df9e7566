//! Which containers there are: what the engine has, and whose work is saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::directory::ContainerDirectory;
use super::info::{self, ContainerInfo};
use super::labels::{ContainerLabels, MARK};
use super::saved::{self, SavedWork};
use crate::engine::{ContainerState, Engine, EngineContainer};
use crate::error::Failure;
use crate::git::saved_work::WORK;
use crate::git::{ObjectId, Repo, values_of};
use crate::proc::join;

/// A container that the engine has, or whose work is saved, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub name: String,
    /// As long as the engine has it.
    pub live: Option<LiveContainer>,
    /// Nothing, where none of its work is saved.
    pub saved: SavedWork,
    /// The branches that it has pushed, by their names below its own.
    pub pushed: BTreeMap<String, ObjectId>,
    /// The others whose work its own conflicts with, as was found when it was last saved.
    pub conflicts: Vec<String>,
}

/// What the engine knows of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveContainer {
    pub labels: ContainerLabels,
    pub state: ContainerState,
    pub created: Timestamp,
}

/// A container with our mark and labels that make no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StrangeContainer {
    name: String,
    /// The repository that it is said to be of.
    repo_path: Option<PathBuf>,
    reason: String,
}

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct Containers {
    /// Those of the repository, newest first; outside of any, all.
    pub here: Vec<Container>,
    /// Those of other repositories.
    pub elsewhere: Vec<Container>,
    strange: Vec<StrangeContainer>,
}

impl Container {
    /// What was kept of it, where that can be read.
    pub(crate) fn info(&self) -> Option<&ContainerInfo> {
        self.saved.info.as_ref()?.as_ref().ok()
    }

    fn labels(&self) -> Option<&ContainerLabels> {
        self.live.as_ref().map(|live| &live.labels)
    }

    pub(crate) fn branch(&self) -> Option<&str> {
        let saved = || self.info().map(|info| &*info.branch);
        self.labels().map(|labels| &*labels.branch).or_else(saved)
    }

    pub(crate) fn branch_from(&self) -> Option<&str> {
        let saved = || self.info().map(|info| &*info.branch_from);
        let labels = self.labels().map(|labels| &*labels.branch_from);
        labels.or_else(saved)
    }

    /// The commit that its work branch began at.
    pub(crate) fn commit(&self) -> Option<&ObjectId> {
        let saved = || self.info().map(|info| &info.commit);
        self.labels().map(|labels| &labels.commit).or_else(saved)
    }

    pub(crate) fn work_branch(&self) -> Option<&str> {
        let saved = || self.info().map(|info| &*info.work_branch);
        let labels = self.labels().map(|labels| &*labels.work_branch);
        labels.or_else(saved)
    }

    /// The tag of its image.
    pub(crate) fn image(&self) -> Option<&str> {
        let saved = || self.info().map(|info| &*info.image);
        self.labels().map(|labels| &*labels.image).or_else(saved)
    }

    pub(crate) fn agent(&self) -> Option<&str> {
        match self.labels() {
            Some(labels) => labels.agent.as_deref(),
            None => self.info()?.agent.as_deref(),
        }
    }

    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        let live = self.live.as_ref().map(|live| live.created);
        live.or_else(|| Some(self.info()?.started_at))
    }

    /// Notes beside its saved work what it is, unless that is noted, for when the engine has it no more.
    pub(crate) fn note_info(&self, repo: &Repo) -> Result<()> {
        let Some(live) = self.live.as_ref().filter(|_| self.saved.info.is_none()) else {
            return Ok(());
        };
        let info = ContainerInfo::of_started(&self.name, live.labels.clone(), live.created);
        info::write(repo, &info)
    }

    /// The commit that its work is compared with, which the repository must have.
    pub(crate) fn base(&self, repo: &Repo) -> Result<&ObjectId> {
        let name = &self.name;
        let Some(commit) = self.commit() else {
            let why = match &self.saved.info {
                Some(Err(reason)) => reason,
                _ => "nothing is saved that says it",
            };
            bail!(
                Failure::new(format!(
                    "the commit that {name} began at is not known: {why}"
                ))
                .hint(format!(
                    "git for-each-ref {}{name} lists what is saved",
                    WORK
                ))
            );
        };
        if repo.commits(&[commit.as_str()])? == [None] {
            let short = commit.short();
            bail!(
                Failure::new(format!(
                    "the commit {short}, which {name} began at, is not in this repository"
                ))
                .hint("fetch the branch that it is of")
            );
        }
        Ok(commit)
    }

    /// The path of its repository, as the engine has it.
    pub(crate) fn repo_path(&self) -> Option<&Path> {
        self.labels().map(|labels| labels.repo_path.as_path())
    }
}

impl Containers {
    /// Asks the engine and the repository. The engine comes back where it has answered, else why it has not;
    /// there is what is saved then.
    pub(crate) fn ask(
        repo: Option<&Repo>,
        engine: Result<Engine>,
    ) -> Result<(Self, Result<Engine>)> {
        let live = || {
            let engine = engine?;
            let live = engine.containers(MARK)?;
            Ok((engine, live))
        };
        let (live, saved) = join(live, || repo.map(saved::all).transpose())?;
        let (engine, live) = match live {
            Ok((engine, live)) => (Ok(engine), live),
            Err(trouble) => (Err(trouble), Vec::new()),
        };
        let saved = saved?.unwrap_or_default();
        let mut all = merge(repo.map(|repo| &*repo.path), live, saved);
        if let Some(repo) = repo {
            add_pushed(repo, &mut all.here)?;
            for container in all.here.iter_mut().filter(|one| one.live.is_some()) {
                container.conflicts = ContainerDirectory::of(repo, &container.name).conflicts();
            }
        }
        Ok((all, engine))
    }

    /// What is to be said of those whose labels cannot be used: of this repository, or of all.
    pub(crate) fn strange(&self, repo_path: Option<&Path>) -> impl Iterator<Item = String> {
        let concerns = move |strange: &&StrangeContainer| {
            repo_path.is_none_or(|path| strange.repo_path.as_deref() == Some(path))
        };
        self.strange.iter().filter(concerns).map(|strange| {
            let StrangeContainer { name, reason, .. } = strange;
            format!("container {name} is left out: {reason}")
        })
    }

    /// What is to be said of saved work that does not say what it is of.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = String> {
        self.here.iter().filter_map(|container| {
            let reason = container.saved.info.as_ref()?.as_ref().err()?;
            let name = &container.name;
            Some(format!(
                "what is saved of container {name} does not say what it was: {reason}"
            ))
        })
    }
}

/// Puts together what belongs to one container. `repo_path` is the repository that the saved work is of.
fn merge(
    repo_path: Option<&Path>,
    live: Vec<EngineContainer>,
    mut saved: BTreeMap<String, SavedWork>,
) -> Containers {
    let mut all = Containers::default();
    for found in live {
        let labels = match ContainerLabels::parse(&found.labels) {
            Ok(labels) => labels,
            Err(reason) => {
                all.strange.push(StrangeContainer {
                    repo_path: found.labels.get("dkr.repo_path").map(PathBuf::from),
                    name: found.name,
                    reason,
                });
                continue;
            }
        };
        let is_here = repo_path.is_none_or(|path| labels.repo_path == path);
        let work = is_here.then(|| saved.remove(&found.name)).flatten();
        let container = Container {
            live: Some(LiveContainer {
                labels,
                state: found.state,
                created: found.created,
            }),
            saved: work.unwrap_or_default(),
            pushed: BTreeMap::new(),
            conflicts: Vec::new(),
            name: found.name,
        };
        match is_here {
            true => all.here.push(container),
            false => all.elsewhere.push(container),
        }
    }
    all.here
        .extend(saved.into_iter().map(|(name, saved)| Container {
            name,
            live: None,
            saved,
            pushed: BTreeMap::new(),
            conflicts: Vec::new(),
        }));
    for list in [&mut all.here, &mut all.elsewhere] {
        list.sort_by(|one, other| {
            let newest = other.started_at().cmp(&one.started_at());
            newest.then_with(|| one.name.cmp(&other.name))
        });
    }
    all
}

/// What is below `refs/heads/<container>/` of each.
fn add_pushed(repo: &Repo, containers: &mut [Container]) -> Result<()> {
    if containers.is_empty() {
        return Ok(());
    }
    let below = |container: &Container| format!("refs/heads/{}/", container.name);
    let asked: Vec<String> = containers.iter().map(below).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    for (name, id) in values_of(&repo.common_dir, &asked)? {
        let Some((owner, branch)) = name
            .strip_prefix("refs/heads/")
            .and_then(|name| name.split_once('/'))
        else {
            continue;
        };
        if let Some(container) = containers.iter_mut().find(|one| one.name == owner) {
            container.pushed.insert(branch.to_owned(), id);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::container::info;

    pub(crate) fn live(name: &str, repo_path: &str, state: ContainerState) -> EngineContainer {
        let labels = ContainerLabels {
            repo_path: repo_path.into(),
            repo_name: "shop".into(),
            branch: "main".into(),
            branch_from: "origin/main".into(),
            commit: ObjectId::parse(&"0a".repeat(20)).unwrap(),
            work_branch: "work".into(),
            image: "dkr:shop-main".into(),
            agent: None,
        };
        EngineContainer {
            id: "1a".into(),
            name: name.into(),
            labels: labels.to_pairs().into_iter().collect(),
            state,
            created: "2026-03-02T10:00:00Z".parse().unwrap(),
        }
    }

    pub(crate) fn saved(names: &[&str]) -> BTreeMap<String, SavedWork> {
        let work = |name: &&str| {
            let work = SavedWork {
                info: Some(Ok(info::tests::info(name))),
                ..SavedWork::default()
            };
            ((*name).to_owned(), work)
        };
        names.iter().map(work).collect()
    }

    /// A repository at `/shop`.
    pub(crate) fn here(live: Vec<EngineContainer>, names: &[&str]) -> Containers {
        merge(Some(Path::new("/shop")), live, saved(names))
    }

    fn names(containers: &[Container]) -> Vec<&str> {
        let names = containers.iter().map(|container| &*container.name);
        names.collect()
    }

    #[test]
    fn what_belongs_to_one_container_is_put_together() {
        let mut odd = live("odd", "/shop", ContainerState::Running);
        odd.labels.insert("dkr.commit".into(), "main".into());
        let live = vec![
            live("box", "/shop", ContainerState::Running),
            live("crate", "/other", ContainerState::Running),
            odd,
        ];
        let all = here(live.clone(), &["crate", "box", "old"]);
        assert_eq!(names(&all.here), ["box", "crate", "old"]);
        assert_eq!(names(&all.elsewhere), ["crate"]);
        let [found, same_name, old] = &all.here[..] else {
            panic!()
        };
        assert!(found.live.is_some() && found.info().is_some());
        // What labels say counts.
        assert_eq!(found.agent(), None);
        assert_eq!(found.work_branch(), Some("work"));
        // Another repository's container of the same name is another one.
        assert!(same_name.live.is_none());
        assert_eq!(old.agent(), Some("claude"));
        assert_eq!(all.strange[0].name, "odd");
        assert_eq!(all.strange[0].repo_path, Some("/shop".into()));
        // Outside of any repository all are meant.
        let all = merge(None, live, BTreeMap::new());
        assert_eq!(names(&all.here), ["box", "crate"]);
    }
}

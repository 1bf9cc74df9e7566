//! Building: from a target to an image. First a plan, which is a value that can be printed; then
//! the engine runs it.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::labels::Kind;
use super::reach::Way;
use super::report::Report;
use super::{Image, Labels, Target, ca, dockerfile, find, names};
use crate::conf::{self, Conf, Host, Sources};
use crate::engine::{BuildSpec, Docker};
use crate::error::Failure;
use crate::fs::{Lock, Scratch};
use crate::git::{Commit, Distance, History, Repo, View};
use crate::ssh::{SECRETS, Serve};
use crate::ui;

/// Engines fail near 125 layers; a chain ends well before, as the steps of `[post_clone]` count.
const MAX_LAYERS: usize = 100;
/// Passed to the steps of a build and to containers, never baked.
pub(super) const PROXIES: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
];

/// The proxy settings of our environment, by name.
pub(super) fn proxies() -> Vec<String> {
    PROXIES
        .into_iter()
        .filter(|name| conf::variable(name).is_some())
        .map(str::to_owned)
        .collect()
}

/// What a build works with.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The repository.
    pub repo: &'a Repo,
    /// An engine that can build.
    pub docker: &'a Docker,
    /// Settings of the machine.
    pub host: &'a Host,
    /// Settings above `.dkr.conf`.
    pub sources: &'a Sources,
}

/// Everything that is decided before anything is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the image is to hold.
    pub target: Target,
    /// What is shown of the commit.
    pub commit: Commit,
    /// Settings at that commit.
    pub conf: Conf,
    /// The image's name.
    pub tag: String,
    /// The image that an update is put on; none for a create.
    pub parent: Option<Image>,
    /// The Dockerfile.
    pub dockerfile: String,
    /// What the user should hear beforehand.
    pub remarks: Vec<String>,
}

impl Plan {
    /// For a people's eye: what would be done.
    pub fn describe(&self) -> String {
        match &self.parent {
            None => format!("{} on {}", self.tag, self.conf.base_image.value),
            Some(parent) => format!(
                "{} on {} as of {}",
                self.tag,
                parent.tag,
                parent.labels.commit.short()
            ),
        }
    }
}

/// Plans an image of its own.
pub fn plan_create(site: Site, target: Target) -> Result<Plan> {
    let images = find::all(site.docker)?;
    let tag = match find::newest_of(&images, &site.repo.path, &target.branch) {
        Some(image) => image.tag.clone(),
        None => free_tag(site, &target)?,
    };
    plan(site, target, tag, None, Vec::new())
}

/// What an update comes down to.
#[derive(Debug, Clone)]
pub enum Step {
    /// This image is at the commit already.
    Nothing(Box<Image>),
    /// This is to be built.
    Bake(Box<Plan>),
}

/// Plans one more layer on the newest image of the branch.
pub fn plan_update(site: Site, target: Target) -> Result<Step> {
    let images = find::all(site.docker)?;
    let Some(parent) = find::newest_of(&images, &site.repo.path, &target.branch) else {
        let message = format!(
            "there is no image of {} of {} to update",
            target.branch,
            site.repo.path.display()
        );
        return Err(Failure::new(message)
            .hint(format!(
                "make one: git dkr create-image {}",
                target.branch_from
            ))
            .into());
    };
    if parent.labels.commit == target.commit {
        return Ok(Step::Nothing(Box::new(parent.clone())));
    }
    if parent.layers >= MAX_LAYERS {
        let remark = format!(
            "{} has {} layers, and engines take about 125: this update is a create",
            parent.tag, parent.layers
        );
        let plan = plan(site, target, parent.tag.clone(), None, vec![remark])?;
        return Ok(Step::Bake(Box::new(plan)));
    }
    let mut remarks = Vec::new();
    let old = &parent.labels.commit;
    if History::open(site.repo).distance(old, &target.commit)? == Distance::Diverged {
        remarks.push(format!(
            "history was rewritten: {} is no longer in {}; the image is taken to {} all the same",
            old.short(),
            target.branch_from,
            target.commit.short()
        ));
    }
    let parent = parent.clone();
    let plan = plan(site, target, parent.tag.clone(), Some(parent), remarks)?;
    Ok(Step::Bake(Box::new(plan)))
}

/// Takes the image of the branch to the target, if it is not there.
pub fn update(site: Site, target: Target) -> Result<Image> {
    let _lock = lock(site.repo, &target.branch)?;
    match plan_update(site, target)? {
        Step::Bake(plan) => bake(site, &plan),
        Step::Nothing(image) => {
            let commit = image.labels.commit.short();
            ui::status("fresh", &format!("{} is at {commit} already", image.tag));
            Ok(*image)
        }
    }
}

fn plan(
    site: Site,
    target: Target,
    tag: String,
    parent: Option<Image>,
    mut remarks: Vec<String>,
) -> Result<Plan> {
    let conf = read_conf(site, &target.commit)?;
    let ca = site.host.ca_bundle.is_some();
    let dockerfile = match &parent {
        None => dockerfile::create(&conf, &target, ca)?,
        Some(parent) => {
            remarks.extend(outgrown(site, parent, &conf));
            dockerfile::update(&conf, &target, &parent.tag, ca)?
        }
    };
    Ok(Plan {
        commit: site.repo.commit(&target.commit)?,
        target,
        conf,
        tag,
        parent,
        dockerfile,
        remarks,
    })
}

/// `.dkr.conf` at a commit, under the stronger settings.
pub fn read_conf(site: Site, commit: &crate::git::ObjectId) -> Result<Conf> {
    let text = site.repo.file_at(commit, conf::FILE)?;
    Conf::read(text.as_deref(), site.sources)
        .with_context(|| format!("{} at {} has problems", conf::FILE, commit.short()))
}

/// What an update cannot bring, as it stands on an image made by older settings.
fn outgrown(site: Site, parent: &Image, conf: &Conf) -> Option<String> {
    let old = read_conf(site, &parent.labels.commit).ok()?;
    let changed: Vec<&str> = [
        ("base_image", old.base_image.value != conf.base_image.value),
        ("packages", old.packages.value != conf.packages.value),
        ("caches", old.caches.value != conf.caches.value),
        ("ca_bundle", old.ca_bundle.value != conf.ca_bundle.value),
        ("[pre_clone]", old.pre_clone.text != conf.pre_clone.text),
    ]
    .into_iter()
    .filter_map(|(name, changed)| changed.then_some(name))
    .collect();
    (!changed.is_empty()).then(|| {
        format!(
            "{} changed since {} was created, which an update does not bring: git dkr create-image does",
            changed.join(", "),
            parent.tag
        )
    })
}

/// The plain tag, or one with a hash when the plain one is another's.
fn free_tag(site: Site, target: &Target) -> Result<String> {
    let plain = names::tag(&site.repo.name(), &target.branch);
    let taken = site
        .docker
        .inspect(std::slice::from_ref(&plain))?
        .into_iter()
        .any(|found| match Labels::parse(&found.labels) {
            Ok(labels) => labels.repo_path != site.repo.path || labels.branch != target.branch,
            Err(_) => true,
        });
    Ok(if taken {
        names::tag_apart(&site.repo.name(), &site.repo.path, &target.branch)
    } else {
        plain
    })
}

/// One build of one repository and branch at a time: a second one waits, and then builds on what
/// the first one made.
pub fn lock(repo: &Repo, branch: &str) -> Result<Lock> {
    let name = format!("{}.lock", names::identity(&repo.path, branch));
    let path = conf::cache_dir()?.join("locks").join(name);
    Lock::take(&path, &format!("another build of {branch}"))
}

/// Does what was planned. Fails without leaving anything but the engine's own build cache.
pub fn bake(site: Site, plan: &Plan) -> Result<Image> {
    let began = Instant::now();
    for remark in &plan.remarks {
        ui::warn(remark);
    }
    ui::status(
        "commit",
        &format!("{} {}", plan.commit.short, plan.commit.subject),
    );
    let fetched = site.repo.complete(&plan.target.commit)?;
    if fetched > 0 {
        ui::status(
            "fetched",
            &format!("{fetched} objects that this partial clone lacked"),
        );
    }
    ui::status("build", &plan.describe());

    let scratch = Scratch::new()?;
    let view = View::create(
        site.repo,
        &plan.target.commit,
        plan.target.on_branch(),
        &scratch.folder("view")?,
    )?;
    let serve = Serve {
        upload: view.git_dir,
        receive: None,
    };
    let way = Way::open(site.host, serve, scratch.path())?;
    let context = scratch.folder("context")?;
    dockerfile::write_context(&plan.dockerfile, &context)?;
    let labels = labels(site, plan);
    let spec = BuildSpec {
        context,
        tag: plan.tag.clone(),
        labels: labels.to_pairs(),
        ssh_key: way.access().key.clone(),
        secrets: secrets(site, &way, &scratch)?,
        pass_env: proxies(),
    };
    let before = site.docker.inspect(std::slice::from_ref(&plan.tag))?;
    let report = Report::new(way.sent(), site.repo.size()?);
    site.docker.build(&spec, |event| report.hear(event))?;
    drop(report);

    let after = site.docker.inspect(std::slice::from_ref(&plan.tag))?;
    let inspected = after.into_iter().next().context("the new image is gone")?;
    for old in before.iter().filter(|old| old.id != inspected.id) {
        site.docker.remove_if_nameless(&old.id)?;
    }
    let size = ui::bytes(inspected.size);
    let seconds = ui::seconds(began.elapsed());
    ui::status("built", &format!("{}  {size} in {seconds}", plan.tag));
    Image::read(plan.tag.clone(), inspected)
        .map_err(|reason| Failure::new(format!("the new image makes no sense: {reason}")).into())
}

fn labels(site: Site, plan: &Plan) -> Labels {
    Labels {
        repo_path: site.repo.path.clone(),
        repo_name: site.repo.name(),
        branch: plan.target.branch.clone(),
        branch_from: plan.target.branch_from.clone(),
        commit: plan.target.commit.clone(),
        created_at: Timestamp::now(),
        kind: match plan.parent {
            None => Kind::Base,
            Some(_) => Kind::Update,
        },
        parent: plan.parent.as_ref().map(|parent| parent.id.clone()),
    }
}

fn secrets(site: Site, way: &Way, scratch: &Scratch) -> Result<Vec<(String, PathBuf)>> {
    let folder = scratch.folder("secrets")?;
    way.access().write_secrets(&folder)?;
    let mut ids: Vec<&str> = SECRETS.to_vec();
    if let Some(bundle) = &site.host.ca_bundle {
        let extra = ca::read(&bundle.value)?;
        std::fs::write(folder.join("dkr_ca"), ca::with_system(&extra))?;
        std::fs::write(folder.join("dkr_extra_ca"), extra)?;
        ids.extend(["dkr_ca", "dkr_extra_ca"]);
    }
    let path = |id: &str| (id.to_owned(), folder.join(id));
    Ok(ids.into_iter().map(path).collect())
}

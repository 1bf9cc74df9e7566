//! From a request to an image: taken from the engine, from an archive, or built.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::cache::ArchiveCache;
use super::dockerfile::{self, DockerfileOptions};
use super::labels;
use super::record::{ProfileManifest, RecordDirectory, seconds};
use super::repo_profile::{self, Profile};
use super::request::ProfileRequest;
use super::variant::Variant;
use crate::conf::{self, Host};
use crate::engine::{Engine, EngineError, EngineImage};
use crate::error::{Failure, Interrupted, PartialState};
use crate::fs::{Lock, read_written};
use crate::ui::{self, Printer};
use crate::{digest, proc};

/// What goes to standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ProfileResponse {
    pub image_tag: String,
    pub profile_id: String,
    /// Whether nothing was built.
    pub reused_cache: bool,
    /// The log of the build that made the image.
    pub build_log_path: PathBuf,
}

/// A failure whose log was written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot build the image of the profile {profile_id}")]
pub(crate) struct LoggedFailure {
    profile_id: String,
    pub log: PathBuf,
}

pub(super) struct ProfileBuild<'a> {
    pub(super) engine: Engine,
    pub(super) host: &'a Host,
    pub(super) repo_dir: PathBuf,
    pub(super) profile: Profile,
    pub(super) tag: String,
    pub(super) base: String,
    pub(super) cache: ArchiveCache,
    pub(super) records: RecordDirectory,
    pub(super) began: Instant,
    pub(super) times: RefCell<BTreeMap<&'static str, f64>>,
    /// Says how it goes.
    pub(super) printer: Printer,
}

/// An image, and how it came.
struct ProfileImage {
    image: EngineImage,
    result: &'static str,
    variant: Variant,
    tried: Vec<Variant>,
    log: Option<String>,
}

/// Does what is asked for.
///
/// The engine is looked for last: what is wrong with a request is wrong without one, too.
pub(crate) fn run(
    host: &Host,
    request: &ProfileRequest,
    engine: impl FnOnce() -> Result<Engine>,
    printer: Printer,
) -> Result<ProfileResponse> {
    let job = ProfileBuild::new(host, request, engine, printer)?;
    for remark in &job.profile.remarks {
        printer.warn(remark);
    }
    let _lock = job.lock()?;
    job.cache.sweep();
    let made = match job.find(request.force_rebuild)? {
        Some(made) => made,
        None => job.build()?,
    };
    let kept = job.remember(&made).and_then(|response| {
        // A run that was stopped may have built it and no more.
        if made.result == "built" || !job.cache.has(&job.profile.id) {
            job.keep(&made)?;
        }
        proc::check_interrupted()?;
        Ok(response)
    });
    match made.result {
        "built" => kept.context(PartialState(
            "the image was built; the next run keeps its archive",
        )),
        _ => kept,
    }
}

impl<'a> ProfileBuild<'a> {
    fn new(
        host: &'a Host,
        request: &ProfileRequest,
        engine: impl FnOnce() -> Result<Engine>,
        printer: Printer,
    ) -> Result<Self> {
        let shown = request.repo_dir.display();
        let repo_dir = request.repo_dir.canonicalize();
        let repo_dir = repo_dir.with_context(|| format!("cannot find repo_dir {shown}"))?;
        let path = &request.profile_path;
        let bytes = read_written(path).map_err(|error| {
            if error.is::<Interrupted>() || error.is::<Failure>() {
                return error;
            }
            Failure::new(format!("cannot read profile_path {}: {error}", path.display()))
                .hint("a relative path is looked for from the current directory; git dkr detect --format profile writes a profile").into()
        })?;
        let shown = path.display().to_string();
        let Ok(text) = String::from_utf8(bytes) else {
            bail!(Failure::new(format!("{shown} is not UTF-8")));
        };
        let profile = repo_profile::parse(&shown, &text)?;
        let root = conf::profile_tmp_dir().unwrap_or_else(|| repo_dir.join(".tmp-test"));
        let directory = request.image_cache_dir.clone();
        let directory = directory.unwrap_or_else(|| root.join("image-cache"));
        let directory = std::path::absolute(&directory)
            .with_context(|| format!("cannot resolve image_cache_dir {}", directory.display()))?;
        Ok(Self {
            engine: engine()?,
            host,
            tag: repo_profile::tag(&profile.id),
            base: dockerfile::base(&profile),
            cache: ArchiveCache::new(directory, printer),
            records: RecordDirectory::of(&repo_dir),
            repo_dir,
            profile,
            began: Instant::now(),
            times: RefCell::default(),
            printer,
        })
    }

    /// One build of one profile at a time: a second one waits, and then finds what the first made.
    fn lock(&self) -> Result<Lock> {
        let directory = conf::cache_dir().map(|directory| directory.join("locks"));
        let directory = directory.unwrap_or_else(|_| self.cache.directory().to_owned());
        let name = format!("profile-{}.lock", digest::short(&[&self.profile.id]));
        let what = format!("another build of the profile {}", self.profile.id);
        Lock::acquire(&directory.join(name), &what, self.printer)
    }

    fn timed<T>(&self, what: &'static str, act: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = act();
        self.times
            .borrow_mut()
            .insert(what, seconds(began.elapsed()));
        result
    }

    /// What is there already, in the engine or as an archive.
    fn find(&self, force: bool) -> Result<Option<ProfileImage>> {
        if force {
            return Ok(None);
        }
        let (image, result) = match self.engine.inspect_one(&self.tag)? {
            Some(image) => (image, "reused"),
            None => {
                let load = || self.cache.load(&self.engine, &self.tag, &self.profile.id);
                match self.timed("load", load)? {
                    Some(image) => (image, "loaded"),
                    None => return Ok(None),
                }
            }
        };
        if let Some(doubt) = labels::doubt(&self.profile, &image.labels) {
            self.printer.warn(format_args!(
                "{} {doubt}; force_rebuild builds it anew",
                self.tag
            ));
        }
        self.printer.status(result, &self.tag);
        let variant = image.labels.get(labels::VARIANT);
        let variant = variant
            .and_then(|name| Variant::named(name))
            .unwrap_or_default();
        let log = if self.records.has_log_of(&image.id) {
            None
        } else {
            Some(format!(
                "git dkr: nothing was built; {} was {result}, {}\n",
                self.tag, image.id
            ))
        };
        Ok(Some(ProfileImage {
            image,
            result,
            variant,
            tried: Vec::new(),
            log,
        }))
    }

    pub(super) fn text(&self, variant: Variant) -> String {
        let ca = self.host.ca_bundle.is_some();
        dockerfile::text(&self.profile, DockerfileOptions { variant, ca })
    }

    /// Builds it, once more where the log of a failure says what may help.
    fn build(&self) -> Result<ProfileImage> {
        let mut log = String::new();
        let mut tried = vec![Variant::default()];
        let built = self.timed("build", || self.attempts(&mut tried, &mut log));
        let variant = tried.last().copied().unwrap_or_default();
        let (image, before) = match built {
            Ok(found) => found,
            // Interrupted, nothing is left behind, not even a log.
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => return Err(self.failed(error, &tried, &log)),
        };
        if let Some(old) = before.filter(|old| old.id != image.id) {
            self.engine.remove_if_nameless(&old.id, false)?;
        }
        let (size, time) = (ui::bytes(image.size), ui::seconds(self.began.elapsed()));
        self.printer
            .status("built", &format!("{}  {size} in {time}", self.tag));
        Ok(ProfileImage {
            image,
            result: "built",
            variant,
            tried,
            log: Some(log),
        })
    }

    /// Writes what is known of a failure, and makes the error say where it is.
    fn failed(&self, error: anyhow::Error, tried: &[Variant], log: &str) -> anyhow::Error {
        let log_path = self.records.log();
        let error = self.explain(error);
        let variant = tried.last().copied().unwrap_or_default();
        let said = format!("{error:#}");
        let mut manifest = self.manifest("failed", None, variant, tried);
        manifest.error = Some(said.clone());
        let text = if log.is_empty() {
            format!("git dkr: {said}\n")
        } else {
            log.to_owned()
        };
        let written = self
            .records
            .write_dockerfile(&self.text(variant))
            .and_then(|()| self.records.write_log(&text))
            .and_then(|()| self.records.write_manifest(&manifest));
        if let Err(problem) = written {
            self.printer.warn(format_args!("{problem:#}"));
            return error;
        }
        error.context(LoggedFailure {
            profile_id: self.profile.id.clone(),
            log: log_path,
        })
    }

    /// In the words of this job.
    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let log = self.records.log();
        let failure = match error.downcast_ref() {
            Some(EngineError::Step { step, reason }) => {
                Failure::new(format!("step `{step}` failed: {reason}"))
                    .hint(format!("the whole output is in {}", log.display()))
            }
            Some(EngineError::NoBaseImage(_, reason)) => {
                let base = &self.base;
                Failure::new(format!("cannot get the base image {base}: {reason}")).hint("check that the engine can pull it, or set another Python by python_version_target")
            }
            Some(EngineError::BadDockerfile(_, reason)) => Failure::new(format!(
                "the engine does not understand the Dockerfile: {reason}"
            ))
            .hint("it is beside the log, as `Dockerfile`"),
            _ => return error,
        };
        failure.into()
    }

    fn manifest<'b>(
        &'b self,
        result: &'static str,
        image: Option<&'b EngineImage>,
        variant: Variant,
        tried: &[Variant],
    ) -> ProfileManifest<'b> {
        let mut durations = self.times.borrow().clone();
        durations.insert("total", seconds(self.began.elapsed()));
        ProfileManifest {
            result,
            image_tag: &self.tag,
            image_id: image.map(|image| image.id.as_str()),
            profile_id: &self.profile.id,
            profile_digest: &self.profile.digest,
            variant: variant.name(),
            tried: tried.iter().map(|variant| variant.name()).collect(),
            base_image: &self.base,
            base_image_digest: image
                .and_then(|image| Some(image.labels.get(labels::BASE)?.as_str())),
            python_version_target: self.profile.target.as_deref(),
            python_version: &self.profile.python,
            reused_cache: matches!(result, "reused" | "loaded"),
            durations,
            error: None,
        }
    }

    /// Writes the archive, and how long that took.
    fn keep(&self, made: &ProfileImage) -> Result<()> {
        let save = || self.cache.save(&self.engine, &self.tag, &self.profile.id);
        match self.timed("save", save) {
            // The image is there all the same.
            Err(error) if !error.is::<Interrupted>() => {
                self.printer.warn(format_args!("{error:#}"))
            }
            saved => saved?,
        }
        let manifest = self.manifest(made.result, Some(&made.image), made.variant, &made.tried);
        self.records.write_manifest(&manifest)
    }

    fn remember(&self, made: &ProfileImage) -> Result<ProfileResponse> {
        self.records.write_dockerfile(&self.text(made.variant))?;
        if let Some(log) = &made.log {
            self.records.write_log(log)?;
        }
        let manifest = self.manifest(made.result, Some(&made.image), made.variant, &made.tried);
        self.records.write_manifest(&manifest)?;
        Ok(ProfileResponse {
            image_tag: self.tag.clone(),
            profile_id: self.profile.id.clone(),
            reused_cache: manifest.reused_cache,
            build_log_path: self.records.log(),
        })
    }
}

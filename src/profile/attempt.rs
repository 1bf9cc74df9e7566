//! One build of a profile's image, and one more where the log of the first says what may help.

use std::path::Path;

use anyhow::{Context, Result};

use super::build::ProfileBuild;
use super::variant::Variant;
use super::{context, dockerfile, labels};
use crate::conf::{self, ca};
use crate::engine::{BuildEvent, BuildSpec, EngineError, EngineImage};
use crate::fs::{TempDir, write_private};

impl ProfileBuild<'_> {
    /// Builds until it works or nothing more may help: the image, and the one whose name it took.
    pub(super) fn attempts(
        &self,
        tried: &mut Vec<Variant>,
        log: &mut String,
    ) -> Result<(EngineImage, Option<EngineImage>)> {
        let temp_dir = TempDir::new()?;
        let directory = temp_dir.directory("context")?;
        let include = &self.profile.include;
        let count = context::fill(&self.repo_dir, include, self.cache.directory(), &directory)?;
        let (shown, base) = (self.repo_dir.display(), &self.base);
        self.printer
            .status("copy", &format!("{count} files of {shown}"));
        let engine = &self.engine;
        let digest = match engine.inspect_one(base)? {
            Some(found) => found.digest(base).to_owned(),
            None => {
                self.printer.status("pull", base);
                engine.pull(base)?;
                let pulled = engine.inspect_one(base)?;
                pulled
                    .context("the base image is gone")?
                    .digest(base)
                    .to_owned()
            }
        };
        let before = engine.inspect_one(&self.tag)?;
        loop {
            let variant = tried.last().copied().unwrap_or_default();
            let mut spec = self.spec(&temp_dir, &directory, variant, &digest)?;
            spec.cache_from = before.iter().map(|_| self.tag.clone()).collect();
            if tried.len() > 1 {
                log.push_str(&format!(
                    "\ngit dkr: trying again, variant {}\n\n",
                    variant.name()
                ));
            }
            self.printer.status(
                "build",
                &format!("{} on {base}, variant {}", self.tag, variant.name()),
            );
            let start = log.len();
            match self.attempt(&spec, log) {
                Ok(image) => return Ok((image, before)),
                Err(error) => {
                    let step = matches!(error.downcast_ref(), Some(EngineError::Step { .. }));
                    let said = log.get(start..).unwrap_or_default();
                    let Some(next) = variant.after(said).filter(|_| step) else {
                        return Err(error);
                    };
                    self.printer.warn(format_args!(
                        "the build failed ({error}); trying the variant {}",
                        next.name()
                    ));
                    tried.push(next);
                }
            }
        }
    }

    fn attempt(&self, spec: &BuildSpec, log: &mut String) -> Result<EngineImage> {
        let progress = self.printer.progress("start the build");
        let hear = |event: &BuildEvent| match event {
            BuildEvent::Started { .. } => progress.say(&event.started().unwrap_or_default()),
            BuildEvent::Output(line) => progress.say(line),
            BuildEvent::Done {
                number,
                of,
                instruction,
                cached,
            } => {
                if !*cached && instruction.starts_with("RUN ") {
                    let what = instruction.replace(ca::MOUNT, "");
                    let what: String = what.chars().take(60).collect();
                    progress.above(|| self.printer.status(&format!("[{number}/{of}]"), &what));
                }
            }
            BuildEvent::Exporting => progress.say("write the image"),
        };
        let built = self.engine.build_logged(spec, hear, |line| {
            log.push_str(line);
            log.push('\n');
        })?;
        // It would be taken for one of the new image by a run that finds both.
        self.cache.forget(&self.profile.id);
        built.tag(&spec.tag)
    }

    fn spec(
        &self,
        temp_dir: &TempDir,
        context: &Path,
        variant: Variant,
        base: &str,
    ) -> Result<BuildSpec> {
        // Beside the context: the repository may have a Dockerfile of its own.
        let dockerfile = temp_dir.path().join("Dockerfile");
        write_private(&dockerfile, self.text(variant), 0o644)?;
        let mut build_args = vec![("BUILDKIT_INLINE_CACHE".to_owned(), "1".to_owned())];
        if dockerfile::needs_newline(&self.profile) {
            build_args.push((dockerfile::NEWLINE.to_owned(), "\n".to_owned()));
        }
        let mut secrets = Vec::new();
        if let Some(bundle) = &self.host.ca_bundle {
            secrets.push(ca::secret(&bundle.value, temp_dir.path())?);
        }
        Ok(BuildSpec {
            context: context.to_owned(),
            dockerfile: Some(dockerfile),
            tag: self.tag.clone(),
            labels: labels::image_labels(&self.profile, variant, base),
            secrets,
            build_args,
            pass_env: conf::proxies(),
            ..BuildSpec::default()
        })
    }
}

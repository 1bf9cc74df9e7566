//! What a build needs besides the engine: the files that it reads, and a way to the repository.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result};

use super::context_directory;
use super::labels::labels;
use super::object_delivery::{self, ObjectDelivery};
use crate::conf::{self, ca};
use crate::engine::BuildSpec;
use crate::fs::TempDir;
use crate::git::{Extras, View};
use crate::image::context::BuildContext;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::plan::{BuildPlan, Reuse};
use crate::image::transport::Transport;
use crate::ssh::{ObjectTransfer, SECRETS, ServerConfig};

/// A build that is ready to run.
pub(super) struct PreparedBuild {
    pub spec: BuildSpec,
    pub transport: Transport,
    /// What it is given instead of a clone or a fetch.
    pub given: ObjectDelivery,
    pub delivery: Option<ObjectTransfer>,
    /// The bytes that it is sent, at most.
    pub total: Arc<AtomicU64>,
    /// Holds the files that the spec names.
    _scratch: TempDir,
}

impl PreparedBuild {
    /// Writes what the build reads, and opens the way to the repository. `parent` is the name by which the
    /// Dockerfile is to know the image that it is built on, where that is not the one in its text.
    pub(super) fn of(
        context: BuildContext,
        plan: &BuildPlan,
        manifest: &KeyManifest,
        extras: Extras,
        parent: Option<&str>,
    ) -> Result<Self> {
        let scratch = TempDir::new()?;
        let view = View::create(
            context.repo,
            &plan.target.commit,
            plan.target.on_branch(),
            &scratch.directory("view")?,
        )?;
        let given = ObjectDelivery::of(context, plan)?;
        let delivery = object_delivery::start(context, plan, &given, extras)?;
        let handle = delivery.as_ref().map(ObjectTransfer::handle);
        let total = match &handle {
            Some(handle) if given != ObjectDelivery::Nothing => handle.size(),
            _ => Arc::new(context.repo.size()?.into()),
        };
        let serve = ServerConfig {
            objects: handle,
            ..ServerConfig::of(view.git_dir)
        };
        let transport = Transport::to_build(context.host, serve, scratch.path())?;
        let directory = scratch.directory("context")?;
        context_directory::write(&plan.dockerfile, &plan.conf, &directory)?;
        let secrets = secrets(context, &transport, &scratch, &directory)?;
        let spec = BuildSpec {
            context: directory,
            tag: plan.tag.clone(),
            labels: labels(context, plan, manifest)?.to_pairs(),
            ssh_key: match transport.access().port() {
                Some(port) => Some(without_comma(&port.key, &scratch)?),
                None => None,
            },
            secrets,
            build_args: parent
                .map(|name| ("PARENT".to_owned(), name.to_owned()))
                .into_iter()
                .collect(),
            pass_env: conf::proxies(),
            no_cache: plan.reuse == Reuse::Nothing,
            ..BuildSpec::default()
        };
        Ok(Self {
            spec,
            transport,
            given,
            delivery,
            total,
            _scratch: scratch,
        })
    }
}

/// The key by a path that docker does not split (see `fs::TempDir`).
fn without_comma(key: &Path, scratch: &TempDir) -> Result<PathBuf> {
    if !key.to_string_lossy().contains(',') {
        return Ok(key.to_owned());
    }
    let link = scratch.path().join("key");
    std::os::unix::fs::symlink(key, &link)
        .with_context(|| format!("cannot write {}", link.display()))?;
    Ok(link)
}

fn secrets(
    context: BuildContext,
    transport: &Transport,
    scratch: &TempDir,
    context_dir: &Path,
) -> Result<Vec<(String, PathBuf)>> {
    let directory = scratch.directory("secrets")?;
    transport.access().write_secrets(&directory)?;
    let mut ids: Vec<&str> = SECRETS.to_vec();
    if let Some(bundle) = &context.host.ca_bundle {
        let extra = ca::read(&bundle.value)?;
        std::fs::write(directory.join("dkr_ca"), ca::with_system(&extra))?;
        // Not a secret where it is installed: a step is cached by what it reads but secrets.
        std::fs::write(context_dir.join("extra-ca.pem"), extra)?;
        ids.push("dkr_ca");
    }
    let path = |id: &str| (id.to_owned(), directory.join(id));
    Ok(ids.into_iter().map(path).collect())
}

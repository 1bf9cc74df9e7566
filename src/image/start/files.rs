//! The files that a container gets mounted.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::conf::ca;
use crate::container::{RUN, prepare_user};
use crate::engine::Mount;
use crate::fs::{mountable_dir, write_private};
use crate::image::start::container::{CA_BUNDLE, StartPlan, StartRequest};
use crate::image::transport::Transport;
use crate::ssh::{MOUNTED_DIR, PUSHER};

/// What records installs in a container, beside the files that lead to the host: any image has it
/// then, however old.
const RECORDING: [(&str, &str); 2] = [
    ("shim", include_str!("../../../templates/shim")),
    ("uv-shim", include_str!("../../../templates/uv-shim")),
];

/// Where images have it, and the present one: what is handed to a container, only this one is sure to know.
const ENTRYPOINT: (&str, &str) = (
    "/usr/local/bin/dkr-entrypoint",
    include_str!("../../../templates/entrypoint"),
);

impl StartPlan<'_> {
    /// What is mounted of the files in `root`.
    pub(super) fn mounts(&self, request: &StartRequest, root: &Path) -> Vec<Mount> {
        let run_dir = root.join(RUN);
        let mut mounts = vec![
            Mount {
                source: run_dir.clone(),
                target: MOUNTED_DIR.to_owned(),
            },
            // Where git looks for it.
            Mount {
                source: run_dir.join(PUSHER),
                target: format!("/usr/local/bin/{PUSHER}"),
            },
        ];
        mounts.extend(request.resumed.mount(root));
        let keys = self.keys(request);
        let keys = keys.mounted.iter().map(|(agent, _)| agent.key_file);
        let bundle = self.host.ca_bundle.as_ref().map(|_| CA_BUNDLE);
        let single = std::iter::once(ENTRYPOINT.0).chain(keys).chain(bundle);
        mounts.extend(single.map(|target| Mount {
            source: source(root, target),
            target: target.to_owned(),
        }));
        mounts
    }

    /// Writes what [`StartPlan::spec`] mounts.
    pub(super) fn write_files(&self, request: &StartRequest, root: &Path) -> Result<()> {
        let hostname = request.hostname.as_deref().unwrap_or_default();
        let keys = self.keys(request);
        let run_dir = root.join(RUN);
        mountable_dir(&run_dir)?;
        let identity = self.repo.identity()?;
        Transport::access_of_container(self.host, &self.repo.common_dir)?
            .write_run_dir(&run_dir, hostname, &identity)?;
        for (name, text) in RECORDING {
            write_private(&run_dir.join(name), text, 0o644)?;
        }
        let limit = self.conf.container.save_limit.value;
        let branch = request.name.as_deref().unwrap_or_default();
        let work = format!("{hostname}\n{limit}\n{}\n{branch}\n", self.begins_at());
        write_private(&run_dir.join("work"), work, 0o644)?;
        if let Some(prompt) = &request.prompt {
            write_private(&run_dir.join("prompt"), prompt, 0o644)?;
        }
        let commit = &self.image.labels.commit;
        let resumed = &request.resumed;
        resumed.write(self.repo, commit, hostname, root)?;
        if self.options(request).user.is_some() {
            write_private(
                &run_dir.join(prepare_user::SCRIPT.0),
                prepare_user::SCRIPT.1,
                0o644,
            )?;
        }
        write_private(&source(root, ENTRYPOINT.0), ENTRYPOINT.1, 0o755)?;
        if self.conf.container.sandbox.value
            && let Some((_, text)) = keys.settings().file
        {
            write_private(&run_dir.join("agent_file"), text, 0o644)?;
        }
        // The user's own files may be closed to whoever is root in the container.
        for (agent, key) in &keys.mounted {
            let bytes =
                crate::fs::read(key).with_context(|| format!("cannot read {}", key.display()))?;
            write_private(&source(root, agent.key_file), bytes, 0o644)?;
        }
        if let Some(bundle) = &self.host.ca_bundle {
            let bundle = ca::with_system(&ca::read(&bundle.value)?);
            write_private(&source(root, CA_BUNDLE), bundle, 0o644)?;
        }
        Ok(())
    }
}

/// The file in the temporary directory that is mounted there.
fn source(root: &Path, target: &str) -> PathBuf {
    root.join(Path::new(target).file_name().unwrap_or_default())
}

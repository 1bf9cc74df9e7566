//! What only podman has: its own progress, its names and ids, its troubles.

mod build;
mod context;
mod error;
mod names;
mod progress;

use anyhow::Result;

pub(crate) use error::known;
pub(crate) use names::docker_s;
pub(crate) use progress::PodmanProgress;

use super::Engine;

/// How often podman is asked again when an image or a container that it looks at is removed meanwhile, which
/// is an error to it even when it is none of ours.
pub(super) const TRIES: u32 = 10;

/// Whether this is that error.
pub(super) fn lost_something(said: &str) -> bool {
    let lost = ["image not known", "layer not known", "no such container"];
    lost.iter().any(|lost| said.contains(lost))
}

impl Engine {
    /// What podman says of itself; an error where it cannot even say that.
    pub fn podman_works(&self) -> Result<String> {
        let format = "{{.Version.Version}}, storage {{.Store.GraphDriverName}}, runtime {{.Host.OCIRuntime.Name}}, cgroups {{.Host.CgroupsVersion}}";
        let said = self.run(&self.cmd().args(["info", "--format", format]))?;
        Ok(format!("{} ({})", self.program.display(), said.trim()))
    }
}

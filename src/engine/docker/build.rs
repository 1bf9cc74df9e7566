//! The command of a BuildKit build.

use anyhow::Result;

use crate::engine::run_options::csv_field;
use crate::engine::{BuildSpec, Engine};
use crate::proc::Cmd;

impl Engine {
    pub(in crate::engine) fn docker_build(&self, spec: &BuildSpec, name: &str) -> Result<Cmd> {
        let builder = self.builder()?;
        let mut cmd = Cmd::new(&builder.program)
            // The plugin does not listen to SIGINT in its first second.
            .stops_by_hangup()
            .env("DOCKER_BUILDKIT", "1")
            // Attestations would make the image an index, which older engines cannot load.
            .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")
            .args(["build", "--progress=plain"]);
        if builder.buildx {
            // Another one cannot see the images that are here: it would ask a registry for them, by names
            // that tell of repositories.
            let context = self.run(&Cmd::new(&builder.program).args(["context", "show"]))?;
            cmd = cmd.args(["--load", "--builder", context.trim()]);
        }
        if cfg!(target_os = "linux") {
            cmd = cmd.arg("--network=host");
        }
        if let Some(dockerfile) = &spec.dockerfile {
            cmd = cmd.arg("--file").arg(dockerfile);
        }
        for (id, path) in &spec.secrets {
            let source = csv_field(&format!("src={}", path.display()));
            cmd = cmd.arg("--secret").arg(format!("id={id},{source}"));
        }
        for image in &spec.cache_from {
            cmd = cmd.arg("--cache-from").arg(image);
        }
        for (name, value) in &spec.labels {
            cmd = cmd.arg("--label").arg(format!("{name}={value}"));
        }
        Ok(spec
            .shared_options(cmd)
            .args(["--tag", name])
            .arg(&spec.context))
    }
}

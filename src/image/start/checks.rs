//! Checks of what a start asks for, before anything is started.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::conf::ValueOrigin;
use crate::engine::Network;
use crate::error::Failure;
use crate::git::{PushedBranches, is_branch_name};
use crate::image::Target;
use crate::image::model::names;
use crate::image::start::container::{StartPlan, StartRequest};
use crate::layers::stack::Agent;

impl StartPlan<'_> {
    /// Makes the paths of files with keys absolute.
    pub(super) fn check_keys(keys: &mut [(&Agent, PathBuf)]) -> Result<()> {
        for (_, file) in keys {
            *file = check_key_file(file)?;
        }
        Ok(())
    }

    /// What would lead out of a sandbox, and what is to be known of it.
    pub(super) fn check_sandbox(&self, request: &StartRequest) -> Result<()> {
        let (conf, volumes) = (&self.conf.container, &self.conf.volumes);
        if let Some(network) = &conf.network
            && let (ValueOrigin::Flag(flag), ValueOrigin::Flag(_)) =
                (&network.origin, &conf.sandbox.origin)
            && network.value != Network::None
        {
            let message = format!(
                "a sandbox has no network, and {flag} asks for {}",
                network.value
            );
            bail!(Failure::new(message).hint("--allow HOST lets a sandbox reach a host"));
        }
        if let (ValueOrigin::File(place), Some(volume)) = (
            &volumes.origin,
            volumes.value.iter().find(|volume| volume.starts_with('/')),
        ) {
            bail!(
                Failure::new(format!(
                    "{place} mounts a directory of this machine into a sandbox: {volume}"
                ))
                .hint("DKR_VOLUMES or git config dkr.volumes says which volumes it has instead")
            );
        }
        for (agent, _) in self.keys(request).mounted {
            self.printer.warn(format_args!(
                "the key of {} is a file in the container: this agent knows no other address for its API",
                agent.name
            ));
        }
        let allowed = match conf.allow.value.words().join(" ") {
            none if none.is_empty() => "nothing but the repository".to_owned(),
            allowed => allowed,
        };
        self.printer
            .status("sandbox", &format!("reaches {allowed}"));
        Ok(())
    }

    /// Docker would make a directory of root's for each that is missing, and podman fails.
    pub(super) fn check_volumes(&self) -> Result<()> {
        let missing =
            |(source, _): &(&str, &str)| source.starts_with('/') && !Path::new(source).exists();
        let volumes = self.conf.volumes.value.iter();
        let mut volumes = volumes.filter_map(|volume| volume.split_once(':'));
        let found = volumes.find(missing).filter(|_| self.engine.is_local());
        let Some((source, target)) = found else {
            return Ok(());
        };
        let target = target.split(':').next().unwrap_or_default();
        let origin = &self.conf.volumes.origin;
        let make = shlex::try_join(["mkdir", "-p", source])?;
        bail!(
            Failure::new(format!(
                "there is no {source} on this machine, which {origin} wants at {target}"
            ))
            .hint(format!(
                "{make} makes it; DKR_VOLUMES or git config dkr.volumes names others"
            ))
        );
    }

    /// Checks a name, which another container may have had whose work is `resumed`.
    pub(super) fn check_hostname(&self, name: String, resumed: bool) -> Result<String> {
        if !names::is_hostname(&name) {
            bail!(
                Failure::new(format!("{name:?} is not a host name"))
                    .hint("use letters, digits and hyphens, 2 to 63 of them")
            );
        }
        if self.engine.has_container(&name)? {
            bail!(
                Failure::new(format!("a container is called {name} already"))
                    .hint("choose another --hostname, or leave it out for a fresh one")
            );
        }
        if !resumed && !self.repo.saved_work(&name)?.is_empty() {
            let message = format!("there is saved work of a container called {name}");
            bail!(Failure::new(message).hint(format!(
                "git dkr resume {name} goes on with it; else choose another --hostname"
            )));
        }
        if let Some(taken) = self.taken(&name)? {
            bail!(taken.hint("choose another --hostname, or leave it out for a fresh one"));
        }
        Ok(name)
    }

    /// One that no branch is called by, or lies below.
    pub(super) fn fresh_hostname(&self) -> Result<String> {
        loop {
            let name = names::hostname(&self.image.labels.repo_name, rand::random());
            if self.repo.branches_below(&name)?.is_empty()
                && self.repo.saved_work(&name)?.is_empty()
            {
                return Ok(name);
            }
        }
    }

    /// Why a container of this name would meet with branches that are not of such a container.
    fn taken(&self, hostname: &str) -> Result<Option<Failure>> {
        let below = self.repo.branches_below(hostname)?;
        let pushed = PushedBranches::by(&self.repo.common_dir, hostname).branches();
        let other = below
            .iter()
            .find(|below| !pushed.contains(&format!("refs/heads/{hostname}{below}")));
        let message = match other.map(String::as_str) {
            None => return Ok(None),
            Some("") => format!(
                "the repository has a branch {hostname}, so nothing can be pushed below {hostname}/"
            ),
            Some(below) => format!(
                "the repository has a branch {hostname}{below}, which no container called {hostname} has pushed"
            ),
        };
        Ok(Some(Failure::new(message)))
    }

    /// Checks the name of the work branch. One that is `resumed` may have pushed its own.
    pub(super) fn check_name(&self, name: String, hostname: &str, resumed: bool) -> Result<String> {
        if !is_branch_name(&name)? {
            bail!(
                Failure::new(format!("{name:?} is not the name of a branch"))
                    .hint("git help check-ref-format tells what a name may hold")
            );
        }
        let mut taken = match resumed {
            true => Vec::new(),
            false => self.repo.branches_below(&format!("{hostname}/"))?,
        };
        if self.tracking.reference.is_some() || self.switch_to.is_some() {
            taken.push(self.image.labels.branch.clone());
        }
        let branch = self.switch_to.and_then(Target::on_branch);
        taken.extend(branch.map(str::to_owned));
        if taken.iter().any(|other| names::collide(&name, other)) {
            bail!(
                Failure::new(format!("the branch {name} exists already"))
                    .hint("choose another --name, or leave it out for a fresh one")
            );
        }
        Ok(name)
    }
}

/// That the file can be read and holds something; its absolute path.
fn check_key_file(file: &Path) -> Result<PathBuf> {
    let shown = file.display();
    let hint = "give a file that holds the key and nothing else: --agent-key FILE";
    match crate::fs::read(file) {
        Err(error) => {
            bail!(Failure::new(format!("cannot read the key file {shown}: {error}")).hint(hint))
        }
        Ok(bytes) if bytes.trim_ascii().is_empty() => {
            bail!(Failure::new(format!("the key file {shown} is empty")).hint(hint))
        }
        Ok(_) => std::fs::canonicalize(file).with_context(|| format!("cannot find {shown}")),
    }
}

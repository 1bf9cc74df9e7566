//! What only a Docker of today has: builders beside the daemon's own.

use crate::common::dkr::{Outcome, outcome};
use crate::common::engine::Lab;
use crate::common::unique;

/// A builder that cannot see the images of the daemon, gone when it is dropped.
struct Builder<'a> {
    lab: &'a Lab,
    name: String,
}

impl<'a> Builder<'a> {
    /// `None` where the client has no builders.
    fn new(lab: &'a Lab) -> Option<Self> {
        let name = unique();
        let mut create = lab.client();
        // It is made when it is first used, of an image that is nowhere.
        create.args([
            "buildx",
            "create",
            "--driver=docker-container",
            "--name",
            &name,
        ]);
        create.arg("--driver-opt=image=127.0.0.1:1/no/such:image");
        if !create.output().unwrap().status.success() {
            eprintln!("skipped: this client has no builders");
            return None;
        }
        Some(Self { lab, name })
    }
}

impl Drop for Builder<'_> {
    fn drop(&mut self) {
        let _ = self
            .lab
            .client()
            .args(["buildx", "rm", &self.name])
            .output();
    }
}

/// Another builder would ask a registry for an image that is here, by a name that tells of the repository.
#[test]
fn images_are_built_where_they_are_whatever_builder_is_set() {
    let Some(lab) = Lab::of("docker") else { return };
    let Some(builder) = Builder::new(&lab) else {
        return;
    };
    let repo = lab.repo();
    let with = |args: &[&str]| -> Outcome {
        let mut command = lab.dkr_command(&repo.path, args);
        outcome(command.env("BUILDX_BUILDER", &builder.name)).ok()
    };
    let base = lab.image(&with(&["create-image"]));
    repo.commit("More", &[("b", "2")]);
    let update = lab.image(&with(&["update-image"]));
    assert_eq!(update.label("parent"), base.id());
    let shown = with(&["doctor"]).stdout;
    let told = format!("the builder {} (docker-container)", builder.name);
    assert!(shown.contains(&told), "{shown}");
}

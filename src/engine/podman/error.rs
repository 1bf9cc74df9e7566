//! What only podman complains of.

use crate::engine::{EngineError, EngineKind};

/// Makes out what podman, or the runtime below it, said; `None` when it is nothing of its own.
pub(crate) fn known(said: &str) -> Option<EngineError> {
    let has = |text: &str| said.contains(text);
    let line = |text: &str| {
        let line = said.lines().find(|line| line.contains(text));
        let line = line.unwrap_or(text).trim();
        line.strip_prefix("Error: ").unwrap_or(line).to_owned()
    };
    Some(if has("cgroups in hybrid mode not supported") {
        EngineError::Cgroups(line("cgroups"))
    } else if has("setting rlimit") || has("setrlimit `RLIMIT_") {
        EngineError::Limits(line("rlimit"))
    } else if has("container-init binary not found")
        || has("catatonit") && has("no such file or directory")
    {
        EngineError::NoInit(line("binary"))
    } else if has("newuidmap") || has("newgidmap") || has("no subuid ranges found") {
        EngineError::Rootless(line("uid"))
    } else if has("Cannot connect to Podman") {
        EngineError::NoMachine(line("Cannot connect to Podman"))
    } else if has("Build error: Unknown instruction: ") {
        let said = line("Unknown instruction: ");
        let short = said.split(" &imagebuilder").next().unwrap_or_default();
        EngineError::BadDockerfile(EngineKind::Podman, short.replace("Build error: ", ""))
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Said by podman 4.3.1 with crun 1.8.1 and runc 1.1.5.
    #[test]
    fn what_podman_says_is_made_out() {
        let cgroups = "error running container: from /usr/bin/crun creating container for [/bin/sh -c echo one]: cgroups in hybrid mode not supported, drop all controllers from cgroupv2\n: exit status 1";
        assert!(matches!(known(cgroups), Some(EngineError::Cgroups(_))));
        for limits in [
            "Error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied",
            "Error: runc: runc create failed: unable to start container process: error during container init: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted: OCI permission denied",
        ] {
            assert!(matches!(known(limits), Some(EngineError::Limits(_))));
        }
        let machine = "Cannot connect to Podman. Please verify your connection to the Linux system using `podman system connection list`, or try `podman machine init` and `podman machine start` to manage a new Linux VM";
        assert!(matches!(known(machine), Some(EngineError::NoMachine(_))));
        let unknown = "Build error: Unknown instruction: \"ECHO\" &imagebuilder.Step{Env:[]string{\"PATH=/usr/bin\"}, Command:\"echo\"}";
        assert_eq!(
            known(unknown),
            Some(EngineError::BadDockerfile(
                EngineKind::Podman,
                "Unknown instruction: \"ECHO\"".into()
            ))
        );
        assert_eq!(known("while running runtime: exit status 3"), None);
    }
}

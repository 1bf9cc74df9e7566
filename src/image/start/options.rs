//! From settings of a container to what the engine is told: pure functions.

use crate::conf::{ContainerConf, EnvVar, User, ValueOrigin};
use crate::engine::{EngineKind, Network, RunOptions};

/// The user who runs git dkr: uid and gid.
pub(super) type HostUser = (u32, u32);

/// What the engine is told of these settings.
pub(super) fn run_options(
    conf: &ContainerConf,
    network: Network,
    engine: EngineKind,
    host_user: HostUser,
) -> RunOptions {
    let who = conf.user();
    RunOptions {
        user: user(&who, host_user),
        keeps_id: who == User::Host && is_rootless(engine, host_user),
        confined: conf.sandbox.value,
        cpus: conf.cpus.value.clone(),
        memory: conf.memory.value.clone(),
        gpus: conf.gpus.value.clone(),
        ports: match network {
            // Docker would leave them out with a warning of its own, podman without.
            Network::Host | Network::None => Vec::new(),
            Network::Bridge => conf.ports.value.clone(),
        },
        args: conf.run_args.value.clone(),
    }
}

/// As engines take it; `None` where it is root, as in every image of git dkr.
fn user(user: &User, (uid, gid): HostUser) -> Option<String> {
    match user {
        User::Root => None,
        User::Host if uid == 0 => None,
        User::Agent => Some("1000:1000".to_owned()),
        User::Host => Some(format!("{uid}:{gid}")),
        User::Uid(uid) => Some(format!("{uid}:{uid}")),
        User::Name(name) => Some(name.clone()),
    }
}

/// Podman without root maps its user to root in a container.
fn is_rootless(engine: EngineKind, (uid, _): HostUser) -> bool {
    engine == EngineKind::Podman && uid != 0
}

/// The variables that are given a value, and those that keep ours.
pub(super) fn variables(conf: &ContainerConf) -> (Vec<(String, String)>, Vec<String>) {
    let (mut set, mut passed) = (Vec::new(), Vec::new());
    for variable in &conf.env {
        match &variable.value {
            EnvVar::Set(name, value) => set.push((name.clone(), value.clone())),
            EnvVar::Passed(name) => passed.push(name.clone()),
        }
    }
    (set, passed)
}

/// What of the settings has no effect, each in a sentence. `has` tells whether our environment has a variable.
pub(super) fn remarks(
    conf: &ContainerConf,
    network: Network,
    has: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut remarks = Vec::new();
    let ports = &conf.ports;
    if !ports.value.is_empty() {
        match network {
            Network::Bridge => {}
            Network::None => remarks.push(format!(
                "ports ({}) are left out: a container without a network has none",
                ports.origin
            )),
            Network::Host => remarks.push(format!(
                "ports ({}) are left out: what listens in a container on this machine's network is on this machine",
                ports.origin
            )),
        }
    }
    if let (ValueOrigin::Flag(flag), false) = (&conf.allow.origin, conf.sandbox.value) {
        remarks.push(format!(
            "{flag} has no effect: a container that is no sandbox (--sandbox) is not held to what it names"
        ));
    }
    for variable in &conf.env {
        if let EnvVar::Passed(name) = &variable.value
            && !has(name)
        {
            let origin = &variable.origin;
            remarks.push(format!(
                "{name} is not set here, so the container has none ({origin})"
            ));
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Conf, Sources};

    fn conf(file: &str, flags: &[(&'static str, &str)]) -> ContainerConf {
        let sources = flags
            .iter()
            .fold(Sources::default(), |sources, (name, value)| {
                sources.with_container_flag(name, (*value).to_owned(), "a flag")
            });
        Conf::read(Some(file), &sources).unwrap().container
    }

    #[test]
    fn nothing_by_default() {
        let options = run_options(
            &conf("", &[]),
            Network::Bridge,
            EngineKind::Docker,
            (1000, 1000),
        );
        assert_eq!(options, RunOptions::default());
    }

    #[test]
    fn users_as_engines_take_them() {
        let told = |text: &str, engine, host| {
            let options = run_options(&conf("", &[("user", text)]), Network::None, engine, host);
            (options.user.unwrap_or_default(), options.keeps_id)
        };
        use EngineKind::{Docker, Podman};
        for (user, engine, host, expected, keeps) in [
            ("root", Docker, (501, 20), "", false),
            ("agent", Docker, (501, 20), "1000:1000", false),
            ("host", Docker, (501, 20), "501:20", false),
            ("host", Docker, (0, 0), "", false),
            ("host", Podman, (501, 20), "501:20", true),
            ("host", Podman, (0, 0), "", false),
            ("agent", Podman, (501, 20), "1000:1000", false),
            ("1234", Docker, (501, 20), "1234:1234", false),
            ("node", Docker, (501, 20), "node", false),
        ] {
            assert_eq!(
                told(user, engine, host),
                (expected.to_owned(), keeps),
                "{user}"
            );
        }
    }

    #[test]
    fn what_has_no_effect_is_said() {
        let of = |network, flags: &[(&'static str, &str)]| {
            let conf = conf("ports = 3000\n", flags);
            let options = run_options(&conf, network, EngineKind::Docker, (0, 0));
            let mut all = options.ports;
            all.extend(remarks(&conf, network, |name| name == "THERE"));
            all.join("\n")
        };
        insta::assert_snapshot!(of(Network::Bridge, &[("env", "THERE GONE A=b")]), @r"
        127.0.0.1:3000:3000
        GONE is not set here, so the container has none (a flag)
        ");
        insta::assert_snapshot!(of(Network::Bridge, &[("allow", "npm")]), @r"
        127.0.0.1:3000:3000
        a flag has no effect: a container that is no sandbox (--sandbox) is not held to what it names
        ");
        insta::assert_snapshot!(of(Network::None, &[]), @"ports (.dkr.conf:1:9) are left out: a container without a network has none");
        insta::assert_snapshot!(of(Network::Host, &[]), @"ports (.dkr.conf:1:9) are left out: what listens in a container on this machine's network is on this machine");
    }
}

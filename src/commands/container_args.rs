//! What `start-image` may be told of the container.

use clap::Args;

use crate::conf::Shell;

/// Settings of the container.
#[derive(Debug, Args)]
pub(super) struct ContainerArgs {
    /// The container's network: bridge (one of its own), host (this machine's) or none
    #[arg(long, value_name = "bridge|host|none")]
    network: Option<String>,
    /// Who runs in it: root, agent (uid 1000), host (you), a uid, or an account of the image
    #[arg(long)]
    user: Option<String>,
    /// How many processors it may use, such as 2 or 1.5
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<String>,
    /// How much memory it may use, such as 512m or 4g
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// GPUs for it: all, a number, or device=0,1
    #[arg(long)]
    gpus: Option<String>,
    /// Show its port on this machine, as docker's -p: 3000, 8080:80, 0.0.0.0:8080:80; can be given more than
    /// once. Without an address it is at 127.0.0.1
    #[arg(long, value_name = "PORTS")]
    publish: Vec<String>,
    /// Set a variable in it, or pass ours on; can be given more than once
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Give the engine this argument, too: --run-arg=--cap-add=SYS_PTRACE; can be given more than once
    #[arg(long = "run-arg", value_name = "ARG", allow_hyphen_values = true)]
    run_args: Vec<String>,
    /// Let it reach nothing but the repository and what --allow names, without privileges or an agent's key
    #[arg(long)]
    sandbox: bool,
    /// Let a sandbox reach this host or group, such as npm, api.example.com, example.com:8443; can be given
    /// more than once
    #[arg(long, value_name = "HOST")]
    allow: Vec<String>,
    /// Do not save its work: what is not pushed is lost when it ends
    #[arg(long)]
    discard: bool,
}

impl ContainerArgs {
    /// The settings that they make: the setting, its value, and the flag.
    pub(super) fn flags(&self) -> Vec<(&'static str, String, &'static str)> {
        let words = |words: &[String]| {
            let quoted: Vec<String> = words.iter().map(|word| Shell::Bash.quote(word)).collect();
            (!words.is_empty()).then(|| quoted.join(" "))
        };
        let all = [
            ("network", self.network.clone(), "--network"),
            ("user", self.user.clone(), "--user"),
            ("cpus", self.cpus.clone(), "--cpus"),
            ("memory", self.memory.clone(), "--memory"),
            ("gpus", self.gpus.clone(), "--gpus"),
            (
                "ports",
                (!self.publish.is_empty()).then(|| self.publish.join(" ")),
                "--publish",
            ),
            ("env", words(&self.env), "--env"),
            ("run_args", words(&self.run_args), "--run-arg"),
            (
                "sandbox",
                self.sandbox.then(|| "yes".to_owned()),
                "--sandbox",
            ),
            ("allow", words(&self.allow), "--allow"),
            (
                "save_every",
                self.discard.then(|| "0".to_owned()),
                "--discard",
            ),
        ];
        all.into_iter()
            .filter_map(|(name, value, flag)| Some((name, value?, flag)))
            .collect()
    }
}

//! The table of all settings. What `.dkr.conf` knows and what the manual lists are made from it.

/// Where a setting can be made, besides a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In `.dkr.conf`, in git's config and in the environment.
    Repository,
    /// In `.dkr.conf` alone.
    FileOnly,
    /// In git's config and in the environment: no repository can make it.
    Machine,
    /// In the environment alone.
    Environment,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key in `.dkr.conf`; the other names follow from it.
    pub name: &'static str,
    /// Where it can be made.
    pub scope: Scope,
    /// The flag that is stronger than all else, and which commands have it.
    pub flag: Option<&'static str>,
    /// What holds when nobody says anything, as one would write it; `None` where that is nothing.
    pub default: Option<&'static str>,
    /// What it does, in Markdown.
    pub help: &'static str,
}

impl Setting {
    /// The variable of the environment, where there is one.
    pub fn variable(&self) -> Option<String> {
        (self.scope != Scope::FileOnly).then(|| format!("DKR_{}", self.name.to_uppercase()))
    }

    /// The key of git's config, where there is one.
    pub fn git_config(&self) -> Option<String> {
        matches!(self.scope, Scope::Repository | Scope::Machine)
            .then(|| format!("dkr.{}", camel(self.name)))
    }

    /// Whether `.dkr.conf` may hold it.
    pub fn in_file(&self) -> bool {
        matches!(self.scope, Scope::Repository | Scope::FileOnly)
    }
}

/// The keys of `.dkr.conf`.
pub(super) fn in_file() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .iter()
        .filter(|setting| setting.in_file())
        .map(|setting| setting.name)
}

/// Where a setting is made that `.dkr.conf` cannot make.
pub(super) fn of_machine(name: &str) -> Option<String> {
    let mut named = SETTINGS.iter().filter(|setting| setting.name == name);
    let setting = named.next().filter(|_| !in_file().any(|key| key == name))?;
    let config = setting.git_config().map(|key| format!("git config {key}"));
    let ways: Vec<String> = config.into_iter().chain(setting.variable()).collect();
    Some(ways.join(" or "))
}

/// What a container is given and held to: no image depends on these.
const OF_CONTAINERS: [&str; 12] = [
    "network",
    "user",
    "cpus",
    "memory",
    "gpus",
    "ports",
    "env",
    "run_args",
    "sandbox",
    "allow",
    "save_every",
    "save_limit",
];

/// Those of them that what makes an image asks for.
pub(super) fn of_images() -> impl Iterator<Item = &'static str> {
    in_file().filter(|name| !OF_CONTAINERS.contains(name))
}

const fn repository(
    name: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        scope: Scope::Repository,
        flag: None,
        default,
        help,
    }
}

const fn machine(name: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting {
        name,
        scope: Scope::Machine,
        flag: None,
        default,
        help,
    }
}

const fn environment(
    name: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        scope: Scope::Environment,
        flag: None,
        default,
        help,
    }
}

impl Setting {
    const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }
}

/// Every setting, in the order of the manual.
pub const SETTINGS: &[Setting] = &[
    repository("base_image", Some("fedora:43"), "The image that the build starts from.")
        .flag("`--base-image` (create)"),
    repository(
        "packages",
        None,
        "Packages to install, by the names of the base image's package manager, besides git, tmux, the ssh \
         client, curl, tar and CA certificates, which are installed where they are missing.",
    ),
    repository(
        "volumes",
        None,
        "What a container gets mounted, as docker's `-v`: `/directory:/target` or `name:/target`, `:ro` if \
         wanted. A directory that is missing is not made.",
    ),
    repository(
        "caches",
        Some("bazel"),
        "`none`, or some of `bazel cargo npm pip go ccache`: the named volume `<tool>-cache` at \
         `/<tool>-cache`, shared by all your containers, and the setting that leads the tool there.",
    ),
    repository(
        "stack",
        Some("none"),
        "Tools under the repository: `none`, `auto` (those of the languages that the files tell), or layers by \
         name: `rust python`.",
    )
    .flag("`--stack` (create)"),
    repository(
        "agent",
        Some("none"),
        "A coding agent in the image: `claude`, `codex`, `copilot`, `cursor` or `gemini`.",
    )
    .flag("`--agent` (create)"),
    repository("layers", None, "More layers under the repository, by name.").flag("`--layer` (create)"),
    repository(
        "stack_base",
        None,
        "What the lowest layer stands on. Where it is not set it is `base_image`, and where that is not set \
         either, `alpine:3.20`.",
    )
    .flag("`--stack-base` (layer, compose)"),
    repository(
        "layer_prefix",
        Some("dkr-layer"),
        "How the names of layers' images begin.",
    )
    .flag("`--prefix` (layer, compose)"),
    repository(
        "layer_args",
        None,
        "Build arguments of layers: `golang.GO_VERSION=1.23.4`.",
    )
    .flag("`--arg` (layer, compose)"),
    repository(
        "toolchains",
        Some("upstream"),
        "Where Go, Rust, Node.js, JDK and Gradle of built-in layers come from: `upstream`, pinned versions of \
         those who make them, or `distribution`.",
    )
    .flag("`--toolchains` (create, layer, compose)"),
    repository(
        "stale_after",
        Some("50"),
        "The number of commits that an image may be behind before `start-image` warns.",
    ),
    repository(
        "key_files",
        None,
        "Patterns of files whose change matters more than any commit: `Cargo.lock **/package-lock.json`. \
         `.dkr.conf` always is one.",
    ),
    repository(
        "siblings",
        Some("yes"),
        "`no`: a create stands on images of ancestors only, not on those that have commits of their own.",
    )
    .flag("`--from` (create) names one image, or `none`"),
    repository(
        "max_layers",
        Some("20"),
        "The number of layers over a full clone from which on an update becomes a create.",
    )
    .flag("`--keep-chain` (update) overrides it"),
    Setting {
        name: "ca_bundle",
        scope: Scope::FileOnly,
        flag: None,
        default: Some("mount"),
        help: "What becomes of the extra CA certificates: `mount`, there while an image is built and while a \
               container runs, or `install`, also put into the image's own trust store.",
    },
    repository(
        "sparse",
        None,
        "The directories to check out, with what is below them, beside the files at the top. Where it is not \
         set, everything is checked out.",
    ),
    repository(
        "filter",
        Some("none"),
        "`blob:none` leaves contents of files out that the commit does not have, until somebody asks for them.",
    ),
    repository(
        "submodules",
        Some("no"),
        "`yes` brings submodules; `recursive` brings theirs, too.",
    ),
    repository(
        "lfs",
        Some("no"),
        "`yes`: files that git-lfs keeps have their contents.",
    ),
    repository(
        "network",
        None,
        "The network of a container: `bridge`, one of its own, `host`, this machine's, or `none`. `.dkr.conf` \
         cannot say `host`. Where it is not set, `bridge`, and `host` where the engine has no bridge.",
    )
    .flag("`--network` (start)"),
    repository(
        "user",
        Some("root"),
        "Who runs in a container: `root`, `agent` (uid 1000), `host` (you, by uid and gid), a uid, or an account \
         of the image by its name.",
    )
    .flag("`--user` (start)"),
    repository(
        "cpus",
        Some("none"),
        "How many processors a container may use: `2`, `1.5`.",
    )
    .flag("`--cpus` (start)"),
    repository(
        "memory",
        Some("none"),
        "How much memory a container may use: `512m`, `4g`.",
    )
    .flag("`--memory` (start)"),
    repository(
        "gpus",
        Some("none"),
        "GPUs of NVIDIA for a container: `all`, a number, or `device=0,1`.",
    )
    .flag("`--gpus` (start)"),
    repository(
        "ports",
        Some("none"),
        "Ports of a container that this machine shows, as docker's `-p`: `3000 8080:80`. Without an address they \
         are at 127.0.0.1. `.dkr.conf` can show them there alone.",
    )
    .flag("`--publish` (start)"),
    repository(
        "env",
        None,
        "Variables for a container: `NAME=VALUE`, or `NAME`, which passes yours on and which `.dkr.conf` cannot \
         say. Those of all sources are given; of the same name, the strongest.",
    )
    .flag("`--env` (start)"),
    machine(
        "run_args",
        None,
        "More options for the engine's `run`, as a shell reads them: `--cap-add=SYS_PTRACE --shm-size=1g`.",
    )
    .flag("`--run-arg` (start)"),
    repository(
        "sandbox",
        Some("no"),
        "`yes`: a container has no network but what `allow` names, no privileges, and no key of its agent, and \
         `agent` runs in it.",
    )
    .flag("`--sandbox` (start)"),
    repository(
        "allow",
        Some("none"),
        "What a sandbox reaches, through git dkr: hosts (`api.example.com`, `*.example.com`, `example.com:8443`) and \
         groups of them, such as `debian` and `npm`. `.dkr.conf` cannot name \
         addresses of this machine or of private networks.",
    )
    .flag("`--allow` (start)"),
    repository(
        "save_every",
        Some("30"),
        "How often the work in a container is saved on the host, in seconds; `0`: never, and what was not pushed \
         is lost with the container.",
    )
    .flag("`--discard` (start): 0"),
    repository(
        "save_limit",
        Some("100m"),
        "The largest untracked file that is saved, such as `500m` or `2g`; larger ones are left out and named.",
    ),
    machine(
        "engine",
        None,
        "`docker` or `podman`. Where it is not set, docker, and podman where there is no docker.",
    )
    .flag("`--engine`"),
    machine(
        "objects",
        Some("exact"),
        "Which objects a create puts into an image: `exact`, those that the branch needs, or `all`, the \
         repository's packs as they are, with all that is in them.",
    )
    .flag("`--objects` (create)"),
    machine(
        "ssh_key",
        None,
        "A private key for the host's own sshd, a file. Where it is not set, the embedded server serves.",
    )
    .flag("`--ssh-key`"),
    machine("ssh_port", Some("22"), "The port of the host's own sshd."),
    machine(
        "ca_bundle",
        None,
        "Extra CA certificates that https needs in this network, a PEM file.",
    )
    .flag("`--ca-bundle`"),
    machine("claude_key", None, "A file with the key of the agent `claude`.").flag(AGENT_KEY),
    machine("codex_key", None, "A file with the key of the agent `codex`.").flag(AGENT_KEY),
    machine("copilot_key", None, "A file with the key of the agent `copilot`.").flag(AGENT_KEY),
    machine("cursor_key", None, "A file with the key of the agent `cursor`.").flag(AGENT_KEY),
    machine("gemini_key", None, "A file with the key of the agent `gemini`.").flag(AGENT_KEY),
    machine(
        "auto_update",
        Some("false"),
        "`true`: hooks update a stale image in the background, instead of telling of it.",
    )
    .flag("`--auto-update` (hooks install)"),
    machine(
        "overlay_cache_dir",
        Some("~/.cache/git-dkr/overlay"),
        "This machine's own cache of snapshots, a directory.",
    )
    .flag("`--cache-dir` (overlay)"),
    machine(
        "overlay_cache",
        None,
        "The cache of snapshots that is shared with other machines: `dir:PATH` or `github:OWNER/REPO`.",
    )
    .flag("`--cache` (overlay)"),
    environment("hooks", Some("1"), "`0` silences git dkr's hooks."),
    environment(
        "github_api",
        Some("https://api.github.com"),
        "The API of GitHub; of an Enterprise server `https://HOST/api/v3`.",
    ),
    environment(
        "overlay_part_size",
        Some("1900000000"),
        "The bytes of one asset of a release; a larger snapshot is split.",
    ),
    environment(
        "http_wait",
        Some("500"),
        "The first wait before a download is tried again, in milliseconds.",
    ),
];

const AGENT_KEY: &str = "`--agent-key` (start)";

/// `base_image` as git's config spells it: `baseImage`.
pub(super) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

//! Hosts that go together, under a word of their own. The manual repeats the table.

/// A word of the setting `allow` that stands for several hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HostGroup {
    /// The word.
    pub name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Names of hosts, or `*.` and a name. Each on the ports 443 and 80.
    pub hosts: &'static [&'static str],
}

/// All groups, in the order of the manual.
pub(super) const GROUPS: [HostGroup; 12] = [
    HostGroup {
        name: "debian",
        help: "packages of Debian",
        hosts: &["deb.debian.org", "security.debian.org"],
    },
    HostGroup {
        name: "ubuntu",
        help: "packages of Ubuntu",
        hosts: &[
            "archive.ubuntu.com",
            "*.archive.ubuntu.com",
            "security.ubuntu.com",
            "ports.ubuntu.com",
        ],
    },
    HostGroup {
        name: "fedora",
        help: "packages of Fedora, from its own servers and from none of its mirrors",
        hosts: &[
            "mirrors.fedoraproject.org",
            "download.fedoraproject.org",
            "dl.fedoraproject.org",
            "codecs.fedoraproject.org",
        ],
    },
    HostGroup {
        name: "alpine",
        help: "packages of Alpine",
        hosts: &["dl-cdn.alpinelinux.org"],
    },
    HostGroup {
        name: "npm",
        help: "packages of npm and yarn, and what native ones are compiled with",
        hosts: &["registry.npmjs.org", "registry.yarnpkg.com", "nodejs.org"],
    },
    HostGroup {
        name: "pypi",
        help: "packages of pip and uv",
        hosts: &["pypi.org", "files.pythonhosted.org"],
    },
    HostGroup {
        name: "crates",
        help: "crates, and Rust's own toolchains",
        hosts: &[
            "index.crates.io",
            "static.crates.io",
            "crates.io",
            "static.rust-lang.org",
        ],
    },
    HostGroup {
        name: "go",
        help: "modules of Go, and Go's own toolchains",
        hosts: &["proxy.golang.org", "sum.golang.org"],
    },
    HostGroup {
        name: "github",
        help: "repositories over https, releases and the API of GitHub",
        hosts: &[
            "github.com",
            "api.github.com",
            "codeload.github.com",
            "raw.githubusercontent.com",
            "objects.githubusercontent.com",
            "release-assets.githubusercontent.com",
            "media.githubusercontent.com",
            "github-cloud.githubusercontent.com",
        ],
    },
    HostGroup {
        name: "anthropic",
        help: "the API of Claude, and logging in",
        hosts: &["api.anthropic.com", "claude.ai", "platform.claude.com"],
    },
    HostGroup {
        name: "openai",
        help: "the API of OpenAI, and logging in",
        hosts: &["api.openai.com", "auth.openai.com", "chatgpt.com"],
    },
    HostGroup {
        name: "google",
        help: "the API of Gemini, and logging in",
        hosts: &[
            "generativelanguage.googleapis.com",
            "cloudcode-pa.googleapis.com",
            "oauth2.googleapis.com",
            "accounts.google.com",
        ],
    },
];

/// The group of this name.
pub(super) fn group(name: &str) -> Option<&'static HostGroup> {
    GROUPS.iter().find(|group| group.name == name)
}

//! Hosts that go together, under a word of their own. The manual says what each is for.

/// A word of the setting `allow` that stands for several hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HostGroup {
    /// The word.
    pub name: &'static str,
    /// Names of hosts, or `*.` and a name. Each on the ports 443 and 80.
    pub hosts: &'static [&'static str],
}

/// All groups, in the order of the manual.
pub(super) const GROUPS: [HostGroup; 12] = [
    HostGroup {
        name: "debian",
        hosts: &["deb.debian.org", "security.debian.org"],
    },
    HostGroup {
        name: "ubuntu",
        hosts: &[
            "archive.ubuntu.com",
            "*.archive.ubuntu.com",
            "security.ubuntu.com",
            "ports.ubuntu.com",
        ],
    },
    HostGroup {
        name: "fedora",
        hosts: &[
            "mirrors.fedoraproject.org",
            "download.fedoraproject.org",
            "dl.fedoraproject.org",
            "codecs.fedoraproject.org",
        ],
    },
    HostGroup {
        name: "alpine",
        hosts: &["dl-cdn.alpinelinux.org"],
    },
    HostGroup {
        name: "npm",
        hosts: &["registry.npmjs.org", "registry.yarnpkg.com", "nodejs.org"],
    },
    HostGroup {
        name: "pypi",
        hosts: &["pypi.org", "files.pythonhosted.org"],
    },
    HostGroup {
        name: "crates",
        hosts: &[
            "index.crates.io",
            "static.crates.io",
            "crates.io",
            "static.rust-lang.org",
        ],
    },
    HostGroup {
        name: "go",
        hosts: &["proxy.golang.org", "sum.golang.org"],
    },
    HostGroup {
        name: "github",
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
        hosts: &["api.anthropic.com", "claude.ai", "platform.claude.com"],
    },
    HostGroup {
        name: "openai",
        hosts: &["api.openai.com", "auth.openai.com", "chatgpt.com"],
    },
    HostGroup {
        name: "google",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_lists_them() {
        let manual = include_str!("../../docs/sandbox.md");
        let (_, table) = manual
            .split_once("| group | hosts | what for |\n|---|---|---|\n")
            .unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let listed: Vec<(&str, &str)> = table
            .lines()
            .map(|row| {
                let mut cells = row.split('|').map(str::trim);
                (cells.nth(1).unwrap(), cells.next().unwrap())
            })
            .collect();
        let code = |text: &str| format!("`{text}`");
        let groups = GROUPS.map(|group| {
            let hosts: Vec<String> = group.hosts.iter().copied().map(code).collect();
            (code(group.name), hosts.join(" "))
        });
        let groups = groups
            .each_ref()
            .map(|(name, hosts)| (name.as_str(), hosts.as_str()));
        assert_eq!(listed, groups);
    }
}

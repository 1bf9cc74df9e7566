//! What no snapshot takes, and why. Pure.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Why a place is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExclusionReason {
    /// The kernel shows itself there, or what runs now. Never taken.
    Kernel,
    /// Directories of our own. Never taken.
    Own,
    /// Keys, logins and what a person has typed.
    Secret,
    /// For files that nobody keeps.
    Volatile,
    /// Belongs to the machine, not to what is installed on it.
    Machine,
    /// Can be fetched or made again.
    Cache,
    /// Says when something was done, and so differs each time.
    Record,
}

impl ExclusionReason {
    /// For people, after a dash.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Kernel => "the kernel's, or of what runs now; never taken",
            Self::Own => "of git dkr itself; never taken",
            Self::Volatile => "for files that nobody keeps",
            Self::Secret => "a person's own, and may be secret",
            Self::Machine => "belongs to the machine",
            Self::Cache => "can be fetched or made again",
            Self::Record => "says when something was done",
        }
    }
}

/// Places below the root. `home/*` stands for the homes of all users.
const PLACES: [(ExclusionReason, &[&str]); 5] = [
    (ExclusionReason::Kernel, &["proc", "sys", "dev", "run"]),
    (ExclusionReason::Volatile, &["tmp", "var/tmp"]),
    (
        ExclusionReason::Machine,
        &[
            ".dockerenv",
            "etc/hostname",
            "etc/hosts",
            "etc/machine-id",
            "etc/mtab",
            "etc/resolv.conf",
            "var/lib/dbus/machine-id",
            "var/lib/systemd/random-seed",
        ],
    ),
    (
        ExclusionReason::Cache,
        &[
            "var/cache/apk",
            "var/cache/apt",
            "var/cache/dnf",
            "var/cache/fontconfig",
            "var/cache/ldconfig",
            "var/cache/libdnf5",
            "var/cache/man",
            "var/cache/pacman",
            "var/cache/yum",
            "var/cache/zypp",
            "var/lib/apt/lists",
        ],
    ),
    (
        ExclusionReason::Record,
        &[
            "var/lib/dnf/history.sqlite",
            "var/lib/dnf/history.sqlite-shm",
            "var/lib/dnf/history.sqlite-wal",
            "var/log/alternatives.log",
            "var/log/apk.log",
            "var/log/apt",
            "var/log/btmp",
            "var/log/dnf.librepo.log",
            "var/log/dnf.log",
            "var/log/dnf.rpm.log",
            "var/log/dnf5.log",
            "var/log/dpkg.log",
            "var/log/faillog",
            "var/log/hawkey.log",
            "var/log/journal",
            "var/log/lastlog",
            "var/log/pacman.log",
            "var/log/wtmp",
            "var/log/yum.log",
            "var/log/zypp",
        ],
    ),
];

/// Places below each home.
const HOME: [(ExclusionReason, &[&str]); 3] = [
    (
        ExclusionReason::Secret,
        &[
            ".aws",
            ".bash_history",
            ".config/gcloud",
            ".config/gh",
            ".docker/config.json",
            ".git-credentials",
            ".gnupg",
            ".kube",
            ".netrc",
            ".pypirc",
            ".ssh",
            ".zsh_history",
        ],
    ),
    (
        ExclusionReason::Cache,
        &[
            ".bundle/cache",
            ".cache",
            ".cargo/registry/cache",
            ".npm/_cacache",
            "go/pkg/mod/cache/download",
        ],
    ),
    (
        ExclusionReason::Record,
        &[
            ".npm/_logs",
            ".npm/_update-notifier-last-checked",
            ".wget-hsts",
        ],
    ),
];

/// What is left out of the snapshots of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusions(BTreeMap<PathBuf, ExclusionReason>);

impl Exclusions {
    /// For a root, the user's home, and directories of our own (caches, state, temporary files). All paths are
    /// absolute and resolved; those that are not below the root do not matter.
    pub fn new(root: &Path, home: Option<&Path>, own: &[PathBuf]) -> Self {
        let below = |path: &Path| path.strip_prefix(root).ok().map(Path::to_owned);
        let mut places = BTreeMap::new();
        for (why, names) in PLACES {
            places.extend(names.iter().map(|name| (PathBuf::from(name), why)));
        }
        let homes = [
            Some("root".into()),
            Some("home/*".into()),
            home.and_then(below),
        ];
        for home in homes.into_iter().flatten() {
            for (why, names) in HOME {
                places.extend(names.iter().map(|name| (home.join(name), why)));
            }
        }
        let own = own.iter().filter_map(|path| below(path));
        places.extend(own.map(|path| (path, ExclusionReason::Own)));
        Self(places)
    }

    /// Why exactly this place, a path below the root, is left out.
    pub fn at(&self, path: &Path) -> Option<ExclusionReason> {
        self.0.get(path).copied().or_else(|| {
            let below = path.strip_prefix("home").ok()?;
            let mut parts = below.components();
            parts.next()?;
            self.0.get(&Path::new("home/*").join(parts)).copied()
        })
    }

    /// Why this place or one that it lies in is left out; of two reasons, the one for ever.
    pub fn within(&self, path: &Path) -> Option<ExclusionReason> {
        let reasons = path.ancestors().filter_map(|place| self.at(place));
        reasons.reduce(|a, b| if a.is_for_ever() { a } else { b })
    }

    /// Each place with its reason, a line each, for people.
    pub fn lines(&self) -> Vec<String> {
        let line = |(path, why): (&PathBuf, &ExclusionReason)| {
            format!("/{} - {}", path.display(), why.reason())
        };
        self.0.iter().map(line).collect()
    }
}

impl ExclusionReason {
    /// Whether even `SNAPSHOT` does not take it.
    pub fn is_for_ever(self) -> bool {
        matches!(self, Self::Kernel | Self::Own)
    }
}

/// Whether a path below the root is one of the kernel's places, or in one.
pub(crate) fn is_kernels(path: &Path) -> bool {
    let first = path.components().next().map(Component::as_os_str);
    PLACES[0].1.iter().any(|name| first == Some(name.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out() -> Exclusions {
        let own = ["/srv/r/var/lib/git-dkr".into(), "/elsewhere".into()];
        Exclusions::new(Path::new("/srv/r"), Some(Path::new("/srv/r/opt/me")), &own)
    }

    #[test]
    fn places_and_what_lies_in_them() {
        let out = left_out();
        for (path, why) in [
            ("proc", Some(ExclusionReason::Kernel)),
            ("home/a/.cache", Some(ExclusionReason::Cache)),
            ("home/b c/.npm/_logs", Some(ExclusionReason::Record)),
            ("root/.cache", Some(ExclusionReason::Cache)),
            ("opt/me/.cache", Some(ExclusionReason::Cache)),
            ("var/lib/git-dkr", Some(ExclusionReason::Own)),
            ("var/lib/git-dkr/x", None),
            ("home", None),
            ("home/a", None),
            ("usr/.cache", None),
            ("", None),
        ] {
            assert_eq!(out.at(Path::new(path)), why, "{path}");
        }
        for (path, why) in [
            ("root/.cache/ms-playwright/x", Some(ExclusionReason::Cache)),
            ("dev/shm/x", Some(ExclusionReason::Kernel)),
            ("var/lib/git-dkr/x", Some(ExclusionReason::Own)),
            ("usr/bin", None),
        ] {
            assert_eq!(out.within(Path::new(path)), why, "{path}");
        }
        assert!(is_kernels(Path::new("sys/x")) && !is_kernels(Path::new("system")));
    }

    #[test]
    fn a_directory_of_ours_in_a_cache_stays_ours() {
        let own = ["/root/.cache/git-dkr".into()];
        let out = Exclusions::new(Path::new("/"), None, &own);
        let path = Path::new("root/.cache/git-dkr/overlay");
        assert_eq!(out.within(path), Some(ExclusionReason::Own));
    }

    #[test]
    fn each_line_has_its_reason() {
        let lines = left_out().lines();
        assert!(lines.contains(&"/tmp - for files that nobody keeps".to_owned()));
        assert!(lines.contains(&"/home/*/.cache - can be fetched or made again".to_owned()));
    }
}

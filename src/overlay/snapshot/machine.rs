//! What kind of machine a root is of.

use std::path::Path;

/// A snapshot of one kind means nothing to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Processor, as Rust calls it: `x86_64`.
    pub arch: String,
    /// `ID VERSION_ID` of os-release: `debian 12`; empty where the root has none.
    pub os: String,
}

impl Machine {
    /// Of a root.
    pub fn of(root: &Path) -> Self {
        // `/etc/os-release` may be an absolute link, which would lead to ours.
        let text = ["usr/lib/os-release", "etc/os-release"]
            .iter()
            .find_map(|path| crate::fs::read_text(root.join(path)).ok());
        Self {
            arch: std::env::consts::ARCH.to_owned(),
            os: os(&text.unwrap_or_default()),
        }
    }
}

/// Reads os-release (os-release(5)): lines of `NAME=value`, quoted as a shell does.
fn os(text: &str) -> String {
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.trim().split_once('='));
        let (_, value) = lines.find(|(found, _)| *found == name)?;
        shlex::split(value)?.into_iter().next()
    };
    let parts: Vec<String> = ["ID", "VERSION_ID"].into_iter().filter_map(value).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release() {
        assert_eq!(
            os("NAME=\"x y\"\nID=debian\nVERSION_ID=\"12\"\n"),
            "debian 12"
        );
        assert_eq!(os("ID='arch'\n"), "arch");
        assert_eq!(os("ID=\"open\n#"), "");
        assert_eq!(os(""), "");
    }
}

//! Which Python a profile asks for.
//!
//! The rule: a text without a version (absent, empty, `3`, `latest`) means the default. Else, in
//! this order: the first version that the text names as wanted, so for a range its lower end
//! (`>=3.10,<3.13` is 3.10); where it only names versions that are too high, the default if that
//! is low enough, and the one below the first of them if not (`<3.9` is 3.8).

use std::sync::LazyLock;

use regex::Regex;

/// Where nothing is asked for.
pub(super) const DEFAULT: (u32, u32) = (3, 11);

/// What was made of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Python {
    /// `3.11` or `3.11.4`, as in the names of images.
    pub version: String,
    /// Whether the target says so, or it is the default.
    pub asked: bool,
}

/// The version that a target names; `None` for what is another Python altogether, or a range that
/// nothing is in.
pub(super) fn version(target: &str) -> Option<Python> {
    let target = target.trim().to_ascii_lowercase();
    let other = [
        "pypy",
        "graalpy",
        "jython",
        "ironpython",
        "micropython",
        "conda",
    ];
    if other.iter().any(|name| target.contains(name)) {
        return None;
    }
    // `py312`, as linters write it, several of them too.
    if let Some(found) = find(r"\bpy(2|3)(\d{1,2})\b", &target) {
        return Some(asked(format!("{}.{}", found[0], found[1])));
    }
    let mut too_high = None;
    let found = clauses(&target);
    for (operator, version) in &found {
        match operator.as_str() {
            "<" | "<=" => too_high = too_high.or(Some((operator == "<", version))),
            "!=" => {}
            _ => return Some(asked(version.clone())),
        }
    }
    let default = format!("{}.{}", DEFAULT.0, DEFAULT.1);
    let Some((below, version)) = too_high else {
        return Some(Python {
            version: default,
            asked: false,
        });
    };
    let (major, minor) = two(version)?;
    let highest = match (below, version.matches('.').count()) {
        // `<3.9.4` has 3.9 in it.
        (true, 1) => (major, minor.checked_sub(1)?),
        _ => (major, minor),
    };
    let (major, minor) = highest.min(DEFAULT);
    Some(asked(format!("{major}.{minor}")))
}

fn asked(version: String) -> Python {
    Python {
        version,
        asked: true,
    }
}

/// Each version of at least two numbers, with the operator before it.
fn clauses(target: &str) -> Vec<(String, String)> {
    static CLAUSE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(===|==|~=|!=|>=|<=|>|<|\^|~)?\s*v?(\d{1,2}\.\d{1,3}(?:\.\d{1,3})?)").ok()
    });
    let Some(clause) = CLAUSE.as_ref() else {
        return Vec::new();
    };
    let text = |part: Option<regex::Match>| part.map_or("", |part| part.as_str()).to_owned();
    clause
        .captures_iter(target)
        .map(|found| (text(found.get(1)), text(found.get(2))))
        .collect()
}

fn two(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn find(pattern: &str, text: &str) -> Option<Vec<String>> {
    let found = Regex::new(pattern).ok()?.captures(text)?;
    let groups = found.iter().skip(1).flatten();
    Some(groups.map(|group| group.as_str().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_by_examples() {
        for (target, wanted) in [
            ("3.11", "3.11"),
            ("3.11.4", "3.11.4"),
            (" 3.10 ", "3.10"),
            (">=3.10,<3.13", "3.10"),
            ("<3.13,>=3.10", "3.10"),
            (">=3.10, !=3.10.1, <4", "3.10"),
            ("!=3.9.0,>=3.9", "3.9"),
            (">3.8", "3.8"),
            ("~=3.9", "3.9"),
            ("~=3.9.2", "3.9.2"),
            ("==3.10.*", "3.10"),
            ("===3.12.1", "3.12.1"),
            ("^3.10", "3.10"),
            ("~3.10", "3.10"),
            ("3.12.x", "3.12"),
            ("3.11 || 3.12", "3.11"),
            ("py312", "3.12"),
            ("py38", "3.8"),
            ("py27", "2.7"),
            ("python3.9", "3.9"),
            ("Python 3.12 or newer", "3.12"),
            ("cpython@3.13.0", "3.13.0"),
            ("v3.12", "3.12"),
            ("3.13-dev", "3.13"),
            ("3.14rc1", "3.14"),
            ("<3.9", "3.8"),
            ("<3.9.4", "3.9"),
            ("<=3.9", "3.9"),
            ("<3.13", "3.11"),
            // No version is named: the default.
            ("", "3.11"),
            ("3", "3.11"),
            (">=3", "3.11"),
            (">=3,<4", "3.11"),
            ("==3.*", "3.11"),
            ("latest", "3.11"),
            ("python", "3.11"),
        ] {
            assert_eq!(
                version(target).map(|python| python.version).as_deref(),
                Some(wanted),
                "{target}"
            );
        }
        for target in ["pypy3.10", "graalpy-24.1", "miniconda3-4.7", "<3.0"] {
            assert_eq!(version(target), None, "{target}");
        }
        assert!(!version("3").unwrap().asked);
        assert!(version("<3.13").unwrap().asked);
    }

    proptest::proptest! {
        /// It stands in the name of an image.
        #[test]
        fn nothing_but_a_version_comes_out(target in "([<>=~!^., v*py-]|[0-9]{1,4}|\\PC){0,12}") {
            if let Some(found) = version(&target) {
                let fits = found.version.chars().all(|c| c.is_ascii_digit() || c == '.');
                proptest::prop_assert!(fits && found.version.len() < 12, "{}", found.version);
            }
        }
    }
}

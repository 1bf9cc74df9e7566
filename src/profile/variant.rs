//! What to try once more when a build has failed, told by its log.

use std::sync::LazyLock;

use regex::Regex;

/// What is different from the plain build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Variant {
    /// With the packages that building extensions needs.
    pub builder: bool,
    /// With packages of the distribution's archive.
    pub archive: bool,
}

impl Variant {
    /// Its name in the manifest.
    pub(super) fn name(self) -> &'static str {
        match (self.builder, self.archive) {
            (false, false) => "default",
            (true, false) => "builder",
            (false, true) => "archive",
            (true, true) => "archive-builder",
        }
    }

    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [(false, false), (true, false), (false, true), (true, true)];
        let all = all.map(|(builder, archive)| Self { builder, archive });
        all.into_iter().find(|variant| variant.name() == name)
    }

    /// What may help after this one failed with this log; each thing is tried once.
    pub(super) fn after(self, log: &str) -> Option<Self> {
        if !self.archive && matches(&ARCHIVE, log) {
            return Some(Self {
                archive: true,
                ..self
            });
        }
        if !self.builder && matches(&BUILDER, log) {
            return Some(Self {
                builder: true,
                ..self
            });
        }
        None
    }
}

type Pattern = LazyLock<Option<Regex>>;

/// Headers that are not there, compilers that are not there, wheels that could not be built.
static BUILDER: Pattern = LazyLock::new(|| {
    Regex::new(concat!(
        r"(Python|pyconfig|longintrepr|ffi)\.h['’]?: No such file|",
        r"['‘](Python|pyconfig|longintrepr|ffi)\.h['’] file not found|",
        r"Failed building wheel for|Could not build wheels for|Failed to build installable wheels|",
        r"command '[^']*(gcc|g\+\+|cc|c\+\+|clang)[^']*' failed|unable to execute '[^']*(gcc|g\+\+|cc|clang)|",
        r"(gcc|g\+\+|cc|clang): (command )?not found|",
        r"No package '?libffi'? found|Unknown compiler\(s\)"
    ))
    .ok()
});

/// apt-get where a release is no longer.
static ARCHIVE: Pattern = LazyLock::new(|| {
    Regex::new(concat!(
        r"does(n't| not) have a Release file|no longer has a Release file|",
        r"(E|Err|W): ?.*Failed to fetch .*/dists/.* 404|Release file for .* is expired"
    ))
    .ok()
});

/// Whether a line of a step's output says so. The headings of steps repeat the command.
fn matches(pattern: &Pattern, log: &str) -> bool {
    let Some(pattern) = pattern.as_ref() else {
        return false;
    };
    log.lines()
        .filter(|line| !is_heading(line))
        .any(|line| pattern.is_match(line))
}

/// `#7 [5/6] RUN …`, ` > [5/6] RUN …:`, and what repeats the command of a step that failed.
fn is_heading(line: &str) -> bool {
    let line = line.trim_start();
    let step = line
        .strip_prefix('#')
        .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        .is_some_and(|rest| rest.starts_with(" [") || rest.starts_with(" ERROR: "));
    let starts = [
        "> [",
        "STEP ",
        "executor failed",
        "failed to solve",
        "ERROR: failed to solve",
    ];
    step || starts.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_says_decides() {
        let plain = Variant::default();
        for (line, wanted) in [
            (
                "#9 2.1 ext.c:1:10: fatal error: Python.h: No such file or directory",
                "builder",
            ),
            (
                "#9 2.1 x.cpp:9:12: fatal error: longintrepr.h: No such file or directory",
                "builder",
            ),
            (
                "#9 2.1 c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory",
                "builder",
            ),
            ("#9 2.1   ERROR: Failed building wheel for cffi", "builder"),
            (
                "#9 2.1 ERROR: Could not build wheels for a, which is required to install",
                "builder",
            ),
            (
                "#9 2.1 error: command '/usr/bin/gcc' failed with exit code 1",
                "builder",
            ),
            (
                "#9 2.1 error: command 'gcc' failed: No such file or directory",
                "builder",
            ),
            ("#9 2.1 /bin/sh: 1: gcc: not found", "builder"),
            (
                "#5 1.0 E: The repository 'http://deb.debian.org/debian buster Release' does not have a Release file.",
                "archive",
            ),
            (
                "#5 1.0 E: The repository 'x stretch Release' no longer has a Release file.",
                "archive",
            ),
            (
                "#5 1.0 E: Failed to fetch http://deb.debian.org/debian/dists/buster/main/binary-amd64/Packages  404  Not Found",
                "archive",
            ),
            (
                "#5 1.0 E: Release file for http://x/InRelease is expired (invalid since 3d).",
                "archive",
            ),
        ] {
            assert_eq!(plain.after(line).map(Variant::name), Some(wanted), "{line}");
        }
        for line in [
            "#9 2.1 ERROR: No matching distribution found for nosuch",
            "#9 [5/6] RUN echo Python.h: No such file",
            " > [5/6] RUN gcc: not found:",
            "#9 ERROR: executor failed running [/bin/sh -c echo 'gcc: not found'; false]: exit code: 1",
            "executor failed running [/bin/sh -c gcc: not found]: exit code: 1",
        ] {
            assert_eq!(plain.after(line), None, "{line}");
        }
    }

    #[test]
    fn each_thing_is_tried_once() {
        let both = "1.0 no longer has a Release file\n#9 2.1 Python.h: No such file";
        let archive = Variant::default().after(both).unwrap();
        let last = archive.after(both).unwrap();
        assert_eq!(
            (archive.name(), last.name()),
            ("archive", "archive-builder")
        );
        assert_eq!(last.after(both), None);
    }
}

//! Under which key a snapshot is kept. Pure functions.

use crate::digest;
use crate::error::Failure;

/// The keys of `Containerfile`s that stand on each other, given their bytes: 64 hexadecimal digits
/// each.
///
/// The first is the SHA-256 of its bytes, each further one that of the key before it, a line break
/// and its own bytes. (No file begins with such a line, as it is no instruction.)
pub fn keys(files: &[Vec<u8>]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for bytes in files {
        keys.push(match keys.last() {
            None => digest::of(bytes),
            Some(before) => digest::of([before.as_bytes(), b"\n", bytes].concat()),
        });
    }
    keys
}

/// What a snapshot is called in every cache: `layer-KEY`, or `layer-NAME-KEY`.
pub fn tag(name: Option<&str>, key: &str) -> String {
    match name {
        Some(name) => format!("layer-{name}-{key}"),
        None => format!("layer-{key}"),
    }
}

/// Refuses what cannot stand in the name of a file and of a git tag.
pub fn check_name(name: &str) -> Result<(), Failure> {
    let good =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let fits = name.len() <= 64
        && name.chars().all(good)
        && edge(name.chars().next())
        && edge(name.chars().last())
        && !name.contains("..")
        && !name.ends_with(".lock");
    if fits {
        return Ok(());
    }
    Err(
        Failure::new(format!("`{name}` cannot be the name of a snapshot"))
            .hint("take up to 64 small letters, digits, and - _ . between them"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_stands_on_the_one_before() {
        let files = |texts: &[&str]| {
            texts
                .iter()
                .map(|t| t.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        let both = keys(&files(&["RUN a\n", "RUN b\n"]));
        assert_eq!(both[0], digest::of("RUN a\n"));
        assert_eq!(both[0].len(), 64);
        assert_eq!(both[1], digest::of(format!("{}\nRUN b\n", both[0])));
        assert_ne!(both[1], keys(&files(&["RUN b\n"]))[0]);
        assert_eq!(keys(&[]).len(), 0);
        assert_eq!(tag(None, &both[0]), format!("layer-{}", both[0]));
        assert_eq!(tag(Some("py"), "12"), "layer-py-12");
    }

    #[test]
    fn names_fit_files_and_tags() {
        for good in ["a", "py-3.11", "x_y", "0"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a/b",
            "a b",
            "a..b",
            "é",
            "a.lock",
            &"a".repeat(65),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}

//! Under which key a snapshot is kept. Pure functions.

use crate::digest;
use crate::error::Failure;

/// The keys of `Containerfile`s that stand on each other, given their bytes: 64 hexadecimal digits
/// each.
///
/// The first is the SHA-256 of its bytes, each further one that of the key before it, a line break
/// and its own bytes. (No file begins with such a line, as it is no instruction.)
pub(crate) fn keys(files: &[Vec<u8>]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for bytes in files {
        keys.push(match keys.last() {
            None => digest::of(bytes),
            Some(before) => digest::of([before.as_bytes(), b"\n", bytes].concat()),
        });
    }
    keys
}

/// What the snapshot of a key is called in every cache: `layer-KEY`, or `layer-NAME-KEY`.
pub(crate) fn tag(name: Option<&str>, key: &str) -> String {
    match name {
        Some(name) => format!("layer-{name}-{key}"),
        None => format!("layer-{key}"),
    }
}

/// The name and the key of a tag, if it is one of ours.
pub(crate) fn of_tag(tag: &str) -> Option<(Option<&str>, &str)> {
    let rest = tag.strip_prefix("layer-")?;
    let at = rest.len().checked_sub(64)?;
    let (name, key) = (rest.get(..at)?, rest.get(at..)?);
    let name = match name.strip_suffix('-') {
        Some(name) => Some(name).filter(|name| is_name(name)),
        None if name.is_empty() => return is_digest(key).then_some((None, key)),
        None => None,
    };
    name.filter(|_| is_digest(key))
        .map(|name| (Some(name), key))
}

/// Whether it may stand in a tag: letters, digits, `-`, `_` and `.`, at most 60 of them, the first
/// a letter or a digit, and no two dots in a row (git takes none in a tag).
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.len() <= 60
        && name.bytes().all(plain)
        && !name.contains("..")
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// Whether it is a SHA-256 as we write it.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Refuses what cannot be a name, and says what can.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    if is_name(name) {
        return Ok(());
    }
    Err(
        Failure::new(format!("`{name}` cannot be the name of a snapshot"))
            .hint("use up to 60 letters and digits, with - _ . between them"),
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
    fn tags_are_told_apart() {
        let key = "0".repeat(64);
        for name in [None, Some("a"), Some("a-b.c_D"), Some(&key[..60])] {
            assert_eq!(of_tag(&tag(name, &key)), Some((name, &*key)));
        }
        for no in [
            "v1".to_owned(),
            "layer-".to_owned(),
            format!("layer--{key}"),
            format!("layer-../x-{key}"),
            format!("layer-a..b-{key}"),
            format!("layer-a{key}"),
            format!("layer-{}-{key}", "a".repeat(61)),
            format!("layer-{}", "A".repeat(64)),
            format!("layer-ü-{}", &key),
            format!("layer-{}ü", &key[2..]),
        ] {
            assert_eq!(of_tag(&no), None, "{no}");
        }
    }
}

//! How much of the commit and its history is in an image.

/// Which objects of the history are left out, until somebody asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// None: the clone is whole.
    None,
    /// Contents of files that the commit does not have.
    Blobs,
}

impl Filter {
    /// As git takes it, when there is one.
    pub fn spec(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Blobs => Some("blob:none"),
        }
    }
}

/// Which submodules are in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submodules {
    No,
    /// Those of the repository.
    Yes,
    Recursive,
}

/// A directory, from the top of the repository. Git's own cone patterns give some characters a
/// meaning, and not the same in all of its versions: these are refused.
pub(super) fn directory(word: &str) -> Result<String, String> {
    let path = word.strip_suffix('/').unwrap_or(word);
    if path.starts_with('/') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!(
            "`{word}` is not a directory of the repository: its path begins at the top, as in src/tool"
        ));
    }
    let special = |c: char| c.is_control() || r#"*?[]\!""#.contains(c);
    if path.contains(special) {
        return Err(format!(
            "`{}` is a pattern: sparse takes plain directories, and what is below them comes along",
            word.escape_debug()
        ));
    }
    Ok(path.to_owned())
}

pub(super) fn filter(text: &str) -> Result<Filter, String> {
    match text {
        "none" => Ok(Filter::None),
        "blob:none" => Ok(Filter::Blobs),
        _ => Err(format!("`{text}` is neither `none` nor `blob:none`")),
    }
}

pub(super) fn submodules(text: &str) -> Result<Submodules, String> {
    match text {
        "no" => Ok(Submodules::No),
        "yes" => Ok(Submodules::Yes),
        "recursive" => Ok(Submodules::Recursive),
        _ => Err(format!("`{text}` is none of `no`, `yes`, `recursive`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_plain_and_inside() {
        for (good, path) in [("src", "src"), ("a/b/", "a/b"), ("d é/-x", "d é/-x")] {
            assert_eq!(directory(good).as_deref(), Ok(path));
        }
        for bad in ["", "/", "/a", "..", "a/../b", "./a", "a//b", ".", "a//"] {
            assert!(
                directory(bad).unwrap_err().contains("begins at the top"),
                "{bad}"
            );
        }
        for bad in ["a*", "[ab]", "!a", "\"a", "a\\", "a\nb", "a?"] {
            assert!(directory(bad).unwrap_err().contains("pattern"), "{bad}");
        }
    }
}

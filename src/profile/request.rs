//! What a program asks for: one JSON object on standard input.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::json::{self, Json};
use crate::error::{Diagnostic, Failure};

/// The keys that there are.
const KEYS: [&str; 4] = [
    "repo_dir",
    "profile_path",
    "image_cache_dir",
    "force_rebuild",
];
const HINT: &str = r#"for example {"repo_dir": "/src/app", "profile_path": "/src/app/repo_profile.json"}, with "image_cache_dir" and "force_rebuild" if wanted"#;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRequest {
    /// The repository's directory, or one in it.
    pub repo_dir: PathBuf,
    /// The profile's file.
    pub profile_path: PathBuf,
    /// Where archives of images are kept, if not at the usual place.
    pub image_cache_dir: Option<PathBuf>,
    /// Whether to build what is there already.
    pub force_rebuild: bool,
}

/// Reads a request. Every problem with its keys is told at once.
pub fn parse(bytes: &[u8]) -> Result<ProfileRequest> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        bail!(Failure::new("the request is not UTF-8").hint(HINT));
    };
    if text.trim().is_empty() {
        bail!(
            Failure::new("the request is empty: one JSON object is read from standard input")
                .hint(HINT)
        );
    }
    let json = json::parse(text).map_err(|wrong| {
        let diagnostic = Diagnostic::at_byte("the request", text, wrong.at, wrong.message);
        Failure::new(diagnostic.to_string()).hint(HINT)
    })?;
    let Json::Object(pairs) = &json else {
        let kind = json.kind();
        bail!(Failure::new(format!("the request is {kind}, not an object")).hint(HINT));
    };
    let mut problems = Vec::new();
    let names: Vec<String> = pairs.iter().map(|(key, _)| key.to_string()).collect();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            problems.push(format!("`{name}` appears twice"));
        } else if !KEYS.contains(&name.as_str()) {
            let keys = KEYS.join(", ");
            problems.push(format!("unknown key `{name}`; the keys are {keys}"));
        }
    }
    let repo_dir = path(&json, "repo_dir", true, &mut problems);
    let profile_path = path(&json, "profile_path", true, &mut problems);
    let image_cache_dir = path(&json, "image_cache_dir", false, &mut problems);
    let force_rebuild = match json.get("force_rebuild") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(value)) => *value,
        Some(other) => {
            let kind = other.kind();
            problems.push(format!(
                "`force_rebuild` must be true or false, and is {kind}"
            ));
            false
        }
    };
    match (repo_dir, profile_path) {
        (Some(repo_dir), Some(profile_path)) if problems.is_empty() => Ok(ProfileRequest {
            repo_dir,
            profile_path,
            image_cache_dir,
            force_rebuild,
        }),
        _ => bail!(Failure::new(format!("the request: {}", problems.join("; "))).hint(HINT)),
    }
}

/// A path under a key. An optional one may be null.
fn path(json: &Json, key: &str, needed: bool, problems: &mut Vec<String>) -> Option<PathBuf> {
    let problem = match json.get(key) {
        None | Some(Json::Null) if !needed => return None,
        None => format!("`{key}` is missing"),
        Some(Json::Text(text)) => match text.to_text() {
            Some(path) if path.is_empty() => format!("`{key}` is empty"),
            Some(path) if !path.contains('\0') => return Some(PathBuf::from(path)),
            _ => format!("`{key}` holds a character that no path can"),
        },
        Some(other) => format!("`{key}` must be a string, and is {}", other.kind()),
    };
    problems.push(problem);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn all_of_it() {
        let text = r#" {"repo_dir": "/a", "profile_path": "b.json", "image_cache_dir": "/c", "force_rebuild": true}
"#;
        let request = ProfileRequest {
            repo_dir: "/a".into(),
            profile_path: "b.json".into(),
            image_cache_dir: Some("/c".into()),
            force_rebuild: true,
        };
        assert_eq!(parse(text.as_bytes()).unwrap(), request);
        let least = r#"{"repo_dir": "/a", "profile_path": "b", "image_cache_dir": null}"#;
        let least = parse(least.as_bytes()).unwrap();
        assert_eq!(least.image_cache_dir, None);
        assert!(!least.force_rebuild);
    }

    #[test]
    fn what_is_refused_is_named() {
        insta::assert_snapshot!(
            [
                "",
                "[]",
                "{}",
                "nul",
                "{\n\"repo_dir\": }",
                r#"{"repo_dir":"a","profile_path":"b"} {}"#,
                r#"{"repo_dir":"a","profile_path":"b"} trailing"#,
                r#"{"repo_dir":"a","profile_path":"b","repo_dir":"c"}"#,
                r#"{"repo_dir":"a","profile_path":"b","profile":{},"é":1}"#,
                r#"{"repo_dir":7,"profile_path":["b"],"image_cache_dir":{},"force_rebuild":"yes"}"#,
                r#"{"repo_dir":"","profile_path":"a\u0000b","force_rebuild":1}"#,
                r#"{"repo_dir":null,"profile_path":"\ud800"}"#,
            ]
            .map(wrong)
            .join("\n")
        );
        assert_eq!(
            parse(b"\xff").unwrap_err().to_string(),
            "the request is not UTF-8"
        );
    }
}

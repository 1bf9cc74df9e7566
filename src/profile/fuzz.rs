//! The door of fuzz targets, and of the test that reads the manual: nobody else comes this way.

use super::dockerfile::{self, DockerfileOptions};
use super::{archive, canonical, json, repo_profile};

/// Reads a profile, and writes what follows from it.
pub fn profile(text: &str) {
    if let Ok(read) = json::parse(text) {
        let spelt = canonical::canonical(&read);
        let again = json::parse(&spelt).map(|json| canonical::canonical(&json));
        assert_eq!(again.as_ref(), Ok(&spelt), "it has two spellings");
    }
    if let Ok(profile) = repo_profile::parse("profile", text) {
        dockerfile::text(&profile, DockerfileOptions::default());
    }
}

/// Reads what may be an archive of an image.
pub fn archive(bytes: &[u8]) {
    let _ = archive::check(bytes, "tag", "id");
}

/// Whether this is a profile, as the examples of the manual are.
pub fn readable(text: &str) -> anyhow::Result<()> {
    repo_profile::parse("profile", text).map(|_| ())
}

//! Podman's words for what docker names too: ids without `sha256:`, names with their registry.

use crate::engine::EngineImage;

/// An image as docker would tell of it, so that records, keys and tables agree.
pub(crate) fn docker_s(mut image: EngineImage) -> EngineImage {
    if !image.id.starts_with("sha256:") {
        image.id = format!("sha256:{}", image.id);
    }
    image.names = image.names.iter().map(|name| short(name)).collect();
    // An image that was never in a registry has a digest here, and in docker none.
    image.digests.retain(|name| !name.starts_with("localhost/"));
    image.digests = image.digests.iter().map(|name| short(name)).collect();
    image
}

/// Without what docker leaves out.
fn short(name: &str) -> String {
    ["localhost/", "docker.io/library/", "docker.io/"]
        .iter()
        .find_map(|start| name.strip_prefix(start))
        .unwrap_or(name)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_are_docker_s() {
        assert_eq!(short("localhost/dkr:app-main"), "dkr:app-main");
        assert_eq!(short("docker.io/library/debian:12"), "debian:12");
        assert_eq!(short("docker.io/me/app:1"), "me/app:1");
        assert_eq!(short("quay.io/me/app:1"), "quay.io/me/app:1");
        assert_eq!(short("localhost:5000/app:1"), "localhost:5000/app:1");
    }

    #[test]
    fn what_was_never_in_a_registry_is_known_by_its_id() {
        let built = EngineImage {
            id: "0a".into(),
            size: 1,
            layers: None,
            labels: BTreeMap::new(),
            names: vec!["localhost/debian:12".into()],
            digests: vec!["localhost/debian@sha256:0b".into()],
            platform: None,
        };
        assert_eq!(docker_s(built.clone()).digest("debian:12"), "sha256:0a");
        let pulled = EngineImage {
            digests: vec!["docker.io/library/debian@sha256:0c".into()],
            ..built
        };
        assert_eq!(docker_s(pulled).digest("debian:12"), "sha256:0c");
    }
}

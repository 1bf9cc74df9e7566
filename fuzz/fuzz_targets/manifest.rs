//! Whatever a manifest says, it is refused, or stays below the root and holds together.

#![no_main]

use git_dkr::overlay::snapshot::SnapshotManifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = SnapshotManifest::parse(bytes) else {
        return;
    };
    let paths = manifest.entries.iter().map(|entry| &entry.path);
    for path in paths.chain(&manifest.removed) {
        let plain = |part| matches!(part, std::path::Component::Normal(_));
        assert!(path.path().components().all(plain), "{path}");
    }
    let written = manifest.to_json().expect("what was read can be written");
    assert_eq!(SnapshotManifest::parse(&written), Ok(manifest));
});

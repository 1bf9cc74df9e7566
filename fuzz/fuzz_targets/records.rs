//! Whatever a note holds, each of its lines is a record or not, and a record is written as it was read.

#![no_main]

use git_dkr::image::model::key_manifest::KeyManifest;
use git_dkr::image::model::record::{NoteLine, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|note: &str| {
    for line in read(note) {
        if let NoteLine::Record(record) = line {
            assert_eq!(record.manifest.key(), record.cache_key);
            let written = record.to_line().expect("what was read can be written");
            assert_eq!(read(&written), [NoteLine::Record(record)]);
        }
    }
    if let Ok(manifest) = serde_json::from_str::<KeyManifest>(note) {
        let none = KeyManifest::default();
        assert_eq!(manifest.changes(&none).len(), manifest.iter().count());
        manifest.incompatible_inputs(&none);
    }
});

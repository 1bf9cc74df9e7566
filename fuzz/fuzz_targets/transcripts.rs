//! Whatever a build prints, it is read: as docker's and as podman's.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| git_dkr::engine::fuzz::transcripts(text));

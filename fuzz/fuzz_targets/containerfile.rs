//! Whatever is in a Containerfile, it is read or refused, and what is read can be gone through.

#![no_main]

use git_dkr::overlay::containerfile::Containerfile;
use git_dkr::overlay::steps::StepState;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Containerfile::parse("Containerfile", bytes) {
        Ok(read) => {
            assert!(!read.steps.is_empty());
            let mut state = StepState::default();
            if state.pass(&read).is_ok() {
                assert!(state.workdir.is_absolute());
                let _ = state.environment.posix();
            }
        }
        Err(mistakes) => assert!(!mistakes.is_empty()),
    }
});

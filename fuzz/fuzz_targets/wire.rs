//! Whatever a client of the embedded server sends before git sees it, it is understood or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    git_dkr::ssh::fuzz::push(bytes);
    git_dkr::ssh::fuzz::fetch(bytes);
});

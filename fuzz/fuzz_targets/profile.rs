//! Whatever is in a profile or a request, it is read or refused; and its one spelling is one.

#![no_main]

use git_dkr::profile::{fuzz, request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = request::parse(text.as_bytes());
    fuzz::profile(text);
});

//! Whatever `docker save` is said to have written, it is the image that is looked for or not.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| git_dkr::profile::fuzz::archive(bytes));

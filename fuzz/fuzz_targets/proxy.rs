//! Whatever a container sends to the proxy: what it asks for, and how it begins TLS.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    git_dkr::proxy::fuzz::client_hello(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        git_dkr::proxy::fuzz::target(text);
    }
});

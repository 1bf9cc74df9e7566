//! Whatever is in a commit-graph, another is made of it or none.

#![no_main]

mod repository;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| repository::graph_with(bytes));

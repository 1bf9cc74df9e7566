//! Whatever is in an index of several packs, its bitmap is read with it or left alone.

#![no_main]

mod repository;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| repository::subset_with(repository::File::Several, bytes));

//! Whatever is in the pack, nothing but what it should be is copied out of it.

#![no_main]

mod repository;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| repository::subset_with(repository::File::Pack, bytes));

//! Whatever is in the bitmap of several packs, it is understood or left out.

#![no_main]

mod repository;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| repository::subset_with(repository::File::SeveralBitmap, bytes));

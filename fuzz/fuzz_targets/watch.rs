//! Whatever is in the watch list, a line is of an image or not.

#![no_main]

use git_dkr::image::query::watch_list::WatchedImage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for line in text.lines() {
        if let Some(watched) = WatchedImage::parse(line) {
            assert_eq!(watched.to_line().trim_end_matches('\n'), line);
        }
    }
});

//! Whatever is in a `.dkr.conf`, it is read or refused, and so is what would be added to it.

#![no_main]

use git_dkr::conf::{Conf, Sources};
use git_dkr::recording::adopt::adopt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(problems) = Conf::read(Some(text), &Sources::default()) {
        assert!(!problems.to_string().is_empty());
    }
    if let Ok(adopted) = adopt(text, "RUN make\nRUN cat <<E\nx\nE\n") {
        let read = Conf::read(Some(&adopted.text), &Sources::default());
        assert!(read.is_ok_and(|conf| conf.post_clone.text.contains("RUN make")));
    }
});

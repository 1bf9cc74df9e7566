//! Whatever stands in a Dockerfile, it is split and put together again, and its words are read.

#![no_main]

use git_dkr::grammar;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut joined = String::new();
    for instruction in grammar::split(text) {
        let line = instruction.logical_line();
        for at in 0..=line.len() {
            assert!(instruction.place(at) <= instruction.body.len());
        }
        let get = |name: &str| name.len().is_multiple_of(2).then(|| name.to_owned());
        for lexed in grammar::words(&line).unwrap_or_default() {
            assert!(line.is_char_boundary(lexed.at));
            let _ = lexed.word.expand(&get);
        }
        if let Err((at, _)) = grammar::value(&line) {
            assert!(at <= line.len());
        }
        joined += &instruction.lead;
        joined += &instruction.body;
    }
    assert_eq!(joined, text);
    grammar::with_run_option(text, "--mount=type=tmpfs,target=/x ");
});

//! Whatever a layer says of itself, it is read or refused: a `layer.toml`, a zero byte, a `Dockerfile`.

#![no_main]

use std::collections::BTreeMap;

use git_dkr::layers::{definition, dockerfile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (toml, text) = text.split_once('\0').unwrap_or((text, ""));
    let mut mistakes = Vec::new();
    let read = definition::read("layer.toml", toml, &mut mistakes);
    assert!(read.is_some() || !mistakes.is_empty());
    let args = read.map(|read| read.args).unwrap_or_default();
    dockerfile::read(text, &args);
    dockerfile::last_user(text);
    let built = dockerfile::to_build(text, &BTreeMap::new(), true);
    dockerfile::without_syntax(&built);
});

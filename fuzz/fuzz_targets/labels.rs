//! Whatever the labels of an image say (a line each, `name=value`), they are refused or mean one thing.

#![no_main]

use git_dkr::image::Labels;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let pairs = text.split('\n').filter_map(|line| line.split_once('='));
    let pairs = pairs.map(|(name, value)| (format!("dkr.{name}"), value.to_owned()));
    let Ok(labels) = Labels::parse(&pairs.collect()) else {
        return;
    };
    let again = labels.to_pairs().into_iter().collect();
    let again = Labels::parse(&again).expect("what was read can be written");
    assert_eq!(again.to_pairs(), labels.to_pairs());
});

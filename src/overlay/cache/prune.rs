//! What is too much in a cache. A pure function.

use std::collections::BTreeMap;

use super::CacheEntry;
use crate::overlay::key::of_tag;

/// The tags of entries that are not among the `keep` last used of their name, and of all that are
/// broken.
pub(crate) fn surplus(entries: &[CacheEntry], keep: usize) -> Vec<String> {
    let mut names: BTreeMap<Option<&str>, Vec<&CacheEntry>> = BTreeMap::new();
    for entry in entries {
        let name = of_tag(&entry.tag).and_then(|(name, _)| name);
        names.entry(name).or_default().push(entry);
    }
    let mut gone = Vec::new();
    for mut entries in names.into_values() {
        entries.sort_by_key(|entry| (entry.broken, std::cmp::Reverse(entry.used_at), &entry.tag));
        let stay = entries
            .iter()
            .take(keep)
            .filter(|entry| !entry.broken)
            .count();
        gone.extend(entries.iter().skip(stay).map(|entry| entry.tag.clone()));
    }
    gone
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::overlay::key::tag;

    #[test]
    fn each_name_keeps_its_newest() {
        let entry = |name: Option<&str>, digit: &str, second: i64, broken: bool| CacheEntry {
            tag: tag(name, &digit.repeat(64)),
            size: 1,
            used_at: Timestamp::from_second(second).unwrap(),
            broken,
        };
        let entries = [
            entry(None, "1", 10, false),
            entry(None, "2", 30, false),
            entry(None, "3", 20, false),
            entry(Some("ci"), "4", 1, false),
            entry(Some("ci"), "5", 99, true),
        ];
        let gone = |keep| {
            let gone = surplus(&entries, keep).into_iter();
            let mut digits: Vec<char> = gone.filter_map(|tag| tag.chars().last()).collect();
            digits.sort_unstable();
            digits.into_iter().collect::<String>()
        };
        assert_eq!(gone(0), "12345");
        assert_eq!(gone(1), "135");
        assert_eq!(gone(2), "15");
        assert_eq!(gone(9), "5");
    }
}

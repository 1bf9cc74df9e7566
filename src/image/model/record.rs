//! Records: what git dkr remembers of an image, one line of JSON in a note on the commit that the
//! image was built at. Records are input, not truth: notes come from other people too.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::git::ObjectId;
use crate::image::model::key_manifest::{self, KeyManifest};
use crate::image::model::labels::{ImageKind, line};
use crate::ui;

/// The version of the format.
pub const VERSION: u64 = 1;
/// The most bytes of a record: JSON takes more than what it says.
const LONGEST: usize = 2 * key_manifest::LONGEST;

/// One image, as it was when it was built. Fields stand in the order of their names, as they are
/// written; a record holds no path of a machine, as notes are made to be pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The branch the clone is on.
    pub branch: String,
    /// What the user typed.
    pub branch_from: String,
    /// The cache key.
    pub cache_key: String,
    /// When it was built.
    pub created_at: Timestamp,
    /// How many layers lie over its full clone; records of an earlier git dkr do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Its digest in a registry, once it was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What built it.
    pub engine: String,
    /// The engine's id, `sha256:…`.
    pub image: String,
    /// All that the key depends on.
    pub manifest: KeyManifest,
    /// The bytes that these layers take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<u64>,
    /// The id of the image that it was put on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What it runs on, `linux/amd64`.
    pub platform: String,
    /// Bytes, all layers together.
    pub size: u64,
    /// Its name at that time.
    pub tag: String,
    /// Clone or update.
    pub r#type: ImageKind,
    /// The version of the format.
    pub v: u64,
}

impl Record {
    /// A line of JSON, without its end.
    pub fn to_line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// What a line of a note turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteLine {
    /// A record.
    Record(Box<Record>),
    /// A record of a later version of git dkr: kept, and not understood.
    Newer(u64),
    /// Not ours, or broken; why.
    Strange(String),
}

/// Reads a note; each line for itself. Blank lines are none.
pub fn read(note: &str) -> Vec<NoteLine> {
    note.lines()
        .filter(|text| !text.trim().is_empty())
        .map(read_line)
        .collect()
}

fn read_line(text: &str) -> NoteLine {
    #[derive(Deserialize)]
    struct RecordVersion {
        v: u64,
    }
    if text.len() > LONGEST {
        let (size, limit) = (ui::bytes(text.len() as u64), ui::bytes(LONGEST as u64));
        return NoteLine::Strange(format!("it has {size}: at most {limit} are read"));
    }
    match serde_json::from_str::<RecordVersion>(text) {
        Ok(RecordVersion { v }) if v > VERSION => return NoteLine::Newer(v),
        Ok(_) => {}
        Err(error) => return NoteLine::Strange(error.to_string()),
    }
    if text.contains("\\u") || text.chars().any(char::is_control) {
        // Terminals obey some of them; what we write has none.
        return NoteLine::Strange("it holds control characters".to_owned());
    }
    let record: Record = match serde_json::from_str(text) {
        Ok(record) => record,
        Err(error) => return NoteLine::Strange(error.to_string()),
    };
    match check(&record) {
        Ok(()) => NoteLine::Record(Box::new(record)),
        Err(reason) => NoteLine::Strange(reason),
    }
}

/// Names are shown, and given to git and the engine.
fn check(record: &Record) -> Result<(), String> {
    let Record { tag, image, .. } = record;
    line("branch", &record.branch)?;
    line("branch_from", &record.branch_from)?;
    line("tag", tag)?;
    let digits = |text: &str| text.len() == 64 && ObjectId::parse(text).is_some();
    if !image.strip_prefix("sha256:").is_some_and(digits) {
        return Err(format!("its image is {image:?}"));
    }
    if record.manifest.key() != record.cache_key {
        return Err("its cache key is not that of its manifest".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let manifest = KeyManifest::default();
        Record {
            branch: "main".into(),
            branch_from: "origin/main".into(),
            cache_key: manifest.key(),
            created_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            depth: Some(2),
            digest: None,
            engine: "docker".into(),
            image: format!("sha256:{}", "0a".repeat(32)),
            manifest,
            over: Some(5),
            parent: None,
            platform: "linux/amd64".into(),
            size: 7,
            tag: "dkr:app-main".into(),
            r#type: ImageKind::Base,
            v: VERSION,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let line = record().to_line().unwrap();
        assert_eq!(read(&line), [NoteLine::Record(Box::new(record()))]);
        let names: Vec<&str> = line
            .split('"')
            .filter(|word| serde_json::to_value(record()).unwrap().get(word).is_some())
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    /// Of two million inputs each, which would take seconds to read.
    #[test]
    fn one_that_nobody_writes_is_not_read() {
        let mut line = record().to_line().unwrap();
        let inputs: String = (0..2_000_000)
            .map(|n| format!("\"key_file:directory/file-{n}\":\"{n:040x}\","))
            .collect();
        let at = line.find("\"manifest\":{").unwrap() + "\"manifest\":{".len();
        line.insert_str(at, &inputs);
        let read = read(&line);
        let [NoteLine::Strange(reason)] = &read[..] else {
            panic!("{} lines", read.len())
        };
        assert!(reason.ends_with("at most 32.0 MB are read"), "{reason}");
    }

    #[test]
    fn a_record_of_an_earlier_git_dkr_lacks_some() {
        let older = Record {
            depth: None,
            over: None,
            ..record()
        };
        let line = older.to_line().unwrap();
        assert!(!line.contains("depth") && !line.contains("over"), "{line}");
        assert_eq!(read(&line), [NoteLine::Record(Box::new(older))]);
    }

    #[test]
    fn lines_that_are_not_ours_do_not_spoil_the_rest() {
        let good = record().to_line().unwrap();
        let escape = Record {
            platform: "\u{1b}[31m".into(),
            ..record()
        }
        .to_line()
        .unwrap();
        assert!(matches!(&read(&escape)[..], [NoteLine::Strange(_)]));
        let evil = Record {
            tag: "--rm".into(),
            ..record()
        }
        .to_line()
        .unwrap();
        let forged = Record {
            cache_key: "0".repeat(64),
            ..record()
        }
        .to_line()
        .unwrap();
        let note = format!("hello\n\n{{\"v\":2,\"x\":1}}\n{evil}\n{forged}\n{good}\n{{\"v\":1}}\n");
        let lines = read(&note);
        assert!(matches!(lines[0], NoteLine::Strange(_)));
        assert_eq!(lines[1], NoteLine::Newer(2));
        assert!(matches!(&lines[2], NoteLine::Strange(why) if why.contains("--rm")));
        assert!(matches!(&lines[3], NoteLine::Strange(why) if why.contains("cache key")));
        assert_eq!(lines[4], NoteLine::Record(Box::new(record())));
        assert!(matches!(lines[5], NoteLine::Strange(_)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in "(\\PC|[\\n{}\":,v1])*") {
            let _ = read(&text);
        }
    }
}

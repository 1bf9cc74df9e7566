use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A manifest with one of each kind.
fn good() -> Value {
    let digest = "0a".repeat(32);
    json!({
        "version": 1,
        "about": {
            "key": "5e".repeat(32), "arch": "x86_64", "os": "debian 12",
            "env": [["A", "b"]], "workdir": "/srv",
        },
        "entries": [
            entry("a", &json!("folder")),
            entry("a/file", &json!({"file": {"size": 5, "sha256": digest, "at": 512}})),
            entry("a/link", &json!({"link": {"to": "a/file"}})),
            entry("b", &json!("parent")),
            entry("b/absolute", &json!({"symlink": {"to": "/../etc"}})),
            entry("b/pipe", &json!("fifo")),
            entry("b/%FF", &json!({"symlink": {"to": "../a"}})),
        ],
        "removed": ["c", "c/d"],
        "blocks": [{"packed": 20, "raw": 1024}],
    })
}

fn entry(path: &str, kind: &Value) -> Value {
    json!({"path": path, "kind": kind, "mode": 420, "uid": 0, "gid": 0, "mtime": [1, 2]})
}

fn parse(value: &Value) -> Result<SnapshotManifest, String> {
    SnapshotManifest::parse(value.to_string().as_bytes())
}

#[test]
fn there_and_back() {
    let manifest = parse(&good()).unwrap();
    assert_eq!(
        SnapshotManifest::parse(&manifest.to_json().unwrap()).unwrap(),
        manifest
    );
    assert_eq!(manifest.content(), 5);
}

#[test]
fn what_leads_out_or_lies_is_refused() {
    let huge = u64::MAX;
    let file =
        |size: u64, at: u64| json!({"file": {"size": size, "sha256": "0a".repeat(32), "at": at}});
    for (pointer, value, why) in [
        ("/version", json!(2), "its version is 2, not 1"),
        ("/about/key", json!("../../x"), "\"../../x\" is not a key"),
        (
            "/about/env",
            json!([["A=B", ""]]),
            "\"A=B\" cannot be the name of a variable",
        ),
        (
            "/about/env",
            json!([["A", "\0"]]),
            "a text has a zero byte in it",
        ),
        (
            "/about/workdir",
            json!("srv"),
            "the directory \"srv\" is not absolute",
        ),
        (
            "/entries/0/path",
            json!("/a"),
            "the path `/a` does not go down from the root by names",
        ),
        (
            "/entries/0/path",
            json!(""),
            "the path `` does not go down from the root by names",
        ),
        (
            "/entries/0/path",
            json!("a/"),
            "the path `a/` does not go down from the root by names",
        ),
        (
            "/entries/1/path",
            json!("a//f"),
            "the path `a//f` does not go down from the root by names",
        ),
        (
            "/entries/1/path",
            json!("a/./f"),
            "the path `a/./f` does not go down from the root by names",
        ),
        (
            "/entries/1/path",
            json!("a/../f"),
            "the path `a/../f` does not go down from the root by names",
        ),
        ("/entries/1/path", json!("a/\0"), "a/\0 is not a path"),
        (
            "/entries/1/path",
            json!("dev/sda"),
            "dev/sda belongs to the kernel",
        ),
        (
            "/entries/1/path",
            json!("a"),
            "a appears twice, or is out of order",
        ),
        (
            "/entries/0/kind",
            json!({"symlink": {"to": "b"}}),
            "a/file does not lie in a directory",
        ),
        (
            "/entries/0/kind",
            json!("device"),
            "unknown variant `device`",
        ),
        ("/entries/0/mode", json!(0o10000), "a has the mode 10000"),
        (
            "/entries/0/mtime",
            json!([0, 1_000_000_000]),
            "a has an invalid time",
        ),
        ("/entries/0/uid", json!(u32::MAX), "a has an invalid owner"),
        ("/entries/0/more", json!(1), "unknown field `more`"),
        (
            "/entries/0/xattrs",
            json!({"trusted.overlay.opaque": "y"}),
            "a has the attribute \"trusted.overlay.opaque\"",
        ),
        (
            "/entries/1/kind/file/sha256",
            json!("0A".repeat(32)),
            "a/file has the digest",
        ),
        (
            "/entries/1/kind",
            file(5, 1020),
            "the content of a/file is not where it should be",
        ),
        (
            "/entries/1/kind",
            file(huge, 512),
            "the content of a/file is not where it should be",
        ),
        (
            "/entries/1/kind",
            file(5, huge),
            "the content of a/file is not where it should be",
        ),
        (
            "/entries/2/kind/link/to",
            json!("a/other"),
            "a/link is a link to a/other, which is no file before it",
        ),
        (
            "/entries/2/kind/link/to",
            json!("../../etc/shadow"),
            "a/link is a link to ../../etc/shadow",
        ),
        (
            "/entries/2/kind/link/to",
            json!("a/link"),
            "a/link is a link to a/link",
        ),
        (
            "/entries/2/kind",
            file(5, 514),
            "the content of a/link is not where it should be",
        ),
        (
            "/entries/6/kind/symlink/to",
            json!("../../x"),
            "b/%FF is a link that leads out of the root: ../../x",
        ),
        (
            "/entries/6/kind/symlink/to",
            json!("c/../../../x"),
            "b/%FF is a link that leads out of the root",
        ),
        (
            "/entries/6/kind/symlink/to",
            json!(""),
            "b/%FF is a link to nowhere",
        ),
        ("/removed", json!(["c", "c"]), "c is out of order"),
        ("/removed", json!(["../x"]), "the path `../x` does not"),
        (
            "/removed",
            json!(["proc/1"]),
            "proc/1 belongs to the kernel",
        ),
        ("/removed", json!(["a"]), "a is both present and removed"),
        (
            "/blocks/0/raw",
            json!(BLOCK_LIMIT + 1),
            "a block has 33554433 bytes",
        ),
        (
            "/blocks/0/packed",
            json!(huge),
            "a block has 18446744073709551615 packed bytes",
        ),
        ("/blocks/0/raw", json!(0), "a block has 0 bytes"),
        (
            "/blocks/0/raw",
            json!(1 << 20),
            "1048576 bytes hold content of 5",
        ),
    ] {
        let mut wrong = good();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match wrong.pointer_mut(parent).unwrap() {
            Value::Object(object) => drop(object.insert(name.to_owned(), value)),
            other => other[name.parse::<usize>().unwrap()] = value,
        }
        let told = parse(&wrong).expect_err(pointer);
        assert!(told.starts_with(why), "{pointer}: {told}");
    }
}

#[test]
fn links_that_stay_inside() {
    let climbs = |path: &str, to: &str| climbs_out(Path::new(path), Path::new(to));
    assert!(!climbs("a/b", "../c"));
    assert!(!climbs("a/b", "../x/../c"));
    assert!(!climbs("a", "/../.."));
    assert!(climbs("a", ".."));
    assert!(climbs("a/b", "../../c"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = SnapshotManifest::parse(&bytes);
    }

    /// A good one with a byte changed is refused, or is as good as another.
    #[test]
    fn no_small_change_makes_it_panic(at in 0_usize..4000, byte: u8) {
        let mut json = good().to_string().into_bytes();
        let at = at % json.len();
        json[at] = byte;
        if let Ok(manifest) = SnapshotManifest::parse(&json) {
            let again = SnapshotManifest::parse(&manifest.to_json().unwrap());
            prop_assert_eq!(again, Ok(manifest));
        }
    }

    #[test]
    fn a_path_that_is_taken_goes_down(path in "[a./]{1,8}") {
        let mut value = good();
        value["entries"] = json!([entry(&path, &json!("fifo"))]);
        value["removed"] = json!([]);
        value["blocks"] = json!([]);
        let is_name = |part: &str| !part.is_empty() && part != "." && part != "..";
        prop_assert_eq!(parse(&value).is_ok(), !path.contains('/') && is_name(&path));
    }
}

//! A repository of one small pack, and one of two, in which one file is replaced. The hash at its end
//! is always right: who writes a file to do harm can count.

#![allow(dead_code)]

use std::fs;
use std::path::Path;

use git_dkr::git::fuzz;
use sha1::{Digest, Sha1};
use tempfile::TempDir;

/// Each without the hash at its end.
const PACK: &[u8] = include_bytes!("../../seeds/pack/small");
const INDEX: &[u8] = include_bytes!("../../seeds/pack_index/small");
const BITMAP: &[u8] = include_bytes!("../../seeds/bitmap/small");
const SEVERAL: &[u8] = include_bytes!("../../seeds/multi_pack_index/small");
const SEVERAL_BITMAP: &[u8] = include_bytes!("../../seeds/multi_pack_bitmap/small");

/// Which file is replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum File {
    Pack,
    Index,
    Bitmap,
    Several,
    SeveralBitmap,
}

thread_local! {
    static DIRECTORY: TempDir = tempfile::tempdir().expect("a temporary directory");
}

fn hash(bytes: &[u8]) -> [u8; 20] {
    Sha1::digest(bytes).into()
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, [bytes, &hash(bytes)].concat()).expect("a file can be written");
}

/// Copies what is in the pack, with this as one of the files.
pub fn subset_with(file: File, bytes: &[u8]) {
    DIRECTORY.with(|directory| {
        let path = |name: &str| directory.path().join(name);
        let or = |which: File, seed| if which == file { bytes } else { seed };
        write(&path("p.pack"), or(File::Pack, PACK));
        write(&path("p.idx"), or(File::Index, INDEX));
        let mut several = None;
        if matches!(file, File::Several | File::SeveralBitmap) {
            let index = or(File::Several, SEVERAL);
            write(&path("multi-pack-index"), index);
            let sum = hash(index);
            let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut bitmap = or(File::SeveralBitmap, SEVERAL_BITMAP).to_vec();
            // What it belongs to.
            if let Some(of) = bitmap.get_mut(12..32) {
                of.copy_from_slice(&sum);
            }
            let name = path(&format!("multi-pack-index-{hex}.bitmap"));
            write(&name, &bitmap);
            several = Some(name);
        } else {
            write(&path("p.bitmap"), or(File::Bitmap, BITMAP));
        }
        let _ = fuzz::subset(&path("p.pack"));
        several.map(fs::remove_file);
    });
}

/// Makes a commit-graph of this one.
pub fn graph_with(bytes: &[u8]) {
    DIRECTORY.with(|directory| {
        let info = directory.path().join("info");
        fs::create_dir_all(&info).expect("a directory can be made");
        write(&info.join("commit-graph"), bytes);
        let _ = fuzz::commit_graph(directory.path(), &directory.path().join("made"));
    });
}

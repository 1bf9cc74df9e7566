//! The index that several packs have together, and which of them comes first.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use gix::odb::pack::multi_index;

/// Four bytes that name a chunk, and eight with its offset.
const CHUNK: usize = 12;

/// Opens it with its bitmap, when in that the entries of a pack come before all others, in their order.
pub(super) fn open(pack: &Path) -> Option<(File, multi_index::File)> {
    let folder = pack.parent()?;
    let path = folder.join("multi-pack-index");
    let index = multi_index::File::at(&path, None).ok()?;
    let first = first(&File::open(&path).ok()?)?;
    if first >= index.num_objects() {
        return None;
    }
    let (of, _) = index.pack_id_and_pack_offset_at_index(first).ok()?;
    if *index.index_names().get(of as usize)? != pack.with_extension("idx").file_name()? {
        return None;
    }
    let bitmap = format!("multi-pack-index-{}.bitmap", index.checksum());
    Some((File::open(folder.join(bitmap)).ok()?, index))
}

/// The object whose bit comes first, by its position: the chunk `RIDX` has all of them in their order.
fn first(file: &File) -> Option<u32> {
    let mut head = [0; CHUNK];
    file.read_exact_at(&mut head, 0).ok()?;
    let mut chunks = vec![0; usize::from(head[6]) * CHUNK];
    file.read_exact_at(&mut chunks, CHUNK as u64).ok()?;
    let chunk = chunks.as_chunks::<CHUNK>().0.iter();
    let chunk = chunk.copied().find(|chunk| chunk.starts_with(b"RIDX"))?;
    let mut number = [0; 4];
    let offset = u64::from_be_bytes(*chunk.last_chunk()?);
    file.read_exact_at(&mut number, offset).ok()?;
    Some(u32::from_be_bytes(number))
}

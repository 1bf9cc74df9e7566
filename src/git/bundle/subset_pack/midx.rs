//! The index that several packs have together, and which of them comes first.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use gix::odb::pack::multi_index;

/// Four bytes that name a chunk, and eight with its offset.
const CHUNK: usize = 12;

/// Opens it with its bitmap, when in that the entries of a pack come before all others, in their order.
/// `count` is how many they are.
pub(super) fn open(pack: &Path, count: u32) -> Option<(File, multi_index::File)> {
    let directory = pack.parent()?;
    let path = directory.join("multi-pack-index");
    let file = crate::fs::open(&path).ok()?;
    let index = multi_index::File::at(&path, None).ok()?;
    // It may have been written anew between the two.
    let checksum = index.checksum();
    let mut end = vec![0; checksum.as_slice().len()];
    let start = file.metadata().ok()?.len().checked_sub(end.len() as u64)?;
    file.read_exact_at(&mut end, start).ok()?;
    if end != checksum.as_slice() {
        return None;
    }
    let of = |object: u32| Some(index.pack_id_and_pack_offset_at_index(object).ok()?.0);
    let first = first(&file).filter(|first| *first < index.num_objects())?;
    let first = of(first)?;
    if *index.index_names().get(first as usize)? != pack.with_extension("idx").file_name()? {
        return None;
    }
    // Some versions of git took what is in several packs out of any of them.
    let all = (0..index.num_objects()).filter(|object| of(*object) == Some(first));
    if all.count() != count as usize {
        return None;
    }
    let bitmap = format!("multi-pack-index-{checksum}.bitmap");
    Some((crate::fs::open(directory.join(bitmap)).ok()?, index))
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

//! What a download is, by its first bytes. Pure functions, and the reader for it.

use std::io::{BufReader, Read};

use anyhow::{Context, Result};

/// What something is packed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Xz,
    Zstd,
    Bzip2,
    Zip,
}

/// Files of programs that are zip archives inside, and are wanted as they are.
const PROGRAMS: [&str; 13] = [
    ".jar", ".war", ".ear", ".aar", ".apk", ".ipa", ".whl", ".egg", ".pyz", ".nupkg", ".vsix",
    ".xpi", ".crx",
];

/// By the first bytes, and the name for what only a program reads.
pub(super) fn packing(first: &[u8], name: &str) -> Packing {
    let name = name.to_ascii_lowercase();
    let marks: [(&[u8], Packing); 6] = [
        (&[0x1f, 0x8b], Packing::Gzip),
        (b"\xfd7zXZ\0", Packing::Xz),
        (&[0x28, 0xb5, 0x2f, 0xfd], Packing::Zstd),
        (b"BZh", Packing::Bzip2),
        (b"PK\x03\x04", Packing::Zip),
        (b"PK\x05\x06", Packing::Zip),
    ];
    let found = marks.iter().find(|(mark, _)| first.starts_with(mark));
    match found.map(|(_, packing)| *packing) {
        Some(Packing::Zip) if PROGRAMS.iter().any(|end| name.ends_with(end)) => Packing::Plain,
        Some(packing) => packing,
        None => Packing::Plain,
    }
}

/// Whether this is the first block of a tar archive: its checksum holds (POSIX ustar; the one of
/// before is the same there).
pub(super) fn is_tar(block: &[u8]) -> bool {
    let Some(block) = block.get(..512) else {
        return false;
    };
    let digits = block[148..156].iter().skip_while(|byte| **byte == b' ');
    let digits: String = digits
        .take_while(|byte| byte.is_ascii_digit())
        .map(|byte| char::from(*byte))
        .collect();
    let sum = |(at, byte): (usize, &u8)| match at {
        148..156 => u32::from(b' '),
        _ => u32::from(*byte),
    };
    let sum: u32 = block.iter().enumerate().map(sum).sum();
    block[0] != 0 && u32::from_str_radix(&digits, 8) == Ok(sum)
}

/// What is in the packing.
pub(super) fn unpacked<'a>(packing: Packing, from: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let from = BufReader::with_capacity(1 << 17, from);
    Ok(match packing {
        Packing::Plain | Packing::Zip => Box::new(from),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
        Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(from)),
        Packing::Xz => Box::new(lzma_rust2::XzReader::new(from, true)),
        Packing::Zstd => {
            let reader = zstd::stream::read::Decoder::with_buffer(from);
            Box::new(reader.context("cannot read zstd")?)
        }
    })
}

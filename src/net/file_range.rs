//! A part of a file, as what is sent.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::proc;

/// A part of a file, counted as it is read.
pub(super) struct FileRange {
    file: File,
    left: u64,
    count: Arc<AtomicU64>,
}

impl FileRange {
    pub(super) fn open(
        path: &Path,
        from: u64,
        len: u64,
        count: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let mut file = crate::fs::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let left = len;
        Ok(Self { file, left, count })
    }
}

impl Read for FileRange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        proc::check_interrupted().map_err(io::Error::other)?;
        let most = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

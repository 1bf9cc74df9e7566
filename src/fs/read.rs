//! Files are read when they are files. A FIFO or a device, which others can put where a file is
//! expected, would be waited for, or have no end.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::fs::{Mode, OFlags};

use crate::error::Failure;
use crate::proc::check_interrupted;
use crate::ui;

/// The most bytes of a text that people write: settings, Dockerfiles, profiles. What reads them may
/// need a hundred times as much.
pub(crate) const LONGEST_TEXT: u64 = 1_000_000;

/// Opens a file for reading; fails at once when it is something else.
pub(crate) fn open(path: impl AsRef<Path>) -> io::Result<File> {
    let file = open_any(path.as_ref())?;
    let kind = file.metadata()?.file_type();
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(file),
        (_, true) => Err(ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::other("it is not a regular file")),
    }
}

/// The bytes of a file.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file.
pub(crate) fn read_text(path: impl AsRef<Path>) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// The bytes of a file that people write, [`LONGEST_TEXT`] of them at most. The user has named it, and
/// may have named a pipe of a shell: what is no regular file is read to its end, too.
pub(crate) fn read_written(path: &Path) -> Result<Vec<u8>> {
    let mut file = open_any(path)?;
    let found = file.metadata()?;
    if found.is_file() {
        check_size(&path.display().to_string(), found.len())?;
    }
    read_limited(&mut file, &path.display().to_string())
}

/// The same as text; `None` where there is no such file.
pub(crate) fn read_written_text(path: &Path) -> Result<Option<String>> {
    match read_written(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => bail!(Failure::new(format!("{} is not UTF-8", path.display()))),
        },
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether there was no such file.
pub(crate) fn is_missing(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The same from what is open already; `shown` is what users know it as.
pub(crate) fn read_limited(from: &mut impl Read, shown: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut limited = from.take(LONGEST_TEXT + 1);
    loop {
        match limited.read_to_end(&mut bytes) {
            Ok(_) => break,
            // A pipe to which nobody has written yet.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                check_interrupted()?;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if bytes.len() as u64 > LONGEST_TEXT {
        return Err(too_large(shown, "more than that").into());
    }
    Ok(bytes)
}

/// Refuses a text that people write when it is longer than they do.
pub(crate) fn check_size(shown: &str, size: u64) -> Result<(), Failure> {
    if size > LONGEST_TEXT {
        return Err(too_large(shown, &ui::bytes(size)));
    }
    Ok(())
}

fn too_large(shown: &str, size: &str) -> Failure {
    let limit = ui::bytes(LONGEST_TEXT);
    Failure::new(format!(
        "{shown} is too large: at most {limit} are read, and it has {size}"
    ))
    .hint("check that it is the right file: such a file is written by hand, and short")
}

/// Opens whatever is there, without waiting for the other end of a FIFO.
fn open_any(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty())?;
    Ok(File::from(opened))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Cmd;

    /// A directory with a FIFO that nobody writes to.
    fn fifo() -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        assert!(
            Cmd::new("mkfifo")
                .arg(&path)
                .output()
                .unwrap()
                .status
                .success()
        );
        (directory, path)
    }

    #[test]
    fn nothing_but_files_is_read() {
        let (directory, fifo) = fifo();
        for path in [&fifo, Path::new("/dev/zero"), directory.path()] {
            assert!(open(path).is_err(), "{}", path.display());
            assert!(read_text(path).is_err(), "{}", path.display());
        }
        let file = directory.path().join("file");
        std::fs::write(&file, "text").unwrap();
        assert_eq!(read(&file).unwrap(), b"text");
        let missing = read(directory.path().join("none")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_people_write_is_short_and_may_come_from_a_pipe() {
        let (directory, fifo) = fifo();
        assert_eq!(read_written(&fifo).unwrap(), b"");
        let file = directory.path().join("file");
        std::fs::write(&file, vec![b'x'; 1_000_001]).unwrap();
        for path in [&file, Path::new("/dev/zero")] {
            let error = read_written(path).unwrap_err().to_string();
            assert!(error.contains("is too large: at most 1.0 MB"), "{error}");
        }
        std::fs::write(&file, vec![b'x'; 1_000_000]).unwrap();
        assert_eq!(read_written(&file).unwrap().len(), 1_000_000);
    }
}

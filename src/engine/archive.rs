//! Images as files: one archive with an image and its name, as `docker save` writes it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Result;

use super::{Engine, EngineError};

impl Engine {
    /// Writes an image and its name to an open file.
    pub fn save(&self, name: &str, file: File) -> Result<()> {
        let output = self.cmd().args(["save", name]).output_to(file)?;
        if output.status.success() {
            return Ok(());
        }
        Err(EngineError::of_stderr(self.kind, &String::from_utf8_lossy(&output.stderr)).into())
    }

    /// The same for `read`, which reads it while it is written.
    pub fn saved<T>(&self, name: &str, read: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        let (output, read) = self.cmd().args(["save", name]).piped(read)?;
        if output.status.success() {
            return read;
        }
        // Where reading failed first, the engine's complaint is that nobody listened.
        let said = String::from_utf8_lossy(&output.stderr);
        read.and_then(|_| Err(EngineError::of_stderr(self.kind, &said).into()))
    }

    /// Takes what an archive holds, with the names in it.
    pub fn load(&self, archive: &Path) -> Result<()> {
        self.run(&self.cmd().args(["load", "--quiet", "--input"]).arg(archive))
            .map(drop)
    }
}

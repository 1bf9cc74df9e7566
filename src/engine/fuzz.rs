//! The door of fuzz targets: nobody else comes this way.

use super::docker::PlainProgress;
use super::podman::PodmanProgress;
use super::progress::Transcript;

/// Reads what a build printed, as each engine's.
pub fn transcripts(text: &str) {
    let (mut plain, mut steps) = (PlainProgress::default(), PodmanProgress::default());
    let both: [&mut dyn Transcript; 2] = [&mut plain, &mut steps];
    for transcript in both {
        for line in text.lines() {
            transcript.read(line);
        }
        transcript.failure();
        transcript.loose();
    }
    let _ = steps.image();
    steps.lost_an_image();
}

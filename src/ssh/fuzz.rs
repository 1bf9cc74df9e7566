//! The door of fuzz targets: nobody else comes this way.

use super::push::{self, PushStart};
use super::wants::FetchReader;

/// Reads the beginning of a push, and judges it.
pub fn push(bytes: &[u8]) {
    if let PushStart::Complete(commands) = push::read(bytes) {
        commands.refuse("box", |_| false);
        commands.creations();
    }
}

/// Reads what a fetch sends, in pieces. What is handed on is what came in.
pub fn fetch(bytes: &[u8]) {
    let mut requests = FetchReader::default();
    let mut handed_on = Vec::new();
    for piece in bytes.chunks(7) {
        match requests.feed(piece) {
            Ok(Some(request)) => handed_on.extend(request.lines),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    assert!(bytes.starts_with(&handed_on), "other lines are handed on");
}

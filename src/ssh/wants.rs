//! What a fetch asks for, read from the wire before git sees any of it: since version 2 of its
//! protocol, `upload-pack` gives whoever knows the id of an object that object.
//!
//! All that a client sends is pkt-lines (git's `gitprotocol-common`); those that begin with `want`
//! name objects, in every version of the protocol.

/// So many bytes are looked through at once, at most. A fetch may be longer.
const AT_ONCE: usize = 1 << 20;

/// The lines of a client, as they come in.
#[derive(Debug, Default)]
pub(super) struct FetchReader {
    bytes: Vec<u8>,
    /// Up to here are whole lines.
    whole: usize,
    wants: Vec<String>,
}

/// Whole lines, to be handed on when all that they want may be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FetchRequest {
    pub lines: Vec<u8>,
    /// Ids in lower case.
    pub wants: Vec<String>,
}

/// Not what git would send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl FetchReader {
    /// Reads bytes as they came. Gives lines when git would answer them, or when they are many.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<FetchRequest>, Malformed> {
        self.bytes.extend_from_slice(bytes);
        let mut ends = false;
        while let Some(length) = length(&self.bytes[self.whole..])? {
            let Some(line) = self.bytes[self.whole..].get(..length) else {
                break;
            };
            let text = line.get(4..).unwrap_or_default();
            // The client of an old protocol ends with this, and without a flush.
            ends = length < 4 + 1 || text.trim_ascii_end() == b"done";
            if let Some(rest) = text.strip_prefix(b"want ") {
                self.wants.push(id(rest)?);
            }
            self.whole += length;
        }
        if !ends && self.whole < AT_ONCE {
            return Ok(None);
        }
        let rest = self.bytes.split_off(std::mem::take(&mut self.whole));
        Ok(Some(FetchRequest {
            lines: std::mem::replace(&mut self.bytes, rest),
            wants: std::mem::take(&mut self.wants),
        }))
    }
}

/// The bytes of the line that begins here, once its head is there.
fn length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(head) = bytes.get(..4) else {
        return Ok(None);
    };
    let hex = head.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(head).map_err(|_| Malformed)?;
    match usize::from_str_radix(text, 16) {
        // Flush, delimiter and end have no content.
        Ok(0..4) if hex => Ok(Some(4)),
        Ok(length) if hex => Ok(Some(length)),
        _ => Err(Malformed),
    }
}

/// The id behind `want`; capabilities may follow.
fn id(rest: &[u8]) -> Result<String, Malformed> {
    let end = rest.iter().position(|byte| b" \n\0".contains(byte));
    let id = &rest[..end.unwrap_or(rest.len())];
    let hex = matches!(id.len(), 40 | 64) && id.iter().all(u8::is_ascii_hexdigit);
    match std::str::from_utf8(id) {
        Ok(id) if hex => Ok(id.to_ascii_lowercase()),
        _ => Err(Malformed),
    }
}

/// What tells a client of any version that it does not get what it wants, as git itself says it.
pub(super) fn refusal(id: &str) -> Vec<u8> {
    let text = format!("ERR upload-pack: not our ref {id}");
    format!("{:04x}{text}", text.len() + 4).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "abcdefabcdefabcdefabcdefabcdefabcdefabcd";

    fn line(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    /// What comes out of bytes that come one by one.
    fn read(bytes: &[u8]) -> Result<Vec<FetchRequest>, Malformed> {
        let mut requests = FetchReader::default();
        let mut found = Vec::new();
        for byte in bytes {
            found.extend(requests.feed(&[*byte])?);
        }
        Ok(found)
    }

    #[test]
    fn wants_of_every_version_are_read() {
        let second = [
            line("command=fetch"),
            "0001".to_owned(),
            line("thin-pack"),
            line(&format!("want {ONE}\n")),
            line(&format!("want {}", TWO.to_uppercase())),
            line("done\n"),
            "0000".to_owned(),
        ];
        let bytes = second.concat();
        let found = read(bytes.as_bytes()).unwrap();
        let wants: Vec<_> = found.iter().flat_map(|found| &found.wants).collect();
        assert_eq!(wants, [ONE, TWO]);
        let lines: Vec<u8> = found.into_iter().flat_map(|found| found.lines).collect();
        assert_eq!(lines, bytes.as_bytes());

        let first = [
            line(&format!("want {ONE} side-band-64k agent=git/2\n")),
            line(&format!("want {TWO}\n")),
            "0000".to_owned(),
            line(&format!("have {ONE}\n")),
            line("done\n"),
        ];
        let bytes = first.concat();
        let found = read(bytes.as_bytes()).unwrap();
        assert_eq!(found[0].wants, [ONE, TWO]);
        assert_eq!(found[1].wants, [""; 0]);
        assert_eq!(
            [&found[0].lines[..], &found[1].lines].concat(),
            bytes.as_bytes()
        );
    }

    #[test]
    fn nothing_is_handed_on_before_it_is_whole() {
        let mut requests = FetchReader::default();
        let want = line(&format!("want {ONE}\n"));
        assert_eq!(requests.feed(want.as_bytes()), Ok(None));
        assert_eq!(requests.feed(b"00"), Ok(None));
        let whole = requests.feed(b"00").unwrap().unwrap();
        assert_eq!(whole.lines, [want.as_bytes(), b"0000"].concat());
    }

    #[test]
    fn many_are_handed_on_in_parts() {
        let bytes = line(&format!("want {ONE}\n")).repeat(100_000);
        let mut requests = FetchReader::default();
        let (mut wants, mut most) = (0, 0);
        for chunk in bytes.as_bytes().chunks(32_000) {
            if let Some(request) = requests.feed(chunk).unwrap() {
                wants += request.wants.len();
                most = most.max(request.lines.len());
            }
        }
        assert!(wants > 80_000, "{wants}");
        assert!(most < AT_ONCE + 100_000, "{most}");
    }

    #[test]
    fn what_git_would_not_send_is_refused() {
        for wrong in [
            "want".to_owned(),
            "+001".to_owned(),
            line("want 1234\n"),
            line(&format!("want {ONE}1\n")),
            line(&format!("want {}\n", "g".repeat(40))),
        ] {
            assert_eq!(read(wrong.as_bytes()), Err(Malformed), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in "(0000|0001|0009|want |done|[0-9a-f]{4}|1{40}|\n| ){0,20}") {
            let _ = read(bytes.as_bytes());
        }
    }
}

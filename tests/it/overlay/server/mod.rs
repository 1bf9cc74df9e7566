//! A server on this machine that answers as the releases of GitHub do, as well as wrongly.
//!
//! ```text
//! let server = Server::start();
//! let repo = server.repo("ada/things");            // empty, public
//! server.next("GET", "/releases/tags/", Answer::status(500));
//! … DKR_GITHUB_API = server.api(), GH_TOKEN = TOKEN …
//! server.published("layer-…")                      // the release, with its assets
//! server.seen()                                    // all requests, with their headers
//! ```
//!
//! It listens twice: as the API, on 127.0.0.1, and as another host that keeps the files, on
//! `localhost` and another port. Downloads of assets lead there, as they do on GitHub.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

mod releases;

/// What may write.
pub const TOKEN: &str = "gho_ThisTokenIsNeverShown";

#[derive(Clone)]
pub struct Server {
    api: u16,
    storage: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub struct State {
    pub repos: Vec<String>,
    /// Nobody reads without the token.
    pub private: bool,
    /// The token may read alone.
    pub read_only: bool,
    /// Hosts that do not know of parts of files.
    pub no_ranges: bool,
    /// No release says which digests its assets have.
    pub no_digests: bool,
    pub releases: Vec<Release>,
    pub refs: Vec<String>,
    /// Of each repository's newest release.
    pub latest: Option<String>,
    /// By path, on both hosts.
    pub files: BTreeMap<String, Vec<u8>>,
    answers: Vec<Planned>,
    seen: Vec<Seen>,
    count: u64,
}

#[derive(Clone, Debug)]
pub struct Release {
    pub id: u64,
    pub tag: String,
    pub body: String,
    pub draft: bool,
    pub at: String,
    pub make_latest: Value,
    pub assets: Vec<Asset>,
}

#[derive(Clone, Debug)]
pub struct Asset {
    pub id: u64,
    pub name: String,
    /// `uploaded`, or `starter` for one whose upload did not end.
    pub state: String,
    pub size: u64,
    pub digest: String,
    /// Empty for what is too long to be kept.
    pub bytes: Vec<u8>,
}

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whether it came to the host of files.
    pub elsewhere: bool,
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// An answer that is not the right one.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16, Vec<(String, String)>, String),
    /// The right one, cut after so many bytes of its body.
    Cut(usize),
    /// The right one, but so many bytes of it as if they were all.
    Short(usize),
    /// Says nothing until the client is gone.
    Silence,
    /// The right one, after it was done, but the client never hears of it.
    Lost,
    /// The right one, so much later.
    Late(Duration),
    /// Reads so many bytes of what is sent, and hangs up.
    HangUp(usize),
}

impl Answer {
    pub fn status(code: u16) -> Self {
        Self::Status(
            code,
            Vec::new(),
            format!(r#"{{"message":"status {code}"}}"#),
        )
    }

    pub fn with(code: u16, headers: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers = headers.iter().map(own).collect();
        Self::Status(code, headers, r#"{"message":"as planned"}"#.to_owned())
    }

    pub fn redirect(to: &str) -> Self {
        Self::with(302, &[("location", to)])
    }
}

struct Planned {
    method: String,
    part: String,
    answer: Answer,
}

impl Server {
    pub fn start() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (api, storage) = (listen(), listen());
        let server = Self {
            api: api.local_addr().unwrap().port(),
            storage: storage.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        for (listener, elsewhere) in [(api, false), (storage, true)] {
            let server = server.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let server = server.clone();
                    std::thread::spawn(move || drop(server.serve(stream, elsewhere)));
                }
            });
        }
        server
    }

    /// For `DKR_GITHUB_API`.
    pub fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.api)
    }

    /// An address on the other host.
    pub fn elsewhere(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.storage)
    }

    /// Adds a repository, `owner/name`.
    pub fn repo(&self, name: &str) -> String {
        self.state().repos.push(name.to_owned());
        name.to_owned()
    }

    /// Adds a file; its address on the API's host.
    pub fn file(&self, path: &str, bytes: impl Into<Vec<u8>>) -> String {
        self.state().files.insert(path.to_owned(), bytes.into());
        format!("{}{path}", self.api())
    }

    /// Adds the files of a repository at a ref, `""` for its default branch.
    pub fn tarball(&self, repo: &str, at: &str, bytes: impl Into<Vec<u8>>) {
        self.file(&format!("/codeload/{repo}/{at}"), bytes);
    }

    /// Answers the next request of this method whose path has this in it so. Told several times,
    /// it does so for several, in order.
    pub fn next(&self, method: &str, part: &str, answer: Answer) {
        self.state().answers.push(Planned {
            method: method.to_owned(),
            part: part.to_owned(),
            answer,
        });
    }

    /// The same, so many times.
    pub fn times(&self, times: usize, method: &str, part: &str, answer: Answer) {
        for _ in 0..times {
            self.next(method, part, answer.clone());
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Requests of this method whose path has this in it.
    pub fn count(&self, method: &str, part: &str) -> usize {
        let seen = self.seen();
        let matches = |seen: &&Seen| seen.method == method && seen.path.contains(part);
        seen.iter().filter(matches).count()
    }

    pub fn forget(&self) {
        self.state().seen.clear();
    }

    /// Releases that all can see.
    pub fn published(&self, tag: &str) -> Option<Release> {
        let state = self.state();
        let found = state
            .releases
            .iter()
            .find(|release| release.tag == tag && !release.draft);
        found.cloned()
    }

    pub fn drafts(&self) -> Vec<Release> {
        let state = self.state();
        state
            .releases
            .iter()
            .filter(|release| release.draft)
            .cloned()
            .collect()
    }

    /// Fails if the token went to another host than the API's, or into an address.
    #[track_caller]
    pub fn token_stayed(&self) {
        for seen in self.seen() {
            assert!(!seen.path.contains(TOKEN), "{seen:?}");
            let sent = seen.headers.values().any(|value| value.contains(TOKEN));
            assert!(!(sent && seen.elsewhere), "{seen:?}");
        }
    }

    fn serve(&self, mut stream: TcpStream, elsewhere: bool) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Ok(());
        };
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let seen = Seen {
            elsewhere,
            method,
            path,
            headers,
        };
        self.state().seen.push(seen.clone());
        let planned = {
            let mut state = self.state();
            let found = state.answers.iter().position(|planned| {
                planned.method == seen.method && seen.path.contains(&planned.part)
            });
            found.map(|at| state.answers.remove(at).answer)
        };
        if let Some(Answer::Status(code, headers, body)) = planned {
            return reply(&mut stream, code, &headers, body.as_bytes(), body.len());
        }
        if seen.headers.contains_key("expect") {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        match planned {
            Some(Answer::Silence) => {
                let _ = reader.read(&mut [0]);
                return Ok(());
            }
            Some(Answer::Late(time)) => std::thread::sleep(time),
            _ => {}
        }
        let length = seen.headers.get("content-length");
        let length: u64 = length.map_or(0, |length| length.parse().unwrap());
        let hang_up = match planned {
            Some(Answer::HangUp(after)) => Some(after as u64),
            _ => None,
        };
        let upload = seen.method == "POST" && seen.path.contains("/assets?name=");
        let started = upload.then(|| self.start_asset(&seen)).flatten();
        let mut body = Vec::new();
        let mut hash = Sha256::new();
        let mut taken = reader.take(hang_up.unwrap_or(length));
        let mut buffer = [0; 1 << 16];
        let mut got = 0;
        loop {
            let read = taken.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            got += read as u64;
            hash.update(&buffer[..read]);
            // What is too long is not kept, so that tests can look at memory.
            if length <= 32 << 20 {
                body.extend_from_slice(&buffer[..read]);
            }
        }
        if got < length {
            return Ok(());
        }
        let (code, headers, bytes) = if upload {
            let digest = hash
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            self.end_asset(started, length, digest, body)
        } else {
            self.answer(&seen, &body)
        };
        match planned {
            Some(Answer::Lost) => Ok(()),
            Some(Answer::Cut(after)) => {
                let after = after.min(bytes.len());
                reply(&mut stream, code, &headers, &bytes[..after], bytes.len())
            }
            Some(Answer::Short(to)) => {
                let to = to.min(bytes.len());
                reply(&mut stream, code, &headers, &bytes[..to], to)
            }
            _ => reply(&mut stream, code, &headers, &bytes, bytes.len()),
        }
    }
}

/// Status, headers, body.
type Reply = (u16, Vec<(String, String)>, Vec<u8>);

fn reply(
    stream: &mut TcpStream,
    code: u16,
    headers: &[(String, String)],
    body: &[u8],
    length: usize,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {code} Whatever\r\nConnection: close\r\n");
    if code != 204 {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(body)
}

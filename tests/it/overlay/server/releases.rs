//! What the API answers.

use serde_json::{Value, json};

use super::{Asset, Release, Reply, Seen, Server, State, TOKEN};

impl Server {
    pub(super) fn start_asset(&self, seen: &Seen) -> Option<u64> {
        let (path, name) = seen.path.split_once("/assets?name=").unwrap();
        let release: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
        let mut state = self.state();
        if !state.may_write(seen) {
            return None;
        }
        state.count += 1;
        let id = state.count;
        let release = state
            .releases
            .iter_mut()
            .find(|found| found.id == release)?;
        if release.assets.iter().any(|asset| asset.name == name) {
            return None;
        }
        release.assets.push(Asset {
            id,
            name: name.to_owned(),
            state: "starter".into(),
            size: 0,
            digest: String::new(),
            bytes: Vec::new(),
        });
        Some(id)
    }

    pub(super) fn end_asset(
        &self,
        id: Option<u64>,
        size: u64,
        digest: String,
        bytes: Vec<u8>,
    ) -> Reply {
        let mut state = self.state();
        let no_digests = state.no_digests;
        let assets = state
            .releases
            .iter_mut()
            .flat_map(|release| &mut release.assets);
        let Some(asset) = assets.into_iter().find(|asset| Some(asset.id) == id) else {
            return taken("name");
        };
        asset.state = "uploaded".into();
        (asset.size, asset.digest, asset.bytes) = (size, digest, bytes);
        (
            201,
            Vec::new(),
            asset.json(no_digests).to_string().into_bytes(),
        )
    }

    pub(super) fn answer(&self, seen: &Seen, body: &[u8]) -> Reply {
        let path = seen.path.split('?').next().unwrap();
        let mut state = self.state();
        if let Some(id) = path.strip_prefix("/storage/") {
            let mut assets = state.releases.iter().flat_map(|release| &release.assets);
            return match assets.find(|asset| asset.id.to_string() == id) {
                Some(asset) => part(&asset.bytes, seen, state.no_ranges),
                None => not_found(),
            };
        }
        if let Some(bytes) = state.files.get(path) {
            return part(bytes, seen, state.no_ranges);
        }
        let parts: Vec<&str> = path.splitn(5, '/').collect();
        let ["", "repos", owner, name, rest @ ..] = parts.as_slice() else {
            return not_found();
        };
        let repo = format!("{owner}/{name}");
        if seen.headers.contains_key("authorization") && !authorized(seen) {
            return message(401, "Bad credentials");
        }
        if !state.repos.contains(&repo) || (state.private && !authorized(seen)) {
            return not_found();
        }
        if seen.method != "GET" && !state.may_write(seen) {
            return message(403, "Resource not accessible by personal access token");
        }
        let rest = rest.first().copied().unwrap_or_default();
        if let Some(at) = rest.strip_prefix("tarball") {
            let at = at.trim_start_matches('/');
            let to = self.elsewhere(&format!("/codeload/{repo}/{at}?token=of-the-host"));
            return (302, vec![("location".into(), to)], Vec::new());
        }
        let rest: Vec<&str> = rest.split('/').collect();
        match rest.as_slice() {
            [""] => ok(&json!({"full_name": repo})),
            ["git", "refs", "tags", tag] => state.delete_ref(tag),
            ["releases", "assets", id] => self.asset(&mut state, seen, id),
            ["releases", rest @ ..] => {
                let sent: Value = serde_json::from_slice(body).unwrap_or_default();
                let base = format!("{}/repos/{repo}/releases", self.api());
                state.releases(seen, &base, rest, &sent)
            }
            _ => not_found(),
        }
    }

    fn asset(&self, state: &mut State, seen: &Seen, id: &str) -> Reply {
        let releases = &mut state.releases;
        let Some(release) = releases.iter_mut().find(|release| release.has(id)) else {
            return not_found();
        };
        if seen.method == "DELETE" {
            release.assets.retain(|asset| asset.id.to_string() != id);
            return (204, Vec::new(), Vec::new());
        }
        assert_eq!(seen.headers["accept"], "application/octet-stream");
        let to = self.elsewhere(&format!("/storage/{id}?sig=of-the-host"));
        (302, vec![("location".into(), to)], Vec::new())
    }
}

impl State {
    fn may_write(&self, seen: &Seen) -> bool {
        authorized(seen) && !self.read_only
    }

    fn delete_ref(&mut self, tag: &str) -> Reply {
        let before = self.refs.len();
        self.refs.retain(|name| name != tag);
        if self.refs.len() == before {
            return message(422, "Reference does not exist");
        }
        (204, Vec::new(), Vec::new())
    }

    fn is_published(&self, tag: &str) -> bool {
        let mut releases = self.releases.iter();
        releases.any(|release| release.tag == tag && !release.draft)
    }

    fn releases(&mut self, seen: &Seen, base: &str, rest: &[&str], sent: &Value) -> Reply {
        let no_digests = self.no_digests;
        let show = |release: &Release| release.json(base, no_digests);
        let id_of = |id: &str| id.parse().unwrap_or(0);
        match (seen.method.as_str(), rest) {
            ("GET", ["latest"]) => match &self.latest {
                Some(tag) => ok(&json!({"tag_name": tag})),
                None => not_found(),
            },
            ("GET", ["tags", tag]) => {
                let mut releases = self.releases.iter();
                let found = releases.find(|release| release.tag == *tag && !release.draft);
                found.map_or_else(not_found, |release| ok(&show(release)))
            }
            ("GET", []) => {
                let visible = |release: &&Release| !release.draft || authorized(seen);
                let all = self.releases.iter().rev().filter(visible);
                let (size, page) = (query(seen, "per_page", 30), query(seen, "page", 1));
                let all = all.skip((page - 1) * size).take(size);
                ok(&all.map(show).collect())
            }
            ("GET", [id]) => {
                let mut releases = self.releases.iter();
                let found = releases.find(|release| release.id == id_of(id));
                found.map_or_else(not_found, |release| ok(&show(release)))
            }
            ("POST", []) => {
                let tag = sent["tag_name"].as_str().unwrap();
                let draft = sent["draft"].as_bool().unwrap_or(false);
                if !draft && self.is_published(tag) {
                    return taken("tag_name");
                }
                self.count += 1;
                let release = Release {
                    id: self.count,
                    tag: tag.to_owned(),
                    body: sent["body"].as_str().unwrap_or_default().to_owned(),
                    draft,
                    at: format!("2026-01-01T00:00:{:02}Z", self.count % 60),
                    make_latest: Value::Null,
                    assets: Vec::new(),
                };
                self.releases.push(release);
                let (code, headers, _) = ok(&Value::Null);
                let release = show(&self.releases[self.releases.len() - 1]);
                (code + 1, headers, release.to_string().into_bytes())
            }
            ("PATCH", [id]) => {
                let found = self
                    .releases
                    .iter()
                    .position(|release| release.id == id_of(id));
                let Some(at) = found else {
                    return not_found();
                };
                let publishes = sent["draft"] == json!(false) && self.releases[at].draft;
                let tag = self.releases[at].tag.clone();
                if publishes && self.is_published(&tag) {
                    return taken("tag_name");
                }
                let release = &mut self.releases[at];
                if let Some(body) = sent["body"].as_str() {
                    release.body = body.to_owned();
                }
                if publishes {
                    release.draft = false;
                    release.make_latest = sent["make_latest"].clone();
                    self.refs.push(tag);
                }
                ok(&show(&self.releases[at]))
            }
            ("DELETE", [id]) => {
                let before = self.releases.len();
                self.releases.retain(|release| release.id != id_of(id));
                if self.releases.len() == before {
                    return not_found();
                }
                (204, Vec::new(), Vec::new())
            }
            _ => not_found(),
        }
    }
}

impl Release {
    fn has(&self, id: &str) -> bool {
        self.assets.iter().any(|asset| asset.id.to_string() == id)
    }

    /// As the API shows it; what we do not read is there too.
    fn json(&self, base: &str, no_digests: bool) -> Value {
        let assets: Vec<Value> = self
            .assets
            .iter()
            .map(|asset| asset.json(no_digests))
            .collect();
        json!({
            "id": self.id,
            "url": format!("{base}/{}", self.id),
            "upload_url": format!("{base}/{}/assets{{?name,label}}", self.id),
            "tag_name": self.tag,
            "name": self.tag,
            "body": self.body,
            "draft": self.draft,
            "prerelease": false,
            "created_at": "2020-01-01T00:00:00Z",
            "published_at": if self.draft { Value::Null } else { json!(self.at) },
            "author": {"login": "ada"},
            "assets": assets,
        })
    }
}

impl Asset {
    fn json(&self, no_digests: bool) -> Value {
        let digest =
            (!no_digests && self.state == "uploaded").then(|| format!("sha256:{}", self.digest));
        json!({
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "size": self.size,
            "digest": digest,
            "content_type": "application/octet-stream",
        })
    }
}

fn authorized(seen: &Seen) -> bool {
    let sent = seen.headers.get("authorization");
    sent.is_some_and(|sent| *sent == format!("Bearer {TOKEN}"))
}

fn query(seen: &Seen, name: &str, usual: usize) -> usize {
    let query = seen.path.split('?').nth(1).unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(key, _)| *key == name);
    found.map_or(usual, |(_, value)| value.parse().unwrap())
}

fn ok(value: &Value) -> Reply {
    (200, Vec::new(), value.to_string().into_bytes())
}

fn message(code: u16, message: &str) -> Reply {
    (
        code,
        Vec::new(),
        json!({"message": message}).to_string().into_bytes(),
    )
}

fn not_found() -> Reply {
    message(404, "Not Found")
}

fn taken(field: &str) -> Reply {
    let body = json!({"message": "Validation Failed", "errors": [{"field": field, "code": "already_exists"}]});
    (422, Vec::new(), body.to_string().into_bytes())
}

/// A file, or the part that was asked for, if it is the same still.
fn part(bytes: &[u8], seen: &Seen, no_ranges: bool) -> Reply {
    let etag = format!("\"{}\"", git_dkr::digest::of(bytes));
    let headers = vec![("etag".to_owned(), etag.clone())];
    let same = seen
        .headers
        .get("if-range")
        .is_none_or(|name| *name == etag);
    let range = seen.headers.get("range").filter(|_| same && !no_ranges);
    let Some(from) = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')) else {
        return (200, headers, bytes.to_vec());
    };
    let from: usize = from.parse().unwrap();
    let all = bytes.len();
    if from >= all {
        let range = vec![("content-range".to_owned(), format!("bytes */{all}"))];
        return (416, range, Vec::new());
    }
    let range = format!("bytes {from}-{}/{all}", all - 1);
    let headers = [headers, vec![("content-range".to_owned(), range)]].concat();
    (206, headers, bytes[from..].to_vec())
}

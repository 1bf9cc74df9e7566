//! Asks, follows redirects, and asks again where that may help.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, SendBody, http};

use super::address::UrlOrigin;
use super::file_range::FileRange;
use super::request_error::{RequestError, broken, refused};
use super::response::{header, read};
use super::{Address, RetryPolicy, Secret};
use crate::error::Failure;
use crate::proc;
use crate::ui::{self, Printer};

/// Redirects of one request.
const REDIRECTS: usize = 10;
/// The most that is read of an answer that is not written to a file.
const ANSWER: u64 = 32 << 20;

/// What the environment says of the network.
#[derive(Debug, Clone, Default)]
pub struct ClientSettings {
    /// How long one waits.
    pub patience: RetryPolicy,
    /// `NO_PROXY`, as it is written: hosts that are asked without the proxy.
    pub direct: String,
    /// Says what is waited for.
    pub printer: Printer,
}

/// A request that can be made several times.
#[derive(Debug, Clone)]
pub struct HttpRequest<'a> {
    /// `GET`.
    pub method: http::Method,
    /// Where to.
    pub address: &'a Address,
    /// The type of the answer.
    pub accept: &'a str,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Body<'a>,
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Body<'a> {
    /// Nothing.
    None,
    /// A value.
    Json(&'a serde_json::Value),
    /// A part of a file, never in memory as a whole.
    FileRange {
        /// The file.
        file: &'a Path,
        /// Where the part begins, in bytes.
        from: u64,
        /// How many bytes.
        len: u64,
        /// Counts them as they go.
        count: Arc<AtomicU64>,
    },
}

/// One that asks. Waits for the network end at once when we are interrupted.
#[derive(Debug)]
pub struct HttpClient {
    agent: Agent,
    settings: ClientSettings,
    token: Option<(Secret, Vec<UrlOrigin>)>,
    /// Gone with us, and with it the watch.
    _watched: Arc<()>,
}

impl HttpClient {
    /// Proxies are those of the environment, certificates those that the machine trusts.
    pub fn new(settings: ClientSettings) -> Self {
        let silence = settings.patience.silence();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent: Agent = Agent::config_builder()
            .tls_config(tls)
            .user_agent(concat!("git-dkr/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            // They are followed by hand: a token must stay behind, and https.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(Duration::from_secs(15)))
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_per_read(Some(silence))
            .timeout_per_write(Some(silence))
            .build()
            .into();
        let watched = Arc::new(());
        watch(&agent, &watched);
        Self {
            agent,
            settings,
            token: None,
            _watched: watched,
        }
    }

    /// Sends a token along, to these hosts alone.
    #[must_use]
    pub fn with_token(mut self, token: Secret, to: &[&Address]) -> Self {
        let origins = to.iter().map(|address| address.origin()).collect();
        self.token = Some((token, origins));
        self
    }

    /// Says how it goes.
    pub fn printer(&self) -> Printer {
        self.settings.printer
    }

    /// Whether it has a token at all.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Asks for JSON. An answer that says no is an error with a [`HttpError`](super::HttpError) in it.
    pub fn json<T: DeserializeOwned>(&self, request: &HttpRequest) -> Result<T> {
        let bytes = self.call(request, || Ok(()))?;
        let asked = asked(&request.method, request.address);
        serde_json::from_slice(&bytes)
            .with_context(|| format!("the answer to {asked} has an unknown form"))
    }

    /// Asks for anything that fits into memory. `again` is called before each try but the first.
    pub fn call(
        &self,
        request: &HttpRequest,
        mut again: impl FnMut() -> Result<()>,
    ) -> Result<Vec<u8>> {
        let mut tried = false;
        self.with_retries(|| {
            if std::mem::replace(&mut tried, true) {
                again()?;
            }
            let before = match &request.body {
                Body::FileRange { count, .. } => count.load(Ordering::Relaxed),
                _ => 0,
            };
            let answer = self.send(request).and_then(|response| {
                read(response.into_body().into_reader(), ANSWER)
                    .map_err(|error| broken(request.address, &error.into()))
            });
            if let (Err(_), Body::FileRange { count, .. }) = (&answer, &request.body) {
                count.store(before, Ordering::Relaxed);
            }
            answer
        })
    }

    /// Tries until it works, it cannot, or five tries in a row moved nothing.
    pub(super) fn with_retries<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, RequestError>,
    ) -> Result<T> {
        let mut failed = 0;
        loop {
            proc::check_interrupted()?;
            let (why, limit, moved) = match attempt() {
                Ok(value) => return Ok(value),
                // We hang up ourselves then.
                Err(_) if proc::check_interrupted().is_err() => continue,
                Err(RequestError::Final(why)) => return Err(why),
                Err(RequestError::Passing { why, limit, moved }) => (why, limit, moved),
            };
            failed = if moved { 1 } else { failed + 1 };
            if failed >= RetryPolicy::TRIES {
                return Err(why);
            }
            let patience = self.settings.patience;
            let usual = patience.before_next(failed, rand::random());
            let asked = limit.and_then(|(until, _)| {
                Duration::try_from(until.duration_since(Timestamp::now())).ok()
            });
            match (limit, asked) {
                (Some((until, is_rate)), Some(wait)) if wait > patience.longest() => {
                    return Err(self.too_long(why, until, is_rate));
                }
                (_, Some(wait)) if wait > usual => {
                    self.settings
                        .printer
                        .status("waiting", &format!("{}: {why:#}", ui::seconds(wait)));
                    sleep(wait)?;
                }
                _ => {
                    ui::echo(&format_args!("retrying in {}: {why:#}", ui::seconds(usual)));
                    sleep(usual)?;
                }
            }
        }
    }

    fn too_long(&self, why: anyhow::Error, until: Timestamp, is_rate: bool) -> anyhow::Error {
        let until = until.strftime("%F %H:%M:%S UTC");
        if !is_rate {
            return anyhow!(
                Failure::new(format!("{why:#}")).hint(format!("try again after {until}"))
            );
        }
        let hint = if self.has_token() {
            format!("try again after {until}")
        } else {
            format!("try again after {until}, or set GH_TOKEN: the limit is higher then")
        };
        anyhow!(Failure::new(format!("too many requests until {until}: {why:#}")).hint(hint))
    }

    /// One try, through all its redirects. An answer that says no is trouble.
    pub(super) fn send(
        &self,
        request: &HttpRequest,
    ) -> Result<http::Response<ureq::Body>, RequestError> {
        let mut address = request.address.clone();
        for _ in 0..=REDIRECTS {
            ui::echo(&asked(&request.method, &address));
            let response = self.once(request, &address)?;
            let status = response.status();
            if status.is_success() || status == http::StatusCode::NOT_MODIFIED {
                return Ok(response);
            }
            if !status.is_redirection() {
                return Err(refused(&asked(&request.method, &address), response));
            }
            let to = header(&response, "location").unwrap_or_default();
            let to = address.join(to).map_err(|why| {
                Failure::new(format!(
                    "{address} redirects to an unsupported address: {why}"
                ))
            })?;
            let keeps = matches!(status.as_u16(), 307 | 308) && to.same_host(&address);
            if request.method != http::Method::GET && !keeps {
                let asked = asked(&request.method, &address);
                return Err(Failure::new(format!("{asked} was redirected to {to}"))
                    .hint("use the new name if the repository has moved")
                    .into());
            }
            address = to;
        }
        Err(Failure::new(format!("{} redirects too many times", request.address)).into())
    }

    fn once(
        &self,
        request: &HttpRequest,
        to: &Address,
    ) -> Result<http::Response<ureq::Body>, RequestError> {
        let mut builder = http::Request::builder()
            .method(request.method.clone())
            .uri(to.uri().clone())
            .header("accept", request.accept);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some((token, origins)) = &self.token
            && origins.contains(&to.origin())
        {
            builder = builder.header("authorization", format!("Bearer {}", token.0));
        }
        let mut silence = self.settings.patience.silence();
        let body = match &request.body {
            Body::None => SendBody::none(),
            Body::Json(value) => {
                let text = value.to_string();
                builder = builder
                    .header("content-type", "application/json")
                    .header("content-length", text.len());
                SendBody::from_owned_reader(io::Cursor::new(text))
            }
            Body::FileRange {
                file,
                from,
                len,
                count,
            } => {
                // Without `Expect` a server that says no at once is a broken pipe to us.
                builder = builder
                    .header("content-type", "application/octet-stream")
                    .header("content-length", *len)
                    .header("expect", "100-continue");
                // It may look at all of it before it answers.
                silence *= 5;
                let slice = FileRange::open(file, *from, *len, Arc::clone(count));
                let slice = slice.with_context(|| format!("cannot read {}", file.display()))?;
                SendBody::from_owned_reader(slice)
            }
        };
        let ready = builder.body(body).context("cannot make a request")?;
        let mut config = self
            .agent
            .configure_request(ready)
            .timeout_per_read(Some(silence));
        if to.is_loopback() || is_direct(&to.host(), &self.settings.direct) {
            config = config.proxy(None);
        }
        self.agent
            .run(config.build())
            .map_err(|error| broken(to, &error))
    }
}

/// Hangs up when we are interrupted, for as long as the client lives.
fn watch(agent: &Agent, watched: &Arc<()>) {
    let (agent, watched) = (agent.clone(), Arc::downgrade(watched));
    std::thread::spawn(move || {
        while watched.strong_count() > 0 {
            if proc::check_interrupted().is_err() {
                agent.shutdown();
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
}

/// As others read `NO_PROXY`: a name stands for the hosts below it too, with or without a dot.
pub(crate) fn is_direct(host: &str, direct: &str) -> bool {
    let names = direct.split([',', ' ']).map(str::trim);
    names.filter(|name| !name.is_empty()).any(|name| {
        let name = name.trim_start_matches('*').trim_start_matches('.');
        let name = name.to_ascii_lowercase();
        name.is_empty() || host == name || host.ends_with(&format!(".{name}"))
    })
}

fn asked(method: &http::Method, address: &Address) -> String {
    format!("{method} {address}")
}

fn sleep(time: Duration) -> Result<()> {
    let end = std::time::Instant::now() + time;
    loop {
        proc::check_interrupted()?;
        let left = end.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_without_a_proxy() {
        for (direct, yes) in [
            ("a.example", true),
            ("example", true),
            (".example", true),
            ("*.example", true),
            ("x.example, A.Example", true),
            ("*", true),
            ("b.example", false),
            ("ample", false),
            ("", false),
        ] {
            assert_eq!(is_direct("a.example", direct), yes, "{direct}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let address = Address::parse("https://h.example/").unwrap();
        let token = Secret::new(" gh_hidden\n").unwrap();
        let client = HttpClient::new(ClientSettings::default()).with_token(token, &[&address]);
        assert!(!format!("{client:?}").contains("hidden"));
        assert!(Secret::new("a b").is_none() && Secret::new("").is_none());
    }
}

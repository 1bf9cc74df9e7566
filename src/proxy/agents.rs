//! Agents whose key stays on this machine: where each has its API, and how it is led to us instead. Pure.

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Uri};
use percent_encoding::percent_decode_str;

use crate::net::Secret;

/// What an agent has in place of a key, as it does not start without one.
pub(super) const STAND_IN: &str = "git-dkr-adds-the-key";

/// The methods of such an API. TRACE is none: it would repeat the key.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

/// Where any of the APIs looks for a key.
const KEY_HEADERS: [HeaderName; 3] = [
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
];
/// And in which parameters of a query.
const KEY_PARAMETERS: [&str; 2] = ["key", "access_token"];

/// An agent's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AgentApi {
    /// The agent, as `--agent` calls it.
    pub agent: &'static str,
    /// The host of its API, which is spoken to by https.
    pub host: &'static str,
    /// The header that holds the key, and what stands before it there.
    header: (&'static str, &'static str),
    /// The variable of its address.
    address_variable: Option<&'static str>,
    /// The variable of its key, which has the stand-in.
    pub key_variable: &'static str,
    /// A file of its configuration below the home directory, in which `ADDRESS` is ours.
    file: Option<(&'static str, &'static str)>,
}

/// What a container gets, so that an agent comes to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentSettings {
    /// Variables of its environment.
    pub variables: Vec<(&'static str, String)>,
    /// A file below the home directory, and its text; only where there is none.
    pub file: Option<(&'static str, String)>,
}

/// A provider of its own is neither asked to log in nor by WebSocket.
const CODEX_CONFIG: &str = "\
model_provider = \"git-dkr\"

[model_providers.git-dkr]
name = \"OpenAI\"
base_url = \"ADDRESS/v1\"
env_key = \"OPENAI_API_KEY\"
wire_api = \"responses\"
";

/// Where it is not told, it takes another address for a gateway of Google's own, and stops.
const GEMINI_SETTINGS: &str = "{\"security\":{\"auth\":{\"selectedType\":\"gemini-api-key\"}}}\n";

/// The agents that can be led to another address. The others read their key from a file.
pub(super) const AGENT_APIS: [AgentApi; 3] = [
    AgentApi {
        agent: "claude",
        host: "api.anthropic.com",
        header: ("x-api-key", ""),
        address_variable: Some("ANTHROPIC_BASE_URL"),
        // Not ANTHROPIC_API_KEY: it asks whether that is to be used.
        key_variable: "ANTHROPIC_AUTH_TOKEN",
        file: None,
    },
    AgentApi {
        agent: "codex",
        host: "api.openai.com",
        header: ("authorization", "Bearer "),
        // It reads no variable for it, since April 2026.
        address_variable: None,
        key_variable: "OPENAI_API_KEY",
        file: Some((".codex/config.toml", CODEX_CONFIG)),
    },
    AgentApi {
        agent: "gemini",
        host: "generativelanguage.googleapis.com",
        header: ("x-goog-api-key", ""),
        // It takes http for a loopback address alone.
        address_variable: Some("GOOGLE_GEMINI_BASE_URL"),
        key_variable: "GEMINI_API_KEY",
        file: Some((".gemini/settings.json", GEMINI_SETTINGS)),
    },
];

impl AgentApi {
    /// The API of this agent, if it can be led to us.
    pub(crate) fn of(agent: &str) -> Option<&'static Self> {
        AGENT_APIS.iter().find(|api| api.agent == agent)
    }

    /// The variable by which it is led to another address, where it has one.
    pub(crate) fn address_variable(&self) -> Option<&'static str> {
        self.address_variable
    }

    /// What a container gets in which we listen on this port of its loopback interface.
    pub(crate) fn settings(&self, port: u16) -> AgentSettings {
        let address = format!("http://127.0.0.1:{port}");
        let variable = self.address_variable.map(|name| (name, address.clone()));
        let mut variables: Vec<_> = variable.into_iter().collect();
        variables.push((self.key_variable, STAND_IN.to_owned()));
        let file = self.file;
        AgentSettings {
            variables,
            file: file.map(|(path, text)| (path, text.replace("ADDRESS", &address))),
        }
    }

    /// Takes away what a client has for a key, and puts the key there.
    pub(super) fn put_key(&self, headers: &mut HeaderMap, key: &Secret) -> Result<(), String> {
        for name in KEY_HEADERS {
            headers.remove(name);
        }
        let (name, before) = self.header;
        let value = HeaderValue::from_str(&format!("{before}{}", key.reveal()));
        let mut value = value.map_err(|_| "cannot send the key".to_owned())?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

/// The variables by which programs in a container find the proxy on this port of its loopback interface, and
/// do without what it would refuse.
pub(crate) fn container_variables(port: u16) -> Vec<(&'static str, String)> {
    let proxy = format!("http://127.0.0.1:{port}");
    let own = "localhost,127.0.0.1,::1".to_owned();
    let mut variables: Vec<_> = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"]
        .map(|name| (name, proxy.clone()))
        .into();
    variables.extend(["NO_PROXY", "no_proxy"].map(|name| (name, own.clone())));
    // `fetch` of Node.js takes no notice of the others without.
    variables.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
    // Claude would have what it says of itself to its maker refused, and fill the log with it.
    variables.push(("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()));
    variables
}

/// What of a request goes to the API: its path and query, without keys. Nothing that names a host.
pub(super) fn path_for(method: &Method, uri: &Uri) -> Result<PathAndQuery, String> {
    if !METHODS.contains(method) {
        let shown: String = method.as_str().chars().take(30).collect();
        return Err(format!("the method {shown} is not an API's"));
    }
    if uri.scheme().is_some() || uri.authority().is_some() {
        return Err("the request names a host; the API has only one".to_owned());
    }
    let path = uri.path();
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let climbs = decoded
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|part| part == b"..");
    if !path.starts_with('/') || path.starts_with("//") || decoded.contains(&b'\\') || climbs {
        return Err("the path is not an API's".to_owned());
    }
    let kept: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|parameter| !parameter.is_empty() && !is_key(parameter))
        .collect();
    let whole = match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    };
    whole
        .parse()
        .map_err(|_| "the path is not an API's".to_owned())
}

fn is_key(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8_lossy();
    KEY_PARAMETERS
        .iter()
        .any(|key| name.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_container_gets() {
        let mut told = String::new();
        for api in AGENT_APIS {
            let AgentSettings { variables, file } = api.settings(3129);
            for (name, value) in variables {
                told += &format!("{}: {name}={value}\n", api.agent);
            }
            if let Some((path, text)) = file {
                let reads = match path.ends_with(".toml") {
                    true => text.parse::<toml_edit::Document<String>>().is_ok(),
                    false => serde_json::from_str::<serde_json::Value>(&text).is_ok(),
                };
                assert!(reads, "{text}");
                told += &format!("{}: {path}\n{text}", api.agent);
            }
        }
        insta::assert_snapshot!(told, @r#"
        claude: ANTHROPIC_BASE_URL=http://127.0.0.1:3129
        claude: ANTHROPIC_AUTH_TOKEN=git-dkr-adds-the-key
        codex: OPENAI_API_KEY=git-dkr-adds-the-key
        codex: .codex/config.toml
        model_provider = "git-dkr"

        [model_providers.git-dkr]
        name = "OpenAI"
        base_url = "http://127.0.0.1:3129/v1"
        env_key = "OPENAI_API_KEY"
        wire_api = "responses"
        gemini: GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:3129
        gemini: GEMINI_API_KEY=git-dkr-adds-the-key
        gemini: .gemini/settings.json
        {"security":{"auth":{"selectedType":"gemini-api-key"}}}
        "#);
        assert_eq!(AgentApi::of("cursor"), None);
    }

    #[test]
    fn what_programs_find_in_a_container() {
        let told: Vec<String> = container_variables(3128)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        HTTP_PROXY=http://127.0.0.1:3128
        HTTPS_PROXY=http://127.0.0.1:3128
        http_proxy=http://127.0.0.1:3128
        https_proxy=http://127.0.0.1:3128
        NO_PROXY=localhost,127.0.0.1,::1
        no_proxy=localhost,127.0.0.1,::1
        NODE_USE_ENV_PROXY=1
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
        ");
    }

    #[test]
    fn the_key_takes_the_place_of_any_other() {
        let key = Secret::new("sk-true").unwrap();
        for api in AGENT_APIS {
            let mut headers = HeaderMap::new();
            for name in ["authorization", "x-api-key", "x-goog-api-key"] {
                headers.append(name, HeaderValue::from_static("stand-in"));
                headers.append(name, HeaderValue::from_static("Bearer stand-in"));
            }
            api.put_key(&mut headers, &key).unwrap();
            let (name, before) = api.header;
            assert_eq!(headers.len(), 1);
            assert_eq!(headers[name], format!("{before}sk-true"));
            assert!(!format!("{headers:?} {key:?}").contains("true"));
        }
    }

    #[test]
    fn only_paths_of_the_api() {
        let path = |text: &str| {
            let uri = text.parse::<Uri>().map_err(|_| String::new())?;
            path_for(&Method::GET, &uri).map(|path| path.to_string())
        };
        for (asked, sent) in [
            ("/v1/messages?beta=true", "/v1/messages?beta=true"),
            ("/v1/models?key=stand-in", "/v1/models"),
            (
                "/v1/m:stream?alt=sse&key=a&k%65y=b&KEY=c&x",
                "/v1/m:stream?alt=sse&x",
            ),
            ("/", "/"),
            ("/v1/a%2Fb?keys=1", "/v1/a%2Fb?keys=1"),
        ] {
            assert_eq!(path(asked).as_deref(), Ok(sent));
        }
        for bad in [
            "//evil.example/v1",
            "http://evil.example/v1",
            "https://api.anthropic.com/v1",
            "evil.example:443",
            "*",
            "/../v1",
            "/v1/%2e%2e/admin",
            "/v1/..%2fadmin",
            "/%5cevil",
        ] {
            assert!(path(bad).is_err(), "{bad}");
        }
        let uri = Uri::from_static("/v1");
        for method in [Method::TRACE, Method::CONNECT, "X".parse().unwrap()] {
            assert!(path_for(&method, &uri).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_key_and_no_host(text in "/?[a-z/.:?&=%@ekyKEY\\\\]{0,30}") {
            if let Ok(uri) = text.parse::<Uri>() && let Ok(path) = path_for(&Method::GET, &uri) {
                prop_assert!(path.as_str().starts_with('/') && !path.as_str().starts_with("//"));
                let query = path.query().unwrap_or_default();
                prop_assert!(query.split('&').all(|parameter| !is_key(parameter)));
            }
        }
    }
}

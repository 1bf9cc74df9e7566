//! The API of GitHub: what it is asked, and what its refusals mean.

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::containerfile::GitHubRepo;
use crate::conf;
use crate::error::Failure;
use crate::net::{Address, Body, ClientSettings, HttpClient, HttpError, HttpRequest, Secret};
use crate::ui::Printer;

const JSON: &str = "application/vnd.github+json";

/// The API, with the user's token.
#[derive(Debug)]
pub struct GitHubClient {
    /// What asks.
    pub client: HttpClient,
    api: Address,
}

impl GitHubClient {
    /// As the environment says.
    pub fn open(printer: Printer) -> Result<Self> {
        Ok(Self::new(
            conf::github_api()?,
            conf::github_token()?,
            conf::network(printer),
        ))
    }

    /// The API at an address. The token goes there, and to the host beside it for uploads.
    pub fn new(api: Address, token: Option<Secret>, settings: ClientSettings) -> Self {
        let mut client = HttpClient::new(settings);
        if let Some(token) = token {
            let uploads = uploads(&api);
            let to: Vec<&Address> = std::iter::once(&api).chain(&uploads).collect();
            client = client.with_token(token, &to);
        }
        Self { client, api }
    }

    /// An address of a repository's: `rest` begins with a slash, or is empty.
    pub fn address(&self, repo: &GitHubRepo, rest: &str) -> Result<Address> {
        let base = self.api.path().trim_end_matches('/');
        let path = format!("{base}/repos/{repo}{rest}");
        self.api.at(&path).map_err(|why| anyhow!(Failure::new(why)))
    }

    /// Whether assets may be sent to an address that the API names.
    pub fn takes_uploads(&self, address: &Address) -> bool {
        address.same_host(&self.api)
            || uploads(&self.api).is_some_and(|uploads| address.same_host(&uploads))
    }

    /// Reads; `rest` is as for [`GitHubClient::address`].
    pub fn get<T: DeserializeOwned>(&self, repo: &GitHubRepo, rest: &str) -> Result<T> {
        self.ask("GET", repo, rest, None)
    }

    /// The same, `None` where there is no such thing.
    pub fn find<T: DeserializeOwned>(&self, repo: &GitHubRepo, rest: &str) -> Result<Option<T>> {
        match self.get(repo, rest) {
            Ok(found) => Ok(Some(found)),
            Err(error) if is(&error, 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks with a value.
    pub fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        repo: &GitHubRepo,
        rest: &str,
        value: Option<&Value>,
    ) -> Result<T> {
        let address = self.address(repo, rest)?;
        let request = request(method, &address, value)?;
        let asked = self.client.json(&request);
        asked.map_err(|error| self.explain(repo, error))
    }

    /// Deletes; what is not there is no error.
    pub fn delete(&self, repo: &GitHubRepo, rest: &str) -> Result<()> {
        let address = self.address(repo, rest)?;
        match self
            .client
            .call(&request("DELETE", &address, None)?, || Ok(()))
        {
            Err(error) if is(&error, 404) || is(&error, 422) => Ok(()),
            Err(error) => Err(self.explain(repo, error)),
            Ok(_) => Ok(()),
        }
    }

    /// Says what a refusal means, and what to do about it.
    pub fn explain(&self, repo: &GitHubRepo, error: anyhow::Error) -> anyhow::Error {
        let Some(refusal) = HttpError::find_in(&error) else {
            return error;
        };
        let token = self.client.has_token();
        let (what, hint) = match refusal.status {
            401 => (
                "the token is not accepted".to_owned(),
                "set GH_TOKEN to a valid one: gh auth token prints one".to_owned(),
            ),
            403 | 404 if !token => (
                format!("there is no public repository {repo}"),
                "a private repository needs a token: set GH_TOKEN".to_owned(),
            ),
            403 => (
                format!("the token is not allowed to do this in {repo}"),
                "it needs the permission `contents: write`, or `read` to restore".to_owned(),
            ),
            404 => (
                format!("there is no {repo}, or the token cannot see it"),
                "check the name, and what the token in GH_TOKEN may see".to_owned(),
            ),
            422 if refusal.message.contains("empty") => (
                format!("{repo} has no commit yet"),
                "push a first one: a release needs it for its tag".to_owned(),
            ),
            422 => (
                format!("{repo} refused this"),
                "check its rules for tags, and its releases".to_owned(),
            ),
            _ => return error,
        };
        anyhow!(Denied {
            refusal: refusal.clone(),
            meaning: Failure::new(what).hint(hint),
        })
    }

    /// That there is a token to write with.
    pub fn may_write(&self, repo: &GitHubRepo) -> Result<()> {
        if self.client.has_token() {
            return Ok(());
        }
        let failure = Failure::new(format!("writing to {repo} needs a token"));
        Err(failure
            .hint("set GH_TOKEN to one with the permission `contents: write`; gh auth token prints yours")
            .into())
    }
}

/// A refusal, because of what it means.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
struct Denied {
    refusal: HttpError,
    #[source]
    meaning: Failure,
}

/// Whether an error comes from an answer with this status.
pub fn is(error: &anyhow::Error, status: u16) -> bool {
    let denied = error.downcast_ref::<Denied>().map(|denied| &denied.refusal);
    let refusal = denied.or_else(|| HttpError::find_in(error));
    refusal.is_some_and(|refusal| refusal.status == status)
}

/// Whether an error is an answer that says no, and no trouble of the network.
pub fn is_refusal(error: &anyhow::Error) -> bool {
    HttpError::find_in(error).is_some()
}

fn request<'a>(
    method: &str,
    address: &'a Address,
    value: Option<&'a Value>,
) -> Result<HttpRequest<'a>> {
    Ok(HttpRequest {
        method: method.parse().context("no method")?,
        address,
        accept: JSON,
        headers: vec![("x-github-api-version", "2022-11-28".to_owned())],
        body: value.map_or(Body::None, Body::Json),
    })
}

/// Where `api.github.com` takes uploads: `uploads.github.com`. An Enterprise server takes them
/// itself.
fn uploads(api: &Address) -> Option<Address> {
    let host = api.host();
    let domain = host.strip_prefix("api.")?;
    api.at(&format!("//uploads.{domain}/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_go_to_known_hosts() {
        let address = |text| Address::parse(text).unwrap();
        let hub = |api| GitHubClient::new(address(api), None, ClientSettings::default());
        let public = hub("https://api.github.com");
        for (to, yes) in [
            ("https://uploads.github.com/x", true),
            ("https://api.github.com/x", true),
            ("https://uploads.example.com/x", false),
            ("https://github.com/x", false),
            ("https://uploads.github.com:444/x", false),
        ] {
            assert_eq!(public.takes_uploads(&address(to)), yes, "{to}");
        }
        let own = hub("https://git.example/api/v3");
        assert!(own.takes_uploads(&address("https://git.example/api/uploads/x")));
        assert!(!own.takes_uploads(&address("https://uploads.git.example/x")));
        let repo = GitHubRepo::parse("a/b").unwrap();
        let at = own.address(&repo, "/releases").unwrap();
        assert_eq!(
            at.to_string(),
            "https://git.example/api/v3/repos/a/b/releases"
        );
    }
}

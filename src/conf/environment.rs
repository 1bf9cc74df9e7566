//! The environment, which nothing else reads.

use std::path::PathBuf;

use crate::proxy::is_loopback_proxy;

/// The `DKR_*` variables of the environment.
pub(crate) fn environment() -> Vec<(String, String)> {
    #[expect(
        clippy::disallowed_methods,
        reason = "settings come from the environment"
    )]
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("DKR_"))
        .collect()
}

/// A variable of the environment that is no setting of ours (`HOME`, `HTTP_PROXY`).
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the environment is read here")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether it is there, be it empty.
pub(crate) fn is_set(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "the environment is read here")]
    std::env::var_os(name).is_some()
}

/// The user's home directory: `HOME`, or what a login would set where a service has none.
pub(crate) fn home() -> Option<PathBuf> {
    let by_user = || std::env::home_dir().filter(|home| home.is_absolute());
    variable("HOME").map(PathBuf::from).or_else(by_user)
}

/// Variables by which programs find a proxy: passed to the steps of a build and to containers,
/// never part of an image.
const PROXIES: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
];

/// The proxy settings of our environment, by name.
pub(crate) fn proxies() -> Vec<String> {
    PROXIES
        .into_iter()
        .filter(|name| variable(name).is_some())
        .map(str::to_owned)
        .collect()
}

/// Those of them that lead to a proxy on this machine's loopback interface.
pub(crate) fn loopback_proxies() -> Vec<String> {
    let mut names = proxies();
    names.retain(|name| {
        !name.eq_ignore_ascii_case("NO_PROXY")
            && variable(name).is_some_and(|value| is_loopback_proxy(&value))
    });
    names
}

/// `PF_TMP_DIR`: where archives of the images of profiles are kept, if not in the repository.
pub(crate) fn profile_tmp_dir() -> Option<PathBuf> {
    variable("PF_TMP_DIR").map(PathBuf::from)
}

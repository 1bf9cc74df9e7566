//! Settings of containers: what they are given and held to. No image depends on them.

use super::value::{Value, ValueOrigin};
use super::values::{self, Picker, split_words};
use super::{ports, run_args};
use crate::engine::Network;
use crate::proxy::EgressPolicy;

/// What a container is given and held to.
#[derive(Debug, Clone)]
pub struct ContainerConf {
    /// Its network; nobody chose one when absent.
    pub network: Option<Value<Network>>,
    /// Who runs in it.
    pub user: Value<User>,
    /// How many processors it may use.
    pub cpus: Value<Option<String>>,
    /// How much memory it may use, as engines write it.
    pub memory: Value<Option<String>>,
    /// GPUs: `all`, how many, or `device=…`.
    pub gpus: Value<Option<String>>,
    /// Its ports that this machine shows, as `--publish` takes them, each with an address.
    pub ports: Value<Vec<String>>,
    /// Variables of its environment, the strongest of each name.
    pub env: Vec<Value<EnvVar>>,
    /// More arguments for the engine.
    pub run_args: Value<Vec<String>>,
    /// Whether it is shut off from all but the repository and what `allow` names.
    pub sandbox: Value<bool>,
    /// What it reaches in a sandbox: hosts and groups of them.
    pub allow: Value<EgressPolicy>,
    /// How often its work is saved, in seconds; 0: never.
    pub save_every: Value<u32>,
    /// The largest untracked file that is saved, in bytes.
    pub save_limit: Value<u64>,
}

/// Who runs in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    Root,
    /// Uid 1000, whatever it is called in the image.
    Agent,
    /// Whoever runs git dkr, by uid and gid.
    Host,
    /// A uid, which is the gid as well.
    Uid(u32),
    /// An account of the image.
    Name(String),
}

/// A variable of a container's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvVar {
    /// As it is in our environment.
    Passed(String),
    /// Its name and its value.
    Set(String, String),
}

impl EnvVar {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Passed(name) | Self::Set(name, _) => name,
        }
    }
}

/// What such a setting may be depends on who makes it: the repository, whose branch may be anybody's, or the
/// user of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    Repository,
    User,
}

impl Author {
    fn of(origin: &ValueOrigin) -> Self {
        match origin {
            ValueOrigin::File(_) => Self::Repository,
            _ => Self::User,
        }
    }
}

impl ContainerConf {
    /// Reads all of them.
    pub(super) fn read(pick: &mut Picker) -> Self {
        let limit =
            |value: Option<Value<Option<String>>>| value.unwrap_or_else(|| Value::default_of(None));
        Self {
            network: pick.value_by("network", |text, origin| network(text, Author::of(origin))),
            user: pick
                .value("user", user)
                .unwrap_or_else(|| Value::default_of(User::Root)),
            cpus: limit(pick.value("cpus", cpus)),
            memory: limit(pick.value("memory", memory)),
            gpus: limit(pick.value("gpus", gpus)),
            ports: pick
                .value_by("ports", |text, origin| {
                    ports::parse(text, Author::of(origin) == Author::User)
                })
                .unwrap_or_else(|| Value::default_of(Vec::new())),
            env: strongest_of_each(pick.all("env", |text, origin| env(text, Author::of(origin)))),
            run_args: pick
                .value("run_args", run_args::parse)
                .unwrap_or_else(|| Value::default_of(Vec::new())),
            sandbox: pick
                .value("sandbox", values::yes_or_no)
                .unwrap_or_else(|| Value::default_of(false)),
            allow: pick
                .value_by("allow", |text, origin| allow(text, Author::of(origin)))
                .unwrap_or_else(|| Value::default_of(EgressPolicy::default())),
            save_every: pick
                .value("save_every", seconds)
                .unwrap_or_else(|| Value::default_of(SAVE_EVERY)),
            save_limit: pick
                .value("save_limit", size)
                .unwrap_or_else(|| Value::default_of(SAVE_LIMIT)),
        }
    }
}

/// Of `save_every`, in seconds.
const SAVE_EVERY: u32 = 30;
/// Of `save_limit`, in bytes.
const SAVE_LIMIT: u64 = 100 << 20;
/// The longest time between saves: a day.
const LONGEST: u32 = 24 * 60 * 60;

fn seconds(text: &str) -> Result<u32, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST);
    let seconds = seconds.filter(|_| text.chars().all(|c| c.is_ascii_digit()));
    seconds.ok_or_else(|| format!("`{text}` is not a number of seconds up to {LONGEST}"))
}

/// Bytes, as engines write amounts of memory.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| "bkmgBKMG".contains(c));
    let shift = match text
        .strip_prefix(digits)
        .unwrap_or_default()
        .to_lowercase()
        .as_str()
    {
        "" | "b" => Some(0),
        "k" => Some(10),
        "m" => Some(20),
        "g" => Some(30),
        _ => None,
    };
    let number = digits
        .parse::<u64>()
        .ok()
        .filter(|_| digits.chars().all(|c| c.is_ascii_digit()));
    let bytes = shift.and_then(|shift| number?.checked_mul(1 << shift));
    bytes.ok_or_else(|| format!("`{text}` is not a size, such as 500m or 2g"))
}

impl ContainerConf {
    /// Who runs in it: nobody has said so in a sandbox, and it is not root.
    pub(crate) fn user(&self) -> User {
        match (&self.user.origin, self.sandbox.value) {
            (ValueOrigin::Default, true) => User::Agent,
            _ => self.user.value.clone(),
        }
    }
}

/// Words of a repository cannot lead to this machine or to the networks around it.
fn allow(text: &str, author: Author) -> Result<EgressPolicy, String> {
    let mut words = split_words(text)?;
    if words == ["none"] {
        words.clear();
    }
    // One problem of a setting is told, as everywhere.
    let policy = EgressPolicy::new(&words).map_err(|mut wrong| wrong.swap_remove(0))?;
    match (author, policy.own_word()) {
        (Author::User, _) => Ok(policy),
        (Author::Repository, None) => Ok(policy.of_repository()),
        (Author::Repository, Some(word)) => Err(format!(
            "no repository lets a container reach `{word}`, an address of yours: --allow, DKR_ALLOW or git config \
             dkr.allow does"
        )),
    }
}

fn network(text: &str, author: Author) -> Result<Network, String> {
    match Network::parse(text) {
        Some(Network::Host) if author == Author::Repository => Err(
            "no repository chooses the host's network: --network host, DKR_NETWORK or git config dkr.network does"
                .to_owned(),
        ),
        Some(network) => Ok(network),
        None => Err(format!("`{text}` is none of `bridge`, `host`, `none`")),
    }
}

/// The largest that engines take.
const MAX_UID: u32 = i32::MAX as u32;

fn user(text: &str) -> Result<User, String> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match text {
        "root" => Ok(User::Root),
        "agent" => Ok(User::Agent),
        "host" => Ok(User::Host),
        _ if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) => {
            match text.parse().ok().filter(|uid| *uid <= MAX_UID) {
                Some(0) => Ok(User::Root),
                Some(uid) => Ok(User::Uid(uid)),
                None => Err(format!("`{text}` is not a uid: the largest is {MAX_UID}")),
            }
        }
        _ if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(word)
            && text.len() <= 32 =>
        {
            Ok(User::Name(text.to_owned()))
        }
        _ => Err(format!(
            "`{text}` is not a user: expected root, agent, host, a uid, or the name of an account of the image"
        )),
    }
}

fn cpus(text: &str) -> Result<Option<String>, String> {
    if text == "none" {
        return Ok(None);
    }
    let shape = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    match text.parse::<f64>() {
        Ok(number) if shape && number > 0.0 => Ok(Some(text.to_owned())),
        _ => Err(format!(
            "`{text}` is not a number of processors, such as 2 or 1.5"
        )),
    }
}

fn memory(text: &str) -> Result<Option<String>, String> {
    if text == "none" {
        return Ok(None);
    }
    let unit = |c: char| "bkmgBKMG".contains(c);
    let digits = text.strip_suffix(unit).unwrap_or(text);
    match digits.parse::<u64>() {
        Ok(1..) if digits.chars().all(|c| c.is_ascii_digit()) => Ok(Some(text.to_lowercase())),
        _ => Err(format!(
            "`{text}` is not an amount of memory, such as 512m or 4g"
        )),
    }
}

fn gpus(text: &str) -> Result<Option<String>, String> {
    let device = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_');
    let fits = match text.strip_prefix("device=") {
        Some(list) => list
            .split(',')
            .all(|name| !name.is_empty() && name.chars().all(device)),
        None => text == "all" || text.parse::<u8>().is_ok_and(|count| count > 0),
    };
    match text {
        "none" => Ok(None),
        _ if fits => Ok(Some(text.to_owned())),
        _ => Err(format!(
            "`{text}` is neither `all`, nor a number of GPUs, nor `device=` and their ids"
        )),
    }
}

/// Words. What is said of one that is wrong has no value in it.
fn env(text: &str, author: Author) -> Result<Vec<EnvVar>, String> {
    split_words(text)?
        .into_iter()
        .map(|word| variable(&word, author))
        .collect()
}

fn variable(word: &str, author: Author) -> Result<EnvVar, String> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !fits {
        return Err(format!("`{name}` is not the name of a variable"));
    }
    if name.starts_with("DKR_") {
        return Err(format!(
            "`{name}` is git dkr's own: variables of other names can be given"
        ));
    }
    match value {
        Some(value) => Ok(EnvVar::Set(name.to_owned(), value.to_owned())),
        None if author == Author::Repository => Err(format!(
            "no repository takes a variable out of your environment: write {name}=VALUE; --env {name}, DKR_ENV or \
             git config dkr.env passes yours on"
        )),
        None => Ok(EnvVar::Passed(name.to_owned())),
    }
}

/// Of values from the weakest to the strongest, the last of each name, in the order of the first.
fn strongest_of_each(values: Vec<Value<Vec<EnvVar>>>) -> Vec<Value<EnvVar>> {
    let mut all: Vec<Value<EnvVar>> = Vec::new();
    for Value { value, origin } in values {
        for value in value {
            let origin = origin.clone();
            let new = Value { value, origin };
            match all
                .iter_mut()
                .find(|old| old.value.name() == new.value.name())
            {
                Some(old) => *old = new,
                None => all.push(new),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Conf, Sources};

    fn file(text: &str) -> String {
        match Conf::read(Some(text), &Sources::default()) {
            Ok(conf) => format!("{:?}", conf.container),
            Err(problems) => problems.to_string(),
        }
    }

    fn user_s(name: &str, text: &str) -> Result<ContainerConf, String> {
        let env = [(format!("DKR_{}", name.to_uppercase()), text.to_owned())];
        let conf = Conf::read(None, &Sources::new(env, []));
        conf.map(|conf| conf.container)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        insta::assert_snapshot!(file(concat!(
            "network = wifi\n",
            "user = a b\n",
            "cpus = 0\n",
            "memory = 4 GB\n",
            "gpus = some\n",
            "ports = 3000 80:web\n",
            "env = A=b 1C=secret\n",
        )), @r"
        .dkr.conf:1:11: `wifi` is none of `bridge`, `host`, `none`
        .dkr.conf:2:8: `a b` is not a user: expected root, agent, host, a uid, or the name of an account of the image
        .dkr.conf:3:8: `0` is not a number of processors, such as 2 or 1.5
        .dkr.conf:4:10: `4 GB` is not an amount of memory, such as 512m or 4g
        .dkr.conf:5:8: `some` is neither `all`, nor a number of GPUs, nor `device=` and their ids
        .dkr.conf:6:9: `80:web` is not a port: expected 3000, 8080:80 or 127.0.0.1:8080:80, and /udp if wanted
        .dkr.conf:7:7: `1C` is not the name of a variable
        ");
        insta::assert_snapshot!(file("run_args = --privileged\n"));
    }

    #[test]
    fn a_repository_widens_nothing() {
        insta::assert_snapshot!(file(concat!(
            "network = host\n",
            "ports = 0.0.0.0:80:80\n",
            "env = GH_TOKEN\n",
        )), @r"
        .dkr.conf:1:11: no repository chooses the host's network: --network host, DKR_NETWORK or git config dkr.network does
        .dkr.conf:2:9: no repository opens a port to the network (0.0.0.0:80:80): --publish, DKR_PORTS or git config dkr.ports does
        .dkr.conf:3:7: no repository takes a variable out of your environment: write GH_TOKEN=VALUE; --env GH_TOKEN, DKR_ENV or git config dkr.env passes yours on
        ");
    }

    #[test]
    fn users_and_limits() {
        let user = |text| user_s("user", text).map(|conf| conf.user.value);
        assert_eq!(user("0"), Ok(User::Root));
        assert_eq!(user("1234"), Ok(User::Uid(1234)));
        assert_eq!(user("node"), Ok(User::Name("node".into())));
        for bad in ["99999999999", "1000:1000", "-u", "a/b", "$x"] {
            assert!(user(bad).is_err(), "{bad}");
        }
        for (name, good) in [
            ("cpus", "1.5"),
            ("cpus", ".5"),
            ("memory", "512m"),
            ("gpus", "device=0,GPU-1f"),
            ("gpus", "2"),
        ] {
            assert!(user_s(name, good).is_ok(), "{good}");
        }
        for (name, bad) in [
            ("cpus", "-1"),
            ("cpus", "inf"),
            ("cpus", "1e3"),
            ("memory", "0"),
            ("memory", "-5m"),
            ("memory", "m"),
            ("gpus", "0"),
            ("gpus", "device="),
            ("gpus", "device=0 --privileged"),
        ] {
            assert!(user_s(name, bad).is_err(), "{bad}");
        }
    }

    /// Unlike other lists: what a repository says and what a user passes on are seldom the same.
    #[test]
    fn variables_of_all_sources_come_together() {
        let git = [("dkr.env".to_owned(), "TOKEN LEVEL=git".to_owned())];
        let sources =
            Sources::new([], git).with_container_flag("env", "LEVEL=flag".into(), "--env");
        let conf = Conf::read(Some("env = LEVEL=file \"A=b c\"\n"), &sources).unwrap();
        let all: Vec<String> = conf
            .container
            .env
            .iter()
            .map(|value| format!("{:?} of {}", value.value, value.origin))
            .collect();
        assert_eq!(
            all,
            [
                "Set(\"LEVEL\", \"flag\") of --env",
                "Set(\"A\", \"b c\") of .dkr.conf:1:7",
                "Passed(\"TOKEN\") of git config dkr.env",
            ]
        );
        // What a create keeps in a label has none of it.
        assert!(sources.flags().is_empty());
    }
}

//! What a container may reach: the words of the setting `allow`, and what follows from them. Pure.

use std::net::IpAddr;

use super::address_kind::AddressKind;
use super::groups::{self, GROUPS};
use super::host::{HostName, HostPort, split};
use crate::suggest;

/// The ports of an entry that names none.
const USUAL_PORTS: [u16; 2] = [443, 80];

/// What a container may reach. Nothing that is not named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    words: Vec<AllowWord>,
    /// Whether the user has said so, and not a repository.
    is_users: bool,
}

/// A word and what it allows: several hosts where it is a group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowWord {
    text: String,
    entries: Vec<AllowEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowEntry {
    hosts: HostPattern,
    /// The usual ones when there is none.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    One(HostName),
    /// All names below this one, which is not among them.
    Below(String),
}

/// Which addresses an allowed host may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressScope {
    /// Those of the internet.
    Public,
    /// Those of private networks, too: the entry names one host and one port.
    Private,
    /// This machine's own: `localhost` is named.
    Loopback,
    /// The one that is named, whatever it is for.
    Named,
}

impl AddressScope {
    /// What the address is for, if it may not be connected to.
    pub(super) fn refuses(self, address: IpAddr) -> Option<AddressKind> {
        let kind = AddressKind::of(address);
        let permitted = match self {
            Self::Public => kind == AddressKind::Public,
            Self::Private => matches!(kind, AddressKind::Public | AddressKind::Private),
            Self::Loopback => kind == AddressKind::Loopback,
            Self::Named => true,
        };
        (!permitted).then_some(kind)
    }
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressDenial {
    /// A sentence without its full stop.
    pub reason: String,
    /// The word that `allow` would have to hold, if one would help.
    pub word: Option<String>,
    /// Whether no repository may say that word.
    pub is_users: bool,
}

impl EgressDenial {
    /// One that no word of `allow` can change.
    pub(super) fn of_request(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            word: None,
            is_users: false,
        }
    }
}

impl EgressPolicy {
    /// Reads the words of a user; says of each one that is wrong what is.
    pub fn new(words: &[String]) -> Result<Self, Vec<String>> {
        let (mut read, mut wrong) = (Vec::new(), Vec::new());
        for word in words {
            let text = word.clone();
            match entries_of(word) {
                Ok(entries) => read.push(AllowWord { text, entries }),
                Err(why) => wrong.push(why),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Self {
            words: read,
            is_users: true,
        })
    }

    /// The words, as they were written.
    pub fn words(&self) -> Vec<&str> {
        self.words.iter().map(|word| word.text.as_str()).collect()
    }

    /// A word that names an address, this machine, or a host that only a network of one's own has.
    pub fn own_word(&self) -> Option<&str> {
        let mut words = self.words.iter();
        let own = words.find(|word| word.entries.iter().any(AllowEntry::is_own))?;
        Some(&own.text)
    }

    /// The same words of a repository: no name may have an address of a private network.
    #[must_use]
    pub fn of_repository(mut self) -> Self {
        self.is_users = false;
        self
    }

    /// Whether the user made it, and not a repository.
    pub fn is_of_user(&self) -> bool {
        self.is_users
    }

    /// Whether this may be asked for, and which addresses it may have.
    pub fn decide(&self, target: &HostPort) -> Result<AddressScope, EgressDenial> {
        let entries = self.words.iter().flat_map(|word| &word.entries);
        let scopes = entries.filter_map(|entry| entry.scope(target));
        let widest = |one: AddressScope, other: AddressScope| match one {
            AddressScope::Public => other,
            wider => wider,
        };
        let scope = scopes.reduce(widest).map(|scope| match self.is_users {
            true => scope,
            false => AddressScope::Public,
        });
        scope.ok_or_else(|| {
            let word = word_for(target);
            EgressDenial {
                reason: "`allow` does not name it".to_owned(),
                is_users: entries_of(&word)
                    .is_ok_and(|entries| entries.iter().any(AllowEntry::is_own)),
                word: Some(word),
            }
        })
    }

    /// The denial of an address that an allowed host has.
    pub(super) fn address_denial(
        target: &HostPort,
        address: IpAddr,
        kind: AddressKind,
    ) -> EgressDenial {
        let is_private = kind == AddressKind::Private;
        EgressDenial {
            reason: format!("it has {}, {address}", kind.name()),
            word: is_private.then(|| target.to_string()),
            is_users: is_private,
        }
    }

    /// What would allow this, too: a sentence, and in short what needs the word.
    pub(super) fn advice(&self, denial: &EgressDenial) -> Option<(String, &'static str)> {
        let word = denial.word.as_deref()?;
        let mut words = self.words();
        // It may stand in a repository's words, to which it is of no use.
        if !words.contains(&word) {
            words.push(word);
        }
        let words = words.join(" ");
        // What a user has said takes the place of what a repository says.
        Some(if denial.is_users || self.is_users {
            let quoted = shlex::try_quote(&words).ok()?;
            let option = format!("This option of start-image would allow it: --allow {quoted}");
            (option, "--allow")
        } else {
            let line = format!("This line of .dkr.conf would allow it: allow = {words}");
            (line, "allow in .dkr.conf")
        })
    }
}

impl AllowEntry {
    fn is_own(&self) -> bool {
        match &self.hosts {
            HostPattern::One(HostName::Ip(_)) => true,
            HostPattern::One(host) => host.is_localhost() || host.is_single_label(),
            HostPattern::Below(_) => false,
        }
    }

    fn scope(&self, target: &HostPort) -> Option<AddressScope> {
        let port_fits = match self.port {
            Some(port) => port == target.port,
            None => USUAL_PORTS.contains(&target.port),
        };
        if !port_fits {
            return None;
        }
        match (&self.hosts, &target.host) {
            (HostPattern::One(one), host) if one == host => Some(match host {
                HostName::Ip(_) => AddressScope::Named,
                host if host.is_localhost() => AddressScope::Loopback,
                _ if self.port.is_some() => AddressScope::Private,
                _ => AddressScope::Public,
            }),
            (HostPattern::Below(top), HostName::Dns(name)) => name
                .strip_suffix(top.as_str())
                .is_some_and(|rest| rest.ends_with('.'))
                .then_some(AddressScope::Public),
            _ => None,
        }
    }
}

/// The shortest word that allows it.
fn word_for(target: &HostPort) -> String {
    if !USUAL_PORTS.contains(&target.port) || target.host.is_single_label() {
        return target.to_string();
    }
    let holds = |group: &&groups::HostGroup| {
        let mut entries = group.hosts.iter().filter_map(|host| entry_of(host).ok());
        entries.any(|entry| entry.scope(target).is_some())
    };
    match GROUPS.iter().find(holds) {
        Some(group) => group.name.to_owned(),
        None => target.host.to_string(),
    }
}

fn entries_of(word: &str) -> Result<Vec<AllowEntry>, String> {
    if let Some(group) = groups::group(word) {
        return group.hosts.iter().map(|host| entry_of(host)).collect();
    }
    let entry = entry_of(word)?;
    match &entry {
        // No host of the internet is called so: it is meant to be a group.
        AllowEntry {
            hosts: HostPattern::One(host),
            port: None,
        } if host.is_single_label() => Err(no_group(word)),
        _ => Ok(vec![entry]),
    }
}

fn no_group(word: &str) -> String {
    let names = GROUPS.map(|group| group.name);
    let meant = match suggest::nearest(word, &names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("groups are {}", names.join(", ")),
    };
    format!("`{word}` is neither a group nor a host with a dot or a port: {meant}")
}

fn entry_of(word: &str) -> Result<AllowEntry, String> {
    if word.contains('/') {
        let shown = word.escape_default();
        return Err(format!(
            "`{shown}` is not a host: expected the name alone, as in api.example.com"
        ));
    }
    // An address of IPv6 needs no brackets where there is no port.
    if let Ok(address) = word.parse::<IpAddr>() {
        let hosts = HostPattern::One(HostName::Ip(address.to_canonical()));
        return Ok(AllowEntry { hosts, port: None });
    }
    let (host, port) = split(word)?;
    let hosts = match host.strip_prefix("*.") {
        None if host == "*" => {
            return Err("`*` would allow every host: name those that are needed".to_owned());
        }
        None => HostPattern::One(HostName::parse(host)?),
        Some(top) => match HostName::parse(top)? {
            HostName::Dns(name) => HostPattern::Below(name),
            HostName::Ip(_) => return Err(format!("`{word}`: nothing is below an address")),
        },
    };
    Ok(AllowEntry { hosts, port })
}

#[cfg(test)]
mod tests;

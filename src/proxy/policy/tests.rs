use proptest::prelude::*;

use super::*;

fn policy(words: &str) -> EgressPolicy {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    EgressPolicy::new(&words).unwrap()
}

fn decide(words: &str, target: &str) -> Option<AddressScope> {
    policy(words)
        .decide(&HostPort::parse(target, None).unwrap())
        .ok()
}

#[test]
fn what_words_allow() {
    use AddressScope::*;
    for (words, target, scope) in [
        ("", "example.com:443", None),
        ("example.com", "example.com:443", Some(Public)),
        ("example.com", "example.com:80", Some(Public)),
        ("example.com", "EXAMPLE.com.:443", Some(Public)),
        ("Example.COM.", "example.com:443", Some(Public)),
        ("example.com", "example.com:22", None),
        ("example.com", "a.example.com:443", None),
        ("example.com", "notexample.com:443", None),
        ("example.com", "example.com.evil.example:443", None),
        ("*.example.com", "a.example.com:443", Some(Public)),
        ("*.example.com", "a.b.example.com:443", Some(Public)),
        ("*.example.com", "example.com:443", None),
        ("*.example.com", "aexample.com:443", None),
        ("*.example.com:8443", "a.example.com:8443", Some(Public)),
        ("*.example.com:8443", "a.example.com:443", None),
        ("registry.corp:5000", "registry.corp:5000", Some(Private)),
        ("registry.corp:5000", "registry.corp:443", None),
        ("registry:5000", "registry:5000", Some(Private)),
        ("a.example a.example:443", "a.example:443", Some(Private)),
        ("a.example:443 a.example", "a.example:443", Some(Private)),
        ("localhost", "localhost:80", Some(Loopback)),
        ("localhost:8080", "localhost.:8080", Some(Loopback)),
        ("localhost:8080", "localhost:8081", None),
        ("localhost:8080", "127.0.0.1:8080", None),
        ("localhost:8080", "[::1]:8080", None),
        ("*.localhost", "a.localhost:80", Some(Public)),
        ("127.0.0.1:8080", "127.0.0.1:8080", Some(Named)),
        ("127.0.0.1:8080", "[::ffff:127.0.0.1]:8080", Some(Named)),
        ("127.0.0.1:8080", "localhost:8080", None),
        ("10.1.2.3", "10.1.2.3:443", Some(Named)),
        ("10.1.2.3", "10.1.2.4:443", None),
        ("::1", "[::1]:80", Some(Named)),
        ("[fd00::1]:8080", "[fd00:0::1]:8080", Some(Named)),
        ("npm", "registry.npmjs.org:443", Some(Public)),
        ("npm", "pypi.org:443", None),
        ("npm pypi", "pypi.org:443", Some(Public)),
        ("ubuntu", "de.archive.ubuntu.com:80", Some(Public)),
    ] {
        assert_eq!(decide(words, target), scope, "{words} {target}");
    }
}

#[test]
fn words_that_are_none() {
    for (word, told) in [
        (
            "*",
            "`*` would allow every host: name those that are needed",
        ),
        (
            "debain",
            "`debain` is neither a group nor a host with a dot or a port: did you mean `debian`?",
        ),
        (
            "https://example.com/x",
            "`https://example.com/x` is not a host: expected the name alone, as in api.example.com",
        ),
        (
            "bücher.example",
            "`b\\u{fc}cher.example` is not ASCII; write the name in its `xn--` form",
        ),
        (
            "127.1",
            "`127.1` is not a host: an address has four decimal numbers",
        ),
        ("*.127.0.0.1", "`*.127.0.0.1`: nothing is below an address"),
        ("a.*.example", "`a.*.example` is not the name of a host"),
        ("*example.com", "`*example.com` is not the name of a host"),
        ("example.com:", "`example.com:` has no port behind its host"),
        (
            "example.com:0",
            "`example.com:0` has no port behind its host",
        ),
        ("*.*", "`*` is not the name of a host"),
        ("", "`` is not the name of a host"),
    ] {
        let policy = EgressPolicy::new(&[word.to_owned()]);
        assert_eq!(policy, Err(vec![told.to_owned()]));
    }
    let both = EgressPolicy::new(&["*".to_owned(), "npm".to_owned(), "127.1".to_owned()]);
    assert_eq!(both.unwrap_err().len(), 2);
}

#[test]
fn a_denial_says_what_would_allow_it() {
    const LINE: &str = "This line of .dkr.conf would allow it: allow = ";
    const OPTION: &str = "This option of start-image would allow it: --allow ";
    let nobodys = EgressPolicy::default;
    for (policy, target, before, words) in [
        (nobodys(), "example.com:443", LINE, "example.com"),
        (
            policy("npm a.example").of_repository(),
            "example.com:8443",
            LINE,
            "npm a.example example.com:8443",
        ),
        (
            policy("npm").of_repository(),
            "files.pythonhosted.org:443",
            LINE,
            "npm pypi",
        ),
        // It would be of no use in .dkr.conf.
        (policy("npm"), "example.com:443", OPTION, "npm example.com"),
        (policy(""), "example.com:443", OPTION, "example.com"),
        (nobodys(), "[::1]:80", OPTION, "[::1]"),
        (nobodys(), "localhost:5432", OPTION, "localhost:5432"),
        (
            policy("npm").of_repository(),
            "10.0.0.7:443",
            OPTION,
            "npm 10.0.0.7",
        ),
    ] {
        let target = HostPort::parse(target, None).unwrap();
        let denial = policy.decide(&target).unwrap_err();
        let (told, _) = policy.advice(&denial).unwrap();
        let said = told
            .strip_prefix(before)
            .unwrap_or_else(|| panic!("{told}"));
        assert_eq!(shlex::split(said).unwrap().join(" "), words);
        // It keeps what it promises.
        assert!(decide(words, &target.to_string()).is_some());
    }
}

#[test]
fn groups_are_well_formed() {
    for group in GROUPS {
        let entries = entries_of(group.name).unwrap();
        assert_eq!(entries.len(), group.hosts.len());
        assert!(entries.iter().all(|entry| entry.port.is_none()));
    }
}

#[test]
fn which_addresses() {
    use AddressScope::*;
    let refused = |scope: AddressScope| {
        [
            "8.8.8.8",
            "10.0.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
        ]
        .into_iter()
        .filter(|address| scope.refuses(address.parse().unwrap()).is_some())
        .collect::<Vec<_>>()
        .join(" ")
    };
    assert_eq!(
        refused(Public),
        "10.0.0.1 127.0.0.1 169.254.169.254 0.0.0.0 ::1 fe80::1 fd00::1"
    );
    assert_eq!(
        refused(Private),
        "127.0.0.1 169.254.169.254 0.0.0.0 ::1 fe80::1"
    );
    assert_eq!(
        refused(Loopback),
        "8.8.8.8 10.0.0.1 169.254.169.254 0.0.0.0 fe80::1 fd00::1"
    );
    assert_eq!(refused(Named), "");
}

proptest! {
    /// Nothing but the name itself gets through, however it is spelled.
    #[test]
    fn only_what_is_named(text in "[a-zA-Z0-9.*_-]{1,20}(:[0-9]{1,5})?") {
        let policy = policy("allowed.example *.below.example");
        if let Ok(target) = HostPort::parse(&text, Some(443)) {
            let name = target.host.to_string();
            let named = name == "allowed.example" || name.ends_with(".below.example");
            prop_assert_eq!(policy.decide(&target).is_ok(), named && matches!(target.port, 80 | 443));
        }
    }

    /// The line of a denial allows what was denied.
    #[test]
    fn the_line_helps(text in "[a-z0-9]{1,5}(\\.[a-z]{1,5}){0,2}(:[0-9]{1,5})?") {
        if let Ok(target) = HostPort::parse(&text, Some(443)) {
            let word = policy("").decide(&target).unwrap_err().word.unwrap();
            let policy = EgressPolicy::new(std::slice::from_ref(&word)).unwrap();
            prop_assert!(policy.decide(&target).is_ok(), "{}", word);
        }
    }
}

//! A container that is shut off, from the inside.

use super::tls_server::TlsServer;
use crate::common::dkr::outcome;
use crate::common::engine::Lab;

/// The proxy, also for names that curl would take for the container's own.
const THROUGH: &str = "curl --silent --show-error --noproxy '' --proxy http://127.0.0.1:3128";

#[test]
fn nothing_answers_but_what_is_allowed() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let server = TlsServer::start(&lab);
    let (allowed, port) = (format!("localhost:{}", server.port), server.port);
    let script = format!(
        "exec 2>&1
        {THROUGH} https://{allowed}/
        {THROUGH} https://example.com/
        {THROUGH} http://example.com/
        {THROUGH} --connect-to other.example:443:{allowed} https://other.example/ && echo spoofed
        {THROUGH} https://127.0.0.1:{port}/ && echo reached
        {THROUGH} http://169.254.169.254/latest/meta-data/
        for address in 127.0.0.1/{port} 169.254.169.254/80 192.0.2.1/80; do
            timeout 5 bash -c \": </dev/tcp/$address\" && echo reached
        done
        timeout 5 getent hosts example.com && echo resolved
        perl -e 'use Socket; socket(S, PF_INET, SOCK_RAW, 1) and print \"raw\\n\"'
        timeout 5 bash -c ': </dev/udp/192.0.2.1/53' && echo sent
        grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs)' /proc/self/status
        sed 1,2d /proc/net/dev | wc -l"
    );
    let options = [
        "--sandbox",
        "--user=agent",
        &format!("--allow={allowed}"),
        &format!("--ca-bundle={}", server.authority.display()),
        &format!("--hostname={}", lab.host),
    ];
    let said = lab.start(&repo, &options, &script).ok().stdout;
    assert!(said.starts_with("hello\n"), "{said}");
    for expected in [
        "git dkr refused GET example.com",
        &format!("This option of start-image would allow it: --allow '{allowed} example.com'"),
        "169.254.169.254",
        "CapEff:\t0000000000000000\n",
        "CapPrm:\t0000000000000000\n",
        "CapBnd:\t0000000000000000\n",
        "NoNewPrivs:\t1\n",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    for never in ["spoofed", "reached", "resolved", "raw\n", "sent\n"] {
        assert!(!said.contains(never), "{never}: {said}");
    }
    assert!(said.ends_with("\n1\n"), "{said}");
    let log = repo
        .path
        .join(".git/dkr/log")
        .join(format!("{}.log", lab.host));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains(&format!("allowed CONNECT {allowed} ")),
        "{log}"
    );
    assert!(log.contains("denied CONNECT example.com:443 "), "{log}");
}

#[test]
fn work_comes_back_from_a_sandbox() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    repo.commit("News", &[("news", "1")]);
    let script =
        "test -e news && git commit --quiet --allow-empty -m Work && git push --quiet && id -u";
    let host = format!("--hostname={}", lab.host);
    let options = ["--sandbox", "--name=work", "--no-update", &host];
    let outcome = lab.start(&repo, &options, script).ok();
    assert_eq!(outcome.stdout, "1000\n");
    outcome.says("sandbox  reaches nothing but the repository");
    assert_eq!(
        repo.git(["log", "-1", "--format=%s", &lab.pushed_work(&repo)]),
        "Work"
    );
}

#[test]
fn the_key_of_an_agent_stays_on_the_host() {
    const KEY: &str = "sk-ant-of-this-test-alone";
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let server = TlsServer::start(&lab);
    let key = lab.file("key", format!("{KEY}\n"));
    // In two parts, so that it does not find itself.
    let (first, second) = KEY.split_at(10);
    let script = format!(
        "curl --silent --show-error --header \"x-api-key: $ANTHROPIC_AUTH_TOKEN\" $ANTHROPIC_BASE_URL/v1/messages
        key={first}; key=${{key}}{second}
        echo $CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC
        grep -rsl -e \"$key\" /proc/[0-9]*/environ /run /etc /root /home /tmp /workspace && echo found
        env | grep -c -e \"$key\""
    );
    let mut command = lab.dkr_command(
        &repo.path,
        [
            "start-image",
            "--sandbox",
            &format!("--anthropic-key={}", key.display()),
            &format!("--ca-bundle={}", server.authority.display()),
            "--",
            "sh",
            "-c",
            &script,
        ],
    );
    command.env(
        "ANTHROPIC_BASE_URL",
        format!("https://localhost:{}", server.port),
    );
    let said = outcome(&mut command).exits(1).stdout;
    assert_eq!(said, "hello\n1\n0\n");
    let asked = server.asked();
    assert!(asked.contains("GET /v1/messages HTTP/1.1"), "{asked}");
    assert!(asked.contains(&format!("x-api-key: {KEY}")), "{asked}");
}

#[test]
fn what_would_lead_out_is_refused_before_anything_starts() {
    let Some(lab) = Lab::with_fake_engine() else {
        return;
    };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let start = |options: &[&str]| {
        lab.start(&repo, &[&["--sandbox"], options].concat(), "true")
            .fails()
    };
    start(&["--network=bridge"]).says("a sandbox has no network, and --network asks for bridge");
    start(&["--allow=npmm"]).says("did you mean `npm`?");
    repo.commit("Settings", &[(".dkr.conf", "allow = localhost:5432\n")]);
    let created = lab.dkr(&repo.path, ["create-image"]).fails();
    created.says("no repository lets a container reach `localhost:5432`");
    repo.commit("Settings", &[(".dkr.conf", "volumes = /tmp:/tmp\n")]);
    lab.create(&repo, &[]);
    start(&[]).says(".dkr.conf:1:11 mounts a directory of this machine into a sandbox: /tmp:/tmp");
}

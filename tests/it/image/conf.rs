//! `.dkr.conf` and the network of a company, as seen in the image and in the container.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::common::dkr::outcome;
use crate::common::engine::{Lab, VERIFY_PACKAGES};
use crate::common::run;

#[test]
fn sections_run_around_the_clone() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf(concat!(
        "# nothing but sections\n",
        "[pre_clone]\n",
        "ENV PRE=\"one two\"\n",
        "RUN test ! -e /workspace && echo \"$PRE\" > /pre\n",
        "[post_clone]\n",
        "RUN test \"$(cat /pre)\" = \"one two\" && cat a > post && \\\n",
        "    # a comment inside\n",
        "    pwd >> post\n",
    ));
    let image = lab.create(&repo, &[]);
    assert_eq!(image.sh("cat post /pre"), "1\n/workspace\none two");
}

/// Engines from 23 on know them. An older one must not be left alone with its "unknown
/// instruction".
#[test]
fn a_here_document_works_or_is_refused_with_advice() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN <<END\necho here > /here\nEND\n");
    let outcome = lab.dkr(&repo.path, ["create-image"]);
    if outcome.code == Some(0) {
        assert_eq!(lab.image(&outcome).sh("cat /here"), "here");
    } else {
        outcome.fails();
    }
}

#[test]
fn packages_are_installed_and_nothing_else_stays_of_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("packages = make 'tree'\n");
    let image = lab.create(&repo, &[]);
    assert_eq!(
        image.sh("command -v make; command -v tree"),
        "/usr/bin/make\n/usr/bin/tree"
    );
    assert_eq!(
        image.sh(&format!(
            "find /var/lib/apt/lists -type f; find / -name '*.deb'; {VERIFY_PACKAGES}"
        )),
        ""
    );
}

#[test]
fn the_base_image_of_the_file_unless_somebody_stronger_says_otherwise() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("base_image = file:1\n");
    let from = |variable: Option<&str>| {
        let mut command = lab.dkr_command(&repo.path, ["create-image", "--print-dockerfile"]);
        command.env_remove("DKR_BASE_IMAGE");
        command.envs(variable.map(|value| ("DKR_BASE_IMAGE", value)));
        let text = run(&mut command);
        let line = text.lines().find(|line| line.starts_with("FROM ")).unwrap();
        line.to_owned()
    };
    assert_eq!(from(None), "FROM file:1");
    repo.git(["config", "dkr.baseImage", "config:1"]);
    assert_eq!(from(None), "FROM config:1");
    assert_eq!(from(Some("variable:1")), "FROM variable:1");
}

#[test]
fn without_a_file_the_defaults_hold() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let mut command = lab.dkr_command(&repo.path, ["create-image", "--print-dockerfile"]);
    command
        .env_remove("DKR_BASE_IMAGE")
        .env_remove("DKR_CACHES");
    let text = run(&mut command);
    assert!(text.contains("\nFROM fedora:43\n"), "{text}");
    assert!(text.contains("/root/.bazelrc"), "{text}");
}

#[test]
fn caches_are_told_to_their_tools() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("caches = bazel ccache go\n");
    let mut command = lab.dkr_command(&repo.path, ["create-image"]);
    let image = lab.image(&outcome(command.env_remove("DKR_CACHES")).ok());
    assert_eq!(
        image.sh("cat /root/.bazelrc; echo $CCACHE_DIR $GOCACHE"),
        "build --disk_cache=/bazel-cache\n/ccache-cache /go-cache/build"
    );
}

#[test]
fn the_file_is_read_at_the_commit_that_is_baked() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("old", "main")
        .conf("[post_clone]\nRUN touch /old\n");
    repo.branch("new", "main")
        .conf("[post_clone]\nRUN touch /new\n");
    let image = lab.create(&repo, &["old"]);
    assert_eq!(image.sh("ls -d /old /new 2>/dev/null || true"), "/old");
}

#[test]
fn proxies_reach_the_steps_and_are_not_baked() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    // The packages first, as they cannot be had through a proxy that does not exist.
    lab.create(&repo, &[]);
    let proxy = "http://me:s3cret@127.0.0.1:9";
    repo.conf("[post_clone]\nRUN test -n \"$HTTPS_PROXY\"\n");
    let with_proxy = |args: &[&str]| {
        let mut command = lab.dkr_command(&repo.path, args);
        outcome(command.env("HTTPS_PROXY", proxy)).ok()
    };
    let image = lab.image(&with_proxy(&["create-image"]));
    let history = lab.docker(&["history", "--no-trunc", &image.tag]);
    for text in [history, image.value.to_string()] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(!image.layers_unpacked().hold("s3cret"));
    // A container has it, and no command line did.
    let printed = with_proxy(&["start-image", "--", "printenv", "HTTPS_PROXY"]);
    assert_eq!(printed.stdout.trim_end(), proxy);
    let shown = with_proxy(&["-v", "start-image", "--", "true"]);
    shown.never_says("s3cret");
}

#[test]
fn a_ca_bundle_is_there_in_the_build_and_in_the_container_and_does_not_stay() {
    let Some(lab) = Lab::new() else { return };
    let (repo, ca) = (lab.repo(), Authority::new(&lab));
    let server = ca.serve(&lab);
    repo.conf(&format!(
        "[post_clone]\nRUN curl -fsS -o /page {}\n",
        server.url
    ));
    lab.dkr(&repo.path, ["create-image"])
        .fails()
        .says("certificate");

    let bundle = ca.certificate.to_str().unwrap();
    let image = lab.create(&repo, &["--ca-bundle", bundle]);
    assert!(!image.sh("cat /page").is_empty());
    assert!(!image.layers_unpacked().hold(&ca.line()));
    image.sh(&format!("! curl -fsS {}", server.url));

    let fetch = format!(
        "curl -fsS -o /dev/null {} && git config --get http.sslCAInfo; echo $SSL_CERT_FILE",
        server.url
    );
    let outcome = lab.start(&repo, &["--ca-bundle", bundle], &fetch).ok();
    assert!(outcome.stdout.ends_with(".pem\n"), "{outcome:?}");
    outcome.never_says("certificate");
}

#[test]
fn a_ca_bundle_is_installed_when_asked_for() {
    let Some(lab) = Lab::new() else { return };
    let (repo, ca) = (lab.repo(), Authority::new(&lab));
    let server = ca.serve(&lab);
    repo.conf("ca_bundle = install\n");
    repo.git(["config", "dkr.caBundle", ca.certificate.to_str().unwrap()]);
    let image = lab.create(&repo, &[]);
    // Without any variable, by a plain docker run.
    image.sh(&format!("curl -fsS -o /dev/null {}", server.url));
}

/// A certificate authority that nobody knows, and that vouches for itself at 127.0.0.1.
struct Authority {
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new(lab: &Lab) -> Self {
        let (certificate, key) = (lab.path("ca.pem"), lab.path("ca.key"));
        let mut command = lab.command("openssl");
        command.args([
            "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2",
        ]);
        command.args([
            "-subj",
            "/CN=git dkr test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ]);
        run(command
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate));
        Self { certificate, key }
    }

    /// A line of the middle, which no other certificate has.
    fn line(&self) -> String {
        let text = std::fs::read_to_string(&self.certificate).unwrap();
        text.lines().nth(5).unwrap().to_owned()
    }

    fn serve(&self, lab: &Lab) -> HttpsServer {
        let mut command = lab.command("openssl");
        command.args(["s_server", "-www", "-accept", "127.0.0.1:0", "-cert"]);
        command.arg(&self.certificate).arg("-key").arg(&self.key);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // `ACCEPT 127.0.0.1:12345`
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("ACCEPT ")?.to_owned()));
        let url = format!(
            "https://{}/",
            address.expect("openssl s_server did not start")
        );
        std::thread::spawn(move || lines.for_each(drop));
        HttpsServer { child, url }
    }
}

/// Ends when dropped.
struct HttpsServer {
    child: Child,
    url: String,
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Built in one machine and restored in another, on a real engine.

use crate::common::engine::Lab;
use crate::overlay::machine::{Machine, assert_same, image};

const EVERYTHING: &str = r#"
FROM debian:bookworm-slim
ENV GREETING="hello there" PATH=/opt/tools/bin:$PATH
WORKDIR /srv/app
RUN apt-get update \
    # a package with a file of another group
    && apt-get install -y --no-install-recommends jq screen
RUN /opt/uv/bin/pip install --quiet --disable-pip-version-check uv six
RUN /opt/uv/bin/uv venv --quiet .venv && /opt/uv/bin/uv pip install --quiet idna
RUN npm install --silent --no-fund --no-audit is-number@7.0.0
RUN rm -r /srv/gone /etc/old.conf && chmod 600 /etc/shells && chown daemon:games /srv/app
RUN <<END
set -e
ln -s /etc/hostname name
ln -s ../../usr/bin/env relative
echo one >first && ln first second
mkdir -m 1777 sticky && mkfifo sticky/pipe
cp /bin/true setuid && chmod 4755 setuid
printf 'caf\303\251 \377' >"$(printf 'odd \377 name')"
: >empty
END
RUN echo "$GREETING" >greeting && test "$PWD" = /srv/app && touch -d 2001-02-03 old
"#;

#[test]
fn a_restored_machine_is_the_one_that_was_built() {
    let Some(lab) = Lab::new() else { return };
    let image = image(&lab);
    let built = Machine::start(&lab, &image);
    built.write("/Containerfile", EVERYTHING);
    let outcome = built.overlay(&["build"]).ok();
    outcome.says("Containerfile:2: FROM is ignored");
    outcome.says("[1/9]");
    let tag = outcome.stdout.trim().to_owned();
    assert!(tag.starts_with("layer-"), "{tag}");

    let restored = Machine::start(&lab, &image);
    restored.write("/Containerfile", EVERYTHING);
    let outcome = restored.overlay(&["restore"]).ok();
    outcome.says("restored");
    assert_same(&built.tree(), &restored.tree());

    // It works, too.
    let works = "
        . /etc/profile
        echo \"$GREETING\" $PATH
        echo '{}' | jq . && cd /srv/app && cat greeting second
        .venv/bin/python -B -c 'import idna' && /opt/uv/bin/python -B -c 'import six'
        node -e 'console.log(require(\"is-number\")(5))'
        test ! -e /etc/old.conf && cat /etc/old.hard && test ! -e /srv/gone";
    let outcome = restored.sh(works).ok();
    let said = &outcome.stdout;
    assert!(said.starts_with("hello there /opt/tools/bin:"), "{said}");
    assert!(
        said.ends_with("{}\nhello there\none\ntrue\nkeep\n"),
        "{said}"
    );

    // There is nothing left to do, there or where it was built.
    for machine in [&restored, &built] {
        machine.overlay(&["restore"]).ok().says("kept");
        let again = machine.overlay(&["restore-or-build", "--format=json"]).ok();
        let said = &again.stdout;
        assert!(said.contains("\"done\": \"kept\""), "{said}");
    }
    // What is spoilt is put right.
    let spoil = "echo spoilt >/srv/app/first && rm /usr/bin/jq && echo x >/etc/old.conf";
    restored.sh(spoil).ok();
    restored.overlay(&["restore"]).ok().says("restored");
    assert_same(&built.tree(), &restored.tree());
}

#[test]
fn the_same_changes_give_the_same_bytes_at_another_hour() {
    let Some(lab) = Lab::new() else { return };
    let image = image(&lab);
    let text = "RUN mkdir /srv/a && echo 1 >/srv/a/b && ln /srv/a/b /srv/c && rm /srv/gone/x\n\
        RUN /opt/uv/bin/pip install --quiet --disable-pip-version-check six\n";
    let digest = || {
        let machine = Machine::start(&lab, &image);
        machine.write("/Containerfile", text);
        machine.overlay(&["build", "--cache-dir=/tmp/own"]).ok();
        machine.sh("cat /tmp/own/*.tar.zst | sha256sum").ok().stdout
    };
    let first = digest();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(first, digest());
}

#[test]
fn each_containerfile_is_cached_on_those_before_it() {
    let Some(lab) = Lab::new() else { return };
    let image = image(&lab);
    let files = ["-f", "/Containerfile", "-f", "/two", "--format=json"];
    let start = |two: &str| {
        let machine = Machine::start(&lab, &image);
        let one = "ENV WHO=one\nWORKDIR /srv/one\nRUN echo 1 >file\n";
        machine.write("/Containerfile", one);
        machine.write("/two", two);
        machine
    };
    let run = |machine: &Machine| {
        let args = [&["restore-or-build"][..], &files].concat();
        let rows = machine.overlay(&args).ok().stdout;
        let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
        let done = |at: usize| rows[at]["done"].as_str().unwrap().to_owned();
        [done(0), done(1)]
    };
    let first = start("RUN rm file && echo $WHO >two\n");
    assert_eq!(run(&first), ["built", "built"]);
    let there = "cd /srv/one && test ! -e file && grep one two";
    first.sh(there).ok();

    let same = start("RUN rm file && echo $WHO >two\n");
    assert_eq!(run(&same), ["restored", "restored"]);
    assert_same(&first.tree(), &same.tree());
    // What the second takes away of the first stays away.
    assert_eq!(run(&same), ["kept", "kept"]);
    same.sh("test ! -e /srv/one/file").ok();

    // The directory and the environment carry over from what was only restored.
    let other = start("RUN echo $WHO >>file\n");
    assert_eq!(run(&other), ["restored", "built"]);
    assert_eq!(other.sh("cat /srv/one/file").ok().stdout, "1\none\n");
}

#[test]
fn a_step_that_fails_stops_it_and_stores_nothing() {
    let Some(lab) = Lab::new() else { return };
    let machine = Machine::start(&lab, &image(&lab));
    let text = "RUN echo before\nRUN seq 30 && echo to the end >&2; exit 7\nRUN touch /never\n";
    machine.write("/Containerfile", text);
    let outcome = machine.overlay(&["build"]).fails();
    for text in [
        "before",
        "step 2 of 3",
        "Containerfile:2",
        "exit code 7",
        "to the end",
    ] {
        outcome.says(text);
    }
    machine
        .sh("test ! -e /never && test -z \"$(ls /cache)\"")
        .ok();
    let missing = machine.overlay(&["restore"]).fails();
    missing.says("is not in this machine's cache");
}

/// A distribution's own Python refuses packages of others (PEP 668).
#[test]
fn steps_may_install_into_the_distribution_s_python() {
    let Some(lab) = Lab::new() else { return };
    let machine = Machine::start(&lab, &image(&lab));
    let text = "RUN apt-get update -q && apt-get install -yq --no-install-recommends python3-pip\n\
        RUN pip install --quiet six && python3 -c 'import six'\n\
        RUN /opt/uv/bin/pip install --quiet uv && /opt/uv/bin/uv pip install --quiet --system idna && python3 -c 'import idna'\n";
    machine.write("/Containerfile", text);
    machine.overlay(&["build"]).ok();
    // It is the steps' own.
    machine.sh("! /usr/bin/pip install attrs").ok();
    machine.write(
        "/own",
        "ENV PIP_BREAK_SYSTEM_PACKAGES=0\nRUN pip install attrs\n",
    );
    let refused = machine.overlay(&["build", "-f", "/own"]).fails();
    refused.says("externally-managed-environment");
}

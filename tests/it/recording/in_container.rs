//! What is installed in a container is recorded there, adopted on the host, and in the next image.

use std::path::Path;

use crate::common::engine::Lab;
use crate::common::repo::Repo;

/// A pip that installs by making a file, so that no network is needed.
const PIP: &str = "RUN printf '#!/bin/sh\\nshift; for a; do echo \"[$a]\" >>/installed; done\\n' >/usr/local/bin/pip && chmod +x /usr/local/bin/pip\n";

fn with_pip(lab: &Lab) -> Repo<'_> {
    let repo = lab.repo();
    repo.conf(&format!("[pre_clone]\n{PIP}"));
    lab.create(&repo, &[]);
    repo
}

#[test]
fn recorded_adopted_and_baked() {
    let Some(lab) = Lab::new() else { return };
    let repo = with_pip(&lab);
    let script = "
        . /run/dkr/shim
        pip install 'a b' '$HOME \"q\" `id`' \"it's\" 'x<<EOF' '\\\\'
        pip install -q --index-url https://me:hunter2@h/ secret
        git config user.name Bob && git config user.email bob@example.com
        git add Containerfile.recorded && git commit --quiet -m Installs && git push --quiet
        cat /installed";
    let outcome = lab.start_work(&repo, script).ok();
    outcome.says("dkr: not recorded: an address with credentials in it");
    let installed = outcome
        .stdout
        .lines()
        .take(5)
        .collect::<Vec<_>>()
        .join("\n");
    let branch = format!("{}/work", lab.host);
    let shown = lab
        .dkr(&repo.path, ["record", "adopt", &branch, "--yes"])
        .ok();
    assert!(!shown.stdout.contains("hunter2"));
    repo.git(["add", ".dkr.conf"]);
    repo.git(["commit", "--quiet", "-m", "Adopt"]);
    let image = lab.create(&repo, &[]);
    assert_eq!(image.sh("cat /installed"), installed);
    assert_eq!(installed.lines().count(), 5);
}

/// With the real one, and a wheel from the network.
#[test]
fn a_package_of_pypi() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("packages = python3-venv\n");
    let bundle = Path::new("/etc/ssl/certs/ca-certificates.crt");
    let create = || {
        let mut command = lab.dkr_command(&repo.path, ["create-image"]);
        command.envs(bundle.exists().then_some(("DKR_CA_BUNDLE", bundle)));
        lab.image(&crate::common::dkr::outcome(&mut command).ok())
    };
    create();
    let script = "
        . /run/dkr/shim
        python3 -m venv /opt/venv && PATH=/opt/venv/bin:$PATH && echo 'six<1.17 # old' >r.txt
        pip install --quiet -r r.txt && cat Containerfile.recorded";
    let mut command = lab.dkr_command(&repo.path, ["start-image", "--", "sh", "-ec", script]);
    command.envs(bundle.exists().then_some(("DKR_CA_BUNDLE", bundle)));
    let recorded = crate::common::dkr::outcome(&mut command).ok().stdout;
    assert_eq!(recorded.lines().count(), 2, "{recorded}");
    repo.write("Containerfile", &recorded);
    lab.dkr(&repo.path, ["record", "adopt", "--yes"]).ok();
    repo.git(["add", ".dkr.conf"]);
    repo.git(["commit", "--quiet", "-m", "Adopt"]);
    let version = create().sh("/opt/venv/bin/python -c 'import six; print(six.__version__)'");
    assert_eq!(version, "1.16.0");
}

#[test]
fn a_shell_at_a_terminal_is_told_of_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = with_pip(&lab);
    let told = "uv and pip installs are recorded after: . /run/dkr/shim";
    let mut terminal = lab.dkr_terminal(&repo.path, &["start-image"]);
    terminal
        .shows(told)
        .types(". /run/dkr/shim; pip install x; cat Containerfile.recorded");
    terminal.shows("RUN pip install x").types("exit");
    terminal.ends();
    for (options, script) in [(&["--quiet"][..], None), (&[], Some("echo no"))] {
        let mut args = [&["start-image"], options].concat();
        args.extend(script.iter().flat_map(|script| ["--", "sh", "-c", script]));
        let mut terminal = lab.dkr_terminal(&repo.path, &args);
        if script.is_none() {
            terminal.types("exit");
        }
        assert!(!terminal.shows_in_all().contains(told), "{args:?}");
    }
    // Nor where there is nothing to record.
    let bare = lab.repo();
    lab.create(&bare, &[]);
    let mut terminal = lab.dkr_terminal(&bare.path, &["start-image"]);
    terminal.types("exit");
    assert!(!terminal.shows_in_all().contains(told));
}

//! `git dkr start-image`: what a container finds, what passes through, what comes back.

use std::io::Write;
use std::process::Stdio;

use rustix::process::Signal;

use crate::common::client;
use crate::common::engine::Lab;
use crate::common::{dkr, run, unique, wait_until};

#[test]
fn a_random_branch_that_tracks_the_host_s() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "git rev-parse --abbrev-ref HEAD @{upstream}; git rev-parse HEAD; pwd";
    let outcome = lab.start(&repo, &[], script).ok();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let name = lines[0];
    assert!(
        regex::Regex::new("^[a-z]+-[a-z]+$").unwrap().is_match(name),
        "{name}"
    );
    assert_eq!(lines[1..], ["host/main", &repo.head(), "/workspace"]);
    let short = repo.git(["rev-parse", "--short", "HEAD"]);
    outcome.says(&format!(
        "Working copy updated to {short} on branch {name} (tracking host/main)"
    ));
}

#[test]
fn a_name_of_one_s_own() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let outcome = lab.start(
        &repo,
        &["--name", "fix/bug-1"],
        "git symbolic-ref --short HEAD",
    );
    assert_eq!(outcome.ok().stdout, "fix/bug-1\n");
}

#[test]
fn claude_trusts_the_workspace_and_finds_its_key() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let key = lab.file("key file", "sk-ant-test\n");
    let script = "
        cat ~/.claude.json ~/.claude/settings.json
        $(sed -n 's/.*apiKeyHelper\":\"\\([^\"]*\\).*/\\1/p' ~/.claude/settings.json)
        ! touch /run/secrets/anthropic_key";
    let outcome = lab
        .start(&repo, &["--anthropic-key", key.to_str().unwrap()], script)
        .ok();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let json = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    assert_eq!(
        json(lines[0])["projects"]["/workspace"]["hasTrustDialogAccepted"],
        true
    );
    assert_eq!(
        json(lines[1])["apiKeyHelper"],
        "cat /run/secrets/anthropic_key"
    );
    // The helper gives the key.
    assert_eq!(lines[2], "sk-ant-test");
}

/// Whoever owns them on the host. Ssh asks for that; what is in memory is in no layer.
#[test]
fn what_leads_to_the_host_is_the_container_s_own_and_in_memory() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let key = lab.file("key file", "sk-ant-test\n");
    // What the tunnel makes comes when it comes.
    let script = "ls -d /run/dkr/* | grep -v '/ctl\\|/tunnel[.]' | xargs stat -c '%u %a %n'
        grep -c ' /run/dkr tmpfs ' /proc/mounts; id -u";
    // A file of the user's that is closed to others does for a root who is another user.
    let started = lab.start(
        &repo,
        &["--anthropic-key", key.to_str().unwrap()],
        &format!("{script}; stat -c '%a' /run/secrets/anthropic_key; umask"),
    );
    insta::assert_snapshot!(started.ok().stdout, @r"
    0 755 /run/dkr/connect
    0 755 /run/dkr/git-remote-dkr
    0 644 /run/dkr/git_config
    0 644 /run/dkr/git_identity
    0 644 /run/dkr/known_hosts
    0 755 /run/dkr/resume
    0 755 /run/dkr/save
    0 644 /run/dkr/shim
    0 644 /run/dkr/ssh_config
    0 755 /run/dkr/tunnel
    0 644 /run/dkr/uv-shim
    0 644 /run/dkr/work
    1
    0
    644
    0022
    ");
}

/// Images outlive the git dkr that made them.
#[test]
fn an_image_with_another_entrypoint_starts_by_the_present_one() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("[post_clone]\nRUN printf '#!/bin/sh\\nexit 9\\n' >/usr/local/bin/dkr-entrypoint\n");
    lab.create(&repo, &[]);
    let commit = repo.commit("Newer", &[]);
    let started = lab.start(&repo, &[], "git rev-parse HEAD").ok();
    assert_eq!(started.stdout, commit + "\n");
}

/// In the words of git: what is wrong is seldom that the host cannot be reached.
#[test]
fn why_a_fetch_failed_is_said() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let baked = repo.head();
    repo.commit("Newer", &[]);
    repo.git(["config", "uploadpack.hideRefs", "refs/heads/main"]);
    let started = lab.start(&repo, &[], "git rev-parse HEAD").ok();
    assert_eq!(started.stdout, baked + "\n");
    started
        .says("cannot fetch main from the host; working from the commit in the image\n    fatal: couldn't find remote ref refs/heads/main\n")
        .says("hint: on the host, git dkr doctor")
        .never_says("cannot be reached");
}

#[test]
fn without_a_key_there_is_no_helper() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "test -e ~/.claude.json && ! test -e ~/.claude/settings.json && ! test -e /run/secrets/anthropic_key";
    lab.start(&repo, &[], script).ok();
}

#[test]
fn volumes_of_the_settings_file() {
    let Some(lab) = Lab::new() else { return };
    let (repo, volume) = (lab.repo(), Volume::new(&lab));
    let directory = lab.file("shared, \"directory\"/file", "from the host\n");
    let directory = directory.parent().unwrap().display().to_string();
    repo.conf(&format!(
        "volumes = '{directory}:/shared:ro' {}:/kept\n",
        volume.name
    ));
    lab.create(&repo, &[]);
    let script = "cat /shared/file; ! touch /shared/new && echo kept > /kept/file";
    assert_eq!(lab.start(&repo, &[], script).ok().stdout, "from the host\n");
    // A named volume outlives the container.
    assert_eq!(
        lab.start(&repo, &[], "cat /kept/file").ok().stdout,
        "kept\n"
    );
}

/// A name for a volume, which is removed in the end.
struct Volume<'a> {
    lab: &'a Lab,
    name: String,
}

impl<'a> Volume<'a> {
    fn new(lab: &'a Lab) -> Self {
        let name = format!("dkr-test-{}", unique());
        Self { lab, name }
    }
}

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        let mut command = self.lab.client();
        let _ = command
            .args(["volume", "rm", "--force", &self.name])
            .output();
    }
}

#[test]
fn the_exit_code_passes_through() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    lab.start(&repo, &[], "exit 42").exits(42);
    lab.start(&repo, &[], "kill -9 $$").exits(137);
    // As a shell has it for what is not there.
    lab.dkr(&repo.path, ["start-image", "--", "no-such-command"])
        .exits(127);
}

#[test]
fn standard_streams_pass_through() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut command = lab.dkr_command(
        &repo.path,
        ["start-image", "--", "sh", "-c", "cat; echo told >&2"],
    );
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.stdout, bytes);
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .ends_with("told\n")
    );
}

#[test]
fn without_a_command_a_pipe_gets_a_shell() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let mut command = lab.dkr_command(&repo.path, ["start-image"]);
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"echo $((40 + 2)); exit 3\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.stdout, output.status.code()),
        (b"42\n".to_vec(), Some(3))
    );
}

#[test]
fn a_terminal_passes_through() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "test -t 0 && test -t 1 && read -p 'name? ' name; echo hello-$name; exit 7";
    let mut terminal = lab.dkr_terminal(&repo.path, &["start-image", "--", "bash", "-c", script]);
    terminal.shows("name? ").types("Ada").shows("hello-Ada");
    assert_eq!(terminal.ends(), 7);
}

#[test]
fn ctrl_c_at_a_terminal_reaches_the_command() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script =
        "trap 'echo got-it; exit 5' INT; echo ready-$((40 + 2)); while :; do sleep 0.1; done";
    let mut terminal = lab.dkr_terminal(&repo.path, &["start-image", "--", "sh", "-c", script]);
    terminal
        .shows("ready-42")
        .presses(expectrl::ControlCode::EndOfText)
        .shows("got-it");
    assert_eq!(terminal.ends(), 5);
    assert_eq!(lab.containers(), [""; 0]);
}

#[test]
fn a_signal_ends_the_container_and_removes_it() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let args = ["start-image", "--", "sh", "-c", "echo up; exec sleep 600"];
        let running = lab.dkr_spawn(&repo.path, &args);
        running.prints("up");
        running.signal(signal);
        running.finish().exits(code);
        wait_until("the container is gone", || lab.containers().is_empty());
        assert_eq!(lab.leftovers(), [""; 0]);
    }
}

/// A signal that comes when the client has made the container and not yet started it.
#[test]
fn a_container_that_was_made_only_is_removed_too() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let slow = "if [ \"$1\" = run ]; then
            shift
            ENGINE create \"$@\" >/dev/null && echo made && exec sleep 600
        fi
        exec ENGINE \"$@\"";
    let engine = format!("'{}'", lab.docker.display());
    let name = lab.docker.file_name().unwrap().to_str().unwrap();
    lab.script(&format!("bin/{name}"), &slow.replace("ENGINE", &engine));
    let mut command = lab.dkr_command(&repo.path, ["start-image", "--", "true"]);
    command.env("PATH", lab.bin_first());
    let running = dkr::spawn(command);
    running.prints("made");
    assert_eq!(lab.containers().len(), 1);
    running.signal(Signal::TERM);
    running.finish().exits(143);
    assert_eq!(lab.containers(), [""; 0]);
}

#[test]
fn a_push_lands_under_the_container_s_name() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let before = repo.snapshot();
    let script = "
        git config user.name Bob && git config user.email bob@example.com
        echo work > work && git add work && git commit --quiet -m Work
        git push --quiet && git rev-parse HEAD && hostname";
    let outcome = lab.start_work(&repo, script).ok();
    let pushed = lab.pushed_work(&repo);
    assert_eq!(outcome.stdout, format!("{pushed}\n{}\n", lab.host));
    assert_eq!(repo.git(["show", &format!("{pushed}:work")]), "work");
    // Nothing but that branch.
    repo.git(["branch", "--quiet", "-D", &format!("{}/work", lab.host)]);
    before.assert_same(&repo);
}

#[test]
fn the_hostname_is_the_repository_s_name_and_four_digits() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "git push --quiet && hostname && git symbolic-ref --short HEAD";
    let outcome = lab.start(&repo, &[], script).ok();
    let (host, name) = outcome.stdout.trim_end().split_once('\n').unwrap();
    let rule = format!("^{}-[0-9a-f]{{4}}$", repo.name());
    assert!(regex::Regex::new(&rule).unwrap().is_match(host), "{host}");
    assert_eq!(repo.id(&format!("refs/heads/{host}/{name}")), repo.head());
}

/// Sudo looks its host up at each call, and complains when there is no such one.
#[test]
fn the_hostname_leads_to_the_container_itself() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "getent ahostsv4 \"$(hostname)\" | sed -n '1s/ .*//p'";
    let outcome = lab.start(&repo, &["--network=host"], script).ok();
    assert_eq!(outcome.stdout, "127.0.0.1\n");
}

#[test]
fn newer_commits_of_the_host_are_worked_on() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    repo.commit("News", &[("news", "1")]);
    let outcome = lab.start(&repo, &[], "git rev-parse HEAD; ls");
    assert_eq!(outcome.ok().stdout, format!("{}\na\nnews\n", repo.head()));
    // And the image is as it was.
    assert_eq!(lab.tagged(&image.tag).id(), image.id());
}

#[test]
fn a_pull_in_the_container_brings_what_came_meanwhile() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let script = "echo up; read go; git pull --quiet && git rev-parse HEAD";
    let mut running = lab.dkr_spawn(&repo.path, &["start-image", "--", "sh", "-c", script]);
    running.prints("up");
    repo.commit("News", &[("news", "1")]);
    running.reads("go\n");
    assert_eq!(
        running.finish().ok().stdout,
        format!("up\n{}\n", repo.head())
    );
}

#[test]
fn an_image_of_a_tag_gives_a_branch_that_tracks_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.git(["tag", "v1"]);
    lab.create(&repo, &["v1"]);
    let script = "git rev-parse HEAD; git symbolic-ref --short HEAD; git rev-parse @{upstream} 2>/dev/null || echo none; git push --quiet host";
    let outcome = lab.start_work(&repo, script).ok();
    assert_eq!(outcome.stdout, format!("{}\nwork\nnone\n", repo.head()));
    assert_eq!(lab.pushed_work(&repo), repo.head());
}

#[test]
fn a_branch_that_is_gone_starts_from_the_image() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.branch("topic", "main");
    let commit = repo.commit("Work", &[("b", "1")]);
    lab.create(&repo, &[]);
    repo.checkout("main").git(["branch", "-D", "topic"]);
    let outcome = lab.start(&repo, &[], "git rev-parse HEAD").ok();
    assert_eq!(outcome.stdout, commit + "\n");
    outcome.says("was built from topic, which is gone");
}

#[test]
fn the_newest_image_of_the_repository_one_stands_in() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.branch("topic", "main");
    lab.create(&repo, &["main"]);
    lab.create(&repo, &["topic"]);
    lab.create(&other, &[]);
    let script = "echo $DKR_BRANCH";
    assert_eq!(lab.start(&repo, &[], script).ok().stdout, "topic\n");
    assert_eq!(lab.start(&repo, &["main"], script).ok().stdout, "main\n");
    assert_eq!(
        lab.start(&repo, &[".", "topic"], script).ok().stdout,
        "topic\n"
    );
}

#[test]
fn main_and_its_remote_name_find_the_same_image() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    repo.remote("space", &other)
        .git(["fetch", "--quiet", "space"]);
    lab.create(&repo, &["space/main"]);
    let images = lab.images();
    let script = "git rev-parse host/main";
    // And each gives its own commit.
    for (typed, commit) in [("space/main", other.head()), ("main", repo.head())] {
        let outcome = lab.start(&repo, &[typed], script).ok();
        assert_eq!(outcome.stdout, commit + "\n", "{typed}");
    }
    assert_eq!(lab.images(), images);
}

/// Even with `--quiet`, or where git refuses the repository, nobody's work goes to another one.
#[test]
fn in_a_repository_without_an_image_no_other_one_s_is_started() {
    let Some(lab) = Lab::new() else { return };
    let (repo, other) = (lab.repo(), lab.repo());
    lab.create(&other, &[]);
    let start = ["start-image", "--quiet", "--", "true"];
    let outcome = lab.dkr(&repo.path, start).fails();
    outcome.says("there is no image of this repository yet");
    outcome.says("hint: git dkr create-image\n");
    let named = ["start-image", "main", "--", "true"];
    let outcome = lab.dkr(&repo.path, named).fails();
    outcome.says("hint: git dkr create-image . main\n");
    let path = repo.path.to_str().unwrap();
    let outcome = lab.dkr(&other.path, ["start-image", path]).fails();
    outcome.says(&format!("hint: git dkr create-image {path} HEAD\n"));
    repo.git(["config", "core.repositoryFormatVersion", "9"]);
    let outcome = lab.dkr(&repo.path, start).exits(1);
    outcome.says("Expected git repo version <= 1, found 9");
    let mut command = lab.dkr_command(lab.root(), start);
    let outcome = dkr::outcome(command.env("GIT_DIR", "/nowhere")).fails();
    outcome.says("not a git repository: '/nowhere'");
}

#[test]
fn outside_of_a_repository_it_is_the_newest_of_all_and_says_which() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    // The real engine, but what other tests make meanwhile is not shown.
    let label = format!("label=dkr.repo_path={}", repo.path.display());
    lab.script(
        &format!("bin/{}", client::name()),
        &format!(
            "d={}\ncase $1 in images) exec \"$d\" \"$@\" --filter '{label}' ;; *) exec \"$d\" \"$@\" ;; esac",
            lab.docker.display()
        ),
    );
    let mut command = lab.dkr_command(
        lab.root(),
        ["start-image", "--", "git", "rev-parse", "HEAD"],
    );
    command.env("PATH", lab.bin_first());
    let outcome = dkr::outcome(&mut command).ok();
    assert_eq!(outcome.stdout, repo.head() + "\n");
    outcome.says(&image.tag);
}

/// By the config of the repository on the host; the image knows nobody.
#[test]
fn whoever_works_on_the_host_commits() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    repo.commit("Newer", &[]);
    let commit = "git commit --quiet --allow-empty -m Work && git log -1 --format='%an <%ae>'";
    let started = lab.start_work(&repo, &format!("{commit}; git push --quiet"));
    assert_eq!(started.ok().stdout, "Ada <ada@example.com>\n");
    lab.pushed_work(&repo);
    let name = "Ada \"the\" \\Lovelace; # 1st\n[core]\n\teditor = x";
    repo.git(["config", "user.name", name]);
    repo.git(["config", "author.email", "a@work.example"]);
    let show = "git config user.name; git config author.email; git config core.editor";
    let started = lab.start(&repo, &[], &format!("{show}; true"));
    assert_eq!(started.ok().stdout, format!("{name}\na@work.example\n"));
    // Who is in the clone's own config goes before.
    let own = format!("git config user.name Bob; {commit}");
    let started = lab.start(&repo, &[], &own);
    assert_eq!(started.ok().stdout, "Bob <a@work.example>\n");
    assert_eq!(image.sh("git config user.name || echo nobody"), "nobody");
}

/// Anywhere in the container, whatever image it is of; but where somebody said something else.
#[test]
fn whoever_works_on_the_host_commits_in_other_repositories_too() {
    let Some(lab) = Lab::new() else { return };
    let (repo, module) = (lab.repo(), lab.repo());
    repo.submodule("lib", &module);
    repo.conf("submodules = yes\n[post_clone]\nRUN printf '#!/bin/sh\\nexec \"$@\"\\n' >/usr/local/bin/dkr-entrypoint\n");
    let image = lab.create(&repo, &[]);
    let script = "
        commit() { git -C \"$1\" commit --quiet --allow-empty -m Work && git -C \"$1\" log -1 --format='%an <%ae>'; }
        git init --quiet /tmp/r
        commit /tmp/r; commit lib; cd /; commit /tmp/r
        printf '[user]\\n name = Own\\n' >~/.gitconfig; commit /tmp/r; commit /workspace
        git -C /tmp/r config user.name Bob; commit /tmp/r";
    let ada = "Ada <ada@example.com>\n";
    let own = "Own <ada@example.com>\n";
    let expected = [ada, ada, ada, own, own, "Bob <ada@example.com>\n"].concat();
    assert_eq!(lab.start(&repo, &[], script).ok().stdout, expected);
    assert_eq!(
        image.sh("git config --system --list | grep -v ^safe.directory= || git -C lib config user.name || echo none"),
        "none"
    );
}

/// A name that nobody has given is not made up.
#[test]
fn where_nobody_is_known_git_asks() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    lab.file("gitconfig", "");
    let started = lab.start(&repo, &[], "git config user.name || echo nobody");
    assert_eq!(started.ok().stdout, "nobody\n");
}

#[test]
fn a_dry_run_starts_nothing() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let outcome = lab
        .dkr(
            &repo.path,
            ["start-image", "--dry-run", "--", "make", "check"],
        )
        .ok();
    let line = outcome.stdout.trim_end();
    assert!(line.contains(" run --init "), "{line}");
    assert!(
        line.ends_with(&format!("{} make check", image.tag)),
        "{line}"
    );
    assert_eq!(lab.leftovers(), [""; 0]);
}

#[test]
fn caches_are_shared_volumes() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    repo.conf("caches = bazel ccache\n");
    // Only looked at: a volume would outlive the test.
    let mut command = lab.dkr_command(&repo.path, ["create-image", "--quiet"]);
    run(command.env_remove("DKR_CACHES"));
    let mut command = lab.dkr_command(&repo.path, ["start-image", "--dry-run"]);
    let line = run(command.env_remove("DKR_CACHES"));
    assert!(line.contains("--volume bazel-cache:/bazel-cache"), "{line}");
    assert!(
        line.contains("--volume ccache-cache:/ccache-cache"),
        "{line}"
    );
}

#[test]
fn a_plain_docker_run_gets_the_clone_as_it_was_baked() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let image = lab.create(&repo, &[]);
    let args = [
        "run", "--rm", &image.tag, "git", "status", "--short", "--branch",
    ];
    assert_eq!(lab.docker(&args), "## main...host/main");
}

#[test]
fn quiet_says_nothing_of_its_own() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.create(&repo, &[]);
    let outcome = lab.start(&repo, &["--quiet"], "echo done").ok();
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("done\n", "")
    );
}

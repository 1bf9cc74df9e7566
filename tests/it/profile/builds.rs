//! Building, and not building.

use proptest::collection::vec;
use proptest::sample::select;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rustix::process::Signal;
use serde_json::json;

use crate::common::dkr::Outcome;
use crate::common::engine::Gate;
use crate::profile::lab::{Lab, ask, begin, manifest, record, told};

fn answer(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn what_is_in_the_image_and_beside_the_repository() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let value = "a\nb\"c\"$5 $(id)\\n#d 'e' `f` \\\n";
    repo.commit(
        "Files",
        &[
            ("pkg/x.py", "print('x')\n"),
            (".gitignore", "ignored\n.env\n"),
            ("Dockerfile", "FROM nothing\n"),
        ],
    );
    repo.write("new.txt", "not committed\n");
    repo.write("ignored", "x");
    repo.write(".env", "TOKEN=secret");
    lab.profile(json!({
        "python_version_target": "3.11",
        "install_cmds": ["echo one > /one", "cat <<EOF > /two\nRUN no\nEOF\ntest -d /workspace/pkg", "echo \"$B\" > /three"],
        "env": { "B": value, "A": "# no comment" },
    }));
    let answer = lab.build(&repo, false);
    assert_eq!(answer["reused_cache"], false);
    let image = lab.tagged(&lab.tag());
    let python =
        "import os, json; print(json.dumps([os.environ['A'], os.environ['B'], os.getcwd()]))";
    let said = image.sh(&format!("python3 -c \"{python}\""));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&said).unwrap(),
        json!(["# no comment", value, "/workspace"])
    );
    assert_eq!(
        image.sh("cat /one /two; git --version >/dev/null; curl --version >/dev/null"),
        "one\nRUN no"
    );
    let files = image.sh("find . -type f | sort");
    assert_eq!(
        files,
        "./.gitignore\n./Dockerfile\n./a\n./new.txt\n./pkg/x.py"
    );
    assert_eq!(image.label("profile_id"), lab.id);
    let manifest = manifest(&repo);
    for (key, wanted) in [
        ("result", "built"),
        ("variant", "default"),
        ("base_image", "python:3.11-slim"),
        ("python_version_target", "3.11"),
    ] {
        assert_eq!(manifest[key], wanted, "{key}");
    }
    assert!(
        manifest["base_image_digest"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    assert!(manifest["durations"]["total"].is_number());
    assert!(record(&repo, "build.log").contains("COPY . /workspace"));
    let text = record(&repo, "Dockerfile");
    assert!(text.starts_with("FROM python:3.11-slim\n"), "{text}");

    // Nothing is built again; the log stays that of the build.
    let log = record(&repo, "build.log");
    assert_eq!(lab.build(&repo, false)["reused_cache"], true);
    assert_eq!(record(&repo, "build.log"), log);
    assert_eq!(record(&repo, "Dockerfile"), text);
    // But when it is forced.
    repo.write("new.txt", "changed\n");
    assert_eq!(lab.build(&repo, true)["reused_cache"], false);
    assert_eq!(lab.tagged(&lab.tag()).sh("cat new.txt"), "changed");
    assert_eq!(record(&repo, "Dockerfile"), text);
}

#[test]
fn a_command_that_fails() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    lab.profile(json!({ "install_cmds": ["echo before", "echo the reason >&2; exit 7"] }));
    let outcome = ask(&lab, &lab.request(&repo, false), &[]).exits(1);
    let told = told(&outcome);
    assert!(
        told["error"].as_str().unwrap().contains("exit code 7"),
        "{told}"
    );
    let log = std::fs::read_to_string(told["build_log_path"].as_str().unwrap()).unwrap();
    assert!(
        log.contains("the reason") && log.contains("before"),
        "{log}"
    );
    assert!(told["hint"].as_str().unwrap().contains("build.log"));
    assert_eq!(manifest(&repo)["result"], "failed");
    assert!(manifest(&repo)["image_id"].is_null());
    assert!(!lab.has_image());
    assert_eq!(lab.archives(), [""; 0]);
    assert_eq!(lab.leftovers(), [""; 0]);
}

/// One image, with many variables whose values are put together at random of what means something.
#[test]
fn references_in_env_are_expanded_and_nothing_else_is() {
    const TOKENS: &str = "$PATH ${PATH} $A1 ${A1} $NONE ${NONE} ${NONE:-x,y} ${A1:+is} ${A1:-z} ${NONE:+z} $ $5 $$ \
        ${ } {} ${1} $(id) \\ \" ' ` # a é _ 1 :";
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let tokens: Vec<&str> = TOKENS.split(' ').chain([" ", "\n", "\t"]).collect();
    let values = vec(vec(select(tokens), 1..9), 40);
    let values = values.new_tree(&mut TestRunner::default()).unwrap();
    let values: Vec<String> = values
        .current()
        .iter()
        .map(|parts| parts.concat())
        .collect();
    let mut env = serde_json::json!({ "A1": "one $2", "PATH": "/opt/v/bin:$PATH" });
    for (at, value) in values.iter().enumerate() {
        env[format!("V{at:02}")] = json!(value);
    }
    lab.profile(json!({ "install_cmds": ["echo \"$PATH\" > /path"], "env": env }));
    lab.build(&repo, false);

    let said = lab.tagged(&lab.tag()).sh(
        "cat /path >&2; python3 -c 'import os, json; print(json.dumps(dict(os.environ)))' 2>/dev/null",
    );
    let seen: serde_json::Value =
        serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap();
    let path = seen["PATH"].as_str().unwrap();
    assert!(path.starts_with("/opt/v/bin:/"), "{path}");
    let rule = r#"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::([-+])([^${\\"'}\x00-\x1f]*))?\})"#;
    let reference = regex::Regex::new(rule).unwrap();
    for (at, value) in values.iter().enumerate() {
        let wanted = reference.replace_all(value, |found: &regex::Captures| {
            let part = |at: usize| found.get(at).map(|part| part.as_str());
            let variable = match part(1).or(part(2)).unwrap() {
                "PATH" => Some(path),
                "A1" => Some("one $2"),
                _ => None,
            };
            let word = part(4).unwrap_or_default();
            match (part(3), variable) {
                (Some("-"), None) | (Some("+"), Some(_)) => word,
                (Some("+"), None) => "",
                (_, value) => value.unwrap_or_default(),
            }
            .to_owned()
        });
        assert_eq!(seen[format!("V{at:02}")], *wanted, "{value:?}");
    }
}

#[test]
fn two_at_once_build_once() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    let command = gate.step();
    lab.profile(json!({ "install_cmds": [command.trim().strip_prefix("RUN ").unwrap()] }));
    let request = lab.request(&repo, false);
    let first = begin(&lab, &request, &[]);
    let step = gate.reached();
    let second = begin(&lab, &request, &[]);
    second.says("waiting");
    step.open();
    let (first, second) = (first.finish().ok(), second.finish().ok());
    assert_eq!(answer(&first)["reused_cache"], false);
    assert_eq!(answer(&second)["reused_cache"], true);
}

#[test]
fn an_interruption_leaves_nothing() {
    let Some(lab) = Lab::new() else { return };
    let (repo, gate) = (lab.repo(), Gate::new());
    let command = gate.step();
    lab.profile(json!({ "install_cmds": [command.trim().strip_prefix("RUN ").unwrap()] }));
    let running = begin(&lab, &lab.request(&repo, false), &[]);
    let step = gate.reached();
    running.signal(Signal::TERM);
    let outcome = running.finish().exits(143);
    assert_eq!(told(&outcome)["error"], "interrupted");
    step.wait_for_end();
    assert!(!lab.has_image());
    assert_eq!(lab.leftovers(), [""; 0]);
    assert_eq!(lab.archives(), [""; 0]);
    assert!(!repo.path.join(".pf_manifest").exists());
}

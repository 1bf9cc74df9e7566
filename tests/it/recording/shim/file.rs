//! The file that lines are added to: once, whole, whoever else writes.

use std::path::Path;
use std::process::Command;

use git_dkr::grammar::split;
use rustix::process::Signal;

use super::{INTERPRETERS, SCRIPT, Shop};
use crate::common::dkr::{outcome, spawn};
use crate::common::wait_until;

#[test]
fn a_line_is_recorded_once_as_long_as_it_would_change_nothing() {
    let shop = Shop::new();
    let record = |args: &[&str]| {
        outcome(&mut shop.shim(args)).ok();
        shop.recorded().lines().count()
    };
    assert_eq!(record(&["pip", "install", "a==1"]), 1);
    assert_eq!(record(&["pip", "install", "--quiet", "a==1"]), 1);
    assert_eq!(record(&["pip", "install", "a-b"]), 2);
    assert_eq!(record(&["pip", "install", "a==1"]), 2);
    // Another version of the same, and back.
    assert_eq!(record(&["pip", "install", "a==2"]), 3);
    assert_eq!(record(&["pip", "install", "a==1"]), 4);
    assert_eq!(record(&["pip", "install", "a==1"]), 4);
    assert_eq!(record(&["pip", "uninstall", "z"]), 5);
    assert_eq!(record(&["pip", "install", "a-b"]), 6);
}

#[test]
fn the_file_s_last_line_is_not_spoilt() {
    let line = |shop: &Shop| format!("RUN {}/bin/pip install a\n", shop.0.root().display());
    for interpreter in INTERPRETERS {
        let shop = Shop::new();
        let record = |text: &str| {
            std::fs::write(shop.file(), text).unwrap();
            let said = outcome(&mut shop.shim_in(interpreter, &["pip", "install", "a"])).ok();
            (said, shop.recorded())
        };
        for whole in [
            "",
            "RUN b\n",
            "RUN b \\\n # c\n\n && c\n\n",
            "RUN <<-'E' cat\n \\\nx\n\tE\n",
            "COPY <<A <<B /\nA\nB\n",
            "# \\\n",
            "RUN cat <<<x\n",
            "RUN b\r\n",
        ] {
            assert_eq!(
                record(whole).1,
                format!("{whole}{}", line(&shop)),
                "{interpreter:?}"
            );
        }
        assert_eq!(record("RUN b").1, format!("RUN b\n{}", line(&shop)));
        for open in [
            "RUN b \\\n",
            "RUN b \\",
            "RUN b \\\n# c\n",
            "RUN <<E cat\nx\n",
            "COPY <<A <<B /\nA\n",
            "run cat \\\n <<\"E\"\n",
        ] {
            let (said, text) = record(open);
            said.says("ends in the middle of an instruction");
            assert_eq!(text, open, "{interpreter:?}");
            assert!(split(open)[0].unfinished.is_some());
        }
        // Text that looks like the line and is none.
        let inside = format!("RUN <<E cat\n{}E\n", line(&shop));
        assert_eq!(record(&inside).1, format!("{inside}{}", line(&shop)));
    }
}

#[test]
fn places_that_are_no_files() {
    let shop = Shop::new();
    let record = |file: &Path| {
        let mut command = shop.command("dash");
        command.arg(SCRIPT).arg(file).args(["pip", "install", "a"]);
        outcome(&mut command).ok()
    };
    record(&shop.0.path("place")).says("is not a file");
    record(&shop.0.path("no/such/file")).says("cannot write");
    let link = shop.0.path("link");
    std::os::unix::fs::symlink("place/real", &link).unwrap();
    record(&link);
    let real = std::fs::read_to_string(shop.0.path("place/real")).unwrap();
    assert!(real.starts_with("RUN ") && link.is_symlink(), "{real}");
}

#[test]
fn two_at_once_lose_no_line_and_record_once() {
    for interpreter in INTERPRETERS {
        let shop = Shop::new();
        std::fs::write(shop.file(), "RUN first").unwrap();
        let names: Vec<String> = (0..24)
            .map(|number| format!("p{}-{}", number / 2, "x".repeat(3000)))
            .collect();
        let start = |name: &String| {
            shop.shim_in(interpreter, &["pip", "install", name])
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = names.iter().map(start).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let mut lines = shop.lines();
        lines.sort();
        let mut expected: Vec<String> = names
            .iter()
            .step_by(2)
            .map(|name| format!("RUN [ROOT]/bin/pip install {name}"))
            .collect();
        expected.push("RUN first".to_owned());
        expected.sort();
        assert_eq!(lines, expected, "{interpreter:?}");
    }
}

/// Where there is no `flock`.
#[test]
fn a_lock_of_one_that_was_killed_holds_nobody_up() {
    let shop = Shop::new();
    for tool in ["dash", "dd", "ln", "readlink", "rm", "sleep", "iconv"] {
        let found = crate::common::run(Command::new("sh").args(["-c", "command -v \"$0\"", tool]));
        std::os::unix::fs::symlink(found, shop.0.path("bin").join(tool)).unwrap();
    }
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let lock = shop.0.path("Containerfile.lock");
    std::os::unix::fs::symlink(gone.id().to_string(), &lock).unwrap();
    let record = |name: &str| {
        let mut command = shop.shim(&["pip", "install", name]);
        command.env("PATH", shop.0.path("bin"));
        command
    };
    outcome(&mut record("a")).ok();
    assert_eq!(shop.lines(), ["RUN [ROOT]/bin/pip install a"]);
    assert!(!lock.is_symlink());
    let children: Vec<_> = (0..4).map(|_| record("b").spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(shop.lines().len(), 2);
    assert!(!lock.is_symlink());
}

#[test]
fn killed_while_the_tool_runs_nothing_is_recorded() {
    let shop = Shop::new();
    shop.0.script("bin/pip", "echo $$; read go; exit 0");
    for signal in [Signal::KILL, Signal::TERM] {
        let mut running = spawn(shop.shim(&["pip", "install", "a"]));
        running.prints("\n");
        running.signal(signal);
        wait_until("its end", || !running.is_running());
        drop(running);
        assert_eq!(shop.recorded(), "");
    }
    let mut running = spawn(shop.shim(&["pip", "install", "a"]));
    running.reads("go\n");
    running.finish().ok();
    assert_eq!(shop.lines(), ["RUN [ROOT]/bin/pip install a"]);
}

//! Writers that are killed, and what is in their way.

use super::*;

fn lock_of(repo: &Repo) -> PathBuf {
    repo.path.join(".git").join(format!("{WHERE}.lock"))
}

#[test]
fn what_was_written_survives_a_kill() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    let mut reported: Vec<String> = Vec::new();
    let mut locks = 0;
    // Moments that are others in each run.
    let mut random = u64::from(std::process::id());
    for _ in 0..20 {
        let running = spawn(process(&repo, &head, ""));
        running.prints("written ");
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        std::thread::sleep(Duration::from_millis(random >> 57));
        running.signal(rustix::process::Signal::KILL);
        let Outcome { stdout, .. } = running.finish();
        // A line that was cut short was not reported.
        let lines = stdout
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix(".\n"))
            .filter_map(|line| line.rsplit_once("written "));
        reported.extend(lines.map(|(_, line)| line.to_owned()));
        if lock_of(&repo).exists() {
            locks += 1;
            std::fs::remove_file(lock_of(&repo)).unwrap();
        }
        sound(&repo);
    }
    println!("{} lines, {locks} locks left behind", reported.len());
    assert!(reported.len() >= 20);
    let written = note(&repo, &head);
    let written: BTreeSet<&str> = written.lines().collect();
    for line in &reported {
        assert!(written.contains(&**line), "{line} is lost");
    }
    append(&repo, &head, "after all");
    assert!(note(&repo, &head).ends_with("\nafter all\n"));
}

#[test]
fn a_lock_that_was_left_behind_is_named() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    append(&repo, &head, "one");
    std::fs::write(lock_of(&repo), "").unwrap();
    let began = Instant::now();
    let story = refused(&repo, &head, "two");
    let took = began.elapsed();
    println!("it took {took:?}");
    assert!(story.contains(lock_of(&repo).to_str().unwrap()), "{story}");
    assert_eq!(note(&repo, &head), "one\n");
    std::fs::remove_file(lock_of(&repo)).unwrap();
    append(&repo, &head, "two");
    assert_eq!(note(&repo, &head), "one\ntwo\n");
    // `TRIES` promises some ten seconds.
    assert!(took < Duration::from_secs(30), "it took {took:?}");
}

#[test]
fn a_ref_that_cannot_be_written_is_told_of_at_once() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    // Somebody's notes are below a directory of this name.
    repo.git(["update-ref", &format!("{WHERE}/theirs"), &head]);
    let began = Instant::now();
    let story = refused(&repo, &head, "ours");
    let took = began.elapsed();
    println!("it took {took:?}\n{story}");
    assert!(!story.contains("always being written"), "{story}");
    assert!(took < Duration::from_secs(30), "it took {took:?}");
}

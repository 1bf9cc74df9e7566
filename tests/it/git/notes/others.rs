//! What others wrote there.

use super::*;

#[test]
fn notes_of_others_stay_byte_for_byte() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    for bytes in [
        &b"Reviewed-by: Bo\n\n\n  indented \t\n"[..],
        b"no end of line",
        b"caf\xe9 \xff\xfe\x00\n",
        b"windows\r\n",
        b"",
        b"\n",
    ] {
        let head = repo.commit("More", &[]);
        repo.set_note(&head, bytes);
        assert_eq!(repo.note(&head).as_deref(), Some(bytes));
        append(&repo, &head, "ours");
        let mut expected = bytes.to_vec();
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            expected.push(b'\n');
        }
        expected.extend(b"ours\n");
        assert_eq!(repo.note(&head), Some(expected));
        // And is read, whatever it is.
        let read = found(&repo).note(&id(&head)).unwrap().unwrap();
        assert!(read.ends_with("ours\n"), "{read:?}");
    }
    assert_eq!(found(&repo).notes().unwrap().len(), 6);
}

#[test]
fn files_beside_the_notes_stay() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    // A tree with other things than notes in it, which git keeps too.
    let blob = repo.git(["hash-object", "-w", "a"]);
    let tree = format!("100644 blob {blob}\tREADME\n100644 blob {blob}\t{head}\n");
    let file = sandbox.file("tree", tree);
    let script = format!("git mktree < '{}'", file.display());
    let mut command = sandbox.command("sh");
    let tree = run(command.args(["-c", &script]).current_dir(&repo.path));
    let commit = repo.git(["commit-tree", "-m", "Theirs", &tree]);
    repo.git(["update-ref", WHERE, &commit]);
    append(&repo, &head, "ours");
    assert_eq!(note(&repo, &head), "1\nours\n");
    assert_eq!(
        repo.git(["show", &format!("{WHERE}:README")]),
        "1",
        "what is not a note is gone"
    );
}

#[test]
fn a_ref_that_leads_to_no_commit_is_left_alone() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    for (kind, revision) in [("blob", "HEAD:a"), ("tree", "HEAD^{tree}")] {
        let object = repo.git(["rev-parse", revision]);
        repo.git(["update-ref", WHERE, &object]);
        let story = refused(&repo, &head, "ours");
        let says = format!("refs/notes/dkr points at a {kind}");
        assert!(story.contains(&says), "{story}");
        assert!(story.contains("hint: see what it is"), "{story}");
        assert_eq!(repo.git(["rev-parse", WHERE]), object);
    }
    repo.git(["tag", "-a", "-m", "A tag", "tagged"]);
    let tag = repo.git(["rev-parse", "tagged"]);
    repo.git(["update-ref", WHERE, &tag]);
    assert!(refused(&repo, &head, "ours").contains("points at a tag"));
    assert_eq!(repo.git(["rev-parse", WHERE]), tag);
}

#[test]
fn such_a_ref_is_no_reason_to_read_nonsense() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = id(&repo.head());
    let object = repo.git(["rev-parse", "HEAD:a"]);
    repo.git(["update-ref", WHERE, &object]);
    for error in [
        found(&repo).notes().err(),
        found(&repo).note(&head).err(),
        found(&repo).push_notes("origin").err(),
    ] {
        let story = format!("{:#}", error.expect("it was read"));
        assert!(
            story.contains("notes/dkr") || story.contains("records"),
            "{story}"
        );
    }
    assert_eq!(repo.git(["rev-parse", WHERE]), object);
}

#[test]
fn an_empty_ref_of_notes() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let head = repo.head();
    let empty = repo.git(["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let commit = repo.git(["commit-tree", "-m", "No notes", &empty]);
    repo.git(["update-ref", WHERE, &commit]);
    assert_eq!(all(&repo).len(), 0);
    assert_eq!(found(&repo).note(&id(&head)).unwrap(), None);
    append(&repo, &head, "ours");
    assert_eq!(note(&repo, &head), "ours\n");
    // What was there is its history.
    assert_eq!(repo.id(&format!("{WHERE}~1")), commit);
}

#[test]
fn without_any_notes_there_are_none() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    assert_eq!(found(&repo).notes().unwrap(), []);
    assert_eq!(found(&repo).note(&id(&repo.head())).unwrap(), None);
    // To look makes nothing.
    assert!(!repo.has(WHERE));
}

#[test]
fn a_symbolic_ref_does_not_take_a_branch_along() {
    for format in ["files", "reftable"] {
        let sandbox = Sandbox::new();
        let repo = Repo::init(&sandbox, "repo", &[&format!("--ref-format={format}")]);
        let head = repo.commit("Begin", &[("a", "1")]);
        repo.git(["symbolic-ref", WHERE, "refs/heads/main"]);
        let story = refused(&repo, &head, "ours");
        assert!(story.contains("is a symbolic ref"), "{story}");
        assert!(story.contains("hint: make it one of its own"), "{story}");
        assert_eq!(repo.head(), head);
    }
}

//! What a build is given instead of a clone: exactly what the branch leads to, or all there is.

use std::io::Read;
use std::path::Path;

use git_dkr::git::{ObjectBundle, ObjectId, Objects};
use git_dkr::image::Target;
use git_dkr::proc::CancelToken;

use super::{found, resolve};
use crate::common::Sandbox;
use crate::common::repo::Repo;

/// What HEAD of the repository is made into.
fn prepare(repo: &Repo, objects: Objects) -> anyhow::Result<ObjectBundle> {
    prepare_at(repo, &resolve(repo, "HEAD"), objects)
}

fn prepare_at(repo: &Repo, target: &Target, objects: Objects) -> anyhow::Result<ObjectBundle> {
    let directory = repo.sandbox.path(&crate::common::unique());
    let (commit, branch) = (&target.commit, target.on_branch());
    let stop = CancelToken::default();
    let bundle = ObjectBundle::prepare(&found(repo), commit, branch, objects, &directory, &stop);
    // What was prepared is open: the directory may be gone before it is sent.
    let _ = std::fs::remove_dir_all(directory);
    bundle
}

pub(super) fn archive(bundle: ObjectBundle) -> anyhow::Result<Vec<u8>> {
    let mut archive = Vec::new();
    let whole = bundle.send(|bytes| {
        archive.extend(bytes);
        true
    })?;
    assert!(whole);
    Ok(archive)
}

/// A repository made of it, at HEAD.
#[track_caller]
fn unpacked<'a>(repo: &Repo<'a>, bundle: ObjectBundle) -> Repo<'a> {
    let size = bundle.size();
    let bytes = archive(bundle).unwrap();
    assert!(bytes.len() as u64 > size);
    let format = if repo.is_sha256() { "sha256" } else { "sha1" };
    let options = ["--object-format", format];
    let made = Repo::init(repo.sandbox, &crate::common::unique(), &options);
    tar::Archive::new(&bytes[..])
        .unpack(made.path.join(".git"))
        .unwrap();
    let last = made.path.join(".git/git-dkr-complete");
    std::fs::remove_file(last).unwrap();
    made.git(["reset", "--quiet", "--hard", &repo.head()]);
    // Broken links are told of on standard error, too.
    let fsck = made.command().args(["fsck", "--full"]).output().unwrap();
    let said = String::from_utf8_lossy(&fsck.stderr).into_owned();
    assert!(fsck.status.success() && !said.contains("error"), "{said}");
    made
}

#[track_caller]
pub(super) fn sent<'a>(repo: &Repo<'a>, objects: Objects) -> Repo<'a> {
    let before = repo.snapshot();
    let made = unpacked(repo, prepare(repo, objects).unwrap());
    before.assert_same(repo);
    assert_eq!(made.head(), repo.head());
    assert_eq!(made.git(["status", "--porcelain"]), "");
    let count = |repo: &Repo| repo.git(["rev-list", "--count", "HEAD"]);
    assert_eq!(count(&made), count(repo));
    made
}

pub(super) fn has(repo: &Repo, id: &str) -> bool {
    let mut command = repo.command();
    command.args(["cat-file", "-e", id]);
    command.output().unwrap().status.success()
}

/// The ids of secrets: on another branch, in a stash, and where no ref leads.
pub(super) fn secrets(repo: &Repo) -> Vec<String> {
    let blob = |revision: &str| repo.git(["rev-parse", revision]);
    repo.branch("other", "main");
    repo.commit("A secret", &[("secret", "other\n")]);
    repo.git(["tag", "-a", "-m", "Not of main", "other-tag"]);
    let mut ids = vec![repo.head(), blob("HEAD:secret"), blob("other-tag")];
    repo.checkout("main");
    repo.write("a", "stashed\n");
    repo.git(["stash", "--quiet"]);
    ids.push(blob("stash:a"));
    repo.commit("Thrown away", &[("gone", "gone\n")]);
    ids.extend([repo.head(), blob("HEAD:gone")]);
    repo.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    ids
}

/// Some history, its tags, and secrets beside it.
fn with_secrets(sandbox: &Sandbox) -> (Repo<'_>, Vec<String>) {
    let repo = sandbox.repo();
    repo.git(["tag", "light"]);
    repo.commit("More", &[("b", "2\n"), ("directory/c", "3\n")]);
    repo.git(["tag", "-a", "-m", "A release", "v1"]);
    repo.git(["tag", "-a", "-m", "Of a tag", "nested", "v1"]);
    let secrets = secrets(&repo);
    (repo, secrets)
}

/// All of it in packs, a bitmap and a commit-graph.
fn packed(repo: &Repo) {
    repo.git(["repack", "-adqb", "--keep-unreachable"]);
    repo.git(["commit-graph", "write", "--reachable"]);
}

#[test]
fn exact_is_what_the_branch_leads_to() {
    let sandbox = Sandbox::new();
    let (repo, secrets) = with_secrets(&sandbox);
    for is_packed in [false, true] {
        if is_packed {
            packed(&repo);
        }
        let made = sent(&repo, Objects::Exact);
        for secret in &secrets {
            assert!(has(&repo, secret) && !has(&made, secret), "{secret}");
        }
        assert_eq!(made.git(["tag"]), "light\nnested\nv1");
        assert_eq!(made.git(["rev-parse", "nested^{commit}"]), repo.head());
        assert_eq!(
            made.git(["rev-parse", "refs/remotes/host/main"]),
            repo.head()
        );
        let graph = std::fs::read(made.path.join(".git/objects/info/commit-graph"));
        assert_eq!(graph.is_ok(), is_packed);
        // Ids are in it as bytes.
        let secret = gix::ObjectId::from_hex(secrets[0].as_bytes()).unwrap();
        let holds = |bytes: &[u8], id: &gix::ObjectId| {
            bytes.windows(20).any(|window| window == id.as_slice())
        };
        if let Ok(graph) = graph {
            assert!(!holds(&graph, &secret));
            let head = gix::ObjectId::from_hex(repo.head().as_bytes()).unwrap();
            assert!(holds(&graph, &head));
        }
    }
}

#[test]
fn all_is_everything_and_packs_as_they_are() {
    let sandbox = Sandbox::new();
    let (repo, secrets) = with_secrets(&sandbox);
    // Loose first.
    let made = sent(&repo, Objects::All);
    assert!(secrets.iter().all(|secret| has(&made, secret)));
    packed(&repo);
    let loose = repo.commit("A loose one", &[("d", "4\n")]);
    let made = sent(&repo, Objects::All);
    assert!(secrets.iter().all(|secret| has(&made, secret)));
    assert!(has(&made, &loose));
    assert_eq!(made.git(["tag"]), "light\nnested\nv1");
    let files = |repo: &Repo| names(&repo.path.join(".git/objects/pack"));
    let theirs = files(&repo);
    assert!(theirs.iter().any(|name| name.ends_with(".bitmap")));
    for name in &theirs {
        let file = |repo: &Repo| repo.path.join(".git/objects/pack").join(name);
        let read = |repo: &Repo| std::fs::read(file(repo)).unwrap();
        assert!(read(&made) == read(&repo), "{name}");
    }
    assert_eq!(made.git(["count-objects"]), "0 objects, 0 kilobytes");
    assert!(made.path.join(".git/objects/info/commit-graph").exists());
}

pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn repositories_of_every_kind() {
    for objects in [Objects::Exact, Objects::All] {
        let sandbox = Sandbox::new();
        let main = sandbox.repo();
        main.commits(3);
        let sha256 = Repo::init(&sandbox, "sha256", &["--object-format=sha256"]);
        sha256.commit("Begin", &[("a", "1\n")]);
        sha256.git(["tag", "-a", "-m", "A release", "v1"]);
        sent(&sha256, objects);
        packed(&sha256);
        sent(&sha256, objects);

        let linked = main.worktree("linked");
        linked.commit("In the linked worktree", &[("b", "2\n")]);
        sent(&linked, objects);
        sent(&main.clone_with(&["--bare"]), objects);
        let borrows = main.clone_with(&["--reference", main.path.to_str().unwrap()]);
        borrows.commit("Of its own", &[("c", "3\n")]);
        packed(&main);
        sent(&borrows, objects);

        main.checkout("HEAD~1");
        let made = sent(&main, objects);
        assert_eq!(made.git(["for-each-ref", "refs/remotes"]), "");
    }
}

#[test]
fn where_history_is_cut_off() {
    let sandbox = Sandbox::new();
    let full = sandbox.repo();
    full.branch("other", "main").commits(5);
    full.checkout("main").commits(5);
    let options = ["--depth=2", "--no-single-branch"];
    let shallow = full.clone_with(&options);
    let cuts = |repo: &Repo| std::fs::read_to_string(repo.path.join(".git/shallow")).unwrap();
    assert_eq!(cuts(&shallow).lines().count(), 2);
    let made = sent(&shallow, Objects::Exact);
    assert_eq!(cuts(&made), shallow.id("HEAD~1") + "\n");
    assert_eq!(cuts(&sent(&shallow, Objects::All)), cuts(&shallow));
}

/// The only pack of a repository.
pub(super) fn pack(repo: &Repo) -> std::path::PathBuf {
    let directory = repo.path.join(".git/objects/pack");
    let name = names(&directory)
        .into_iter()
        .find(|name| name.ends_with(".pack"));
    directory.join(name.unwrap())
}

/// Turns a bit in the middle of a file.
pub(super) fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    overwrite(path, &bytes);
}

/// Git makes what it packs read-only.
fn overwrite(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_broken_is_named() {
    let sandbox = Sandbox::new();
    for objects in [Objects::Exact, Objects::All] {
        let repo = sandbox.repo();
        // Nothing of it is worth a delta: the middle of the pack is in the middle of this.
        let noise: Vec<u8> = (0..40_000_u32)
            .flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes())
            .collect();
        std::fs::write(repo.path.join("noise"), noise).unwrap();
        repo.git(["add", "noise"]);
        repo.commit("Noise", &[]);
        packed(&repo);
        let (commit, pack) = (repo.head(), pack(&repo));
        damage(&pack);
        let commit = ObjectId::parse(&commit).unwrap();
        let directory = sandbox.path(&crate::common::unique());
        let stop = CancelToken::default();
        let branch = Some("main");
        let bundle =
            ObjectBundle::prepare(&found(&repo), &commit, branch, objects, &directory, &stop);
        let error = bundle.and_then(archive).unwrap_err();
        let named = pack.file_name().unwrap().to_str().unwrap();
        let said = format!("{error:#}");
        assert!(said.contains(named), "{said}");
        let hint = git_dkr::report::hint(&error).unwrap();
        assert!(hint.contains("fsck looks for"), "{hint}");
    }
}

#[test]
fn an_index_that_is_broken_is_not_believed() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.commits(3);
    packed(&repo);
    let target = resolve(&repo, "HEAD");
    let index = pack(&repo).with_extension("idx");
    let sound = std::fs::read(&index).unwrap();
    let head = gix::ObjectId::from_hex(repo.head().as_bytes()).unwrap();
    let (ids, hash) = (8 + 4 * 256, head.as_slice().len());
    let count = u32::from_be_bytes(*sound[..ids].last_chunk().unwrap());
    for rank in 0..count as usize {
        let mut broken = sound.clone();
        let end = ids + (rank + 1) * hash;
        if sound[end - hash..end] == *head.as_slice() {
            // Git says it first.
            continue;
        }
        // The last bit: the ids stay in their order.
        broken[end - 1] ^= 1;
        overwrite(&index, &broken);
        let said = prepare_at(&repo, &target, Objects::Exact).unwrap_err();
        let said = format!("{said:#}");
        assert!(said.contains("is broken"), "{rank}: {said}");
    }
}

#[test]
fn a_pack_that_lacks_its_last_entry_is_no_pack() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    packed(&repo);
    let (target, pack) = (resolve(&repo, "HEAD"), pack(&repo));
    let index =
        gix::odb::pack::index::File::at(pack.with_extension("idx"), gix::hash::Kind::Sha1).unwrap();
    let last = *index.sorted_offsets().last().unwrap() as usize;
    overwrite(&pack, &std::fs::read(&pack).unwrap()[..last + 20]);
    let said = prepare_at(&repo, &target, Objects::Exact)
        .and_then(archive)
        .unwrap_err();
    let said = format!("{said:#}");
    // Or git says it first.
    let known = said.contains("is broken") || said.contains("does not match index");
    assert!(known, "{said}");
}

#[test]
fn a_pack_that_becomes_shorter_is_no_pack() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    packed(&repo);
    let bundle = prepare(&repo, Objects::All).unwrap();
    let file = std::fs::File::options().write(true).open(pack(&repo));
    file.unwrap().set_len(100).unwrap();
    let said = archive(bundle).unwrap_err().to_string();
    assert!(said.contains("shrank"), "{said}");
}

#[test]
fn a_gc_meanwhile_changes_nothing() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.many_commits(200);
    packed(&repo);
    repo.commits(3);
    let bundle = prepare(&repo, Objects::All).unwrap();
    let old = pack(&repo);
    repo.git(["repack", "-adq"]);
    repo.git(["prune-packed"]);
    assert!(!old.exists());
    unpacked(&repo, bundle);
}

/// Packs come and go all the time.
#[test]
fn packs_are_found_while_they_are_rewritten() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    repo.many_commits(500);
    repo.git(["reset", "--quiet", "--hard"]);
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut depth = 1;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                depth = depth % 40 + 1;
                let mut command = sandbox.command("git");
                command.args(["repack", "-adfq", &format!("--depth={depth}")]);
                assert!(command.current_dir(&repo.path).status().unwrap().success());
            }
        });
        // At worst it says that it gives up.
        let excuses = [
            (Objects::All, "keep changing"),
            (Objects::Exact, "cannot pack the objects"),
        ];
        for (objects, excuse) in [excuses; 10].into_iter().flatten() {
            match prepare(&repo, objects) {
                Ok(bundle) => drop(unpacked(&repo, bundle)),
                Err(error) => assert!(error.to_string().contains(excuse), "{error:#}"),
            }
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap();
    });
}

#[test]
fn what_is_no_pack_yet_and_what_is_git_s_own_stays() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    packed(&repo);
    let pack = pack(&repo);
    for (name, text) in [
        (pack.with_extension("keep"), ""),
        (pack.with_file_name("tmp_pack_1"), "half"),
        (pack.with_file_name("pack-00.pack"), "without an index"),
    ] {
        std::fs::write(name, text).unwrap();
    }
    let bytes = archive(prepare(&repo, Objects::All).unwrap()).unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        for left in [".keep", "tmp_", "pack-00"] {
            assert!(!name.contains(left), "{name}");
        }
        entry.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn too_many_packs_are_refused_with_advice() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let directory = repo.path.join(".git/objects/pack");
    for number in 0..500 {
        for kind in ["pack", "idx"] {
            std::fs::write(directory.join(format!("pack-{number:040}.{kind}")), "").unwrap();
        }
    }
    let error = prepare(&repo, Objects::All).unwrap_err();
    assert!(error.to_string().contains("too many"), "{error:#}");
    assert!(git_dkr::report::hint(&error).unwrap().contains("git gc"));
}

#[test]
fn the_command_that_is_advised_writes_a_bitmap() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo_at("a 'b' $c");
    repo.many_commits(20);
    repo.git(["repack", "-adq"]);
    assert!(!found(&repo).has_bitmap().unwrap());
    let command = found(&repo).bitmap_command();
    crate::common::run(sandbox.command("sh").args(["-c", &command]));
    assert!(found(&repo).has_bitmap().unwrap());
    repo.git(["reset", "--quiet", "--hard"]);
    sent(&repo, Objects::Exact);
    sent(&repo, Objects::All);
}

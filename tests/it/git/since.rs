//! What a build is given instead of a fetch: what leads from one commit to another.

use git_dkr::git::{ObjectBundle, ObjectId, TagSelection};
use git_dkr::proc::CancelToken;

use super::packs::{archive, has, secrets};
use super::{found, resolve};
use crate::common::Sandbox;
use crate::common::repo::Repo;

/// What leads from a commit to HEAD, sent to a clone of the commit: that clone, and what it is told of tags.
#[track_caller]
fn sent_since<'a>(repo: &Repo<'a>, below: &str, tags: TagSelection) -> (Repo<'a>, usize, String) {
    let bundle = {
        let (directory, stop) = (
            repo.sandbox.path(&crate::common::unique()),
            CancelToken::default(),
        );
        let (below, commit) = (
            ObjectId::parse(below).unwrap(),
            resolve(repo, "HEAD").commit,
        );
        let found = found(repo);
        let bundle = ObjectBundle::since(&found, &below, &commit, tags, &directory, &stop).unwrap();
        let _ = std::fs::remove_dir_all(directory);
        bundle
    };
    let format = if repo.is_sha256() { "sha256" } else { "sha1" };
    let options = ["--object-format", format];
    let made = Repo::init(repo.sandbox, &crate::common::unique(), &options);
    let path = repo.path.display().to_string();
    made.git(["fetch", "--quiet", "--no-tags", &path, below]);
    let bytes = archive(bundle).unwrap();
    let into = made.path.join(".git");
    tar::Archive::new(&bytes[..]).unpack(&into).unwrap();
    let told = |name| std::fs::read_to_string(into.join("dkr-update").join(name)).unwrap();
    assert_eq!(told("below").trim_end(), below);
    let packs = std::fs::read_dir(into.join("objects/pack")).unwrap();
    let index = |name: &String| name.ends_with(".idx");
    let names = packs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let packed: usize = names
        .filter(index)
        .map(|name| {
            let list = made.git([
                "verify-pack",
                "--verbose",
                &format!(".git/objects/pack/{name}"),
            ]);
            let kinds = [" commit ", " tree ", " blob ", " tag "];
            list.lines()
                .filter(|line| kinds.iter().any(|kind| line.contains(kind)))
                .count()
        })
        .sum();
    made.git(["reset", "--quiet", "--hard", &repo.head()]);
    made.git(["fsck", "--full", "--strict"]);
    (made, packed, told("tags"))
}

#[test]
fn since_is_what_leads_from_one_commit_to_the_other() {
    let sandbox = Sandbox::new();
    let sha256 = Repo::init(&sandbox, "sha256", &["--object-format=sha256"]);
    sha256.commit("Begin", &[("a", "1\n")]);
    for repo in [sandbox.repo(), sha256] {
        repo.git(["tag", "-a", "-m", "There already", "old"]);
        let below = repo.commit("More", &[("b", "2\n"), ("directory/c", "3\n")]);
        repo.commit("New", &[("b", "3\n")]);
        repo.git(["tag", "-a", "-m", "A release", "v1"]);
        repo.git(["tag", "-a", "-m", "Of a tag", "nested", "v1"]);
        let secrets = secrets(&repo);
        let before = repo.snapshot();
        let (made, packed, tags) = sent_since(&repo, &below, TagSelection::Merged);
        before.assert_same(&repo);
        // A commit, a tree, a blob and two tags.
        assert_eq!(packed, 5);
        for secret in &secrets {
            assert!(has(&repo, secret) && !has(&made, secret), "{secret}");
        }
        let id = |name: &str| repo.git(["rev-parse", name]);
        let line =
            |(leads_to, name): (&str, &str)| format!("{leads_to} {} refs/tags/{name}\n", id(name));
        let (head, other) = (repo.head(), repo.git(["rev-parse", "other"]));
        let merged = ["nested", "old", "v1"].map(|name| line((&head, name)));
        assert_eq!(tags, merged.concat());
        // A fetch follows tags by what they lead to.
        let (_, _, tags) = sent_since(&repo, &below, TagSelection::Followed);
        let old = repo.git(["rev-parse", "old^{commit}"]);
        for tag in [(&*old, "old"), (&*head, "v1"), (&*other, "other-tag")] {
            assert!(tags.contains(&line(tag)), "{tags}");
        }
        // Back to where it was: there is nothing to send.
        let tip = repo.head();
        repo.git(["reset", "--quiet", "--hard", &below]);
        let (_, packed, _) = sent_since(&repo, &tip, TagSelection::Merged);
        assert_eq!(packed, 0);
    }
}

//! Which languages a repository speaks: the table, and what of a repository is looked at.

use git_dkr::git::ObjectId;
use git_dkr::layers::detect::{detect, languages, stack};
use proptest::prelude::*;

use crate::common::Sandbox;
use crate::common::dkr::Outcome;
use crate::common::repo::Repo;

/// Every file of the table, and its layer.
const TABLE: [(&str, &str); 16] = [
    ("Cargo.toml", "rust"),
    ("go.mod", "golang"),
    ("go.sum", "golang"),
    ("package.json", "nodejs"),
    ("requirements.txt", "python"),
    ("pyproject.toml", "python"),
    ("setup.py", "python"),
    ("Pipfile", "python"),
    ("poetry.lock", "python"),
    ("pom.xml", "java"),
    ("build.gradle", "java"),
    ("build.gradle.kts", "java"),
    ("composer.json", "php"),
    ("CMakeLists.txt", "cpp"),
    ("meson.build", "cpp"),
    ("Makefile", "cpp"),
];

/// The layers that follow from these paths.
fn layers(files: &[&str]) -> String {
    stack(&detect(files)).join(" ")
}

/// The layers that follow from the repository's HEAD.
#[track_caller]
fn of(repo: &Repo) -> String {
    let found = git_dkr::git::Repo::find(Some(&repo.path)).unwrap();
    let commit = ObjectId::parse(&repo.head()).unwrap();
    stack(&languages(&found, &commit).unwrap()).join(" ")
}

#[test]
fn every_file_of_the_table() {
    for (file, layer) in TABLE {
        let found = detect(&[file]);
        assert_eq!(stack(&found), ["base", layer], "{file}");
        assert_eq!(found[0].files, [file]);
    }
}

#[test]
fn several_give_one_stack_in_a_fixed_order() {
    let all: Vec<&str> = TABLE.iter().map(|(file, _)| *file).collect();
    assert_eq!(layers(&all), "base nodejs python java golang rust php cpp");
    assert_eq!(
        layers(&["go.sum", "Cargo.toml", "go.mod"]),
        "base golang rust"
    );
    let go = &detect(&["go.sum", "go.mod"])[0];
    assert_eq!((go.language, go.layer), ("go", Some("golang")));
    assert_eq!(go.files, ["go.mod", "go.sum"]);
}

#[test]
fn none_gives_base() {
    for files in [
        &[][..],
        &["README.md", "src/main.rs"],
        &["cargo.toml", "Cargo.toml.in", "xgo.mod", "Cargo.toml "],
    ] {
        assert_eq!(layers(files), "base", "{files:?}");
    }
}

#[test]
fn the_top_decides_and_else_the_directories_below_it() {
    assert_eq!(layers(&["Cargo.toml", "web/package.json"]), "base rust");
    assert_eq!(
        layers(&["server/go.mod", "web/package.json"]),
        "base nodejs golang"
    );
    assert_eq!(layers(&["a/b/Cargo.toml"]), "base");
}

#[test]
fn a_makefile_says_something_only_where_nothing_else_does() {
    assert_eq!(layers(&["Makefile", "src/a.c"]), "base cpp");
    assert_eq!(layers(&["Makefile", "go.mod"]), "base golang");
    assert_eq!(layers(&["Makefile", "server/go.mod"]), "base golang");
    assert_eq!(layers(&["go.mod", "c/Makefile"]), "base golang");
    assert_eq!(layers(&["src/Makefile"]), "base cpp");
    assert_eq!(layers(&["docs/Makefile"]), "base");
    assert_eq!(layers(&["Makefile", "CMakeLists.txt"]), "base cpp");
    assert_eq!(detect(&["Makefile", "src/Makefile"])[0].files, ["Makefile"]);
}

#[test]
fn what_has_no_layer_is_found_and_decides_nothing() {
    for (file, language) in [
        ("app.csproj", "csharp"),
        ("shop.sln", "csharp"),
        ("flake.nix", "nix"),
        ("default.nix", "nix"),
        ("shell.nix", "nix"),
        ("main.tf", "terraform"),
    ] {
        let found = detect(&[file]);
        assert_eq!((found[0].language, found[0].layer), (language, None));
        assert_eq!(layers(&[file]), "base");
        assert_eq!(layers(&[file, "server/go.mod"]), "base golang");
        assert_eq!(layers(&[file, "Makefile"]), "base cpp");
    }
    assert_eq!(detect(&[".tf", "x.tfvars", "csproj"]), []);
    let found = detect(&["infra/main.tf", "a.sln", "b.sln", "web/package.json"]);
    let names: Vec<&str> = found.iter().map(|found| found.language).collect();
    assert_eq!(names, ["node", "csharp", "terraform"]);
    assert_eq!(found[1].files, ["a.sln", "b.sln"]);
}

#[test]
fn directories_of_others_do_not_count() {
    for directory in [
        ".github",
        "vendor",
        "node_modules",
        "third_party",
        "docs",
        "Examples",
    ] {
        assert_eq!(
            layers(&[&format!("{directory}/package.json")]),
            "base",
            "{directory}"
        );
    }
}

proptest! {
    #[test]
    fn the_order_of_files_does_not_matter(
        files in proptest::sample::subsequence(
            TABLE.iter().flat_map(|(file, _)| [(*file).to_owned(), format!("sub/{file}")])
                .chain(["README".to_owned(), "docs/go.mod".to_owned()])
                .collect::<Vec<_>>(),
            0..=34,
        ).prop_shuffle(),
    ) {
        let mut sorted: Vec<&str> = files.iter().map(String::as_str).collect();
        let shuffled = detect(&sorted);
        sorted.sort_unstable();
        prop_assert_eq!(&shuffled, &detect(&sorted));
        // The order of layers is that of the whole table.
        let all = ["base", "nodejs", "python", "java", "golang", "rust", "php", "cpp"];
        let stack = stack(&shuffled);
        prop_assert!(all.iter().filter(|layer| stack.contains(*layer)).eq(stack.iter()));
    }

    #[test]
    fn any_path_is_taken(files in proptest::collection::vec(".{0,12}(/.{0,12}){0,2}", 0..5)) {
        detect(&files.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// A repository with a Rust crate at its top.
fn rust(sandbox: &Sandbox) -> Repo<'_> {
    let repo = sandbox.repo();
    repo.commit("A crate", &[("Cargo.toml", ""), ("src/lib.rs", "")]);
    repo
}

#[test]
fn what_is_not_committed_is_not_seen() {
    let sandbox = Sandbox::new();
    let repo = rust(&sandbox);
    repo.write("go.mod", "");
    repo.write("package.json", "");
    repo.git(["add", "package.json"]);
    std::fs::remove_file(repo.path.join("Cargo.toml")).unwrap();
    assert_eq!(of(&repo), "base rust");
}

#[test]
fn the_commit_that_is_asked_for() {
    let sandbox = Sandbox::new();
    let repo = rust(&sandbox);
    let first = repo.head();
    repo.branch("go", "main");
    repo.git(["rm", "--quiet", "Cargo.toml"]);
    repo.commit("Rewrite it", &[("go.mod", "")]);
    assert_eq!(last(&dkr(&sandbox, &repo, &["main"])), "layers: base rust");
    assert_eq!(last(&dkr(&sandbox, &repo, &["go"])), "layers: base golang");
    assert_eq!(last(&dkr(&sandbox, &repo, &[&first])), "layers: base rust");
    assert_eq!(of(&repo), "base golang");
}

#[test]
fn nested_in_a_directory_of_a_strange_name() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    for (number, directory) in [":(glob)*", "-a b", "ü\n", "["].iter().enumerate() {
        let file = ["go.mod", "pom.xml", "setup.py", "Cargo.toml"][number];
        repo.write(&format!("{directory}/{file}"), "");
    }
    repo.write("deep/er/package.json", "");
    repo.write("vendor/package.json", "");
    repo.git(["add", "--all"]);
    repo.commit("Directories", &[]);
    assert_eq!(of(&repo), "base python java golang rust");
}

#[test]
fn many_directories() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    for number in 0..1100 {
        repo.write(&format!("part-{number}/README"), "");
    }
    repo.write("zz/Cargo.toml", "");
    repo.git(["add", "--all"]);
    repo.commit("Directories", &[]);
    assert_eq!(of(&repo), "base rust");
}

#[test]
fn a_directory_or_a_submodule_of_that_name_is_no_file_and_a_link_is() {
    let sandbox = Sandbox::new();
    let other = rust(&sandbox);
    let repo = sandbox.repo();
    repo.commit("A directory", &[("package.json/a", "")]);
    repo.submodule("go.mod", &other);
    repo.write("kept/real", "");
    std::os::unix::fs::symlink("kept/real", repo.path.join("pom.xml")).unwrap();
    std::os::unix::fs::symlink("nowhere", repo.path.join("setup.py")).unwrap();
    repo.git(["add", "--all"]);
    repo.commit("Links", &[]);
    assert_eq!(of(&repo), "base python java");
}

#[test]
fn from_any_kind_of_repository() {
    let sandbox = Sandbox::new();
    let repo = rust(&sandbox);
    let bare = repo.clone_with(&["--bare"]);
    assert_eq!(of(&bare), "base rust");
    let linked = repo.worktree("linked");
    linked.commit("Python too", &[("setup.py", "")]);
    assert_eq!(of(&linked), "base python rust");
    assert_eq!(of(&repo), "base rust");
    let shallow = repo.clone_with(&["--depth=1"]);
    assert_eq!(of(&shallow), "base rust");
    let partial = repo.clone_with(&["--filter=blob:none", "--no-checkout"]);
    assert_eq!(of(&partial), "base rust");
    let outer = sandbox.repo();
    let inner = outer.submodule("inner", &repo);
    assert_eq!(of(&inner), "base rust");
    assert_eq!(of(&outer), "base");
}

#[test]
fn from_below_the_top_of_the_worktree() {
    let sandbox = Sandbox::new();
    let repo = rust(&sandbox);
    repo.commit("Web", &[("web/package.json", "")]);
    let found = sandbox.dkr(&repo.path.join("web"), ["detect"]).ok();
    assert_eq!(last(&found), "layers: base rust");
}

#[test]
fn a_sha256_repository() {
    let sandbox = Sandbox::new();
    let repo = Repo::init(
        &sandbox,
        "sha256",
        &["--object-format=sha256", "-b", "main"],
    );
    repo.commit("Go", &[("cmd/go.mod", "")]);
    assert_eq!(of(&repo), "base golang");
}

#[track_caller]
fn dkr(sandbox: &Sandbox, repo: &Repo, args: &[&str]) -> Outcome {
    let args = ["detect"].iter().chain(args);
    sandbox.dkr(&repo.path, args).ok()
}

/// The last line of its result.
fn last(outcome: &Outcome) -> &str {
    outcome.stdout.lines().last().unwrap_or_default()
}

#[test]
fn what_it_prints() {
    let sandbox = Sandbox::new();
    let repo = rust(&sandbox);
    repo.commit("More", &[("setup.py", ""), ("poetry.lock", "")]);
    let found = dkr(&sandbox, &repo, &[]);
    insta::assert_snapshot!(found.stdout, @r"
    TYPE    FOUND BY               LAYER
    python  poetry.lock, setup.py  python
    rust    Cargo.toml             rust
    layers: base python rust
    ");
    found.says("git dkr create-image --stack auto");

    let found = dkr(&sandbox, &repo, &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    let expected = serde_json::json!({
        "commit": repo.head(),
        "types": [
            {"type": "python", "layer": "python", "files": ["poetry.lock", "setup.py"]},
            {"type": "rust", "layer": "rust", "files": ["Cargo.toml"]},
        ],
        "layers": ["base", "python", "rust"],
    });
    assert_eq!(json, expected);
    assert_eq!(found.stderr, "");
}

#[test]
fn what_has_no_layer_is_said() {
    let sandbox = Sandbox::new();
    let repo = rust(&sandbox);
    repo.commit("More", &[("main.tf", ""), ("app.csproj", "")]);
    let found = dkr(&sandbox, &repo, &[]);
    insta::assert_snapshot!(found.stdout, @r"
    TYPE       FOUND BY    LAYER
    rust       Cargo.toml  rust
    csharp     app.csproj  -
    terraform  main.tf     -
    layers: base rust
    ");
    found.says("no layer is built in for csharp, terraform");
    let found = dkr(&sandbox, &repo, &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(json["types"][1]["layer"], serde_json::Value::Null);
    assert_eq!(json["layers"], serde_json::json!(["base", "rust"]));
}

#[test]
fn nothing_found_is_an_answer() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let found = dkr(&sandbox, &repo, &[]);
    assert_eq!(found.stdout, "layers: base\n");
    let found = dkr(&sandbox, &repo, &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(json["types"], serde_json::json!([]));
    assert_eq!(json["layers"], serde_json::json!(["base"]));
}

#[test]
fn a_branch_or_a_repository_that_is_not_there() {
    let sandbox = Sandbox::new();
    let repo = rust(&sandbox);
    let said = sandbox.dkr(&repo.path, ["detect", "nosuch"]).fails();
    said.says("no branch, tag or commit is called nosuch");
    sandbox.dkr(&repo.path, ["detect", "/nowhere"]).fails();
}

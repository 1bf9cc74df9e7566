//! A build in `/workspace` that is warm stays warm: what git did not change is not touched.

use crate::common::engine::{Image, Lab};
use crate::common::repo::Repo;

/// Where a build says what it does, outside of the clone.
const LOG: &str = "/build.log";

/// What the last build did, a line each, sorted.
fn built(image: &Image) -> String {
    image.sh(&format!("sort {LOG}"))
}

/// Path and time of every file of the worktree that git knows.
fn times(image: &Image) -> Vec<String> {
    let listed = image.sh("git ls-files -z | xargs -0 stat -c '%n %y'");
    listed.lines().map(str::to_owned).collect()
}

/// The files whose times are not the same in both.
fn touched(before: &[String], after: &[String]) -> Vec<String> {
    let name = |line: &String| line.split(' ').next().unwrap().to_owned();
    let new = after.iter().filter(|line| !before.contains(line));
    new.map(name).collect()
}

/// A program of three files, and a build that tells what it compiles.
fn with_make<'a>(lab: &'a Lab) -> Repo<'a> {
    let repo = lab.repo();
    let makefile = "prog: main.o one.o two.o\n\t@echo link >> /build.log; cc -o $@ $^\n\
                    %.o: %.c\n\t@echo $< >> /build.log; cc -c -o $@ $<\n";
    repo.commit(
        "Add a program",
        &[
            ("Makefile", makefile),
            (
                "main.c",
                "int one(void); int two(void); int main(void) { return one() + two(); }\n",
            ),
            ("one.c", "int one(void) { return 1; }\n"),
            ("two.c", "int two(void) { return 2; }\n"),
            (".gitignore", "*.o\nprog\ntarget\n"),
        ],
    );
    repo.conf(&format!(
        "packages = cargo gcc libc6-dev make\n[post_clone]\nRUN rm -f {LOG} && touch {LOG} && make\n"
    ));
    repo
}

#[test]
fn an_update_that_touches_one_file_compiles_one_file() {
    let Some(lab) = Lab::new() else { return };
    let repo = with_make(&lab);
    let base = lab.create(&repo, &[]);
    assert_eq!(built(&base), "link\nmain.c\none.c\ntwo.c");
    let before = times(&base);
    repo.commit("Change", &[("one.c", "int one(void) { return 40; }\n")]);
    let image = lab.update(&repo, &[]);
    assert_eq!(built(&image), "link\none.c");
    assert_eq!(touched(&before, &times(&image)), ["one.c"]);
    assert_eq!(image.sh("cd /workspace; ./prog || echo $?"), "42");
}

#[test]
fn an_update_that_touches_one_crate_compiles_one_crate() {
    let Some(lab) = Lab::new() else { return };
    let repo = lab.repo();
    let member = |name: &str, needs: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{needs}")
    };
    repo.commit(
        "Add a workspace",
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"low\", \"high\"]\n"),
            ("low/Cargo.toml", &member("low", "")),
            ("low/src/lib.rs", "pub fn two() -> u32 { 2 }\n"),
            (
                "high/Cargo.toml",
                &member("high", "[dependencies]\nlow = { path = \"../low\" }\n"),
            ),
            (
                "high/src/main.rs",
                "fn main() { println!(\"{}\", low::two()); }\n",
            ),
            (".gitignore", "target\nCargo.lock\n"),
        ],
    );
    repo.conf(&format!(
        "packages = cargo gcc libc6-dev make\n[post_clone]\n\
         RUN cd /workspace && cargo build --offline -v 2>&1 | awk '/Fresh|Compiling/ {{ print $1, $2 }}' > {LOG}\n"
    ));
    let base = lab.create(&repo, &[]);
    assert_eq!(built(&base), "Compiling high\nCompiling low");
    let changed = "fn main() { println!(\"{}\", low::two() + 40); }\n";
    repo.commit("Change", &[("high/src/main.rs", changed)]);
    let image = lab.update(&repo, &[]);
    assert_eq!(built(&image), "Compiling high\nFresh low");
    assert_eq!(image.sh("target/debug/high"), "42");
}

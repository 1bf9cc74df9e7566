//! What is said of images is tested on an engine that makes none (`common/fake-docker`). It must answer as a
//! real one does.

use serde_json::Value;

use crate::common::engine::{Image, Lab};

/// What git dkr is told of an image that it made, of one that it put on that, and of what is not there: names
/// of values and their types.
fn answers(lab: &Lab) -> Vec<String> {
    let repo = lab.repo();
    let created = lab.create(&repo, &[]);
    repo.commit("More", &[("b", "1\n")]);
    let updated = lab.update(&repo, &[]);
    let added = updated.layers() - created.layers();
    let list = ["images", "--quiet", "--no-trunc", "--filter"];
    let listed = |filters: &[&str]| {
        let all = lab.docker(&[&list[..], filters].concat());
        all.lines().any(|id| id == updated.id())
    };
    let path = format!("label=dkr.repo_path={}", repo.path.display());
    let found = [
        listed(&["dangling=false", "--filter", "label=dkr.schema"]),
        listed(&["dangling=false", "--filter", &path]),
        listed(&["dangling=false", "--filter", "label=dkr.other"]),
    ];
    let row = &lab.list(&repo, &[])[0];
    let mut told = vec![format!("{added} {found:?}")];
    types("row", row, &mut told);
    for image in [&created, &updated] {
        types("image", &image.value, &mut told);
    }
    let inspect = |image: &Image| {
        let mut command = lab.client();
        let output = command.args(["image", "inspect", &image.tag]).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let none = said.contains("No such image") && output.stdout.trim_ascii() == b"[]";
        format!("{:?} {none}", output.status.code())
    };
    told.push(inspect(&updated));
    lab.docker(&["tag", updated.id(), &created.tag.replace("-main", "-other")]);
    lab.docker(&["image", "rm", &updated.tag]);
    told.push(inspect(&updated));
    lab.docker(&["image", "rm", updated.id()]);
    told.push(format!("{}", lab.list(&repo, &[]).len()));
    told
}

/// A line for each value: where it is, and its type.
fn types(at: &str, value: &Value, told: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                types(&format!("{at}.{name}"), value, told);
            }
        }
        Value::Array(values) => {
            told.push(format!("{at}: a list"));
            if let Some(value) = values.first() {
                types(&format!("{at}[]"), value, told);
            }
        }
        Value::String(_) => told.push(format!("{at}: a text")),
        Value::Number(_) => told.push(format!("{at}: a number")),
        Value::Bool(_) => told.push(format!("{at}: yes or no")),
        Value::Null => told.push(format!("{at}: nothing")),
    }
}

#[test]
fn it_answers_as_a_real_one() {
    let (Some(real), Some(fake)) = (Lab::of("docker"), Lab::with_fake_engine()) else {
        return;
    };
    let real = answers(&real);
    let mut rest = real.iter();
    // Real ones tell of more.
    for line in answers(&fake) {
        assert!(
            rest.any(|other| *other == line),
            "{line} is not in\n{}",
            real.join("\n")
        );
    }
}

//! The text of the Dockerfiles: pure functions of settings and target.
//!
//! Nothing a user typed becomes code. Branches and refs are quoted values of `ENV` and `ARG`,
//! which reach scripts as variables; packages and image names hold no character that means
//! anything (see `conf`); paths, labels, ports and keys are not in the text at all. Only the raw
//! lines of `[pre_clone]` and `[post_clone]` are code, and meant to be.

use anyhow::{Context, Result};
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

use crate::conf::{CaBundle, Conf, Section, Submodules, ToolCache, ca};
use crate::digest;
use crate::engine::quote;
use crate::git::Objects;
use crate::grammar::with_run_option;
use crate::image::Target;
use crate::image::model::labels::ImageKind;
use crate::ssh;

/// Always there, besides what `.dkr.conf` asks for.
const PACKAGES: [&str; 5] = ["git", "tmux", "openssh-client", "curl", "tar"];
/// What the steps use from the build context, which holds nothing else.
pub(in crate::image) const CONTEXT: [(&str, &str); 7] = [
    ("clone", include_str!("../../../templates/clone")),
    ("scope", include_str!("../../../templates/scope")),
    ("own", include_str!("../../../templates/own")),
    ("update", include_str!("../../../templates/update")),
    ("entrypoint", include_str!("../../../templates/entrypoint")),
    ("install-ca", include_str!("../../../templates/install-ca")),
    (
        "install-packages",
        include_str!("../../../templates/install-packages"),
    ),
];

/// For a full clone.
const CREATE: &str = include_str!("../../../templates/create.Dockerfile");
/// For a layer on another image.
const UPDATE: &str = include_str!("../../../templates/update.Dockerfile");

/// The digest over all that a Dockerfile of this kind says by itself: the template, and the words that
/// git dkr puts into it. What else is in it are values of inputs that a key manifest names.
pub(crate) fn template_digest(kind: ImageKind) -> String {
    match kind {
        ImageKind::Base => {
            let variables = ToolCache::all().flat_map(ToolCache::environment);
            let variables: String = variables
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect();
            digest::of(format!("{CREATE}{}\n{variables}", PACKAGES.join(" ")))
        }
        ImageKind::Update => digest::of(UPDATE),
    }
}

/// What the templates are filled with.
#[derive(Serialize)]
struct TemplateValues<'a> {
    /// The image it starts from: a base image, or the parent of an update.
    from: &'a str,
    environment: Vec<&'a (&'static str, &'static str)>,
    ca_variables: &'a [&'a str],
    ca_mount: &'a str,
    install_ca: bool,
    packages: Vec<&'a str>,
    bazel: bool,
    branch: &'a str,
    reference: &'a str,
    commit: &'a str,
    /// More words for the clone step.
    clone_words: String,
    /// Whether a layer on another image comes to what a clone would.
    becomes_clone: bool,
    clone_mounts: String,
    /// What the clone step is told of how much is wanted.
    scope: Vec<(&'static str, &'static str)>,
    sparse: bool,
    pre_clone: String,
    post_clone: String,
}

/// What the commit does not tell of its clone.
#[derive(Debug, Clone, Default)]
pub struct CloneOptions {
    /// The repository's shallow file, if it has one.
    pub shallow: Option<String>,
    /// Which objects it has.
    pub objects: Objects,
}

/// For a full clone. `marks` are words without which its clone might be taken from the build cache for
/// another; `ca` says whether extra CA certificates are at hand.
pub(crate) fn create(
    conf: &Conf,
    target: &Target,
    clone: &CloneOptions,
    marks: &[String],
    ca: bool,
) -> Result<String> {
    let mut values = values(conf, target, &conf.base_image.value, ca);
    if let Some(cut) = &clone.shallow {
        values.clone_words = format!(" shallow-{}", digest::short(&[cut]));
    }
    if clone.objects == Objects::All {
        values.clone_words.push_str(" all");
    }
    for mark in marks {
        values.clone_words.push_str(&format!(" {mark}"));
    }
    render(CREATE, &values)
}

/// For one more layer on the image of this name, which the build argument `PARENT` replaces. `kind` says what
/// it comes to: an update, or what a create of the target would be.
pub(crate) fn update(
    conf: &Conf,
    target: &Target,
    parent: &str,
    kind: ImageKind,
    ca: bool,
) -> Result<String> {
    let mut values = values(conf, target, parent, ca);
    values.becomes_clone = kind == ImageKind::Base;
    render(UPDATE, &values)
}

fn values<'a>(conf: &'a Conf, target: &'a Target, from: &'a str, ca: bool) -> TemplateValues<'a> {
    let secrets = ssh::SECRETS.map(|id| format!("--mount=type=secret,id={id}"));
    let caches = &conf.caches.value;
    let lfs = conf.lfs.value.then_some("git-lfs");
    let wanted = conf.packages.value.iter().map(String::as_str);
    TemplateValues {
        from,
        environment: caches
            .iter()
            .flat_map(|cache| cache.environment())
            .collect(),
        ca_variables: if ca { &ca::VARIABLES } else { &[] },
        ca_mount: if ca { ca::MOUNT } else { "" },
        install_ca: ca && conf.ca_bundle.value == CaBundle::Install,
        packages: PACKAGES.into_iter().chain(lfs).chain(wanted).collect(),
        bazel: caches.contains(&ToolCache::Bazel),
        branch: &target.branch,
        reference: target.reference.as_deref().unwrap_or_default(),
        commit: target.commit.as_str(),
        clone_words: String::new(),
        becomes_clone: false,
        clone_mounts: format!("--mount=type=ssh {}", secrets.join(" ")),
        scope: scope(conf),
        sparse: !conf.sparse.value.is_empty(),
        pre_clone: section(&conf.pre_clone, ca),
        post_clone: section(&conf.post_clone, ca),
    }
}

fn scope(conf: &Conf) -> Vec<(&'static str, &'static str)> {
    let filter = conf.filter.value.spec().map(|spec| ("DKR_FILTER", spec));
    let submodules = match conf.submodules.value {
        Submodules::No => None,
        Submodules::Yes => Some(("DKR_SUBMODULES", "yes")),
        Submodules::Recursive => Some(("DKR_SUBMODULES", "recursive")),
    };
    let lfs = conf.lfs.value.then_some(("DKR_LFS", "1"));
    filter.into_iter().chain(submodules).chain(lfs).collect()
}

fn render(template: &str, values: &TemplateValues) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("quote", |value: String| quote(&value));
    let text = environment
        .render_str(template, Value::from(minijinja::value::Serde(values)))
        .context("cannot render the Dockerfile's template")?;
    Ok(text.trim_end().to_owned() + "\n")
}

/// The raw lines of a section; with extra CA certificates, each RUN sees them.
fn section(section: &Section, ca: bool) -> String {
    let text = if ca {
        with_run_option(&section.text, ca::MOUNT)
    } else {
        section.text.clone()
    };
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Sources;
    use crate::git::ObjectId;

    fn conf(text: &str) -> Conf {
        Conf::read(Some(text), &Sources::default()).unwrap()
    }

    fn target(branch: &str) -> Target {
        Target {
            branch_from: branch.into(),
            branch: branch.into(),
            reference: Some(format!("refs/heads/{branch}")),
            commit: ObjectId::parse(&"3f".repeat(20)).unwrap(),
        }
    }

    const FULL: &str = concat!(
        "base_image = debian:bookworm-slim\n",
        "packages = make gcc\n",
        "caches = bazel cargo\n",
        "ca_bundle = install\n",
        "[pre_clone]\n",
        "# a key\n",
        "run curl -fsSL https://example.com/key \\\n",
        "    > /key\n",
        "[post_clone]\n",
        "ENV A=b\n",
        "RUN make\n",
    );

    #[test]
    fn plain() {
        let conf = conf("base_image = debian:bookworm-slim\n");
        insta::assert_snapshot!(
            create(&conf, &target("main"), &CloneOptions::default(), &[], false).unwrap()
        );
    }

    #[test]
    fn with_everything() {
        insta::assert_snapshot!(
            create(
                &conf(FULL),
                &target("main"),
                &CloneOptions::default(),
                &[],
                true
            )
            .unwrap()
        );
    }

    #[test]
    fn an_update() {
        insta::assert_snapshot!(
            update(
                &conf(FULL),
                &target("main"),
                "dkr:app-main",
                ImageKind::Update,
                false
            )
            .unwrap()
        );
    }

    #[test]
    fn a_create_on_another_image() {
        let text = update(
            &conf(FULL),
            &target("x"),
            "dkr:app-main",
            ImageKind::Base,
            false,
        )
        .unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_hostile_branch_stays_a_value() {
        let text = create(
            &conf(""),
            &target(r#"a$(id)`id`";&'|<>b"#),
            &CloneOptions::default(),
            &[],
            false,
        )
        .unwrap();
        let hostile: Vec<&str> = text.lines().filter(|line| line.contains("(id)")).collect();
        assert_eq!(
            hostile,
            [
                r#"ENV DKR_BRANCH="a\$(id)`id`\";&'|<>b""#,
                r#"ARG DKR_REF="refs/heads/a\$(id)`id`\";&'|<>b""#
            ]
        );
    }

    #[test]
    fn a_clone_of_other_objects_is_not_taken_for_another() {
        let of = |shallow: Option<&str>, objects, marks: &[String]| {
            let shallow = shallow.map(str::to_owned);
            let clone = CloneOptions { shallow, objects };
            create(&conf(""), &target("main"), &clone, marks, false).unwrap()
        };
        let exact = |cut| of(cut, Objects::Exact, &[]);
        let (one, other) = (exact(Some("1a\n")), exact(Some("2b\n")));
        assert_ne!(one, exact(None));
        assert_ne!(one, other);
        assert!(one.contains("3f3f3f shallow-"), "{one}");
        let all = of(None, Objects::All, &["packs-1a".to_owned()]);
        assert!(all.contains("3f3f3f all packs-1a\n"), "{all}");
    }

    proptest::proptest! {
        /// Reads the value back as BuildKit's lexer does inside double quotes.
        #[test]
        fn quoting_is_undone_by_reading(value in "[ -~é]{0,40}") {
            let quoted = quote(&value);
            let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            let mut read = String::new();
            let mut chars = inner.chars();
            while let Some(c) = chars.next() {
                proptest::prop_assert!(!matches!(c, '"' | '$'));
                read.push(if c == '\\' { chars.next().unwrap() } else { c });
            }
            proptest::prop_assert_eq!(read, value);
        }
    }
}

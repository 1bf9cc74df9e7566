use super::super::catalog::tests::{place, toml};
use super::super::layer::LayerOrigin;
use super::*;

const OPEN: &str = "ARG BASE_IMAGE=alpine:3.20\nFROM ${BASE_IMAGE}\n";

fn catalog(settings: &LayerSettings, extra: &str) -> LayerCatalog {
    let layers = [
        ("base", toml("base", &[]), OPEN.to_owned()),
        ("node", toml("node", &["base"]), OPEN.to_owned()),
        ("rust", toml("rust", &["base"]), format!("{OPEN}{extra}")),
        ("agent", toml("agent", &["node"]), OPEN.to_owned()),
        (
            "fixed",
            toml("fixed", &["base"]),
            "FROM dkr-layer/base:1\n".to_owned(),
        ),
    ];
    let directories: Vec<(&str, &str, &str)> = layers
        .iter()
        .map(|(name, toml, text)| (*name, toml.as_str(), text.as_str()))
        .collect();
    LayerCatalog::read(vec![place(LayerOrigin::User, "~", &directories)], settings).unwrap()
}

fn image(names: &[&str], labels: &[(&str, &str)]) -> EngineImage {
    EngineImage {
        id: format!("sha256:{}", names[0]),
        size: 1,
        layers: None,
        labels: labels
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        digests: Vec::new(),
        platform: None,
    }
}

/// What the engine would have when all of this was built.
fn built(plan: &LayerPlan) -> Vec<EngineImage> {
    plan.nodes
        .iter()
        .map(|node| {
            let inputs = serde_json::to_string(&node.inputs).unwrap();
            let key = node.key.as_deref().unwrap();
            image(&[&node.tag], &[(KEY, key), (INPUTS, &inputs)])
        })
        .chain([image(&["alpine:3.20"], &[])])
        .collect()
}

fn plan(
    catalog: &LayerCatalog,
    settings: &LayerSettings,
    images: &[EngineImage],
    stacks: &[&[&str]],
) -> LayerPlan {
    let mut planner = Planner::new(catalog, settings, images);
    for names in stacks {
        planner.stack(&catalog.order(names).unwrap()).unwrap();
    }
    planner.finish()
}

fn states(plan: &LayerPlan) -> Vec<String> {
    plan.nodes
        .iter()
        .map(|node| match &node.state {
            LayerState::Built { .. } => format!("{} built", node.layer.name()),
            LayerState::Changed(why) => format!("{} {}", node.layer.name(), why.join("; ")),
            LayerState::Missing => format!("{} missing", node.layer.name()),
        })
        .collect()
}

#[test]
fn a_changed_layer_takes_along_what_is_above_it() {
    let settings = LayerSettings::default();
    let catalog = catalog(&settings, "");
    let alpine = [image(&["alpine:3.20"], &[])];
    let images = built(&plan(
        &catalog,
        &settings,
        &alpine,
        &[&["agent"], &["fixed"]],
    ));
    let again = plan(&catalog, &settings, &images, &[&["agent"], &["fixed"]]);
    assert_eq!(
        states(&again),
        ["base built", "node built", "agent built", "fixed built"]
    );

    let mut other = images.clone();
    other.last_mut().unwrap().id = "sha256:other".to_owned();
    let changed = plan(&catalog, &settings, &other, &[&["agent"], &["fixed"]]);
    assert_eq!(
        states(&changed),
        [
            "base alpine:3.20 has a new digest",
            "node the layer base below it changed",
            "agent the layer node below it changed",
            "fixed the layer base below it changed"
        ]
    );
}

#[test]
fn only_what_stands_on_its_own_requirements_has_the_plain_name() {
    let settings = LayerSettings::default();
    let catalog = catalog(&settings, "");
    let alpine = [image(&["alpine:3.20"], &[])];
    let plan = plan(
        &catalog,
        &settings,
        &alpine,
        &[&["node", "rust"], &["rust"]],
    );
    let tags: Vec<&str> = plan.nodes.iter().map(|node| node.tag.as_str()).collect();
    assert_eq!(tags[..2], ["dkr-layer/base:1", "dkr-layer/node:1"]);
    assert!(tags[2].starts_with("dkr-layer/rust:1-"), "{tags:?}");
    assert_eq!(tags[3], "dkr-layer/rust:1");
    // What is shared is there once.
    assert_eq!(plan.nodes.len(), 4);
}

#[test]
fn on_another_base_the_key_is_in_the_name_unless_a_dockerfile_names_it() {
    let settings = LayerSettings {
        base: Some("debian:12".to_owned()),
        ..LayerSettings::default()
    };
    let catalog = catalog(&settings, "");
    let debian = [image(&["debian:12"], &[])];
    let plan = plan(&catalog, &settings, &debian, &[&["node"], &["fixed"]]);
    let tags: Vec<&str> = plan.nodes.iter().map(|node| node.tag.as_str()).collect();
    assert_eq!(
        (tags[0], tags[2]),
        ("dkr-layer/base:1", "dkr-layer/fixed:1")
    );
    assert!(tags[1].starts_with("dkr-layer/node:1-"), "{tags:?}");
    let nothing = self::plan(&catalog, &settings, &[], &[&["node"]]);
    assert!(nothing.nodes[1].lacks_name() && !nothing.nodes[0].lacks_name());
}

#[test]
fn an_image_made_on_a_layer_is_not_taken_for_it() {
    let settings = LayerSettings::default();
    let catalog = catalog(&settings, "");
    let alpine = [image(&["alpine:3.20"], &[])];
    let mut images = built(&plan(&catalog, &settings, &alpine, &[&["base"]]));
    images[0].names = vec!["dkr:app-main".to_owned()];
    let plan = plan(&catalog, &settings, &images, &[&["base"]]);
    assert_eq!(states(&plan), ["base missing"]);
}

#[test]
fn a_changed_file_is_named_and_an_absent_base_too() {
    let settings = LayerSettings::default();
    let alpine = [image(&["alpine:3.20"], &[])];
    let before = catalog(&settings, "");
    let images = built(&plan(&before, &settings, &alpine, &[&["rust"]]));
    let after = catalog(&settings, "RUN true\n");
    let changed = plan(&after, &settings, &images, &[&["rust"]]);
    assert_eq!(states(&changed), ["base built", "rust Dockerfile changed"]);
    let nothing = plan(&after, &settings, &[], &[&["rust"]]);
    assert_eq!(nothing.absent, ["alpine:3.20"]);
    assert!(nothing.nodes.iter().all(|node| node.key.is_none()));
}

#[test]
fn what_names_its_base_cannot_be_put_on_another() {
    let settings = LayerSettings::default();
    let catalog = catalog(&settings, "");
    let mut planner = Planner::new(&catalog, &settings, &[]);
    let order = catalog.order(&["rust", "fixed"]).unwrap();
    let error = planner.stack(&order).unwrap_err();
    assert!(
        error.to_string().starts_with("fixed cannot be put on rust"),
        "{error}"
    );
}

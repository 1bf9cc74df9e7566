use super::*;

/// A place with these directories: name, `layer.toml`, Dockerfile.
pub(crate) fn place(
    origin: LayerOrigin,
    shown: &str,
    directories: &[(&str, &str, &str)],
) -> LayerSource {
    let file = |text: &str| LayerFile::Plain(text.as_bytes().to_vec(), false);
    let directory = |(name, toml, dockerfile): &(&str, &str, &str)| {
        let files = [("layer.toml", toml), ("Dockerfile", dockerfile)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), file(text)));
        ((*name).to_owned(), files.collect())
    };
    LayerSource {
        origin,
        shown: shown.to_owned(),
        directories: directories.iter().map(directory).collect(),
    }
}

/// The `layer.toml` of a layer that requires others.
pub(crate) fn toml(name: &str, requires: &[&str]) -> String {
    format!("[layer]\nname = {name:?}\nversion = \"1\"\n[requires]\nlayers = {requires:?}\n")
}

fn read(directories: &[(&str, &str, &str)]) -> Result<LayerCatalog, Diagnostics> {
    let place = place(LayerOrigin::Repository, ".dkr/layers", directories);
    LayerCatalog::read(vec![place], &LayerSettings::default())
}

#[test]
fn every_problem_of_every_layer_is_told_at_once() {
    let from = |image: &str| format!("FROM {image}\n");
    let directories = [
        ("a", toml("a", &["b"]), from("debian:12")),
        ("b", toml("b", &["c"]), from("dkr-layer/c:1")),
        ("c", toml("c", &["a"]), from("debian:12")),
        ("again", toml("a", &[]), from("debian:12")),
        ("d", toml("d", &["nowhere", "aa"]), from("dkr-layer/a:1")),
        ("e", toml("e", &["a:2"]), from("dkr-layer/a:2")),
        ("f", toml("f", &[]), String::new()),
        ("g", toml("g", &["g"]), "RUN x \\\n".to_owned()),
    ];
    let directories: Vec<(&str, &str, &str)> = directories
        .iter()
        .map(|(name, toml, dockerfile)| (*name, toml.as_str(), dockerfile.as_str()))
        .collect();
    insta::assert_snapshot!(read(&directories).unwrap_err().to_string());
}

#[test]
fn the_first_place_wins() {
    let (weak, strong) = (toml("a", &[]), toml("a", &[]).replace("\"1\"", "\"2\""));
    let places = vec![
        place(
            LayerOrigin::Repository,
            ".dkr/layers",
            &[("x", &strong, "FROM a\n")],
        ),
        place(LayerOrigin::BuiltIn, "git dkr", &[("a", &weak, "FROM a\n")]),
    ];
    let catalog = LayerCatalog::read(places, &LayerSettings::default()).unwrap();
    assert_eq!(catalog.layers["a"].definition.version, "2");
    assert_eq!(catalog.layers["a"].origin, LayerOrigin::Repository);
}

#[test]
fn another_prefix_is_pointed_out() {
    let (a, b) = (toml("a", &[]), toml("b", &["a"]));
    let directories = [("a", &*a, "FROM x\n"), ("b", &*b, "FROM team/a:1\n")];
    let catalog = read(&directories).unwrap();
    assert_eq!(
        catalog.remarks,
        [
            "b starts from team/a:1, which is not built here; if that is the layer `a`, say so: --prefix team"
        ]
    );
}

#[test]
fn arguments_must_be_there() {
    let toml = "[layer]\nname = \"a\"\nversion = \"1\"\nargs = { V = \"1\" }\n";
    let place = || place(LayerOrigin::User, "~", &[("a", toml, "ARG V\nFROM x:$V\n")]);
    let read = |layer: &str, arg: &str| {
        let args = vec![(layer.to_owned(), arg.to_owned(), "2".to_owned())];
        let settings = LayerSettings {
            args,
            ..LayerSettings::default()
        };
        LayerCatalog::read(vec![place()], &settings)
    };
    assert_eq!(
        read("a", "V").unwrap().layers["a"].text.froms[0].image,
        "x:2"
    );
    let wrong = |layer, arg| read(layer, arg).unwrap_err().to_string();
    assert_eq!(
        wrong("a", "W"),
        "layer_args: a.W: the layer `a` takes no argument `W`; there are V"
    );
    assert_eq!(wrong("b", "V"), "layer_args: b.V: there is no layer `b`");
}

//! Eight layers of Debian's packages, those of the tests: built cold, beside the same Dockerfiles
//! built one after the other by hand, and once more with nothing to do. Then their sizes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::site::Site;
use super::{Claim, Row, timed};

/// Each behind what it stands on.
const EIGHT: [&str; 8] = [
    "debian-base",
    "ca-certificates",
    "build-essential",
    "ssl-dev",
    "ssl-runtime",
    "git",
    "mosquitto-clients",
    "compiler",
];
const OURS: &str = "dkr-bench-ours";
const THEIRS: &str = "dkr-bench-theirs";
/// Rounds, as each takes minutes.
const ROUNDS: usize = 3;

pub fn rows(site: &Site) -> Vec<Row> {
    let (ours, theirs) = (Eight::write(site, OURS), Eight::write(site, THEIRS));
    // Both run all steps again each time, and find the base image here.
    let (mut cold, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        by_hand.push(timed(&mut || theirs.build_by_hand()));
        cold.push(timed(&mut || {
            ours.dkr(&["build", "--all", "--force-rebuild"]);
        }));
    }
    by_hand.sort();
    cold.sort();
    let mut warm: Vec<Duration> = (0..21)
        .map(|_| timed(&mut || drop(ours.dkr(&["build", "--all"]))))
        .collect();
    warm.sort();
    ours.sizes();
    vec![
        Row {
            what: "eight layers, cold | docker build eight times",
            ours: cold[ROUNDS / 2],
            theirs: by_hand[ROUNDS / 2],
            claim: Claim::Times(0.7),
        },
        Row {
            what: "eight layers, warm | the same again",
            ours: warm[10],
            theirs: warm[10],
            claim: Claim::Most(Duration::from_millis(200)),
        },
    ]
}

/// The layers under a prefix; their images are removed when dropped.
struct Eight<'a> {
    site: &'a Site,
    directory: PathBuf,
    prefix: &'static str,
}

impl<'a> Eight<'a> {
    fn write(site: &'a Site, prefix: &'static str) -> Self {
        let directory = site.directory.path().join(prefix);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/layers/eight");
        for layer in EIGHT {
            std::fs::create_dir_all(directory.join(layer)).unwrap();
            for file in ["Dockerfile", "layer.toml"] {
                let text = std::fs::read_to_string(from.join(layer).join(file)).unwrap();
                let text = text.replace("PREFIX", prefix);
                std::fs::write(directory.join(layer).join(file), text).unwrap();
            }
        }
        Self {
            site,
            directory,
            prefix,
        }
    }

    fn dkr(&self, args: &[&str]) -> String {
        let directory = format!("--dir={}", self.directory.display());
        let prefix = format!("--prefix={}", self.prefix);
        self.site
            .dkr(&[&["layer"], args, &[&directory, &prefix]].concat())
    }

    fn tag(&self, layer: &str) -> String {
        let toml = std::fs::read_to_string(self.directory.join(layer).join("layer.toml")).unwrap();
        let version = toml.lines().find(|line| line.starts_with("version"));
        let version = version.unwrap().split('"').nth(1).unwrap();
        format!("{}/{layer}:{version}", self.prefix)
    }

    fn build_by_hand(&self) {
        for layer in EIGHT {
            let directory = self.directory.join(layer);
            self.build(&self.tag(layer), &directory);
        }
    }

    fn build(&self, tag: &str, directory: &Path) {
        let directory = directory.display().to_string();
        let args = ["build", "-q", "--no-cache", "--network=host", "-t", tag];
        self.site.build(&[&args[..], &[&directory]].concat());
    }

    /// Against one image with everything in it.
    fn sizes(&self) {
        let size = |tag: &str| -> u64 {
            let size = self
                .site
                .docker(&["image", "inspect", "-f", "{{.Size}}", tag]);
            size.trim().parse().unwrap()
        };
        let steps: String = EIGHT
            .iter()
            .map(|layer| std::fs::read_to_string(self.directory.join(layer).join("Dockerfile")))
            .flat_map(|text| {
                let text = text.unwrap();
                let lines = text
                    .lines()
                    .filter(|l| !l.starts_with("FROM") && !l.starts_with("ARG"));
                lines.map(|line| format!("{line}\n")).collect::<Vec<_>>()
            })
            .collect();
        let directory = self.directory.join("everything");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(
            directory.join("Dockerfile"),
            format!("FROM debian:bookworm-slim\n{steps}"),
        )
        .unwrap();
        let everything = format!("{}/everything:1", self.prefix);
        self.build(&everything, &directory);
        println!("\n{:<48} {:>9}", "image", "MB");
        let mb = |bytes: u64| bytes as f64 / 1e6;
        for layer in EIGHT {
            println!("{layer:<48} {:>9.1}", mb(size(&self.tag(layer))));
        }
        println!(
            "{:<48} {:>9.1}",
            "one image with everything",
            mb(size(&everything))
        );
    }
}

impl Drop for Eight<'_> {
    fn drop(&mut self) {
        let format = "{{.Repository}}:{{.Tag}}";
        let all = self.site.docker(&["images", "--format", format]);
        let ours = |name: &&str| name.starts_with(&format!("{}/", self.prefix));
        let names: Vec<&str> = all.lines().filter(ours).collect();
        let _ = Command::new("docker")
            .args(["rmi", "-f"])
            .args(names)
            .output();
    }
}

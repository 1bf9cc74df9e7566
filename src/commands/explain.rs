//! `git dkr explain`

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use termtree::Tree;

use super::candidates;
use super::{EngineArgs, HostArgs, OutputFormat};
use crate::engine::Engine;
use crate::git::{ObjectId, Repo};
use crate::image::Image;
use crate::image::build::record_build;
use crate::image::context::BuildContext;
use crate::image::model::input_table::InputChange;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::model::record::Record;
use crate::image::plan::present_manifest;
use crate::image::query::explain::{Comparison, compare};
use crate::image::query::find_image::{find_image, newest};
use crate::image::query::inventory;
use crate::image::query::parent_info::ParentInfo;
use crate::image::query::record_chain::RecordChain;
use crate::image::settings::sources;
use crate::ui::{self, Printer};

/// Say what an image was made of, and what changed since
///
/// Prints all that the image's cache key depends on, and below it the same of the images that it
/// was put on; then what differs from the present state of its branch, the most telling first.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// An image (its tag or id) or a branch; the newest image of this repository by default
    #[arg(value_name = "IMAGE|BRANCH")]
    image: Option<String>,
    /// Which images a create of this branch (HEAD by default), or of an image's branch, can stand on, the
    /// cheapest first, and why not on the others
    #[arg(long, conflicts_with = "against")]
    candidates: bool,
    /// Compare with another image or branch, instead of the present state
    #[arg(long, value_name = "OTHER")]
    against: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// All that is known, as programs read it.
#[derive(Debug, Serialize)]
struct Explanation<'a> {
    image: &'a str,
    tag: &'a str,
    against: String,
    /// Whether the records lead down to a clone.
    complete: bool,
    /// What the lowest of the records was put on; `null` for a full clone.
    on: Option<ParentInfo>,
    /// The image's own record first, then those below it.
    records: Vec<&'a Record>,
    /// `null` when nothing could be compared.
    changes: Option<Vec<ExplainedChange>>,
}

#[derive(Debug, Serialize)]
struct ExplainedChange {
    #[serde(flatten)]
    change: InputChange,
    text: String,
}

impl Explain {
    /// Runs it; the exit code.
    pub(crate) fn run(&self, printer: Printer) -> Result<u8> {
        self.explain(printer).context("cannot explain the image")?;
        Ok(0)
    }

    fn explain(&self, printer: Printer) -> Result<()> {
        let repo = Repo::find(None)?;
        let sources = sources(Some(&repo))?;
        let engine = self.engine.find(&sources, printer)?;
        let images = inventory::all_for(&engine, &repo.path, printer)?;
        record_build::write_missing_records(&repo, &engine, &images, None);
        if self.candidates {
            let host = self.host.read(&sources)?;
            let context = BuildContext {
                repo: &repo,
                engine: &engine,
                host: &host,
                sources: &sources,
                printer,
            };
            return candidates::print(context, &images, self.image.as_deref(), self.format);
        }
        let image = match &self.image {
            Some(name) => find_image(&images, &repo, name)?,
            None => newest(&images, &repo)?,
        };
        let chain = RecordChain::of(&repo, image, printer)?;
        let typed = self.against.as_deref();
        let present = |branch_from: &str| self.present(&repo, &engine, image, branch_from, printer);
        let other = Comparison::find(&repo, &images, image, typed, present, printer)?;
        let complete = chain.is_complete() && other.is_complete;
        if !complete {
            printer.warn(
                "the record of the image below is not in this repository: what an update does not bring is not compared",
            );
        }
        let against = other.name.clone();
        let changes = compare(&repo, &chain, other, complete)?;
        let explanation = Explanation {
            image: &image.id,
            tag: &image.tag,
            against,
            complete,
            on: ParentInfo::of(&repo, &chain, printer)?,
            records: chain.records().map(|(_, record)| record).collect(),
            changes: changes.map(|changes| {
                let explained = |(change, text)| ExplainedChange { change, text };
                changes.into_iter().map(explained).collect()
            }),
        };
        if self.format == OutputFormat::Json {
            return ui::result(serde_json::to_string_pretty(&explanation)?);
        }
        print(&explanation, &chain)
    }

    /// The present state; a warning when it cannot be made out, as the rest can still be told.
    fn present(
        &self,
        repo: &Repo,
        engine: &Engine,
        image: &Image,
        branch_from: &str,
        printer: Printer,
    ) -> Option<KeyManifest> {
        let look = || -> Result<Option<KeyManifest>> {
            let sources = sources(Some(repo))?.asked(&image.labels.asked);
            let host = self.host.read(&sources)?;
            let context = BuildContext {
                repo,
                engine,
                host: &host,
                sources: &sources,
                printer,
            };
            present_manifest(context, branch_from)
        };
        match look() {
            Ok(Some(manifest)) => Some(manifest),
            Ok(None) => {
                printer
                    .warn("the base image is not on this machine, so nothing is compared with it");
                None
            }
            Err(error) => {
                printer.warn(format_args!("the present state is not known: {error:#}"));
                None
            }
        }
    }
}

fn print(explanation: &Explanation, chain: &RecordChain) -> Result<()> {
    if let Some(tree) = tree(chain.records(), explanation.on.as_ref()) {
        ui::result(tree.to_string().trim_end())?;
    }
    let Some(changes) = &explanation.changes else {
        return Ok(());
    };
    if changes.is_empty() {
        return ui::result(format_args!("nothing differs from {}", explanation.against));
    }
    ui::result(format_args!("different from {}:", explanation.against))?;
    for change in changes {
        ui::result(format_args!("  {}", change.text))?;
    }
    Ok(())
}

/// Each image with its inputs, and the image below as one more branch.
fn tree<'a>(
    records: impl Iterator<Item = (&'a ObjectId, &'a Record)>,
    on: Option<&ParentInfo>,
) -> Option<Tree<String>> {
    let records: Vec<_> = records.collect();
    records
        .into_iter()
        .rev()
        .fold(None, |below, (commit, record)| {
            let on = on.filter(|_| below.is_none());
            let title = format!(
                "{} at {}, {} of {} UTC{}\nkey {}",
                record.tag,
                commit.short(),
                record.r#type.name(),
                record.created_at.strftime("%Y-%m-%d %H:%M"),
                on.map(|on| format!("\n{on}")).unwrap_or_default(),
                record.cache_key
            );
            let mut tree = Tree::new(title).with_multiline(true);
            for (name, value) in record.manifest.iter() {
                if name != "parent" || below.is_none() {
                    tree.push(format!("{name:<24} {value}"));
                }
            }
            tree.extend(below);
            Some(tree)
        })
}

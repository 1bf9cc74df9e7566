//! The records of an image and of those that it stands on.

use anyhow::Result;

use super::records;
use crate::error::Failure;
use crate::git::{ObjectId, Repo};
use crate::image::model::Image;
use crate::image::model::key_manifest::KeyManifest;
use crate::image::model::labels::ImageKind;
use crate::image::model::record::Record;
use crate::ui::Printer;

/// The records of an image and of those below it, down to the one that was cloned.
#[derive(Debug, Clone)]
pub(crate) struct RecordChain(Vec<(ObjectId, Record)>);

impl RecordChain {
    /// Finds the records of an image. Those below are looked up by their keys, and may be missing.
    pub(crate) fn of(repo: &Repo, image: &Image, printer: Printer) -> Result<Self> {
        Self::among(&records::all(repo, printer)?, image)
    }

    /// The same among all records of the repository.
    pub(crate) fn among(all: &[(ObjectId, Record)], image: &Image) -> Result<Self> {
        let mut left: Vec<&(ObjectId, Record)> = all.iter().collect();
        let mut take = |fits: &dyn Fn(&Record) -> bool| {
            let place = left.iter().position(|(_, record)| fits(record))?;
            Some(left.remove(place).clone())
        };
        let key = image.labels.cache_key.as_deref();
        let first = take(&|record| record.image == image.id)
            .or_else(|| take(&|record| Some(&*record.cache_key) == key))
            .ok_or_else(|| {
                Failure::new(format!("{} has no record in this repository", image.tag)).hint(
                    "records are git notes: git dkr notes pull REMOTE gets those of others, git dkr create-image --force-rebuild writes one",
                )
            })?;
        let mut chain = vec![first];
        // Each record is taken once, so that forged parents cannot lead in a circle.
        while let Some(parent) = chain.last().and_then(|(_, r)| r.manifest.get("parent")) {
            let parent = parent.to_owned();
            match take(&|record| record.cache_key == parent) {
                Some(record) => chain.push(record),
                None => break,
            }
        }
        Ok(Self(chain))
    }

    /// The records, the image's own first.
    pub(crate) fn records(&self) -> impl Iterator<Item = (&ObjectId, &Record)> {
        self.0.iter().map(|(commit, record)| (commit, record))
    }

    /// What the image depends on, all layers together, comparable with a create's manifest.
    pub(crate) fn whole(&self) -> KeyManifest {
        let mut records = self.0.iter().rev().map(|(_, record)| &record.manifest);
        let root = records.next().cloned().unwrap_or_default();
        records.fold(root, |below, update| update.clone().on(&below))
    }

    /// Whether it leads down to a clone.
    pub(crate) fn is_complete(&self) -> bool {
        self.0
            .last()
            .is_some_and(|(_, r)| r.r#type == ImageKind::Base)
    }
}

//! What an image stands on that is no full clone.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use crate::git::Repo;
use crate::image::model::input_table::short_digest;
use crate::image::model::labels::ImageKind;
use crate::image::parent::cost;
use crate::image::query::record_chain::RecordChain;
use crate::image::query::records;
use crate::ui::Printer;

/// The image that a create was put on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ParentInfo {
    pub image: String,
    /// Its name at that time; `None` where it has no record.
    pub tag: Option<String>,
    /// Its commit; `None` where it has no record.
    pub commit: Option<String>,
    /// How far it is from there to what was made: `214 commits, 3.1 MB`; empty where git cannot say.
    #[serde(rename = "way")]
    pub distance: String,
}

impl ParentInfo {
    /// What the lowest image of a chain stands on; `None` when it is a full clone.
    pub(crate) fn of(repo: &Repo, chain: &RecordChain, printer: Printer) -> Result<Option<Self>> {
        let lowest = chain
            .records()
            .last()
            .filter(|(_, r)| r.r#type == ImageKind::Base);
        let Some((at, image)) = lowest.and_then(|(at, r)| Some((at, r.parent.as_ref()?))) else {
            return Ok(None);
        };
        let all = records::all(repo, printer)?;
        let found = all.iter().find(|(_, record)| record.image == *image);
        let distance = match found {
            None => String::new(),
            Some((from, _)) => {
                let divergence = repo.divergences(std::slice::from_ref(from), at)?.pop();
                cost::distance(divergence, repo.bytes_between(&[from], at)?)
            }
        };
        Ok(Some(Self {
            image: image.clone(),
            tag: found.map(|(_, record)| record.tag.clone()),
            commit: found.map(|(commit, _)| commit.to_string()),
            distance,
        }))
    }
}

impl fmt::Display for ParentInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.tag, &*self.distance) {
            (None, _) => write!(
                f,
                "on the image {}, which has no record here",
                short_digest(&self.image)
            ),
            (Some(tag), "") => write!(f, "on {tag}"),
            (Some(tag), distance) => write!(f, "on {tag}: {distance}"),
        }
    }
}

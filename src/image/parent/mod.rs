//! The image that a create is built on instead of a full clone. Branches share nearly all their history, so
//! that little leads from an image of one to the next; [`cost`] says which is the cheapest.

mod candidates;
mod choice;
pub(crate) mod cost;
mod measure;
mod select;

pub(crate) use candidates::{candidates, is_asked};
pub(crate) use choice::{FullCloneReason, NearestImage, ParentChoice, ParentQuery, SelectedParent};
pub(crate) use measure::{live_bytes, measure};
pub(crate) use select::select;

//! What there is: images on this machine, their records in git's notes, and how they lie to their branches.
//! Nothing here builds or decides.

pub(crate) mod explain;
pub(crate) mod find_image;
pub(crate) mod inventory;
pub(crate) mod parent_info;
pub(crate) mod record_chain;
pub(crate) mod records;
pub(crate) mod report;
pub mod target;
pub(crate) mod tracking;
pub mod watch_list;

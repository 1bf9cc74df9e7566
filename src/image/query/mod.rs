//! What there is: images on this machine, their records in git's notes, and how they lie to their branches.
//! Nothing here builds or decides.

pub mod explain;
pub mod find_image;
pub mod inventory;
pub mod parent_info;
pub mod record_chain;
pub mod records;
pub mod report;
pub mod target;
pub mod tracking;
pub mod watch_list;

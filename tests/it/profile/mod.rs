//! Images of repository profiles: JSON in, JSON out.

mod archives;
mod asked;
mod builds;
mod detect;
mod files;
mod lab;
mod retries;

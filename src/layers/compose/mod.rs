//! One image of several layers that stand apart: which images it is made of, and what is taken
//! from each. Pure functions; [`text`] writes the Dockerfile, [`make`](mod@make) builds it.

pub(crate) mod make;
mod recipe;
pub(crate) mod text;

pub(crate) use recipe::{Recipe, check_tag};

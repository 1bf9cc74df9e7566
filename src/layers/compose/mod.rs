//! One image of several layers that stand apart: which images it is made of, and what is taken
//! from each. Pure functions; [`text`] writes the Dockerfile, [`make`](mod@make) builds it.

pub mod make;
mod recipe;
pub mod text;

pub use recipe::{ComposeSource, Recipe, RecipeImages, Runtime, check_tag};

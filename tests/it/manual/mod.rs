//! README and manual, held to the truth: links lead somewhere, examples work, and what is made from the
//! code is as the code says.

mod examples;
mod links;
mod pages;
mod pictures;
mod reference;
mod sessions;
mod shop;

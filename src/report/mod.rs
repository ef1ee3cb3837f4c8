//! The finished analysis as plain data, and its faces.

pub mod html;
pub mod json;
pub mod markdown;
pub mod ndjson;
pub mod page;
pub mod printable;
pub mod schema;
pub mod text;
pub mod time;
pub mod words;

mod compose;
mod digest;
#[cfg(test)]
mod example;
mod facts;
mod ladder;
mod model;
mod patterns;
mod sink;
mod wrap;

pub use compose::{Batch, Composer, Scene, Style};
pub use model::*;
pub use sink::Sink;

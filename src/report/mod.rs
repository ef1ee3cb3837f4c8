//! The finished analysis as plain data, and its faces.

pub mod json;
pub mod ndjson;
pub mod printable;
pub mod schema;
pub mod time;
pub mod words;

#[cfg(test)]
mod example;
mod model;

pub use model::*;

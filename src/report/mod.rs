//! The finished analysis as plain data, and its faces.

mod model;

pub use model::*;

//! One binary for all tests that look at the whole: what goes in are captures and command lines, what is looked at comes out.
//!
//! Small tests of single parts stand at the end of the files that they test.

#![allow(clippy::unwrap_used)]

mod abreast;
mod captures;
mod catalogue;
mod cli;
mod compose;
mod damage;
mod fixtures;
mod hostile;
mod house;
mod opened;
mod payload;
mod peers;
mod program;
mod recipe;
mod schema;
mod sealing;
mod secrets;
mod source;

//! Who wrote this answer: the marks of servers, proxies, firewalls and filters, and the matcher that reads them.
//!
//! The marks are data: `prints.toml` tells them and how to write more. Three ideas keep the matcher honest. `Server` may be
//! written by anybody, so alone it names nobody. An answer that was passed on bears the marks of two programs, so the
//! author and the proxy are told apart. And where the marks do not suffice, nothing is named.

mod answer;
mod entry;
mod field_list;
mod glob;
mod matching;
mod pattern;
#[cfg(test)]
mod recorded;

pub use answer::{Answer, Author, Role};
pub use entry::Error;
pub use matching::Prints;

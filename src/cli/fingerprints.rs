//! `upgradescope fingerprints`: the marks by which programs are recognised, as data.

use clap::Args;

use super::{Answer, Status, output::print};
use crate::fingerprint::Prints;

/// Print the marks by which programs are recognised, and how to write more
///
/// `analyze --fingerprints FILE` takes a file in the same form; its marks go before those that come with the program.
#[derive(Args)]
pub(super) struct Fingerprints {}

impl Fingerprints {
    pub(super) fn run(self) -> Answer {
        print(|to| to.write_all(Prints::text().as_bytes())).map(|()| Status::Well)
    }
}

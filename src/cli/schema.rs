//! `upgradescope schema`: the JSON Schema of the report.

use clap::Args;

use super::{Answer, Status, output::print};
use crate::report::schema::schema;

/// Print the JSON Schema of what `analyze --format json` writes
#[derive(Args)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> Answer {
        print(|to| writeln!(to, "{}", schema())).map(|()| Status::Well)
    }
}

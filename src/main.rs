//! The program: what was asked for is done, and the exit status tells how it went.

use std::process::ExitCode;

fn main() -> ExitCode {
    upgradescope::cli::run(std::env::args_os())
}

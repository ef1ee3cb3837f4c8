//! The program: what was asked for is done, and the exit status tells how it went.

use std::process::ExitCode;

/// Reports are made of many small texts, by several threads: with the system's allocator a quarter of the time goes into that.
/// Without huge pages: clearing them costs more than they save, as most of each stays unused.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    upgradescope::cli::run(std::env::args_os())
}

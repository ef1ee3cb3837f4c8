//! What the user may ask for: one file a subcommand.

mod analyze;
mod causes;
mod completions;
mod explain;
mod fingerprints;
mod man;
mod output;
mod progress;
mod schema;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

use crate::report::printable::Printable;

/// Does what `arguments` (the program's name first) ask for. Trouble is told in one line on standard error.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let asked = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.subcommand.run(),
        Err(error) => answer(&error),
    };
    match asked {
        Ok(Status::Well) => ExitCode::SUCCESS,
        Ok(Status::SomeFailed) => ExitCode::from(1),
        Err(Trouble(text)) => {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "upgradescope: {}", Printable(&text));
            ExitCode::from(2)
        }
    }
}

/// Tells from a packet capture alone why an HTTP upgrade (WebSocket first) failed.
#[derive(Parser)]
#[command(name = "upgradescope", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    subcommand: Asked,
}

const EXAMPLES: &str = "\
Examples:
  upgradescope analyze trace.pcapng
  upgradescope analyze --format html -o report.html captures/
  tcpdump -w - port 443 | upgradescope analyze -
  upgradescope explain origin.not-allowed

Exit status:
  0  no attempt to upgrade failed
  1  some failed
  2  the command could not do its work";

#[derive(Subcommand)]
enum Asked {
    Analyze(analyze::Analyze),
    Explain(explain::Explain),
    Causes(causes::Causes),
    Schema(schema::Schema),
    Fingerprints(fingerprints::Fingerprints),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Asked {
    fn run(self) -> Answer {
        match self {
            Asked::Analyze(asked) => asked.run(),
            Asked::Explain(asked) => asked.run(),
            Asked::Causes(asked) => asked.run(),
            Asked::Schema(asked) => asked.run(),
            Asked::Fingerprints(asked) => asked.run(),
            Asked::Completions(asked) => asked.run(),
            Asked::Man(asked) => asked.run(),
        }
    }
}

/// How a command went.
type Answer = Result<Status, Trouble>;

/// How the attempts of a capture fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// None failed, or none was looked at.
    Well,
    /// Some failed.
    SomeFailed,
}

/// Why a command could not do its work, in one line.
#[derive(Debug, PartialEq, Eq)]
struct Trouble(String);

/// The command line as clap sees it.
fn command() -> clap::Command {
    Arguments::command()
}

/// What clap has to say instead of arguments: help or the version, which were asked for, or an error.
fn answer(error: &clap::Error) -> Answer {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Clap knows whether standard output takes colours; that it may be closed is no trouble.
            let _ = error.print();
            Ok(Status::Well)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Err(Trouble(
            "nothing was asked for; `upgradescope --help` tells what can be".to_owned(),
        )),
        _ => Err(Trouble(in_one_line(&error.render().to_string()))),
    }
}

/// Clap's message without its usage text, on one line.
fn in_one_line(message: &str) -> String {
    let told = |it: &&str| !it.starts_with("Usage:") && !it.starts_with("For more information");
    let on_one_line = |it: &str| it.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = message
        .split("\n\n")
        .filter(told)
        .map(on_one_line)
        .collect::<Vec<_>>()
        .join("; ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(arguments: &[&str]) -> String {
        let error = Arguments::try_parse_from(["upgradescope"].iter().chain(arguments))
            .err()
            .unwrap();
        answer(&error).unwrap_err().0
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_wrong_argument_is_told_in_one_line() {
        for wrong in [
            &[][..],
            &["analyze"],
            &["analyse"],
            &["analyze", "--format", "xml", "a.pcap"],
            &["analyze", "--threads", "0", "a.pcap"],
            &["analyze", "--threads", "257", "a.pcap"],
            &["analyze", "--nonsense", "a.pcap"],
            &["explain"],
        ] {
            let text = trouble(wrong);
            assert!(
                !text.is_empty() && !text.contains('\n') && !text.contains("Usage"),
                "{text}"
            );
        }
        assert_eq!(
            trouble(&["analyze", "--format", "jsn", "a.pcap"]),
            "invalid value 'jsn' for '--format <FORMAT>' [possible values: text, json, ndjson, html, markdown]; tip: a similar value exists: 'json'"
        );
    }

    #[test]
    fn help_and_version_are_no_trouble() {
        for wanted in ["--help", "--version"] {
            let error = Arguments::try_parse_from(["upgradescope", wanted]).err().unwrap();
            assert_eq!(error.exit_code(), 0);
        }
    }
}

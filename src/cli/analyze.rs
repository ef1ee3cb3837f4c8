//! `upgradescope analyze`: from captures to a report.

use std::{
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum, value_parser};

use super::{
    Answer, Status, Trouble,
    output::{Target, To, print, style},
    progress::Progress,
};
use crate::{
    analysis::{Error, Options, analyze, analyze_into},
    fingerprint::Prints,
    report::{self, Report, page::Style},
    tls::KeyLog,
};

/// Tell which attempts to upgrade failed, and why
///
/// Every attempt of the captures is listed with its outcome; a failed one with its cause, how sure that is, the packets
/// that show it, what else was considered, and what to do.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Analyze {
    /// Capture file (pcap or pcapng, also compressed by gzip, zstd or lz4), folder of them, or - for standard input
    #[arg(value_name = "CAPTURE", required = true)]
    captures: Vec<PathBuf>,

    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the report to FILE, whole or not at all, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// TLS secrets: a file in the NSS key log format, or a folder of such files; may be given more than once. Secrets in a
    /// pcapng file are used without it
    #[arg(long, value_name = "FILE")]
    keylog: Vec<PathBuf>,

    /// Marks of programs of your own, to tell who wrote an answer; may be given more than once. `upgradescope fingerprints`
    /// shows how they are written
    #[arg(long, value_name = "FILE")]
    fingerprints: Vec<PathBuf>,

    /// How many threads work, 1 to 256; any number gives the same report [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    threads: Option<u16>,

    /// Show credentials; without it they are masked
    #[arg(long)]
    show_secrets: bool,
}

const EXAMPLES: &str = "\
Examples:
  upgradescope analyze trace.pcapng
  upgradescope analyze --format json trace.pcap.gz | jq .summary.causes
  upgradescope analyze --format html -o report.html rotated-captures/
  ssh gateway tcpdump -i any -w - port 443 | upgradescope analyze -";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a person at a terminal
    Text,
    /// One JSON document; `upgradescope schema` describes it
    Json,
    /// One JSON object a line: captures, attempts, patterns, summary
    Ndjson,
    /// One self-contained web page
    Html,
    /// For an incident review
    Markdown,
}

impl Analyze {
    pub(super) fn run(self) -> Answer {
        let target = match &self.output {
            Some(path) if path.as_os_str() != "-" => Some(Target::new(path, &self.captures)?),
            _ => None,
        };
        let format = self.format;
        let options = self.options()?;
        let failed = match target {
            Some(target) => target.write(|to| {
                let report = format.write(&options, Style::default(), to)?;
                // A folder's captures are known only now.
                let read = report.captures.iter().filter(|it| it.packets > 0);
                target
                    .spare(read.map(|it| Path::new(&it.path)))
                    .map_err(|trouble| io::Error::other(trouble.0))?;
                Ok::<_, Error>(is_failure(report))
            })?,
            None => print(|to| format.write(&options, style(), to).map(is_failure))?,
        };
        Ok(if failed { Status::SomeFailed } else { Status::Well })
    }

    fn options(self) -> Result<Options, Trouble> {
        let key_log = read_key_logs(&self.keylog)?;
        let prints = read_prints(&self.fingerprints)?;
        let progress = Progress::new();
        Ok(Options {
            captures: self.captures,
            threads: self.threads.and_then(|threads| NonZeroUsize::new(threads.into())),
            show_secrets: self.show_secrets,
            key_log,
            prints: Some(prints),
            progress: progress.map(|progress| Box::new(move |read, of| progress.show(read, of)) as _),
            ..Options::default()
        })
    }
}

/// Whether some attempts failed.
fn is_failure(report: Report) -> bool {
    let failed = report.summary.failed > 0;
    // The program ends here: to free a million small things one by one would only make the user wait.
    std::mem::forget(report);
    failed
}

/// The marks that come with the program, and before them those of the user's files, of which the first named goes first.
fn read_prints(named: &[PathBuf]) -> Result<Prints, Trouble> {
    let mut prints = Prints::built_in();
    for path in named.iter().rev() {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Trouble(format!("{}: the fingerprints cannot be read: {error}", path.display())))?;
        prints = prints
            .with(&text)
            .map_err(|error| Trouble(format!("{}: {error}", path.display())))?;
    }
    Ok(prints)
}

/// Reads key logs, folders' own files among them.
fn read_key_logs(named: &[PathBuf]) -> Result<Option<KeyLog>, Trouble> {
    let mut all: Option<KeyLog> = None;
    for path in named {
        let trouble = |error: io::Error| Trouble(format!("{}: the key log cannot be read: {error}", path.display()));
        let mut files = vec![path.clone()];
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(trouble)?;
            files = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.is_file())
                .collect();
            files.sort();
        }
        for file in files {
            let log = KeyLog::parse(&std::fs::read(&file).map_err(trouble)?);
            if log.is_empty() && !path.is_dir() {
                let text = format!(
                    "{}: no TLS secret in it; is it an NSS key log (SSLKEYLOGFILE)?",
                    path.display()
                );
                return Err(Trouble(text));
            }
            all.get_or_insert_default().merge(log);
        }
    }
    Ok(all)
}

impl Format {
    /// Analyses captures and writes the report; it is returned, though perhaps without its attempts.
    fn write(self, options: &Options, style: Style, to: &mut To<'_>) -> Result<Report, Error> {
        let whole = |write: &dyn Fn(&Report, &mut To<'_>) -> io::Result<()>, to: &mut To<'_>| {
            let report = analyze(options)?;
            write(&report, to)?;
            Ok(report)
        };
        match self {
            Format::Json => analyze_into(options, &mut report::json::Document::new(to)),
            Format::Ndjson => analyze_into(options, &mut report::ndjson::Lines::new(to)),
            Format::Text => whole(&|report, to| report::text::write(report, style, to), to),
            Format::Html => whole(&|report, to| report::html::write(report, to), to),
            Format::Markdown => whole(&|report, to| report::markdown::write(report, to), to),
        }
    }
}

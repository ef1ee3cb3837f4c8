//! `upgradescope analyze`: from captures to a report.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum, value_parser};

use super::{
    Answer, Status, Trouble,
    output::{Target, print, style},
    progress::Progress,
};
use crate::{
    analysis,
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
        let report = self.analyze()?;
        match target {
            Some(target) => {
                // A folder's captures are known only now.
                target.spare(
                    report
                        .captures
                        .iter()
                        .filter(|it| it.packets > 0)
                        .map(|it| Path::new(&it.path)),
                )?;
                target.write(&|to| format.write(&report, Style::default(), to))?;
            }
            None => print(&|to| format.write(&report, style(), to))?,
        }
        let failed = report.summary.failed > 0;
        // The program ends here: to free a million small things one by one would only make the user wait.
        std::mem::forget(report);
        Ok(if failed { Status::SomeFailed } else { Status::Well })
    }

    fn analyze(self) -> Result<Report, Trouble> {
        let key_log = read_key_logs(&self.keylog)?;
        let progress = Progress::new();
        let options = analysis::Options {
            captures: self.captures,
            threads: self.threads.and_then(|threads| NonZeroUsize::new(threads.into())),
            show_secrets: self.show_secrets,
            key_log,
            progress: progress.map(|progress| Box::new(move |read, of| progress.show(read, of)) as _),
            ..analysis::Options::default()
        };
        analysis::analyze(&options).map_err(|error| Trouble(error.to_string()))
    }
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
    fn write(self, report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Format::Text => report::text::write(report, style, to),
            Format::Json => report::json::write(report, to),
            Format::Ndjson => report::ndjson::write(report, to),
            Format::Html => report::html::write(report, to),
            Format::Markdown => report::markdown::write(report, to),
        }
    }
}

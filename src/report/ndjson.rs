//! The report as lines of JSON, for tools that read one record at a time.

use std::io::{self, Write};

use serde::Serialize;

use super::{Attempt, Capture, Pattern, Report, Sink, Summary, Tool};

/// Writes one object a line: the captures, the attempts, the patterns and last the summary, each with its `type`.
///
/// # Errors
/// If `to` cannot be written.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut lines = Lines::new(to);
    lines.begin(report)?;
    lines.take(prepared(&report.attempts))?;
    lines.end(report)
}

/// Lines that are written while the report comes to be.
pub struct Lines<'w, W: ?Sized> {
    to: &'w mut W,
}

impl<'w, W: Write + ?Sized> Lines<'w, W> {
    /// No line yet.
    pub fn new(to: &'w mut W) -> Self {
        Lines { to }
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut *self.to, line)?;
        writeln!(self.to)
    }
}

impl<W: Write + ?Sized> Sink for Lines<'_, W> {
    type Batch = Vec<u8>;

    fn prepare(attempts: Vec<Attempt>) -> Vec<u8> {
        prepared(&attempts)
    }

    fn begin(&mut self, report: &Report) -> io::Result<()> {
        let mut captures = report.captures.iter().map(Line::Capture);
        captures.try_for_each(|line| self.line(&line))
    }

    fn take(&mut self, batch: Vec<u8>) -> io::Result<()> {
        self.to.write_all(&batch)
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        let mut patterns = report.patterns.iter().map(Line::Pattern);
        patterns.try_for_each(|line| self.line(&line))?;
        self.line(&Line::Summary {
            schema_version: report.schema_version,
            tool: &report.tool,
            summary: &report.summary,
        })
    }
}

/// Attempts, a line each.
fn prepared(attempts: &[Attempt]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(attempts.len() * 1536);
    for attempt in attempts {
        // Nothing in an attempt can fail to be JSON, and memory can always be written.
        let _ = serde_json::to_writer(&mut octets, &Line::Attempt(attempt));
        octets.push(b'\n');
    }
    octets
}

/// One line.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'r> {
    Capture(&'r Capture),
    Attempt(&'r Attempt),
    Pattern(&'r Pattern),
    Summary {
        schema_version: u32,
        tool: &'r Tool,
        #[serde(flatten)]
        summary: &'r Summary,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{super::example, *};

    #[test]
    fn every_line_is_an_object_with_its_type() {
        let report = example::hostile(example::HOSTILE);
        let mut written = Vec::new();
        write(&report, &mut written).unwrap();
        let lines: Vec<Value> = String::from_utf8(written)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(
            types,
            [
                "capture", "attempt", "attempt", "attempt", "attempt", "pattern", "pattern", "summary"
            ]
        );
        assert_eq!(lines[1]["outcome"], "server-403");
        assert_eq!(lines[7]["outcomes"]["upgraded"], 1);
        assert_eq!(lines[7]["schema_version"], 1);
    }
}

//! The report as one JSON document, in the shape that the contract fixes: a line for each capture, attempt and pattern.

use std::io::{self, Write};

use serde::Serialize;

use super::{Attempt, Report, Sink};

/// Writes the report as one document.
///
/// # Errors
/// If `to` cannot be written.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut document = Document::new(to);
    document.begin(report)?;
    document.take(prepared(&report.attempts))?;
    document.end(report)
}

/// A document that is written while the report comes to be.
pub struct Document<'w, W: ?Sized> {
    to: &'w mut W,
    /// Whether an attempt was written.
    began: bool,
}

impl<'w, W: Write + ?Sized> Document<'w, W> {
    /// An empty document.
    pub fn new(to: &'w mut W) -> Self {
        Document { to, began: false }
    }

    fn field(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        write!(self.to, "  \"{name}\": ")?;
        serde_json::to_writer(&mut *self.to, value)?;
        writeln!(self.to, ",")
    }

    fn list(&mut self, name: &str, values: &[impl Serialize]) -> io::Result<()> {
        write!(self.to, "  \"{name}\": [")?;
        for (place, value) in values.iter().enumerate() {
            self.to.write_all(if place == 0 { FIRST } else { NEXT }.as_bytes())?;
            serde_json::to_writer(&mut *self.to, value)?;
        }
        self.to
            .write_all(if values.is_empty() { "],\n" } else { END }.as_bytes())
    }
}

/// What stands before the first value of a list, before each further one, and after the last.
const FIRST: &str = "\n    ";
const NEXT: &str = ",\n    ";
const END: &str = "\n  ],\n";

impl<W: Write + ?Sized> Sink for Document<'_, W> {
    type Batch = Vec<u8>;

    fn prepare(attempts: Vec<Attempt>) -> Vec<u8> {
        prepared(&attempts)
    }

    fn begin(&mut self, report: &Report) -> io::Result<()> {
        writeln!(self.to, "{{")?;
        self.field("schema_version", &report.schema_version)?;
        self.field("tool", &report.tool)?;
        self.list("captures", &report.captures)?;
        write!(self.to, "  \"attempts\": [")
    }

    fn take(&mut self, batch: Vec<u8>) -> io::Result<()> {
        let comma = usize::from(!self.began && !batch.is_empty());
        self.began |= !batch.is_empty();
        self.to.write_all(batch.get(comma..).unwrap_or_default())
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        self.to.write_all(if self.began { END } else { "],\n" }.as_bytes())?;
        self.list("patterns", &report.patterns)?;
        write!(self.to, "  \"summary\": ")?;
        serde_json::to_writer(&mut *self.to, &report.summary)?;
        writeln!(self.to, "\n}}")
    }
}

/// Attempts as they stand in the document, each behind a comma.
fn prepared(attempts: &[Attempt]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(attempts.len() * 1536);
    for attempt in attempts {
        octets.extend_from_slice(NEXT.as_bytes());
        // Nothing in an attempt can fail to be JSON, and memory can always be written.
        let _ = serde_json::to_writer(&mut octets, attempt);
    }
    octets
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{super::example, *};

    #[test]
    fn what_is_read_back_is_what_was_written() {
        for report in [example::report(), example::empty(), example::hostile(example::HOSTILE)] {
            let mut written = Vec::new();
            write(&report, &mut written).unwrap();
            let read: Value = serde_json::from_slice(&written).unwrap();
            assert_eq!(read, serde_json::to_value(&report).unwrap());
        }
    }

    #[test]
    fn batches_make_the_same_document() {
        let report = example::report();
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        write(&report, &mut whole).unwrap();
        let mut document = Document::new(&mut parts);
        document.begin(&report).unwrap();
        for attempts in [&report.attempts[..0], &report.attempts[..1], &report.attempts[1..]] {
            document.take(Document::<Vec<u8>>::prepare(attempts.to_vec())).unwrap();
        }
        document.end(&report).unwrap();
        assert_eq!(String::from_utf8(parts), String::from_utf8(whole));
    }

    #[test]
    fn an_attempt_is_one_line() {
        let mut written = Vec::new();
        write(&example::hostile(example::HOSTILE), &mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("    {\"id\":")).count(), 4);
    }

    #[test]
    fn the_unknown_is_null() {
        let mut written = Vec::new();
        write(&example::report(), &mut written).unwrap();
        let read: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(read["attempts"][1]["cause"], Value::Null);
        assert_eq!(read["attempts"][2]["request"], Value::Null);
        assert_eq!(read["attempts"][0]["cause"]["evidence"][0]["packet"], 6);
    }
}

//! The report as lines of JSON, for tools that read one record at a time.

use std::io::{self, Write};

use serde::Serialize;

use super::{Attempt, Capture, Pattern, Report, Summary, Tool};

/// Writes one object a line: the captures, the attempts, the patterns and last the summary, each with its `type`.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let summary = Line::Summary {
        schema_version: report.schema_version,
        tool: &report.tool,
        summary: &report.summary,
    };
    let captures = report.captures.iter().map(Line::Capture);
    let attempts = report.attempts.iter().map(Line::Attempt);
    let patterns = report.patterns.iter().map(Line::Pattern);
    for line in captures.chain(attempts).chain(patterns).chain([summary]) {
        serde_json::to_writer(&mut *to, &line)?;
        writeln!(to)?;
    }
    Ok(())
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

//! The report as one JSON document, in the shape that the contract fixes.

use std::io::{self, Write};

use super::Report;

/// Writes the report, indented, as one document and a line feed.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, report)?;
    writeln!(to)
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
    fn the_unknown_is_null() {
        let mut written = Vec::new();
        write(&example::report(), &mut written).unwrap();
        let read: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(read["attempts"][1]["cause"], Value::Null);
        assert_eq!(read["attempts"][2]["request"], Value::Null);
        assert_eq!(read["attempts"][0]["cause"]["evidence"][0]["packet"], 6);
    }
}

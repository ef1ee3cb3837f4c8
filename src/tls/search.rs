//! The search for the next record after octets that the capture lacks.

use super::{RecordHeader, record};

/// The octets after a gap, until a record is found among them.
///
/// It never holds more than one record of full size and the piece that came last: what begins no record is let go.
#[derive(Debug, Default)]
pub(super) struct Search {
    held: Vec<u8>,
}

impl Search {
    /// How many octets are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.capacity()
    }

    /// Takes the next octets and looks for a record of which `proves` says that it is one: gives the octets behind it.
    ///
    /// `expects` is asked whether a header may be right; the body of the one that may be is shown to `proves`.
    pub(super) fn read(
        &mut self,
        octets: &[u8],
        expects: impl Fn(RecordHeader) -> bool,
        mut proves: impl FnMut(RecordHeader, &[u8]) -> bool,
    ) -> Option<Vec<u8>> {
        self.held.extend_from_slice(octets);
        let mut start = 0;
        loop {
            let from = self.held.get(start..).unwrap_or_default();
            match record::header(from) {
                // It may become one.
                Ok(None) => break,
                Ok(Some(header)) if expects(header) => {
                    let (_, rest) = from.split_at_checked(record::HEADER).unwrap_or_default();
                    let Some((body, behind)) = rest.split_at_checked(usize::from(header.length)) else {
                        break;
                    };
                    if proves(header, body) {
                        return Some(behind.to_vec());
                    }
                }
                _ => {}
            }
            start += 1;
        }
        self.held.drain(..start);
        None
    }
}

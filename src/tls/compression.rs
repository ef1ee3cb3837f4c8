//! Records that were compressed before they were protected (RFC 3749), as old programs still do.

use flate2::{Decompress, FlushDecompress, Status};

/// What a record may become (RFC 5246 section 6.2.2): more is no TLS but a bomb.
const LONGEST_CONTENT: usize = 1 << 14;

/// The number of the method that compresses nothing.
pub(super) const NULL: u8 = 0;

/// The number of the method DEFLATE.
pub(super) const DEFLATE: u8 = 1;

/// The decompression of one direction; what it knows of earlier records it needs for the later ones.
#[derive(Debug)]
pub(super) struct Inflation {
    state: Decompress,
    content: Vec<u8>,
}

impl Inflation {
    /// Before the first record.
    pub(super) fn new() -> Inflation {
        Inflation {
            state: Decompress::new(true),
            content: Vec::new(),
        }
    }

    /// Puts what this record held in the place of its compressed form; `None` if a record before it is missing, or it is bad.
    pub(super) fn inflate(&mut self, record: &mut Vec<u8>) -> Option<()> {
        self.content.clear();
        self.content.reserve_exact(LONGEST_CONTENT + 1);
        let before = self.state.total_in();
        let status = self
            .state
            .decompress_vec(record, &mut self.content, FlushDecompress::Sync)
            .ok()?;
        let read = self.state.total_in() - before;
        if read < record.len() as u64 || self.content.len() > LONGEST_CONTENT || status == Status::BufError {
            return None;
        }
        std::mem::swap(record, &mut self.content);
        Some(())
    }
}

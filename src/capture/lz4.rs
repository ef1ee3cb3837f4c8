//! LZ4 frames, one after another.

use std::io::{self, ErrorKind, Read};

use lz4_flex::frame::FrameDecoder;

/// Reads what a run of LZ4 frames holds, in a few times the block size of at most 8 MiB.
///
/// The decoder takes a file that is cut between two blocks for one that ends there, so we watch whether it asks for more than
/// there is.
pub(super) struct Lz4Frames<R: Read> {
    decoder: FrameDecoder<Watched<R>>,
    /// How many octets were taken when the last frame ended.
    frame_end: Option<u64>,
}

struct Watched<R> {
    source: R,
    taken: u64,
    exhausted: bool,
}

impl<R: Read> Lz4Frames<R> {
    pub(super) fn new(source: R) -> Self {
        Lz4Frames {
            decoder: FrameDecoder::new(Watched {
                source,
                taken: 0,
                exhausted: false,
            }),
            frame_end: None,
        }
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.decoder.get_ref().source
    }
}

impl<R: Read> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let watched = self.decoder.get_ref();
            if !watched.exhausted {
                self.frame_end = Some(watched.taken); // by its end mark; another may follow
            } else if self.frame_end == Some(watched.taken) {
                return Ok(0);
            } else {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.taken += read as u64;
        self.exhausted |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}

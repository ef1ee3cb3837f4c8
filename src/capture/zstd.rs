//! Zstandard frames, one after another (RFC 8878).

use std::io::{self, ErrorKind, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::input::{is_skippable, read_up_to, skip_frame};

/// Reads what a run of zstd frames holds.
///
/// It keeps no more than the window that a frame asks for, at most 128 MiB (the decoder's own bound, and that of `zstd -d`),
/// and a block of 128 KiB, whatever a frame expands to.
pub(super) struct ZstdFrames<R> {
    decoder: FrameDecoder,
    source: R,
    within_frame: bool,
    failure: Option<io::Error>,
}

/// A block of no octets that is the last of its frame (RFC 8878 section 3.1.1.2), and a checksum if one is asked for.
const LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

impl<R: Read> ZstdFrames<R> {
    pub(super) fn new(source: R) -> Self {
        ZstdFrames {
            decoder: FrameDecoder::new(),
            source,
            within_frame: false,
            failure: None,
        }
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.source
    }

    /// Goes to the next frame with content; whether there is one.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            let magic = read_up_to(&mut self.source, 4)?;
            if magic.is_empty() {
                return Ok(false);
            }
            if !is_skippable(&magic) {
                // What is no frame at all is told so by the decoder.
                self.decoder
                    .reset(magic.as_slice().chain(&mut self.source))
                    .map_err(io::Error::other)?;
                return Ok(true);
            }
            skip_frame(&mut self.source)?;
        }
    }

    /// Decodes a block. If that fails, the frame is ended there: until its end the decoder would keep back a whole window,
    /// which is megabytes of good packets.
    fn next_block(&mut self) -> io::Result<()> {
        if let Err(failure) = self
            .decoder
            .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
        {
            self.failure = Some(io::Error::other(failure));
            self.decoder
                .decode_blocks(LAST_BLOCK, BlockDecodingStrategy::All)
                .map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Whether the frame that is read was whole; its checksum is optional (RFC 8878 section 3.1.1).
    fn end_frame(&mut self) -> io::Result<()> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let told = self.decoder.get_checksum_from_data();
        if told.is_some() && told != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "the checksum of a frame is wrong",
            ));
        }
        self.within_frame = false;
        Ok(())
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within_frame && !self.next_frame()? {
                return Ok(0);
            }
            self.within_frame = true;
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.end_frame()?;
            } else {
                self.next_block()?;
            }
        }
    }
}

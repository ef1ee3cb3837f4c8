//! Where captures come from, and how compression is taken off on the way.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufReader, Chain, Cursor, ErrorKind, Read},
    ops::Range,
    path::PathBuf,
};

use flate2::bufread::MultiGzDecoder;

use super::{Error, lz4::Lz4Frames, zstd::ZstdFrames};

/// One place from which a capture is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A file, a named pipe or a device.
    Path(PathBuf),
    /// Standard input, which is called `-`.
    StandardInput,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Path(path) => path.display().fmt(f),
            Source::StandardInput => f.write_str("-"),
        }
    }
}

/// How a capture is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
    /// The LZ4 frame format, any number of frames.
    Lz4,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
        })
    }
}

/// What an operating system or a test gives us to read from.
pub(super) type Origin = Box<dyn Read + Send>;

/// The octets of a capture, decompressed as they are read.
pub(super) struct Input {
    octets: Decompressed,
    size: Option<u64>,
    live: bool,
}

enum Decompressed {
    Plain(Raw),
    Gzip(Steps<MultiGzDecoder<BufReader<Raw>>>),
    Zstd(Steps<ZstdFrames<BufReader<Raw>>>),
    Lz4(Steps<Lz4Frames<BufReader<Raw>>>),
}

/// The octets as they stand in the file: those at which we have looked already, and the rest.
type Raw = Chain<Cursor<Vec<u8>>, Counted>;

/// How much of a compressed file is read at once.
const COMPRESSED_BUFFER: usize = 64 << 10;

impl Input {
    /// Opens `source` and recognises its compression by its first octets.
    pub(super) fn open(source: &Source) -> Result<Self, Error> {
        let opened = match source {
            Source::StandardInput => Input::new(Box::new(io::stdin()), None),
            Source::Path(path) => fs::metadata(path).and_then(|metadata| {
                // Neither a pipe nor a device has a size.
                let size = metadata.is_file().then_some(metadata.len());
                Input::new(Box::new(File::open(path)?), size)
            }),
        };
        opened.map_err(|error| Error::new(source, error.into()))
    }

    /// Reads from `origin`, which is a regular file if its size is known.
    pub(super) fn new(origin: Origin, size: Option<u64>) -> io::Result<Self> {
        let mut origin = Counted { origin, count: 0 };
        let magic = magic(&mut origin)?;
        let raw = Cursor::new(magic.clone()).chain(origin);
        let buffered = |raw| BufReader::with_capacity(COMPRESSED_BUFFER, raw);
        let octets = match magic.as_slice() {
            [0x1f, 0x8b, ..] => Decompressed::Gzip(Steps::new(MultiGzDecoder::new(buffered(raw)))),
            [0x28, 0xb5, 0x2f, 0xfd] => Decompressed::Zstd(Steps::new(ZstdFrames::new(buffered(raw)))),
            [0x04, 0x22, 0x4d, 0x18] => Decompressed::Lz4(Steps::new(Lz4Frames::new(buffered(raw)))),
            _ => Decompressed::Plain(raw),
        };
        Ok(Input {
            octets,
            size,
            live: size.is_none(),
        })
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        match self.octets {
            Decompressed::Plain(_) => None,
            Decompressed::Gzip(_) => Some(Compression::Gzip),
            Decompressed::Zstd(_) => Some(Compression::Zstd),
            Decompressed::Lz4(_) => Some(Compression::Lz4),
        }
    }

    /// How many octets of the file have been read, compressed as they are.
    pub(super) fn position(&self) -> u64 {
        let raw = match &self.octets {
            Decompressed::Plain(raw) => raw,
            Decompressed::Gzip(steps) => steps.decoder.get_ref().get_ref(),
            Decompressed::Zstd(steps) => steps.decoder.get_ref().get_ref(),
            Decompressed::Lz4(steps) => steps.decoder.get_ref().get_ref(),
        };
        raw.get_ref().1.count
    }

    /// How many octets the file has, if it is one.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// Whether a read may have to wait for somebody to write.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.octets {
            Decompressed::Plain(raw) => raw.read(buffer),
            Decompressed::Gzip(steps) => steps.read(buffer),
            Decompressed::Zstd(steps) => steps.read(buffer),
            Decompressed::Lz4(steps) => steps.read(buffer),
        }
    }
}

/// A decompressor that is always asked for as much as there is in one step, whatever the reader asks for: how many octets it
/// yields before it stumbles over damage may depend on what it is asked for, and no report may depend on that.
struct Steps<D> {
    decoder: Box<D>,
    step: Vec<u8>,
    /// What of the step is still to be read.
    left: Range<usize>,
}

impl<D: Read> Steps<D> {
    const STEP: usize = 64 << 10;

    fn new(decoder: D) -> Self {
        Steps {
            decoder: Box::new(decoder),
            step: vec![0; Self::STEP],
            left: 0..0,
        }
    }
}

impl<D: Read> Read for Steps<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() {
            self.left = 0..self.decoder.read(&mut self.step)?;
        }
        let mut rest = self.step.get(self.left.clone()).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.left.start += read;
        Ok(read)
    }
}

/// A reader that knows how much it has read, and that is never interrupted.
struct Counted {
    origin: Origin,
    count: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.origin.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(read) => {
                    self.count += read as u64;
                    return Ok(read);
                }
            }
        }
    }
}

/// The first four octets behind skippable frames, with which both zstd and LZ4 files may begin; fewer if there are no more.
fn magic(origin: &mut impl Read) -> io::Result<Vec<u8>> {
    loop {
        let magic = read_up_to(origin, 4)?;
        if !is_skippable(&magic) {
            return Ok(magic);
        }
        skip_frame(origin)?;
    }
}

/// Whether that is the magic number of a skippable frame (RFC 8878 section 3.1.2).
pub(super) fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// Skips what follows the magic number of a skippable frame.
pub(super) fn skip_frame(origin: &mut impl Read) -> io::Result<()> {
    let mut length = [0; 4];
    origin.read_exact(&mut length)?;
    let length = u64::from(u32::from_le_bytes(length));
    match io::copy(&mut origin.take(length), &mut io::sink())? {
        skipped if skipped == length => Ok(()),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// The next `length` octets, or those that there are; a pipe may give them one by one.
pub(super) fn read_up_to(reader: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    reader.take(length).read_to_end(&mut octets)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::capture::{
        Limits, Reason, Trouble,
        sample::{Seen, random, read, trickle},
    };

    type Compress = fn(&[u8]) -> Vec<u8>;

    const WAYS: [(Compression, Compress); 3] = [
        (Compression::Gzip, gzip),
        (Compression::Zstd, zstd),
        (Compression::Lz4, lz4),
    ];

    /// A skippable frame of three octets.
    const SKIPPABLE: &[u8] = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(octets: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(octets, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn lz4(octets: &[u8]) -> Vec<u8> {
        let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    fn sample() -> (Vec<u8>, Vec<Seen>) {
        let capture = random(&mut fastrand::Rng::with_seed(7), 300_000);
        let seen = read(&capture, Limits::default()).unwrap().0;
        (capture, seen)
    }

    #[test]
    fn one_frame_or_several_at_once_or_octet_by_octet() {
        let (capture, plain) = sample();
        let (start, end) = capture.split_at(100_001);
        for (compression, compress) in WAYS {
            for compressed in [compress(&capture), [compress(start), compress(end)].concat()] {
                for reading in [read, trickle] {
                    let (seen, file) = reading(&compressed, Limits::default()).unwrap();
                    assert!(seen == plain, "{compression}");
                    assert_eq!(
                        (file.compression, file.octets),
                        (Some(compression), capture.len() as u64)
                    );
                    assert_eq!(file.anomalies, []);
                }
            }
        }
    }

    #[test]
    fn skippable_frames_are_skipped() {
        let (capture, plain) = sample();
        let (start, end) = capture.split_at(100_001);
        let lz4 = [SKIPPABLE, SKIPPABLE, &lz4(&capture)].concat();
        let zstd = [SKIPPABLE, &zstd(start), SKIPPABLE, SKIPPABLE, &zstd(end), SKIPPABLE].concat();
        for compressed in [lz4, zstd] {
            let (seen, file) = read(&compressed, Limits::default()).unwrap();
            assert!(seen == plain && file.anomalies.is_empty());
        }
    }

    #[test]
    fn a_cut_is_told_and_what_came_before_is_read() {
        let (capture, plain) = sample();
        for (compression, compress) in WAYS {
            let compressed = compress(&capture);
            let mut best = 0;
            for length in (4..compressed.len()).step_by(997).chain([compressed.len() - 1]) {
                match read(&compressed[..length], Limits::default()) {
                    Err(error) => assert!(matches!(error.reason, Reason::Damaged(..)), "{error}"),
                    Ok((seen, file)) => {
                        assert!(plain.starts_with(&seen));
                        assert_eq!(file.anomalies.len(), 1, "{compression} {length}");
                        assert!(matches!(file.anomalies[0].trouble, Trouble::Decompression { .. }));
                        best = best.max(seen.len());
                    }
                }
            }
            assert!(best == plain.len(), "{compression}: {best} of {}", plain.len());
        }
    }

    #[test]
    fn what_follows_the_last_frame_is_told() {
        let (capture, plain) = sample();
        for (compression, compress) in WAYS {
            let (seen, file) = read(&[compress(&capture), b"garbage".to_vec()].concat(), Limits::default()).unwrap();
            assert!(seen == plain);
            assert!(
                matches!(file.anomalies[0].trouble, Trouble::Decompression { .. }),
                "{compression}"
            );
        }
    }

    #[test]
    fn damage_anywhere_is_survived() {
        let mut rng = fastrand::Rng::with_seed(8);
        let capture = random(&mut rng, 20_000);
        for (_, compress) in WAYS {
            let compressed = compress(&capture);
            for _ in 0..300 {
                let mut damaged = compressed.clone();
                for _ in 0..rng.usize(1..4) {
                    let at = rng.usize(4..damaged.len());
                    damaged[at] = rng.u8(..);
                }
                let _ = read(&damaged, Limits::default());
            }
        }
    }

    #[test]
    fn what_is_compressed_twice_or_is_no_capture_inside_is_refused() {
        let twice = read(&gzip(&lz4(&sample().0)), Limits::default()).unwrap_err();
        assert!(matches!(
            twice.reason,
            Reason::NotACapture(Some(Compression::Gzip), Some("lz4 once more"))
        ));
        let text = read(&zstd(b"GET / HTTP/1.1\r\n\r\n"), Limits::default()).unwrap_err();
        assert!(matches!(
            text.reason,
            Reason::NotACapture(Some(Compression::Zstd), None)
        ));
        assert!(matches!(
            read(&gzip(b""), Limits::default()).unwrap_err().reason,
            Reason::Empty
        ));
        assert!(matches!(
            read(SKIPPABLE, Limits::default()).unwrap_err().reason,
            Reason::Empty
        ));
    }

    #[test]
    fn the_position_is_that_in_the_compressed_file() {
        let compressed = gzip(&sample().0);
        let mut input = Input::new(Box::new(Cursor::new(compressed.clone())), Some(9)).unwrap();
        assert!(input.position() < compressed.len() as u64);
        assert_eq!(input.size(), Some(9));
        io::copy(&mut input, &mut io::sink()).unwrap();
        assert_eq!(input.position(), compressed.len() as u64);
    }
}

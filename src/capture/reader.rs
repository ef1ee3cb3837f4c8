//! Reads a capture file from start to end, a chunk at a time.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use super::{
    CaptureFile, Chunk, Error, Format, Reason, Secrets, Source, Time,
    anomaly::Trouble,
    chunk::FrameSpan,
    input::{Input, read_up_to},
    pcap::Pcap,
    pcapng::Pcapng,
    summary::Tally,
};

/// Reads a capture file from start to end, a chunk at a time.
///
/// Its memory is bounded by [`Limits`], not by what the file claims or expands to. After [`Reader::open`] nothing fails any
/// more: what goes wrong ends the reading or not, and is told in the summary.
pub struct Reader {
    input: Input,
    framing: Framing,
    source: Source,
    limits: Limits,
    tally: Tally,
    /// What was read behind the last whole frame.
    tail: Vec<u8>,
    /// How many of the next octets are of no interest.
    skip: u64,
    ended: bool,
}

/// Bounds of what a reader holds at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many octets a chunk has, unless one frame is longer.
    pub chunk: usize,
    /// How many octets a frame may have.
    pub frame: u32,
}

impl Default for Limits {
    /// 256 KiB stay in a processor's second-level cache from reader to decoder. 16 MiB are 64 times what libpcap allows for
    /// most links, and still no memory that anybody misses.
    fn default() -> Self {
        Limits {
            chunk: 256 << 10,
            frame: 16 << 20,
        }
    }
}

enum Framing {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// How it goes on when no whole frame is left.
pub(super) enum Next {
    /// What follows can be read when that many octets of it are there.
    Needs(usize),
    /// So many octets are of no interest.
    Skip(u64),
    /// With another hop.
    Hop,
    /// Not at all: what follows is no capture.
    Nothing,
}

/// How many of a file's last octets are looked at for its last packet.
const TAIL: u64 = 256 << 10;

impl Reader {
    /// Opens `source` and recognises what it is by its content. `capture` is its index in the report (24 bits).
    pub fn open(source: &Source, capture: u32, limits: Limits) -> Result<Self, Error> {
        Reader::new(Input::open(source)?, source, capture, limits)
    }

    /// Reads `input`, which is called `source`.
    pub(super) fn new(mut input: Input, source: &Source, capture: u32, limits: Limits) -> Result<Self, Error> {
        let compression = input.compression();
        let refused = |reason| Error::new(source, reason);
        let head = read_up_to(&mut input, 12).map_err(|error| {
            refused(match compression {
                Some(compression) => Reason::Damaged(compression, error),
                None => error.into(),
            })
        })?;
        if head.is_empty() {
            return Err(refused(Reason::Empty));
        }
        let limits = Limits {
            chunk: limits.chunk.max(64),
            frame: limits.frame.min(1 << 30),
        };
        let framing = Framing::recognise(&head, limits.frame)
            .ok_or_else(|| refused(Reason::NotACapture(compression, looks_like(&head))))?;
        let tally = Tally::new(source, capture, framing.format(), compression);
        Ok(Reader {
            input,
            framing,
            source: source.clone(),
            limits,
            tally,
            tail: head,
            skip: 0,
            ended: false,
        })
    }

    /// Fills `chunk` with the next frames, as many as it holds or, from a pipe, as there are; `false` if there are no more.
    pub fn fill(&mut self, chunk: &mut Chunk) -> bool {
        chunk.clear();
        let mut at = 0; // what is before was hopped over, what is behind was not
        let mut filled = self.tail.len();
        chunk.begin(&self.tail, self.limits.chunk);
        while !self.ended {
            match self.hop(&chunk.octets[..filled], &mut at, &mut chunk.spans) {
                Next::Hop => {}
                Next::Skip(length) => self.skip = length,
                Next::Nothing => self.end(at, at),
                Next::Needs(_) if !chunk.is_empty() && (self.input.is_live() || filled == chunk.octets.len()) => break,
                Next::Needs(needed) => {
                    if filled == chunk.octets.len() {
                        // There are no frames, so nobody minds if the octets move.
                        chunk.make_room(at, needed);
                        self.tally.base += at as u64;
                        filled -= at;
                        at = 0;
                    }
                    match self.input.read(&mut chunk.octets[filled..]) {
                        Ok(0) => self.end(at, filled),
                        Ok(read) => filled += read,
                        Err(error) => self.fail(filled, error.to_string()),
                    }
                }
            }
        }
        self.tail.clear();
        if !self.ended {
            self.tail.extend_from_slice(&chunk.octets[at..filled]);
            self.tally.base += at as u64;
        }
        !chunk.is_empty()
    }

    /// How many octets of the file have been read, compressed as they are.
    pub fn position(&self) -> u64 {
        self.input.position()
    }

    /// How many octets the file has; `None` for a pipe.
    pub fn size(&self) -> Option<u64> {
        self.input.size()
    }

    /// The secrets that were found so far, in the order of the file.
    pub fn secrets(&self) -> &[Secrets] {
        &self.tally.file.secrets
    }

    /// What is known of the file, as far as it was read.
    pub fn finish(self) -> CaptureFile {
        let mut file = self.tally.file;
        if !self.ended {
            file.octets = self.tally.base;
        }
        if let Framing::Pcapng(pcapng) = &self.framing {
            file.dropped = pcapng.dropped();
        }
        file
    }

    /// The time of the file's last packet, if that can be found without reading the file. Only when its first packets were
    /// read is it known how.
    pub(super) fn last_time(&self) -> Option<Time> {
        let (Source::Path(path), None) = (&self.source, self.input.compression()) else {
            return None;
        };
        let size = self.input.size().filter(|&size| size > TAIL)?;
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::Start(size - TAIL)).ok()?;
        let tail = read_up_to(&mut file, TAIL).ok()?;
        match &self.framing {
            Framing::Pcap(pcap) => pcap.last_time(&tail),
            Framing::Pcapng(pcapng) => pcapng.last_time(&tail),
        }
    }

    fn hop(&mut self, octets: &[u8], at: &mut usize, spans: &mut Vec<FrameSpan>) -> Next {
        let skipped = self.skip.min((octets.len() - *at) as u64);
        *at += skipped as usize;
        self.skip -= skipped;
        if self.skip > 0 {
            return Next::Needs(1);
        }
        match &mut self.framing {
            Framing::Pcap(pcap) => pcap.hop(octets, at, spans, &mut self.tally),
            Framing::Pcapng(pcapng) => pcapng.hop(octets, at, spans, &mut self.tally),
        }
    }

    /// Nothing more can be read; what stands from `at` to `filled` is only a part of a record.
    fn end(&mut self, at: usize, filled: usize) {
        if filled > at || self.skip > 0 {
            self.tally.note(Trouble::CutShort, at);
        }
        self.stop(filled);
    }

    fn fail(&mut self, filled: usize, cause: String) {
        let trouble = match self.input.compression() {
            Some(compression) => Trouble::Decompression { compression, cause },
            None => Trouble::Unreadable { cause },
        };
        self.tally.note(trouble, filled);
        self.stop(filled);
    }

    fn stop(&mut self, read: usize) {
        self.tally.file.octets = self.tally.base + read as u64;
        self.ended = true;
    }
}

impl Framing {
    fn recognise(head: &[u8], frame_limit: u32) -> Option<Self> {
        let pcap = || Pcap::recognise(head, frame_limit).map(Framing::Pcap);
        let pcapng = || Pcapng::recognise(head, frame_limit).map(Framing::Pcapng);
        pcap().or_else(pcapng)
    }

    fn format(&self) -> Format {
        match self {
            Framing::Pcap(_) => Format::Pcap,
            Framing::Pcapng(_) => Format::Pcapng,
        }
    }
}

impl Chunk {
    /// Begins with `tail`, in a memory of at least `size` octets.
    fn begin(&mut self, tail: &[u8], size: usize) {
        let size = size.max(tail.len());
        if self.octets.len() > size {
            // It was grown for a long frame.
            self.octets.truncate(size);
            self.octets.shrink_to_fit();
        }
        self.octets.resize(size, 0);
        self.octets[..tail.len()].copy_from_slice(tail);
    }

    /// Forgets what stands before `at`. Grows if `needed` octets do not fit, but by no more than there are already: what a
    /// file claims is not believed before it is there.
    fn make_room(&mut self, at: usize, needed: usize) {
        self.octets.copy_within(at.., 0);
        let length = self.octets.len();
        if needed > length {
            self.octets.resize(needed.min(2 * length), 0);
        }
    }
}

/// What a file is that is no capture of ours; for the error message only.
fn looks_like(head: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 16] = [
        (b"snoop\0\0\0", "a snoop capture"),
        (b"RTSS", "a capture of Microsoft Network Monitor"),
        (b"GMBU", "a capture of Microsoft Network Monitor"),
        (b"TRSNIFF data", "a capture of Sniffer"),
        (b"XCP\0", "a capture of NetXRay or Sniffer for Windows"),
        (b"iptrace ", "a capture of AIX iptrace"),
        (b"\x0a\x0d\x0d\x0a", "a damaged pcapng capture"),
        (b"\x1f\x8b", "gzip once more"),
        (b"\x28\xb5\x2f\xfd", "zstd once more"),
        (b"\x04\x22\x4d\x18", "lz4 once more"),
        (b"BZh", "a bzip2 file (unpack it first)"),
        (b"\xfd7zXZ\0", "an xz file (unpack it first)"),
        (b"PK\x03\x04", "a zip archive (unpack it first)"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive (unpack it first)"),
        (b"{", "JSON or other text"),
        (b"<?xml", "XML"),
    ];
    KNOWN
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|&(_, name)| name)
}

#[cfg(test)]
mod tests {
    use pcap_parser::{
        Block, parse_block_be, parse_block_le, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified,
        parse_pcap_header, traits::PcapNGPacketBlock,
    };

    use super::*;
    use crate::capture::{
        order::ByteOrder,
        sample::{MICROSECONDS, PcapFile, random, read, trickle},
    };

    #[test]
    fn readers_and_chunks_may_go_to_another_thread() {
        fn sends<T: Send>() {}
        sends::<Reader>();
        sends::<Chunk>();
        sends::<CaptureFile>();
    }

    #[test]
    fn where_chunks_end_means_nothing() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..60 {
            let capture = random(&mut rng, 40_000);
            let whole = read(&capture, Limits::default()).unwrap();
            assert!(!whole.0.is_empty() && whole.1.anomalies.is_empty());
            assert_eq!(whole.1.octets, capture.len() as u64);
            for chunk in [1, 100, 1000, rng.usize(64..5000)] {
                assert_eq!(
                    read(
                        &capture,
                        Limits {
                            chunk,
                            ..Limits::default()
                        }
                    )
                    .unwrap(),
                    whole
                );
            }
            assert_eq!(
                trickle(
                    &capture,
                    Limits {
                        chunk: 1000,
                        ..Limits::default()
                    }
                )
                .unwrap(),
                whole
            );
        }
    }

    #[test]
    fn pcap_parser_agrees() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut compared = 0;
        for _ in 0..60 {
            let capture = random(&mut rng, 20_000);
            let (ours, file) = read(&capture, Limits::default()).unwrap();
            let theirs = match file.format {
                Format::Pcap => pcap_by_pcap_parser(&capture),
                Format::Pcapng => pcapng_by_pcap_parser(&capture),
            };
            assert!(theirs.is_empty() || theirs.len() == ours.len());
            for (ours, theirs) in ours.iter().zip(theirs) {
                if let Some((nanoseconds, original, octets)) = theirs {
                    assert_eq!((ours.original, &ours.octets), (original, &octets));
                    assert_eq!(ours.time.map(|time| time.0), nanoseconds);
                    compared += 1;
                }
            }
        }
        assert!(compared > 500);
    }

    /// Time, original length and octets of a packet; `None` if pcap-parser does not know its kind of block.
    type Theirs = Option<(Option<i64>, u32, Vec<u8>)>;

    fn pcap_by_pcap_parser(capture: &[u8]) -> Vec<Theirs> {
        let Ok((mut rest, header)) = parse_pcap_header(capture) else {
            return Vec::new(); // it knows no big-endian files of the modified format
        };
        let mut packets = Vec::new();
        while !rest.is_empty() {
            let parsed = match (header.is_bigendian(), header.is_modified_format()) {
                (true, _) => parse_pcap_frame_be(rest),
                (false, true) => parse_pcap_frame_modified(rest),
                (false, false) => parse_pcap_frame(rest),
            };
            let (after, packet) = parsed.unwrap();
            let unit = if header.is_nanosecond_precision() { 1 } else { 1_000 };
            let time = i64::from(packet.ts_sec) * 1_000_000_000 + i64::from(packet.ts_usec) * unit;
            packets.push(Some((Some(time), packet.origlen, packet.data.to_vec())));
            rest = after;
        }
        packets
    }

    fn pcapng_by_pcap_parser(capture: &[u8]) -> Vec<Theirs> {
        let big_endian = capture[8] == 0x1a;
        let (mut rest, mut resolutions, mut packets) = (capture, Vec::new(), Vec::new());
        while !rest.is_empty() {
            let parsed = if big_endian {
                parse_block_be(rest)
            } else {
                parse_block_le(rest)
            };
            let (after, block) = parsed.unwrap();
            match block {
                Block::InterfaceDescription(interface) => resolutions.push(interface.ts_resolution().unwrap()),
                Block::EnhancedPacket(packet) => {
                    let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                    let time = ticks * (1_000_000_000 / resolutions[packet.if_id as usize]);
                    packets.push(Some((Some(time as i64), packet.origlen, packet.packet_data().to_vec())));
                }
                Block::SimplePacket(packet) => {
                    packets.push(Some((None, packet.origlen, packet.packet_data().to_vec())));
                }
                Block::Unknown(block) if block.block_type.to_le() == 2 || block.block_type.swap_bytes() == 2 => {
                    packets.push(None);
                }
                _ => {}
            }
            rest = after;
        }
        packets
    }

    #[test]
    fn a_capture_cut_anywhere_gives_its_whole_frames() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..20 {
            let capture = random(&mut rng, 3000);
            let whole = read(&capture, Limits::default()).unwrap().0;
            for length in 12..capture.len() {
                let (seen, file) = read(
                    &capture[..length],
                    Limits {
                        chunk: 200,
                        ..Limits::default()
                    },
                )
                .unwrap();
                assert!(whole.starts_with(&seen));
                assert_eq!(file.octets, length as u64);
                assert!(file.anomalies.len() <= 1);
            }
        }
    }

    #[test]
    fn damage_anywhere_is_survived() {
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..3000 {
            let mut capture = random(&mut rng, 3000);
            for _ in 0..rng.usize(1..10) {
                let at = rng.usize(12..capture.len());
                let any = rng.u8(..);
                capture[at] = *rng.choice([0, 1, 4, 0x7f, 0xff, any].iter()).unwrap();
            }
            let limits = Limits {
                chunk: rng.usize(64..5000),
                frame: 10_000,
            };
            let (seen, file) = read(&capture, limits).unwrap();
            let octets: usize = seen.iter().map(|seen| seen.octets.len()).sum();
            assert!(octets <= capture.len() && file.octets <= capture.len() as u64);
            assert!(seen.windows(2).all(|pair| pair[0].number < pair[1].number));
            assert!(file.packets >= seen.last().map_or(0, |last| last.number));
        }
    }

    #[test]
    fn a_file_is_not_believed_to_be_as_long_as_it_says() {
        let mut capture = PcapFile::new(ByteOrder::Little, MICROSECONDS, 0, 1).octets;
        capture.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0]);
        let input = Input::new(Box::new(std::io::Cursor::new(capture)), Some(40)).unwrap();
        let mut reader = Reader::new(input, &Source::StandardInput, 0, Limits::default()).unwrap();
        let mut chunk = Chunk::new();
        assert!(!reader.fill(&mut chunk));
        assert_eq!(chunk.octets.len(), Limits::default().chunk);
        assert_eq!(reader.finish().anomalies[0].trouble, Trouble::CutShort);
    }

    #[test]
    fn a_long_frame_grows_a_chunk_and_the_next_one_shrinks_it() {
        let long = vec![7; 1 << 20];
        let file = PcapFile::new(ByteOrder::Big, MICROSECONDS, 0, 1)
            .record(1, 0, 1 << 20, &long)
            .record(2, 0, 1, &[1]);
        let (seen, _) = read(&file.octets, Limits::default()).unwrap();
        assert_eq!(seen[0].octets, long);
        assert_eq!(seen[1].octets, [1]);
        let mut chunk = Chunk::new();
        chunk.octets = vec![0; 2 << 20];
        chunk.begin(&[1, 2, 3], 1000);
        assert_eq!((chunk.octets.len(), &chunk.octets[..3]), (1000, &[1, 2, 3][..]));
        assert!(chunk.octets.capacity() < 10_000);
    }

    #[test]
    fn a_pipe_is_not_waited_for_when_there_are_frames() {
        let first = PcapFile::new(ByteOrder::Little, MICROSECONDS, 0, 1).record(1, 0, 4, &[0; 4]);
        let start = first.octets.len();
        let octets = first.record(2, 0, 4, &[0; 4]).octets;
        let never = std::io::Cursor::new(octets[..start].to_vec()).chain(NeverAsk);
        let input = Input::new(Box::new(never), None).unwrap();
        let mut reader = Reader::new(input, &Source::StandardInput, 0, Limits::default()).unwrap();
        let mut chunk = Chunk::new();
        assert!(reader.fill(&mut chunk));
        assert_eq!(chunk.len(), 1);
    }

    #[test]
    fn what_is_no_capture_is_called_by_its_name() {
        let sentence = |octets: &[u8]| read(octets, Limits::default()).unwrap_err().to_string();
        assert!(sentence(b"").starts_with("-: it is empty"));
        assert!(sentence(b"snoop\0\0\0\0\0\0\x02\0\0\0\x04").starts_with("-: it is a snoop capture, not a pcap"));
        assert!(sentence(b"\x0a\x0d\x0d\x0a\x1c\0\0\0abcd").starts_with("-: it is a damaged pcapng capture"));
        assert!(sentence(b"hello").starts_with("-: it is neither a pcap nor a pcapng capture; "));
        assert!(sentence(b"x").ends_with("convert it: editcap -F pcapng IN OUT"));
    }

    #[test]
    fn the_last_packet_is_found_from_the_end() {
        let mut rng = fastrand::Rng::with_seed(5);
        let (mut found, mut files) = (0, 0);
        for _ in 0..12 {
            let inner = random(&mut rng, 50_000);
            // A capture in which a capture is transferred, up to the last octet.
            let mut file = PcapFile::new(ByteOrder::Little, MICROSECONDS, 0, 1);
            for part in inner.chunks(1000).cycle().take(2000) {
                file = file.record(1_600_000_000, rng.u32(0..1_000_000), part.len() as u32, part);
            }
            for capture in [random(&mut rng, 600_000), file.octets] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("a");
                std::fs::write(&path, &capture).unwrap();
                let mut reader = Reader::open(&Source::Path(path), 0, Limits::default()).unwrap();
                reader.fill(&mut Chunk::new());
                let last = read(&capture, Limits::default()).unwrap().0.last().unwrap().time;
                files += 1;
                if let Some(time) = reader.last_time() {
                    found += 1;
                    assert_eq!(Some(time), last);
                }
            }
        }
        assert!(found > files / 2, "{found} of {files}");
    }

    struct NeverAsk;

    impl Read for NeverAsk {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("would have had to wait");
        }
    }
}

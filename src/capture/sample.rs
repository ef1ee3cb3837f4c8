//! Captures for the tests of this room, built octet by octet.

use std::io::{self, Read};

use super::{CaptureFile, Chunk, Error, Limits, LinkType, Reader, Source, Time, input::Input, order::ByteOrder};

/// A frame as a test likes to compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) number: u64,
    pub(super) time: Option<Time>,
    pub(super) link: LinkType,
    pub(super) original: u32,
    pub(super) octets: Vec<u8>,
}

/// Reads a capture that is given as octets.
pub(super) fn read(octets: &[u8], limits: Limits) -> Result<(Vec<Seen>, CaptureFile), Error> {
    read_from(
        Box::new(io::Cursor::new(octets.to_vec())),
        Some(octets.len() as u64),
        limits,
    )
}

/// Reads what a pipe gives octet by octet.
pub(super) fn trickle(octets: &[u8], limits: Limits) -> Result<(Vec<Seen>, CaptureFile), Error> {
    struct Trickle(io::Cursor<Vec<u8>>);
    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }
    read_from(Box::new(Trickle(io::Cursor::new(octets.to_vec()))), None, limits)
}

pub(super) fn read_from(
    origin: Box<dyn Read + Send>,
    size: Option<u64>,
    limits: Limits,
) -> Result<(Vec<Seen>, CaptureFile), Error> {
    let source = Source::StandardInput;
    let input = Input::new(origin, size).map_err(|error| Error::new(&source, error.into()))?;
    let mut reader = Reader::new(input, &source, 0, limits)?;
    let mut chunk = Chunk::new();
    let mut seen = Vec::new();
    while reader.fill(&mut chunk) {
        assert!(!chunk.is_empty());
        seen.extend(chunk.frames().map(|frame| Seen {
            number: frame.packet.number(),
            time: frame.time,
            link: frame.link,
            original: frame.original_length,
            octets: frame.octets.to_vec(),
        }));
    }
    assert!(!reader.fill(&mut chunk) && chunk.is_empty(), "the end is the end");
    Ok((seen, reader.finish()))
}

/// The octets of a number.
pub(super) fn u16(order: ByteOrder, number: u16) -> [u8; 2] {
    match order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    }
}

/// The octets of a number.
pub(super) fn u32(order: ByteOrder, number: u32) -> [u8; 4] {
    match order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    }
}

/// The octets of a number.
pub(super) fn u64(order: ByteOrder, number: u64) -> [u8; 8] {
    match order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    }
}

/// The octets of numbers.
pub(super) fn words(order: ByteOrder, numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|&number| u32(order, number)).collect()
}

/// A pcap file that is being written.
pub(super) struct PcapFile {
    pub(super) octets: Vec<u8>,
    order: ByteOrder,
    modified: bool,
}

pub(super) const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(super) const NANOSECONDS: u32 = 0xa1b2_3c4d;
pub(super) const MODIFIED: u32 = 0xa1b2_cd34;

impl PcapFile {
    pub(super) fn new(order: ByteOrder, magic: u32, snap_length: u32, link: u32) -> Self {
        PcapFile::of_version(order, magic, [2, 4], snap_length, link)
    }

    pub(super) fn of_version(order: ByteOrder, magic: u32, version: [u16; 2], snap_length: u32, link: u32) -> Self {
        let mut octets = u32(order, magic).to_vec();
        octets.extend(version.iter().flat_map(|&number| u16(order, number)));
        octets.extend(words(order, &[0, 0, snap_length, link]));
        PcapFile {
            octets,
            order,
            modified: magic == MODIFIED,
        }
    }

    pub(super) fn record(mut self, seconds: u32, fraction: u32, original: u32, data: &[u8]) -> Self {
        self.octets
            .extend(words(self.order, &[seconds, fraction, data.len() as u32, original]));
        if self.modified {
            self.octets.extend([0xee; 8]); // interface, protocol, kind
        }
        self.octets.extend(data);
        self
    }
}

/// A pcapng file that is being written.
pub(super) struct PcapngFile {
    pub(super) octets: Vec<u8>,
    order: ByteOrder,
}

impl PcapngFile {
    pub(super) fn new(order: ByteOrder) -> Self {
        PcapngFile {
            octets: Vec::new(),
            order,
        }
        .section(order)
    }

    pub(super) fn section(mut self, order: ByteOrder) -> Self {
        self.order = order;
        let mut body = u32(order, 0x1a2b_3c4d).to_vec();
        body.extend(u16(order, 1));
        body.extend(u16(order, 0));
        body.extend(u64(order, u64::MAX));
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let length = (body.len().next_multiple_of(4) + 12) as u32;
        self.octets.extend(words(self.order, &[kind, length]));
        self.octets.extend(body);
        self.octets.resize(self.octets.len().next_multiple_of(4), 0);
        self.octets.extend(u32(self.order, length));
        self
    }

    /// With options of a code and a value.
    pub(super) fn interface(self, link: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Self {
        let order = self.order;
        let mut body = u16(order, link).to_vec();
        body.extend(u16(order, 0));
        body.extend(u32(order, snap_length));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    pub(super) fn packet(self, interface: u32, ticks: u64, original: u32, data: &[u8]) -> Self {
        let mut body = words(
            self.order,
            &[
                interface,
                (ticks >> 32) as u32,
                ticks as u32,
                data.len() as u32,
                original,
            ],
        );
        body.extend(data);
        self.block(6, &body)
    }

    pub(super) fn simple_packet(self, original: u32, data: &[u8]) -> Self {
        let mut body = u32(self.order, original).to_vec();
        body.extend(data);
        self.block(3, &body)
    }

    pub(super) fn obsolete_packet(self, interface: u16, ticks: u64, original: u32, data: &[u8]) -> Self {
        let mut body = u16(self.order, interface).to_vec();
        body.extend(u16(self.order, 0xffff)); // drops: unknown
        body.extend(words(
            self.order,
            &[(ticks >> 32) as u32, ticks as u32, data.len() as u32, original],
        ));
        body.extend(data);
        self.block(2, &body)
    }

    pub(super) fn statistics(self, interface: u32, options: &[(u16, &[u8])]) -> Self {
        let mut body = words(self.order, &[interface, 0, 0]);
        body.extend(self.options(options));
        self.block(5, &body)
    }

    pub(super) fn secrets(self, kind: u32, secrets: &[u8]) -> Self {
        let mut body = words(self.order, &[kind, secrets.len() as u32]);
        body.extend(secrets);
        self.block(10, &body)
    }

    fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut octets = Vec::new();
        for (code, value) in options.iter().chain(&[(0, &[] as &[u8])]) {
            octets.extend(u16(self.order, *code));
            octets.extend(u16(self.order, value.len() as u16));
            octets.extend(*value);
            octets.resize(octets.len().next_multiple_of(4), 0);
        }
        octets
    }
}

/// A capture of either format with frames of random lengths, about `octets` long.
pub(super) fn random(random: &mut fastrand::Rng, octets: usize) -> Vec<u8> {
    let order = *random.choice([ByteOrder::Little, ByteOrder::Big].iter()).unwrap();
    let data = |random: &mut fastrand::Rng| {
        let longest = *random.choice([60, 1500, 9000].iter()).unwrap();
        let mut data = vec![0; random.usize(0..longest)];
        random.fill(&mut data);
        data
    };
    if random.bool() {
        let magic = *random.choice([MICROSECONDS, NANOSECONDS, MODIFIED].iter()).unwrap();
        let mut file = PcapFile::new(order, magic, 0, 1);
        let mut seconds = 1_700_000_000;
        while file.octets.len() < octets {
            let data = data(random);
            seconds += random.u32(0..2);
            file = file.record(
                seconds,
                random.u32(0..1_000_000),
                data.len() as u32 + random.u32(0..9),
                &data,
            );
        }
        return file.octets;
    }
    let mut file = PcapngFile::new(order)
        .interface(1, 0, &[(9, &[9])])
        .interface(113, 0, &[]);
    let mut ticks = 1_700_000_000_000_000_000;
    while file.octets.len() < octets {
        let data = data(random);
        ticks += random.u64(0..1_000_000);
        file = match random.u32(0..15) {
            0 => file.block(0x8000_1234, &data),
            1 => file.block(0x0bad, &[&[0; 8], data.as_slice()].concat()),
            2 => file.simple_packet(data.len() as u32, &data),
            3 => file.obsolete_packet(0, ticks, data.len() as u32, &data),
            5 => file.secrets(7, &data),
            6 => file.statistics(1, &[(5, &[0; 8])]),
            4 => file.packet(1, ticks / 1000, data.len() as u32, &data),
            _ => file.packet(0, ticks, data.len() as u32, &data),
        };
    }
    file.octets
}

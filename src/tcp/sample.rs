//! Packet ladders for the tests of this room: each packet one line, its octets by their offsets in the sender's stream.

use std::sync::Arc;

use fastrand::Rng;

use crate::{
    capture::{PacketId, Time},
    packet::{Domain, Endpoint, Flags, Options, Segment},
    tcp::{At, Ended, Facts, GapCause, Limits, Reader, Seen, Side, Table},
};

/// First sequence numbers of the client and of the server; both streams wrap early.
pub(crate) const FIRST: [u32; 2] = [u32::MAX - 2, u32::MAX - 40];

/// A millisecond.
pub(crate) const MS: i64 = 1_000_000;

pub(crate) const LIMITS: Limits = Limits {
    connections: 1000,
    held_per_direction: 1 << 20,
    held: 1 << 22,
};

/// One packet of a ladder.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) side: Side,
    pub(crate) port: u16,
    pub(crate) first: [u32; 2],
    pub(crate) flags: Flags,
    /// Relative to the first octet; -1 is the SYN.
    pub(crate) sequence: i64,
    pub(crate) acknowledgement: i64,
    pub(crate) window: u16,
    pub(crate) ttl: u8,
    pub(crate) ip_id: Option<u16>,
    pub(crate) interface: u32,
    pub(crate) domain: u32,
    pub(crate) options: Vec<u8>,
    pub(crate) octets: Vec<u8>,
    /// As many octets more than were captured.
    pub(crate) cut: u32,
    pub(crate) time: Option<i64>,
    pub(crate) capture: u32,
}

/// A packet of the client: to begin with, one without flags.
pub(crate) fn client() -> Packet {
    Packet {
        side: Side::Client,
        port: 50_000,
        first: FIRST,
        flags: Flags(0),
        sequence: 0,
        acknowledgement: 0,
        window: 500,
        ttl: 64,
        ip_id: None,
        interface: 0,
        domain: 0,
        options: Vec::new(),
        octets: Vec::new(),
        cut: 0,
        time: None,
        capture: 0,
    }
}

/// A packet of the server.
pub(crate) fn server() -> Packet {
    Packet {
        side: Side::Server,
        ttl: 57,
        ..client()
    }
}

impl Packet {
    fn with(self, flag: Flags) -> Self {
        Packet {
            flags: Flags(self.flags.0 | flag.0),
            ..self
        }
    }

    pub(crate) fn syn(self) -> Self {
        Packet { sequence: -1, ..self }.with(Flags::SYN)
    }

    /// Acknowledges all before `offset`.
    pub(crate) fn ack(self, offset: i64) -> Self {
        Packet {
            acknowledgement: offset,
            ..self
        }
        .with(Flags::ACK)
    }

    /// Octets from `offset` on.
    pub(crate) fn data(self, offset: i64, octets: &[u8]) -> Self {
        Packet {
            octets: octets.to_vec(),
            ..self.seq(offset)
        }
    }

    pub(crate) fn seq(self, offset: i64) -> Self {
        let syn = i64::from(self.flags.has(Flags::SYN));
        Packet {
            sequence: offset - syn,
            ..self
        }
    }

    pub(crate) fn fin(self, offset: i64) -> Self {
        self.seq(offset).with(Flags::FIN)
    }

    pub(crate) fn rst(self, offset: i64) -> Self {
        self.seq(offset).with(Flags::RST)
    }

    pub(crate) fn at(self, ms: i64) -> Self {
        let time = Some(ms * MS);
        Packet { time, ..self }
    }

    pub(crate) fn on(self, interface: u32) -> Self {
        Packet { interface, ..self }
    }

    pub(crate) fn ttl(self, ttl: u8) -> Self {
        Packet { ttl, ..self }
    }

    pub(crate) fn window(self, window: u16) -> Self {
        Packet { window, ..self }
    }

    /// `more` octets were cut off.
    pub(crate) fn cut(self, more: u32) -> Self {
        Packet { cut: more, ..self }
    }

    /// Another pair of first sequence numbers.
    pub(crate) fn first(self, first: [u32; 2]) -> Self {
        Packet { first, ..self }
    }

    /// As packet `number`.
    pub(crate) fn segment(&self, number: u64) -> Segment<'_> {
        let ends = [end([192, 0, 2, 1], self.port), end([198, 51, 100, 2], 443)];
        let (from, to) = match self.side {
            Side::Client => (0, 1),
            Side::Server => (1, 0),
        };
        Segment {
            packet: PacketId::new(self.capture, number),
            time: Time(self.time.unwrap_or(number as i64 * MS)),
            interface: self.interface,
            source: ends[from],
            destination: ends[to],
            domain: Domain(self.domain),
            sequence: self.first[from].wrapping_add(self.sequence as u32),
            acknowledgement: self.first[to].wrapping_add(self.acknowledgement as u32),
            flags: self.flags,
            window: self.window,
            ttl: self.ttl,
            ip_id: self.ip_id,
            options: Options::read(&self.options),
            payload: &self.octets,
            payload_length: self.octets.len() as u32 + self.cut,
        }
    }
}

fn end(address: [u8; 4], port: u16) -> Endpoint {
    let address = address.into();
    Endpoint { address, port }
}

/// The three packets that open a connection.
pub(crate) fn opening() -> Vec<Packet> {
    vec![client().syn(), server().syn().ack(0), client().ack(0)]
}

/// What a reader was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The octets of either side; those of a gap are `None`.
    pub(crate) streams: [Vec<Option<u8>>; 2],
    reached: [u64; 2],
    pub(crate) gaps: Vec<(Side, u64, u64, GapCause)>,
    pub(crate) acknowledged: [u64; 2],
    pub(crate) finished: [Option<At>; 2],
    /// Packet by which each run of octets came.
    pub(crate) by: Vec<u64>,
}

impl Told {
    fn stream(&mut self, side: Side) -> &mut Vec<Option<u8>> {
        &mut self.streams[side as usize]
    }

    /// What `side` sent, each octet of a gap as `_`.
    pub(crate) fn text(&self, side: Side) -> String {
        let octets = self.streams[side as usize].iter();
        octets.map(|octet| char::from(octet.unwrap_or(b'_'))).collect()
    }
}

impl Reader for Told {
    type Secrets = ();

    fn with_secrets(_: &()) -> Self {
        Told::default()
    }

    fn sender(first: &[u8]) -> Option<Side> {
        match first {
            [b'>', ..] => Some(Side::Client),
            [b'<', ..] => Some(Side::Server),
            _ => None,
        }
    }

    /// Who says `stop` is not heard any longer.
    fn wants(&self, side: Side) -> bool {
        !self.streams[side as usize].ends_with(&b"stop".map(Some))
    }

    fn octets(&mut self, side: Side, offset: u64, octets: &[u8], seen: &Seen) {
        assert!(!octets.is_empty());
        assert!(self.finished[side as usize].is_none(), "nothing comes after the end");
        assert_eq!(offset, self.reached[side as usize]);
        self.reached[side as usize] += octets.len() as u64;
        self.stream(side).extend(octets.iter().copied().map(Some));
        self.by.push(seen.at.packet.number());
    }

    fn gap(&mut self, side: Side, offset: u64, missing: u64, cause: GapCause, _at: At) {
        assert!(missing > 0);
        assert_eq!(offset, self.reached[side as usize]);
        self.reached[side as usize] += missing;
        // Gaps made to fill the memory are not written out.
        let length = self.stream(side).len() + missing.min(4096) as usize;
        self.stream(side).resize(length, None);
        self.gaps.push((side, offset, missing, cause));
    }

    fn acknowledged(&mut self, side: Side, up_to: u64, _at: At) {
        self.acknowledged[side as usize] = up_to;
    }

    fn finished(&mut self, side: Side, at: At) {
        assert!(self.finished[side as usize].replace(at).is_none(), "a side ends once");
    }
}

/// A knock, mostly.
pub(crate) fn any_knock(random: &mut Rng) -> Packet {
    let side = if random.bool() { client() } else { server() };
    let odd = random.u8(0..24);
    let mut packet = match random.u8(0..8) {
        0..4 if odd == 11 => client().syn().rst(random.i64(-1..2)),
        0..4 => client().syn(),
        4 => side.rst(random.i64(-1..2)),
        5..7 => server().rst(0).ack(0),
        _ if odd < 4 => side.ack(0),
        _ => client().syn(),
    };
    packet.ttl = random.u8(60..62);
    packet.ip_id = random.bool().then(|| random.u16(..));
    packet.window = random.u16(..);
    packet.options = match odd {
        5 => vec![3, 3, random.u8(..)],
        6 => vec![8, 10, 0, 0, 0, random.u8(..), 0, 0, 0, 0],
        _ => Vec::new(),
    };
    match odd {
        7 => packet.octets = b"early".to_vec(),
        8 => packet.interface = 1,
        9 => packet.domain = 1,
        10 => packet.first = [5, 6],
        _ => {}
    }
    packet
}

impl Ended<Told> {
    /// What was seen of it, and what was read.
    pub(crate) fn told(self) -> (Arc<Facts>, Told) {
        match self {
            Ended::Knocks(knocks) => (Arc::new(knocks.facts::<Told>()), Told::default()),
            Ended::Followed(facts, reader) => (facts, *reader.unwrap_or_default()),
        }
    }
}

/// The connections of a ladder, in the order of their ends.
pub(crate) fn connections(ladder: &[Packet]) -> Vec<Ended<Told>> {
    let mut table = Table::new(LIMITS);
    for (packet, number) in ladder.iter().zip(1..) {
        table.segment(&packet.segment(number));
    }
    table.end_all();
    let streams: Vec<u64> = (0..table.newcomers().len() as u64).collect();
    table.number(&streams).collect()
}

/// The one connection of a ladder.
pub(crate) fn connection(ladder: &[Packet]) -> (Facts, Told) {
    let mut ended = connections(ladder);
    assert_eq!(ended.len(), 1, "one connection");
    let (facts, told) = ended.remove(0).told();
    (Arc::unwrap_or_clone(facts), told)
}

/// The opening and what follows.
pub(crate) fn after_opening(ladder: &[Packet]) -> (Facts, Told) {
    connection(&[&opening(), ladder].concat())
}

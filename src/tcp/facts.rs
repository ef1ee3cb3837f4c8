//! What a passive observer saw of one connection, each fact with its packet and time.

use crate::{
    capture::{PacketId, Time},
    packet::{ConnectionKey, Domain, Endpoint, IcmpError, Options, Segment},
    tcp::{
        few::Few,
        history::History,
        rare::{Blank, Rare},
    },
};

/// Which end of a connection: RFC 9293's active opener is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end that opened the connection.
    Client,
    /// The end that was listening.
    Server,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// What tells which end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Roles {
    /// The port numbers and the order of packets: a guess.
    Guessed,
    /// The octets that one end sent: a request, an answer, a ClientHello.
    ByData,
    /// A SYN or SYN-ACK.
    ByHandshake,
}

/// Where and when something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// The packet.
    pub packet: PacketId,
    /// Its time.
    pub time: Time,
}

/// What a datagram tells of the machine that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// TTL or hop limit as it arrived at the capture point.
    pub ttl: u8,
    /// IPv4 identification.
    pub ip_id: Option<u16>,
    /// The window field, not scaled.
    pub window: u16,
    /// TSval, if the segment bore a timestamp (RFC 7323).
    pub timestamp: Option<u32>,
}

/// A segment that is worth remembering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where and when.
    pub at: At,
    /// Who wrote it, as far as its marks tell.
    pub marks: Marks,
}

impl Seen {
    /// What `segment` tells.
    pub fn of(segment: &Segment<'_>) -> Self {
        let marks = Marks {
            ttl: segment.ttl,
            ip_id: segment.ip_id,
            window: segment.window,
            timestamp: segment.options.timestamp,
        };
        Seen {
            at: At {
                packet: segment.packet,
                time: segment.time,
            },
            marks,
        }
    }
}

/// Where a reset stands in its sender's sequence space, as the other end would judge it (RFC 9293 section 3.5.3, RFC 5961).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Exactly at the next octet expected of its sender, or the answer to a SYN that RFC 9293 asks for.
    Exact,
    /// Elsewhere in what the other end would accept.
    InWindow,
    /// Where no live sender would put it.
    Outside,
    /// Nothing to judge it by.
    Unknown,
}

/// A segment with RST.
#[derive(Clone, Copy, Debug)]
pub struct Reset {
    /// The segment.
    pub seen: Seen,
    /// Whose address it bears.
    pub side: Side,
    /// Whether ACK is set as well.
    pub ack: bool,
    /// Its place in the sequence space.
    pub place: Place,
    /// Whether its acknowledgement number is one that its sender could have reached.
    pub acknowledges: Option<u64>,
    /// Nanoseconds since the segment of the other side that came last before it.
    pub after_other: Option<u64>,
    /// Nanoseconds since its own side's segment that came last before it.
    pub after_own: Option<u64>,
    /// TTLs of its side's other segments up to then: lowest and highest.
    pub ttl_before: Option<(u8, u8)>,
    /// IP identification of its side's segment before it.
    pub ip_id_before: Option<u16>,
    /// Whether its side's segments bore timestamps until then.
    pub timestamps_before: bool,
    /// Where it stands in its sender's stream, if that is known.
    pub offset: Option<u64>,
    /// The first segment that its side sent after it all the same, other than another reset: with octets from that place on, or
    /// so much later that it cannot have been overtaken by the reset.
    pub went_on: Option<At>,
    /// Nanoseconds since the first sending of the octets, or of the SYN, that it is the first to acknowledge: whoever wrote
    /// it must have got them before.
    pub round_trip: Option<u64>,
}

/// A segment whose octets had been seen before.
#[derive(Clone, Copy, Debug)]
pub struct Repeat {
    /// The segment.
    pub seen: Seen,
    /// Where its octets stand.
    pub offset: u64,
    /// How many octets of payload.
    pub length: u32,
    /// Whether they had already been acknowledged when it was seen.
    pub acknowledged: bool,
}

/// A segment whose octets wait for their acknowledgement.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    /// Where it was first seen.
    pub at: At,
    /// Where its octets stand.
    pub offset: u64,
    /// How many octets of payload.
    pub length: u32,
    /// Nanoseconds of silence on the connection before it.
    pub silence: u64,
    /// Whether octets up to its end were sent again, so that its acknowledgement tells no round trip.
    pub repeated: bool,
}

/// Octets that were sent, sent again, and never acknowledged: the other end was not heard to hear them.
#[derive(Clone, Copy, Debug)]
pub struct Unheard {
    /// The segment's first sending.
    pub first: At,
    /// Its latest sending.
    pub last: At,
    /// How many times it was sent again, as far as remembered.
    pub repeats: u32,
    /// Where its octets stand.
    pub offset: u64,
    /// How many octets of payload.
    pub length: u32,
    /// Nanoseconds of silence on the connection before its first sending.
    pub silence: u64,
}

/// Octets of the stream that the capture does not hold.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// Where they would stand.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// Why they are not there.
    pub cause: GapCause,
    /// The packet by which it is known.
    pub at: At,
}

/// Why octets are missing from the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// The receiver acknowledged them, so they crossed the network: the capture missed them.
    NotCaptured,
    /// The snapshot length cut them off.
    Snapped,
    /// More was out of order than is kept.
    Forgotten,
}

/// Two segments that claim the same place in the stream with different octets.
#[derive(Clone, Copy, Debug)]
pub struct Conflict {
    /// The later one.
    pub seen: Seen,
    /// The earlier one's packet.
    pub earlier: PacketId,
    /// The offset at which they begin to differ.
    pub offset: u64,
}

/// What one side sent.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    /// Its first segment.
    pub first: Option<Seen>,
    /// Its latest segment, resets left out.
    pub last: Option<At>,
    /// IP identification of its latest segment, resets left out.
    pub last_ip_id: Option<u16>,
    /// How its IP identification moved between segments that bore one other than 0, resets left out: how many small steps
    /// forward, as of a count, and how many others.
    pub ip_id_steps: (u32, u32),
    /// Its first segment that is no SYN: where a box answers SYNs for a server, the first of the server itself.
    pub first_word: Option<Seen>,
    /// Whether its segments bear timestamps (RFC 7323), judged by its first one.
    pub timestamps: bool,
    /// Segments, resets left out.
    pub segments: u64,
    /// Lowest and highest TTL or hop limit of its segments, resets left out.
    pub ttl: Option<(u8, u8)>,
    /// The options of its SYN or SYN-ACK.
    pub options: Option<Options>,
    /// Its SYNs or SYN-ACKs.
    pub syns: Few<Seen>,
    /// Its first FIN.
    pub fin: Option<Box<Seen>>,
    /// Whether the other side acknowledged its FIN.
    pub fin_acknowledged: bool,
    /// How many FINs.
    pub fins: u32,
    /// Its first segment with octets at or behind the place of its FIN, where no true sender has any.
    pub beyond_fin: Option<At>,
    /// One past the highest octet seen.
    pub sent: u64,
    /// One past the highest octet that it must have sent, by the sequence numbers of its segments without payload.
    pub announced: u64,
    /// One past the highest octet that the other side acknowledged.
    pub acknowledged: u64,
    /// The segment by which that was acknowledged.
    pub acknowledged_at: Option<At>,
    /// What it sent as payload.
    pub data: Option<Box<Data>>,
    /// How often it advertised a window of zero.
    pub zero_windows: u32,
    /// Probes with octets that had been acknowledged, or none: keep-alives (RFC 9293 section 3.8.4), and those probes of a
    /// zero window that are made alike.
    pub keep_alives: u32,
}

/// The payload that one side sent.
#[derive(Clone, Debug)]
pub struct Data {
    /// The first segment with payload.
    pub first: Seen,
    /// The latest new payload.
    pub last: At,
    /// Segments with payload.
    pub segments: u64,
    /// Segments that repeated what had been seen.
    pub repeats: Few<Repeat>,
    /// Segments not yet acknowledged, the oldest first, at most [`Few::KEPT`].
    pub in_flight: Vec<Flight>,
    /// Payload of the largest segment that was acknowledged.
    pub largest_passed: u32,
    /// The other side told by SACK (RFC 2018) that later octets had arrived than those it waits for: where, first.
    pub sacked: Option<At>,
    /// What the capture does not hold.
    pub gaps: Few<Gap>,
    /// How many octets in all the capture does not hold.
    pub missing: u64,
    /// Octets that came after a hole which was never filled nor acknowledged: lost in the network before the capture point.
    pub beyond_hole: u64,
    /// Contradictions.
    pub conflicts: Few<Conflict>,
}

/// A stretch of silence between two segments of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// The segment before it.
    pub from: At,
    /// The segment after it.
    pub to: At,
}

impl Idle {
    /// How long it was, in nanoseconds.
    pub fn length(&self) -> u64 {
        self.to.time.since(self.from.time)
    }
}

/// What was seen of one connection.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The client.
    pub client: Endpoint,
    /// The server.
    pub server: Endpoint,
    /// The logical network.
    pub domain: Domain,
    /// What tells which end is the client.
    pub roles: Roles,
    /// Wireshark's `tcp.stream` in the capture of the first packet.
    pub stream: u64,
    /// The first segment.
    pub first: At,
    /// The latest segment.
    pub last: At,
    /// What the client sent.
    pub from_client: Rare<Direction>,
    /// What the server sent.
    pub from_server: Rare<Direction>,
    /// When the client's acknowledgement of the SYN-ACK was seen.
    pub established: Option<At>,
    /// Resets of either side.
    pub resets: Rare<Few<Reset>>,
    /// ICMP errors about it.
    pub errors: Rare<Few<IcmpError>>,
    /// Nanoseconds between a segment and its acknowledgement, smallest seen: the round trip from the capture point to the
    /// server and back.
    pub server_rtt: Option<u64>,
    /// The same to the client and back.
    pub client_rtt: Option<u64>,
    /// The longest silence.
    pub idle: Option<Idle>,
    /// Zeek's history.
    pub history: History,
    /// Whether it was forgotten before its end, to stay within the bound on live connections.
    pub evicted: bool,
}

impl Facts {
    /// What `side` sent.
    pub fn from(&self, side: Side) -> &Direction {
        match side {
            Side::Client => &self.from_client,
            Side::Server => &self.from_server,
        }
    }

    /// What `side` sent, to be changed.
    pub(super) fn direction_mut(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.from_client,
            Side::Server => &mut self.from_server,
        }
    }

    /// Something of each part that is looked at first. To glance at several connections in a row fetches the memory of all of
    /// them at once.
    pub fn glance(&self) -> u64 {
        let reset = self.resets.last().map_or(0, |reset| reset.seen.at.packet.number());
        let syn = self.from_client.syns.last().map_or(0, |syn| syn.at.packet.number());
        reset ^ syn ^ self.from_client.segments ^ self.from_server.segments ^ self.last.packet.number()
    }

    /// Which segments belong to it.
    pub(super) fn key(&self) -> ConnectionKey {
        ConnectionKey::new(self.client, self.server).0
    }

    /// The endpoint of `side`.
    pub fn endpoint(&self, side: Side) -> Endpoint {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// Whether the opening of the connection was seen: a SYN of the client or the server's answer to it.
    pub fn opening_seen(&self) -> bool {
        !self.from_client.syns.is_empty() || !self.from_server.syns.is_empty()
    }

    /// Whether the three-way handshake completed, or must have since data was acknowledged.
    pub fn is_established(&self) -> bool {
        self.established.is_some() || self.from_client.data.is_some() || self.from_server.data.is_some()
    }

    /// Whether one end speaks to another that the capture does not show: what was never seen is answered.
    pub fn is_one_sided(&self) -> bool {
        [Side::Client, Side::Server].into_iter().any(|side| {
            let (unseen, seen) = (self.from(side), self.from(side.other()));
            unseen.segments == 0
                && (seen.data.is_some() || unseen.acknowledged > 0 || side == Side::Client && seen.segments > 0)
        })
    }

    /// The SYN-ACK that was sent again although its acknowledgement and data had come: a host whose accept queue is full ignores
    /// both. Without data nothing follows: servers that defer accepting wait for data and do the same.
    pub fn ignored_acknowledgement(&self) -> Option<At> {
        self.established?;
        let data = self
            .from_client
            .data
            .as_ref()
            .filter(|_| self.from_client.acknowledged == 0)?;
        let again = self
            .from_server
            .syns
            .last()
            .filter(|_| self.from_server.syns.count() > 1)?;
        Some(again.at).filter(|at| *at > data.first.at)
    }

    /// The silence, in nanoseconds, before octets that were never acknowledged: they were sent again in vain, or answered with
    /// a reset. And who sent them.
    pub fn fatal_silence(&self) -> Option<(Side, u64)> {
        [Side::Client, Side::Server].into_iter().find_map(|side| {
            let direction = self.from(side);
            let flight = direction.oldest_in_flight()?;
            let reset = || {
                self.reset_by(side.other())
                    .is_some_and(|reset| reset.seen.at > flight.at)
            };
            (direction.unheard().is_some() || reset()).then_some((side, flight.silence))
        })
    }

    /// The first reset that bears `side`'s address.
    pub fn reset_by(&self, side: Side) -> Option<&Reset> {
        self.resets.iter().find(|reset| reset.side == side)
    }

    /// When `side` closed or reset the connection.
    pub fn left(&self, side: Side) -> Option<At> {
        let fin = self.from(side).fin.as_ref().map(|fin| fin.at);
        fin.into_iter()
            .chain(self.reset_by(side).map(|reset| reset.seen.at))
            .min()
    }

    /// Round trip between the ends as far as it could be measured, in nanoseconds.
    pub fn rtt(&self) -> Option<u64> {
        match (self.server_rtt, self.client_rtt) {
            (Some(server), Some(client)) => Some(server.saturating_add(client)),
            (one, other) => one.or(other),
        }
    }
}

impl Blank for Direction {
    const BLANK: &'static Self = &Direction {
        first: None,
        last: None,
        last_ip_id: None,
        ip_id_steps: (0, 0),
        first_word: None,
        timestamps: false,
        segments: 0,
        ttl: None,
        options: None,
        syns: Few::new(),
        fin: None,
        fin_acknowledged: false,
        fins: 0,
        beyond_fin: None,
        sent: 0,
        announced: 0,
        acknowledged: 0,
        acknowledged_at: None,
        data: None,
        zero_windows: 0,
        keep_alives: 0,
    };
}

impl Direction {
    /// Octets that were sent and never acknowledged.
    pub fn unacknowledged(&self) -> u64 {
        self.sent.saturating_sub(self.acknowledged)
    }

    /// The oldest segment that was never acknowledged.
    pub fn oldest_in_flight(&self) -> Option<&Flight> {
        self.data.as_ref()?.in_flight.first()
    }

    /// Octets that it must have sent and that were neither seen nor acknowledged: lost before the capture point.
    pub fn lost_before(&self) -> u64 {
        self.announced.saturating_sub(self.sent.max(self.acknowledged))
    }

    /// Its oldest octets without an acknowledgement, if they were sent more than once.
    pub fn unheard(&self) -> Option<Unheard> {
        let flight = self.oldest_in_flight()?;
        let end = flight.offset + u64::from(flight.length);
        let same = |repeat: &&Repeat| repeat.offset < end && repeat.offset + u64::from(repeat.length) > flight.offset;
        let repeats = self.repeats_unacknowledged().filter(same);
        let last = repeats.clone().last()?.seen.at;
        let Flight {
            at,
            offset,
            length,
            silence,
            ..
        } = *flight;
        Some(Unheard {
            first: at,
            last,
            repeats: repeats.count() as u32,
            offset,
            length,
            silence,
        })
    }

    /// Repeats of octets that had not been acknowledged.
    pub fn repeats_unacknowledged(&self) -> impl Iterator<Item = &Repeat> + Clone {
        self.data
            .iter()
            .flat_map(|data| data.repeats.iter())
            .filter(|repeat| !repeat.acknowledged)
    }

    /// Whether octets of it are missing from the capture.
    pub fn has_gaps(&self) -> bool {
        self.data.as_ref().is_some_and(|data| data.missing > 0)
    }
}

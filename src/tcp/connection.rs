//! One connection while it lives: each segment makes facts, and puts octets in order for the reader.
//!
//! Before working here, read RFC 9293 sections 3.4 (sequence numbers), 3.5 (opening, resets), 3.6 (closing) and 3.8 (data).

use std::ops::Range;

use crate::{
    packet::{Flags, IcmpError, Segment},
    tcp::{
        copies::Copies,
        facts::{At, Data, Direction, Facts, Flight, Gap, GapCause, Idle, Place, Repeat, Reset, Roles, Seen, Side},
        few::{Few, make_room},
        rare::Rare,
        reassembly::{Arrival, Reassembly},
        recent::Recent,
        sequence::Space,
    },
};

/// What reads the octets of a connection, in order, both directions.
pub trait Reader: Default + Send {
    /// What readers of protected octets need.
    type Secrets: Clone + Default + Send;
    /// A reader with secrets.
    fn with_secrets(secrets: &Self::Secrets) -> Self;
    /// Which side sends octets that begin like these; `None` if they do not tell.
    fn sender(first: &[u8]) -> Option<Side>;
    /// Whether it still wants what `side` sends. What is not wanted is not put in order, and costs next to nothing.
    fn wants(&self, side: Side) -> bool;
    /// The next octets that `side` sent, from `offset` on, and the segment that carried them.
    fn octets(&mut self, side: Side, offset: u64, octets: &[u8], seen: &Seen);
    /// The next `missing` octets of `side` are not in the capture, as is known by the packet `at`.
    fn gap(&mut self, side: Side, offset: u64, missing: u64, cause: GapCause, at: At);
    /// The other side acknowledged all octets of `side` before `up_to`.
    fn acknowledged(&mut self, side: Side, up_to: u64, at: At);
    /// `side` sent FIN after all octets so far.
    fn finished(&mut self, side: Side, at: At);
}

/// How far past what was sent a number may point before it is taken for garbage: the largest window of RFC 7323.
const FARTHEST: u64 = 1 << 30;
/// How far a host's count of its datagrams moves between two segments of one connection, while it does nothing else of note.
const SMALL_STEP: u16 = 1024;
/// After so many nanoseconds nothing arrives any more that was sent before what arrived first.
const OVERTAKEN: u64 = 10_000_000;
/// How many segments must be held behind a hole that was acknowledged before the hole is given up: the capture may have
/// recorded them out of order.
const PATIENCE: usize = 3;

/// One connection while it lives.
#[derive(Debug)]
pub(super) struct Connection<R: Reader> {
    pub(super) facts: Facts,
    /// Whether the lower end of the key is the client.
    client_is_low: bool,
    client: Lane,
    server: Lane,
    pub(super) reader: Option<Box<R>>,
    secrets: R::Secrets,
    /// Nanoseconds between the latest segment and the one before it.
    silence: u64,
    /// Its place among this window's newcomers, until it has a stream number.
    pub(super) newcomer: Option<u32>,
}

/// What is needed to follow one direction.
#[derive(Debug, Default)]
struct Lane {
    space: Option<Space>,
    reassembly: Reassembly,
    wanted: bool,
    /// Where its FIN stands: one past its last octet.
    fin: Option<u64>,
    /// Whether the reader knows of the FIN.
    finished: bool,
    /// Sequence number of its latest reset.
    reset: Option<u32>,
    recent: Recent,
    copies: Copies,
}

impl<R: Reader> Connection<R> {
    /// The connection that `segment` belongs to as its first; `from_low` tells whether the lower end of the key sent it.
    pub(super) fn new(segment: &Segment<'_>, from_low: bool, newcomer: Option<u32>, secrets: R::Secrets) -> Self {
        let (by_source, roles) = first_sender_is_client(segment);
        let (client, server) = if by_source {
            (segment.source, segment.destination)
        } else {
            (segment.destination, segment.source)
        };
        let at = At {
            packet: segment.packet,
            time: segment.time,
        };
        let facts = Facts {
            client,
            server,
            domain: segment.domain,
            roles,
            stream: 0,
            first: at,
            last: at,
            from_client: Rare::default(),
            from_server: Rare::default(),
            established: None,
            resets: Rare::default(),
            errors: Rare::default(),
            server_rtt: None,
            client_rtt: None,
            idle: None,
            history: Default::default(),
            evicted: false,
        };
        let lane = || Lane {
            wanted: true,
            ..Lane::default()
        };
        Connection {
            facts,
            client_is_low: by_source == from_low,
            client: lane(),
            server: lane(),
            reader: None,
            secrets,
            silence: 0,
            newcomer,
        }
    }

    /// Whether `segment` must be the first of another connection between the same ends.
    ///
    /// As Wireshark has it: a SYN whose sequence number differs from its sender's first one. The same SYN again is another
    /// try to open the same connection, also after a reset: some systems do not take the first no for an answer.
    pub(super) fn is_over_for(&self, segment: &Segment<'_>, from_low: bool) -> bool {
        if !segment.flags.ask() {
            return false;
        }
        let space = self.lane_ref(self.side(from_low)).space;
        space.is_some_and(|space| space.offset(segment.sequence, 0) != -1)
    }

    /// Whether nothing more is to come: reset, or both directions finished, or never answered.
    pub(super) fn is_over(&self) -> bool {
        let facts = &self.facts;
        let finished = facts.from_client.fin.is_some() && facts.from_server.fin.is_some();
        let unanswered = facts.from_server.segments == 0 && facts.from_client.data.is_none();
        let reset = facts.resets.last().is_some_and(|reset| reset.went_on.is_none());
        reset || finished || unanswered
    }

    /// What it costs to hold the octets that came early.
    pub(super) fn held(&self) -> usize {
        self.client.reassembly.cost() + self.server.reassembly.cost()
    }

    /// Takes the next segment; what is held in each direction may cost at most `room`.
    pub(super) fn take(&mut self, segment: &Segment<'_>, from_low: bool, room: usize) {
        self.learn_roles(segment, from_low);
        let side = self.side(from_low);
        if self.is_copy(side, segment) {
            return self.note_ttl(side, segment);
        }
        let seen = Seen::of(segment);
        self.note_silence(seen.at);
        if segment.flags.has(Flags::RST) {
            return self.reset(side, segment, seen);
        }
        self.learn_space(side, segment);
        self.note_segment(side, segment, &seen);
        if segment.flags.has(Flags::SYN) {
            self.synchronise(side, segment, seen);
        }
        if segment.flags.has(Flags::ACK) {
            self.acknowledge(side.other(), segment, seen.at);
        }
        if segment.payload_length > 0 {
            self.payload(side, segment, &seen, room);
        } else if segment.flags.0 & (Flags::SYN.0 | Flags::FIN.0) == 0 {
            self.note_probe(side, segment);
        }
        if segment.flags.has(Flags::FIN) {
            self.finish(side, segment, seen);
        }
        self.close_lane(side);
    }

    /// Notes an ICMP error about it.
    pub(super) fn icmp(&mut self, error: &IcmpError) {
        self.facts.errors.push(*error);
    }

    /// The end of the capture or of the connection: what is acknowledged and was never captured is a gap.
    pub(super) fn conclude(&mut self) {
        for side in [Side::Client, Side::Server] {
            let known_by = self.facts.from(side).acknowledged_at.unwrap_or(self.facts.last);
            self.give_up_holes(side, known_by, 0);
            self.close_lane(side);
            if self.facts.from(side).data.is_none() {
                continue;
            }
            let lane = self.lane_ref(side);
            let (held, next) = (lane.reassembly.held() as u64, lane.reassembly.next());
            let direction = self.facts.direction_mut(side);
            if let Some(data) = &mut direction.data {
                data.beyond_hole = direction.sent.saturating_sub(next).min(held);
                data.in_flight.shrink_to_fit();
            }
        }
    }

    /// Which side the lower end of the key is, or the upper.
    fn side(&self, from_low: bool) -> Side {
        if from_low == self.client_is_low {
            Side::Client
        } else {
            Side::Server
        }
    }

    fn lane(&mut self, side: Side) -> &mut Lane {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Without the opening, the first octets tell who is the client.
    fn learn_roles(&mut self, segment: &Segment<'_>, from_low: bool) {
        if self.facts.roles == Roles::ByHandshake {
            return;
        }
        let tells = if segment.flags.has(Flags::SYN) {
            self.facts.roles = Roles::ByHandshake;
            Some(if segment.flags.has(Flags::ACK) {
                Side::Server
            } else {
                Side::Client
            })
        } else if self.reader.is_none() && !segment.payload.is_empty() {
            R::sender(segment.payload)
        } else {
            None
        };
        let Some(sender) = tells else { return };
        if self.facts.roles == Roles::Guessed {
            self.facts.roles = Roles::ByData;
        }
        if self.side(from_low) != sender && self.reader.is_none() {
            self.flip();
        }
    }

    fn flip(&mut self) {
        let facts = &mut self.facts;
        self.client_is_low = !self.client_is_low;
        std::mem::swap(&mut facts.client, &mut facts.server);
        std::mem::swap(&mut facts.from_client, &mut facts.from_server);
        std::mem::swap(&mut facts.client_rtt, &mut facts.server_rtt);
        std::mem::swap(&mut self.client, &mut self.server);
        facts
            .resets
            .iter_mut()
            .for_each(|reset| reset.side = reset.side.other());
        facts.history.flip();
    }

    /// Whether `segment` was captured on another interface before, so that it tells nothing but its TTL.
    fn is_copy(&mut self, side: Side, segment: &Segment<'_>) -> bool {
        if self.lane(side).copies.all_at_home(segment) {
            return false;
        }
        let mut copies = std::mem::take(&mut self.lane(side).copies);
        let copy = copies.is_copy(segment, || self.is_known(side, segment));
        self.lane(side).copies = copies;
        copy
    }

    /// Whether all that `segment` says was said before.
    fn is_known(&self, side: Side, segment: &Segment<'_>) -> bool {
        let has = |flag| segment.flags.has(flag);
        let (lane, direction) = (self.lane_ref(side), self.facts.from(side));
        if has(Flags::RST) {
            return lane.reset == Some(segment.sequence);
        }
        let acknowledged = || {
            let of = self.facts.from(side.other());
            let space = self.lane_ref(side.other()).space?;
            let reached = of.acknowledged + u64::from(of.fin_acknowledged);
            Some(space.offset(segment.acknowledgement, of.acknowledged) <= reached as i64)
        };
        let octets = || {
            let start = lane.space?.offset(first_octet(segment), direction.sent);
            let end = start.saturating_add(i64::from(segment.payload_length));
            Some(lane.reassembly.has(start.max(0) as u64, end.max(0) as u64))
        };
        (!has(Flags::SYN) || !direction.syns.is_empty())
            && (!has(Flags::FIN) || direction.fin.is_some())
            && (!has(Flags::ACK) || acknowledged() == Some(true))
            && octets() == Some(true)
    }

    fn note_ttl(&mut self, side: Side, segment: &Segment<'_>) {
        if self.lane_ref(side).copies.is_home(segment) && !segment.flags.has(Flags::RST) {
            let direction = self.facts.direction_mut(side);
            let (low, high) = direction.ttl.unwrap_or((segment.ttl, segment.ttl));
            direction.ttl = Some((low.min(segment.ttl), high.max(segment.ttl)));
        }
    }

    fn note_silence(&mut self, at: At) {
        let longest = self.facts.idle.map_or(0, |idle| idle.to.time.since(idle.from.time));
        self.silence = at.time.since(self.facts.last.time);
        if self.silence > longest {
            self.facts.idle = Some(Idle {
                from: self.facts.last,
                to: at,
            });
        }
        self.facts.last = at;
    }

    /// Where the sender's stream begins.
    fn learn_space(&mut self, side: Side, segment: &Segment<'_>) {
        let syn = segment.flags.has(Flags::SYN);
        let lane = self.lane(side);
        if lane.space.is_none() {
            lane.space = Some(Space::new(segment.sequence.wrapping_add(u32::from(syn))));
        }
    }

    fn note_segment(&mut self, side: Side, segment: &Segment<'_>, seen: &Seen) {
        let bare = segment.payload_length == 0 && !segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::FIN);
        let no_window = segment.window == 0 && !segment.flags.has(Flags::SYN);
        if !self.facts.resets.is_empty() {
            self.note_life_after_reset(side, segment, seen.at);
        }
        let direction = self.facts.direction_mut(side);
        if direction.first.is_none() {
            direction.timestamps = seen.marks.timestamp.is_some();
            direction.first = Some(*seen);
        }
        if direction.first_word.is_none() && !segment.flags.has(Flags::SYN) {
            direction.first_word = Some(*seen);
        }
        direction.last = Some(seen.at);
        direction.note_identification(segment.ip_id);
        direction.segments += 1;
        direction.zero_windows = direction.zero_windows.saturating_add(u32::from(no_window));
        self.note_ttl(side, segment);
        if no_window {
            self.facts.history.note(side, b'w');
        }
        if bare && segment.flags.has(Flags::ACK) {
            self.facts.history.note(side, b'a');
            self.note_announced(side, segment);
        }
    }

    /// The end that is said to have reset the connection goes on. What the reset may have overtaken does not show that.
    fn note_life_after_reset(&mut self, side: Side, segment: &Segment<'_>, at: At) {
        let sent = self.facts.from(side).sent;
        let place = self
            .lane_ref(side)
            .space
            .and_then(|space| u64::try_from(space.offset(segment.sequence, sent)).ok());
        for reset in self.facts.resets.iter_mut().filter(|reset| reset.side == side) {
            let behind =
                segment.payload_length > 0 && place.zip(reset.offset).is_some_and(|(place, reset)| place >= reset);
            if behind || at.time.since(reset.seen.at.time) > OVERTAKEN {
                reset.went_on.get_or_insert(at);
            }
        }
    }

    /// A segment without payload stands where its sender's next octet will.
    fn note_announced(&mut self, side: Side, segment: &Segment<'_>) {
        let Lane {
            space: Some(space),
            fin,
            ..
        } = *self.lane_ref(side)
        else {
            return;
        };
        let direction = self.facts.direction_mut(side);
        let offset = u64::try_from(space.offset(segment.sequence, direction.sent)).unwrap_or(0);
        // The FIN takes one place in the sequence space, and bears no octet.
        let offset = fin.map_or(offset, |fin| fin.min(offset));
        if offset <= direction.sent.saturating_add(FARTHEST) {
            direction.announced = direction.announced.max(offset);
        }
    }

    fn synchronise(&mut self, side: Side, segment: &Segment<'_>, seen: Seen) {
        let letter = if segment.flags.has(Flags::ACK) { b'h' } else { b's' };
        self.facts.history.note(side, letter);
        let direction = self.facts.direction_mut(side);
        direction.syns.push(seen);
        if direction.options.is_none() {
            direction.options = Some(segment.options);
        }
    }

    /// The segment acknowledges octets of `of`.
    fn acknowledge(&mut self, of: Side, segment: &Segment<'_>, at: At) {
        let lane = self.lane(of);
        // Of a direction that was never captured, the first acknowledgement is all that places it.
        let space = *lane.space.get_or_insert(Space::new(segment.acknowledgement));
        let fin = lane.fin;
        let direction = self.facts.direction_mut(of);
        let offset = space.offset(segment.acknowledgement, direction.acknowledged);
        let (already, farthest) = (direction.acknowledged, direction.sent.saturating_add(FARTHEST));
        if offset <= already as i64 {
            direction.note_sack(space, segment, at);
        }
        let Some(offset) = u64::try_from(offset).ok().filter(|&offset| offset <= farthest) else {
            return;
        };
        self.note_handshake(of, segment, at);
        if offset <= already {
            return;
        }
        let direction = self.facts.direction_mut(of);
        // The FIN takes one place in the sequence space, after the last octet.
        let fin = fin.is_some_and(|fin| offset == fin + 1);
        direction.fin_acknowledged |= fin;
        let up_to = offset - u64::from(fin);
        if up_to <= direction.acknowledged {
            return;
        }
        direction.acknowledged = up_to;
        direction.acknowledged_at = Some(at);
        let rtt = direction.data.as_mut().and_then(|data| data.landed(up_to, at));
        let shortest = if of == Side::Client {
            &mut self.facts.server_rtt
        } else {
            &mut self.facts.client_rtt
        };
        *shortest = shortest.iter().copied().chain(rtt).min();
        if let Some(reader) = &mut self.reader
            && (self.client.wanted || self.server.wanted)
        {
            reader.acknowledged(of, up_to, at);
        }
    }

    /// Round trips of the handshake, and its completion.
    fn note_handshake(&mut self, of: Side, segment: &Segment<'_>, at: At) {
        let facts = &mut self.facts;
        if facts.established.is_some() {
            return;
        }
        let only = |syns: &Few<Seen>| {
            syns.first()
                .filter(|_| syns.count() == 1)
                .map(|syn| at.time.since(syn.at.time))
        };
        if segment.flags.has(Flags::SYN) {
            if of == Side::Client && facts.from_server.syns.count() == 1 {
                facts.server_rtt = only(&facts.from_client.syns);
            }
        } else if of == Side::Server && !facts.from_server.syns.is_empty() {
            facts.established = Some(at);
            facts.client_rtt = only(&facts.from_server.syns);
        }
    }

    fn payload(&mut self, side: Side, segment: &Segment<'_>, seen: &Seen, room: usize) {
        let Some(space) = self.lane(side).space else { return };
        let direction = self.facts.direction_mut(side);
        let start = space.offset(first_octet(segment), direction.sent);
        let Ok(end) = u64::try_from(start.saturating_add(i64::from(segment.payload_length))) else {
            return;
        };
        if is_keep_alive(direction, start, segment.payload_length) {
            direction.keep_alives = direction.keep_alives.saturating_add(1);
            return;
        }
        if end == 0 || end > direction.sent.saturating_add(FARTHEST) {
            return;
        }
        self.facts.history.note(side, b'd');
        if self.lane(side).fin.is_some_and(|fin| end > fin) {
            self.facts.direction_mut(side).beyond_fin.get_or_insert(seen.at);
        }
        // Octets before our first sight of the stream are cut off.
        let before = u64::try_from(-start).unwrap_or(0);
        let offset = u64::try_from(start).unwrap_or(0);
        let octets = segment
            .payload
            .get(usize::try_from(before).unwrap_or(usize::MAX)..)
            .unwrap_or_default();
        let new = end > self.facts.from(side).sent;
        self.note_flight(side, segment, seen, offset, end);
        if self.lane(side).wanted {
            self.read(side, segment, seen, offset..end, octets, room);
        } else {
            self.lane(side).reassembly.jump_to(end);
            if !new {
                self.note_repeat(side, segment, seen, offset);
            }
        }
    }

    /// A bare ACK from before the next octet asks whether the other end is there.
    fn note_probe(&mut self, side: Side, segment: &Segment<'_>) {
        let Some(space) = self.lane_ref(side).space else { return };
        let direction = self.facts.direction_mut(side);
        let start = space.offset(segment.sequence, direction.sent);
        if is_keep_alive(direction, start + 1, 0) {
            direction.keep_alives = direction.keep_alives.saturating_add(1);
        }
    }

    /// What was sent and waits for its acknowledgement.
    fn note_flight(&mut self, side: Side, segment: &Segment<'_>, seen: &Seen, offset: u64, end: u64) {
        let silence = self.silence;
        let direction = self.facts.direction_mut(side);
        let data = direction.data.get_or_insert_with(|| Box::new(Data::new(*seen)));
        data.segments += 1;
        if end <= direction.sent {
            return;
        }
        let at = seen.at;
        data.last = at;
        if data.in_flight.len() < Few::<Flight>::KEPT && end > direction.acknowledged {
            let length = segment.payload_length;
            make_room(&mut data.in_flight);
            data.in_flight.push(Flight {
                at,
                offset,
                length,
                silence,
                repeated: false,
            });
        }
        direction.sent = end;
    }

    /// Puts the octets in order and hands them to the reader.
    fn read(&mut self, side: Side, segment: &Segment<'_>, seen: &Seen, place: Range<u64>, octets: &[u8], room: usize) {
        let Range { start: offset, end } = place;
        self.find_contradiction(side, offset, octets, seen);
        let mut arrival = self.accept(side, offset, octets, *seen, room);
        // Each turn gives up one hole; at the latest before this segment there is none left.
        while arrival == Arrival::Refused {
            let resume = self.lane_ref(side).reassembly.held_from().unwrap_or(offset).min(offset);
            self.give_up(side, resume, seen.at, GapCause::Forgotten);
            arrival = self.accept(side, offset, octets, *seen, room);
        }
        let captured_end = offset + octets.len() as u64;
        if captured_end < end && self.lane(side).reassembly.next() == captured_end {
            self.give_up(side, end, seen.at, GapCause::Snapped);
        }
        match arrival {
            Arrival::Repeat if !octets.is_empty() => self.note_repeat(side, segment, seen, offset),
            Arrival::Early => self.give_up_holes(side, seen.at, PATIENCE),
            Arrival::InOrder => self.arrived_late(side),
            Arrival::Repeat | Arrival::Refused => {}
        }
    }

    /// Octets came in order; their acknowledgement may have been captured before them.
    fn arrived_late(&mut self, side: Side) {
        let direction = self.facts.from(side);
        let (acknowledged, at) = (direction.acknowledged, direction.acknowledged_at);
        if self.lane_ref(side).reassembly.next() <= acknowledged
            && let (Some(reader), Some(at)) = (&mut self.reader, at)
        {
            reader.acknowledged(side, acknowledged, at);
        }
    }

    fn lane_ref(&self, side: Side) -> &Lane {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn accept(&mut self, side: Side, offset: u64, octets: &[u8], seen: Seen, room: usize) -> Arrival {
        let lane = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let reader = self
            .reader
            .get_or_insert_with(|| Box::new(R::with_secrets(&self.secrets)));
        let arrival = lane
            .reassembly
            .accept(offset, octets, seen, room, &mut |offset, octets, seen| {
                reader.octets(side, offset, octets, seen);
            });
        self.ask_wishes();
        arrival
    }

    /// Gives up every hole that the other side has acknowledged and behind which `patience` segments are held.
    fn give_up_holes(&mut self, side: Side, at: At, patience: usize) {
        loop {
            let direction = self.facts.from(side);
            let lane = self.lane_ref(side);
            let next = lane.reassembly.next();
            let until = lane
                .reassembly
                .held_from()
                .unwrap_or(u64::MAX)
                .min(direction.acknowledged);
            let last_octet_may_be_fin = lane.fin.is_none() && until == next + 1 && direction.sent == next;
            if until <= next || lane.reassembly.pieces() < patience || !lane.wanted || last_octet_may_be_fin {
                return;
            }
            self.give_up(side, until, at, GapCause::NotCaptured);
        }
    }

    /// The octets up to `until` are not in the capture.
    fn give_up(&mut self, side: Side, until: u64, at: At, cause: GapCause) {
        let lane = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let offset = lane.reassembly.next();
        let missing = until.saturating_sub(offset);
        if missing == 0 {
            return;
        }
        let reader = self
            .reader
            .get_or_insert_with(|| Box::new(R::with_secrets(&self.secrets)));
        reader.gap(side, offset, missing, cause, at);
        lane.reassembly.skip_to(until, &mut |offset, octets, seen| {
            reader.octets(side, offset, octets, seen)
        });
        self.facts.history.note(side, b'g');
        let facts = &mut self.facts;
        let fallback = facts.first;
        let direction = facts.direction_mut(side);
        direction.sent = direction.sent.max(until);
        let first = direction.first;
        let data = direction
            .data
            .get_or_insert_with(|| Box::new(Data::unseen(first, fallback)));
        data.missing = data.missing.saturating_add(missing);
        data.gaps.push(Gap {
            offset,
            length: missing,
            cause,
            at,
        });
        self.ask_wishes();
    }

    fn ask_wishes(&mut self) {
        if let Some(reader) = &self.reader {
            for (lane, side) in [(&mut self.client, Side::Client), (&mut self.server, Side::Server)] {
                lane.wanted = !lane.finished && reader.wants(side);
                if !lane.wanted && lane.reassembly.held() > 0 {
                    lane.reassembly.jump_to(0);
                }
            }
        }
    }

    fn note_repeat(&mut self, side: Side, segment: &Segment<'_>, seen: &Seen, offset: u64) {
        self.facts.history.note(side, b't');
        let direction = self.facts.direction_mut(side);
        let end = offset + u64::from(segment.payload_length);
        let acknowledged = end <= direction.acknowledged;
        if let Some(data) = &mut direction.data {
            data.repeats.push(Repeat {
                seen: *seen,
                offset,
                length: segment.payload_length,
                acknowledged,
            });
            // Of what was sent twice, an acknowledgement tells no round trip (Karn's rule, RFC 6298 section 3).
            data.in_flight
                .iter_mut()
                .filter(|flight| flight.offset < end)
                .for_each(|flight| flight.repeated = true);
        }
    }

    /// Two segments that differ about one place: one of them was written by somebody else.
    fn find_contradiction(&mut self, side: Side, offset: u64, octets: &[u8], seen: &Seen) {
        let Some(conflict) = self.lane(side).recent.note(offset, octets, seen) else {
            return;
        };
        self.facts.history.note(side, b'i');
        if let Some(data) = &mut self.facts.direction_mut(side).data {
            data.conflicts.push(conflict);
        }
    }

    fn finish(&mut self, side: Side, segment: &Segment<'_>, seen: Seen) {
        let Some(space) = self.lane_ref(side).space else { return };
        let direction = self.facts.direction_mut(side);
        let place = first_octet(segment).wrapping_add(segment.payload_length);
        let place = u64::try_from(space.offset(place, direction.sent)).unwrap_or(0);
        if place > direction.sent.saturating_add(FARTHEST) {
            return;
        }
        direction.fins = direction.fins.saturating_add(1);
        if direction.fin.is_none() {
            direction.fin = Some(Box::new(seen));
            // Its acknowledgement may have been captured before it.
            if direction.acknowledged == place + 1 {
                direction.fin_acknowledged = true;
                direction.acknowledged = place;
            }
            self.lane(side).fin = Some(place);
        }
        self.note_announced(side, segment);
        self.facts.history.note(side, b'f');
    }

    /// Tells the reader when all octets before the FIN have been handed on.
    fn close_lane(&mut self, side: Side) {
        let lane = self.lane(side);
        if lane.finished || lane.fin.is_none_or(|fin| lane.reassembly.next() < fin) {
            return;
        }
        // What stands behind a FIN is not for the other end either.
        (lane.finished, lane.wanted) = (true, false);
        if let (Some(reader), Some(fin)) = (&mut self.reader, &self.facts.from(side).fin) {
            reader.finished(side, fin.at);
            self.ask_wishes();
        }
    }

    fn reset(&mut self, side: Side, segment: &Segment<'_>, seen: Seen) {
        self.facts.history.note(side, b'r');
        let since = |at: Option<At>| at.map(|at| segment.time.since(at.time));
        let (own, other) = (self.facts.from(side), self.facts.from(side.other()));
        let reset = Reset {
            seen,
            side,
            ack: segment.flags.has(Flags::ACK),
            place: self.place(side, segment),
            acknowledges: self.reached(side.other(), segment),
            after_other: since(other.last),
            after_own: since(own.last),
            ttl_before: own.ttl.filter(|_| self.lane_ref(side).copies.is_home(segment)),
            ip_id_before: own.last_ip_id,
            timestamps_before: own.timestamps,
            offset: self.reset_offset(side, segment),
            went_on: None,
            round_trip: self
                .first_sending(side.other(), segment)
                .map(|at| segment.time.since(at.time)),
        };
        self.facts.resets.push(reset);
        self.lane(side).reset = Some(segment.sequence);
    }

    /// The offset in `of`'s stream that a reset of the other side acknowledges.
    fn reached(&self, of: Side, segment: &Segment<'_>) -> Option<u64> {
        let space = self.lane_ref(of).space.filter(|_| segment.flags.has(Flags::ACK))?;
        u64::try_from(space.offset(segment.acknowledgement, self.facts.from(of).sent)).ok()
    }

    fn reset_offset(&self, side: Side, segment: &Segment<'_>) -> Option<u64> {
        let space = self.lane_ref(side).space?;
        u64::try_from(space.offset(segment.sequence, self.facts.from(side).sent)).ok()
    }

    /// When `of` sent, for the first and only time, the last octet before what a reset of the other side acknowledges.
    fn first_sending(&self, of: Side, segment: &Segment<'_>) -> Option<At> {
        let reached = self.reached(of, segment)?;
        let direction = self.facts.from(of);
        if reached == 0 && self.facts.from(of.other()).segments == 0 {
            return direction
                .syns
                .first()
                .filter(|_| direction.syns.count() == 1)
                .map(|syn| syn.at);
        }
        let ends = |flight: &&Flight| flight.offset + u64::from(flight.length) == reached && !flight.repeated;
        direction
            .data
            .as_ref()?
            .in_flight
            .iter()
            .find(ends)
            .map(|flight| flight.at)
    }

    /// Where a reset stands: RFC 9293 section 3.5.2 tells where a true one does, RFC 5961 what is accepted.
    fn place(&self, side: Side, segment: &Segment<'_>) -> Place {
        let direction = self.facts.from(side);
        let Some(space) = self
            .lane_ref(side)
            .space
            .filter(|_| direction.segments > 0 || segment.sequence != 0)
        else {
            // The answer to a SYN has sequence number 0 and acknowledges the SYN.
            let judged = segment.flags.has(Flags::ACK) && self.lane_ref(side.other()).space.is_some();
            return match self.reached(side.other(), segment) {
                Some(reached) if reached <= self.facts.from(side.other()).sent => Place::Exact,
                _ if judged => Place::Outside,
                _ => Place::Unknown,
            };
        };
        let offset = space.offset(segment.sequence, direction.sent);
        let (sent, acknowledged) = (direction.sent as i64, direction.acknowledged as i64);
        let fin = i64::from(direction.fin.is_some());
        let scale = self
            .facts
            .from(side.other())
            .options
            .as_ref()
            .and_then(|options| options.window_scale)
            .unwrap_or(0);
        let window = 65_535i64 << scale.min(14);
        match offset {
            _ if offset == sent || offset == sent + fin || offset == acknowledged => Place::Exact,
            _ if offset >= acknowledged && offset < acknowledged.saturating_add(window) => Place::InWindow,
            _ => Place::Outside,
        }
    }
}

impl Direction {
    fn note_identification(&mut self, id: Option<u16>) {
        if let (Some(id), Some(before)) = (id, self.last_ip_id)
            && id != 0
            && before != 0
        {
            let (small, other) = &mut self.ip_id_steps;
            let steps = if id.wrapping_sub(before) <= SMALL_STEP {
                small
            } else {
                other
            };
            *steps = steps.saturating_add(1);
        }
        self.last_ip_id = id;
    }

    /// An acknowledgement of nothing new, while octets are on their way: SACK tells whether later ones arrived.
    fn note_sack(&mut self, space: Space, segment: &Segment<'_>, at: At) {
        let acknowledged = self.acknowledged as i64;
        let waiting = self
            .data
            .as_mut()
            .filter(|data| !data.in_flight.is_empty() && data.sacked.is_none());
        let Some(data) = waiting.filter(|_| segment.payload_length == 0) else {
            return;
        };
        if segment
            .options
            .sack_edge
            .is_some_and(|edge| space.offset(edge, self.acknowledged) > acknowledged)
        {
            data.sacked = Some(at);
        }
    }
}

impl Data {
    fn new(first: Seen) -> Self {
        Data {
            first,
            last: first.at,
            segments: 0,
            repeats: Few::default(),
            in_flight: Vec::new(),
            largest_passed: 0,
            sacked: None,
            gaps: Few::default(),
            missing: 0,
            beyond_hole: 0,
            conflicts: Few::default(),
        }
    }

    /// Payload of which nothing was captured: it is known by its acknowledgement alone.
    fn unseen(first: Option<Seen>, fallback: At) -> Self {
        let marks = crate::tcp::facts::Marks {
            ttl: 0,
            ip_id: None,
            window: 0,
            timestamp: None,
        };
        Data::new(first.unwrap_or(Seen { at: fallback, marks }))
    }

    /// Everything before `up_to` was acknowledged; the round trip of the latest segment that was sent only once.
    fn landed(&mut self, up_to: u64, at: At) -> Option<u64> {
        let landed = self
            .in_flight
            .partition_point(|flight| flight.offset + u64::from(flight.length) <= up_to);
        let mut rtt = None;
        for flight in self.in_flight.drain(..landed) {
            self.largest_passed = self.largest_passed.max(flight.length);
            rtt = (!flight.repeated).then(|| at.time.since(flight.at.time));
        }
        rtt
    }
}

/// The sequence number of the first octet: the SYN takes one place before it.
fn first_octet(segment: &Segment<'_>) -> u32 {
    segment.sequence.wrapping_add(u32::from(segment.flags.has(Flags::SYN)))
}

/// Who is the client, judged by the first segment.
fn first_sender_is_client(segment: &Segment<'_>) -> (bool, Roles) {
    let syn = segment.flags.has(Flags::SYN);
    match (syn, segment.flags.has(Flags::ACK)) {
        (true, false) => (true, Roles::ByHandshake),
        (true, true) => (false, Roles::ByHandshake),
        // Servers listen on ports below those that systems give to clients (RFC 6335 section 6).
        _ => (segment.source.port >= segment.destination.port, Roles::Guessed),
    }
}

/// A probe repeats the octet before the next one, or bears none of it (RFC 9293 section 3.8.4).
fn is_keep_alive(direction: &Direction, start: i64, length: u32) -> bool {
    let end = start.saturating_add(i64::from(length));
    length <= 1 && end == direction.sent as i64 && end == direction.acknowledged as i64
}

//! Marks of another sender: what a segment bears that the machine whose address it carries would not have written.
//!
//! One mark is a hint: routes change, load balancers answer for others, kernels differ in how they write resets. Two that do
//! not depend on each other make an injection likely; the true end going on as if nothing had happened is nearly proof.

use std::fmt;

use crate::{
    capture::PacketId,
    diagnosis::rule::{Case, Confidence, Evidence},
    survey::Host,
    tcp::{Place, Reset, Seen, Side},
};

/// The marks of one segment, held against those of the machine that its address names.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    /// What speaks for another writer, each mark independent of the others.
    pub(super) marks: Vec<Evidence>,
    /// How many of them are hard to explain in any other way.
    pub(super) strong: u32,
    /// What was compared and agrees: it speaks for the machine itself.
    pub(super) agreeing: Vec<&'static str>,
    /// Whether the true end was seen to go on: what was said in its name was not its word.
    pub(super) disowned: bool,
    /// Whether one of them is its form alone: a machine that forgot the connection writes the same.
    pub(super) by_form: bool,
}

/// A reset that comes in less than this share of the shortest round trip was written nearer than the address it bears.
const SOONER: u64 = 2;
/// Round trips shorter than this, in nanoseconds, measure the machines and not the way.
const SHORTEST_RTT: u64 = 2_000_000;
/// How far a host's IP identification moves between two segments of a connection, at most, if it counts them.
const ID_STRIDE: u16 = 4096;
/// How far a count may seem to go back, because segments overtook each other.
const ID_BACK: u16 = 8;
/// Routes to one host differ by a hop or two; more is another machine (Raman et al., SIGCOMM 2023, take the same bound).
pub(super) const HOPS: u8 = 2;
/// Resets that are closer together, in nanoseconds, and alike may be one that was captured twice.
const TWICE: u64 = 1_000_000;
/// Resets to both ends within this time, in nanoseconds, were sent at once.
const AT_ONCE: u64 = 5_000_000;

const IDENTIFICATION: &str = "IP identification";
const TIMESTAMPS: &str = "TCP timestamps";

impl Foreign {
    /// How sure it is that another machine wrote the segment; `None` without any mark, or with one that others outweigh.
    pub(super) fn confidence(&self) -> Option<Confidence> {
        // What only the machine itself can know speaks louder than one hint: routes change in mid-connection.
        let vouched = self
            .agreeing
            .iter()
            .any(|&mark| mark == IDENTIFICATION || mark == TIMESTAMPS);
        match (self.marks.len(), self.strong) {
            (0, _) => None,
            (1, 0) if vouched => None,
            (1, 0) => Some(Confidence::Possible),
            (2.., _) if self.disowned => Some(Confidence::Confirmed),
            _ => Some(Confidence::Likely),
        }
    }

    /// The marks of a reset.
    pub(super) fn of_reset(case: &Case<'_>, reset: &Reset) -> Self {
        let mut foreign = Foreign::default();
        let packet = reset.seen.at.packet;
        let mut usual = UsualTtl::of(case, reset.side, &reset.seen);
        // Where a packet is captured twice, at both interfaces of a router, it has two TTLs.
        let before = reset.ttl_before.map_or(vec![], |(low, high)| vec![low, high]);
        let first = case.attempt.connection.from(reset.side).first;
        usual.known.extend(
            first
                .into_iter()
                .flat_map(|first| before.iter().map(move |&ttl| (ttl, first.at.packet))),
        );
        foreign.compare_ttl(&usual, &reset.seen);
        foreign.reset_identification(case, reset);
        foreign.too_soon(case, reset);
        foreign.form(case, reset);
        foreign.in_a_row(case, reset);
        foreign.both_ends_at_once(case, reset);
        if let Some(at) = reset.went_on {
            foreign.disowned = true;
            foreign.strong(at.packet, "the same end goes on as if it had sent no reset".to_owned());
        }
        match reset.place {
            Place::Outside => {
                foreign.weak(
                    packet,
                    "its sequence number is none that its sender would use now".to_owned(),
                );
            }
            Place::Exact => foreign.agreeing.push("sequence number"),
            Place::InWindow | Place::Unknown => {}
        }
        foreign
    }

    /// The marks of a segment with data or FIN that bears `side`'s address.
    pub(super) fn of_segment(case: &Case<'_>, side: Side, seen: &Seen) -> Self {
        let mut foreign = Foreign::default();
        foreign.ttl(case, side, seen);
        foreign.timestamps(case, side, seen);
        foreign.identification(case, side, seen);
        foreign.contradiction(case, side, seen);
        foreign
    }

    /// The marks of an answer: those of its first segment, and whether it came sooner than the request can have arrived.
    pub(super) fn of_answer(case: &Case<'_>, seen: &Seen) -> Self {
        let mut foreign = Foreign::of_segment(case, Side::Server, seen);
        let asked = case
            .attempt
            .request
            .as_ref()
            .map(|request| request.last.at)
            .filter(|&asked| asked < seen.at);
        if let Some(asked) = asked {
            foreign.sooner(
                case,
                Side::Server,
                seen.at.packet,
                seen.at.time.since(asked.time),
                "the request",
            );
        }
        foreign
    }

    /// The marks of the FIN that bears `side`'s address; `None` without one.
    pub(super) fn of_fin(case: &Case<'_>, side: Side) -> Option<Self> {
        let direction = case.attempt.connection.from(side);
        let mut foreign = Foreign::of_segment(case, side, direction.fin.as_deref()?);
        if let Some(at) = direction.beyond_fin {
            foreign.disowned = true;
            foreign.strong(
                at.packet,
                "the same end sends more octets behind the place of the FIN".to_owned(),
            );
        }
        Some(foreign)
    }

    /// Whether `seen`, the server's answer to the ClientHello, came sooner than that can have arrived.
    pub(super) fn sooner_than_hello(&mut self, case: &Case<'_>, seen: &Seen) {
        let hello = case
            .attempt
            .tls
            .as_ref()
            .and_then(|tls| tls.client_hello)
            .filter(|hello| hello.at < seen.at);
        if let Some(hello) = hello {
            self.sooner(
                case,
                Side::Server,
                seen.at.packet,
                seen.at.time.since(hello.at.time),
                "the ClientHello",
            );
        }
    }

    fn weak(&mut self, packet: PacketId, text: String) {
        self.marks.push(Evidence::new(packet, text));
    }

    fn strong(&mut self, packet: PacketId, text: String) {
        self.strong += 1;
        self.weak(packet, text);
    }

    /// The TTL is counted down by every router on the way, so one machine's segments arrive with one value.
    fn ttl(&mut self, case: &Case<'_>, side: Side, seen: &Seen) {
        self.compare_ttl(&UsualTtl::of(case, side, seen), seen);
    }

    fn compare_ttl(&mut self, usual: &UsualTtl, seen: &Seen) {
        let ttl = seen.marks.ttl;
        let Some((nearest, at)) = usual.nearest(ttl) else {
            return;
        };
        if nearest == ttl {
            return self.agreeing.push("TTL");
        }
        let near = if is_unrouted(ttl) && !is_unrouted(nearest) {
            "; it was written on this very link"
        } else {
            ""
        };
        let text = format!(
            "TTL {ttl}, while segments of this address arrive with {nearest} (packet {}){near}",
            at.number()
        );
        if usual.confirmed && nearest.abs_diff(ttl) > HOPS {
            self.strong(seen.at.packet, text);
        } else {
            self.weak(seen.at.packet, text);
        }
    }

    /// Systems count their datagrams or write 0; a number far from the count was written elsewhere.
    ///
    /// A reset without ACK answers a segment of an unknown connection, and systems number such answers on their own.
    fn reset_identification(&mut self, case: &Case<'_>, reset: &Reset) {
        let (small, other) = case.attempt.connection.from(reset.side).ip_id_steps;
        if reset.ack && small > 0 && other == 0 {
            self.compare_identification(reset.seen.at.packet, reset.seen.marks.ip_id, reset.ip_id_before);
        }
    }

    /// A forged segment makes two steps that are no count's: to its own number and back.
    fn identification(&mut self, case: &Case<'_>, side: Side, seen: &Seen) {
        let direction = case.attempt.connection.from(side);
        let first = [direction.data.as_ref().map(|data| data.first), direction.first_word];
        let first = first.into_iter().flatten().find(|first| first.at < seen.at);
        let (small, other) = direction.ip_id_steps;
        if small > other && other <= 2 {
            self.compare_identification(
                seen.at.packet,
                seen.marks.ip_id,
                first.and_then(|first| first.marks.ip_id),
            );
        }
    }

    fn compare_identification(&mut self, packet: PacketId, id: Option<u16>, before: Option<u16>) {
        let (Some(id), Some(before)) = (id.filter(|&id| id != 0), before.filter(|&id| id != 0)) else {
            return;
        };
        if id.wrapping_sub(before) > ID_STRIDE && before.wrapping_sub(id) > ID_BACK {
            self.weak(
                packet,
                format!("IP identification {id:#06x}, while its sender's count stood at {before:#06x}"),
            );
        } else {
            self.agreeing.push(IDENTIFICATION);
        }
    }

    /// Nothing can come back sooner than the way there and back takes.
    fn too_soon(&mut self, case: &Case<'_>, reset: &Reset) {
        if let Some(after) = reset.round_trip {
            self.sooner(case, reset.side, reset.seen.at.packet, after, "what it acknowledges");
        }
    }

    /// A round trip is measured too long where the answer to a SYN was delayed, so this is a mark among others and no proof.
    fn sooner(&mut self, case: &Case<'_>, side: Side, packet: PacketId, after: u64, what: &str) {
        let facts = &case.attempt.connection;
        let here = match side {
            Side::Server => facts.server_rtt,
            Side::Client => facts.client_rtt,
        };
        let elsewhere = case.host(side).and_then(|host| host.rtt);
        let shortest = here.into_iter().chain(elsewhere).min();
        let Some(rtt) = shortest.filter(|&rtt| rtt > SHORTEST_RTT && after < rtt / SOONER) else {
            return;
        };
        let (after, rtt) = (milliseconds(after), milliseconds(rtt));
        let text = format!("it comes {after} after {what}, while the round trip takes {rtt}");
        self.weak(packet, text);
    }

    /// An end that has the connection and gives it up sends RST with ACK; RST alone is what RFC 9293 section 3.5.2 asks of a
    /// machine that knows no such connection.
    fn form(&mut self, case: &Case<'_>, reset: &Reset) {
        let facts = &case.attempt.connection;
        let own = facts.from(reset.side);
        let closed = own.fin.as_ref().is_some_and(|fin| fin.at < reset.seen.at);
        let standing = facts.established.is_some_and(|at| at < reset.seen.at) && own.segments > 0;
        let again = facts
            .resets
            .iter()
            .any(|other| other.side == reset.side && other.seen.at < reset.seen.at);
        if !reset.ack && standing && !closed && !again {
            let text = "it has the form of an answer to an unknown connection, RST without ACK (RFC 9293 section 3.5.2), though \
                        the handshake was complete";
            self.weak(reset.seen.at.packet, text.to_owned());
            self.by_form = true;
        }
    }

    /// An end gives a connection up once, with RST and ACK; after that it sends at most one bare RST for each segment that comes.
    fn in_a_row(&mut self, case: &Case<'_>, reset: &Reset) {
        let resets = case
            .attempt
            .connection
            .resets
            .iter()
            .filter(|other| other.side == reset.side && other.ack);
        let pairs = resets.clone().zip(resets.skip(1));
        let row = |(before, after): &(&Reset, &Reset)| {
            let between = after.seen.at.time.since(before.seen.at.time);
            let alike = between < TWICE && before.seen.marks.ip_id == after.seen.marks.ip_id;
            after.after_other.is_some_and(|other| other > between) && !alike
        };
        if let Some((_, after)) = pairs.into_iter().find(row) {
            self.weak(
                after.seen.at.packet,
                "the same end gives the connection up once more".to_owned(),
            );
        }
    }

    /// Nobody answers a reset with a reset (RFC 9293 section 3.5.2), so resets of both ends at once have one author.
    fn both_ends_at_once(&mut self, case: &Case<'_>, reset: &Reset) {
        let near = |other: &&Reset| {
            let apart = reset
                .seen
                .at
                .time
                .since(other.seen.at.time)
                .max(other.seen.at.time.since(reset.seen.at.time));
            let answers = [reset.went_on, other.went_on]
                .into_iter()
                .flatten()
                .any(|at| at < reset.seen.at.max(other.seen.at));
            other.side != reset.side && apart < AT_ONCE && !answers
        };
        if let Some(other) = case.attempt.connection.resets.iter().find(near) {
            self.weak(
                other.seen.at.packet,
                "the other end is reset at the same moment".to_owned(),
            );
        }
    }

    /// Once agreed on, timestamps are in every segment but resets (RFC 7323 section 3.2).
    fn timestamps(&mut self, case: &Case<'_>, side: Side, seen: &Seen) {
        let facts = &case.attempt.connection;
        let offered = |side| {
            facts
                .from(side)
                .syns
                .first()
                .is_some_and(|syn: &Seen| syn.marks.timestamp.is_some())
        };
        let agreed = offered(Side::Client) && offered(Side::Server);
        match (agreed, seen.marks.timestamp) {
            (true, None) => {
                let text = "it bears no TCP timestamp, though both ends agreed on them and RFC 7323 wants them in every segment";
                // A box that answers SYNs for the server may agree on more than the server does.
                let word = facts.from(side).first_word.filter(|word| word.at < seen.at);
                let here = word.is_some_and(|word| word.marks.timestamp.is_some());
                let elsewhere = || {
                    case.survey
                        .host(facts.endpoint(side).address)
                        .is_some_and(|host| host.stamped > 0)
                };
                if here || elsewhere() {
                    self.strong(seen.at.packet, text.to_owned());
                } else {
                    self.weak(seen.at.packet, text.to_owned());
                }
            }
            (true, Some(_)) => self.agreeing.push(TIMESTAMPS),
            (false, _) => {}
        }
    }

    /// The true end's octets for the same place in the stream came as well, and differ.
    fn contradiction(&mut self, case: &Case<'_>, side: Side, seen: &Seen) {
        let data = case.attempt.connection.from(side).data.as_ref();
        let conflict = data.and_then(|data| {
            data.conflicts
                .iter()
                .find(|conflict| conflict.earlier == seen.at.packet)
        });
        if let Some(conflict) = conflict {
            self.disowned = true;
            let text = format!(
                "other octets for the same place in the stream as packet {}",
                seen.at.packet.number()
            );
            self.strong(conflict.seen.at.packet, text);
        }
    }
}

/// The TTLs with which an end's own segments arrive.
///
/// A box may answer SYNs for a server and so bear another TTL than the server's own words: both are the address's own.
struct UsualTtl {
    known: Vec<(u8, PacketId)>,
    /// Whether words behind the SYN are among them, of this connection or of others.
    confirmed: bool,
}

impl UsualTtl {
    /// Those of the machine whose address `seen` bears, `seen` itself left out.
    fn of(case: &Case<'_>, side: Side, seen: &Seen) -> Self {
        let facts = &case.attempt.connection;
        let direction = facts.from(side);
        let mut known: Vec<(u8, PacketId)> = Vec::new();
        known.extend(direction.syns.first().map(|syn| (syn.marks.ttl, syn.at.packet)));
        let word = direction.first_word.filter(|word| word.at < seen.at);
        known.extend(word.map(|word| (word.marks.ttl, word.at.packet)));
        let host = case.host(side);
        let itself = direction
            .first_word
            .filter(|word| word.at == seen.at)
            .map(|word| word.marks.ttl);
        let usual = host.and_then(|host| usual_but(host, itself).map(|ttl| (ttl, host.at.packet)));
        known.extend(usual);
        if let (Some(host), true) = (host, known.is_empty()) {
            let (low, high) = host.ttl;
            known.extend([(seen.marks.ttl.clamp(low, high), host.at.packet)]);
        }
        UsualTtl {
            confirmed: word.is_some() || usual.is_some(),
            known,
        }
    }

    /// The one that is nearest to `ttl`, and a packet that shows it.
    fn nearest(&self, ttl: u8) -> Option<(u8, PacketId)> {
        self.known.iter().copied().min_by_key(|(known, _)| known.abs_diff(ttl))
    }
}

/// The host's usual TTL when one word with `itself` is not counted.
pub(super) fn usual_but(host: &Host, itself: Option<u8>) -> Option<u8> {
    let count = |ttl: u8, count: u32| count.saturating_sub(u32::from(itself == Some(ttl)));
    let counts = host.words.iter().map(|&(ttl, words)| (count(ttl, words), ttl));
    let all: u32 = counts.clone().map(|(count, _)| count).sum();
    counts.max().filter(|(count, _)| count * 2 > all).map(|(_, ttl)| ttl)
}

/// Whether a TTL is one that systems begin with: the segment crossed no router before the capture point.
pub(super) fn is_unrouted(ttl: u8) -> bool {
    matches!(ttl, 64 | 128 | 255)
}

/// Nanoseconds as milliseconds, for reading.
pub(super) fn milliseconds(nanoseconds: u64) -> impl fmt::Display {
    fmt::from_fn(move |to| match nanoseconds / 1000 {
        microseconds @ 0..10_000 => write!(to, "{}.{:03} ms", microseconds / 1000, microseconds % 1000),
        microseconds @ 10_000..10_000_000 => write!(to, "{} ms", microseconds / 1000),
        microseconds => write!(to, "{}", seconds(microseconds.saturating_mul(1000))),
    })
}

/// Nanoseconds as seconds, for reading.
pub(super) fn seconds(nanoseconds: u64) -> impl fmt::Display {
    fmt::from_fn(move |to| match nanoseconds / 100_000_000 {
        tenths @ 0..1000 => write!(to, "{}.{} s", tenths / 10, tenths % 10),
        tenths => write!(to, "{} s", tenths / 10),
    })
}

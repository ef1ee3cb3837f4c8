//! Marks of another sender: what a segment bears that the machine whose address it carries would not have written.
//!
//! One mark is a hint: routes change, load balancers answer for others, kernels differ in how they write resets. Two that do
//! not depend on each other make an injection likely; the true end going on as if nothing had happened is nearly proof.

use crate::{
    capture::PacketId,
    diagnosis::rule::{Case, Confidence, Evidence},
    tcp::{Marks, Place, Reset, Seen, Side},
};

/// The marks of one segment, held against those of the machine that its address names.
#[derive(Debug, Default)]
pub struct Foreign {
    /// What speaks for another writer, each mark independent of the others.
    pub marks: Vec<Evidence>,
    /// How many of them are hard to explain in any other way.
    pub strong: u32,
    /// What was compared and agrees: it speaks for the machine itself.
    pub agreeing: Vec<&'static str>,
}

/// A reset that comes in less than this share of the shortest round trip was written nearer than the address it bears.
const SOONER: u64 = 2;
/// Round trips shorter than this, in nanoseconds, measure the machines and not the way.
const SHORTEST_RTT: u64 = 2_000_000;
/// How far a host's IP identification moves between two segments of a connection, at most, if it counts them.
const ID_STRIDE: u16 = 4096;

impl Foreign {
    /// How sure it is that another machine wrote the segment; `None` without any mark.
    pub fn confidence(&self) -> Option<Confidence> {
        match (self.marks.len(), self.strong) {
            (0, _) => None,
            (1, 0) => Some(Confidence::Possible),
            _ => Some(Confidence::Likely),
        }
    }

    /// The marks of a reset.
    pub fn of_reset(case: &Case<'_>, reset: &Reset) -> Self {
        let mut foreign = Foreign::default();
        let packet = reset.seen.at.packet;
        foreign.ttl(case, reset.side, &reset.seen);
        foreign.reset_identification(reset);
        foreign.too_soon(case, reset);
        if let Some(at) = reset.went_on {
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
    pub fn of_segment(case: &Case<'_>, side: Side, seen: &Seen) -> Self {
        let mut foreign = Foreign::default();
        foreign.ttl(case, side, seen);
        foreign.timestamps(case, side, seen);
        foreign.identification(case, side, seen);
        foreign.contradiction(case, side, seen);
        foreign
    }

    fn weak(&mut self, packet: PacketId, text: String) {
        self.marks.push(Evidence { packet, text });
    }

    fn strong(&mut self, packet: PacketId, text: String) {
        self.strong += 1;
        self.weak(packet, text);
    }

    /// The TTL is counted down by every router on the way, so one machine's segments arrive with one value.
    fn ttl(&mut self, case: &Case<'_>, side: Side, seen: &Seen) {
        let Some((own, at)) = own_ttl(case, side, seen) else {
            return;
        };
        let (low, high) = own;
        let ttl = seen.marks.ttl;
        if (low..=high).contains(&ttl) {
            return self.agreeing.push("TTL");
        }
        let usual = if low == high {
            low.to_string()
        } else {
            format!("{low} to {high}")
        };
        self.weak(
            seen.at.packet,
            format!(
                "TTL {ttl}, while segments of this address arrive with {usual} (packet {})",
                at.number()
            ),
        );
    }

    /// Systems count their datagrams or write 0; a number far from the count was written elsewhere.
    fn reset_identification(&mut self, reset: &Reset) {
        if let (Some(id), Some(before)) = (reset.seen.marks.ip_id, reset.ip_id_before)
            && id != 0
            && before != 0
        {
            self.compare_identification(reset.seen.at.packet, id, before);
        }
    }

    fn identification(&mut self, case: &Case<'_>, side: Side, seen: &Seen) {
        let direction = case.attempt.connection.from(side);
        let first = direction
            .data
            .as_ref()
            .map(|data| data.first)
            .filter(|first| first.at < seen.at);
        if let (Some(id), Some(before)) = (seen.marks.ip_id, first.and_then(|first| first.marks.ip_id))
            && before != 0
        {
            self.compare_identification(seen.at.packet, id, before);
        }
    }

    fn compare_identification(&mut self, packet: PacketId, id: u16, before: u16) {
        let stride = id.wrapping_sub(before);
        if stride > ID_STRIDE && before.wrapping_sub(id) > ID_STRIDE {
            self.weak(
                packet,
                format!("IP identification {id:#06x}, while its sender's count stood at {before:#06x}"),
            );
        } else {
            self.agreeing.push("IP identification");
        }
    }

    /// Nothing can come back sooner than the way there and back takes.
    fn too_soon(&mut self, case: &Case<'_>, reset: &Reset) {
        let facts = &case.attempt.connection;
        let rtt = if reset.side == Side::Server {
            facts.server_rtt
        } else {
            facts.client_rtt
        };
        let (Some(rtt), Some(after)) = (rtt.filter(|&rtt| rtt > SHORTEST_RTT), reset.after_other) else {
            return;
        };
        if after < rtt / SOONER {
            let (after, rtt) = (milliseconds(after), milliseconds(rtt));
            let text = format!("it comes {after} after the segment it answers, while the round trip takes {rtt}");
            self.weak(reset.seen.at.packet, text);
        }
    }

    /// Once agreed on, timestamps are in every segment but resets (RFC 7323 section 3.2).
    fn timestamps(&mut self, case: &Case<'_>, side: Side, seen: &Seen) {
        let facts = &case.attempt.connection;
        let offered = |side| {
            let first = facts.from(side).syns.first();
            first.is_some_and(|syn: &Seen| syn.marks.timestamp.is_some())
        };
        let agreed = offered(Side::Client) && offered(Side::Server);
        match (agreed, seen.marks.timestamp) {
            (true, None) => self.strong(
                seen.at.packet,
                "it bears no TCP timestamp, though both ends agreed on them and RFC 7323 wants them in every segment"
                    .to_owned(),
            ),
            (true, Some(_)) => self.agreeing.push("TCP timestamps"),
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
            let text = format!(
                "other octets for the same place in the stream as packet {}",
                seen.at.packet.number()
            );
            self.strong(conflict.seen.at.packet, text);
        }
    }
}

/// The TTLs with which the machine's own segments arrive: of its SYNs here, else of its other connections.
fn own_ttl(case: &Case<'_>, side: Side, seen: &Seen) -> Option<((u8, u8), PacketId)> {
    let facts = &case.attempt.connection;
    let direction = facts.from(side);
    let syn = direction
        .syns
        .first()
        .map(|syn| ((syn.marks.ttl, syn.marks.ttl), syn.at.packet));
    let first = direction.first.filter(|first| first.at < seen.at);
    let here = syn.or(first.map(
        |Seen {
             at,
             marks: Marks { ttl, .. },
         }| ((ttl, ttl), at.packet),
    ));
    here.or_else(|| {
        let host = case.survey.host(facts.endpoint(side).address)?;
        Some((host.ttl, host.at.packet))
    })
}

/// Nanoseconds as milliseconds, for reading.
pub fn milliseconds(nanoseconds: u64) -> String {
    match nanoseconds / 1000 {
        microseconds @ 0..10_000 => format!("{}.{:03} ms", microseconds / 1000, microseconds % 1000),
        microseconds @ 10_000..10_000_000 => format!("{} ms", microseconds / 1000),
        microseconds => seconds(microseconds.saturating_mul(1000)),
    }
}

/// Nanoseconds as seconds, for reading.
pub fn seconds(nanoseconds: u64) -> String {
    let tenths = nanoseconds / 100_000_000;
    if tenths < 1000 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} s", tenths / 10)
    }
}

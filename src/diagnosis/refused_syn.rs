//! A reset in answer to a SYN: who wrote it?

use crate::{
    diagnosis::{
        marks::{Foreign, HOPS, milliseconds, usual_but},
        rule::{Case, Evidence},
    },
    tcp::{Reset, Side},
};

/// Round trips shorter than this, in nanoseconds, measure the machines and not the way.
const SHORTEST_RTT: u64 = 2_000_000;

/// The reset with which the SYN was answered.
pub(super) fn refusal<'a>(case: &Case<'a>) -> Option<&'a Reset> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let never_answered = facts.from_server.syns.is_empty() && !facts.from_client.syns.is_empty();
    facts.reset_by(Side::Server).filter(|_| never_answered)
}

/// What speaks for another writer than the host. The connection has no other segment of the host, so others are compared.
pub(super) fn foreign<'a>(case: &Case<'a>, reset: &Reset) -> &'a Foreign {
    case.known.refuser.get_or_init(|| marks(case, reset))
}

fn marks(case: &Case<'_>, reset: &Reset) -> Foreign {
    let mut foreign = Foreign::default();
    let packet = reset.seen.at.packet;
    ttl(case, reset, &mut foreign);
    let listening = case.listening();
    if let Some(at) = listening.first_answer {
        let again = listening
            .last_answer
            .is_some_and(|last| last > reset.seen.at && at < reset.seen.at);
        let accepts = if again {
            "the same port accepts other connections, before and after"
        } else {
            "the same port accepts other connections"
        };
        foreign.marks.push(Evidence::new(at.packet, accepts));
    }
    if !reset.ack {
        let text = "a host answers a SYN with RST and ACK (RFC 9293 section 3.10.7.1); here ACK is missing";
        foreign.marks.push(Evidence::new(packet, text));
    }
    let rtt = case.host(Side::Server).and_then(|host| host.rtt);
    if let (Some(rtt), Some(after)) = (rtt.filter(|&rtt| rtt > SHORTEST_RTT), reset.round_trip)
        && after < rtt / 2
    {
        let text = format!(
            "it comes {} after the SYN, while the round trip takes {}",
            milliseconds(after),
            milliseconds(rtt)
        );
        foreign.marks.push(Evidence::new(packet, text));
    }
    foreign
}

/// The same port's SYN-ACKs are the best measure; other ports of the address may belong to other machines behind it.
fn ttl(case: &Case<'_>, reset: &Reset, foreign: &mut Foreign) {
    let (ttl, packet) = (reset.seen.marks.ttl, reset.seen.at.packet);
    let own = case.listening();
    let host = case.host(Side::Server);
    let usual = host.and_then(|host| usual_but(host, None));
    if let (Some((low, high)), Some(at)) = (own.ttl, own.first_answer) {
        if (low..=high).contains(&ttl) || usual == Some(ttl) {
            return foreign.agreeing.push("TTL");
        }
        let nearest = ttl.clamp(low, high);
        foreign.strong += u32::from(nearest.abs_diff(ttl) > HOPS);
        let text = format!(
            "TTL {ttl}, while SYN-ACKs of the same port arrive with {nearest} (packet {})",
            at.packet.number()
        );
        foreign.marks.push(Evidence::new(packet, text));
    } else if let Some(host) = host {
        let (low, high) = host.ttl;
        if (low..=high).contains(&ttl) || usual == Some(ttl) {
            return foreign.agreeing.push("TTL");
        }
        let nearest = ttl.clamp(low, high);
        let number = host.at.packet.number();
        let text = format!("TTL {ttl}, while other ports of this address answer with {nearest} (packet {number})");
        foreign.marks.push(Evidence::new(packet, text));
    }
}

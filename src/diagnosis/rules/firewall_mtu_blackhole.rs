//! Full-size segments vanish, small ones pass, and no ICMP says so.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        passage::{FIRST_REPEAT, FITS, is_half_seen, loss, may_be_too_large, name, repeats, times, vanished},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::{Facts, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.mtu-blackhole",
    name: "path MTU black hole",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Tls, Stage::Request, Stage::Response, Stage::Open, Stage::Closed],
    sees: "Segments of full size are sent again and again and never acknowledged, while small ones of the same end pass: the receiver \
           acknowledges the octets before them, or tells by SACK that it has the ones behind. No ICMP \"fragmentation needed\" (or \
           \"packet too big\") comes back. At the receiver: a hole of some full segments, which is never filled.",
    means: "A link on the way (VPN, PPPoE, tunnel, cloud network) carries less than the two ends agreed on. The router before it \
            should tell the sender by ICMP; a filter drops that message, or the router never sends it. Handshakes and short \
            requests work; the first large thing, usually the server's certificates or a large page, stops everything.",
    ladder: "client          narrow link         server\n\
             |--- ClientHello ------------------>|\n\
             |<-- ACK ---------------------------|\n\
             |               X<-- 1448 octets ---|\n\
             |<--------------------- 321 octets -|\n\
             |               X<-- 1448 (again) --|",
    confused_with: &[
        ("network.loss", "sizes are mixed, and repeats come through"),
        (
            "tls.hello-split-dropped",
            "only a ClientHello of two segments is minded",
        ),
        ("tls.handshake-timeout", "the server sends nothing at all"),
        ("firewall.l7-drop-response", "a small answer vanishes"),
    ],
    remedies: &[
        "Let ICMP type 3 code 4 and ICMPv6 type 2 pass all filters on the way (RFC 4890 section 4.3.1).",
        "Clamp the segment size at the narrow link: nft tcp option maxseg size set rt mtu; ip tcp adjust-mss 1360.",
        "Find the size that passes: ping -M do -s 1372 ADDRESS; on the server, sysctl net.ipv4.tcp_mtu_probing=1 helps itself.",
        "Container and VPN interfaces: give them the MTU of what carries them.",
    ],
    references: &[
        "RFC 1191",
        "RFC 8201",
        "RFC 2923 section 2.1",
        "RFC 4821",
        "RFC 4890 section 4.3.1",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    if is_half_seen(case) || was_told(&case.attempt.connection) {
        return None;
    }
    [Side::Server, Side::Client]
        .into_iter()
        .find_map(|side| sent_in_vain(case, side).or_else(|| hole(case, side)))
}

/// Whether a router did say that something was too large.
fn was_told(facts: &Facts) -> bool {
    facts
        .errors
        .iter()
        .any(|error| matches!((error.v6, error.kind, error.code), (false, 3, 4) | (true, 2, _)))
}

/// Seen at the sender: the full-size segment is repeated, small ones pass.
fn sent_in_vain(case: &Case<'_>, side: Side) -> Option<Match> {
    let lost = vanished(case, side).filter(|lost| may_be_too_large(case, side, lost.length))?;
    let direction = case.attempt.connection.from(side);
    let data = direction.data.as_ref()?;
    let behind = data.sacked.map(|at| {
        Evidence::new(
            at.packet,
            format!(
                "by SACK the {} tells that it has later, smaller segments",
                name(side.other())
            ),
        )
    });
    let before = direction.acknowledged_at.filter(|_| direction.acknowledged > 0);
    let before = before.map(|at| Evidence::new(at.packet, "smaller segments before it are acknowledged"));
    let small_pass = behind.is_some() || before.is_some();
    let sure = small_pass && lost.repeats > 1 && loss(case).is_none();
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let who = name(side);
    let summary = format!(
        "A segment of {} octets by the {who} was sent {} and never acknowledged{}.",
        lost.length,
        times(&lost),
        if small_pass { ", while smaller ones pass" } else { "" }
    );
    let found = told(case, confidence, summary)
        .shown_by_all(repeats(case, side, &lost, "a segment of full size, never acknowledged"))
        .shown_by_all(behind)
        .shown_by_all(before);
    Some(found)
}

/// Seen at the receiver: a hole that is never filled, with a smaller segment behind it.
fn hole(case: &Case<'_>, side: Side) -> Option<Match> {
    let facts = &case.attempt.connection;
    let direction = facts.from(side);
    let data = direction.data.as_ref().filter(|data| data.beyond_hole > 0)?;
    let hole = direction
        .sent
        .saturating_sub(data.beyond_hole)
        .saturating_sub(direction.acknowledged);
    let waited = facts
        .last
        .time
        .since(data.last.time)
        .max(case.survey.left_after(data.last));
    // The receiver was heard since, and still waits at the hole: the capture did not merely miss it.
    let waits = facts.from(side.other()).last > Some(data.last);
    if hole <= u64::from(FITS) || waited < FIRST_REPEAT || !waits {
        return None;
    }
    let full = full_segment(facts, side);
    let whole = full.is_some_and(|full| hole % full == 0);
    let confidence = if whole && loss(case).is_none() {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let segments = full
        .filter(|_| whole)
        .map_or("".to_owned(), |full| format!(", {} segments of {full}", hole / full));
    let who = name(side);
    let summary = format!(
        "{hole} octets of the {who}{segments} never arrived, while a smaller segment behind them did; for {} nothing filled the hole.",
        seconds(waited)
    );
    let found = told(case, confidence, summary)
        .shown_by(
            data.last.packet,
            format!("{} octets behind a hole of {hole}", data.beyond_hole),
        )
        .shown_by(facts.last.packet, "the hole is still there");
    Some(found)
}

fn told(case: &Case<'_>, confidence: Confidence, summary: String) -> Match {
    let outcome = if case.attempt.is_upgraded() {
        Outcome::Lost
    } else {
        Outcome::FirewallDrop
    };
    Match::new(confidence, outcome, SaidBy::Firewall, summary)
        .weighing(80)
        .but("Loss by chance hits all sizes; that only the large ones vanish is shown by few segments here.")
}

/// The largest payload of `side`'s segments: what the other end's MSS option allows, less the timestamp option.
fn full_segment(facts: &Facts, side: Side) -> Option<u64> {
    const TIMESTAMP: u16 = 12;
    let own = facts.from(side).options.as_ref()?;
    let mss = facts
        .from(side.other())
        .options
        .as_ref()?
        .mss?
        .min(own.mss.unwrap_or(u16::MAX));
    let stamped = facts
        .from(side)
        .first_word
        .is_some_and(|word| word.marks.timestamp.is_some());
    Some(u64::from(mss.checked_sub(if stamped { TIMESTAMP } else { 0 })?)).filter(|&full| full > 0)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, OPEN, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn only_large_segments_vanish() {
        let ladder = format!("{OPEN} 2 < x1400 lost; 2.3 < again lost; 3 < again lost; 5 < again lost; 9 end");
        assert_eq!(
            told(&ladder),
            ("firewall.mtu-blackhole", Confidence::Likely, Outcome::Lost)
        );
        let small = format!("{OPEN} 2 < x100 lost; 2.3 < again lost; 3 < again lost; 5 < again lost; 9 end");
        assert_ne!(cause(&small), "firewall.mtu-blackhole");
    }

    #[test]
    fn a_size_that_passed_before_is_not_too_large() {
        let passed = "0.3 2< x1420; 0.32 2> A;";
        let ladder =
            format!("{GOOD}{passed}{OPEN} 2 < x1400 lost; 2.3 < again lost; 3 < again lost; 5 < again lost; 9 end");
        assert_ne!(cause(&ladder), "firewall.mtu-blackhole");
    }
}

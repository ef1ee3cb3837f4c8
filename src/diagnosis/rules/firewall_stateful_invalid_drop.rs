//! A stateful box lost or never had the connection: segments in mid-connection vanish or are reset.

use crate::{
    attempt::Stage,
    diagnosis::{
        cut::{SILENCE, cut},
        passage::{alive_after, controls, may_be_too_large, name, repeats, times, vanished},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.stateful-invalid-drop",
    name: "dropped in mid-connection as invalid",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Request, Stage::Open, Stage::Closed],
    sees: "A connection that worked stops from one segment to the next, without a silence before: octets are sent again and again and \
           never acknowledged. The host still speaks on other connections, or still sends on this one and hears nothing.",
    means: "A stateful filter drops segments of connections that are not in its table: because it was restarted or failed over, \
            because its table was full or flushed, because a rule changed, or because it sees only one direction of the traffic \
            (asymmetric routing) and takes the numbers for invalid.",
    ladder: "client             box             server\n\
             |<== session ======================>|\n\
             |       (box loses its state)       |\n\
             |--- data --------->X               |\n\
             |--- data (again) ->X               |",
    confused_with: &[
        ("firewall.idle-timeout", "the cut comes after a silence"),
        ("network.loss", "segments get lost before and after, and recover"),
        ("firewall.mtu-blackhole", "only full-size segments vanish"),
        (
            "firewall.l7-drop-after-request",
            "only the upgrade request vanishes, ordinary requests pass",
        ),
    ],
    remedies: &[
        "Ask for restarts, failovers, rule changes and full tables of the firewalls on the way at this second \
         (nf_conntrack: table full; conntrack -S shows invalid).",
        "Synchronise the state of redundant firewalls (conntrackd, pfsync, HA session pickup).",
        "With asymmetric routes, lead both directions through the same box; do not log only, but look at drops of state INVALID.",
    ],
    references: &[
        "nf_conntrack sysctl: nf_conntrack_tcp_loose, nf_conntrack_tcp_be_liberal",
        "RFC 9293 section 3.8",
    ],
    check,
};

/// Attempts at the same server that are looked through.
const LOOKED_AT: usize = 64;

fn check(case: &Case<'_>) -> Option<Match> {
    match case.attempt.stage {
        Stage::Request => behind_the_handshake(case),
        _ => in_session(case),
    }
}

fn in_session(case: &Case<'_>) -> Option<Match> {
    let cut = cut(case)?;
    if may_be_too_large(case, cut.side, cut.lost.length) {
        return None;
    }
    let alive = alive_after(case, cut.lost.last);
    let one_way = cut.other_spoke.map(|at| {
        Evidence::new(
            at.packet,
            format!(
                "the {} still speaks on this connection, and has heard nothing",
                name(cut.side.other())
            ),
        )
    });
    let sure = (alive.is_some() || one_way.is_some()) && cut.lost.silence < SILENCE;
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let who = name(cut.side);
    let summary = format!(
        "In mid-session the {who}'s octets were sent {} and never acknowledged.",
        times(&cut.lost)
    );
    let found = Match::new(confidence, Outcome::Lost, SaidBy::Firewall, summary)
        .weighing(50)
        .shown_by_all(repeats(
            case,
            cut.side,
            &cut.lost,
            "octets of the session, never acknowledged",
        ))
        .shown_by_all(one_way)
        .shown_by_all(alive)
        .but("A host or a line that failed at this moment would look the same, if nothing else of it is seen.");
    Some(found)
}

/// Nothing behind the handshake passes, whatever it is.
fn behind_the_handshake(case: &Case<'_>) -> Option<Match> {
    let lost = vanished(case, Side::Client).filter(|lost| lost.repeats > 1)?;
    let facts = &case.attempt.connection;
    let attempts = case.survey.at_server(facts.server).take(LOOKED_AT);
    let same = attempts.filter(|other| {
        let client = &other.connection.from_client;
        client.acknowledged == 0 && client.unheard().is_some_and(|lost| lost.repeats > 1)
    });
    let count = same.count();
    let served = case.listening().first_payload.is_some();
    if count < 2 || served || !controls(case).is_empty() || facts.from_client.acknowledged > 0 {
        return None;
    }
    let summary = format!("On {count} connections the handshake passed and nothing behind it.");
    let found = Match::new(Confidence::Possible, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .shown_by_all(repeats(
            case,
            Side::Client,
            &lost,
            "octets behind the handshake, never acknowledged",
        ))
        .but("Only a capture at the server tells whether the box drops all, or what it reads in the request.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, OPEN, told},
        rule::{Confidence, Outcome},
    };

    const DEAD: &str = "1.5 > x20 lost; 1.8 > again lost; 2.5 > again lost; 4 > again lost;";

    #[test]
    fn the_host_lives_and_the_session_is_dead() {
        let alive = format!("{GOOD}{OPEN}{DEAD} 8 2> x20; 8.02 2< A");
        assert_eq!(
            told(&alive),
            ("firewall.stateful-invalid-drop", Confidence::Likely, Outcome::Lost)
        );
        assert_eq!(told(&format!("{OPEN}{DEAD} 9 end")).1, Confidence::Possible);
    }

    #[test]
    fn one_direction_lives() {
        let one_way = format!("{OPEN}{DEAD} 5 < x20; 5.001 > A; 6 < x20; 6.001 > A");
        assert_eq!(
            told(&one_way),
            ("firewall.stateful-invalid-drop", Confidence::Likely, Outcome::Lost)
        );
    }
}

//! A reset with marks of another sender.

use crate::{
    attempt::Stage,
    diagnosis::{
        injected::{first_spoken_is_tls, forged_reset},
        passage::{controls, name},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.rst-injected",
    name: "injected reset",
    guide: Some(Guide::Firewall),
    stages: &[
        Stage::Connect,
        Stage::Tls,
        Stage::Request,
        Stage::Response,
        Stage::Open,
        Stage::Closed,
    ],
    sees: "A reset ends the connection, and it bears marks of another machine than the one whose address it carries: another TTL, an \
           IP identification out of its sender's count, a time shorter than the way takes, a form or a place in the sequence space \
           that the true end would not use. Or the true end goes on as if it had sent none.",
    means: "A box on the way wrote the reset in the name of one end, or of both: intrusion prevention, application control, \
            censorship, or a stateful filter that rejects with tcp-reset. One mark alone is a hint: load balancers and NAT have \
            TTLs of their own. Two independent ones make it likely; a true end that goes on proves it.",
    ladder: "client             box             server\n\
             |--- GET, Upgrade ->|               |\n\
             |<-- RST -----------| (TTL of box)  |\n\
             |                   |--- RST ------>|",
    confused_with: &[
        (
            "server.reset-after-request",
            "the reset has the server's own TTL, count and form",
        ),
        ("firewall.sni-rst", "the same, in answer to the ClientHello"),
        ("firewall.reject-rst", "the reset answers the SYN"),
        (
            "firewall.idle-timeout",
            "it comes when a long silence ends: a box has forgotten the connection",
        ),
        (
            "session.abnormal-close",
            "a reset by one of the two ends after the switch",
        ),
    ],
    remedies: &[
        "Capture at both ends: each then shows a reset from the other, which the other did not send.",
        "Count the hops by the reset's TTL: 64, 128 or 255 minus TTL is the distance of its author, if it did not choose another.",
        "Ask for IPS or application control at that distance, and allow WebSocket for this server; use wss://.",
    ],
    references: &[
        "Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets (NDSS 2009)",
        "Raman et al.: Global, Passive Detection of Connection Tampering (SIGCOMM 2023)",
        "RFC 9293 section 3.5.2, RFC 5961, RFC 3360",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let (reset, foreign) = forged_reset(case)?;
    let confidence = foreign.confidence()?;
    // A true answer that comes after the forged reset comes too late.
    let answered = attempt
        .response
        .as_ref()
        .is_none_or(|response| response.last.at < reset.seen.at);
    let late = attempt.is_upgraded() && answered;
    let whole = attempt.response.as_ref().is_some_and(|response| response.complete);
    // After a whole answer, or in a session, ends reset for reasons of their own: a hint is not enough.
    let hint = confidence == Confidence::Possible;
    if hint && (late || attempt.response.is_some()) || !late && whole && answered {
        return None;
    }
    let side = name(reset.side);
    let marks = foreign.marks.len();
    let s = if marks == 1 { "" } else { "s" };
    let summary = format!("A reset in the {side}'s name bears {marks} mark{s} of another sender.");
    let outcome = if late { Outcome::Lost } else { Outcome::FirewallDrop };
    let weight = match () {
        // By its form alone a reset may just as well come from a host that lost the connection.
        () if hint && foreign.by_form => 5,
        () if hint => 40,
        // Where the ClientHello was due, the rule for it is nearer to the point.
        () if first_spoken_is_tls(case) => 70,
        () => 75,
    };
    let asked = attempt.request.as_ref().map(|request| request.last.at.packet);
    let found = Match::new(confidence, outcome, SaidBy::Firewall, summary)
        .weighing(weight)
        .shown_by(reset.seen.at.packet, format!("reset in the {side}'s name"))
        .shown_by_all(foreign.marks)
        .shown_by_all(asked.map(|packet| Evidence::new(packet, "the request before it")))
        .shown_by_all(if late { Vec::new() } else { controls(case) });
    Some(found.but("Load balancers, NAT and anycast may answer for an end with marks of their own."))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, OPEN, PLAIN, SHAKEN, cause, told, verdict},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn marks_are_counted() {
        let asked = format!("{GOOD}{SHAKEN} 1.021 > GET; 1.041 < A;");
        let reset = |how: &str| told(&format!("{asked} 1.05 < {how}"));
        let found = "firewall.rst-injected";
        assert_ne!(reset("RA").0, found);
        // Its number is the next of the server's count.
        assert_ne!(reset("RA ttl=56").0, found);
        assert_eq!(
            reset("RA ttl=56 id=0"),
            (found, Confidence::Possible, Outcome::FirewallDrop)
        );
        assert_eq!(
            reset("RA ttl=56 id=9"),
            (found, Confidence::Likely, Outcome::FirewallDrop)
        );
        assert_eq!(reset("RA ttl=112"), (found, Confidence::Likely, Outcome::FirewallDrop));
        assert_eq!(reset("R ttl=56"), (found, Confidence::Likely, Outcome::FirewallDrop));
        assert_eq!(
            reset("RA ttl=112; 1.06 < 101"),
            (found, Confidence::Confirmed, Outcome::FirewallDrop)
        );
    }

    #[test]
    fn nothing_comes_back_sooner_than_the_way_takes() {
        let sooner = |how: &str| told(&format!("{SHAKEN} 1.021 > GET; 1.0211 < {how}"));
        let found = "firewall.rst-injected";
        assert_eq!(sooner("RA id=0"), (found, Confidence::Possible, Outcome::FirewallDrop));
        assert_eq!(sooner("RA ttl=60"), (found, Confidence::Likely, Outcome::FirewallDrop));
        // The reset does not answer the request: it was on its way already.
        let crossing = format!("{SHAKEN} 1.021 > GET lost; 1.0211 < RA");
        assert_ne!(cause(&crossing), "firewall.rst-injected");
    }

    #[test]
    fn a_reset_that_overtakes_is_not_disowned() {
        let ladder = format!("{SHAKEN} 1.021 > GET; 1.041 < A; 1.05 < RA on=40; 1.051 < x40");
        assert_ne!(cause(&ladder), "firewall.rst-injected");
    }

    #[test]
    fn a_box_that_answers_syns_for_a_server_is_no_forger() {
        let asked = "1 > S; 1.02 < SA ttl=238; 1.021 > A; 1.022 > GET; 1.042 < A ttl=47;";
        assert_ne!(cause(&format!("{asked} 1.05 < RA ttl=47")), "firewall.rst-injected");
        let one_mark = told("1 > S; 1.02 < SA ttl=238; 1.021 > A; 1.022 > GET; 1.05 < RA ttl=47");
        assert_eq!(one_mark.1, Confidence::Possible);
    }

    #[test]
    fn a_client_that_closed_may_reset_what_comes_late() {
        let late = "1.3 > F; 1.31 < 403; 1.311 > R id=9; 1.312 > R id=10";
        assert_ne!(
            cause(&format!("{PLAIN}{SHAKEN} 1.021 > GET; 1.041 < A; {late}")),
            "firewall.rst-injected"
        );
    }

    #[test]
    fn a_session_is_lost_by_a_forged_reset_only() {
        assert_eq!(told(&format!("{OPEN} 2 < RA ttl=112 id=9")).2, Outcome::Lost);
        assert_eq!(verdict(&format!("{OPEN} 2 > RA")).outcome, Outcome::Upgraded);
    }
}

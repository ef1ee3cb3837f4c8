//! An HTTP answer with marks of another sender than the server.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::Foreign,
        passage::{controls, is_half_seen},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.block-page",
    name: "block page of a box on the way",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Response],
    sees: "The answer bears marks of another machine than the server: its TTL differs from that of the handshake, it lacks the TCP \
           timestamp that both ends agreed on, it comes sooner than the way takes; or the true server's answer follows for the same \
           place in the stream. Or the page is one that a web filter is known to write.",
    means: "A transparent box on the way (web filter, IPS, captive portal) answered in the server's name. The server may never have \
            seen the request; its logs show nothing, or a reset.",
    ladder: "client             box             server\n\
             |--- GET, Upgrade ->|               |\n\
             |<-- 403, FIN ------| (TTL of box)  |\n\
             |                   |--- RST ------>|",
    confused_with: &[
        ("authz.policy", "the server itself refuses, with its own marks"),
        (
            "waf.block",
            "the box is the one that the name leads to, in front of the server, and ends the connection itself",
        ),
        (
            "proxy.deny-rule",
            "a reverse proxy refuses; all its segments bear one TTL",
        ),
    ],
    remedies: &[
        "Do not look for it in the application: ask for the web filter or IPS on the way.",
        "Compare with a request from another network, or over wss://: a transparent box cannot write into TLS.",
        "Capture at the server: it gets no request, or a reset in the client's name.",
    ],
    references: &[
        "RFC 7323 section 3.2",
        "RFC 9110 section 15.5.4",
        "OONI: blocking fingerprints",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    forged(case).or_else(|| known_page(case))
}

/// The marks of the segment tell.
fn forged(case: &Case<'_>) -> Option<Match> {
    let response = case.attempt.response.as_ref().filter(|_| !is_half_seen(case))?;
    let foreign = Foreign::of_answer(case, &response.first);
    let confidence = match foreign.strong {
        2.. => Confidence::Confirmed,
        _ => foreign.confidence()?,
    };
    let marks = foreign.marks.len();
    let s = if marks == 1 { "" } else { "s" };
    let status = response.head.status;
    let summary = format!("The answer {status} bears {marks} mark{s} of another sender than the server.");
    let weight = if confidence == Confidence::Possible { 30 } else { 90 };
    let found = Match::new(confidence, Outcome::of_status(status), SaidBy::Firewall, summary)
        .weighing(weight)
        .shown_by(
            response.first.at.packet,
            format!("the answer {status} in the server's name"),
        )
        .shown_by_all(foreign.marks)
        .shown_by_all(controls(case))
        .but("Load balancers and proxies in front of the server answer with marks of their own.");
    Some(found)
}

/// The page is one of those that web filters write.
fn known_page(case: &Case<'_>) -> Option<Match> {
    let response = case.attempt.response.as_ref()?;
    case.author.evokes.as_deref().filter(|&cause| cause == RULE.id)?;
    let program = case.author.program.as_deref().unwrap_or("a web filter");
    let confidence = if case.author.sure {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let summary = format!("The answer {} is the block page of {program}.", response.head.status);
    let marks = case.author.marks.iter().take(4);
    let marks = marks.map(|mark| Evidence::new(response.first.at.packet, mark.clone()));
    let found = Match::new(
        confidence,
        Outcome::of_status(response.head.status),
        SaidBy::Firewall,
        summary,
    )
    .weighing(80)
    .shown_by(response.first.at.packet, "the page")
    .shown_by_all(marks)
    .but("The page may be quoted or copied by somebody else.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, SHAKEN, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn the_page_is_not_the_servers() {
        let asked = format!("{GOOD}{SHAKEN} 1.021 > GET;");
        let page = told(&format!("{asked} 1.05 < 403 ttl=56 bare"));
        assert_eq!(page, ("firewall.block-page", Confidence::Likely, Outcome::Server403));
        assert_eq!(
            told(&format!("{asked} 1.05 < 403 ttl=112 bare")).1,
            Confidence::Confirmed
        );
        assert_ne!(cause(&format!("{asked} 1.041 < A; 1.05 < 403")), "firewall.block-page");
        // A box answers SYNs for the server: its own acknowledgement bears the TTL of the page.
        assert_ne!(
            cause("1 > S; 1.02 < SA ttl=238; 1.021 > A; 1.022 > GET; 1.042 < A; 1.05 < 403"),
            "firewall.block-page"
        );
    }
}

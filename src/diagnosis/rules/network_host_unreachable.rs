//! ICMP 3/1 or ICMPv6 1/3, or ARP/ND without an answer on the capture's own link.

use crate::{
    attempt::Stage,
    diagnosis::{
        icmp::{Message, ended_by, v4, v6},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "network.host-unreachable",
    name: "host unreachable",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "An ICMP message \"host unreachable\" (type 3 code 1, 7 or 12; ICMPv6 type 1 code 3) comes back and quotes a segment of this \
           connection; or ARP (IPv6: neighbour solicitation) asks for the server on the capture's own link and nobody answers.",
    means: "The last router before the server asked for it on its link and got no answer: the host is down, unplugged, or has \
            another address. The way up to there is open.",
    ladder: "client            router           (server)\n\
             |--- SYN ---------->|--- who has? -->X\n\
             |                   |--- who has? -->X\n\
             |<-- ICMP 3/1 ------|",
    confused_with: &[
        (
            "firewall.silent-drop-syn",
            "nothing comes back, while the host answers ARP or other connections",
        ),
        ("network.no-route", "the router does not even know the network"),
    ],
    remedies: &[
        "Is the server up, and is this its address? Ask it from a machine on its own link: arping, ip neigh, ping.",
        "A filter can be told to answer so as well (REJECT with icmp-host-unreachable): look at the machine that sent the message.",
    ],
    references: &[
        "RFC 1812 section 5.2.7.1",
        "RFC 4443 section 3.1",
        "RFC 826",
        "RFC 4861 section 7.2.2",
    ],
    check,
};

const MESSAGES: &[Message] = &[
    v4(3, 1, "host unreachable"),
    v4(3, 7, "destination host unknown"),
    v4(3, 12, "host unreachable for this type of service"),
    v6(1, 3, "address unreachable"),
];
/// One question may be lost; resolvers ask three times before they give up (RFC 4861 section 10, MAX_MULTICAST_SOLICIT).
const QUESTIONS: u32 = 2;

fn check(case: &Case<'_>) -> Option<Match> {
    ended_by(case, MESSAGES, Outcome::Unreachable, SaidBy::Network).or_else(|| not_at_home(case))
}

/// Nobody answers to the server's address on the link that was captured.
fn not_at_home(case: &Case<'_>) -> Option<Match> {
    let facts = &case.attempt.connection;
    let asked = case.survey.neighbour(facts.server.address)?;
    let (first, last) = (asked.first_question?, asked.last_question?);
    let unheard = facts.from_server.first.is_none() && facts.resets.is_empty() && asked.last_answer.is_none();
    if !unheard || asked.questions < QUESTIONS {
        return None;
    }
    let address = facts.server.address;
    let summary = format!(
        "Nobody answers to {address} on its own link: it was asked for {} times.",
        asked.questions
    );
    let found = Match::new(Confidence::Likely, Outcome::Unreachable, SaidBy::Network, summary)
        .weighing(70)
        .shown_by(facts.first.packet, "SYN, never answered")
        .shown_by(first.packet, format!("the first question for {address}"))
        .shown_by(
            last.packet,
            format!("the last of {} questions, none of them answered", asked.questions),
        )
        .but("Answers to ARP or ND may go another way than past the capture point.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::told,
        rule::{Confidence, Outcome},
    };

    #[test]
    fn icmp_proves_it_and_silence_to_arp_makes_it_likely() {
        let silence = "1 > S lost; 2 > S lost; 4 > S lost;";
        let (likely, confirmed) = (Confidence::Likely, Confidence::Confirmed);
        let unreachable = |confidence| ("network.host-unreachable", confidence, Outcome::Unreachable);
        assert_eq!(told(&format!("1.1 arp; 2.1 arp; {silence} 9 end")), unreachable(likely));
        assert_eq!(told(&format!("{silence} 4.1 > S icmp=3/1")), unreachable(confirmed));
    }
}

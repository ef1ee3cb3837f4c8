//! ICMP 11/0: a routing loop or too small a TTL.

use crate::{
    attempt::Stage,
    diagnosis::{
        icmp::{Message, ended_by, v4, v6},
        rule::{Case, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "network.ttl-exceeded",
    name: "TTL exceeded",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "An ICMP message \"time exceeded in transit\" (type 11 code 0; ICMPv6 type 3 code 0) comes back and quotes a segment of this \
           connection.",
    means: "The segment was passed on until its TTL was used up. With a usual TTL of 64 or more that is a routing loop: two \
            routers each think the other knows the way. With a very small TTL the client (or a tool such as traceroute) asked \
            for it.",
    ladder: "client          router A <-> router B\n\
             |--- SYN ---------->|----->|\n\
             |                   |<-----|  ... until TTL 0\n\
             |<-- ICMP 11/0 -----|",
    confused_with: &[("network.no-route", "the router knows at once that there is no way")],
    remedies: &[
        "Run traceroute (tracert) to the server: the routers that take turns in its last lines make the loop.",
        "If the client sets a small TTL of its own (IP_TTL, IP_UNICAST_HOPS), remove that.",
    ],
    references: &["RFC 792", "RFC 1812 section 5.3.1", "RFC 4443 section 3.3"],
    check,
};

const MESSAGES: &[Message] = &[
    v4(11, 0, "time to live exceeded in transit"),
    v6(3, 0, "hop limit exceeded in transit"),
];

fn check(case: &Case<'_>) -> Option<Match> {
    ended_by(case, MESSAGES, Outcome::Unreachable, SaidBy::Network)
}

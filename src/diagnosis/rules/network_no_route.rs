//! ICMP 3/0 or ICMPv6 1/0.

use crate::{
    attempt::Stage,
    diagnosis::{
        icmp::{Message, ended_by, v4, v6},
        rule::{Case, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "network.no-route",
    name: "no route",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "An ICMP message \"network unreachable\" (type 3 code 0, 6 or 11; ICMPv6 type 1 code 0 or 2) comes back and quotes a segment \
           of this connection.",
    means: "The router that sent it has no route to the server's network. The address may be wrong, a route or a tunnel may be \
            down, or the network may not be announced where the client is.",
    ladder: "client            router           server\n\
             |--- SYN ---------->|\n\
             |<-- ICMP 3/0 ------|",
    confused_with: &[
        (
            "network.host-unreachable",
            "the network is known, the host in it does not answer",
        ),
        ("firewall.icmp-admin-prohibited", "the route is known and forbidden"),
    ],
    remedies: &[
        "Look at the routing table of the router that sent the message: ip route get ADDRESS.",
        "Check the server's name: does it resolve to an address that is reachable from here (VPN, IPv6 without a way out)?",
    ],
    references: &["RFC 792", "RFC 1812 section 5.2.7.1", "RFC 4443 section 3.1"],
    check,
};

const MESSAGES: &[Message] = &[
    v4(3, 0, "network unreachable"),
    v4(3, 6, "destination network unknown"),
    v4(3, 11, "network unreachable for this type of service"),
    v6(1, 0, "no route to the destination"),
    v6(1, 2, "beyond the scope of the source address"),
];

fn check(case: &Case<'_>) -> Option<Match> {
    ended_by(case, MESSAGES, Outcome::Unreachable, SaidBy::Network)
}

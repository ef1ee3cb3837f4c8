//! ICMP 3/3 or ICMPv6 1/4 to TCP: a reject rule, since hosts answer TCP with a reset.

use crate::{
    attempt::Stage,
    diagnosis::{
        icmp::{Message, ended_by, v4, v6},
        rule::{Case, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.icmp-port-unreachable",
    name: "port unreachable (ICMP) to TCP",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "An ICMP message \"port unreachable\" (type 3 code 3, or \"protocol unreachable\", code 2; ICMPv6 type 1 code 4) comes back \
           and quotes a TCP segment of this connection.",
    means: "A host without a listener answers TCP with a reset, not with ICMP (RFC 9293 section 3.10.7.1). Port unreachable to TCP \
            is what the REJECT rule of Linux packet filters sends if nothing else is asked for. So a filter did it, on the way or \
            on the server itself.",
    ladder: "client            filter           server\n\
             |--- SYN ---------->|\n\
             |<-- ICMP 3/3 ------|",
    confused_with: &[
        ("server.port-closed", "a reset, not ICMP, from the host itself"),
        ("firewall.icmp-host-prohibited", "the same by code 10"),
    ],
    remedies: &[
        "Look for the REJECT rule on the machine that sent the ICMP message: iptables -L -n -v, nft list ruleset.",
        "If that is the server itself, open the port in its host firewall; the service behind it may be in good health.",
    ],
    references: &[
        "RFC 9293 section 3.10.7.1",
        "RFC 1122 section 3.2.2.1",
        "RFC 4443 section 3.1",
        "iptables-extensions(8): REJECT",
    ],
    check,
};

const MESSAGES: &[Message] = &[
    v4(3, 3, "port unreachable"),
    v4(3, 2, "protocol unreachable"),
    v6(1, 4, "port unreachable"),
];

fn check(case: &Case<'_>) -> Option<Match> {
    ended_by(case, MESSAGES, Outcome::FirewallDrop, SaidBy::Firewall)
}

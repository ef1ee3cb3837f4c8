//! ICMP 3/9 or 3/10 that quotes the segment.

use crate::{
    attempt::Stage,
    diagnosis::{
        icmp::{Message, ended_by, v4},
        rule::{Case, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.icmp-host-prohibited",
    name: "network or host prohibited (ICMP)",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "An ICMP message \"destination network (or host) administratively prohibited\" (type 3 code 9 or 10) comes back and quotes \
           a segment of this connection.",
    means: "A filter rejects this traffic and says so. Linux distributions close their default rule set with such a rule \
            (REJECT with icmp-host-prohibited), so it often means that nobody opened the port on the server's own firewall.",
    ladder: "client            filter           server\n\
             |--- SYN ---------->|\n\
             |<-- ICMP 3/10 -----|",
    confused_with: &[
        ("firewall.icmp-admin-prohibited", "the same by code 13"),
        (
            "network.host-unreachable",
            "code 1: the host does not answer on its own link",
        ),
    ],
    remedies: &[
        "If the message comes from the server's own address, open the port there: firewall-cmd --add-port=8080/tcp, or an ACCEPT \
         rule before the last REJECT.",
        "If it comes from a router, ask for the rule there.",
    ],
    references: &[
        "RFC 1122 section 3.2.2.1",
        "RFC 1812 section 5.2.7.1",
        "firewalld, default zone",
    ],
    check,
};

const MESSAGES: &[Message] = &[
    v4(
        3,
        9,
        "communication with the destination network is administratively prohibited",
    ),
    v4(
        3,
        10,
        "communication with the destination host is administratively prohibited",
    ),
];

fn check(case: &Case<'_>) -> Option<Match> {
    ended_by(case, MESSAGES, Outcome::FirewallDrop, SaidBy::Firewall)
}

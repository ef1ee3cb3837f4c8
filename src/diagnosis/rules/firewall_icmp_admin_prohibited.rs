//! ICMP 3/13 or ICMPv6 1/1 that quotes the segment.

use crate::{
    attempt::Stage,
    diagnosis::{
        icmp::{Message, ended_by, v4, v6},
        rule::{Case, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.icmp-admin-prohibited",
    name: "administratively prohibited (ICMP)",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "An ICMP message \"communication administratively prohibited\" (type 3 code 13; ICMPv6 type 1 code 1, 5 or 6) comes back. \
           It quotes a segment of this connection: the same addresses and ports.",
    means: "A router or a host's filter has a rule that rejects this traffic, and says so. The sender of the ICMP message is the \
            machine with the rule. Systems give up at once on this message over IPv4; over IPv6 many try again first.",
    ladder: "client            router           server\n\
             |--- SYN ---------->|\n\
             |<-- ICMP 3/13 -----|",
    confused_with: &[
        ("firewall.icmp-host-prohibited", "the same by code 9 or 10"),
        (
            "network.no-route",
            "a router that does not know the way, not one that forbids it",
        ),
        ("firewall.silent-drop-syn", "the filter says nothing at all"),
    ],
    remedies: &[
        "Ask for the rule on the machine that sent the ICMP message: it is named in the evidence.",
        "Linux: nft list ruleset or iptables -L -n -v, look for reject with icmpx admin-prohibited; ip route show type prohibit.",
        "Cisco: an access list with deny answers so, unless no ip unreachables is set.",
    ],
    references: &["RFC 1812 section 5.2.7.1", "RFC 4443 section 3.1", "RFC 792"],
    check,
};

const MESSAGES: &[Message] = &[
    v4(3, 13, "communication administratively prohibited"),
    v6(1, 1, "communication with the destination administratively prohibited"),
    v6(1, 5, "the source address failed the ingress or egress policy"),
    v6(1, 6, "reject route to the destination"),
];

fn check(case: &Case<'_>) -> Option<Match> {
    ended_by(case, MESSAGES, Outcome::FirewallDrop, SaidBy::Firewall)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{OPEN, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn a_quotation_is_proof() {
        let told_by = told("1 > S; 1.01 > S icmp=3/13; 2 end");
        assert_eq!(
            told_by,
            (
                "firewall.icmp-admin-prohibited",
                Confidence::Confirmed,
                Outcome::FirewallDrop
            )
        );
        assert_eq!(cause("1 > S; 1.01 > S icmp=3/10"), "firewall.icmp-host-prohibited");
        assert_eq!(cause("1 > S; 1.01 > S icmp=3/3"), "firewall.icmp-port-unreachable");
        assert_eq!(cause("1 > S; 1.01 > S icmp=3/0"), "network.no-route");
        assert_eq!(cause("1 > S; 1.01 > S icmp=11/0"), "network.ttl-exceeded");
    }

    #[test]
    fn a_message_that_stopped_nothing_is_no_cause() {
        assert_eq!(cause(&format!("{OPEN} 1.2 > A icmp=3/13; 1.3 > x20; 1.32 < A")), "none");
        assert_ne!(
            cause("1 > S; 1.01 > S icmp=3/13; 1.02 < SA; 1.03 > A; 1.04 > GET; 1.06 < 403"),
            "firewall.icmp-admin-prohibited"
        );
    }
}

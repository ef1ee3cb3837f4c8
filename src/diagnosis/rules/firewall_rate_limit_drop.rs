//! The first connections pass, later SYNs of the same client go unanswered.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        passage::loss,
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
        silent_syn::{SilentSyns, evidence, silent_syns},
    },
    survey::Opening,
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.rate-limit-drop",
    name: "connections dropped by a rate limit",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect],
    sees: "Several connections of a client to one port pass in quick succession. Then its SYNs go unanswered; some of them pass when \
           they are sent again a little later, others never.",
    means: "A filter counts new connections per source and drops what exceeds a rate: nft limit, iptables hashlimit, recent or \
            connlimit, cloud protection against floods. Such a filter looks at the clock and not at the connection. So the very \
            SYN that was dropped passes after a while, and it lets only few through while it drops; a filter with a rule against \
            a connection drops all its SYNs, and lets all others pass meanwhile.",
    ladder: "client            filter           server\n\
             |--- SYN 1 ------------------------>|\n\
             |--- SYN 2 ------------------------>|\n\
             |--- SYN 3 -------->X\n\
             |--- SYN 4 -------->X\n\
             |--- SYN 3 (after 1 s) ------------>|",
    confused_with: &[
        (
            "firewall.silent-drop-syn",
            "the SYNs of one connection never pass, while others pass at the same time",
        ),
        (
            "server.accept-queue-full",
            "the connections before were accepted and stay unserved",
        ),
        (
            "network.loss",
            "octets of established connections have to be repeated as well",
        ),
        ("limits.rate", "the server itself answers, with status 429 or 503"),
    ],
    remedies: &[
        "Ask for the limit on the filters in front of the server: nft limit rate, hashlimit, recent --hitcount, connlimit.",
        "Let the client open fewer connections at once, and wait longer from try to try (backoff with jitter).",
        "Clients behind one NAT address share one count: raise the limit for them.",
    ],
    references: &[
        "nft(8): limit",
        "iptables-extensions(8): hashlimit, recent, connlimit",
        "RFC 6298 section 5.5",
    ],
    check,
};

/// Limits count per second, per minute, or ban for a while: as far back connections count, in nanoseconds.
const WINDOW: u64 = 60_000_000_000;
/// Connections that passed in quick succession before the first was dropped: fewer than this many are no burst.
const BURST: usize = 3;
/// Connections before and after that are looked at.
const LOOKED_AT: usize = 128;

fn check(case: &Case<'_>) -> Option<Match> {
    let syns = silent_syns(case).filter(|syns| syns.count > 1)?;
    let around = Around::of(case, &syns)?;
    let confidence = around.confidence()?;
    if loss(case).is_some() || case.listening().overflowed.is_some() {
        return None;
    }
    let summary = format!(
        "{} connections of this client passed within {}, then its SYNs were dropped: a limit on the rate of connections.",
        around.passed.len(),
        seconds(around.took(&syns))
    );
    let first = around
        .passed
        .first()
        .map(|opening| told(opening, "the first of the connections that passed before"));
    let mixed = around.mixed.map(|opening| {
        let text =
            "of this connection too the first SYN was ignored, and a later one passed: the filter goes by the clock";
        told(opening, text)
    });
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(70)
        .shown_by_all(first)
        .shown_by_all(evidence(case))
        .shown_by_all(mixed)
        .but("A rule that was added at this moment, or a host that stopped answering, would drop the later SYNs as well.");
    Some(found)
}

fn told(opening: &Opening, text: &'static str) -> Evidence {
    Evidence::new(opening.first.packet, text)
}

/// The client's other connections to the same port, around the one that failed.
struct Around<'a> {
    /// Passed at the first SYN, before.
    passed: Vec<&'a Opening>,
    /// Passed, but not at the first SYN.
    mixed: Option<&'a Opening>,
    /// SYNs that passed between this connection's first SYN and its last.
    let_through: u32,
    /// SYNs that were dropped in that time, as far as can be told, this connection's own among them.
    dropped: u32,
    /// Whether another of its connections was dropped as well: one alone is no rate.
    again: bool,
}

impl<'a> Around<'a> {
    fn of(case: &Case<'a>, syns: &SilentSyns) -> Option<Self> {
        let facts = &case.attempt.connection;
        let openings = case.survey.openings(facts.client.address, facts.server);
        let place = openings.partition_point(|opening| opening.first < syns.first);
        let (before, after) = openings.split_at(place);
        let before = before.get(before.len().saturating_sub(LOOKED_AT)..)?;
        let near = |opening: &&Opening| syns.first.time.since(opening.first.time) < WINDOW;
        let at_once = |opening: &&Opening| opening.answered.is_some() && opening.syns == 1;
        let late = |opening: &&Opening| {
            opening
                .answered
                .is_some_and(|at| opening.syns > 1 && at > opening.first)
        };
        let passed = before.iter().filter(near).filter(at_once).collect();
        let others = || before.iter().filter(near).chain(after.iter().take(LOOKED_AT));
        let during = |opening: &&Opening| opening.last >= syns.first && opening.first <= syns.last;
        let answered = |opening: &Opening| u32::from(opening.answered.is_some());
        let let_through = others()
            .filter(during)
            .filter(|opening| opening.first != syns.first)
            .map(answered)
            .sum();
        let dropped = others()
            .filter(during)
            .map(|opening| opening.syns.saturating_sub(answered(opening)))
            .sum();
        Some(Around {
            passed,
            mixed: others().find(late),
            again: others().any(|opening| opening.answered.is_none() && opening.first != syns.first),
            let_through,
            dropped,
        })
    }

    /// Like a limit: it lets through after a burst, by the clock, and fewer than it drops.
    fn confidence(&self) -> Option<Confidence> {
        let few = self.let_through <= self.dropped;
        match self.mixed {
            _ if !few || self.passed.len() < 2 => None,
            Some(_) => Some(Confidence::Likely),
            None if self.again && self.passed.len() >= BURST && self.let_through == 0 && self.burst() => {
                Some(Confidence::Likely)
            }
            None => None,
        }
    }

    /// Whether those that passed came in quick succession, not as a trickle that no limit would mind.
    fn burst(&self) -> bool {
        const QUICK: u64 = 10_000_000_000;
        let last = self
            .passed
            .len()
            .checked_sub(BURST)
            .and_then(|from| self.passed.get(from..))
            .unwrap_or_default();
        last.first()
            .zip(last.last())
            .is_some_and(|(first, last)| last.first.time.since(first.first.time) < QUICK)
    }

    /// How long the connections that passed took, up to the first SYN that was dropped.
    fn took(&self, syns: &SilentSyns) -> u64 {
        self.passed
            .first()
            .map_or(0, |first| syns.first.time.since(first.first.time))
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{cause, of_client_port, told},
        rule::{Confidence, Outcome},
    };

    /// A connection from port 40000 + `n`, answered.
    fn passes(n: u32, at: f64) -> String {
        format!("{at} {n}> S; {} {n}< SA; {} {n}> A;", at + 0.01, at + 0.011)
    }

    #[test]
    fn a_filter_that_goes_by_the_clock_is_a_limit() {
        let before = passes(2, 0.0) + &passes(3, 0.1);
        let mixed = "0.2 4> S lost; 1.2 4> S; 1.21 4< SA; 1.211 4> A;";
        let ladder = format!("{before}{mixed} 1.3 > S lost; 2.3 > S lost; 4.3 > S lost; 9 end");
        assert_eq!(
            told(&ladder),
            ("firewall.rate-limit-drop", Confidence::Likely, Outcome::FirewallDrop)
        );
    }

    #[test]
    fn a_burst_and_then_nothing_is_a_limit() {
        let before: String = (2..6).map(|n| passes(n, f64::from(n) / 10.0)).collect();
        let dropped = "1.3 > S lost; 2.3 > S lost; 4.3 > S lost;";
        let again = "1.4 7> S lost; 2.4 7> S lost; 4.4 7> S lost;";
        assert_eq!(
            cause(&format!("{before} {dropped} {again} 9 end")),
            "firewall.rate-limit-drop"
        );
        // One alone is no rate.
        assert_eq!(cause(&format!("{before} {dropped} 9 end")), "firewall.silent-drop-syn");
    }

    #[test]
    fn a_filter_that_lets_all_others_pass_is_none() {
        let before: String = (2..6).map(|n| passes(n, f64::from(n) / 10.0)).collect();
        let meanwhile: String = (10..16).map(|n| passes(n, f64::from(n) / 5.0)).collect();
        let verdict = of_client_port(
            &format!("{before}{meanwhile} 1.3 > S lost; 2.3 > S lost; 2.95 > S lost"),
            40_001,
        );
        assert_eq!(verdict.cause.unwrap().rule.id, "firewall.silent-drop-syn");
    }
}

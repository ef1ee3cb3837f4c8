//! Sessions that were cut: octets that nobody hears any more, and silences that boxes on the way do not survive.

use crate::{
    diagnosis::{
        passage::{FIRST_REPEAT, vanished},
        rule::{Case, Evidence},
    },
    tcp::{At, Reset, Side, Unheard},
};

/// A session on which one end speaks and is not heard any more.
pub(super) struct Cut {
    /// Who speaks.
    pub(super) side: Side,
    /// What it says in vain.
    pub(super) lost: Unheard,
    /// The other end's latest word, if it went on to speak while it heard nothing.
    pub(super) other_spoke: Option<At>,
}

/// A silence shorter than this, in nanoseconds, is no silence.
pub(super) const SILENCE: u64 = 2_000_000_000;
/// Idle times, in seconds, after which makers' documentation says that connections are forgotten or closed.
const KNOWN: &[(u64, &str)] = &[
    (30, "a usual limit of proxies and load balancers"),
    (
        60,
        "the limit of AWS Application Load Balancer and of nginx proxy_read_timeout",
    ),
    (100, "the limit of Cloudflare's proxy"),
    (240, "the limit of Azure Load Balancer and NAT Gateway"),
    (270, "the limit of Cloudflare's secure web gateway"),
    (300, "the limit of Envoy's streams"),
    (
        350,
        "the limit of AWS NAT Gateway, Network Load Balancer and Network Firewall",
    ),
    (600, "the limit of Google Cloud's VPC connection tracking"),
    (900, "the limit of Linux IPVS"),
    (1200, "the limit of Google Cloud NAT"),
    (1800, "the limit of Juniper SRX"),
    (3600, "the limit of Cisco, FortiGate and Palo Alto firewalls"),
    (7200, "the limit of VMware NSX gateways, and when TCP keep-alive begins"),
];

/// The session's cut, if there is one: octets sent again and again, none of them acknowledged, and the other end did not close.
pub(super) fn cut(case: &Case<'_>) -> Option<Cut> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let switched = attempt
        .response
        .as_ref()
        .is_none_or(|response| facts.from_server.acknowledged >= response.span.1);
    if !attempt.is_upgraded() || !switched {
        return None;
    }
    [Side::Client, Side::Server].into_iter().find_map(|side| {
        let lost = vanished(case, side)?;
        let other = facts.from(side.other());
        let tried = lost.repeats > 1 || lost.last.time.since(lost.first.time) >= FIRST_REPEAT;
        let closed = other.fin.is_some() || facts.reset_by(side.other()).is_some();
        // What was on its way when the cut came does not count.
        let spoke = other.data.as_ref().map(|data| data.last);
        let other_spoke = spoke.filter(|at| at.time.since(lost.first.time) > FIRST_REPEAT / 2);
        (tried && !closed).then_some(Cut {
            side,
            lost,
            other_spoke,
        })
    })
}

/// A reset that ends a silence.
pub(super) struct ResetAfterSilence<'a> {
    /// The reset.
    pub(super) reset: &'a Reset,
    /// Nanoseconds of silence before it, or before the octets that it answers.
    pub(super) silence: u64,
    /// The octets that it answers; without them it came by itself.
    pub(super) answers: Option<At>,
}

/// A reset that answers the first octets after a silence, or comes in the silence: some boxes reset both ends when they forget.
pub(super) fn reset_after_silence<'a>(case: &Case<'a>) -> Option<ResetAfterSilence<'a>> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let closed = facts.from_client.fin.is_some() || facts.from_server.fin.is_some();
    if !attempt.is_upgraded() || closed {
        return None;
    }
    let answer = || {
        let (side, silence) = facts.fatal_silence()?;
        let (reset, spoken) = (facts.reset_by(side.other())?, facts.from(side).oldest_in_flight()?.at);
        // Nothing but the octets themselves, or their repeat, came before it.
        let first = reset.seen.at > spoken && reset.after_own.is_none_or(|own| own >= silence);
        first.then_some(ResetAfterSilence {
            reset,
            silence,
            answers: Some(spoken),
        })
    };
    let alone = || {
        let reset = facts.resets.first()?;
        Some(ResetAfterSilence {
            reset,
            silence: reset.after_own?.min(reset.after_other?),
            answers: None,
        })
    };
    answer().or_else(alone).filter(|found| found.silence >= SILENCE)
}

/// Which box is known to forget connections after such a silence (in nanoseconds), and after how many seconds.
pub(super) fn known(silence: u64) -> Option<(u64, &'static str)> {
    let seconds = silence / 1_000_000_000;
    // What speaks next speaks some time after the limit, and soon enough to tell it from the next one.
    KNOWN
        .iter()
        .copied()
        .find(|&(limit, _)| (limit..=limit + limit / 20 + 1).contains(&seconds))
}

/// Other sessions with the same server that did not survive a silence of the same length: how many.
pub(super) fn repeated(case: &Case<'_>, silence: u64) -> usize {
    let silences = case.survey.silences(case.attempt.connection.server.address);
    let alike = silences
        .iter()
        .filter(|other| other.abs_diff(silence) <= silence / 20 + 1_000_000_000);
    alike.count().saturating_sub(1)
}

/// A longer silence that a connection between the same hosts survived: it speaks against a limit.
pub(super) fn survived(case: &Case<'_>, silence: u64) -> Option<Evidence> {
    let facts = &case.attempt.connection;
    let path = case.survey.path(facts.client.address, facts.server.address);
    let idle = path.survived.filter(|idle| idle.length() > silence)?;
    let length = super::marks::seconds(idle.length());
    let text = format!("a connection between the same hosts goes on after {length} of silence");
    Some(Evidence::new(idle.to.packet, text))
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn a_silence_is_known_by_the_limit_just_below_it() {
        let limit = |seconds: u64| known(seconds * 1_000_000_000).map(|(limit, _)| limit);
        assert_eq!(
            [limit(349), limit(350), limit(367), limit(420)],
            [None, Some(350), Some(350), None]
        );
        assert_eq!(limit(60), Some(60));
    }
}

//! A session that was idle for T is silently dead, or reset, at its next segment.

use crate::{
    attempt::Stage,
    diagnosis::{
        cut::{ResetAfterSilence, SILENCE, cut, known, repeated, reset_after_silence, survived},
        marks::{Foreign, seconds},
        passage::{alive_after, name, repeats, times},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.idle-timeout",
    name: "forgotten after an idle time",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Open, Stage::Closed],
    sees: "The session was upgraded and worked. Then nothing was sent for a time T. The next octets are sent again and again and never \
           acknowledged, or are answered by a reset; or a reset comes by itself. No FIN came before.",
    means: "NAT, firewalls and load balancers keep a table of connections, and forget those that are idle. They tell nobody. What \
            comes later belongs to no known connection and is dropped or reset. If T is the same on several sessions, or one of \
            the known limits, that is nearly a signature: 60 s, 240 s, 350 s (AWS NAT and NLB), 600 s (Google Cloud), 3600 s.",
    ladder: "client             box             server\n\
             |<== session ======================>|\n\
             |       (nothing for T)             |\n\
             |--- data --------->X               |\n\
             |--- data (again) ->X               |",
    confused_with: &[
        ("proxy.idle-timeout", "an orderly FIN exactly T after the last octet"),
        ("firewall.stateful-invalid-drop", "the same without a silence before it"),
        (
            "session.ping-timeout",
            "an end closes because its pings stay unanswered: often the consequence of this",
        ),
        ("network.loss", "other connections lose segments as well, and recover"),
        (
            "server.not-accepting",
            "a host that was restarted answers with a reset of its own TTL",
        ),
    ],
    remedies: &[
        "Send WebSocket pings at less than half of T: websockets ping_interval=20, uvicorn --ws-ping-interval 20, ws heartbeat.",
        "Raise the limit on the box, or let it send resets when it forgets: FortiGate session-ttl, ASA timeout conn, AWS NLB idle timeout.",
        "TCP keep-alive helps only if its interval is below T; its default of two hours is not.",
    ],
    references: &[
        "RFC 5382 section 5 (REQ-5)",
        "AWS: NAT gateway, Network Load Balancer and Network Firewall idle timeout (350 s)",
        "Google Cloud: VPC connection tracking (10 min), Cloud NAT (20 min)",
        "Azure Load Balancer: TCP reset and idle timeout (4 min)",
        "Cisco Secure Firewall, PAN-OS and FortiOS: session timeouts (1 h)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    silently(case).or_else(|| by_reset(case))
}

fn silently(case: &Case<'_>) -> Option<Match> {
    let facts = &case.attempt.connection;
    let cut = cut(case)?;
    let silence = cut.lost.silence;
    // A longer silence on the same connection, before this one, was survived.
    let longer = facts
        .idle
        .filter(|idle| idle.to < cut.lost.first && idle.length() > silence)
        .is_some();
    if silence < SILENCE || longer {
        return None;
    }
    let alive = alive_after(case, cut.lost.last);
    let (repeated, known, survived) = (repeated(case, silence), known(silence), survived(case, silence));
    let supported = repeated > 0 || known.is_some() || alive.is_some();
    let confidence = if supported && survived.is_none() {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let who = name(cut.side);
    let summary = format!(
        "After {} of silence the {who}'s next octets were sent {} and never acknowledged{}.",
        seconds(silence),
        times(&cut.lost),
        limit(known, repeated)
    );
    let found = Match::new(confidence, Outcome::Lost, SaidBy::Firewall, summary)
        .weighing(70)
        .shown_by_all(repeats(
            case,
            cut.side,
            &cut.lost,
            &format!("the first octets after {} of silence", seconds(silence)),
        ))
        .shown_by_all(alive)
        .but(match survived {
            Some(survived) => format!("Against it: {}.", survived.text),
            None => {
                "A host or a line that failed during the silence would look the same on a single session.".to_owned()
            }
        });
    Some(found)
}

fn by_reset(case: &Case<'_>) -> Option<Match> {
    let ResetAfterSilence {
        reset,
        silence,
        answers,
    } = reset_after_silence(case)?;
    let foreign = Foreign::of_reset(case, reset);
    let (repeated, known) = (repeated(case, silence), known(silence));
    // Without any of these it is an end that gave up; programs that mind idle sessions close them in order, with FIN.
    let supports = foreign.marks.len() + usize::from(repeated > 0) + usize::from(known.is_some());
    let confidence = match supports {
        0 => return None,
        1 => Confidence::Possible,
        _ => Confidence::Likely,
    };
    let how = match answers {
        Some(_) => "the next octets were answered by a reset",
        None => "a reset came by itself",
    };
    let summary = format!(
        "After {} of silence {how}: a box has forgotten the connection{}.",
        seconds(silence),
        limit(known, repeated)
    );
    let spoken = answers.map(|at| {
        Evidence::new(
            at.packet,
            format!("the first octets after {} of silence", seconds(silence)),
        )
    });
    let found = Match::new(confidence, Outcome::Lost, SaidBy::Firewall, summary)
        .weighing(85)
        .shown_by_all(spoken)
        .shown_by(reset.seen.at.packet, format!("a reset in the {}'s name", name(reset.side)))
        .shown_by_all(foreign.marks)
        .but("A host that was restarted during the silence has forgotten the connection too, and answers with its own TTL.");
    Some(found)
}

fn limit(known: Option<(u64, &str)>, repeated: usize) -> String {
    let known = known
        .map(|(limit, whose)| format!("; {limit} s is {whose}"))
        .unwrap_or_default();
    match repeated {
        0 => known,
        1 => format!("{known}; another session died after a silence of the same length"),
        count => format!("{known}; {count} other sessions died after a silence of the same length"),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{OPEN, cause, told},
        rule::{Confidence, Outcome},
    };

    const DEAD: &str = "352 > x20 lost; 352.3 > again lost; 353 > again lost; 355 > again lost; 380 end";

    #[test]
    fn a_known_limit_makes_it_likely() {
        assert_eq!(
            told(&format!("{OPEN}{DEAD}")),
            ("firewall.idle-timeout", Confidence::Likely, Outcome::Lost)
        );
        let by_reset = told(&format!("{OPEN} 352 > x20; 352.02 < R ttl=60"));
        assert_eq!(by_reset, ("firewall.idle-timeout", Confidence::Likely, Outcome::Lost));
        let to_both = told(&format!("{OPEN} 241.2 < R; 241.201 > R"));
        assert_eq!(to_both, ("firewall.idle-timeout", Confidence::Likely, Outcome::Lost));
    }

    #[test]
    fn without_a_silence_it_is_something_else() {
        let ladder = format!("{OPEN} 1.5 > x20 lost; 1.8 > again lost; 2.5 > again lost; 4 > again lost; 9 end");
        assert_ne!(cause(&ladder), "firewall.idle-timeout");
    }

    #[test]
    fn a_session_that_is_merely_open_is_well() {
        assert_eq!(cause(&format!("{OPEN} 400 end")), "none");
        assert_eq!(cause(&format!("{OPEN} 352 > x20; 352.01 end")), "none");
        assert_eq!(
            cause(&format!("{OPEN} 352 > x20 lost; 352.3 > again; 352.32 < A")),
            "none"
        );
    }
}

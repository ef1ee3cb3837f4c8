//! Handshake fine; the upgrade request is repeated and never acknowledged.

use crate::{
    attempt::Stage,
    diagnosis::{
        passage::{alive_after, controls, loss, may_be_too_large, near, repeats, times, vanished},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.l7-drop-after-request",
    name: "request dropped after the handshake",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Request],
    sees: "The TCP handshake completes. The client sends its request, and sends it again after growing pauses; the server never \
           acknowledges an octet of it.",
    means: "A host acknowledges what it gets, whether or not a program reads it. So the request never arrived, while the segments \
            of the handshake did. Filters that look into the payload work like that: they let the handshake through, read the \
            request, and drop it and its repeats. If a plain GET passes between the same hosts, the upgrade is what they mind.",
    ladder: "client            filter           server\n\
             |--- SYN, SYN-ACK, ACK ------------>|\n\
             |--- GET, Upgrade -->X              |\n\
             |--- GET, Upgrade -->X  (again)     |\n\
             |--- GET, Upgrade -->X  (again)     |",
    confused_with: &[
        (
            "firewall.mtu-blackhole",
            "only full-size segments vanish; a request of a few hundred octets is never too large",
        ),
        (
            "server.no-answer",
            "the request is acknowledged; the program does not answer",
        ),
        (
            "server.accept-queue-full",
            "the server repeats its SYN-ACK, as if the handshake were not complete",
        ),
        (
            "firewall.rst-injected",
            "a capture at the server shows a forged reset; at the client it may look just like this",
        ),
        (
            "firewall.stateful-invalid-drop",
            "nothing behind the handshake passes, on any connection",
        ),
        ("network.loss", "other connections lose segments as well, and recover"),
    ],
    remedies: &[
        "Ask for application control, IPS or DPI on the way, and allow WebSocket (application id \"websocket\") for this server.",
        "Use wss:// on port 443: a filter that cannot look inside TLS cannot mind the Upgrade field.",
        "Capture at the server: if the handshake is there and the request is not, something between the two took it.",
    ],
    references: &[
        "RFC 9293 section 3.8",
        "RFC 6298 section 5",
        "Cloudflare Radar: TCP resets and timeouts (Post-ACK, Post-PSH)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let request = case
        .attempt
        .request
        .as_ref()
        .filter(|_| case.attempt.response.is_none())?;
    let lost = vanished(case, Side::Client).filter(|lost| lost.offset < request.span.1)?;
    let controls = controls(case);
    let (loss, alive) = (loss(case), alive_after(case, lost.last));
    let too_large = may_be_too_large(case, Side::Client, lost.length);
    // Four sendings are not lost by chance, and a host that dies just then is a rare thing.
    let supported = !controls.is_empty() || alive.is_some() || lost.repeats > 3;
    let sure = lost.repeats > 1 && supported && loss.is_none() && !too_large;
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let plain = controls.iter().any(|control| control.text.contains("ordinary"));
    let passes = if plain {
        ", while an ordinary request passes"
    } else {
        ""
    };
    let summary = format!(
        "The handshake completed; the request was sent {} and never acknowledged{passes}.",
        times(&lost)
    );
    let doubt = match (loss, too_large) {
        (Some(loss), _) => format!("Loss explains it as well: {}.", loss.text),
        (_, true) => "The segment is a large one; a link with a small MTU would drop it as well.".to_owned(),
        _ => "A capture at the server would show whether the request was dropped, or the server was reset in the client's name.".to_owned(),
    };
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(60)
        .shown_by_all(repeats(case, Side::Client, &lost, "the request, never acknowledged"))
        .shown_by_all(controls)
        .shown_by_all(alive)
        .but(doubt);
    Some(match near(case) {
        Some(Side::Server) => found.advising(
            "The request was captured near the server: it came so far. Look at that host's own firewall, and whether the host hangs.",
        ),
        _ => found,
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, PLAIN, SHAKEN, cause, told},
        rule::{Confidence, Outcome},
    };

    const DROPPED: &str = "1.021 > GET lost; 1.3 > again lost; 1.9 > again lost; 3 > again lost; 9 end";

    #[test]
    fn the_request_alone_vanishes() {
        let (found, likely) = ("firewall.l7-drop-after-request", Confidence::Likely);
        assert_eq!(
            told(&format!("{PLAIN}{SHAKEN}{DROPPED}")),
            (found, likely, Outcome::FirewallDrop)
        );
        assert_eq!(
            told(&format!("{GOOD}{SHAKEN}{DROPPED}")),
            (found, likely, Outcome::FirewallDrop)
        );
        assert_eq!(told(&format!("{SHAKEN}{DROPPED}")).1, Confidence::Possible);
    }

    #[test]
    fn before_a_repeat_was_due_nothing_is_said() {
        assert_eq!(
            cause(&format!("{SHAKEN} 1.021 > GET lost; 1.2 end")),
            "capture.ended-early"
        );
    }
}

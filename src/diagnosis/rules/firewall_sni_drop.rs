//! The ClientHello is repeated and never acknowledged, where another name (or another time) passes.

use crate::{
    attempt::Stage,
    diagnosis::{
        hello::{asked_name, other_names},
        passage::{alive_after, loss, may_be_too_large, repeats, times, vanished},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.sni-drop",
    name: "ClientHello dropped",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Tls],
    sees: "The TCP handshake completes. The client sends its ClientHello, and sends it again after growing pauses; the server never \
           acknowledges an octet of it.",
    means: "A host acknowledges what it gets. So the ClientHello never arrived, while the segments of the TCP handshake did. A \
            filter that reads the name in it (SNI), or minds TLS itself, drops it and its repeats. If another name passes to the \
            same address, the name is what it minds.",
    ladder: "client            filter           server\n\
             |--- SYN, SYN-ACK, ACK ------------>|\n\
             |--- ClientHello --->X              |\n\
             |--- ClientHello --->X  (again)     |",
    confused_with: &[
        (
            "tls.hello-split-dropped",
            "a ClientHello of more than one segment (post-quantum key shares) is dropped, small ones pass",
        ),
        (
            "firewall.mtu-blackhole",
            "all full-size segments vanish, not only the ClientHello",
        ),
        (
            "tls.handshake-timeout",
            "the ClientHello is acknowledged; nobody answers it",
        ),
        ("firewall.sni-rst", "a reset comes back"),
        ("server.accept-queue-full", "the server repeats its SYN-ACK"),
    ],
    remedies: &[
        "Ask for URL, SNI or TLS filters on the way, and have the server's name allowed.",
        "Try another name that leads to the same server: openssl s_client -connect ADDRESS:443 -servername OTHER.",
        "Capture at the server: if the handshake is there and no ClientHello, something between the two took it.",
    ],
    references: &[
        "RFC 6066 section 3 (SNI)",
        "RFC 9293 section 3.8",
        "Cloudflare Radar: TCP resets and timeouts (Post-ACK, Post-PSH)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let tls = case.attempt.tls.as_ref().filter(|tls| tls.server_first.is_none())?;
    let lost = vanished(case, Side::Client).filter(|lost| lost.offset < tls.hello_end.max(1))?;
    let (other, alive, loss) = (other_names(case), alive_after(case, lost.last), loss(case));
    let large = tls.hello_segments > 1 || may_be_too_large(case, Side::Client, lost.length);
    let supported = other.is_some() || alive.is_some() || lost.repeats > 3;
    let sure = lost.repeats > 1 && supported && loss.is_none() && !large;
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let hello = match asked_name(case.attempt) {
        Some(name) => format!("The ClientHello for {name}"),
        None => "The ClientHello".to_owned(),
    };
    let summary = format!(
        "{hello} was sent {} and never acknowledged, though the TCP handshake completed.",
        times(&lost)
    );
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(65)
        .shown_by_all(repeats(
            case,
            Side::Client,
            &lost,
            "the ClientHello, never acknowledged",
        ))
        .shown_by_all(other)
        .shown_by_all(alive)
        .but(match loss {
            Some(loss) => format!("Loss explains it as well: {}.", loss.text),
            None if large => {
                "The ClientHello is large; its size may be what was minded, not the name in it.".to_owned()
            }
            None => "That the name was minded is shown only where another name passes.".to_owned(),
        });
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, SHAKEN, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn the_hello_vanishes() {
        let ladder = format!(
            "{GOOD}{SHAKEN} 1.021 > HELLO lost; 1.3 > again lost; 2 > again lost; 4 > again lost; 7 > again lost"
        );
        assert_eq!(
            told(&ladder),
            ("firewall.sni-drop", Confidence::Likely, Outcome::FirewallDrop)
        );
    }
}

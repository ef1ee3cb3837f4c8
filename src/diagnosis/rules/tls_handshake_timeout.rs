//! The handshake stood still until one end had enough.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        tls_handshake::{AT_ONCE, Ending, PATIENCE, Reached},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.handshake-timeout",
    name: "TLS handshake timed out",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The ClientHello is acknowledged, and no answer to it comes; after a pause one end leaves. Or a later flight is left \
           waiting in the same way.",
    means: "The server's operating system has the ClientHello, and its program does not answer: it is stuck, overloaded, has all its \
            workers busy, waits for a backend, or what listens there speaks a protocol in which the client is to wait for more.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- ACK ----------------------|\n\
             |          (silence)           |\n\
             |--- FIN --------------------->|",
    confused_with: &[
        (
            "firewall.sni-drop",
            "there the ClientHello is not acknowledged and is sent again and again",
        ),
        (
            "tls.hello-split-dropped",
            "there a part of a long ClientHello is not acknowledged",
        ),
        ("tls.client-closed", "the client leaves before an answer was due"),
        (
            "capture.ended-early",
            "nothing ended the handshake; the capture stopped",
        ),
    ],
    remedies: &[
        "Look at the server's program: is it running, are its threads or its event loop busy, does it wait for a backend (TLS \
         passthrough) that does not answer?",
        "Try the port with openssl s_client: if nothing comes either, it may not speak TLS at all.",
    ],
    references: &[
        "RFC 8446 section 4",
        "nginx: client_header_timeout (also of the TLS handshake)",
        "HAProxy: timeout client",
    ],
    check,
};

/// A silence of this length, in nanoseconds, is worth telling even if nobody has ended it.
const ENDLESS: u64 = 30_000_000_000;

fn check(case: &Case<'_>) -> Option<Match> {
    let Some(ending) = Ending::of(case) else {
        return endless(case);
    };
    let waited = ending.waited();
    let rtt = case.attempt.connection.rtt().unwrap_or(0);
    // An answer takes a round trip, and its first loss another second (RFC 6298).
    let due = AT_ONCE.saturating_add(rtt.saturating_mul(2));
    if ending.alert(ending.by).is_some() || waited < due {
        return None;
    }
    let pause = seconds(waited);
    let (confidence, summary) = match (ending.by, ending.reached) {
        (Side::Client, Reached::Hello) if ending.hello_arrived() => (
            Confidence::Likely,
            format!("The server acknowledged the ClientHello and never answered it; the client left after {pause}."),
        ),
        (Side::Server, Reached::Hello) if ending.hello_arrived() => (
            if waited >= PATIENCE {
                Confidence::Likely
            } else {
                Confidence::Possible
            },
            format!("The server did not answer the ClientHello, and closed after {pause}."),
        ),
        (Side::Server, Reached::Answer | Reached::Flight) => (
            if waited >= PATIENCE {
                Confidence::Likely
            } else {
                Confidence::Possible
            },
            format!("The client did not answer the server's flight, and the server closed after {pause}."),
        ),
        (Side::Client, Reached::Answer) => (
            Confidence::Possible,
            format!("The server's flight stopped half-way, and the client left after {pause}."),
        ),
        (Side::Client, Reached::Reply) if !ending.asked_nothing() => (
            Confidence::Likely,
            format!("The server did not finish the handshake after the client's part; the client left after {pause}."),
        ),
        _ => return None,
    };
    Some(
        ending
            .found(confidence, summary)
            .weighing(60)
            .but("Another cause may have kept one end from answering."),
    )
}

/// Nobody has ended it, but an answer would have come long ago.
fn endless(case: &Case<'_>) -> Option<Match> {
    let (attempt, facts) = (case.attempt, &case.attempt.connection);
    let tls = attempt.tls.as_deref()?;
    let hello = tls.client_hello?;
    let silent = facts.from_server.data.is_none() && facts.resets.is_empty() && facts.from_client.fin.is_none();
    let arrived = tls.hello_end > 0 && facts.from_client.acknowledged >= tls.hello_end;
    let waited = case.survey.left_after(hello.at);
    if !silent || !arrived || facts.from_server.fin.is_some() || waited < ENDLESS {
        return None;
    }
    let summary = format!(
        "The server acknowledged the ClientHello and had not answered it {} later.",
        seconds(waited)
    );
    let found = Match::new(Confidence::Possible, Outcome::Undetermined, SaidBy::Unknown, summary);
    let found = found
        .shown_by(hello.at.packet, "ClientHello, never answered")
        .weighing(60);
    Some(found.but("Nothing ended the handshake before the end of the capture."))
}

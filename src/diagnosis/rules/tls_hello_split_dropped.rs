//! A ClientHello of several segments goes unanswered, where short ones pass.

use crate::{
    attempt::{Attempt, Stage, Tls},
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        tls_handshake::{Ending, PATIENCE, Reached},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.hello-split-dropped",
    name: "split ClientHello not understood",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The ClientHello takes two segments or more, as it does with a post-quantum key share (about 1200 octets more). A later \
           segment is sent again and again and never acknowledged; or all of it is acknowledged, and the server closes, resets or \
           stays silent. ClientHellos of one segment are answered.",
    means: "A box that inspects TLS, or a server that reads only once, takes the first segment for the whole ClientHello. It waits, drops \
            the rest or gives up. TCP allows any cut: the fault is in the box or the server, and larger ClientHellos bring it out.",
    ladder: "client                        server\n\
             |--- ClientHello, part 1 ----->|\n\
             |--- ClientHello, part 2 ->X   |\n\
             |<-- ACK of part 1 ------------|\n\
             |--- part 2 again -------->X   |",
    confused_with: &[
        (
            "firewall.mtu-blackhole",
            "there the full segments are lost and the short last one arrives",
        ),
        (
            "firewall.sni-drop",
            "there short ClientHellos with the same name are dropped as well",
        ),
        ("network.loss", "a repeat arrives in the end"),
    ],
    remedies: &[
        "Update the box or server; until then, let the client leave out the post-quantum key share (Chromium: \
         PostQuantumKeyAgreementEnabled; Go: GODEBUG=tlsmlkem=0; OpenSSL: -groups X25519; Firefox: security.tls.enable_kyber).",
        "Test with openssl s_client, once with a short and once with a long list of groups.",
    ],
    references: &[
        "tldr.fail",
        "RFC 9293 section 3.8 (a stream has no message borders)",
        "draft-ietf-tls-ecdhe-mlkem",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let tls = case.attempt.tls.as_deref().filter(|tls| tls.hello_segments > 1)?;
    let client = &case.attempt.connection.from_client;
    let (short, long) = controls(case);
    // A split ClientHello that passes shows that neither the way nor the server minds.
    if long || tls.server_first.is_some() || tls.hello_end == 0 || case.attempt.connection.is_one_sided() {
        return None;
    }
    if client.acknowledged >= tls.hello_end {
        not_understood(case, tls, short)
    } else {
        dropped(case, tls, short)
    }
}

/// All of it arrived, and the server could not make use of it.
fn not_understood(case: &Case<'_>, tls: &Tls, short: Option<&Attempt>) -> Option<Match> {
    let ending = Ending::of(case).filter(|ending| ending.reached == Reached::Hello)?;
    let given_up = ending.left(Side::Server) || ending.waited() >= PATIENCE;
    if !given_up || short.is_none() && !post_quantum(tls) {
        return None;
    }
    let (confidence, weight) = if short.is_some() {
        (Confidence::Likely, 65)
    } else {
        (Confidence::Possible, 40)
    };
    let summary = format!(
        "The ClientHello took {} segments, and the server could not make use of it.",
        tls.hello_segments
    );
    let mut found = ending.found(confidence, summary).weighing(weight);
    found.said_by = SaidBy::Application;
    Some(with_control(found, short).but("Nothing shows that a shorter ClientHello would be answered."))
}

/// A part of it never arrived.
fn dropped(case: &Case<'_>, tls: &Tls, short: Option<&Attempt>) -> Option<Match> {
    /// Repeats that make mere loss unlikely.
    const REPEATS: usize = 2;
    let facts = &case.attempt.connection;
    let client = &facts.from_client;
    let repeats: Vec<_> = client
        .repeats_unacknowledged()
        .filter(|repeat| repeat.offset >= client.acknowledged)
        .collect();
    let begun = client.acknowledged > 0;
    // Duplicate acknowledgements show that later, shorter segments arrive: that is another matter (firewall.mtu-blackhole).
    let mute = facts.from_server.segments == u64::from(facts.from_server.syns.count());
    if repeats.len() < REPEATS || !begun && (!mute || short.is_none() && !post_quantum(tls)) {
        return None;
    }
    let confidence = if short.is_some() {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let summary = match begun {
        true => format!(
            "The first part of a ClientHello of {} segments arrived; the rest was dropped on the way.",
            tls.hello_segments
        ),
        false => format!(
            "A ClientHello of {} segments was dropped on the way.",
            tls.hello_segments
        ),
    };
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary);
    let found = match tls.client_hello {
        Some(hello) => found.shown_by(
            hello.at.packet,
            format!("the end of a ClientHello of {} octets", tls.hello_end),
        ),
        None => found,
    };
    let found = match client.acknowledged_at.filter(|_| begun) {
        Some(at) => found.shown_by(
            at.packet,
            format!(
                "the server acknowledges {} octets of it and no more",
                client.acknowledged
            ),
        ),
        None => found,
    };
    let found = match repeats.last() {
        Some(last) => found.shown_by(last.seen.at.packet, "the missing part once more, in vain"),
        None => found,
    };
    Some(
        with_control(found, short)
            .weighing(65)
            .but("Nothing shows that a shorter ClientHello would arrive."),
    )
}

fn with_control(found: Match, short: Option<&Attempt>) -> Match {
    match short.and_then(|other| other.tls.as_ref()?.client_hello) {
        Some(hello) => found.shown_by(hello.at.packet, "a ClientHello of one segment, and it is answered"),
        None => found,
    }
}

/// A handshake with this server that passed with a ClientHello of one segment, and whether one of several passed.
fn controls<'a>(case: &Case<'a>) -> (Option<&'a Attempt>, bool) {
    let segments = |other: &&Attempt| other.tls.as_ref().map_or(0, |tls| tls.hello_segments);
    let passed = || case.survey.handshakes_at(case.attempt.connection.server);
    (
        passed().find(|other| segments(other) == 1),
        passed().any(|other| segments(&other) > 1),
    )
}

fn post_quantum(tls: &Tls) -> bool {
    tls.facts
        .client_hello
        .as_ref()
        .is_some_and(|hello| hello.has_post_quantum_share())
}

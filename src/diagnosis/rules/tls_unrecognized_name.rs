//! The server does not know the name that the client asks for.

use crate::{
    attempt::{Attempt, Stage, Tls},
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, Reached, server_name},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.unrecognized-name",
    name: "server name not known",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The server answers the ClientHello with the alert unrecognized_name (112). Or it answers with another alert (40, 80), while \
           the same offer passes at the same server with another name.",
    means: "The server picks its site by the name in the ClientHello (SNI), and has none of that name (RFC 6066 section 3). Servers \
            that have no alert for it say handshake_failure (40) or internal_error (80).",
    ladder: "client                          server\n\
             |--- ClientHello (name) -------->|\n\
             |<-- Alert unrecognized_name ----|",
    confused_with: &[
        (
            "tls.hostname-mismatch",
            "there the server shows the certificate of another name, and the client leaves",
        ),
        ("tls.no-shared-cipher", "alert 40 whatever the name"),
        (
            "firewall.sni-fake-alert",
            "the alert was written by a machine on the way: its TTL or its numbers are not the server's",
        ),
    ],
    remedies: &[
        "Configure the name at the server or proxy that ends TLS (nginx: server_name and ssl_certificate; HAProxy: crt-list; \
         Traefik and Caddy: the route's host), or let the client use a name that is configured.",
        "If the client connects by address or through a tunnel, let it send the public name as SNI.",
    ],
    references: &[
        "RFC 6066 section 3",
        "nginx: ssl_reject_handshake",
        "HAProxy: strict-sni",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let asked = match server_name(ending.tls) {
        Some(name) => format!("the name {name}"),
        None => "a client that asks for no name".to_owned(),
    };
    if ending.alert(Side::Server).is_some_and(|alert| alert.description == 112) {
        return Some(ending.found(Confidence::Confirmed, format!("The server does not serve {asked}.")));
    }
    warned(&ending, &asked).or_else(|| by_comparison(case, &ending, &asked))
}

/// The server only warns (RFC 6066 section 3 advises against it), and the client takes it to heart.
fn warned(ending: &Ending<'_>, asked: &str) -> Option<Match> {
    let warning = |(side, alert, _): &&(Side, _, _)| {
        let alert: &crate::tls::Alert = alert;
        *side == Side::Server && alert.description == 112 && alert.is_warning()
    };
    let (_, _, seen) = ending.tls.alerts.iter().find(warning)?;
    if ending.by != Side::Client || ending.reached > Reached::Flight {
        return None;
    }
    let summary = format!("The server warned that it does not serve {asked}, and the client left.");
    let found = ending.found(Confidence::Likely, summary).weighing(60);
    Some(found.shown_by(seen.at.packet, "the server warns: unrecognized_name (112)"))
}

/// The alert says nothing of names, but the same offer passes with another one.
fn by_comparison(case: &Case<'_>, ending: &Ending<'_>, asked: &str) -> Option<Match> {
    let alert = ending.alert(Side::Server)?;
    let unspecific = matches!(alert.description, 40 | 49 | 80) && ending.reached == Reached::Hello;
    let hello = ending.tls.facts.client_hello.as_ref().filter(|_| unspecific)?;
    let mut others = case.survey.handshakes_at(case.attempt.connection.server);
    let same_offer = |other: &&Attempt| {
        let theirs = other.tls.as_ref().and_then(|tls| tls.facts.client_hello.as_ref());
        theirs.is_some_and(|theirs| theirs.sni != hello.sni && theirs.cipher_suites == hello.cipher_suites)
    };
    let other: &Tls = others.find(same_offer)?.tls.as_deref()?;
    let theirs = server_name(other).map_or_else(|| "no name".to_owned(), |name| format!("the name {name}"));
    let summary = format!("The server refuses {asked}, while it accepts the same offer with {theirs}.");
    let found = ending.found(Confidence::Likely, summary).weighing(70);
    Some(found.shown_by(
        other.client_hello?.at.packet,
        format!("the same offer with {theirs}, and it passes"),
    ))
}

//! The name in the ClientHello, and how other names fared at the same server.

use crate::{
    attempt::Attempt,
    diagnosis::rule::{Case, Evidence},
};

/// Characters of a host name (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 253;

/// The name that the ClientHello asks for.
pub(super) fn asked_name(attempt: &Attempt) -> Option<String> {
    Some(crate::http::printable(attempt.server_name()?.as_bytes(), LONGEST_NAME))
}

/// Where the ClientHello is.
pub(super) fn client_hello(attempt: &Attempt) -> Option<Evidence> {
    let hello = attempt.tls.as_ref()?.client_hello?;
    Some(Evidence::new(hello.at.packet, "the ClientHello"))
}

/// TLS connections to the same server that got an answer: one with another name, or else one with the same name.
pub(super) fn other_names(case: &Case<'_>) -> Option<Evidence> {
    let answered = || case.survey.names_at(case.attempt.connection.server);
    let (attempt, text) = match answered().find(|other| other.server_name() != case.attempt.server_name()) {
        Some(other) => (
            other,
            format!("a ClientHello {} is answered at the same server", named(other)),
        ),
        None => (
            answered().next()?,
            format!("another ClientHello {} is answered", named(case.attempt)),
        ),
    };
    let at = attempt.tls.as_ref()?.server_first?.at;
    Some(Evidence::new(at.packet, text))
}

fn named(attempt: &Attempt) -> String {
    asked_name(attempt).map_or("without a name".to_owned(), |name| format!("for {name}"))
}

//! What the lengths of protected records hint of the exchange inside of them; a hint is not a verdict.

use crate::{tcp::Side, tls::FirstExchange, websocket::SHORTEST_REQUEST};

/// What an exchange looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// An answer of a fitting length, and then small records of the client: as after a switch to a WebSocket.
    Switch,
    /// One short answer, and nothing after it: as after a refusal.
    Refusal,
    /// The server left without an answer.
    NoAnswer,
    /// The client asked for less than a WebSocket handshake takes.
    TooShort,
    /// Nothing of these.
    Nothing,
}

/// Octets of the shortest 101: status line, Upgrade, Connection and Sec-WebSocket-Accept (RFC 6455 section 4.2.2).
const LEAST_101: u32 = 129;
/// Octets of a 101 with Date, Server, a subprotocol and extensions.
const MOST_101: u32 = 600;
/// A request of HTTP/1.1 is longer: a frame with a short message is not.
const LEAST_REQUEST: u32 = 40;
/// Octets of a refusal with a short page.
const MOST_REFUSAL: u32 = 1500;

/// Refusals of well-known servers whose length does not change.
const REFUSALS: &[(u32, &str)] = &[
    (30, "the 403 of daphne"),
    (36, "the empty 403 of uvicorn with wsproto"),
    (98, "the 403 of the ws package of Node.js"),
    (103, "the 400 of the ws package of Node.js"),
    (105, "the 401 of the ws package of Node.js"),
    (115, "the empty 403 of hypercorn"),
    (127, "the empty 403 of older uvicorn"),
    (142, "the empty 403 of uvicorn"),
    (189, "the 403 of HAProxy"),
    (194, "the 403 of gorilla/websocket"),
];

/// What an exchange looks like, given whose FIN came first.
pub(super) fn looks(exchange: &FirstExchange, first_to_close: Option<Side>) -> Looks {
    let server_left = exchange.server_says_goodbye || first_to_close == Some(Side::Server);
    let over = exchange.shortest_later.is_none() && (server_left || first_to_close.is_some());
    let may_be_101 = |first: u32| first + exchange.tolerance >= LEAST_101 && first <= MOST_101;
    let frames = exchange.shortest_later.is_some_and(|shortest| shortest < LEAST_REQUEST);
    match exchange.answers.first() {
        _ if exchange.asked + exchange.tolerance < SHORTEST_REQUEST => Looks::TooShort,
        None if over && server_left => Looks::NoAnswer,
        Some(&first) if may_be_101(first) && frames => Looks::Switch,
        Some(_) if over && exchange.answered() <= MOST_REFUSAL => Looks::Refusal,
        _ => Looks::Nothing,
    }
}

/// A refusal of a well-known server that weighs as much as the answer.
pub(super) fn weighs_like(exchange: &FirstExchange) -> Option<&'static str> {
    let answered = exchange.answered();
    let fits = |&&(weight, _): &&(u32, &str)| exchange.tolerance == 0 && weight == answered;
    REFUSALS.iter().find(fits).map(|(_, whose)| *whose)
}

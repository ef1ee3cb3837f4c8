//! ICMP errors that quote a segment of the connection: the one witness on the way that names itself.

use crate::{
    diagnosis::rule::{Case, Confidence, Evidence, Match, Outcome, SaidBy},
    packet::IcmpError,
    tcp::Side,
};

/// A type and code of ICMP, or of ICMPv6, and what it says.
pub(super) struct Message {
    /// Whether it is ICMPv6.
    pub v6: bool,
    /// The type.
    pub(super) kind: u8,
    /// The code.
    pub(super) code: u8,
    /// What it says, in the words of RFC 792, RFC 1812 and RFC 4443.
    pub(super) says: &'static str,
}

/// A message of ICMP.
pub(super) const fn v4(kind: u8, code: u8, says: &'static str) -> Message {
    Message {
        v6: false,
        kind,
        code,
        says,
    }
}

/// A message of ICMPv6.
pub(super) const fn v6(kind: u8, code: u8, says: &'static str) -> Message {
    Message {
        v6: true,
        kind,
        code,
        says,
    }
}

/// A match if one of `messages` ended the attempt: it quotes a segment of this very connection, and what it quotes got no answer.
pub(super) fn ended_by(
    case: &Case<'_>,
    messages: &'static [Message],
    outcome: Outcome,
    said_by: SaidBy,
) -> Option<Match> {
    let (error, message) = error(case, messages)?;
    let facts = &case.attempt.connection;
    let (code, reporter) = (name(error), error.reporter);
    let who = if reporter == error.quoted_destination.address {
        "the host itself, or its own filter"
    } else {
        "a router"
    };
    let summary = format!("{reporter}, {who}, answered with {code}: {}.", message.says);
    let quoted = if error.quoted_source == facts.client {
        "client"
    } else {
        "server"
    };
    let found = Match::new(Confidence::Confirmed, outcome, said_by, summary)
        .shown_by(facts.first.packet, "the first packet of the connection")
        .shown_by(
            error.packet,
            format!(
                "{code} by {reporter} quotes a segment of the {quoted}: {}",
                message.says
            ),
        )
        .shown_by_all(others(case, error))
        .but("The quotation proves that the message is about this connection, not why its sender refuses.");
    Some(found)
}

/// The first such message after which the connection got no further.
fn error<'a>(case: &Case<'a>, messages: &'static [Message]) -> Option<(&'a IcmpError, &'static Message)> {
    let facts = &case.attempt.connection;
    let stands = |error: &IcmpError| {
        let side = if error.quoted_source == facts.client {
            Side::Client
        } else {
            Side::Server
        };
        let answer = facts.from(side.other()).last;
        answer.is_none_or(|at| at.packet < error.packet) && (side == Side::Server || !case.attempt.is_upgraded())
    };
    facts.errors.iter().filter(|error| stands(error)).find_map(|error| {
        let is = |message: &&Message| (message.v6, message.kind, message.code) == (error.v6, error.kind, error.code);
        Some((error, messages.iter().find(is)?))
    })
}

/// The other messages of the kind.
fn others(case: &Case<'_>, first: &IcmpError) -> Vec<Evidence> {
    let errors = case.attempt.connection.errors.iter();
    let again =
        errors.filter(|error| error.packet > first.packet && (error.kind, error.code) == (first.kind, first.code));
    again
        .take(3)
        .map(|error| Evidence::new(error.packet, "the same message again"))
        .collect()
}

fn name(error: &IcmpError) -> String {
    let protocol = if error.v6 { "ICMPv6" } else { "ICMP" };
    format!("{protocol} type {} code {}", error.kind, error.code)
}

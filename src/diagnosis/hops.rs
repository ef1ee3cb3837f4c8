//! The legs of one handshake on either side of a proxy, joined, and what the proxy made of the request.

use std::net::IpAddr;

use crate::{
    attempt::{Attempt, Ordinary, Request},
    capture::PacketId,
    diagnosis::{legs, rule::Case},
    http::{masked_subprotocols, masked_target, printable},
    packet::Endpoint,
};

/// Another leg of an attempt's handshake.
#[derive(Debug)]
pub struct Hop {
    /// On which side of the proxy between the two legs it lies, seen from the attempt.
    pub position: Position,
    /// By what the two legs are known to be of one handshake.
    pub joined_by: JoinedBy,
    /// The proxy between the two legs.
    pub proxy: IpAddr,
    /// The leg's client.
    pub client: Endpoint,
    /// The leg's server.
    pub server: Endpoint,
    /// Where its request is.
    pub packet: PacketId,
    /// The status of its answer.
    pub status: Option<u16>,
    /// What differs, in the direction in which the request went: `before` the proxy and `after` it.
    pub changes: Vec<Change>,
}

/// On which side of a proxy a leg lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Nearer to the client.
    InFront,
    /// Nearer to the server.
    Behind,
}

/// By what two legs are known to be of one handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinedBy {
    /// The same Sec-WebSocket-Key.
    Key,
    /// A proxy that makes a handshake of its own sends it between the request and its answer.
    Time,
}

/// What a proxy changed of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field's name, or `method`, `request-target`, `HTTP-version` (RFC 9112 section 3).
    pub name: String,
    /// What the proxy got, `…` where it might be a secret; `None` if nothing.
    pub before: Option<String>,
    /// What it passed on, in the same way.
    pub after: Option<String>,
}

/// How many legs are told.
const HOPS: usize = 4;
/// How many changes of a leg are told.
const CHANGES: usize = 24;
/// How many characters of a value are told.
const SHOWN: usize = 200;

/// The other legs of the attempt's handshake, those in front first.
pub(super) fn hops(case: &Case<'_>) -> Vec<Hop> {
    let Some(request) = case.attempt.request.as_deref() else {
        return Vec::new();
    };
    let hop = |leg: &Attempt, position, joined_by| hop(case.attempt, request, leg, position, joined_by);
    let by_key = legs::in_front(case).filter_map(|leg| hop(leg, Position::InFront, JoinedBy::Key));
    let mut in_front: Vec<Hop> = by_key.take(HOPS).collect();
    if in_front.is_empty() {
        in_front.extend(legs::rekeyed_in_front(case).and_then(|leg| hop(leg, Position::InFront, JoinedBy::Time)));
    }
    let by_key = legs::behind(case).filter_map(|leg| hop(leg, Position::Behind, JoinedBy::Key));
    let mut behind: Vec<Hop> = by_key.take(HOPS).collect();
    behind.extend(legs::ordinary_behind(case).map(|leg| stripped(case.attempt, request, leg)));
    if behind.is_empty() {
        behind.extend(legs::rekeyed_behind(case).and_then(|leg| hop(leg, Position::Behind, JoinedBy::Time)));
    }
    in_front.append(&mut behind);
    in_front.truncate(HOPS);
    in_front
}

fn hop(own: &Attempt, request: &Request, leg: &Attempt, position: Position, joined_by: JoinedBy) -> Option<Hop> {
    let other = leg.request.as_deref()?;
    let (front, before, after) = match position {
        Position::InFront => (leg, other, request),
        Position::Behind => (own, request, other),
    };
    Some(Hop {
        position,
        joined_by,
        proxy: front.connection.server.address,
        client: leg.connection.client,
        server: leg.connection.server,
        packet: other.first.at.packet,
        status: leg.status(),
        changes: changes(&parts(before), &parts(after)),
    })
}

/// A leg on which the handshake is an ordinary request: of its fields only the names are known, and the values of a few.
fn stripped(own: &Attempt, request: &Request, leg: &Ordinary) -> Hop {
    let mut before = parts(request);
    before.retain(|part| part.name != TARGET);
    let mut after = vec![
        Part::plain(METHOD, leg.method.as_bytes()),
        Part::plain(VERSION, leg.version.to_string().as_bytes()),
    ];
    let kept = [
        ("connection", &leg.connection_field),
        ("upgrade", &leg.upgrade_field),
        ("host", &leg.host),
        ("origin", &leg.origin),
    ];
    after.extend(leg.field_names.iter().map(|name| {
        let kept = kept.iter().find(|(other, _)| name.eq_ignore_ascii_case(other));
        match kept.and_then(|(_, value)| value.as_deref()) {
            Some(value) => Part::field(name.as_bytes(), value.as_bytes()),
            // A value that was not kept is not said to differ.
            None => {
                let same = before.iter().find(|part| part.is(name));
                same.cloned().unwrap_or_else(|| Part::field(name.as_bytes(), b""))
            }
        }
    }));
    Hop {
        position: Position::Behind,
        joined_by: JoinedBy::Key,
        proxy: own.connection.server.address,
        client: leg.client,
        server: leg.server,
        packet: leg.request.packet,
        status: leg.response.map(|(status, _)| status),
        changes: changes(&before, &after),
    }
}

/// A part of a request that a proxy may change.
#[derive(Clone)]
struct Part {
    name: String,
    value: Vec<u8>,
    /// The value as it may be told.
    shown: String,
}

const METHOD: &str = "method";
const TARGET: &str = "request-target";
const VERSION: &str = "HTTP-version";

/// Fields whose values are told. In any other one there may be a secret of somebody's own making.
const TOLD: [&str; 21] = [
    "host",
    "connection",
    "upgrade",
    "origin",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "user-agent",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-real-ip",
    "x-request-id",
    "content-length",
    "transfer-encoding",
    "te",
    "keep-alive",
];

impl Part {
    fn plain(name: &str, value: &[u8]) -> Self {
        Part {
            name: name.to_owned(),
            value: value.to_vec(),
            shown: printable(value, SHOWN),
        }
    }

    fn field(name: &[u8], value: &[u8]) -> Self {
        let name = printable(name, 64);
        let told = TOLD.iter().any(|told| name.eq_ignore_ascii_case(told));
        let shown = if told {
            printable(value, SHOWN)
        } else {
            "…".to_owned()
        };
        let value = value.to_vec();
        Part { name, value, shown }
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The parts of a request, in order.
fn parts(request: &Request) -> Vec<Part> {
    let head = &request.head;
    let mut parts = vec![
        Part::plain(METHOD, &head.method),
        Part {
            name: TARGET.to_owned(),
            value: head.target.to_vec(),
            shown: masked_target(&head.target),
        },
        Part::plain(VERSION, head.version.to_string().as_bytes()),
    ];
    parts.extend(head.fields.iter().map(|field| Part::field(&field.name, &field.value)));
    if let Some(part) = parts.iter_mut().find(|part| part.is("sec-websocket-protocol")) {
        part.shown = masked_subprotocols(&head.fields).join(", ");
    }
    parts
}

/// How `after` differs from `before`.
fn changes(before: &[Part], after: &[Part]) -> Vec<Change> {
    let gone = before.iter().filter_map(|part| {
        let mut kept = after.iter().filter(|other| other.is(&part.name));
        let first = kept.clone().next();
        let is_same = kept.any(|other| other.value == part.value);
        (!is_same).then(|| Change {
            name: part.name.clone(),
            before: Some(part.shown.clone()),
            after: first.map(|first| first.shown.clone()),
        })
    });
    let new = after
        .iter()
        .filter(|part| !before.iter().any(|other| other.is(&part.name)));
    let new = new.map(|part| Change {
        name: part.name.clone(),
        before: None,
        after: Some(part.shown.clone()),
    });
    gone.chain(new).take(CHANGES).collect()
}

impl Position {
    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Position::InFront => "in-front",
            Position::Behind => "behind",
        }
    }
}

impl JoinedBy {
    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            JoinedBy::Key => "key",
            JoinedBy::Time => "time",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::{sample::Sample, staged::Staged},
        tcp::Side,
    };

    fn told(hop: &Hop) -> Vec<String> {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let line = |change: &Change| format!("{}: {} > {}", change.name, value(&change.before), value(&change.after));
        hop.changes.iter().map(line).collect()
    }

    fn behind(front: Sample, back: Sample) -> Vec<Hop> {
        let back = Staged::of(&back.refused(404, "")).behind();
        Staged::of(&front.refused(404, "")).beside(&back, 1).hops()
    }

    #[test]
    fn what_a_proxy_changed_is_told_in_the_direction_of_the_request() {
        let front = Staged::of(&Sample::get("/ws?token=abc").field("Cookie", "a=1").refused(404, ""));
        let sent = Sample::get("/x/ws?token=abc")
            .field("Connection", "close")
            .field("Via", "1.1 p");
        let back = Staged::of(&sent.refused(404, "")).behind();
        let expected = [
            "request-target: /ws?token=*** > /x/ws?token=***",
            "Connection: Upgrade > close",
            "Cookie: … > -",
            "Via: - > 1.1 p",
        ];
        let hops = front.clone().beside(&back, 1).hops();
        assert_eq!(hops.len(), 1);
        assert_eq!((hops[0].position, hops[0].joined_by), (Position::Behind, JoinedBy::Key));
        assert_eq!(
            (told(&hops[0]), hops[0].status),
            (expected.map(str::to_owned).to_vec(), Some(404))
        );
        let hops = back.delayed(1).beside(&front, 0).hops();
        assert_eq!(
            (hops[0].position, hops[0].joined_by),
            (Position::InFront, JoinedBy::Key)
        );
        assert_eq!(told(&hops[0]), expected);
    }

    #[test]
    fn a_proxy_with_a_handshake_of_its_own_is_joined_by_time() {
        let key = |sample: Sample| sample.field("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
        let hops = behind(Sample::get("/ws"), key(Sample::get("/ws")));
        assert_eq!((hops.len(), hops[0].joined_by), (1, JoinedBy::Time));
        assert!(behind(Sample::get("/ws"), key(Sample::get("/other"))).is_empty());
        let back = Staged::of(&key(Sample::get("/ws")).refused(404, "")).behind();
        let late = Staged::of(&Sample::get("/ws").refused(404, "")).beside(&back, 50);
        assert!(late.hops().is_empty());
    }

    #[test]
    fn an_attempt_on_one_leg_alone_has_no_hops() {
        let alone = Staged::of(&Sample::get("/ws").refused(404, ""));
        assert!(alone.hops().is_empty());
        assert!(alone.fin(Side::Client, 20).hops().is_empty());
    }
}

//! What each layer saw of one try to upgrade, in order, and the stage at which it ended. Facts end here.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    http::{Credential, Fields, RequestHead, ResponseHead},
    tcp::{self, At, Few, GapCause, Seen, Side},
    tls,
    websocket::{Answer, CloseCode, Offer},
};

/// One try to upgrade.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The connection that carried it; several attempts may share one.
    pub connection: Arc<tcp::Facts>,
    /// Its place among the exchanges of that connection, from 0.
    pub nth: u32,
    /// Whether the request was not seen, so that it may have had another purpose.
    pub presumed: bool,
    /// How far it came.
    pub stage: Stage,
    /// What stood between the start of the connection and the request.
    pub via: Option<Box<Via>>,
    /// What TLS showed.
    pub tls: Option<Box<Tls>>,
    /// The request.
    pub request: Option<Box<Request>>,
    /// The answer.
    pub response: Option<Box<Response>>,
    /// The first octets that came in place of an HTTP answer.
    pub not_http: Option<Box<(Vec<u8>, Seen)>>,
    /// What came after the switch.
    pub session: Option<Box<Session>>,
    /// What kept the request or the answer from being read.
    pub obstacle: Option<Obstacle>,
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The TCP handshake did not complete.
    Connect,
    /// TLS began; its handshake did not complete, or its inside cannot be read.
    Tls,
    /// The connection stands; the request is not there, not complete, or not answered.
    Request,
    /// An answer came, or a part of one, and it is no switch.
    Response,
    /// The switch was accepted; the connection did not end in the capture, or was cut.
    Open,
    /// The switch was accepted, and the two ends closed the connection.
    Closed,
}

impl Stage {
    /// The contract's word.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Tls => "tls",
            Stage::Request => "request",
            Stage::Response => "response",
            Stage::Open => "open",
            Stage::Closed => "closed",
        }
    }
}

/// What stood between the start of the connection and the request.
#[derive(Clone, Debug)]
pub struct Via {
    /// An explicit proxy was asked for a tunnel (RFC 9110 section 9.3.6): to which authority, and the packet of its 2xx.
    pub connect: Option<(String, At)>,
    /// A PROXY protocol header came first: its version and the client it names.
    pub proxy_protocol: Option<(u8, Option<SocketAddr>, At)>,
}

/// What kept octets that would tell from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Whose octets.
    pub side: Side,
    /// Why.
    pub cause: GapCause,
    /// How many octets, as far as known.
    pub missing: u64,
    /// By which packet it is known.
    pub at: At,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its head as sent.
    pub head: RequestHead,
    /// Whether all of the head was seen; if not, `head` holds what was.
    pub complete: bool,
    /// The protocol asked for: the first of the Upgrade field, as written.
    pub upgrade: Option<String>,
    /// What a WebSocket handshake offers.
    pub offer: Option<Box<Offer>>,
    /// The credentials it bears.
    pub credentials: Vec<Credential>,
    /// The segment that carried its first octet.
    pub first: Seen,
    /// The segment that completed its head.
    pub last: Seen,
    /// Where its head begins and ends in the client's stream.
    pub span: (u64, u64),
    /// When all of its head was acknowledged.
    pub acknowledged: Option<At>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its head as sent.
    pub head: ResponseHead,
    /// Whether all of the head was seen; if not, `head` holds what was.
    pub complete: bool,
    /// Statuses of the interim responses before it.
    pub interim: Vec<u16>,
    /// What it accepts of a WebSocket handshake.
    pub answer: Option<Box<Answer>>,
    /// The segment that carried its first octet.
    pub first: Seen,
    /// The segment that completed its head.
    pub last: Seen,
    /// Where its head begins and ends in the server's stream.
    pub span: (u64, u64),
    /// The first octets of its body, content codings not undone.
    pub body: Vec<u8>,
    /// How many octets of body were seen in all.
    pub body_length: u64,
    /// Whether the body was seen to its end.
    pub body_complete: bool,
    /// Whether it came before the request was complete.
    pub early: bool,
}

/// Octets of an answer's body that are kept.
pub const BODY_KEPT: usize = 4096;

/// What TLS showed from the outside, and where.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Versions, names, certificates, alerts, record sizes.
    pub facts: tls::Facts,
    /// The segment that completed the ClientHello, or the latest that bore a part of it.
    pub client_hello: Option<Seen>,
    /// Segments that the ClientHello took.
    pub hello_segments: u32,
    /// Where the ClientHello ends in the client's stream.
    pub hello_end: u64,
    /// The first segment with octets of the server.
    pub server_first: Option<Seen>,
    /// The segment with the server's certificate, where it is clear.
    pub certificate: Option<Seen>,
    /// The client's first segment with octets after the ServerHello: its answer to the server's flight.
    pub client_reply: Option<Seen>,
    /// Clear alerts.
    pub alerts: Few<(Side, tls::Alert, Seen)>,
    /// When the handshake completed, as far as that can be told from outside.
    pub completed: Option<At>,
    /// The latest record of either side.
    pub last_record: Option<(Side, At)>,
    /// What the server answered instead of TLS, its first octets.
    pub not_tls: Option<(Side, Vec<u8>, Seen)>,
}

/// What came after the switch.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Whether WebSocket frames were read.
    pub framed: bool,
    /// Frames by the client and by the server.
    pub frames: [u64; 2],
    /// Octets after the switch, by the client and by the server.
    pub octets: [u64; 2],
    /// The first frame of each side.
    pub first_frame: [Option<At>; 2],
    /// The latest octets of each side.
    pub last_octets: [Option<At>; 2],
    /// Close frames.
    pub closes: Few<CloseFrame>,
    /// Frames that break the rules, in words.
    pub violations: Few<Violation>,
    /// Pings of each side that wait for a pong: how many, and since when.
    pub pings: [Option<(u32, At)>; 2],
    /// Whether frames of the client and of the server could not be followed to their end, so that a close may have been missed.
    pub unread: [bool; 2],
}

/// A close frame (RFC 6455 section 5.5.1).
#[derive(Clone, Debug)]
pub struct CloseFrame {
    /// Who sent it.
    pub side: Side,
    /// Its status code.
    pub code: Option<CloseCode>,
    /// Its reason.
    pub reason: String,
    /// Where.
    pub at: At,
}

/// A frame that breaks the rules of RFC 6455.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Who sent it.
    pub side: Side,
    /// What is wrong.
    pub kind: crate::websocket::Violation,
    /// Where.
    pub at: At,
}

/// An exchange that asked for no upgrade: a control experiment.
#[derive(Clone, Debug)]
pub struct Ordinary {
    /// The connection's ends.
    pub client: crate::packet::Endpoint,
    /// The server.
    pub server: crate::packet::Endpoint,
    /// The method.
    pub method: String,
    /// The target's path, without query.
    pub path: String,
    /// The Origin field.
    pub origin: Option<String>,
    /// The Host field.
    pub host: Option<String>,
    /// Sec-WebSocket-Key, if it is there all the same: the upgrade was lost on the way.
    pub key: Option<Vec<u8>>,
    /// The HTTP version.
    pub version: crate::http::Version,
    /// Names of the request's fields, in order.
    pub field_names: Vec<String>,
    /// The Connection field.
    pub connection_field: Option<String>,
    /// The Upgrade field.
    pub upgrade_field: Option<String>,
    /// Where the request is.
    pub request: At,
    /// The answer's status and where it is.
    pub response: Option<(u16, At)>,
}

impl Attempt {
    /// Something of each part that is looked at first: see [`tcp::Facts::glance`].
    pub fn glance(&self) -> u64 {
        let first = |fields: &Fields| {
            fields.iter().fold(0, |seen, field| {
                seen ^ field.value.first().map_or(0, |octet| u64::from(*octet))
            })
        };
        let request = self.request.as_ref().map_or(0, |request| first(&request.head.fields));
        let response = self
            .response
            .as_ref()
            .map_or(0, |response| first(&response.head.fields));
        let tls = self
            .tls
            .as_ref()
            .map_or(0, |tls| tls.hello_end ^ u64::from(tls.hello_segments));
        request ^ response ^ tls ^ self.connection.glance()
    }

    /// The first packet that tells of it.
    pub fn first(&self) -> At {
        let request = self.request.as_ref().map(|request| request.first.at);
        request.filter(|_| self.nth > 0).unwrap_or(self.connection.first)
    }

    /// The server name that the ClientHello asks for (RFC 6066 section 3).
    pub fn server_name(&self) -> Option<&str> {
        self.tls.as_ref()?.facts.client_hello.as_ref()?.sni.as_deref()
    }

    /// The status of the answer.
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.head.status)
    }

    /// Whether the switch was accepted.
    pub fn is_upgraded(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Closed)
    }

    /// The target's path, without query.
    pub fn path(&self) -> Option<String> {
        self.request.as_ref().map(|request| request.path())
    }

    /// The protocol asked for, in lower case.
    pub fn protocol(&self) -> Option<String> {
        let asked = self.request.as_ref().and_then(|request| request.upgrade.clone());
        let answered = || {
            let response = self.response.as_ref().filter(|response| response.head.status == 101)?;
            response
                .head
                .fields
                .first("upgrade")
                .map(|value| crate::http::printable(value, 64))
        };
        asked.or_else(answered).map(|protocol| protocol.to_ascii_lowercase())
    }

    /// Whether a WebSocket was asked for.
    pub fn is_websocket(&self) -> bool {
        self.protocol().is_some_and(|protocol| protocol == "websocket")
    }
}

impl Request {
    /// The target's path, without query and without scheme and authority.
    pub fn path(&self) -> String {
        path_of(&self.head.target)
    }

    /// A field's value as text.
    pub fn field(&self, name: &str) -> Option<String> {
        self.head
            .fields
            .first(name)
            .map(|value| crate::http::printable(value, 512))
    }

    /// The Origin field.
    pub fn origin(&self) -> Option<String> {
        self.field("origin")
    }

    /// The Host field.
    pub fn host(&self) -> Option<String> {
        self.field("host")
    }
}

impl Response {
    /// A field's value as text.
    pub fn field(&self, name: &str) -> Option<String> {
        self.head
            .fields
            .first(name)
            .map(|value| crate::http::printable(value, 512))
    }

    /// The kept octets of the body as text.
    pub fn body_text(&self) -> String {
        crate::http::printable(&self.body, BODY_KEPT)
    }
}

/// The path of a request target in any of its forms (RFC 9112 section 3.2).
pub fn path_of(target: &[u8]) -> String {
    let end = target
        .iter()
        .position(|&octet| octet == b'?' || octet == b'#')
        .unwrap_or(target.len());
    let before_query = target.get(..end).unwrap_or_default();
    let scheme = before_query.windows(3).position(|window| window == b"://");
    let path = match scheme {
        Some(scheme) if !before_query.starts_with(b"/") => {
            let authority = before_query.get(scheme + 3..).unwrap_or_default();
            let slash = authority.iter().position(|&octet| octet == b'/');
            slash.and_then(|slash| authority.get(slash..)).unwrap_or(b"/")
        }
        _ => before_query,
    };
    crate::http::printable(path, 2048)
}

//! What the lengths of protected records hint of the exchange inside of them; a hint is not a verdict.

use crate::{
    attempt::Tls,
    tcp::Side,
    tls::{self, ContentType, EncryptedRecord, cipher_suite_name},
};

/// The first exchange inside TLS, by lengths: octets of content, protection taken off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    /// What the client sent first.
    pub(super) asked: u32,
    /// Records that the server sent then, until the client went on; tickets are left out where they can be told.
    pub(super) answers: Vec<u32>,
    /// The shortest record that the client sent after that.
    pub(super) shortest_later: Option<u32>,
    /// By how much lengths may be too small: padding of block ciphers.
    pub(super) tolerance: u32,
    /// Whether the server was the first to send what seems to be an alert: its goodbye.
    pub(super) server_says_goodbye: bool,
}

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
/// Octets of the shortest handshake request of a WebSocket: request line, Host and the four fields of RFC 6455 section 4.1.
const LEAST_HANDSHAKE: u32 = 140;
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

impl Exchange {
    /// The first exchange; `None` if there was none, or if the cipher suite is not one whose overhead is known.
    pub(super) fn of(tls: &Tls) -> Option<Self> {
        let facts = &tls.facts;
        let overhead = Overhead::of(facts)?;
        let begin = if overhead.hides_type {
            after_handshake(facts, overhead)?
        } else {
            0
        };
        let behind = || facts.encrypted.iter().skip(begin);
        let content = |record: &EncryptedRecord| overhead.content(record.length);
        let mut records = behind().filter(|record| overhead.is_content(record)).peekable();
        let mut turn = |side| -> Vec<u32> {
            std::iter::from_fn(|| records.next_if(|record| record.side == side).map(content)).collect()
        };
        // What the server says before it was asked are tickets.
        let early = turn(tls::Side::Server);
        let asked = turn(tls::Side::Client).iter().sum();
        let mut answers = turn(tls::Side::Server);
        if overhead.hides_type && early.is_empty() {
            without_tickets(&mut answers);
        }
        let later = records.filter(|record| record.side == tls::Side::Client).map(content);
        let goodbye = behind().find(|record| overhead.is_alert(record));
        let exchange = Exchange {
            asked,
            answers,
            shortest_later: later.min(),
            tolerance: u32::from(overhead.most - overhead.least),
            server_says_goodbye: goodbye.is_some_and(|record| record.side == tls::Side::Server),
        };
        (asked > 0).then_some(exchange)
    }

    /// What it looks like, given whose FIN came first.
    pub(super) fn looks(&self, first_to_close: Option<Side>) -> Looks {
        let server_left = self.server_says_goodbye || first_to_close == Some(Side::Server);
        let over = self.shortest_later.is_none() && (server_left || first_to_close.is_some());
        let may_be_101 = |first: u32| first + self.tolerance >= LEAST_101 && first <= MOST_101;
        let frames = self.shortest_later.is_some_and(|shortest| shortest < LEAST_REQUEST);
        match self.answers.first() {
            _ if self.asked + self.tolerance < LEAST_HANDSHAKE => Looks::TooShort,
            None if over && server_left => Looks::NoAnswer,
            Some(&first) if may_be_101(first) && frames => Looks::Switch,
            Some(_) if over && self.answered() <= MOST_REFUSAL => Looks::Refusal,
            _ => Looks::Nothing,
        }
    }

    /// Octets of the answer.
    pub(super) fn answered(&self) -> u32 {
        self.answers.iter().sum()
    }

    /// A refusal of a well-known server that weighs as much as the answer.
    pub(super) fn weighs_like(&self) -> Option<&'static str> {
        let answered = self.answered();
        let fits = |&&(weight, _): &&(u32, &str)| self.tolerance == 0 && weight == answered;
        REFUSALS.iter().find(fits).map(|(_, whose)| *whose)
    }
}

/// The place behind the client's Finished of TLS 1.3: a header and a hash (RFC 8446 section 4.4.4), perhaps behind an empty
/// Certificate in one record.
fn after_handshake(facts: &tls::Facts, overhead: Overhead) -> Option<usize> {
    const EMPTY_CERTIFICATE: u16 = 8;
    let hash = if facts.server_hello.as_ref()?.cipher_suite == 0x1302 {
        48
    } else {
        32
    };
    let finished = overhead.least + 4 + hash;
    let flight = facts
        .encrypted
        .iter()
        .position(|record| record.side == tls::Side::Server)?;
    let is_it = |record: &EncryptedRecord| {
        record.side == tls::Side::Client && (record.length == finished || record.length == finished + EMPTY_CERTIFICATE)
    };
    let place = facts.encrypted.iter().skip(flight).position(is_it)?;
    Some(flight + place + 1)
}

/// OpenSSL sends two tickets of one length as soon as it has the client's Finished, which may be behind the client's request.
fn without_tickets(answers: &mut Vec<u32>) {
    if let [first, second, _, ..] = answers.as_slice()
        && first.abs_diff(*second) <= 1
    {
        answers.drain(..2);
    }
}

/// What protection adds to a record.
#[derive(Clone, Copy, Debug)]
struct Overhead {
    /// Octets, at least and at most.
    least: u16,
    most: u16,
    /// Whether alerts and messages of the handshake look like content, as in TLS 1.3.
    hides_type: bool,
}

impl Overhead {
    fn of(facts: &tls::Facts) -> Option<Self> {
        let hello = facts.server_hello.as_ref()?;
        let suite = cipher_suite_name(hello.cipher_suite);
        let tag = if suite.contains("CCM_8") { 8 } else { 16 };
        let fixed = |octets, hides_type| {
            Some(Overhead {
                least: octets,
                most: octets,
                hides_type,
            })
        };
        match () {
            // The content type is hidden behind the content (RFC 8446 section 5.2).
            () if hello.version.is_tls13() => fixed(tag + 1, true),
            // The explicit part of the nonce is 8 octets (RFC 5288 section 3, RFC 6655 section 3).
            () if suite.contains("GCM") || suite.contains("CCM") => fixed(tag + 8, false),
            () if suite.contains("CHACHA20") => fixed(tag, false),
            () if suite.contains("AES") && suite.contains("CBC") => Some(Overhead::of_blocks(&suite)),
            () => None,
        }
    }

    /// An initialization vector, a digest, and 1 to 16 octets of padding (RFC 5246 section 6.2.3.2).
    fn of_blocks(suite: &str) -> Self {
        let digest = match () {
            () if suite.ends_with("SHA384") => 48,
            () if suite.ends_with("SHA256") => 32,
            () => 20,
        };
        Overhead {
            least: 16 + digest + 1,
            most: 16 + digest + 16,
            hides_type: false,
        }
    }

    /// Octets of content in a record of that length, at least.
    fn content(self, length: u16) -> u32 {
        u32::from(length.saturating_sub(self.most))
    }

    fn is_alert(self, record: &EncryptedRecord) -> bool {
        const ALERT: u16 = 2;
        match self.hides_type {
            true => record.length == self.least + ALERT,
            false => record.kind == ContentType::Alert,
        }
    }

    fn is_content(self, record: &EncryptedRecord) -> bool {
        record.kind == ContentType::ApplicationData && !self.is_alert(record)
    }
}

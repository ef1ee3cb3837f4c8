//! The first exchange inside of TLS, by the lengths of the records that protect it.

use super::{ContentType, EncryptedRecord, Facts, Side, cipher_suite_name};

/// The first exchange inside TLS, by lengths: octets of content, protection taken off.
#[derive(Debug, PartialEq, Eq)]
pub struct FirstExchange {
    /// The first record that the client sent.
    pub first: u32,
    /// What the client sent until the server answered.
    pub asked: u32,
    /// Records that the server sent then, until the client went on; tickets are left out where they can be told.
    pub answers: Vec<u32>,
    /// The shortest record that the client sent after that.
    pub shortest_later: Option<u32>,
    /// By how much lengths may be too small: padding of block ciphers.
    pub tolerance: u32,
    /// Whether the server was the first to send what seems to be an alert: its goodbye.
    pub server_says_goodbye: bool,
}

impl FirstExchange {
    /// The first exchange; `None` if there was none, or if the cipher suite is not one whose overhead is known.
    pub fn of(facts: &Facts) -> Option<Self> {
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
        let early = turn(Side::Server);
        let mut asked = turn(Side::Client);
        let mut answers = turn(Side::Server);
        if overhead.hides_type && early.is_empty() && begins_with_tickets(&answers) {
            match answers.len() {
                2 => {
                    // If the client goes on after nothing but tickets, then with what it was asking.
                    asked.extend(turn(Side::Client));
                    let more = turn(Side::Server);
                    answers = if more.is_empty() { answers } else { more };
                }
                _ => drop(answers.drain(..2)),
            }
        }
        let later = records.filter(|record| record.side == Side::Client).map(content);
        let goodbye = behind().find(|record| overhead.is_alert(record));
        let exchange = FirstExchange {
            first: *asked.first()?,
            asked: asked.iter().sum(),
            answers,
            shortest_later: later.min(),
            tolerance: u32::from(overhead.most - overhead.least),
            server_says_goodbye: goodbye.is_some_and(|record| record.side == Side::Server),
        };
        (exchange.asked > 0).then_some(exchange)
    }

    /// Octets of the answer.
    pub fn answered(&self) -> u32 {
        self.answers.iter().sum()
    }
}

/// The place behind the client's Finished of TLS 1.3: a header and a hash (RFC 8446 section 4.4.4), perhaps behind an empty
/// Certificate in one record.
fn after_handshake(facts: &Facts, overhead: Overhead) -> Option<usize> {
    const EMPTY_CERTIFICATE: u16 = 8;
    let hash = if facts.server_hello.as_ref()?.cipher_suite == 0x1302 {
        48
    } else {
        32
    };
    let finished = overhead.least + 4 + hash;
    let flight = facts.encrypted.iter().position(|record| record.side == Side::Server)?;
    let is_it = |record: &EncryptedRecord| {
        record.side == Side::Client && (record.length == finished || record.length == finished + EMPTY_CERTIFICATE)
    };
    let place = facts.encrypted.iter().skip(flight).position(is_it)?;
    Some(flight + place + 1)
}

/// OpenSSL sends two tickets of one length as soon as it has the client's Finished, which may be behind the client's request.
fn begins_with_tickets(answers: &[u32]) -> bool {
    matches!(answers, [first, second, ..] if first.abs_diff(*second) <= 1)
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
    fn of(facts: &Facts) -> Option<Self> {
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

//! The decryption of both directions of one connection: which keys, and which sequence number.

use std::{fmt, sync::Arc};

use super::{
    ClientHello, ContentType, KeyLog, ProtocolVersion, RecordHeader, ServerHello, Side,
    compression::{self, Inflation},
    derivation::expand_label,
    keylog::{Secret, Secrets},
    protection::{Agreed, Protection},
    suite::Suite,
};

/// Sequence numbers that are tried after a gap, at most: a thousand records of 16 KiB are 16 MiB.
const MOST_LOST: u64 = 1024;

/// The shortest protected record: a header, a tag of eight octets and something to say.
const SHORTEST_RECORD: u64 = 5 + 8 + 2;

/// Octets, as many as under AES, that may be tried in vain before anything was opened. Wrong secrets cost no more than that: some
/// 0.1 ms.
const FIRST_PATIENCE: u64 = 256 << 10;

/// Octets that may be tried in vain at most: the search for a sequence number among records of full size.
const MOST_PATIENCE: u64 = 16 << 20;

/// What each octet that was opened adds to patience, so that the work follows the size of the capture.
const EARNED_PATIENCE: u64 = 16;

/// What a try costs whatever the record's length, in octets that could be opened in that time.
const TRY: u64 = 512;

/// What new keys cost, likewise.
const DERIVATION: u64 = 8 << 10;

/// Opens the protected records of one connection.
///
/// Which keys a record needs, it is its own authentication that tells: if the keys of the record before do not fit, those that
/// may follow them are tried. So one way leads over the ends of early data and handshake, KeyUpdate, renegotiation, and over
/// what is missing from the capture: where records may have been lost, the sequence numbers after theirs are tried too.
pub(super) struct Decryptor {
    keys: Arc<KeyLog>,
    client_random: [u8; 32],
    /// The suites of TLS 1.3 that the client offered: early data, and the capture may lack the ServerHello.
    offered: Vec<Suite>,
    chosen: Option<Chosen>,
    /// How often hellos were exchanged: more than once up to TLS 1.2, by renegotiation.
    hellos: u32,
    client: Direction,
    server: Direction,
    /// The room for what a record carries, to be used again and again.
    pub(super) content: Vec<u8>,
}

/// What the server chose.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    version: ProtocolVersion,
    suite: Suite,
    random: [u8; 32],
    encrypt_then_mac: bool,
    deflated: bool,
}

/// A record that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// What it carries.
    pub(super) kind: ContentType,
    /// Whether it is early data, which the server may yet reject (RFC 8446 section 4.2.10).
    pub(super) early: bool,
}

/// The state of one direction.
#[derive(Debug)]
struct Direction {
    current: Option<Epoch>,
    /// The number of the next record.
    sequence: u64,
    /// By how much that number may be too small: records that have gone by unopened or are missing.
    lost: u64,
    /// Octets that may yet be tried in vain.
    patience: u64,
}

/// The time while keys last.
#[derive(Debug)]
struct Epoch {
    stage: Stage,
    protection: Protection,
    inflation: Option<Box<Inflation>>,
    /// What an octet takes to open: see [`super::suite::Cipher::cost`].
    cost: u64,
}

/// Which keys.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Those of early data in TLS 1.3.
    Early,
    /// Those of the handshake in TLS 1.3.
    Handshake,
    /// Those of data in TLS 1.3, or after a KeyUpdate, by the secret that the next will come from.
    Application(Suite, Secret),
    /// Those of the nth handshake up to TLS 1.2.
    Negotiated(u32),
}

impl Decryptor {
    /// A decryptor for the connection of this ClientHello; `None` if nothing is known of it.
    pub(super) fn new(keys: &Arc<KeyLog>, hello: &ClientHello) -> Option<Decryptor> {
        keys.secrets(&hello.random)?;
        let offered = Suite::TLS_1_3
            .iter()
            .filter(|suite| hello.cipher_suites.contains(suite));
        Some(Decryptor {
            keys: Arc::clone(keys),
            client_random: hello.random,
            offered: offered.copied().filter_map(Suite::new).collect(),
            chosen: None,
            hellos: 0,
            client: Direction::default(),
            server: Direction::default(),
            content: Vec::new(),
        })
    }

    /// Takes note of another ClientHello, under the protection of what was agreed before (RFC 5246 section 7.4.1).
    pub(super) fn renegotiate(&mut self, client_random: [u8; 32]) {
        self.client_random = client_random;
        self.chosen = None;
    }

    /// Takes note of the ServerHello that decides; whether its cipher suite is one that can be opened.
    pub(super) fn choose(&mut self, hello: &ServerHello) -> bool {
        let known = matches!(hello.version.0, 0x0301..=0x0303) || hello.version.is_tls13();
        let readable = matches!(hello.compression, compression::NULL | compression::DEFLATE);
        let Some(suite) = Suite::new(hello.cipher_suite).filter(|_| known && readable) else {
            return false;
        };
        self.hellos = self.hellos.saturating_add(1);
        self.chosen = Some(Chosen {
            version: hello.version,
            suite,
            random: hello.random,
            encrypt_then_mac: hello.encrypt_then_mac,
            deflated: hello.compression == compression::DEFLATE,
        });
        true
    }

    /// Whether it is worth while to give it the records of one side.
    pub(super) fn is_patient(&self, side: Side) -> bool {
        match side {
            Side::Client => self.client.patience > 0,
            Side::Server => self.server.patience > 0,
        }
    }

    /// Opens the next record of one side into `plaintext`.
    pub(super) fn open(
        &mut self,
        side: Side,
        header: RecordHeader,
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Option<Opened> {
        let record = Record { header, body };
        let direction = self.direction(side);
        if direction.patience == 0 {
            return None;
        }
        let mut kind = direction.open(record, plaintext);
        if kind.is_none() {
            let following = self.following(side);
            kind = self.direction(side).search(following, record, plaintext);
        }
        let direction = self.direction(side);
        direction.pass(record, kind.is_some());
        if kind.is_some() {
            direction.current.as_mut()?.inflate(plaintext)?;
        }
        let early = direction
            .current
            .as_ref()
            .is_some_and(|epoch| matches!(epoch.stage, Stage::Early));
        kind.map(|kind| Opened { kind, early })
    }

    /// Takes note of a record of one side that the capture does not have whole.
    pub(super) fn lose_record(&mut self, side: Side, header: RecordHeader) {
        self.direction(side).lose_record(header.length);
    }

    /// Takes note of octets of one side that the capture lacks, and with them any number of records.
    pub(super) fn lose_octets(&mut self, side: Side, missing: u64) {
        self.direction(side).lose(missing / SHORTEST_RECORD + 1);
    }

    /// How many octets of content a record of one side has that cannot be opened; `None` if that cannot be told.
    pub(super) fn content_length(&self, side: Side, header: RecordHeader) -> Option<u16> {
        let direction = match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        };
        direction.current.as_ref()?.protection.content_length(header)
    }

    /// Tells of a header whether a protected record of the connection may begin with it.
    pub(super) fn expects(&self) -> impl Fn(RecordHeader) -> bool + use<> {
        let before = self.chosen.filter(|chosen| !chosen.version.is_tls13());
        move |header| {
            let long_enough = u64::from(header.length) + 5 >= SHORTEST_RECORD;
            long_enough
                && match before {
                    Some(chosen) => header.version == chosen.version,
                    None => header.version == ProtocolVersion::TLS_1_2 && header.kind == ContentType::ApplicationData,
                }
        }
    }

    /// The epochs of one side that may come next, in order.
    fn following(&self, side: Side) -> Vec<Epoch> {
        let Some(secrets) = self.keys.secrets(&self.client_random).copied() else {
            return Vec::new();
        };
        let current = match side {
            Side::Client => self.client.current.as_ref(),
            Side::Server => self.server.current.as_ref(),
        };
        match (current.map(|epoch| epoch.stage), self.chosen) {
            (Some(Stage::Application(suite, secret)), _) => next_application(suite, secret).into_iter().collect(),
            (Some(Stage::Negotiated(n)), _) if n >= self.hellos => Vec::new(),
            (_, Some(chosen)) if !chosen.version.is_tls13() => {
                self.negotiated(side, chosen, secrets).into_iter().collect()
            }
            (stage, chosen) => self.following_tls13(side, stage, chosen, secrets),
        }
    }

    fn following_tls13(
        &self,
        side: Side,
        stage: Option<Stage>,
        chosen: Option<Chosen>,
        secrets: Secrets,
    ) -> Vec<Epoch> {
        let (early, handshake, application) = match side {
            Side::Client => (
                secrets.client_early,
                secrets.client_handshake,
                secrets.client_application,
            ),
            Side::Server => (None, secrets.server_handshake, secrets.server_application),
        };
        // Early data is under the suite of the connection that is resumed, which may not be the one that is chosen.
        let early = early.filter(|_| stage.is_none()).map(|secret| (Stage::Early, secret));
        let handshake = handshake.filter(|_| !matches!(stage, Some(Stage::Handshake)));
        let handshake = handshake.map(|secret| (Stage::Handshake, secret));
        let suites = chosen.map(|chosen| vec![chosen.suite]);
        let suites = suites.as_deref().unwrap_or(&self.offered);
        let early = early
            .into_iter()
            .flat_map(|early| self.offered.iter().map(move |suite| (early, *suite)));
        let handshake = handshake
            .into_iter()
            .flat_map(|handshake| suites.iter().map(move |suite| (handshake, *suite)));
        let mut epochs: Vec<Epoch> = early
            .chain(handshake)
            .filter_map(|((stage, secret), suite)| {
                Some(Epoch {
                    stage,
                    protection: Protection::tls13(suite, secret.octets())?,
                    inflation: None,
                    cost: suite.cipher.cost(),
                })
            })
            .collect();
        let application = application
            .into_iter()
            .flat_map(|secret| suites.iter().map(move |suite| (*suite, secret)));
        epochs.extend(application.filter_map(|(suite, secret)| application_epoch(suite, secret)));
        epochs
    }

    fn negotiated(&self, side: Side, chosen: Chosen, secrets: Secrets) -> Option<Epoch> {
        let protection = Protection::before_tls13(
            Agreed {
                version: chosen.version,
                suite: chosen.suite,
                master: secrets.master.as_ref()?.octets(),
                client_random: &self.client_random,
                server_random: &chosen.random,
                encrypt_then_mac: chosen.encrypt_then_mac,
            },
            side,
        )?;
        let inflation = chosen.deflated.then(|| Box::new(Inflation::new()));
        Some(Epoch {
            stage: Stage::Negotiated(self.hellos),
            protection,
            inflation,
            cost: chosen.suite.cipher.cost(),
        })
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor")
            .field("client", &self.client)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn application_epoch(suite: Suite, secret: Secret) -> Option<Epoch> {
    Some(Epoch {
        stage: Stage::Application(suite, secret),
        protection: Protection::tls13(suite, secret.octets())?,
        inflation: None,
        cost: suite.cipher.cost(),
    })
}

impl Epoch {
    /// Tries to open a record, for which patience pays.
    fn open(
        &mut self,
        sequence: u64,
        record: Record<'_>,
        patience: &mut u64,
        plaintext: &mut Vec<u8>,
    ) -> Option<ContentType> {
        let kind = self.protection.open(sequence, record.header, record.body, plaintext);
        if kind.is_none() {
            *patience = patience.saturating_sub(u64::from(record.header.length) * self.cost + TRY);
        }
        kind
    }

    /// Undoes compression, if there is any.
    fn inflate(&mut self, plaintext: &mut Vec<u8>) -> Option<()> {
        match &mut self.inflation {
            Some(inflation) => inflation.inflate(plaintext),
            None => Some(()),
        }
    }
}

/// What a KeyUpdate makes of a traffic secret (RFC 8446 section 7.2).
fn next_application(suite: Suite, secret: Secret) -> Option<Epoch> {
    let mut next = vec![0; suite.hash.length()];
    expand_label(suite.hash, secret.octets(), "traffic upd", &mut next)?;
    application_epoch(suite, Secret::new(&next)?)
}

/// A record as it stands on the wire.
#[derive(Clone, Copy)]
struct Record<'a> {
    header: RecordHeader,
    body: &'a [u8],
}

impl Default for Direction {
    fn default() -> Self {
        Direction {
            current: None,
            sequence: 0,
            lost: 0,
            patience: FIRST_PATIENCE,
        }
    }
}

impl Direction {
    /// Opens a record that follows the one before.
    fn open(&mut self, record: Record<'_>, plaintext: &mut Vec<u8>) -> Option<ContentType> {
        let epoch = self.current.as_mut()?;
        let kind = epoch.open(self.sequence, record, &mut self.patience, plaintext)?;
        self.sequence = self.sequence.saturating_add(1);
        Some(kind)
    }

    /// Opens a record that does not, as long as patience lasts: under the keys of the one before if records are missing in
    /// between, or under those that may follow. The fewer are missing the likelier it is.
    fn search(&mut self, following: Vec<Epoch>, record: Record<'_>, plaintext: &mut Vec<u8>) -> Option<ContentType> {
        self.patience = self.patience.saturating_sub(DERIVATION * following.len() as u64);
        let mut following: Vec<_> = following.into_iter().map(Some).collect();
        for lost in 0..=self.lost {
            let sequence = self.sequence.saturating_add(lost);
            let current = self.current.as_mut().filter(|_| lost > 0);
            if let Some(kind) = current.and_then(|epoch| epoch.open(sequence, record, &mut self.patience, plaintext)) {
                self.sequence = sequence.saturating_add(1);
                return Some(kind);
            }
            for place in &mut following {
                let epoch = place.as_mut();
                if let Some(kind) = epoch.and_then(|epoch| epoch.open(lost, record, &mut self.patience, plaintext)) {
                    self.current = place.take();
                    self.sequence = lost.saturating_add(1);
                    return Some(kind);
                }
            }
            if self.patience == 0 {
                return None;
            }
        }
        None
    }

    /// Takes note of a record that was tried.
    fn pass(&mut self, record: Record<'_>, opened: bool) {
        if let Some(epoch) = &mut self.current {
            epoch.protection.pass(record.body);
        }
        if opened {
            self.lost = 0;
            let cost = self.current.as_ref().map_or(1, |epoch| epoch.cost);
            let earned = EARNED_PATIENCE * cost * u64::from(record.header.length) + TRY;
            self.patience = (self.patience + earned).min(MOST_PATIENCE);
        } else {
            self.may_lack(1);
            self.patience = self.patience.saturating_sub(TRY);
        }
    }

    /// Takes note of a record that is missing. Patience pays for what it takes to get over it: a header is soon forged.
    fn lose_record(&mut self, length: u16) {
        if let Some(epoch) = &mut self.current {
            let encrypted = epoch.protection.lose_record(length);
            self.patience = self.patience.saturating_sub(encrypted as u64 * epoch.cost);
        }
        self.may_lack(1);
    }

    /// Takes note of records that are missing and of unknown length.
    fn lose(&mut self, records: u64) {
        if let Some(epoch) = &mut self.current {
            epoch.protection.lose();
        }
        self.may_lack(records);
    }

    fn may_lack(&mut self, records: u64) {
        self.lost = self.lost.saturating_add(records).min(MOST_LOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_records_under_rc4_cost_patience() {
        let agreed = Agreed {
            version: ProtocolVersion::TLS_1_2,
            suite: Suite::new(0x0005).unwrap(),
            master: &[1; 48],
            client_random: &[2; 32],
            server_random: &[3; 32],
            encrypt_then_mac: false,
        };
        let epoch = Epoch {
            stage: Stage::Negotiated(1),
            protection: Protection::before_tls13(agreed, Side::Client).unwrap(),
            inflation: None,
            cost: agreed.suite.cipher.cost(),
        };
        let mut direction = Direction {
            current: Some(epoch),
            ..Direction::default()
        };
        let longest = (1 << 14) + 2048;
        let cost = u64::from(longest) * agreed.suite.cipher.cost();
        (0..FIRST_PATIENCE / cost).for_each(|_| direction.lose_record(longest));
        assert!(direction.patience > 0);
        direction.lose_record(longest);
        assert_eq!(direction.patience, 0);
    }
}

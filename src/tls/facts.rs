//! What is known of one TLS connection, and what may be read from the lengths of its protected records.

use super::{Alert, Certificate, ClientHello, ContentType, ProtocolVersion, ServerHello};

/// Protected records of each side whose lengths are kept; a handshake and its first exchange need about ten.
pub(super) const MOST_ENCRYPTED: u64 = 16;

/// Alerts kept; a connection ends with its first fatal one.
pub(super) const MOST_ALERTS: usize = 16;

/// First octets kept of a direction that is no TLS, enough for a status line or a protocol's greeting.
pub(super) const FIRST_OCTETS: usize = 64;

/// A side of a connection: who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The one that opened the connection and sends the ClientHello.
    Client,
    /// The one that answers.
    Server,
}

/// What is known of one TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The first ClientHello; after a HelloRetryRequest a second one came, with the same random.
    pub client_hello: Option<ClientHello>,
    /// The ServerHello that decides.
    pub server_hello: Option<ServerHello>,
    /// Whether the server asked for another ClientHello (RFC 8446 section 4.1.4).
    pub hello_retry_request: bool,
    /// The protocol chosen by ALPN; TLS 1.3 tells it under protection.
    pub alpn: Option<Box<[u8]>>,
    /// The server's chain, leaf first; empty if it was not seen, as always in TLS 1.3 without secrets.
    pub certificates: Vec<Certificate>,
    /// The client's chain; `Some` and empty if it sent a Certificate message without any.
    pub client_certificates: Option<Vec<Certificate>>,
    /// Whether the server asked for a certificate; `None` if its flight was not seen to its end.
    pub certificate_requested: Option<bool>,
    /// Whether an earlier connection is resumed; `None` if that cannot be told yet.
    pub resumed: Option<bool>,
    /// Whether the server accepted early data; `None` if none was announced or that cannot be told.
    pub early_data_accepted: Option<bool>,
    /// The alerts, in the order they were read; those that could not be opened are among `encrypted`.
    pub alerts: Vec<AlertSeen>,
    /// The first protected records of either side, in the order they were read.
    pub encrypted: Vec<EncryptedRecord>,
    /// How far the secrets went that were given.
    pub decryption: Decryption,
    /// The client's direction.
    pub client: SideFacts,
    /// The server's direction.
    pub server: SideFacts,
    /// What was odd, each thing once a side.
    pub anomalies: Vec<(Side, Anomaly)>,
}

/// What is known of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideFacts {
    /// Records begun.
    pub records: u64,
    /// Records of type application_data; in TLS 1.3 these carry the hidden handshake as well.
    pub application_records: u64,
    /// Octets in the bodies of these, protection included, by their headers.
    pub application_octets: u64,
    /// Records of which the bodies are protected.
    pub encrypted_records: u64,
    /// How many of these were opened.
    pub opened_records: u64,
    /// How many of these could not be opened though secrets were given and tried.
    pub unopened_records: u64,
    /// Octets of application data in those that were opened.
    pub data_octets: u64,
    /// Whether Finished was read, which secrets alone allow.
    pub finished: bool,
    /// Whether a ChangeCipherSpec was seen; in TLS 1.3 it means nothing (RFC 8446 appendix D.4).
    pub change_cipher_spec: bool,
    /// The type of the record that began last.
    pub last_record: Option<ContentType>,
    /// Whether the octets so far end inside a record, or the reading did.
    pub partial: bool,
    /// The first octets (at most 64) of a direction that is no TLS at all.
    pub not_tls: Option<Vec<u8>>,
}

/// An alert and who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertSeen {
    /// Who sent it.
    pub side: Side,
    /// The alert.
    pub alert: Alert,
    /// Whether it was under protection and had to be opened.
    pub encrypted: bool,
}

/// How far the secrets went that were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decryption {
    /// There were none, or no ClientHello to find them by, or nothing to open yet.
    #[default]
    Untried,
    /// Secrets were given, but none for the random of this ClientHello.
    NoSecrets,
    /// The cipher suite or the version is one whose records are not opened here.
    Unsupported,
    /// There are secrets for this connection, but no record could be opened with them.
    Failed,
    /// A record was opened, or more; [`SideFacts::unopened_records`] tells what is missing.
    Opened,
}

/// A record of which the body is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedRecord {
    /// Who sent it.
    pub side: Side,
    /// Its outer content type; `ApplicationData` for everything in TLS 1.3.
    pub kind: ContentType,
    /// Octets of its body.
    pub length: u16,
}

/// Odd input, after which reading goes on as well as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// Octets after a good record begin no other; the rest of the direction was not read.
    BrokenRecord,
    /// Octets that the capture lacks, and with them the place of the records that follow.
    Gap,
    /// Octets that the capture lacks in a handshake message; records are still counted.
    HandshakeGap,
    /// Handshake messages too long to be true; records are still counted.
    TooLong,
    /// A handshake message that has no place here; records are still counted.
    UnexpectedMessage,
    /// A hello that is not as it ought to be.
    UnreadableHello,
    /// A certificate that is not as it ought to be.
    UnreadableCertificate,
    /// An alert record in the clear that is none.
    UnreadableAlert,
}

/// Whether the handshake was completed, as far as the outside tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Completion {
    /// Not that one could see.
    No,
    /// The client went on to send application data, or the server did; a Finished of either side was not seen as such.
    Presumed,
    /// Both sides sent Finished: it was opened, or up to TLS 1.2 it is the protected handshake message after
    /// ChangeCipherSpec.
    Yes,
}

/// What the client's first protected records of TLS 1.3 seem to be, judged by their lengths.
///
/// A protected record is longer than what it carries by one octet of content type and the cipher suite's tag (RFC 8446
/// section 5.2), so short messages betray themselves: an alert is 2 octets, an empty Certificate 8, Finished 4 and a hash.
/// Padding (section 5.4) would hide that, and then this says `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientFlight {
    /// Finished: the client accepted the server.
    Finished,
    /// A Certificate without any certificate, and Finished: the server had asked, and the client had none to give.
    EmptyCertificate,
    /// Something longer, and then Finished: a certificate and its CertificateVerify, or early data.
    CertificateOrEarlyData,
    /// An alert in the place of Finished: the client rejected the server.
    Alert,
    /// Anything else.
    Other,
}

impl Facts {
    /// The negotiated version; a HelloRetryRequest is enough to know TLS 1.3.
    pub fn version(&self) -> Option<ProtocolVersion> {
        let retried = self.hello_retry_request.then_some(ProtocolVersion::TLS_1_3);
        self.server_hello.as_ref().map(|hello| hello.version).or(retried)
    }

    /// Whether anything under protection was opened.
    pub fn decrypted(&self) -> bool {
        self.decryption == Decryption::Opened
    }

    /// Whether HTTP/2 was chosen by ALPN, where that can be seen: in TLS 1.3 only with secrets.
    pub fn agreed_on_http2(&self) -> bool {
        self.alpn.as_deref() == Some(b"h2")
    }

    /// Whether the server said something inside, and the client nothing, as far as that can be seen: in TLS 1.3 only with
    /// secrets.
    pub fn server_alone_spoke(&self) -> bool {
        let tls13 = self.version().is_some_and(ProtocolVersion::is_tls13);
        match tls13 {
            true => self.server.data_octets > 0 && self.client.data_octets == 0,
            false => self.server.application_records > 0 && self.client.application_records == 0,
        }
    }

    /// Whether secrets were given, and what is protected here stayed hidden all the same.
    pub fn lacks_secrets(&self) -> bool {
        let hidden = self.client.encrypted_records + self.server.encrypted_records > 0;
        hidden && !matches!(self.decryption, Decryption::Untried | Decryption::Opened)
    }

    /// What is known of one direction.
    pub fn side(&self, side: Side) -> &SideFacts {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The first fatal alert that was read: closures are none, nor are warnings before TLS 1.3.
    pub fn fatal_alert(&self) -> Option<AlertSeen> {
        // In TLS 1.3 the level says nothing (RFC 8446 section 6).
        let tls13 = self.version().is_some_and(ProtocolVersion::is_tls13);
        let is_fatal = |alert: Alert| !alert.is_closure() && (tls13 || !alert.is_warning());
        self.alerts.iter().copied().find(|seen| is_fatal(seen.alert))
    }

    /// The first alert of any kind that was read and that one side sent.
    pub fn alert_of(&self, side: Side) -> Option<Alert> {
        self.alerts.iter().find(|seen| seen.side == side).map(|seen| seen.alert)
    }

    /// The first protected records of one side, in order.
    pub fn encrypted_of(&self, side: Side) -> impl Iterator<Item = EncryptedRecord> + '_ {
        self.encrypted.iter().copied().filter(move |record| record.side == side)
    }

    /// Whether the handshake was completed.
    ///
    /// In TLS 1.3 without secrets this is the client's view: it sent its Finished and then something longer than an alert.
    /// The server may still refuse the client's certificate, which [`Facts::server_answered_likely`] and
    /// [`Facts::client_certificate_missing_likely`] hint at.
    pub fn completed(&self) -> Completion {
        match self.version() {
            Some(version) if !version.is_tls13() => self.completed_tls12(),
            Some(_) if self.client.finished && self.server.finished => self.completed_tls13_opened(),
            Some(_) => self.completed_tls13(),
            None => self.completed_tls12(),
        }
    }

    /// Both Finished were opened: what is left is whether the server is content with the client's certificate.
    fn completed_tls13_opened(&self) -> Completion {
        let answered = self.server.data_octets > 0;
        let refused = !answered && self.fatal_alert().is_some_and(|seen| seen.side == Side::Server);
        let content = answered || self.certificate_requested != Some(true);
        match content {
            _ if refused => Completion::No,
            true => Completion::Yes,
            false if self.client.data_octets > 0 => Completion::Presumed,
            false => Completion::No,
        }
    }

    fn completed_tls12(&self) -> Completion {
        let finished = |side| {
            self.encrypted_of(side)
                .next()
                .is_some_and(|first| first.kind == ContentType::Handshake)
        };
        if finished(Side::Client) && finished(Side::Server) {
            return Completion::Yes;
        }
        // If the ServerHello was not seen, a client that offers TLS 1.3 may have got it, and the first records are handshake.
        let maybe_tls13 = self.version().is_none()
            && self
                .client_hello
                .as_ref()
                .is_some_and(|hello| hello.highest_version().is_tls13());
        let handshake = if maybe_tls13 { MOST_HIDDEN_HANDSHAKE } else { 0 };
        let said_data = |side: &SideFacts| side.application_records > handshake;
        // A client may send data before the server's Finished (RFC 7918), a server may not: so data of the client counts
        // only if the server's direction is missing from the capture.
        let client_alone = said_data(&self.client) && self.server.records == 0;
        if said_data(&self.server) || client_alone {
            Completion::Presumed
        } else {
            Completion::No
        }
    }

    fn completed_tls13(&self) -> Completion {
        let Some(alert) = self.hidden_length(ALERT) else {
            return Completion::No;
        };
        let data_after_finished = self.after_client_finished().any(|record| record.length != alert);
        let server_alone = self.client.records == 0 && self.server.application_records > MOST_HIDDEN_HANDSHAKE;
        if data_after_finished || server_alone {
            Completion::Presumed
        } else {
            Completion::No
        }
    }

    /// What the client answered to the server's flight of TLS 1.3; `None` before TLS 1.3 and if it sent nothing protected.
    ///
    /// Protected records that the client sent before the server's first one are early data and are passed over.
    pub fn client_flight_likely(&self) -> Option<ClientFlight> {
        if let Some(opened) = self.client_flight_opened() {
            return Some(opened);
        }
        let (alert, finished) = (self.hidden_length(ALERT)?, self.hidden_length(self.finished_length()?)?);
        let empty = self.hidden_length(EMPTY_CERTIFICATE)?;
        let mut lengths = self.client_answer().map(|record| record.length);
        let first = lengths.next()?;
        let second = lengths.clone().next();
        Some(if first == finished {
            ClientFlight::Finished
        } else if first == alert {
            ClientFlight::Alert
        } else if first == empty && second == Some(finished) || first == finished + EMPTY_CERTIFICATE {
            ClientFlight::EmptyCertificate
        } else if self.hidden_length(END_OF_EARLY_DATA) == Some(first) && second == Some(finished) {
            ClientFlight::Finished
        } else if first > finished && lengths.any(|length| length == finished) {
            ClientFlight::CertificateOrEarlyData
        } else {
            ClientFlight::Other
        })
    }

    /// The same, if the client's Finished was opened, or an alert in its place.
    fn client_flight_opened(&self) -> Option<ClientFlight> {
        if !self.version()?.is_tls13() {
            return None;
        }
        if !self.client.finished {
            let mut alerts = self.alerts.iter();
            let alert = alerts.any(|seen| seen.side == Side::Client && seen.encrypted);
            return (alert && self.client.unopened_records == 0).then_some(ClientFlight::Alert);
        }
        Some(match &self.client_certificates {
            None => ClientFlight::Finished,
            Some(chain) if chain.is_empty() => ClientFlight::EmptyCertificate,
            Some(_) => ClientFlight::CertificateOrEarlyData,
        })
    }

    /// Whether the client sent its Finished so far; `None` if that cannot be told.
    ///
    /// Up to TLS 1.2 a protected handshake record says it. In TLS 1.3 the lengths do: an alert in its place is `false`, as
    /// is nothing at all after the server's flight.
    pub fn client_finished_likely(&self) -> Option<bool> {
        let version = self.version()?;
        if self.client.records == 0 {
            return None;
        }
        if !version.is_tls13() {
            return Some(
                self.encrypted_of(Side::Client)
                    .any(|record| record.kind == ContentType::Handshake),
            );
        }
        match self.client_flight_likely() {
            Some(ClientFlight::Finished | ClientFlight::EmptyCertificate) => Some(true),
            Some(ClientFlight::CertificateOrEarlyData) => Some(true),
            Some(ClientFlight::Alert) => Some(false),
            Some(ClientFlight::Other) => None,
            // Much early data leaves no room for the lengths of what followed it.
            None if self.client.encrypted_records > MOST_ENCRYPTED => None,
            None => (self.server.encrypted_records > 0).then_some(false),
        }
    }

    /// Whether the client of TLS 1.3 rejected the server, or gave up, by an alert that is hidden: see
    /// [`ClientFlight::Alert`].
    pub fn client_rejected_likely(&self) -> bool {
        self.client_flight_likely() == Some(ClientFlight::Alert)
    }

    /// Whether the client was asked for a certificate and had none: plain before TLS 1.3, by the lengths in it.
    pub fn client_certificate_missing_likely(&self) -> bool {
        match &self.client_certificates {
            Some(chain) => chain.is_empty() && self.client.encrypted_records > 0,
            None => self.client_flight_likely() == Some(ClientFlight::EmptyCertificate),
        }
    }

    /// Whether the server of TLS 1.3 had more to say than an alert once the client had sent its Finished, and so accepted
    /// it; `None` if it said nothing at all, or if there was no Finished.
    ///
    /// `Some(false)` is one record of an alert's length: a refusal, or the orderly end of a connection without answer.
    pub fn server_answered_likely(&self) -> Option<bool> {
        let alert = self.hidden_length(ALERT)?;
        let finished = self.client_finished_at()?;
        let mut answer = self
            .encrypted
            .iter()
            .skip(finished + 1)
            .filter(|record| record.side == Side::Server)
            .peekable();
        answer.peek()?;
        Some(answer.any(|record| record.length != alert))
    }

    /// What the client sent once the server's flight had begun.
    fn client_answer(&self) -> impl Iterator<Item = EncryptedRecord> + Clone + '_ {
        let answer = self
            .encrypted
            .iter()
            .copied()
            .skip_while(|record| record.side == Side::Client);
        answer.filter(|record| record.side == Side::Client)
    }

    /// What the client sent after its Finished.
    fn after_client_finished(&self) -> impl Iterator<Item = EncryptedRecord> + '_ {
        let finished = self.client_finished_at().unwrap_or(usize::MAX);
        let after = self.encrypted.iter().copied().skip(finished.saturating_add(1));
        after.filter(|record| record.side == Side::Client)
    }

    /// The place among `encrypted` of the client's Finished of TLS 1.3.
    fn client_finished_at(&self) -> Option<usize> {
        let finished = self.hidden_length(self.finished_length()?)?;
        let length = match self.client_flight_likely()? {
            ClientFlight::Alert | ClientFlight::Other => return None,
            // It may stand in one record with the empty Certificate.
            ClientFlight::EmptyCertificate if self.client_answer().next()?.length > finished => {
                finished + EMPTY_CERTIFICATE
            }
            _ => finished,
        };
        let flight = self.encrypted.iter().position(|record| record.side == Side::Server)?;
        let is_it = |record: &EncryptedRecord| record.side == Side::Client && record.length == length;
        self.encrypted
            .iter()
            .skip(flight)
            .position(is_it)
            .map(|place| flight + place)
    }

    /// The body's length of a protected record of TLS 1.3 that carries so many octets without padding.
    fn hidden_length(&self, octets: u16) -> Option<u16> {
        let hello = self.server_hello.as_ref().filter(|hello| hello.version.is_tls13())?;
        // RFC 8446 section 5.2; TLS_AES_128_CCM_8_SHA256 is the one suite with a tag of eight octets.
        let tag = if hello.cipher_suite == 0x1305 { 8 } else { 16 };
        Some(octets + 1 + tag)
    }

    /// Octets of Finished: a header and a hash (RFC 8446 section 4.4.4).
    fn finished_length(&self) -> Option<u16> {
        match self.server_hello.as_ref()?.cipher_suite {
            0x1302 => Some(4 + 48),
            0x1301 | 0x1303..=0x1305 => Some(4 + 32),
            _ => None,
        }
    }
}

/// Records in which TLS 1.3 hides the handshake of one side, at most: the server's EncryptedExtensions, CertificateRequest,
/// Certificate, CertificateVerify and Finished. A chain of more than 2^14 octets would need one more.
const MOST_HIDDEN_HANDSHAKE: u64 = 5;

/// Octets of an alert (RFC 8446 section 6).
const ALERT: u16 = 2;

/// Octets of EndOfEarlyData: a header (RFC 8446 section 4.5).
const END_OF_EARLY_DATA: u16 = 4;

/// Octets of a Certificate without certificates: a header, an empty context, an empty list (RFC 8446 section 4.4.2).
const EMPTY_CERTIFICATE: u16 = 4 + 1 + 3;

//! The observer of both directions of one TLS connection.

use std::{borrow::Cow, sync::Arc};

use super::{
    Alert, AlertSeen, Anomaly, Certificate, ClientHello, ContentType, Decryption, EncryptedRecord, Facts, KeyLog,
    RecordEvent, RecordHeader, Records, ServerHello, Side, SideFacts,
    decrypt::Decryptor,
    facts::{FIRST_OCTETS, MOST_ALERTS, MOST_ENCRYPTED},
    message::{self, Message, Messages, kind},
    search::Search,
};

/// What has just come by; a message is told when its last octet is read, a protected record when its header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// ClientHello; a second one follows a HelloRetryRequest.
    ClientHello,
    /// HelloRetryRequest.
    HelloRetryRequest,
    /// ServerHello.
    ServerHello,
    /// EncryptedExtensions, opened.
    EncryptedExtensions,
    /// Certificate, in the clear or opened.
    Certificate(Side),
    /// ServerKeyExchange.
    ServerKeyExchange,
    /// CertificateRequest, in the clear or opened.
    CertificateRequest,
    /// ServerHelloDone: the server's flight is over, up to TLS 1.2.
    ServerHelloDone,
    /// ClientKeyExchange.
    ClientKeyExchange,
    /// CertificateVerify, in the clear or opened.
    CertificateVerify(Side),
    /// ChangeCipherSpec; in TLS 1.3 it means nothing.
    ChangeCipherSpec(Side),
    /// Finished, opened.
    Finished(Side),
    /// An alert, in the clear or opened.
    Alert(Side, Alert),
    /// A record of which the body is protected. Up to TLS 1.2 its type tells handshake from alert from application data.
    Encrypted(EncryptedRecord),
    /// Application data, opened. Early data is among it, before it is known whether the server accepts it.
    Data(Side, &'a [u8]),
    /// Application data is missing here: records that could not be opened, or are not there. How many octets, if it is one
    /// record and its length tells; padding (RFC 8446 section 5.4) would make them fewer.
    DataGap(Side, Option<u64>),
    /// The client's data so far was early data, and the server rejected it: the client will say it again.
    EarlyDataRejected,
    /// The direction is no TLS, if it was heard from its beginning: see [`SideFacts::not_tls`].
    NotTls(Side),
}

/// The observer of both directions of one TLS connection: it takes the octets of either side and gathers facts.
///
/// Octets of a direction must come in order; the directions should alternate as they were captured, for what is early data
/// and what an answer is told by that order.
#[derive(Debug, Default)]
pub struct Handshake {
    facts: Facts,
    client: Direction,
    server: Direction,
    secrets: Option<Arc<KeyLog>>,
    /// There is one if there are secrets for this connection.
    decryptor: Option<Box<Decryptor>>,
}

/// The reading state of one direction.
#[derive(Debug, Default)]
struct Direction {
    records: Records,
    said: Said,
    /// After a gap: the search for the next record.
    search: Option<Search>,
}

/// The handshake messages of one direction.
#[derive(Debug, Default)]
pub(super) struct Said {
    clear: Messages,
    /// Those that were opened.
    pub(super) hidden: Messages,
    /// Whether the record that is being kept is to be opened.
    pub(super) sealed: bool,
}

/// How the handshake records of a direction are to be read at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Clear,
    Protected,
    /// TLS 1.3 may be spoken: only another hello is still in the clear.
    HelloOrProtected,
}

impl Handshake {
    /// An observer that opens what is protected, if these are the secrets for it.
    pub fn with_secrets(secrets: Arc<KeyLog>) -> Handshake {
        Handshake {
            secrets: Some(secrets),
            ..Handshake::default()
        }
    }

    /// Reads the next octets of one side and tells `on` what they brought.
    pub fn read(&mut self, side: Side, octets: &[u8], mut on: impl FnMut(Event<'_>)) {
        let Some(octets) = self.after_gap(side, octets, &mut on) else {
            return;
        };
        let (mut notes, Direction { records, said, .. }) = self.hear(side);
        let mut rest = &*octets;
        loop {
            let (read, event) = records.read(rest);
            let (passed, left) = rest.split_at(read);
            rest = left;
            match event {
                Some(RecordEvent::Start(header)) => {
                    if notes.starts(header, said, &mut on) {
                        records.keep();
                    }
                }
                Some(RecordEvent::Body(header, body)) => notes.body(header, body, said, &mut on),
                Some(RecordEvent::Broken(octets)) => notes.broken(octets, &mut on),
                None => {
                    notes.first_octets(passed);
                    break;
                }
            }
        }
        notes.this_side().partial = records.is_inside();
    }

    /// Passes over octets of one side that the capture lacks; whether the records after them can still be read.
    ///
    /// If the place of the records is lost, it is searched for while there are secrets: the next one that opens shows it.
    pub fn gap(&mut self, side: Side, missing: u64, mut on: impl FnMut(Event<'_>)) -> bool {
        let Direction { records, said, .. } = self.hear(side).1;
        let cut = records.unfinished().map(|(header, _)| header).filter(|_| missing > 0);
        let sealed = cut.filter(|_| said.sealed);
        if cut.is_some() && sealed.is_none() {
            self.end(side, &mut on);
            self.hear(side).0.odd(Anomaly::HandshakeGap);
        }
        let (mut notes, Direction { records, said, search }) = self.hear(side);
        let (was_read, bridged) = (records.is_reading(), records.gap(missing));
        notes.this_side().partial = records.is_inside();
        if was_read && !bridged {
            notes.odd(Anomaly::Gap);
        }
        if bridged {
            if let Some(header) = sealed {
                notes.lose_record(header, said, &mut on);
            }
            return true;
        }
        if notes.opens() && (was_read || search.is_some()) {
            notes.lose_records(missing, said, &mut on);
            *search = Some(Search::default());
        }
        search.is_some()
    }

    /// Takes note that one side will say no more: what there is of an unfinished hello or certificate chain is read.
    pub fn end(&mut self, side: Side, mut on: impl FnMut(Event<'_>)) {
        let (mut notes, Direction { records, said, .. }) = self.hear(side);
        if let Some((header, body)) = records.unfinished().filter(|_| !said.sealed)
            && header.kind == ContentType::Handshake
            && (notes.reading() == Reading::Clear || message::begins_with_hello(body))
        {
            notes.messages(body, &mut said.clear, &mut on);
        }
        if let Some(message) = said.clear.unfinished() {
            notes.message(message, &mut on);
        }
        said.clear.stop();
    }

    /// Opens no more records: what is needed is known.
    pub fn stop_opening(&mut self) {
        self.secrets = None;
        self.decryptor = None;
        self.client.search = None;
        self.server.search = None;
    }

    /// How many of the next octets of one side need not be read, and may be given as a gap just as well.
    pub fn unread(&self, side: Side) -> u64 {
        let Direction { records, search, .. } = match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        };
        match &self.facts.side(side).not_tls {
            Some(first) if first.len() < FIRST_OCTETS => 0,
            _ if search.is_some() => 0,
            _ => records.unread(),
        }
    }

    /// What is known so far.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What became known, when all was read.
    pub fn into_facts(self) -> Facts {
        self.facts
    }

    /// How many octets are held, the facts by what they print.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let of_direction = |direction: &Direction| {
            let said = direction.said.clear.held() + direction.said.hidden.held();
            direction.records.held() + said + direction.search.as_ref().map_or(0, Search::held)
        };
        let content = self
            .decryptor
            .as_ref()
            .map_or(0, |decryptor| decryptor.content.capacity());
        let facts = self
            .facts
            .certificates
            .iter()
            .map(|it| format!("{it:?}").len())
            .sum::<usize>();
        of_direction(&self.client) + of_direction(&self.server) + content + facts
    }

    /// The octets from the next record on: all of them, unless the place of the records was lost and it is still not found.
    fn after_gap<'o>(&mut self, side: Side, octets: &'o [u8], on: &mut impl FnMut(Event<'_>)) -> Option<Cow<'o, [u8]>> {
        let (mut notes, Direction { records, said, search }) = self.hear(side);
        let Some(searched) = search else {
            return Some(Cow::Borrowed(octets));
        };
        let found = notes.find(searched, octets, said, on);
        if found.is_some() || !notes.opens() {
            *search = None;
        }
        let behind = found?;
        records.resume();
        Some(Cow::Owned(behind))
    }

    /// The facts to be written and the state to be read while one side speaks.
    fn hear(&mut self, side: Side) -> (Notes<'_>, &mut Direction) {
        let direction = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        (
            Notes {
                facts: &mut self.facts,
                side,
                secrets: self.secrets.as_ref(),
                decryptor: &mut self.decryptor,
            },
            direction,
        )
    }
}

/// The facts, while one side speaks.
pub(super) struct Notes<'f> {
    pub(super) facts: &'f mut Facts,
    pub(super) side: Side,
    secrets: Option<&'f Arc<KeyLog>>,
    pub(super) decryptor: &'f mut Option<Box<Decryptor>>,
}

impl Notes<'_> {
    /// Takes note of a record that begins; whether its body must be read.
    fn starts(&mut self, header: RecordHeader, said: &mut Said, on: &mut impl FnMut(Event<'_>)) -> bool {
        let this = self.this_side();
        this.records += 1;
        this.last_record = Some(header.kind);
        said.sealed = false;
        match header.kind {
            ContentType::ChangeCipherSpec if header.length == 1 => {
                self.change_cipher_spec(&said.clear);
                on(Event::ChangeCipherSpec(self.side));
                false
            }
            ContentType::Heartbeat if !self.opens() => false,
            ContentType::Alert if header.length <= Alert::LONGEST_CLEAR => true,
            ContentType::Handshake if self.reading() != Reading::Protected => said.clear.is_reading(),
            _ => {
                self.encrypted(header, on);
                said.sealed = self.opens();
                said.sealed
            }
        }
    }

    /// Reads the body of a record that was kept.
    fn body(&mut self, header: RecordHeader, body: &[u8], said: &mut Said, on: &mut impl FnMut(Event<'_>)) {
        match header.kind {
            _ if said.sealed => self.open(header, body, said, on),
            ContentType::Alert => self.alerts(body, false, on),
            _ if self.reading() == Reading::Clear
                || said.clear.unfinished().is_some()
                || message::begins_with_hello(body) =>
            {
                self.messages(body, &mut said.clear, on);
            }
            _ => {
                self.encrypted(header, on);
                self.open(header, body, said, on);
            }
        }
    }

    fn broken(&mut self, octets: &[u8], on: &mut impl FnMut(Event<'_>)) {
        if self.this_side().records > 0 {
            self.odd(Anomaly::BrokenRecord);
            return;
        }
        self.this_side().not_tls = Some(octets.to_vec());
        on(Event::NotTls(self.side));
    }

    /// Adds to the first octets of a direction that is no TLS.
    fn first_octets(&mut self, octets: &[u8]) {
        if let Some(first) = &mut self.this_side().not_tls {
            let room = FIRST_OCTETS.saturating_sub(first.len());
            first.extend(octets.iter().take(room));
        }
    }

    pub(super) fn encrypted(&mut self, header: RecordHeader, on: &mut impl FnMut(Event<'_>)) {
        let record = EncryptedRecord {
            side: self.side,
            kind: header.kind,
            length: header.length,
        };
        let this = self.this_side();
        this.encrypted_records += 1;
        if header.kind == ContentType::ApplicationData {
            this.application_records += 1;
            this.application_octets += u64::from(header.length);
        }
        if this.encrypted_records <= MOST_ENCRYPTED {
            self.facts.encrypted.push(record);
        }
        on(Event::Encrypted(record));
    }

    fn change_cipher_spec(&mut self, messages: &Messages) {
        self.this_side().change_cipher_spec = true;
        // A server that changes ciphers before it showed a certificate or a key has resumed (RFC 5246 section 7.3).
        let old = self
            .facts
            .server_hello
            .as_ref()
            .is_some_and(|hello| !hello.version.is_tls13());
        if old && self.side == Side::Server && messages.is_reading() {
            self.facts.resumed.get_or_insert(true);
        }
    }

    pub(super) fn alerts(&mut self, body: &[u8], encrypted: bool, on: &mut impl FnMut(Event<'_>)) {
        let Some(alerts) = Alert::read(body) else {
            return self.odd(Anomaly::UnreadableAlert);
        };
        for alert in alerts {
            if self.facts.alerts.len() < MOST_ALERTS {
                self.facts.alerts.push(AlertSeen {
                    side: self.side,
                    alert,
                    encrypted,
                });
            }
            on(Event::Alert(self.side, alert));
        }
    }

    fn messages(&mut self, fragment: &[u8], messages: &mut Messages, on: &mut impl FnMut(Event<'_>)) {
        let mut expected = true;
        let read = messages.read(fragment, |message| expected = expected && self.message(message, on));
        if read.is_err() {
            self.odd(Anomaly::TooLong);
        }
        // What has no place here is most likely ciphertext of a connection whose beginning the capture lacks.
        if !expected {
            self.odd(Anomaly::UnexpectedMessage);
            messages.stop();
        }
    }

    /// Reads one message, whole or cut by the end of its direction; whether it may stand in the clear.
    pub(super) fn message(&mut self, message: Message<'_>, on: &mut impl FnMut(Event<'_>)) -> bool {
        let event = match (self.side, message.kind) {
            (Side::Client, kind::CLIENT_HELLO) => self.client_hello(message),
            (Side::Server, kind::SERVER_HELLO) => self.server_hello(message, on),
            (Side::Server, kind::DRAFT_HELLO_RETRY_REQUEST) => Some(self.hello_retry_request(on)),
            (_, kind::CERTIFICATE) => self.certificates(message),
            _ if !message.is_whole() => None,
            (Side::Server, kind::SERVER_KEY_EXCHANGE) => {
                self.facts.resumed.get_or_insert(false);
                Some(Event::ServerKeyExchange)
            }
            (Side::Server, kind::CERTIFICATE_REQUEST) => {
                self.facts.certificate_requested = Some(true);
                Some(Event::CertificateRequest)
            }
            (Side::Server, kind::SERVER_HELLO_DONE) => {
                self.facts.certificate_requested.get_or_insert(false);
                self.facts.resumed.get_or_insert(false);
                Some(Event::ServerHelloDone)
            }
            (Side::Client, kind::CLIENT_KEY_EXCHANGE) => Some(Event::ClientKeyExchange),
            (side, kind::CERTIFICATE_VERIFY) => Some(Event::CertificateVerify(side)),
            (Side::Server, kind::HELLO_REQUEST | kind::NEW_SESSION_TICKET | kind::CERTIFICATE_STATUS)
            | (_, kind::SUPPLEMENTAL_DATA) => None,
            _ => return false,
        };
        if let Some(event) = event {
            on(event);
        }
        true
    }

    fn client_hello(&mut self, message: Message<'_>) -> Option<Event<'static>> {
        let Some(hello) = ClientHello::read(message.body, message.length) else {
            self.odd(Anomaly::UnreadableHello);
            return None;
        };
        if !hello.complete && message.is_whole() {
            self.odd(Anomaly::UnreadableHello);
        }
        if self.facts.client_hello.is_none() {
            self.look_for_secrets(&hello);
            self.facts.client_hello = Some(hello);
        }
        Some(Event::ClientHello)
    }

    /// Finds the secrets for the connection of this ClientHello.
    fn look_for_secrets(&mut self, hello: &ClientHello) {
        let Some(secrets) = self.secrets else { return };
        *self.decryptor = Decryptor::new(secrets, hello).map(Box::new);
        if self.decryptor.is_none() {
            self.facts.decryption = Decryption::NoSecrets;
        }
    }

    fn hello_retry_request(&mut self, on: &mut impl FnMut(Event<'_>)) -> Event<'static> {
        self.facts.hello_retry_request = true;
        self.early_data(false, on);
        Event::HelloRetryRequest
    }

    fn server_hello(&mut self, message: Message<'_>, on: &mut impl FnMut(Event<'_>)) -> Option<Event<'static>> {
        let Some(hello) = ServerHello::read(message.body).filter(|_| message.is_whole()) else {
            self.odd(Anomaly::UnreadableHello);
            return None;
        };
        if hello.is_retry_request() {
            return Some(self.hello_retry_request(on));
        }
        if hello.version.is_tls13() {
            self.facts.resumed.get_or_insert(hello.pre_shared_key);
        }
        if self.facts.server_hello.is_none() {
            if !hello.pre_shared_key {
                self.early_data(false, on);
            }
            self.choose(&hello);
            self.facts.alpn.clone_from(&hello.alpn);
            self.facts.server_hello = Some(hello);
        }
        Some(Event::ServerHello)
    }

    fn certificates(&mut self, message: Message<'_>) -> Option<Event<'static>> {
        let chain = Certificate::read_chain(message.body);
        self.chain(chain, message)
    }

    /// Takes note of a chain that was read, and whether all of it could be.
    pub(super) fn chain(
        &mut self,
        (chain, readable): (Vec<Certificate>, bool),
        message: Message<'_>,
    ) -> Option<Event<'static>> {
        if !readable && message.is_whole() {
            self.odd(Anomaly::UnreadableCertificate);
        }
        match self.side {
            Side::Client => self.facts.client_certificates = Some(chain),
            Side::Server => {
                self.facts.certificates = chain;
                self.facts.resumed.get_or_insert(false);
            }
        }
        Some(Event::Certificate(self.side))
    }

    fn reading(&mut self) -> Reading {
        let changed = self.this_side().change_cipher_spec;
        match (&self.facts.server_hello, self.side) {
            (Some(hello), Side::Server) if hello.version.is_tls13() => Reading::Protected,
            (Some(hello), Side::Client) if hello.version.is_tls13() => Reading::HelloOrProtected,
            (Some(_), _) if changed => Reading::Protected,
            (None, _) if changed => Reading::HelloOrProtected,
            _ => Reading::Clear,
        }
    }

    pub(super) fn odd(&mut self, anomaly: Anomaly) {
        if !self.facts.anomalies.contains(&(self.side, anomaly)) {
            self.facts.anomalies.push((self.side, anomaly));
        }
    }

    pub(super) fn this_side(&mut self) -> &mut SideFacts {
        match self.side {
            Side::Client => &mut self.facts.client,
            Side::Server => &mut self.facts.server,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificate::tests::example;
    use crate::tls::wire::{
        client_hello, client_hello_tls13, extension, message, record, server_hello, server_hello_tls13,
    };
    use crate::tls::{ClientFlight, Completion, ProtocolVersion};

    const CLIENT: Side = Side::Client;
    const SERVER: Side = Side::Server;

    /// Who said what, in order.
    type Talk = Vec<(Side, Vec<u8>)>;

    fn hidden(length: usize) -> Vec<u8> {
        record(23, &vec![0xaa; length])
    }

    fn certificate_message() -> Vec<u8> {
        message(11, &[&[0, 1, 184, 0, 1, 181], &example()[..]].concat())
    }

    /// TLS 1.2 with a certificate asked of the client, which has none; several messages to a record and the reverse.
    fn tls12() -> Talk {
        let hello = message(1, &client_hello(&[]));
        let flight = [
            certificate_message(),
            message(12, &[1; 70]),
            message(13, &[1, 64, 0, 0]),
            message(14, &[]),
        ]
        .concat();
        let flight: Vec<u8> = flight.chunks(100).flat_map(|fragment| record(22, fragment)).collect();
        let answer = [message(11, &[0, 0, 0]), message(16, &[9; 66])].concat();
        let finished = record(22, &[0xbb; 40]);
        vec![
            (CLIENT, [record(22, &hello[..9]), record(22, &hello[9..])].concat()),
            (
                SERVER,
                [record(22, &message(2, &server_hello([6; 32], 0xc02f, &[]))), flight].concat(),
            ),
            (
                CLIENT,
                [record(22, &answer), record(20, &[1]), finished.clone()].concat(),
            ),
            (SERVER, [record(20, &[1]), finished].concat()),
            (CLIENT, hidden(200)),
            (SERVER, [hidden(159), record(21, &[0xcc; 26])].concat()),
        ]
    }

    /// TLS 1.3 with a HelloRetryRequest; the client's answer to the server's flight is `answer`.
    fn tls13(answer: &[u8]) -> Talk {
        let retry = [
            0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
            0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
        ];
        let retry = message(
            2,
            &server_hello(retry, 0x1302, &[extension(43, &[3, 4]), extension(51, &[0, 0x17])]),
        );
        let hello = message(1, &client_hello_tls13());
        let flight = [record(20, &[1]), record(22, &message(2, &server_hello_tls13(0x1302)))].concat();
        vec![
            (CLIENT, record(22, &hello)),
            (SERVER, record(22, &retry)),
            (
                CLIENT,
                [record(20, &[1]), record(22, &hello[..50]), record(22, &hello[50..])].concat(),
            ),
            (
                SERVER,
                [flight, hidden(23), hidden(440), hidden(95), hidden(69)].concat(),
            ),
            (CLIENT, answer.to_vec()),
        ]
    }

    fn listen(talk: &Talk, piece: usize) -> (Facts, Vec<String>) {
        let mut handshake = Handshake::default();
        let mut events = Vec::new();
        for (side, octets) in talk {
            for octets in octets.chunks(piece) {
                handshake.read(*side, octets, |event| events.push(format!("{event:?}")));
            }
        }
        for side in [CLIENT, SERVER] {
            handshake.end(side, |event| events.push(format!("{event:?}")));
        }
        (handshake.into_facts(), events)
    }

    fn facts(talk: &Talk) -> Facts {
        listen(talk, usize::MAX).0
    }

    #[test]
    fn hears_a_handshake_of_tls12() {
        let (facts, events) = listen(&tls12(), usize::MAX);
        let encrypted = |side, kind, length| Event::Encrypted(EncryptedRecord { side, kind, length });
        assert_eq!(
            events,
            [
                Event::ClientHello,
                Event::ServerHello,
                Event::Certificate(SERVER),
                Event::ServerKeyExchange,
                Event::CertificateRequest,
                Event::ServerHelloDone,
                Event::Certificate(CLIENT),
                Event::ClientKeyExchange,
                Event::ChangeCipherSpec(CLIENT),
                encrypted(CLIENT, ContentType::Handshake, 40),
                Event::ChangeCipherSpec(SERVER),
                encrypted(SERVER, ContentType::Handshake, 40),
                encrypted(CLIENT, ContentType::ApplicationData, 200),
                encrypted(SERVER, ContentType::ApplicationData, 159),
                encrypted(SERVER, ContentType::Alert, 26),
            ]
            .map(|event| format!("{event:?}"))
        );
        assert_eq!(facts.version(), Some(ProtocolVersion::TLS_1_2));
        assert_eq!(facts.completed(), Completion::Yes);
        assert_eq!(facts.certificates.len(), 1);
        assert_eq!(facts.client_certificates, Some(Vec::new()));
        assert_eq!((facts.certificate_requested, facts.resumed), (Some(true), Some(false)));
        assert!(facts.client_certificate_missing_likely());
        assert!(facts.alerts.is_empty() && facts.anomalies.is_empty());
        assert_eq!(
            (facts.server.application_records, facts.server.application_octets),
            (1, 159)
        );
        assert_eq!(facts.server.last_record, Some(ContentType::Alert));
    }

    #[test]
    fn the_pieces_do_not_matter() {
        for talk in [
            tls12(),
            tls13(&[hidden(25), hidden(69), hidden(214)].concat()),
            tls13(&record(21, &[2, 48])),
        ] {
            let whole = listen(&talk, usize::MAX);
            for piece in 1..200 {
                assert_eq!(listen(&talk, piece), whole);
            }
        }
    }

    #[test]
    fn lengths_tell_the_answer_of_tls13() {
        let after = |answer: &[Vec<u8>]| facts(&tls13(&answer.concat()));
        let finished = after(&[record(20, &[1]), hidden(69), hidden(214)]);
        assert!(finished.hello_retry_request && finished.anomalies.is_empty());
        assert_eq!(finished.client_flight_likely(), Some(ClientFlight::Finished));
        assert_eq!(
            (finished.client_finished_likely(), finished.completed()),
            (Some(true), Completion::Presumed)
        );
        assert_eq!(after(&[hidden(69)]).completed(), Completion::No);
        assert_eq!(after(&[hidden(69), hidden(19)]).completed(), Completion::No);

        let rejected = after(&[hidden(19)]);
        assert!(rejected.client_rejected_likely());
        assert_eq!(
            (rejected.client_finished_likely(), rejected.completed()),
            (Some(false), Completion::No)
        );

        for empty in [
            vec![hidden(25), hidden(69)],
            vec![hidden(77)],
            vec![hidden(25), hidden(69), hidden(200)],
        ] {
            let empty = after(&empty);
            assert_eq!(empty.client_flight_likely(), Some(ClientFlight::EmptyCertificate));
            assert!(empty.client_certificate_missing_likely());
            assert_eq!(empty.server_answered_likely(), None);
        }
        let bearer = after(&[hidden(800), hidden(281), hidden(69)]);
        assert_eq!(
            bearer.client_flight_likely(),
            Some(ClientFlight::CertificateOrEarlyData)
        );
        assert_eq!(after(&[hidden(53), hidden(100)]).client_finished_likely(), None);
        assert_eq!(after(&[]).client_finished_likely(), Some(false));
        assert_eq!(after(&[]).client_flight_likely(), None);
    }

    #[test]
    fn suites_that_are_not_opened_are_told() {
        let secrets = format!("CLIENT_RANDOM {} {}", "07".repeat(32), "11".repeat(48));
        let secrets = Arc::new(KeyLog::parse(secrets.as_bytes()));
        // AES-128-GCM, RC2 of 40 bits, GOST 28147.
        for (suite, told) in [
            (0xc02f, Decryption::Failed),
            (0x0006, Decryption::Unsupported),
            (0x0081, Decryption::Unsupported),
        ] {
            let mut handshake = Handshake::with_secrets(Arc::clone(&secrets));
            let hello = record(22, &message(2, &server_hello([6; 32], suite, &[])));
            handshake.read(CLIENT, &record(22, &message(1, &client_hello(&[]))), |_| ());
            handshake.read(SERVER, &[hello, hidden(100)].concat(), |_| ());
            assert_eq!(handshake.facts().decryption, told, "{suite:#06x}");
        }
    }

    #[test]
    fn the_servers_answer_is_told_from_an_alert() {
        let answered = |answer: &[usize]| {
            let mut talk = tls13(&[hidden(25), hidden(69), hidden(214)].concat());
            talk.extend(answer.iter().map(|length| (SERVER, hidden(*length))));
            facts(&talk).server_answered_likely()
        };
        assert_eq!(answered(&[]), None);
        assert_eq!(answered(&[19]), Some(false));
        assert_eq!(answered(&[250, 19]), Some(true));
    }

    #[test]
    fn early_data_is_not_taken_for_an_answer() {
        let mut talk = vec![(
            CLIENT,
            [
                record(22, &message(1, &client_hello_tls13())),
                record(20, &[1]),
                hidden(69),
            ]
            .concat(),
        )];
        let flight = record(22, &message(2, &server_hello_tls13(0x1302)));
        talk.push((SERVER, [flight, hidden(30), hidden(69)].concat()));
        assert_eq!(facts(&talk).client_finished_likely(), Some(false));
        talk.push((CLIENT, [hidden(21), hidden(69), hidden(100)].concat()));
        assert_eq!(facts(&talk).client_flight_likely(), Some(ClientFlight::Finished));
        assert_eq!(facts(&talk).completed(), Completion::Presumed);
    }

    #[test]
    fn ciphertext_is_never_read_as_alerts() {
        let unknown_ca = Alert {
            level: 2,
            description: 48,
        };
        assert_eq!(
            facts(&tls13(&record(21, &[2, 48]))).fatal_alert(),
            Some(AlertSeen {
                side: CLIENT,
                alert: unknown_ca,
                encrypted: false
            })
        );
        for ciphertext in [&[1; 26][..], &[2; 18], &[1, 1, 2]] {
            assert_eq!(facts(&vec![(SERVER, record(21, ciphertext))]).alerts, []);
        }
    }

    #[test]
    fn a_warning_is_not_fatal_before_tls13() {
        let mut talk = tls12();
        talk.insert(1, (SERVER, record(21, &[1, 112])));
        assert_eq!(facts(&talk).alerts.len(), 1);
        assert_eq!(facts(&talk).fatal_alert(), None);
        assert_eq!(facts(&talk).completed(), Completion::Yes);
    }

    #[test]
    fn a_server_that_changes_ciphers_at_once_resumes() {
        let mut talk = tls12();
        let hello = record(22, &message(2, &server_hello([6; 32], 0xc02f, &[])));
        talk[1].1 = [hello, record(20, &[1]), record(22, &[0xbb; 40])].concat();
        talk[2].1 = [record(20, &[1]), record(22, &[0xbb; 40])].concat();
        talk.remove(3);
        assert_eq!(
            (facts(&talk).resumed, facts(&talk).completed()),
            (Some(true), Completion::Yes)
        );
    }

    #[test]
    fn what_is_no_tls_is_kept_to_be_read_as_something_else() {
        let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nInvalid HTTP request received.";
        let talk = vec![tls12().swap_remove(0), (SERVER, answer.to_vec())];
        for piece in [1, 3, 100] {
            let (facts, events) = listen(&talk, piece);
            assert_eq!(facts.server.not_tls.as_deref(), Some(&answer[..64]));
            assert_eq!(events, ["ClientHello", "NotTls(Server)"]);
            assert_eq!((facts.server.records, facts.anomalies.len()), (0, 0));
        }
    }

    #[test]
    fn a_gap_in_a_hello_leaves_what_came_before_it() {
        let octets = record(22, &message(1, &client_hello_tls13()));
        let mut handshake = Handshake::default();
        let mut events = Vec::new();
        handshake.read(CLIENT, &octets[..100], |event| events.push(format!("{event:?}")));
        assert!(handshake.gap(CLIENT, (octets.len() - 100) as u64, |event| {
            events.push(format!("{event:?}"))
        }));
        handshake.read(CLIENT, &hidden(30), |event| events.push(format!("{event:?}")));
        let facts = handshake.facts();
        let hello = facts.client_hello.as_ref().unwrap();
        assert_eq!((hello.sni.as_deref(), hello.complete), (Some("ws.example.com"), false));
        assert_eq!(facts.anomalies, [(CLIENT, Anomaly::HandshakeGap)]);
        assert_eq!((events.len(), facts.client.records), (2, 2));
        assert!(!handshake.gap(CLIENT, 1, |_| ()));
        assert_eq!(handshake.facts().anomalies.last(), Some(&(CLIENT, Anomaly::Gap)));
    }

    #[test]
    fn protected_bodies_need_not_be_there() {
        let mut handshake = Handshake::default();
        let octets = hidden(16_000);
        handshake.read(SERVER, &octets[..5], |_| ());
        assert_eq!(handshake.unread(SERVER), 16_000);
        assert!(handshake.gap(SERVER, 15_000, |_| ()));
        assert!(handshake.facts().server.partial);
        handshake.read(SERVER, &octets[15_005..], |_| ());
        assert!(!handshake.facts().server.partial);
        assert_eq!(
            (
                handshake.facts().anomalies.len(),
                handshake.facts().server.application_octets
            ),
            (0, 16_000)
        );
    }

    #[test]
    fn a_broken_record_ends_the_reading() {
        let mut talk = tls12();
        talk.push((SERVER, b"plain text".to_vec()));
        talk.push((SERVER, hidden(10)));
        let facts = facts(&talk);
        assert_eq!(facts.anomalies, [(SERVER, Anomaly::BrokenRecord)]);
        assert_eq!(facts.server.application_records, 1);
    }

    #[test]
    fn floods_are_bounded() {
        let floods = [
            record(22, &[]).repeat(100_000),
            record(22, &message(0, &[])).repeat(100_000),
            record(22, &[11]).repeat(600_000),
            record(21, &[1, 90]).repeat(100_000),
            record(20, &[1]).repeat(100_000),
            [record(22, &[11, 3, 0xff, 0]), record(22, &[0]).repeat(600_000)].concat(),
        ];
        for flood in floods {
            let records = flood.len() as u64;
            let mut handshake = Handshake::default();
            handshake.read(SERVER, &flood, |_| ());
            let facts = handshake.facts();
            assert!(facts.server.records > records / 12);
            assert!(facts.alerts.len() <= MOST_ALERTS && facts.anomalies.len() < 3 && facts.encrypted.len() < 17);
        }
    }

    #[test]
    fn damage_does_no_harm_and_pieces_never_matter() {
        let mut random = fastrand::Rng::with_seed(8);
        for _ in 0..3_000 {
            let mut talk = if random.bool() {
                tls12()
            } else {
                tls13(&[hidden(25), record(21, &[2, 48])].concat())
            };
            for _ in 0..random.usize(1..6) {
                let (_, octets) = random.choice(&mut talk).unwrap();
                if !octets.is_empty() {
                    let at = random.usize(..octets.len());
                    octets[at] = random.u8(..);
                }
            }
            let whole = listen(&talk, usize::MAX);
            assert_eq!(listen(&talk, random.usize(1..40)), whole);
            let facts = whole.0;
            let _ = facts.client_hello.as_ref().map(|hello| hello.ja3() + &hello.ja4());
            let _ = (
                facts.completed(),
                facts.client_finished_likely(),
                facts.server_answered_likely(),
            );
        }
    }
}

//! What the observer makes of records that were opened, or that should have been.

use std::mem;

use super::{
    Anomaly, Certificate, ClientHello, ContentType, Decryption, Event, RecordHeader, ServerHello, Side,
    decrypt::Opened,
    handshake::{Notes, Said},
    hello::EncryptedExtensions,
    message::{Message, Messages, kind},
    search::Search,
};

impl Notes<'_> {
    /// Whether protected records of this side are to be opened.
    pub(super) fn opens(&self) -> bool {
        self.decryptor
            .as_ref()
            .is_some_and(|decryptor| decryptor.is_patient(self.side))
    }

    /// Opens a protected record, if that is wanted.
    pub(super) fn open(&mut self, header: RecordHeader, body: &[u8], said: &mut Said, on: &mut impl FnMut(Event<'_>)) {
        let Some(decryptor) = &mut self.decryptor else { return };
        let mut content = mem::take(&mut decryptor.content);
        match decryptor.open(self.side, header, body, &mut content) {
            Some(opened) => self.opened(opened, &content, &mut said.hidden, on),
            None => self.unopened(header, &mut said.hidden, on),
        }
        self.give_back(content);
    }

    /// Looks for a record after a gap: gives the octets behind it.
    pub(super) fn find(
        &mut self,
        search: &mut Search,
        octets: &[u8],
        said: &mut Said,
        on: &mut impl FnMut(Event<'_>),
    ) -> Option<Vec<u8>> {
        let decryptor = self.decryptor.as_mut()?;
        let mut content = mem::take(&mut decryptor.content);
        let mut found = None;
        let behind = search.read(octets, decryptor.expects(), |header, body| {
            let opened = decryptor.open(self.side, header, body, &mut content);
            found = opened.map(|opened| (header, opened));
            found.is_some()
        });
        if let Some((header, opened)) = found {
            let this = self.this_side();
            this.records += 1;
            this.last_record = Some(header.kind);
            self.encrypted(header, on);
            self.opened(opened, &content, &mut said.hidden, on);
        }
        self.give_back(content);
        behind
    }

    /// Takes note of a protected record that is not all there.
    pub(super) fn lose_record(&mut self, header: RecordHeader, said: &mut Said, on: &mut impl FnMut(Event<'_>)) {
        if let Some(decryptor) = &mut self.decryptor {
            decryptor.lose_record(self.side, header);
            self.unopened(header, &mut said.hidden, on);
        }
    }

    /// Takes note of octets that are not there, and of the records that may have been in them.
    pub(super) fn lose_records(&mut self, missing: u64, said: &mut Said, on: &mut impl FnMut(Event<'_>)) {
        if let Some(decryptor) = &mut self.decryptor {
            decryptor.lose_octets(self.side, missing);
            said.hidden.forget_unfinished();
            on(Event::DataGap(self.side, None));
        }
    }

    /// Takes note of what the server chose, for the keys depend on it.
    pub(super) fn choose(&mut self, hello: &ServerHello) {
        if self
            .decryptor
            .as_mut()
            .is_some_and(|decryptor| !decryptor.choose(hello))
        {
            *self.decryptor = None;
            self.facts.decryption = self.facts.decryption.max(Decryption::Unsupported);
        }
    }

    /// Takes note of whether early data was accepted, once that is known.
    pub(super) fn early_data(&mut self, accepted: bool, on: &mut impl FnMut(Event<'_>)) {
        let announced = self.facts.client_hello.as_ref().is_some_and(|hello| hello.early_data);
        if !announced || self.facts.early_data_accepted.is_some() {
            return;
        }
        self.facts.early_data_accepted = Some(accepted);
        if !accepted && mem::take(&mut self.facts.client.data_octets) > 0 {
            on(Event::EarlyDataRejected);
        }
    }

    fn opened(&mut self, opened: Opened, content: &[u8], hidden: &mut Messages, on: &mut impl FnMut(Event<'_>)) {
        self.facts.decryption = Decryption::Opened;
        self.this_side().opened_records += 1;
        match opened.kind {
            ContentType::Handshake => self.hidden_messages(content, hidden, on),
            ContentType::Alert => self.alerts(content, true, on),
            ContentType::ApplicationData => self.data(opened.early, content, on),
            ContentType::ChangeCipherSpec | ContentType::Heartbeat => {}
        }
    }

    fn unopened(&mut self, header: RecordHeader, hidden: &mut Messages, on: &mut impl FnMut(Event<'_>)) {
        self.facts.decryption = self.facts.decryption.max(Decryption::Failed);
        self.this_side().unopened_records += 1;
        hidden.forget_unfinished();
        // Up to TLS 1.2 the header tells the content type.
        if header.kind == ContentType::ApplicationData {
            let decryptor = self.decryptor.as_ref().filter(|_| self.opens());
            let length = decryptor.and_then(|decryptor| decryptor.content_length(self.side, header));
            on(Event::DataGap(self.side, length.map(u64::from)));
        }
    }

    fn data(&mut self, early: bool, content: &[u8], on: &mut impl FnMut(Event<'_>)) {
        if content.is_empty() || early && self.facts.early_data_accepted == Some(false) {
            return;
        }
        self.this_side().data_octets += content.len() as u64;
        on(Event::Data(self.side, content));
    }

    fn hidden_messages(&mut self, fragment: &[u8], hidden: &mut Messages, on: &mut impl FnMut(Event<'_>)) {
        let mut expected = true;
        let read = hidden.read(fragment, |message| {
            expected = expected && self.hidden_message(message, on)
        });
        if read.is_err() {
            self.odd(Anomaly::TooLong);
        }
        if !expected {
            self.odd(Anomaly::UnexpectedMessage);
            hidden.forget_unfinished();
        }
    }

    /// Reads a message that was opened; whether it may stand there.
    fn hidden_message(&mut self, message: Message<'_>, on: &mut impl FnMut(Event<'_>)) -> bool {
        let event = match (self.side, message.kind) {
            (side, kind::FINISHED) => Some(self.finished(side, on)),
            _ if self.facts.version().is_none_or(|version| version.is_tls13()) => {
                let Some(event) = self.hidden_message_tls13(message, on) else {
                    return false;
                };
                event
            }
            // A hello under protection begins another handshake.
            (Side::Client, kind::CLIENT_HELLO) => {
                if let (Some(decryptor), Some(hello)) =
                    (&mut self.decryptor, ClientHello::read(message.body, message.length))
                {
                    decryptor.renegotiate(hello.random);
                }
                None
            }
            (Side::Server, kind::SERVER_HELLO) => {
                if let Some(hello) = ServerHello::read(message.body) {
                    self.choose(&hello);
                }
                None
            }
            _ => return self.message(message, on),
        };
        if let Some(event) = event {
            on(event);
        }
        true
    }

    /// Reads a message of TLS 1.3, which may be worth an event; `None` if it may not stand there.
    fn hidden_message_tls13(
        &mut self,
        message: Message<'_>,
        on: &mut impl FnMut(Event<'_>),
    ) -> Option<Option<Event<'static>>> {
        Some(match (self.side, message.kind) {
            (Side::Server, kind::ENCRYPTED_EXTENSIONS) => self.encrypted_extensions(message, on),
            (Side::Server, kind::CERTIFICATE_REQUEST) => {
                self.facts.certificate_requested = Some(true);
                Some(Event::CertificateRequest)
            }
            (_, kind::CERTIFICATE) => self.chain(Certificate::read_chain_tls13(message.body), message),
            (side, kind::CERTIFICATE_VERIFY) => Some(Event::CertificateVerify(side)),
            (Side::Client, kind::END_OF_EARLY_DATA) => {
                self.early_data(true, on);
                None
            }
            (_, kind::COMPRESSED_CERTIFICATE | kind::KEY_UPDATE) | (Side::Server, kind::NEW_SESSION_TICKET) => None,
            _ => return None,
        })
    }

    fn encrypted_extensions(&mut self, message: Message<'_>, on: &mut impl FnMut(Event<'_>)) -> Option<Event<'static>> {
        let Some(extensions) = EncryptedExtensions::read(message.body) else {
            self.odd(Anomaly::UnreadableHello);
            return None;
        };
        self.early_data(extensions.early_data, on);
        self.facts.alpn = extensions.alpn;
        Some(Event::EncryptedExtensions)
    }

    fn finished(&mut self, side: Side, on: &mut impl FnMut(Event<'_>)) -> Event<'static> {
        self.this_side().finished = true;
        match side {
            // Its flight is over, in every version.
            Side::Server => {
                self.facts.certificate_requested.get_or_insert(false);
            }
            // EndOfEarlyData would have come before it.
            Side::Client => self.early_data(false, on),
        }
        Event::Finished(side)
    }

    fn give_back(&mut self, content: Vec<u8>) {
        if let Some(decryptor) = &mut self.decryptor {
            decryptor.content = content;
        }
    }
}

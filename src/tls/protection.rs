//! What protects the records of one direction while its keys last.

use std::fmt;

use super::{
    ContentType, ProtocolVersion, RecordHeader, Side,
    aead::{self, Aead},
    cbc::{Cbc, Order},
    derivation::{expand_label, pseudorandom},
    mac::Authenticator,
    stream::Stream,
    suite::{Cipher, Suite},
};

/// What protects the records of one direction while its keys last; it does not show its keys.
pub(super) enum Protection {
    /// TLS 1.3.
    Tls13(Aead),
    /// Authenticated encryption of TLS 1.2.
    Aead(Aead),
    /// Block ciphers of TLS 1.0 to 1.2.
    Cbc(Cbc),
    /// RC4 of TLS 1.0 to 1.2, or no cipher.
    Stream(Stream),
}

/// What the two ends of TLS 1.0 to 1.2 agreed upon.
#[derive(Clone, Copy)]
pub(super) struct Agreed<'a> {
    /// The version.
    pub(super) version: ProtocolVersion,
    /// The cipher suite.
    pub(super) suite: Suite,
    /// The master secret.
    pub(super) master: &'a [u8],
    /// The random of the ClientHello.
    pub(super) client_random: &'a [u8; 32],
    /// The random of the ServerHello.
    pub(super) server_random: &'a [u8; 32],
    /// Whether records are encrypted before they are authenticated (RFC 7366).
    pub(super) encrypt_then_mac: bool,
}

impl Agreed<'_> {
    /// What one side authenticates with, what it encrypts with, and the block before its first or a part of its nonces
    /// (RFC 5246 section 6.3).
    fn keys(self, side: Side) -> Option<[Vec<u8>; 3]> {
        let cipher = self.suite.cipher;
        let (mac, block) = match cipher {
            Cipher::Cbc(block, hash) => (hash.length(), block.length()),
            Cipher::Rc4(hash) | Cipher::Null(hash) => (hash.length(), 0),
            Cipher::ChaCha20Poly1305 => (0, aead::NONCE),
            _ => (0, aead::NONCE - aead::EXPLICIT),
        };
        let lengths = [mac, cipher.secret_length(), block];
        let randoms = [&self.server_random[..], self.client_random].concat();
        let keys = self.derive(
            self.master,
            "key expansion",
            &randoms,
            2 * lengths.iter().sum::<usize>(),
        )?;
        let mut rest = keys.as_slice();
        let keys = lengths.map(|length| {
            let (pair, others) = rest.split_at(2 * length);
            rest = others;
            half(pair, side).to_vec()
        });
        if cipher.secret_length() < cipher.key_length() {
            return self.exported(side, keys);
        }
        Some(keys)
    }

    /// What becomes of keys in a suite for export (RFC 2246 section 6.3.1).
    fn exported(self, side: Side, [mac_key, secret, block]: [Vec<u8>; 3]) -> Option<[Vec<u8>; 3]> {
        let randoms = [&self.client_random[..], self.server_random].concat();
        let label = match side {
            Side::Client => "client write key",
            Side::Server => "server write key",
        };
        let key = self.derive(&secret, label, &randoms, self.suite.cipher.key_length())?;
        let blocks = self.derive(&[], "IV block", &randoms, 2 * block.len())?;
        Some([mac_key, key, half(&blocks, side).to_vec()])
    }

    /// As many pseudorandom octets.
    fn derive(self, secret: &[u8], label: &str, randoms: &[u8], length: usize) -> Option<Vec<u8>> {
        let hash = (self.version >= ProtocolVersion::TLS_1_2).then_some(self.suite.hash);
        pseudorandom(hash, secret, label, randoms, length)
    }
}

/// Of a pair of keys the one of this side: the client's comes first.
fn half(pair: &[u8], side: Side) -> &[u8] {
    let (client, server) = pair.split_at(pair.len() / 2);
    match side {
        Side::Client => client,
        Side::Server => server,
    }
}

impl Protection {
    /// The protection of TLS 1.3 under a traffic secret (RFC 8446 section 7.3); `None` if the two do not go together.
    pub(super) fn tls13(suite: Suite, traffic_secret: &[u8]) -> Option<Protection> {
        if traffic_secret.len() != suite.hash.length() {
            return None;
        }
        let mut key = vec![0; suite.cipher.key_length()];
        let mut nonce = [0; aead::NONCE];
        expand_label(suite.hash, traffic_secret, "key", &mut key)?;
        expand_label(suite.hash, traffic_secret, "iv", &mut nonce)?;
        Some(Protection::Tls13(Aead::tls13(suite.cipher, &key, nonce)?))
    }

    /// The protection of what one side says in TLS 1.0 to 1.2 (RFC 5246 section 6.3); `None` if that cannot be.
    pub(super) fn before_tls13(agreed: Agreed<'_>, side: Side) -> Option<Protection> {
        let cipher = agreed.suite.cipher;
        let [mac_key, key, block] = agreed.keys(side)?;
        match cipher {
            Cipher::Cbc(cipher, hash) => {
                let mac = Authenticator::new(hash, &mac_key)?;
                let order = if agreed.encrypt_then_mac {
                    Order::EncryptThenMac
                } else {
                    Order::MacThenEncrypt
                };
                Cbc::new(cipher, &key, mac, agreed.version, block, order).map(Protection::Cbc)
            }
            Cipher::Rc4(hash) => Stream::rc4(&key, Authenticator::new(hash, &mac_key)?).map(Protection::Stream),
            Cipher::Null(hash) => Authenticator::new(hash, &mac_key)
                .map(Stream::null)
                .map(Protection::Stream),
            _ if agreed.version < ProtocolVersion::TLS_1_2 => None,
            _ => Aead::tls12(cipher, &key, &block).map(Protection::Aead),
        }
    }

    /// Opens the record of this sequence number into `plaintext`: gives what it carries if it is authentic.
    pub(super) fn open(
        &mut self,
        sequence: u64,
        header: RecordHeader,
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Option<ContentType> {
        let authentic = match self {
            Protection::Tls13(aead) | Protection::Aead(aead) => aead.open(sequence, header, body, plaintext),
            Protection::Cbc(cbc) => cbc.open(sequence, header, body, plaintext),
            Protection::Stream(stream) => stream.open(sequence, header, body, plaintext),
        };
        if !authentic {
            return None;
        }
        match self {
            Protection::Tls13(_) => inner_type(plaintext),
            _ => Some(header.kind),
        }
    }

    /// Takes note of a record that has gone by, be it opened or not.
    pub(super) fn pass(&mut self, body: &[u8]) {
        match self {
            Protection::Tls13(_) | Protection::Aead(_) => {}
            Protection::Cbc(cbc) => cbc.pass(body),
            Protection::Stream(stream) => {
                stream.pass(body.len());
            }
        }
    }

    /// Takes note of a record that is missing, by its length: gives how many octets that took to encrypt.
    pub(super) fn lose_record(&mut self, length: u16) -> usize {
        match self {
            Protection::Stream(stream) => stream.pass(usize::from(length)),
            _ => {
                self.lose();
                0
            }
        }
    }

    /// Takes note of records that are missing and of unknown length.
    pub(super) fn lose(&mut self) {
        match self {
            Protection::Tls13(_) | Protection::Aead(_) => {}
            Protection::Cbc(cbc) => cbc.lose(),
            Protection::Stream(stream) => stream.lose(),
        }
    }

    /// How many octets a record carries, unless there is padding in it; `None` if there always is.
    pub(super) fn content_length(&self, header: RecordHeader) -> Option<u16> {
        let expansion = match self {
            Protection::Tls13(aead) | Protection::Aead(aead) => aead.expansion(),
            Protection::Stream(stream) => stream.expansion(),
            Protection::Cbc(_) => return None,
        };
        header.length.checked_sub(u16::try_from(expansion).ok()?)
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protection::Tls13(_) => "Tls13",
            Protection::Aead(_) => "Aead",
            Protection::Cbc(_) => "Cbc",
            Protection::Stream(_) => "Stream",
        })
    }
}

/// The content type, which stands behind the content and before the padding (RFC 8446 section 5.2); both are taken off.
fn inner_type(plaintext: &mut Vec<u8>) -> Option<ContentType> {
    let last = plaintext.iter().rposition(|octet| *octet != 0)?;
    let kind = plaintext.get(last).copied().and_then(ContentType::new);
    plaintext.truncate(last);
    kind
}

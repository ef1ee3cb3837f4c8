//! Records under a stream cipher, or none at all, and an HMAC (RFC 5246 section 6.2.3.1).

use rc4::{KeyInit, Rc4, StreamCipher};

use super::{RecordHeader, mac::Authenticator};

/// The two keys of a direction, and the place in its keystream.
pub(super) struct Stream {
    encryption: Encryption,
    mac: Authenticator,
}

enum Encryption {
    None,
    Rc4(Keystream),
    /// RC4, after octets of which nobody knows how many were encrypted.
    Lost,
}

impl Stream {
    /// A stream that is not encrypted.
    pub(super) fn null(mac: Authenticator) -> Stream {
        Stream {
            encryption: Encryption::None,
            mac,
        }
    }

    /// A stream under RC4; `None` unless the key is of a length that RC4 allows.
    pub(super) fn rc4(key: &[u8], mac: Authenticator) -> Option<Stream> {
        Some(Stream {
            encryption: Encryption::Rc4(Keystream::new(key)?),
            mac,
        })
    }

    /// Opens the record of this sequence number, which is the next, into `plaintext`; whether it is authentic.
    ///
    /// Where the next record begins in the keystream stays as it is, until this one passes.
    pub(super) fn open(&mut self, sequence: u64, header: RecordHeader, body: &[u8], plaintext: &mut Vec<u8>) -> bool {
        let keystream = match &mut self.encryption {
            Encryption::None => &[],
            Encryption::Rc4(keystream) => keystream.next(body.len()),
            Encryption::Lost => return false,
        };
        plaintext.clear();
        plaintext.extend_from_slice(body);
        plaintext
            .iter_mut()
            .zip(keystream)
            .for_each(|(octet, key)| *octet ^= key);
        let content = self.mac.content(sequence, header, plaintext).map(<[u8]>::len);
        plaintext.truncate(content.unwrap_or_default());
        content.is_some()
    }

    /// Takes note of a record that has gone by or is missing, by its length: gives how many octets that took to encrypt.
    pub(super) fn pass(&mut self, length: usize) -> usize {
        match &mut self.encryption {
            Encryption::Rc4(keystream) => {
                keystream.pass(length);
                length
            }
            Encryption::None | Encryption::Lost => 0,
        }
    }

    /// Takes note of records that are missing and of unknown length.
    pub(super) fn lose(&mut self) {
        if let Encryption::Rc4(_) = self.encryption {
            self.encryption = Encryption::Lost;
        }
    }

    /// By how many octets a record is longer than what it carries.
    pub(super) fn expansion(&self) -> usize {
        self.mac.tag_length()
    }
}

/// The keystream of RC4 from the next record on.
struct Keystream {
    cipher: Box<Rc4>,
    /// What the cipher gave already, no more than a record has octets.
    ahead: Vec<u8>,
}

impl Keystream {
    fn new(key: &[u8]) -> Option<Keystream> {
        Some(Keystream {
            cipher: Box::new(Rc4::new_from_slice(key).ok()?),
            ahead: Vec::new(),
        })
    }

    /// The next octets, at least as many.
    fn next(&mut self, length: usize) -> &[u8] {
        let given = self.ahead.len();
        self.ahead.resize(length.max(given), 0);
        self.cipher.write_keystream(self.ahead.split_at_mut(given).1);
        &self.ahead
    }

    fn pass(&mut self, length: usize) {
        self.next(length);
        self.ahead.drain(..length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{ContentType, ProtocolVersion, suite::Hash};

    const KEY: &[u8; 16] = b"sixteen octets!!";
    const CONTENTS: [&[u8]; 6] = [
        b"",
        b"GET /chat HTTP/1.1",
        b"Host: a",
        b"Upgrade: websocket",
        b"five",
        b"six",
    ];

    fn authenticator() -> Authenticator {
        Authenticator::new(Hash::Md5, KEY).unwrap()
    }

    /// The records that carry [`CONTENTS`], one after the other.
    fn records(cipher: Option<Rc4>) -> Vec<(RecordHeader, Vec<u8>)> {
        let mut cipher = cipher;
        let seal = |(sequence, content): (u64, &[u8])| {
            let length = content.len() as u16 + 16;
            let header = RecordHeader {
                kind: ContentType::ApplicationData,
                version: ProtocolVersion::TLS_1_1,
                length,
            };
            let mut hmac = <hmac::Hmac<md5::Md5> as hmac::KeyInit>::new_from_slice(KEY).unwrap();
            hmac::Mac::update(&mut hmac, &header.numbered(sequence, content.len()));
            hmac::Mac::update(&mut hmac, content);
            let mut body = [content, &hmac::Mac::finalize(hmac).into_bytes()].concat();
            if let Some(cipher) = &mut cipher {
                cipher.apply_keystream(&mut body);
            }
            (header, body)
        };
        (0..).zip(CONTENTS).map(seal).collect()
    }

    fn opened(stream: &mut Stream, sequence: u64, (header, body): &(RecordHeader, Vec<u8>)) -> Option<Vec<u8>> {
        let mut plaintext = Vec::new();
        stream
            .open(sequence, *header, body, &mut plaintext)
            .then_some(plaintext)
    }

    #[test]
    fn the_keystream_goes_on_over_records() {
        let records = records(Some(Rc4::new_from_slice(KEY).unwrap()));
        let mut stream = Stream::rc4(KEY, authenticator()).unwrap();
        for (sequence, (record, content)) in (0..).zip(records.iter().zip(CONTENTS)) {
            // However often it is tried.
            assert_eq!(opened(&mut stream, sequence + 1, record), None);
            assert_eq!(opened(&mut stream, sequence, record).as_deref(), Some(content));
            assert_eq!(opened(&mut stream, sequence, record).as_deref(), Some(content));
            stream.pass(record.1.len());
        }
    }

    #[test]
    fn what_is_not_opened_is_passed_over_if_its_length_is_known() {
        let mut records = records(Some(Rc4::new_from_slice(KEY).unwrap()));
        let mut stream = Stream::rc4(KEY, authenticator()).unwrap();
        records[1].1[3] ^= 1;
        assert_eq!(opened(&mut stream, 0, &records[0]).as_deref(), Some(CONTENTS[0]));
        stream.pass(records[0].1.len());
        assert_eq!(opened(&mut stream, 1, &records[1]), None);
        // The next one is not to be opened with the octets of the keystream that belong to this one.
        assert_eq!(opened(&mut stream, 2, &records[2]), None);
        stream.pass(records[1].1.len());
        assert_eq!(opened(&mut stream, 2, &records[2]).as_deref(), Some(CONTENTS[2]));
        // Two in a row, of which none was tried.
        assert_eq!(stream.pass(records[2].1.len()), records[2].1.len());
        stream.pass(records[3].1.len());
        assert_eq!(opened(&mut stream, 4, &records[4]).as_deref(), Some(CONTENTS[4]));
        stream.lose();
        stream.pass(records[4].1.len());
        assert_eq!(opened(&mut stream, 5, &records[5]), None);
    }

    #[test]
    fn without_a_cipher_the_hmac_is_held_all_the_same() {
        let mut records = records(None);
        let mut stream = Stream::null(authenticator());
        stream.lose();
        assert_eq!(opened(&mut stream, 3, &records[3]).as_deref(), Some(CONTENTS[3]));
        records[3].1[0] ^= 1;
        assert_eq!(opened(&mut stream, 3, &records[3]), None);
    }
}

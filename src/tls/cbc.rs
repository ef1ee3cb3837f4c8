//! Records under a block cipher in cipher block chaining with an HMAC, either of which may have been applied first.

use aes::{Aes128, Aes256};
use aria::{Aria128, Aria256};
use camellia::{Camellia128, Camellia256};
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InOutBuf, InnerIvInit, KeyInit};
use des::{Des, TdesEde3};
use idea::Idea;

use super::{ProtocolVersion, RecordHeader, mac::Authenticator, seed::Seed, suite::Block};

/// The two keys of a direction, and what it takes to open records with them.
pub(super) struct Cbc {
    cipher: Box<dyn Keyed>,
    /// Octets of a block.
    block: usize,
    mac: Authenticator,
    order: Order,
    chaining: Chaining,
}

/// What was applied first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// RFC 5246 section 6.2.3.2.
    MacThenEncrypt,
    /// RFC 7366.
    EncryptThenMac,
}

/// The block with which the first block of a record is chained.
enum Chaining {
    /// It precedes the record (RFC 4346 section 6.2.3.2).
    Explicit,
    /// TLS 1.0: it was derived, for the first record.
    Derived(Vec<u8>),
    /// TLS 1.0: it is the last block of the record before (RFC 2246 section 6.2.3.2).
    Previous(Vec<u8>),
    /// TLS 1.0: it is in a record that is missing.
    Lost,
}

impl Cbc {
    /// A key for records of a version and, for TLS 1.0, the block before the first; `None` unless it is as long as the cipher wants.
    pub(super) fn new(
        cipher: Block,
        key: &[u8],
        mac: Authenticator,
        version: ProtocolVersion,
        block: Vec<u8>,
        order: Order,
    ) -> Option<Cbc> {
        let chaining = match version {
            ProtocolVersion::TLS_1_0 => Chaining::Derived(block),
            _ => Chaining::Explicit,
        };
        Some(Cbc {
            cipher: keyed(cipher, key)?,
            block: cipher.length(),
            mac,
            order,
            chaining,
        })
    }

    /// Opens the record of this sequence number into `plaintext`; whether it is authentic.
    pub(super) fn open(&self, sequence: u64, header: RecordHeader, body: &[u8], plaintext: &mut Vec<u8>) -> bool {
        match self.order {
            Order::MacThenEncrypt => self.open_then_check(sequence, header, body, plaintext),
            Order::EncryptThenMac => self.check_then_open(sequence, header, body, plaintext),
        }
        .is_some()
    }

    /// Takes note of a record that has gone by, be it opened or not.
    pub(super) fn pass(&mut self, body: &[u8]) {
        if matches!(self.chaining, Chaining::Explicit) {
            return;
        }
        let tag = match self.order {
            Order::MacThenEncrypt => 0,
            Order::EncryptThenMac => self.mac.tag_length(),
        };
        let sealed = body.get(..body.len().saturating_sub(tag)).unwrap_or_default();
        let last = sealed.len().checked_sub(self.block).and_then(|at| sealed.get(at..));
        self.chaining = last.map_or(Chaining::Lost, |block| Chaining::Previous(block.to_vec()));
    }

    /// Takes note of records that are missing.
    pub(super) fn lose(&mut self) {
        if !matches!(self.chaining, Chaining::Explicit) {
            self.chaining = Chaining::Lost;
        }
    }

    fn open_then_check(&self, sequence: u64, header: RecordHeader, body: &[u8], plaintext: &mut Vec<u8>) -> Option<()> {
        self.decrypt(sequence, body, plaintext)?;
        unpad(plaintext)?;
        let content = self.mac.content(sequence, header, plaintext)?.len();
        plaintext.truncate(content);
        Some(())
    }

    fn check_then_open(&self, sequence: u64, header: RecordHeader, body: &[u8], plaintext: &mut Vec<u8>) -> Option<()> {
        let sealed = self.mac.content(sequence, header, body)?;
        self.decrypt(sequence, sealed, plaintext)?;
        unpad(plaintext)
    }

    fn decrypt(&self, sequence: u64, sealed: &[u8], plaintext: &mut Vec<u8>) -> Option<()> {
        let (block, ciphertext) = match &self.chaining {
            Chaining::Explicit => sealed.split_at_checked(self.block)?,
            Chaining::Derived(block) if sequence == 0 => (&**block, sealed),
            Chaining::Previous(block) => (&**block, sealed),
            Chaining::Derived(_) | Chaining::Lost => return None,
        };
        if !ciphertext.len().is_multiple_of(self.block) {
            return None;
        }
        plaintext.resize(ciphertext.len(), 0);
        self.cipher.decrypt(block, ciphertext, plaintext)
    }
}

/// Takes off the padding and its length; `None` if it is not as it ought to be (RFC 5246 section 6.2.3.2).
fn unpad(plaintext: &mut Vec<u8>) -> Option<()> {
    let padding = plaintext.last()?;
    let content = plaintext.len().checked_sub(usize::from(*padding) + 1)?;
    if plaintext.iter().skip(content).any(|octet| octet != padding) {
        return None;
    }
    plaintext.truncate(content);
    Some(())
}

/// A block cipher and its key.
trait Keyed: Send {
    /// Decrypts whole blocks, of which the first is chained with the block `before`; `None` if that is no block.
    fn decrypt(&self, before: &[u8], ciphertext: &[u8], plaintext: &mut [u8]) -> Option<()>;
}

impl<C: BlockCipherDecrypt + Send> Keyed for C {
    fn decrypt(&self, before: &[u8], ciphertext: &[u8], plaintext: &mut [u8]) -> Option<()> {
        let (blocks, _) = InOutBuf::new(ciphertext, plaintext).ok()?.into_chunks();
        cbc::Decryptor::inner_iv_init(self, before.try_into().ok()?).decrypt_blocks_inout(blocks);
        Some(())
    }
}

fn keyed(cipher: Block, key: &[u8]) -> Option<Box<dyn Keyed>> {
    fn boxed<C: BlockCipherDecrypt + KeyInit + Send + 'static>(key: &[u8]) -> Option<Box<dyn Keyed>> {
        Some(Box::new(C::new_from_slice(key).ok()?))
    }
    match cipher {
        Block::Aes128 => boxed::<Aes128>(key),
        Block::Aes256 => boxed::<Aes256>(key),
        Block::Aria128 => boxed::<Aria128>(key),
        Block::Aria256 => boxed::<Aria256>(key),
        Block::Camellia128 => boxed::<Camellia128>(key),
        Block::Camellia256 => boxed::<Camellia256>(key),
        Block::Des | Block::Des40 => boxed::<Des>(key),
        Block::Idea => boxed::<Idea>(key),
        Block::Seed => boxed::<Seed>(key),
        Block::TripleDes => boxed::<TdesEde3>(key),
    }
}

#[cfg(test)]
mod tests {
    use cbc::cipher::{BlockModeEncrypt, KeyIvInit};

    use super::*;
    use crate::tls::{ContentType, suite::Hash};

    const KEY: &[u8; 24] = b"three times eight octets";
    const MAC_KEY: &[u8; 20] = b"as long as one SHA-1";
    const FIRST: &[u8; 8] = b"in front";

    fn opener(version: ProtocolVersion, order: Order) -> Cbc {
        let mac = Authenticator::new(Hash::Sha1, MAC_KEY).unwrap();
        Cbc::new(Block::TripleDes, KEY, mac, version, FIRST.to_vec(), order).unwrap()
    }

    /// The body of a record under 3DES, chained with `before`.
    fn seal(
        version: ProtocolVersion,
        order: Order,
        sequence: u64,
        content: &[u8],
        before: &[u8],
    ) -> (RecordHeader, Vec<u8>) {
        let mut header = RecordHeader {
            kind: ContentType::ApplicationData,
            version,
            length: 0,
        };
        let explicit = if version == ProtocolVersion::TLS_1_0 {
            &[]
        } else {
            before
        };
        let tagged = |octets: &[u8]| {
            [
                octets,
                &tag(&[&header.numbered(sequence, octets.len())[..], octets].concat()),
            ]
            .concat()
        };
        let mut octets = match order {
            Order::MacThenEncrypt => tagged(content),
            Order::EncryptThenMac => content.to_vec(),
        };
        let padding = 7 - octets.len() % 8;
        octets.resize(octets.len() + padding + 1, padding as u8);
        let mut cipher = cbc::Encryptor::<TdesEde3>::new_from_slices(KEY, before).unwrap();
        octets
            .chunks_mut(8)
            .for_each(|block| cipher.encrypt_block(block.try_into().unwrap()));
        let sealed = [explicit, &octets].concat();
        let body = match order {
            Order::MacThenEncrypt => sealed,
            Order::EncryptThenMac => tagged(&sealed),
        };
        header.length = body.len() as u16;
        (header, body)
    }

    fn tag(octets: &[u8]) -> Vec<u8> {
        let mut hmac = hmac::Hmac::<sha1::Sha1>::new_from_slice(MAC_KEY).unwrap();
        hmac::Mac::update(&mut hmac, octets);
        hmac::Mac::finalize(hmac).into_bytes().to_vec()
    }

    fn opened(cbc: &Cbc, sequence: u64, (header, body): &(RecordHeader, Vec<u8>)) -> Option<Vec<u8>> {
        let mut plaintext = Vec::new();
        cbc.open(sequence, *header, body, &mut plaintext).then_some(plaintext)
    }

    /// Where the last encrypted block of a body begins.
    fn last_block(order: Order, body: &[u8]) -> &[u8] {
        let end = match order {
            Order::MacThenEncrypt => body.len(),
            Order::EncryptThenMac => body.len() - 20,
        };
        &body[end - 8..end]
    }

    #[test]
    fn a_record_of_tls10_is_chained_with_the_one_before() {
        let version = ProtocolVersion::TLS_1_0;
        for order in [Order::MacThenEncrypt, Order::EncryptThenMac] {
            let mut before = FIRST.to_vec();
            let contents: [&[u8]; 4] = [b"", b"GET /chat", b"seven..", b"eight..."];
            let records: Vec<_> = (0..)
                .zip(contents)
                .map(|(sequence, content)| {
                    let record = seal(version, order, sequence, content, &before);
                    before = last_block(order, &record.1).to_vec();
                    record
                })
                .collect();
            let mut cbc = opener(version, order);
            for (sequence, (record, content)) in (0..).zip(records.iter().zip(contents)) {
                assert_eq!(opened(&cbc, sequence, record).as_deref(), Some(content));
                assert_eq!(opened(&cbc, sequence + 1, record), None, "another sequence number");
                cbc.pass(&record.1);
            }
            // One that has gone by unopened will do; one that is missing takes the next with it.
            let mut cbc = opener(version, order);
            cbc.pass(&records[0].1);
            assert_eq!(opened(&cbc, 1, &records[1]).as_deref(), Some(contents[1]));
            cbc.lose();
            assert_eq!(opened(&cbc, 2, &records[2]), None);
            cbc.pass(&records[2].1);
            assert_eq!(opened(&cbc, 3, &records[3]).as_deref(), Some(contents[3]));
        }
    }

    #[test]
    fn a_record_of_tls12_stands_for_itself() {
        let version = ProtocolVersion::TLS_1_2;
        for order in [Order::MacThenEncrypt, Order::EncryptThenMac] {
            let mut cbc = opener(version, order);
            cbc.lose();
            let mut record = seal(version, order, 7, b"GET /chat", b"anything");
            assert_eq!(opened(&cbc, 7, &record).as_deref(), Some(&b"GET /chat"[..]));
            for at in 0..record.1.len() {
                record.1[at] ^= 1;
                assert_eq!(opened(&cbc, 7, &record), None, "octet {at} is another");
                record.1[at] ^= 1;
            }
            for length in 0..record.1.len() {
                let cut = (record.0, record.1[..length].to_vec());
                assert_eq!(opened(&cbc, 7, &cut), None, "only {length} octets");
            }
        }
    }
}

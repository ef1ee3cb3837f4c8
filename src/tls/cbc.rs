//! Records under AES in cipher block chaining with an HMAC, either of which may have been applied first.

use aes::{Aes128, Aes256};
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InOutBuf, InnerIvInit, consts::U16};
use hmac::{Hmac, KeyInit, Mac, digest::array::typenum::Unsigned};
use sha1::Sha1;
use sha2::{Sha256, Sha384};

use super::{
    ProtocolVersion, RecordHeader,
    suite::{Aes, Hash},
};

/// Octets of a block of AES.
pub(super) const BLOCK: usize = 16;

/// The two keys of a direction, and what it takes to open records with them.
pub(super) struct Cbc {
    keys: Box<dyn Keys>,
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
#[derive(Clone, Copy)]
enum Chaining {
    /// It precedes the record (RFC 4346 section 6.2.3.2).
    Explicit,
    /// TLS 1.0: it was derived, for the first record.
    Derived([u8; BLOCK]),
    /// TLS 1.0: it is the last block of the record before (RFC 2246 section 6.2.3.2).
    Previous([u8; BLOCK]),
    /// TLS 1.0: it is in a record that is missing.
    Lost,
}

impl Cbc {
    /// The keys for records of a version, and, for TLS 1.0, the block before the first; `None` unless they are as long as wanted.
    pub(super) fn new(
        (aes, hash): (Aes, Hash),
        (key, mac_key): (&[u8], &[u8]),
        version: ProtocolVersion,
        block: &[u8],
        order: Order,
    ) -> Option<Cbc> {
        let chaining = match version {
            ProtocolVersion::TLS_1_0 => Chaining::Derived(block.try_into().ok()?),
            _ => Chaining::Explicit,
        };
        Some(Cbc {
            keys: keyed(aes, hash, key, mac_key)?,
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
        let tag = match self.order {
            Order::MacThenEncrypt => 0,
            Order::EncryptThenMac => self.keys.tag_length(),
        };
        let sealed = body.get(..body.len().saturating_sub(tag)).unwrap_or_default();
        self.follow(
            sealed
                .last_chunk()
                .map_or(Chaining::Lost, |block| Chaining::Previous(*block)),
        );
    }

    /// Takes note of records that are missing.
    pub(super) fn lose(&mut self) {
        self.follow(Chaining::Lost);
    }

    fn follow(&mut self, chaining: Chaining) {
        if !matches!(self.chaining, Chaining::Explicit) {
            self.chaining = chaining;
        }
    }

    fn open_then_check(&self, sequence: u64, header: RecordHeader, body: &[u8], plaintext: &mut Vec<u8>) -> Option<()> {
        self.decrypt(sequence, body, plaintext)?;
        unpad(plaintext)?;
        let (content, tag) = plaintext.split_at_checked(plaintext.len().checked_sub(self.keys.tag_length())?)?;
        if !self
            .keys
            .is_authentic([&header.numbered(sequence, content.len()), content], tag)
        {
            return None;
        }
        plaintext.truncate(content.len());
        Some(())
    }

    fn check_then_open(&self, sequence: u64, header: RecordHeader, body: &[u8], plaintext: &mut Vec<u8>) -> Option<()> {
        let (sealed, tag) = body.split_at_checked(body.len().checked_sub(self.keys.tag_length())?)?;
        if !self
            .keys
            .is_authentic([&header.numbered(sequence, sealed.len()), sealed], tag)
        {
            return None;
        }
        self.decrypt(sequence, sealed, plaintext)?;
        unpad(plaintext)
    }

    fn decrypt(&self, sequence: u64, sealed: &[u8], plaintext: &mut Vec<u8>) -> Option<()> {
        let (block, ciphertext) = match &self.chaining {
            Chaining::Explicit => sealed.split_first_chunk()?,
            Chaining::Derived(block) if sequence == 0 => (block, sealed),
            Chaining::Previous(block) => (block, sealed),
            Chaining::Derived(_) | Chaining::Lost => return None,
        };
        if !ciphertext.len().is_multiple_of(BLOCK) {
            return None;
        }
        plaintext.resize(ciphertext.len(), 0);
        self.keys.decrypt(block, ciphertext, plaintext);
        Some(())
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

/// A cipher and an HMAC with their keys.
trait Keys: Send {
    /// Octets of the HMAC.
    fn tag_length(&self) -> usize;
    /// Decrypts whole blocks.
    fn decrypt(&self, before: &[u8; BLOCK], ciphertext: &[u8], plaintext: &mut [u8]);
    /// Whether the HMAC of the parts is this.
    fn is_authentic(&self, parts: [&[u8]; 2], tag: &[u8]) -> bool;
}

struct CipherAndHmac<C, M> {
    cipher: C,
    hmac: M,
}

impl<C, M> Keys for CipherAndHmac<C, M>
where
    C: BlockCipherDecrypt<BlockSize = U16> + Send,
    M: Mac + Clone + Send,
{
    fn tag_length(&self) -> usize {
        M::OutputSize::USIZE
    }

    fn decrypt(&self, before: &[u8; BLOCK], ciphertext: &[u8], plaintext: &mut [u8]) {
        if let Ok(octets) = InOutBuf::new(ciphertext, plaintext) {
            let (blocks, _) = octets.into_chunks();
            cbc::Decryptor::inner_iv_init(&self.cipher, before.into()).decrypt_blocks_inout(blocks);
        }
    }

    fn is_authentic(&self, parts: [&[u8]; 2], tag: &[u8]) -> bool {
        let mut hmac = self.hmac.clone();
        parts.iter().for_each(|part| hmac.update(part));
        hmac.verify_slice(tag).is_ok()
    }
}

fn keyed(aes: Aes, hash: Hash, key: &[u8], mac_key: &[u8]) -> Option<Box<dyn Keys>> {
    match aes {
        Aes::Aes128 => with_hmac(Aes128::new_from_slice(key).ok()?, hash, mac_key),
        Aes::Aes256 => with_hmac(Aes256::new_from_slice(key).ok()?, hash, mac_key),
    }
}

fn with_hmac<C>(cipher: C, hash: Hash, key: &[u8]) -> Option<Box<dyn Keys>>
where
    C: BlockCipherDecrypt<BlockSize = U16> + Send + 'static,
{
    Some(match hash {
        Hash::Sha1 => Box::new(CipherAndHmac {
            cipher,
            hmac: Hmac::<Sha1>::new_from_slice(key).ok()?,
        }),
        Hash::Sha256 => Box::new(CipherAndHmac {
            cipher,
            hmac: Hmac::<Sha256>::new_from_slice(key).ok()?,
        }),
        Hash::Sha384 => Box::new(CipherAndHmac {
            cipher,
            hmac: Hmac::<Sha384>::new_from_slice(key).ok()?,
        }),
    })
}

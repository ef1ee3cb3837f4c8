//! Records under authenticated encryption with associated data: GCM, CCM and ChaCha20-Poly1305.

use aes::{Aes128, Aes256};
use aes_gcm::{
    AeadInOut, AesGcm, KeyInit,
    aead::{
        Tag,
        array::typenum::{U8, U12, U16, Unsigned},
        inout::InOutBuf,
    },
};
use aria::{Aria128, Aria256};
use camellia::{Camellia128, Camellia256};
use ccm::Ccm;
use chacha20poly1305::ChaCha20Poly1305;

use super::{
    RecordHeader,
    suite::{Block, Cipher},
};

/// Octets of a nonce.
pub(super) const NONCE: usize = 12;

/// Octets of the part of a nonce that precedes a record.
pub(super) const EXPLICIT: usize = 8;

/// A key of authenticated encryption, and what it takes to open records with it.
pub(super) struct Aead {
    key: Box<dyn Key>,
    nonce: Nonce,
    is_tls13: bool,
}

/// What the nonces of all records have in common.
enum Nonce {
    /// Their first octets; the others precede each record (RFC 5288 section 3, RFC 6655 section 3).
    Explicit([u8; NONCE - EXPLICIT]),
    /// What the sequence number is added to, bit by bit (RFC 7905 section 2, RFC 8446 section 5.3).
    Implicit([u8; NONCE]),
}

impl Aead {
    /// For records of TLS 1.3; `None` unless the key is as long as the cipher wants.
    pub(super) fn tls13(cipher: Cipher, key: &[u8], nonce: [u8; NONCE]) -> Option<Aead> {
        Some(Aead {
            key: keyed(cipher, key)?,
            nonce: Nonce::Implicit(nonce),
            is_tls13: true,
        })
    }

    /// For records of TLS 1.2, likewise; the octets of the nonce that do not precede the record are those derived.
    pub(super) fn tls12(cipher: Cipher, key: &[u8], nonce: &[u8]) -> Option<Aead> {
        let nonce = match cipher {
            Cipher::ChaCha20Poly1305 => Nonce::Implicit(nonce.try_into().ok()?),
            _ => Nonce::Explicit(nonce.try_into().ok()?),
        };
        Some(Aead {
            key: keyed(cipher, key)?,
            nonce,
            is_tls13: false,
        })
    }

    /// Opens the record of this sequence number into `plaintext`; whether it is authentic.
    pub(super) fn open(&self, sequence: u64, header: RecordHeader, body: &[u8], plaintext: &mut Vec<u8>) -> bool {
        let Some((nonce, sealed)) = self.nonce(sequence, body) else {
            return false;
        };
        let Some(length) = sealed.len().checked_sub(self.key.tag_length()) else {
            return false;
        };
        let (ciphertext, tag) = sealed.split_at(length);
        plaintext.resize(length, 0);
        if self.is_tls13 {
            // RFC 8446 section 5.2.
            self.key.open(&nonce, &header.octets(), ciphertext, tag, plaintext)
        } else {
            // RFC 5246 section 6.2.3.3: the length is that of the plaintext.
            self.key
                .open(&nonce, &header.numbered(sequence, length), ciphertext, tag, plaintext)
        }
    }

    /// By how many octets a record is longer than what it carries.
    pub(super) fn expansion(&self) -> usize {
        let more = match self.nonce {
            Nonce::Explicit(_) => EXPLICIT,
            Nonce::Implicit(_) => usize::from(self.is_tls13),
        };
        self.key.tag_length() + more
    }

    /// The nonce of a record and what follows the part of it that stands there.
    fn nonce<'a>(&self, sequence: u64, body: &'a [u8]) -> Option<([u8; NONCE], &'a [u8])> {
        match self.nonce {
            Nonce::Explicit([a, b, c, d]) => {
                let ([e, f, g, h, i, j, k, l], sealed) = body.split_first_chunk()?;
                Some(([a, b, c, d, *e, *f, *g, *h, *i, *j, *k, *l], sealed))
            }
            Nonce::Implicit(mut nonce) => {
                let last = nonce.iter_mut().skip(NONCE - EXPLICIT);
                last.zip(sequence.to_be_bytes())
                    .for_each(|(octet, number)| *octet ^= number);
                Some((nonce, body))
            }
        }
    }
}

/// A cipher with its key.
trait Key: Send {
    fn tag_length(&self) -> usize;
    fn open(&self, nonce: &[u8; NONCE], additional: &[u8], ciphertext: &[u8], tag: &[u8], plaintext: &mut [u8])
    -> bool;
}

impl<A: AeadInOut<NonceSize = U12> + Send> Key for A {
    fn tag_length(&self) -> usize {
        A::TagSize::USIZE
    }

    fn open(
        &self,
        nonce: &[u8; NONCE],
        additional: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> bool {
        let (Ok(octets), Ok(tag)) = (InOutBuf::new(ciphertext, plaintext), <&Tag<A>>::try_from(tag)) else {
            return false;
        };
        self.decrypt_inout_detached(nonce.into(), additional, octets, tag)
            .is_ok()
    }
}

fn keyed(cipher: Cipher, key: &[u8]) -> Option<Box<dyn Key>> {
    fn boxed<K: Key + KeyInit + 'static>(key: &[u8]) -> Option<Box<dyn Key>> {
        Some(Box::new(K::new_from_slice(key).ok()?))
    }
    match cipher {
        Cipher::Gcm(Block::Aes128) => boxed::<AesGcm<Aes128, U12>>(key),
        Cipher::Gcm(Block::Aes256) => boxed::<AesGcm<Aes256, U12>>(key),
        Cipher::Gcm(Block::Aria128) => boxed::<AesGcm<Aria128, U12>>(key),
        Cipher::Gcm(Block::Aria256) => boxed::<AesGcm<Aria256, U12>>(key),
        Cipher::Gcm(Block::Camellia128) => boxed::<AesGcm<Camellia128, U12>>(key),
        Cipher::Gcm(Block::Camellia256) => boxed::<AesGcm<Camellia256, U12>>(key),
        Cipher::Ccm(Block::Aes128) => boxed::<Ccm<Aes128, U16, U12>>(key),
        Cipher::Ccm(Block::Aes256) => boxed::<Ccm<Aes256, U16, U12>>(key),
        Cipher::Ccm8(Block::Aes128) => boxed::<Ccm<Aes128, U8, U12>>(key),
        Cipher::Ccm8(Block::Aes256) => boxed::<Ccm<Aes256, U8, U12>>(key),
        Cipher::ChaCha20Poly1305 => boxed::<ChaCha20Poly1305>(key),
        _ => None,
    }
}

//! What the number of a cipher suite (IANA registry "TLS Cipher Suites") means for the records.

/// A cipher suite, as far as records go: the key exchange is over when they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    /// What protects the records.
    pub(super) cipher: Cipher,
    /// The hash from which keys are derived, from TLS 1.2 on.
    pub(super) hash: Hash,
}

/// What protects the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    /// AES in Galois/counter mode (RFC 5288, RFC 8446).
    Gcm(Aes),
    /// AES in counter mode with CBC-MAC (RFC 6655, RFC 8446).
    Ccm(Aes),
    /// The same with a tag of eight octets.
    Ccm8(Aes),
    /// ChaCha20-Poly1305 (RFC 7905, RFC 8446).
    ChaCha20Poly1305,
    /// AES in cipher block chaining and an HMAC (RFC 5246 section 6.2.3.2).
    Cbc(Aes, Hash),
}

/// The two sizes of AES keys that TLS knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aes {
    /// 16 octets.
    Aes128,
    /// 32 octets.
    Aes256,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    /// Octets of a hash.
    pub(super) fn length(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }
}

impl Cipher {
    /// Octets of a key.
    pub(super) fn key_length(self) -> usize {
        match self {
            Cipher::Gcm(aes) | Cipher::Ccm(aes) | Cipher::Ccm8(aes) | Cipher::Cbc(aes, _) => match aes {
                Aes::Aes128 => 16,
                Aes::Aes256 => 32,
            },
            Cipher::ChaCha20Poly1305 => 32,
        }
    }
}

impl Suite {
    /// All suites of TLS 1.3 (RFC 8446 appendix B.4).
    pub(super) const TLS_1_3: [u16; 5] = [0x1301, 0x1302, 0x1303, 0x1304, 0x1305];

    /// The suite of this number; `None` if its records cannot be opened here: those of RC4, 3DES, Camellia and the like.
    pub(super) fn new(number: u16) -> Option<Suite> {
        use Aes::{Aes128, Aes256};
        use Hash::{Sha1, Sha256, Sha384};
        let cipher = match number {
            0x1301 | 0xd001 => return Some(Suite::gcm(Aes128)),
            0x1302 | 0xd002 => return Some(Suite::gcm(Aes256)),
            0x009c..=0x00ad => return Some(Suite::gcm(if number.is_multiple_of(2) { Aes128 } else { Aes256 })),
            0xc02b..=0xc032 => return Some(Suite::gcm(if number.is_multiple_of(2) { Aes256 } else { Aes128 })),
            0x1303 | 0xcca8..=0xccae => Cipher::ChaCha20Poly1305,
            0x1304 | 0xd005 => Cipher::Ccm(Aes128),
            0x1305 | 0xd003 => Cipher::Ccm8(Aes128),
            0xc09c | 0xc09e | 0xc0a4 | 0xc0a6 | 0xc0ac => Cipher::Ccm(Aes128),
            0xc09d | 0xc09f | 0xc0a5 | 0xc0a7 | 0xc0ad => Cipher::Ccm(Aes256),
            0xc0a0 | 0xc0a2 | 0xc0a8 | 0xc0aa | 0xc0ae => Cipher::Ccm8(Aes128),
            0xc0a1 | 0xc0a3 | 0xc0a9 | 0xc0ab | 0xc0af => Cipher::Ccm8(Aes256),
            0x002f..=0x0034 | 0x008c | 0x0090 | 0x0094 => Cipher::Cbc(Aes128, Sha1),
            0xc004 | 0xc009 | 0xc00e | 0xc013 | 0xc018 | 0xc01d..=0xc01f | 0xc035 => Cipher::Cbc(Aes128, Sha1),
            0x0035..=0x003a | 0x008d | 0x0091 | 0x0095 => Cipher::Cbc(Aes256, Sha1),
            0xc005 | 0xc00a | 0xc00f | 0xc014 | 0xc019 | 0xc020..=0xc022 | 0xc036 => Cipher::Cbc(Aes256, Sha1),
            0x003c | 0x003e..=0x0040 | 0x0067 | 0x006c | 0x00ae | 0x00b2 | 0x00b6 => Cipher::Cbc(Aes128, Sha256),
            0xc023 | 0xc025 | 0xc027 | 0xc029 | 0xc037 => Cipher::Cbc(Aes128, Sha256),
            0x003d | 0x0068..=0x006b | 0x006d => Cipher::Cbc(Aes256, Sha256),
            0x00af | 0x00b3 | 0x00b7 | 0xc024 | 0xc026 | 0xc028 | 0xc02a | 0xc038 => {
                return Some(Suite {
                    cipher: Cipher::Cbc(Aes256, Sha384),
                    hash: Sha384,
                });
            }
            _ => return None,
        };
        Some(Suite { cipher, hash: Sha256 })
    }

    /// AES-GCM always goes with the hash of its strength (RFC 5288 section 3, RFC 5289 section 3.2).
    fn gcm(aes: Aes) -> Suite {
        let hash = match aes {
            Aes::Aes128 => Hash::Sha256,
            Aes::Aes256 => Hash::Sha384,
        };
        Suite {
            cipher: Cipher::Gcm(aes),
            hash,
        }
    }
}

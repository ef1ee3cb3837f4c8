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
    /// A block cipher in Galois/counter mode (RFC 5288, RFC 6209, RFC 6367, RFC 8446).
    Gcm(Block),
    /// A block cipher in counter mode with CBC-MAC (RFC 6655, RFC 8446).
    Ccm(Block),
    /// The same with a tag of eight octets.
    Ccm8(Block),
    /// ChaCha20-Poly1305 (RFC 7905, RFC 8446).
    ChaCha20Poly1305,
    /// A block cipher in cipher block chaining and an HMAC (RFC 5246 section 6.2.3.2).
    Cbc(Block, Hash),
    /// RC4 and an HMAC (RFC 5246 section 6.2.3.1).
    Rc4(Hash),
    /// An HMAC alone (RFC 5246 section 6.2.3.1, RFC 4785, RFC 5487).
    Null(Hash),
}

/// A block cipher and the size of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Aes128,
    Aes256,
    /// RFC 6209.
    Aria128,
    Aria256,
    /// RFC 5932, RFC 6367.
    Camellia128,
    Camellia256,
    /// RFC 5469.
    Des,
    /// DES for export: 40 bits of its key are secret.
    Des40,
    Idea,
    /// RFC 4162.
    Seed,
    /// DES three times over, with three keys.
    TripleDes,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    /// Octets of a hash.
    pub(super) fn length(self) -> usize {
        match self {
            Hash::Md5 => 16,
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }
}

impl Block {
    /// Octets of a block.
    pub(super) fn length(self) -> usize {
        match self {
            Block::Des | Block::Des40 | Block::Idea | Block::TripleDes => 8,
            _ => 16,
        }
    }

    /// What it takes to decrypt an octet: processors help with AES alone.
    fn cost(self) -> u64 {
        match self {
            Block::Aes128 | Block::Aes256 => 1,
            Block::Aria128 | Block::Aria256 | Block::Camellia128 | Block::Camellia256 | Block::Idea => 32,
            Block::Des | Block::Des40 => 64,
            Block::Seed => 128,
            Block::TripleDes => 256,
        }
    }

    /// Octets of a key.
    fn key_length(self) -> usize {
        match self {
            Block::Des | Block::Des40 => 8,
            Block::Aes128 | Block::Aria128 | Block::Camellia128 | Block::Idea | Block::Seed => 16,
            Block::TripleDes => 24,
            Block::Aes256 | Block::Aria256 | Block::Camellia256 => 32,
        }
    }
}

impl Cipher {
    /// Octets of a key.
    pub(super) fn key_length(self) -> usize {
        match self {
            Cipher::Gcm(block) | Cipher::Ccm(block) | Cipher::Ccm8(block) | Cipher::Cbc(block, _) => block.key_length(),
            Cipher::ChaCha20Poly1305 => 32,
            Cipher::Rc4(_) => 16,
            Cipher::Null(_) => 0,
        }
    }

    /// What it takes to open an octet, in octets under AES: measured, as a power of two.
    pub(super) fn cost(self) -> u64 {
        match self {
            Cipher::Gcm(block) | Cipher::Ccm(block) | Cipher::Ccm8(block) | Cipher::Cbc(block, _) => block.cost(),
            Cipher::ChaCha20Poly1305 | Cipher::Null(_) => 1,
            Cipher::Rc4(_) => 4,
        }
    }

    /// Octets of a key that are secret: the others of a cipher for export follow from what everybody sees (RFC 2246 section
    /// 6.3.1).
    pub(super) fn secret_length(self) -> usize {
        match self {
            Cipher::Cbc(Block::Des40, _) => 5,
            _ => self.key_length(),
        }
    }

    /// The hash from which keys are derived: SHA-384 in the suites that are named after it, SHA-256 in all others (RFC 5246
    /// section 5, RFC 5288, RFC 5289, RFC 5487, RFC 6209, RFC 6367).
    fn hash(self) -> Hash {
        match self {
            Cipher::Gcm(Block::Aes256 | Block::Aria256 | Block::Camellia256) => Hash::Sha384,
            Cipher::Cbc(_, Hash::Sha384) | Cipher::Null(Hash::Sha384) => Hash::Sha384,
            _ => Hash::Sha256,
        }
    }
}

impl Suite {
    /// All suites of TLS 1.3 (RFC 8446 appendix B.4).
    pub(super) const TLS_1_3: [u16; 5] = [0x1301, 0x1302, 0x1303, 0x1304, 0x1305];

    /// The suite of this number; `None` if its records cannot be opened here: those of RC2, RC4 for export, GOST, Kuznyechik and
    /// the like.
    pub(super) fn new(number: u16) -> Option<Suite> {
        let cipher = Suite::cipher(number)?;
        Some(Suite {
            cipher,
            hash: cipher.hash(),
        })
    }

    fn cipher(number: u16) -> Option<Cipher> {
        use Block::{Aes128, Aes256, Aria128, Aria256, Camellia128, Camellia256, Des, Des40, Idea, Seed, TripleDes};
        use Cipher::{Cbc, Ccm, Ccm8, ChaCha20Poly1305, Gcm, Null, Rc4};
        use Hash::{Md5, Sha1, Sha256, Sha384};
        // Where a range holds two ciphers, they take turns.
        let even = number.is_multiple_of(2);
        Some(match number {
            0x1301 | 0xd001 => Gcm(Aes128),
            0x1302 | 0xd002 => Gcm(Aes256),
            0x009c..=0x00ad => Gcm(if even { Aes128 } else { Aes256 }),
            0xc02b..=0xc032 => Gcm(if even { Aes256 } else { Aes128 }),
            0x1304 | 0xd005 => Ccm(Aes128),
            0x1305 | 0xd003 => Ccm8(Aes128),
            0xc09c..=0xc09f | 0xc0a4..=0xc0a7 | 0xc0ac..=0xc0ad => Ccm(if even { Aes128 } else { Aes256 }),
            0xc0a0..=0xc0a3 | 0xc0a8..=0xc0ab | 0xc0ae..=0xc0af => Ccm8(if even { Aes128 } else { Aes256 }),
            0x002f..=0x0034 | 0x008c | 0x0090 | 0x0094 => Cbc(Aes128, Sha1),
            0xc004 | 0xc009 | 0xc00e | 0xc013 | 0xc018 | 0xc01d..=0xc01f | 0xc035 => Cbc(Aes128, Sha1),
            0x0035..=0x003a | 0x008d | 0x0091 | 0x0095 => Cbc(Aes256, Sha1),
            0xc005 | 0xc00a | 0xc00f | 0xc014 | 0xc019 | 0xc020..=0xc022 | 0xc036 => Cbc(Aes256, Sha1),
            0x003c | 0x003e..=0x0040 | 0x0067 | 0x006c | 0x00ae | 0x00b2 | 0x00b6 => Cbc(Aes128, Sha256),
            0xc023 | 0xc025 | 0xc027 | 0xc029 | 0xc037 => Cbc(Aes128, Sha256),
            0x003d | 0x0068..=0x006b | 0x006d => Cbc(Aes256, Sha256),
            0x00af | 0x00b3 | 0x00b7 | 0xc024 | 0xc026 | 0xc028 | 0xc02a | 0xc038 => Cbc(Aes256, Sha384),
            0x1303 | 0xcca8..=0xccae => ChaCha20Poly1305,
            0xc050..=0xc063 | 0xc06a..=0xc06f => Gcm(if even { Aria128 } else { Aria256 }),
            0xc03c..=0xc04f | 0xc064..=0xc069 | 0xc070..=0xc071 if even => Cbc(Aria128, Sha256),
            0xc03c..=0xc04f | 0xc064..=0xc069 | 0xc070..=0xc071 => Cbc(Aria256, Sha384),
            0xc07a..=0xc093 => Gcm(if even { Camellia128 } else { Camellia256 }),
            0xc072..=0xc079 | 0xc094..=0xc09b if even => Cbc(Camellia128, Sha256),
            0xc072..=0xc079 | 0xc094..=0xc09b => Cbc(Camellia256, Sha384),
            0x0041..=0x0046 => Cbc(Camellia128, Sha1),
            0x0084..=0x0089 => Cbc(Camellia256, Sha1),
            0x00ba..=0x00bf => Cbc(Camellia128, Sha256),
            0x00c0..=0x00c5 => Cbc(Camellia256, Sha256),
            0x0009 | 0x000c | 0x000f | 0x0012 | 0x0015 | 0x001a | 0x001e => Cbc(Des, Sha1),
            0x0022 => Cbc(Des, Md5),
            0x0008 | 0x000b | 0x000e | 0x0011 | 0x0014 | 0x0019 | 0x0026 => Cbc(Des40, Sha1),
            0x0029 => Cbc(Des40, Md5),
            0x000a | 0x000d | 0x0010 | 0x0013 | 0x0016 | 0x001b | 0x001f => Cbc(TripleDes, Sha1),
            0x008b | 0x008f | 0x0093 => Cbc(TripleDes, Sha1),
            0xc003 | 0xc008 | 0xc00d | 0xc012 | 0xc017 | 0xc01a..=0xc01c | 0xc034 => Cbc(TripleDes, Sha1),
            0x0023 => Cbc(TripleDes, Md5),
            0x0007 | 0x0021 => Cbc(Idea, Sha1),
            0x0025 => Cbc(Idea, Md5),
            0x0096..=0x009b => Cbc(Seed, Sha1),
            0x0004 | 0x0018 | 0x0024 => Rc4(Md5),
            0x0005 | 0x0020 | 0x008a | 0x008e | 0x0092 => Rc4(Sha1),
            0xc002 | 0xc007 | 0xc00c | 0xc011 | 0xc016 | 0xc033 => Rc4(Sha1),
            0x0001 => Null(Md5),
            0x0002 | 0x002c..=0x002e | 0xc001 | 0xc006 | 0xc00b | 0xc010 | 0xc015 | 0xc039 => Null(Sha1),
            0x003b | 0x00b0 | 0x00b4 | 0x00b8 | 0xc03a => Null(Sha256),
            0x00b1 | 0x00b5 | 0x00b9 | 0xc03b => Null(Sha384),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::cipher_suite_name;

    /// What the name of a suite says of its records.
    fn named(name: &str) -> Option<Cipher> {
        let (_, cipher) = name.split_once("_WITH_").or(name.split_once("TLS_"))?;
        let blocks = [
            ("AES_128_", Block::Aes128),
            ("AES_256_", Block::Aes256),
            ("CAMELLIA_128_", Block::Camellia128),
            ("CAMELLIA_256_", Block::Camellia256),
            ("DES_", Block::Des),
            ("IDEA_", Block::Idea),
            ("SEED_", Block::Seed),
            ("3DES_EDE_", Block::TripleDes),
        ];
        let hash = |name: &str| match name {
            "MD5" => Some(Hash::Md5),
            "SHA" => Some(Hash::Sha1),
            "SHA256" => Some(Hash::Sha256),
            "SHA384" => Some(Hash::Sha384),
            _ => None,
        };
        if cipher.starts_with("CHACHA20_POLY1305") {
            return Some(Cipher::ChaCha20Poly1305);
        }
        if let Some(mac) = cipher.strip_prefix("RC4_128_") {
            return Some(Cipher::Rc4(hash(mac)?));
        }
        let mut blocks = blocks.into_iter();
        let (block, mode) = blocks.find_map(|(name, block)| Some((block, cipher.strip_prefix(name)?)))?;
        match mode.split_once('_').unwrap_or((mode, "")) {
            ("GCM", _) => Some(Cipher::Gcm(block)),
            ("CCM", rest) if rest.starts_with('8') => Some(Cipher::Ccm8(block)),
            ("CCM", _) => Some(Cipher::Ccm(block)),
            ("CBC", rest) => Some(Cipher::Cbc(block, hash(rest)?)),
            _ => None,
        }
    }

    #[test]
    fn a_suite_is_what_its_name_says() {
        let mut suites = 0;
        for number in 0..=u16::MAX {
            let name = cipher_suite_name(number);
            if name.starts_with("TLS_") {
                let suite = Suite::new(number);
                assert_eq!(suite.map(|suite| suite.cipher), named(&name), "{name}");
                let derives = suite.is_none_or(|suite| name.ends_with("SHA384") == (suite.hash == Hash::Sha384));
                assert!(derives, "{name}");
                suites += usize::from(suite.is_some());
            }
        }
        assert!(suites > 50, "{suites}");
    }

    #[test]
    fn other_suites_are_not_opened() {
        // RC2, RC4 for export, GOST, Kuznyechik, SM4, integrity without encryption in TLS 1.3, and what is no suite.
        for number in [
            0x0000, 0x0006, 0x0003, 0x0017, 0x00ff, 0x0081, 0xc100, 0x00c6, 0xc0b4, 0x0a0a,
        ] {
            assert_eq!(Suite::new(number), None, "{number:#06x}");
        }
    }
}

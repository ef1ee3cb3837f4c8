//! Keys from secrets: HKDF-Expand-Label of TLS 1.3 and the pseudorandom function of the versions before it.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac, digest::array::typenum::Unsigned};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};

use super::suite::Hash;

/// HKDF-Expand-Label without context (RFC 8446 section 7.1): fills `key`; `None` if the secret is too short for the hash.
pub(super) fn expand_label(hash: Hash, secret: &[u8], label: &str, key: &mut [u8]) -> Option<()> {
    let length = u16::try_from(key.len()).ok()?.to_be_bytes();
    let label = [b"tls13 ", label.as_bytes()].concat();
    let label_length = [u8::try_from(label.len()).ok()?];
    let info = [&length[..], &label_length, &label, &[0]];
    match hash {
        Hash::Md5 | Hash::Sha1 => return None,
        Hash::Sha256 => Hkdf::<Sha256>::from_prk(secret)
            .ok()?
            .expand_multi_info(&info, key)
            .ok()?,
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret)
            .ok()?
            .expand_multi_info(&info, key)
            .ok()?,
    }
    Some(())
}

/// The pseudorandom function of TLS 1.2 (RFC 5246 section 5) or, without a hash, that of TLS 1.0 and 1.1 (RFC 2246 section 5):
/// `length` octets.
pub(super) fn pseudorandom(
    hash: Option<Hash>,
    secret: &[u8],
    label: &str,
    seed: &[u8],
    length: usize,
) -> Option<Vec<u8>> {
    let seed = [label.as_bytes(), seed].concat();
    match hash {
        Some(Hash::Sha384) => p_hash::<Hmac<Sha384>>(secret, &seed, length),
        Some(Hash::Sha256) => p_hash::<Hmac<Sha256>>(secret, &seed, length),
        Some(Hash::Md5 | Hash::Sha1) => None,
        None => {
            // Each hash gets a half of the secret; of an odd number of octets both get the middle one.
            let (half, other) = (secret.len().div_ceil(2), secret.len() / 2);
            let mut keys = p_hash::<Hmac<Md5>>(secret.get(..half)?, &seed, length)?;
            let sha1 = p_hash::<Hmac<Sha1>>(secret.get(other..)?, &seed, length)?;
            keys.iter_mut().zip(sha1).for_each(|(key, octet)| *key ^= octet);
            Some(keys)
        }
    }
}

/// P_hash (RFC 5246 section 5).
fn p_hash<M: Mac + KeyInit + Clone>(secret: &[u8], seed: &[u8], length: usize) -> Option<Vec<u8>> {
    let keyed = <M as KeyInit>::new_from_slice(secret).ok()?;
    let hmac = |parts: &[&[u8]]| {
        let mut hmac = keyed.clone();
        parts.iter().for_each(|part| hmac.update(part));
        hmac.finalize().into_bytes()
    };
    let mut octets = Vec::with_capacity(length + M::OutputSize::USIZE);
    let mut a = hmac(&[seed]);
    while octets.len() < length {
        octets.extend_from_slice(&hmac(&[&a, seed]));
        a = hmac(&[&a]);
    }
    octets.truncate(length);
    Some(octets)
}

//! Protects composed records as TLS 1.2 does with AES-128-GCM, under a master secret that the recipe's key makes.

use aes::Aes128;
use aes_gcm::{AeadInOut, AesGcm, KeyInit, aead::array::typenum::U12};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::payload::filler;

/// The body of the record of this type that is its sender's `nth` protected one (RFC 5288 section 3).
pub(crate) fn seal(key: &str, by_client: bool, nth: u64, kind: u8, content: &[u8]) -> Vec<u8> {
    let randoms = [random(key, "server random"), random(key, "client random")].concat();
    let keys = expanded(&master(key), b"key expansion", &randoms, 2 * 16 + 2 * 4);
    let (side, number) = (usize::from(!by_client), nth.to_be_bytes());
    let cipher = AesGcm::<Aes128, U12>::new_from_slice(&keys[16 * side..][..16]).unwrap();
    let nonce: [u8; 12] = [&keys[32 + 4 * side..][..4], &number].concat().try_into().unwrap();
    let length = (content.len() as u16).to_be_bytes();
    let head = [&number[..], &[kind, 3, 3], &length].concat();
    let mut octets = content.to_vec();
    let tag = cipher.encrypt_inout_detached(&nonce.into(), &head, octets.as_mut_slice().into());
    [&number[..], &octets, &tag.unwrap()].concat()
}

/// The line of a key log that opens these records.
pub(crate) fn keylog(key: &str) -> String {
    let hexadecimal = |octets: Vec<u8>| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let (random, master) = (random(key, "client random"), master(key));
    format!("CLIENT_RANDOM {} {}\n", hexadecimal(random), hexadecimal(master))
}

fn random(key: &str, whose: &str) -> Vec<u8> {
    filler(key, whose, 32)
}

fn master(key: &str) -> Vec<u8> {
    filler(key, "master secret", 48)
}

/// P_SHA256 (RFC 5246 section 5).
fn expanded(secret: &[u8], label: &[u8], randoms: &[u8], length: usize) -> Vec<u8> {
    let mac = |octets: &[&[u8]]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        octets.iter().for_each(|octets| mac.update(octets));
        mac.finalize().into_bytes().to_vec()
    };
    let seed = [label, randoms].concat();
    let (mut link, mut octets) = (seed.clone(), Vec::new());
    while octets.len() < length {
        link = mac(&[&link]);
        octets.extend(mac(&[&link, &seed]));
    }
    octets
}

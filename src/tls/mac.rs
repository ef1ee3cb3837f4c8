//! The HMAC of a record, where the cipher itself authenticates nothing (RFC 5246 section 6.2.3.1).

use hmac::{Hmac, KeyInit, Mac, digest::array::typenum::Unsigned};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};

use super::{RecordHeader, suite::Hash};

/// An HMAC and its key.
pub(super) struct Authenticator(Box<dyn Keyed>);

impl Authenticator {
    /// With this hash and key.
    pub(super) fn new(hash: Hash, key: &[u8]) -> Option<Authenticator> {
        fn boxed<M: Mac + KeyInit + Clone + Send + 'static>(key: &[u8]) -> Option<Authenticator> {
            Some(Authenticator(Box::new(<M as KeyInit>::new_from_slice(key).ok()?)))
        }
        match hash {
            Hash::Md5 => boxed::<Hmac<Md5>>(key),
            Hash::Sha1 => boxed::<Hmac<Sha1>>(key),
            Hash::Sha256 => boxed::<Hmac<Sha256>>(key),
            Hash::Sha384 => boxed::<Hmac<Sha384>>(key),
        }
    }

    /// Octets of a tag.
    pub(super) fn tag_length(&self) -> usize {
        self.0.tag_length()
    }

    /// What stands before the tag at the end; `None` if that is not the tag of the record of this sequence number.
    pub(super) fn content<'o>(&self, sequence: u64, header: RecordHeader, octets: &'o [u8]) -> Option<&'o [u8]> {
        let (content, tag) = octets.split_at_checked(octets.len().checked_sub(self.tag_length())?)?;
        let numbered = header.numbered(sequence, content.len());
        self.0.is_authentic([&numbered, content], tag).then_some(content)
    }
}

/// An HMAC of some hash.
trait Keyed: Send {
    /// Octets of a tag.
    fn tag_length(&self) -> usize;
    /// Whether the tag of the parts is this.
    fn is_authentic(&self, parts: [&[u8]; 2], tag: &[u8]) -> bool;
}

impl<M: Mac + Clone + Send> Keyed for M {
    fn tag_length(&self) -> usize {
        M::OutputSize::USIZE
    }

    fn is_authentic(&self, parts: [&[u8]; 2], tag: &[u8]) -> bool {
        let mut hmac = self.clone();
        parts.iter().for_each(|part| hmac.update(part));
        hmac.verify_slice(tag).is_ok()
    }
}

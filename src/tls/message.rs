//! Handshake messages (RFC 8446 section 4), gathered from the records that they are spread over.

use std::mem;

use crate::octets::Octets;

/// No ClientHello or ServerHello in use comes near this; key shares of every post-quantum group together are some 10 KiB.
const LONGEST_HELLO: usize = 64 << 10;

/// What one direction may say in all, be it in the clear or under protection; certificate chains of real servers are some
/// 10 KiB.
const LONGEST_FLIGHT: usize = 256 << 10;

/// Handshake types (RFC 8446 section 4, and RFC 5246 section 7.4 for what 1.3 dropped).
pub(super) mod kind {
    pub(in crate::tls) const HELLO_REQUEST: u8 = 0;
    pub(in crate::tls) const CLIENT_HELLO: u8 = 1;
    pub(in crate::tls) const SERVER_HELLO: u8 = 2;
    pub(in crate::tls) const NEW_SESSION_TICKET: u8 = 4;
    pub(in crate::tls) const END_OF_EARLY_DATA: u8 = 5;
    pub(in crate::tls) const DRAFT_HELLO_RETRY_REQUEST: u8 = 6;
    pub(in crate::tls) const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub(in crate::tls) const CERTIFICATE: u8 = 11;
    pub(in crate::tls) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(in crate::tls) const CERTIFICATE_REQUEST: u8 = 13;
    pub(in crate::tls) const SERVER_HELLO_DONE: u8 = 14;
    pub(in crate::tls) const CERTIFICATE_VERIFY: u8 = 15;
    pub(in crate::tls) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(in crate::tls) const FINISHED: u8 = 20;
    pub(in crate::tls) const CERTIFICATE_STATUS: u8 = 22;
    pub(in crate::tls) const SUPPLEMENTAL_DATA: u8 = 23;
    pub(in crate::tls) const KEY_UPDATE: u8 = 24;
    pub(in crate::tls) const COMPRESSED_CERTIFICATE: u8 = 25;
}

/// One handshake message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// Its handshake type.
    pub(super) kind: u8,
    /// What follows its header, as far as it is there.
    pub(super) body: &'a [u8],
    /// Octets of the body by the header.
    pub(super) length: usize,
}

impl<'a> Message<'a> {
    /// The message at the start of `octets`, be it cut short or not.
    fn begun(octets: &mut Octets<'a>) -> Option<Self> {
        let kind = octets.u8()?;
        let length = usize::try_from(octets.u24()?).ok()?;
        let body = octets.take(length.min(octets.len()))?;
        Some(Message { kind, body, length })
    }

    /// Whether all of it is there.
    pub(super) fn is_whole(&self) -> bool {
        self.body.len() == self.length
    }
}

/// Whether this fragment begins with a hello, which no ciphertext does by chance: type, length and version must all fit.
pub(super) fn begins_with_hello(fragment: &[u8]) -> bool {
    let mut octets = Octets::new(fragment);
    Message::begun(&mut octets).is_some_and(|message| {
        matches!(message.kind, kind::CLIENT_HELLO | kind::SERVER_HELLO)
            && message.length <= LONGEST_HELLO
            && message.body.starts_with(&[3, 3])
    })
}

/// The handshake messages of one direction, while they are in the clear or those under protection.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The message that is not yet whole.
    unfinished: Vec<u8>,
    /// Octets read so far.
    total: usize,
    stopped: bool,
}

/// One message, or all of them, are longer than makes sense; reading has stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Messages {
    /// Reads the body of one record and gives every message that it completes to `each`.
    pub(super) fn read(&mut self, fragment: &[u8], mut each: impl FnMut(Message<'_>)) -> Result<(), TooLong> {
        if self.stopped {
            return Ok(());
        }
        self.total += fragment.len();
        let mut gathered = mem::take(&mut self.unfinished);
        let mut octets = Octets::new(if gathered.is_empty() {
            fragment
        } else {
            gathered.extend_from_slice(fragment);
            &gathered
        });
        let mut ahead = octets;
        while let Some(message) = Message::begun(&mut ahead).filter(Message::is_whole) {
            octets = ahead;
            each(message);
        }
        if self.total > LONGEST_FLIGHT || is_too_long(octets) {
            self.stop();
            return Err(TooLong);
        }
        let read = gathered.len().saturating_sub(octets.len());
        self.unfinished = if gathered.is_empty() {
            octets.rest().to_vec()
        } else {
            gathered.drain(..read);
            gathered
        };
        Ok(())
    }

    /// Reads no more messages.
    pub(super) fn stop(&mut self) {
        *self = Messages {
            stopped: true,
            ..Messages::default()
        };
    }

    /// Lets go of the message that is not whole, for a part of it is missing.
    pub(super) fn forget_unfinished(&mut self) {
        self.unfinished = Vec::new();
    }

    /// Whether messages are still read.
    pub(super) fn is_reading(&self) -> bool {
        !self.stopped
    }

    /// How many octets are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.unfinished.capacity()
    }

    /// The message that is not whole, as far as it is there.
    pub(super) fn unfinished(&self) -> Option<Message<'_>> {
        Message::begun(&mut Octets::new(&self.unfinished))
    }
}

fn is_too_long(mut begun: Octets<'_>) -> bool {
    Message::begun(&mut begun).is_some_and(|message| match message.kind {
        kind::CLIENT_HELLO | kind::SERVER_HELLO => message.length > LONGEST_HELLO,
        _ => message.length > LONGEST_FLIGHT,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, length: usize) -> Vec<u8> {
        let [_, length_octets @ ..] = (length as u32).to_be_bytes();
        [&[kind], &length_octets[..], &vec![kind; length]].concat()
    }

    fn read(fragments: &[&[u8]]) -> (Vec<(u8, usize)>, Result<(), TooLong>) {
        let mut messages = Messages::default();
        let mut seen = Vec::new();
        for fragment in fragments {
            let read = messages.read(fragment, |message| seen.push((message.kind, message.body.len())));
            if read.is_err() {
                return (seen, read);
            }
        }
        (seen, Ok(()))
    }

    #[test]
    fn messages_and_records_need_not_agree() {
        let octets = [message(1, 300), message(14, 0), message(11, 77), message(0, 0)].concat();
        let expected = (vec![(1, 300), (14, 0), (11, 77), (0, 0)], Ok(()));
        assert_eq!(read(&[&octets]), expected);
        for size in [1, 2, 3, 5, 64, 300] {
            let fragments: Vec<&[u8]> = octets.chunks(size).collect();
            assert_eq!(read(&fragments), expected);
        }
    }

    #[test]
    fn what_is_too_long_ends_it() {
        let hello = message(1, LONGEST_HELLO + 1);
        assert_eq!(read(&[&hello[..10]]), (vec![], Err(TooLong)));
        let flood = vec![0; LONGEST_FLIGHT];
        let (seen, read) = read(&[&flood, &message(0, 0)]);
        assert_eq!((seen.len(), read), (LONGEST_FLIGHT / 4 + 1, Err(TooLong)));
    }
}

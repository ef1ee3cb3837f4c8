//! The record layer of one direction (RFC 8446 section 5.1), read as its octets come.

use crate::octets::Octets;

use super::ProtocolVersion;

/// Octets of a record header: content type, version, length.
pub(super) const HEADER: usize = 5;

/// The longest body that any version allows: 2^14 and 2048 for compression and protection (RFC 5246 section 6.2.3).
const LONGEST_BODY: u16 = (1 << 14) + 2048;

/// What a record carries, by its outermost octet. TLS 1.3 writes `ApplicationData` on everything that is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentType {
    /// change_cipher_spec (20).
    ChangeCipherSpec,
    /// alert (21).
    Alert,
    /// handshake (22).
    Handshake,
    /// application_data (23).
    ApplicationData,
    /// heartbeat (24, RFC 6520).
    Heartbeat,
}

impl ContentType {
    pub(super) fn new(octet: u8) -> Option<Self> {
        Some(match octet {
            20 => ContentType::ChangeCipherSpec,
            21 => ContentType::Alert,
            22 => ContentType::Handshake,
            23 => ContentType::ApplicationData,
            24 => ContentType::Heartbeat,
            _ => return None,
        })
    }

    fn octet(self) -> u8 {
        match self {
            ContentType::ChangeCipherSpec => 20,
            ContentType::Alert => 21,
            ContentType::Handshake => 22,
            ContentType::ApplicationData => 23,
            ContentType::Heartbeat => 24,
        }
    }
}

/// What the first five octets of a record say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// What it carries, as far as the outside tells.
    pub kind: ContentType,
    /// The version of the record layer, which says little: TLS 1.3 always writes 0x0303 (0x0301 on a first ClientHello).
    pub version: ProtocolVersion,
    /// Octets of the body, at most 2^14 + 2048.
    pub length: u16,
}

impl RecordHeader {
    /// The header as it stands on the wire.
    pub(super) fn octets(self) -> [u8; HEADER] {
        let ([major, minor], [high, low]) = (self.version.0.to_be_bytes(), self.length.to_be_bytes());
        [self.kind.octet(), major, minor, high, low]
    }

    /// What TLS 1.2 and before authenticate with a record: its number, and the header with another length
    /// (RFC 5246 section 6.2.3.1).
    pub(super) fn numbered(self, sequence: u64, length: usize) -> [u8; 8 + HEADER] {
        let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
        let [kind, major, minor, ..] = self.octets();
        // No body is as long as 2^16 octets, nor is what it carries.
        let [.., high, low] = length.to_be_bytes();
        [a, b, c, d, e, f, g, h, kind, major, minor, high, low]
    }
}

/// Whether these first octets of a direction begin a TLS record; `None` if there are too few to tell.
pub fn is_tls(first: &[u8]) -> Option<bool> {
    match header(first) {
        Ok(None) => None,
        Ok(Some(_)) => Some(true),
        Err(NoRecord) => Some(false),
    }
}

/// What came next in a direction.
#[derive(Debug, PartialEq, Eq)]
pub enum RecordEvent<'a> {
    /// A record has begun; [`Records::keep`] now, and its body will be given.
    Start(RecordHeader),
    /// The whole body of a record that was kept.
    Body(RecordHeader, &'a [u8]),
    /// These octets (at most five) begin no record; nothing will be read any more.
    Broken(&'a [u8]),
}

/// The records of one direction, read from octets that come in order and in arbitrary pieces.
#[derive(Debug, Default)]
pub struct Records {
    /// The octets of the next header that are there.
    header: [u8; HEADER],
    /// How many these are.
    present: usize,
    state: State,
    /// The body that is being kept, as far as it came in earlier pieces.
    body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Between two records, or inside a header.
    #[default]
    Header,
    /// Inside a body of which `left` octets are to come.
    Body {
        header: RecordHeader,
        left: usize,
        kept: bool,
    },
    /// The framing is lost, perhaps `inside` a record.
    Stopped { inside: bool },
}

impl Records {
    /// Reads some of `octets`: gives how many, and what they told. To be called until it tells nothing: then all were read.
    pub fn read<'a>(&'a mut self, octets: &'a [u8]) -> (usize, Option<RecordEvent<'a>>) {
        match self.state {
            State::Header => self.read_header(octets),
            State::Body {
                header,
                left,
                kept: true,
            } => self.read_body(octets, header, left),
            State::Body {
                header,
                left,
                kept: false,
            } => {
                let (passed, rest) = octets.split_at(left.min(octets.len()));
                self.advance(header, left - passed.len(), false);
                if rest.is_empty() {
                    return (passed.len(), None);
                }
                let (read, event) = self.read_header(rest);
                (passed.len() + read, event)
            }
            State::Stopped { .. } => (octets.len(), None),
        }
    }

    /// Asks for the body of the record that has just begun.
    pub fn keep(&mut self) {
        if let State::Body { kept, .. } = &mut self.state {
            *kept = true;
        }
    }

    /// Passes over octets that the capture lacks; whether the framing survived, because they lay within one body.
    ///
    /// A body that was being kept is lost all the same: ask [`Records::unfinished`] before.
    pub fn gap(&mut self, missing: u64) -> bool {
        match (self.state, usize::try_from(missing)) {
            (State::Stopped { .. }, _) => false,
            (_, Ok(0)) => true,
            (State::Body { header, left, .. }, Ok(missing)) if missing <= left => {
                self.body = Vec::new();
                self.advance(header, left - missing, false);
                true
            }
            _ => {
                self.stop();
                false
            }
        }
    }

    /// Reads no more of this direction.
    pub fn stop(&mut self) {
        *self = Records {
            state: State::Stopped {
                inside: self.is_inside(),
            },
            ..Records::default()
        };
    }

    /// Reads on, from octets that begin with a header.
    pub fn resume(&mut self) {
        *self = Records::default();
    }

    /// Whether the framing is not lost.
    pub fn is_reading(&self) -> bool {
        !matches!(self.state, State::Stopped { .. })
    }

    /// How many of the next octets are of no interest and may be given as a [`Records::gap`] just as well.
    pub fn unread(&self) -> u64 {
        match self.state {
            State::Body { left, kept: false, .. } => left as u64,
            State::Stopped { .. } => u64::MAX,
            _ => 0,
        }
    }

    /// The kept record that is not yet whole, and what there is of its body.
    pub fn unfinished(&self) -> Option<(RecordHeader, &[u8])> {
        match self.state {
            State::Body { header, kept: true, .. } => Some((header, &self.body)),
            _ => None,
        }
    }

    /// Whether the octets so far end inside a record, or the reading did.
    pub fn is_inside(&self) -> bool {
        match self.state {
            State::Header => self.present > 0,
            State::Body { left, .. } => left > 0,
            State::Stopped { inside } => inside,
        }
    }

    /// How many octets are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.body.capacity()
    }

    fn read_header<'a>(&'a mut self, octets: &'a [u8]) -> (usize, Option<RecordEvent<'a>>) {
        let (_, empty) = self.header.split_at_mut(self.present);
        let read = empty.iter_mut().zip(octets).map(|(to, from)| *to = *from).count();
        self.present += read;
        let (present, _) = self.header.split_at(self.present);
        match header(present) {
            Ok(None) => (read, None),
            Ok(Some(header)) => {
                self.present = 0;
                // The body of the record before was given out and is not needed any more.
                self.body = Vec::new();
                self.state = State::Body {
                    header,
                    left: usize::from(header.length),
                    kept: false,
                };
                (read, Some(RecordEvent::Start(header)))
            }
            Err(NoRecord) => {
                self.present = 0;
                self.state = State::Stopped { inside: false };
                (read, Some(RecordEvent::Broken(present)))
            }
        }
    }

    fn read_body<'a>(
        &'a mut self,
        octets: &'a [u8],
        header: RecordHeader,
        left: usize,
    ) -> (usize, Option<RecordEvent<'a>>) {
        let Some((body, _)) = octets.split_at_checked(left) else {
            self.body.extend_from_slice(octets);
            self.state = State::Body {
                header,
                left: left - octets.len(),
                kept: true,
            };
            return (octets.len(), None);
        };
        self.state = State::Header;
        if self.body.is_empty() {
            return (left, Some(RecordEvent::Body(header, body)));
        }
        self.body.extend_from_slice(body);
        (left, Some(RecordEvent::Body(header, &self.body)))
    }

    fn advance(&mut self, header: RecordHeader, left: usize, kept: bool) {
        self.state = if left == 0 {
            State::Header
        } else {
            State::Body { header, left, kept }
        };
    }
}

/// Octets that begin no record.
pub(super) struct NoRecord;

/// The header at the start of `octets`; `None` if they are too few but so far like one.
pub(super) fn header(octets: &[u8]) -> Result<Option<RecordHeader>, NoRecord> {
    let mut octets = Octets::new(octets);
    let Some(kind) = octets.u8() else { return Ok(None) };
    let kind = ContentType::new(kind).ok_or(NoRecord)?;
    if octets.rest().first().is_some_and(|major| *major != 3) {
        return Err(NoRecord);
    }
    let Some(version) = octets.u16() else { return Ok(None) };
    if version > ProtocolVersion::TLS_1_3.0 {
        return Err(NoRecord);
    }
    let Some(length) = octets.u16() else { return Ok(None) };
    if length > LONGEST_BODY {
        return Err(NoRecord);
    }
    Ok(Some(RecordHeader {
        kind,
        version: ProtocolVersion(version),
        length,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as it stands on the wire.
    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 3, 3], &(body.len() as u16).to_be_bytes()[..], body].concat()
    }

    /// What is told of `pieces` when bodies of `kept` content types are kept.
    fn told(pieces: &[&[u8]], kept: &[ContentType]) -> Vec<String> {
        let mut records = Records::default();
        let mut told = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            loop {
                let (read, event) = records.read(rest);
                rest = &rest[read..];
                let Some(event) = event else { break };
                told.push(format!("{event:?}"));
                if let RecordEvent::Start(header) = event
                    && kept.contains(&header.kind)
                {
                    records.keep();
                }
            }
            assert!(rest.is_empty(), "all is read before nothing more is told");
        }
        told
    }

    #[test]
    fn the_pieces_do_not_matter() {
        let octets = [
            record(22, b"abc"),
            record(23, b"0123456789"),
            record(20, b""),
            record(22, b""),
            record(21, b"xy"),
        ]
        .concat();
        let kept = [ContentType::Handshake, ContentType::Alert];
        let whole = told(&[&octets], &kept);
        assert_eq!(whole.len(), 5 + 3);
        for at in 0..octets.len() {
            let (a, b) = octets.split_at(at);
            assert_eq!(told(&[a, b], &kept), whole);
        }
        let ones: Vec<&[u8]> = octets.chunks(1).collect();
        assert_eq!(told(&ones, &kept), whole);
    }

    #[test]
    fn a_gap_is_bridged_inside_a_body_only() {
        let mut records = Records::default();
        let octets = record(23, &[0; 100]);
        records.read(&octets[..15]);
        records.read(&octets[5..15]);
        assert_eq!(records.unread(), 90);
        assert!(records.gap(80));
        assert!(records.is_inside());
        assert!(records.gap(10));
        assert!(!records.is_inside());
        assert!(matches!(records.read(&octets), (5, Some(RecordEvent::Start(_)))));
        assert!(!records.gap(101));
        assert_eq!(records.read(&octets), (octets.len(), None));
    }

    #[test]
    fn tells_tls_from_other_octets_as_early_as_can_be() {
        assert_eq!(is_tls(b""), None);
        assert_eq!(is_tls(b"\x16\x03\x01\x02"), None);
        assert_eq!(is_tls(b"\x16\x03\x01\x02\x00\x01"), Some(true));
        assert_eq!(is_tls(b"G"), Some(false));
        assert_eq!(is_tls(b"\x16\x04"), Some(false));
        assert_eq!(is_tls(b"\x16\x03\x09"), Some(false));
        assert_eq!(is_tls(b"\x16\x03\x03\xff\xff"), Some(false));
    }
}

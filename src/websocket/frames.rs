//! The frames of one direction (RFC 6455 section 5): headers are read, payloads hopped over, closes understood.

use std::fmt;

use super::close::CloseCode;
use super::violation::Violation;
use crate::octets::Octets;

/// Whose frames a direction holds: a client masks its frames, a server does not (RFC 6455 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The end that asked for the WebSocket.
    Client,
    /// The end that was asked.
    Server,
}

/// What a frame holds (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// More of the message under way.
    pub const CONTINUATION: Opcode = Opcode(0x0);
    /// A message in UTF-8, or its beginning.
    pub const TEXT: Opcode = Opcode(0x1);
    /// A message of octets, or its beginning.
    pub const BINARY: Opcode = Opcode(0x2);
    /// The sender's last frame.
    pub const CLOSE: Opcode = Opcode(0x8);
    /// A question whether the other end is there.
    pub const PING: Opcode = Opcode(0x9);
    /// The answer to it.
    pub const PONG: Opcode = Opcode(0xa);

    /// Whether this is a control frame; one may stand between the fragments of a message (RFC 6455 section 5.5).
    pub fn is_control(self) -> bool {
        self.0 >= 0x8
    }

    fn is_reserved(self) -> bool {
        !matches!(self.0, 0x0..=0x2 | 0x8..=0xa)
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Opcode::CONTINUATION => f.write_str("continuation"),
            Opcode::TEXT => f.write_str("text"),
            Opcode::BINARY => f.write_str("binary"),
            Opcode::CLOSE => f.write_str("close"),
            Opcode::PING => f.write_str("ping"),
            Opcode::PONG => f.write_str("pong"),
            Opcode(other) => write!(f, "{other:#x}"),
        }
    }
}

/// The header of a frame (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The reserved bits: 4 for RSV1, 2 for RSV2, 1 for RSV3.
    pub rsv: u8,
    /// What the frame holds.
    pub opcode: Opcode,
    /// Whether the payload is masked.
    pub masked: bool,
    /// The payload's length in octets.
    pub length: u64,
}

/// What happens in a direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameEvent {
    /// A frame began.
    Header(FrameHeader),
    /// A Close frame ended; its `Header` came before.
    Close {
        /// Why the sender closes; nothing if it does not say.
        code: Option<CloseCode>,
        /// The reason in the sender's words, empty if there are none; it may hold any character.
        reason: String,
    },
    /// The frame whose header or Close came last, or what stands in its place, breaks the rules. Each way is told once.
    Broken(Violation),
}

/// Reads the frames of one direction, fed in order with its octets in any pieces.
#[derive(Debug)]
pub struct Frames {
    sender: Sender,
    /// The reserved bits that may be set.
    agreed: u8,
    state: State,
    /// A header that is yet to be told.
    begun: Option<FrameHeader>,
    /// Whether a message is under way.
    fragmented: bool,
    /// Whether a Close was sent.
    closed: bool,
    /// What is wrong, each way once; the first `told` of them were told.
    violations: Vec<Violation>,
    told: usize,
}

#[derive(Debug)]
enum State {
    /// At a frame's start or in its header, of which these octets are known.
    Header(Gathered<HEADER_CAP>),
    /// In a payload of which so many octets are to come.
    Payload(u64),
    /// In a Close frame's payload.
    Close {
        left: u64,
        key: [u8; 4],
        payload: Gathered<CONTROL_CAP>,
    },
    /// Nothing further can be read; whether octets are missing, rather than wrong.
    Lost { by_gap: bool },
}

/// Two octets, eight of length, four of the mask.
const HEADER_CAP: usize = 14;

/// The longest payload of a control frame (RFC 6455 section 5.5).
const CONTROL_CAP: usize = 125;

/// The start of a response in the place of a frame. As a frame it would be a fragment of a Close, which may not be.
const HTTP_TEXT: &[u8] = b"HTTP/1.";

impl Frames {
    /// A reader before the first frame of `sender`; `rsv1_agreed` if an extension was agreed on that may use RSV1.
    pub fn new(sender: Sender, rsv1_agreed: bool) -> Self {
        const RSV1: u8 = 0x4;
        Frames {
            sender,
            agreed: if rsv1_agreed { RSV1 } else { 0 },
            state: State::Header(Gathered::new()),
            begun: None,
            fragmented: false,
            closed: false,
            violations: Vec::new(),
            told: 0,
        }
    }

    /// Takes octets up to the next event and says how many it took. Call it with the rest until there is no event: then
    /// all octets were taken. (An event may come without octets: call it once more when all are taken.)
    ///
    /// At `Broken(HttpText)` the octets `HTTP/1.` have been taken; the rest of the text is left to another reader.
    pub fn read(&mut self, octets: &[u8]) -> (usize, Option<FrameEvent>) {
        let mut at = 0;
        loop {
            if let Some(event) = self.pending() {
                return (at, Some(event));
            }
            let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) else {
                return (at, None);
            };
            at += match self.state {
                State::Header(header) => self.read_header(header, rest),
                State::Payload(left) => self.read_payload(left, rest),
                State::Close { left, key, payload } => self.read_close(left, key, payload, rest),
                State::Lost { .. } => rest.len(),
            };
        }
    }

    /// So many octets were not captured; whether they lie within a payload, so that the next frame's place is known.
    /// What a Close says is not told if part of it is missing.
    pub fn gap(&mut self, missing: u64) -> bool {
        match self.state {
            State::Payload(left) | State::Close { left, .. } if missing <= left => self.hop(left - missing),
            State::Lost { .. } => {}
            _ if missing == 0 => {}
            _ => self.state = State::Lost { by_gap: true },
        }
        !self.lost()
    }

    /// Whether nothing further can be read in this direction: by a gap, or since what came was no frame.
    pub fn lost(&self) -> bool {
        matches!(self.state, State::Lost { .. })
    }

    /// Whether it is a gap that ended the reading.
    pub fn lost_by_gap(&self) -> bool {
        matches!(self.state, State::Lost { by_gap: true })
    }

    /// Whether a frame has begun and not ended: a direction that ends here was cut off.
    pub fn inside_frame(&self) -> bool {
        match &self.state {
            State::Header(header) => !header.octets().is_empty(),
            State::Payload(_) | State::Close { .. } => true,
            State::Lost { .. } => false,
        }
    }

    /// How many octets ahead are certainly payload: they may be passed over with [`Frames::gap`] instead of being read.
    pub fn payload_ahead(&self) -> u64 {
        match self.state {
            State::Payload(left) => left,
            _ => 0,
        }
    }

    /// What is known and yet to be told: a header, what is wrong with it, what a Close says, what is wrong with that.
    fn pending(&mut self) -> Option<FrameEvent> {
        if let Some(header) = self.begun.take() {
            return Some(FrameEvent::Header(header));
        }
        if let Some(&violation) = self.violations.get(self.told) {
            self.told += 1;
            return Some(FrameEvent::Broken(violation));
        }
        match self.state {
            State::Close { left: 0, key, payload } => Some(self.end_close(key, payload)),
            _ => None,
        }
    }

    fn read_header(&mut self, mut known: Gathered<HEADER_CAP>, octets: &[u8]) -> usize {
        for (at, &octet) in octets.iter().enumerate() {
            known.push(octet);
            self.judge(known.octets());
            if !matches!(self.state, State::Header(_)) || self.begun.is_some() {
                return at + 1;
            }
        }
        self.state = State::Header(known);
        octets.len()
    }

    /// Judges what is known of a frame: begins it when its header is whole.
    fn judge(&mut self, known: &[u8]) {
        if known == HTTP_TEXT {
            return self.give_up(Violation::HttpText);
        }
        if HTTP_TEXT.starts_with(known) {
            return;
        }
        match (parse(known), known) {
            // It began like HTTP text, but is neither that nor a frame.
            (_, [b'H', b'T', ..]) => self.give_up(Violation::FragmentedControl),
            (_, [first, ..]) if Opcode(first & 0xf).is_reserved() => self.give_up(Violation::ReservedOpcode),
            (Some(frame), _) if frame.header.length >> 63 == 1 => self.give_up(Violation::ImpossibleLength),
            (Some(frame), _) => self.begin(frame),
            (None, _) => {}
        }
    }

    fn begin(&mut self, frame: Frame) {
        let Frame { header, key, minimal } = frame;
        self.begun = Some(header);
        self.audit(header, minimal);
        let control = header.opcode.is_control();
        self.fragmented = if control { self.fragmented } else { !header.fin };
        self.closed |= header.opcode == Opcode::CLOSE;
        self.state = match header.length {
            left if header.opcode == Opcode::CLOSE && left <= CONTROL_CAP as u64 => State::Close {
                left,
                key,
                payload: Gathered::new(),
            },
            left => return self.hop(left),
        };
    }

    fn audit(&mut self, header: FrameHeader, minimal: bool) {
        let control = header.opcode.is_control();
        let continuation = header.opcode == Opcode::CONTINUATION;
        for (broken, violation) in [
            (!minimal, Violation::LengthNotMinimal),
            (header.rsv & !self.agreed != 0, Violation::ReservedBit),
            (self.sender == Sender::Client && !header.masked, Violation::Unmasked),
            (self.sender == Sender::Server && header.masked, Violation::Masked),
            (control && !header.fin, Violation::FragmentedControl),
            (control && header.length > CONTROL_CAP as u64, Violation::LongControl),
            (continuation && !self.fragmented, Violation::ContinuationWithoutStart),
            (
                !control && !continuation && self.fragmented,
                Violation::MessageInsideMessage,
            ),
            (!control && self.closed, Violation::DataAfterClose),
        ] {
            if broken {
                self.note(violation);
            }
        }
    }

    fn read_payload(&mut self, left: u64, octets: &[u8]) -> usize {
        let taken = octets.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.hop(left - taken as u64);
        taken
    }

    /// Goes on with so many octets of a payload left.
    fn hop(&mut self, left: u64) {
        self.state = if left == 0 {
            State::Header(Gathered::new())
        } else {
            State::Payload(left)
        };
    }

    fn read_close(&mut self, left: u64, key: [u8; 4], mut payload: Gathered<CONTROL_CAP>, octets: &[u8]) -> usize {
        let taken = octets.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        octets.iter().take(taken).for_each(|&octet| payload.push(octet));
        self.state = State::Close {
            left: left - taken as u64,
            key,
            payload,
        };
        taken
    }

    fn end_close(&mut self, key: [u8; 4], payload: Gathered<CONTROL_CAP>) -> FrameEvent {
        self.hop(0);
        // RFC 6455 section 5.3; a frame without a mask has a key of zeros.
        let payload: Vec<u8> = payload
            .octets()
            .iter()
            .zip(key.iter().cycle())
            .map(|(octet, key)| octet ^ key)
            .collect();
        let mut payload_octets = Octets::new(&payload);
        let code = payload_octets.u16().map(CloseCode);
        match code {
            Some(code) if !code.may_be_sent() => self.note(Violation::IllegalCloseCode),
            None if !payload.is_empty() => self.note(Violation::HalfCloseCode),
            _ => {}
        }
        let reason = if code.is_some() { payload_octets.rest() } else { &[] };
        if std::str::from_utf8(reason).is_err() {
            self.note(Violation::CloseReasonNotUtf8);
        }
        FrameEvent::Close {
            code,
            reason: String::from_utf8_lossy(reason).into_owned(),
        }
    }

    fn give_up(&mut self, violation: Violation) {
        self.note(violation);
        self.state = State::Lost { by_gap: false };
    }

    fn note(&mut self, violation: Violation) {
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}

/// A header as it was read.
struct Frame {
    header: FrameHeader,
    /// The masking key; zeros without a mask.
    key: [u8; 4],
    /// Whether the length stands in as few octets as can be.
    minimal: bool,
}

/// Reads a frame's header (RFC 6455 section 5.2); nothing if it is not whole.
fn parse(octets: &[u8]) -> Option<Frame> {
    let mut octets = Octets::new(octets);
    let (first, second) = (octets.u8()?, octets.u8()?);
    let (length, least) = match second & 0x7f {
        126 => (u64::from(octets.u16()?), 126),
        127 => (octets.u64()?, 0x1_0000),
        short => (u64::from(short), 0),
    };
    let masked = second & 0x80 != 0;
    let key = if masked { octets.array()? } else { [0; 4] };
    let header = FrameHeader {
        fin: first & 0x80 != 0,
        rsv: first >> 4 & 0x7,
        opcode: Opcode(first & 0xf),
        masked,
        length,
    };
    Some(Frame {
        header,
        key,
        minimal: length >= least,
    })
}

/// A few octets that came one after another.
#[derive(Clone, Copy, Debug)]
struct Gathered<const CAP: usize> {
    octets: [u8; CAP],
    length: usize,
}

impl<const CAP: usize> Gathered<CAP> {
    fn new() -> Self {
        Gathered {
            octets: [0; CAP],
            length: 0,
        }
    }

    /// Adds an octet; one for which there is no room is lost.
    fn push(&mut self, octet: u8) {
        if let Some(slot) = self.octets.get_mut(self.length) {
            *slot = octet;
            self.length += 1;
        }
    }

    fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// What a reader tells of octets that come in these pieces.
    fn told_in(sender: Sender, rsv1: bool, pieces: &[&[u8]]) -> Vec<String> {
        let (mut frames, mut told) = (Frames::new(sender, rsv1), Vec::new());
        for mut piece in pieces.iter().copied() {
            while let (taken, Some(event)) = frames.read(piece) {
                piece = &piece[taken..];
                told.push(match event {
                    FrameEvent::Header(FrameHeader {
                        fin,
                        rsv,
                        opcode,
                        masked,
                        length,
                    }) => {
                        format!(
                            "{opcode} fin {} rsv {rsv} mask {} length {length}",
                            u8::from(fin),
                            u8::from(masked)
                        )
                    }
                    FrameEvent::Close { code, reason } => format!("closed {:?} {reason}", code.map(|code| code.0)),
                    FrameEvent::Broken(violation) => format!("{violation:?}"),
                });
            }
        }
        if frames.inside_frame() {
            told.push("inside".to_owned());
        }
        told
    }

    fn server(octets: &[u8]) -> Vec<String> {
        told_in(Sender::Server, false, &[octets])
    }

    fn client(octets: &[u8]) -> Vec<String> {
        told_in(Sender::Client, false, &[octets])
    }

    const GOOD: &[u8] = b"\x81\x05hello\x01\x02ab\x89\x00\x80\x01c\x82\x7e\x00\x80\
        0123456789012345678901234567890123456789012345678901234567890123\
        0123456789012345678901234567890123456789012345678901234567890123\x88\x06\x03\xf0none";

    #[test]
    fn frames_in_good_order() {
        let told = server(GOOD);
        let seen = [
            "text fin 1 rsv 0 mask 0 length 5",
            "text fin 0 rsv 0 mask 0 length 2",
            "ping fin 1 rsv 0 mask 0 length 0",
            "continuation fin 1 rsv 0 mask 0 length 1",
            "binary fin 1 rsv 0 mask 0 length 128",
            "close fin 1 rsv 0 mask 0 length 6",
            "closed Some(1008) none",
        ];
        assert_eq!(told, seen);
    }

    #[test]
    fn a_client_masks() {
        let close = b"\x88\x85\x01\x02\x03\x04\x02\xea\x61\x7d\x64";
        assert_eq!(
            client(close),
            ["close fin 1 rsv 0 mask 1 length 5", "closed Some(1000) bye"]
        );
        assert_eq!(
            client(b"\x88\x80abcd"),
            ["close fin 1 rsv 0 mask 1 length 0", "closed None "]
        );
    }

    #[test]
    fn each_violation() {
        for (octets, violation) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HttpText"),
            (b"HTTX", "FragmentedControl"),
            (b"\x83\x00", "ReservedOpcode"),
            (b"\x82\x7f\x80\0\0\0\0\0\0\0", "ImpossibleLength"),
            (b"\x82\x7e\x00\x01a", "LengthNotMinimal"),
            (b"\x82\x7f\0\0\0\0\0\0\0\x01a", "LengthNotMinimal"),
            (b"\xc1\x00", "ReservedBit"),
            (b"\xa1\x00", "ReservedBit"),
            (b"\x81\x80abcd", "Masked"),
            (b"\x09\x00", "FragmentedControl"),
            (b"\x89\x7e\x00\x7e", "LongControl"),
            (b"\x80\x00", "ContinuationWithoutStart"),
            (b"\x01\x00\x81\x00", "MessageInsideMessage"),
            (b"\x88\x00\x81\x00", "DataAfterClose"),
            (b"\x88\x01\x03", "HalfCloseCode"),
            (b"\x88\x02\x03\xed", "IllegalCloseCode"),
            (b"\x88\x05\x62'no'", "IllegalCloseCode"),
            (b"\x88\x03\x03\xe8\xff", "CloseReasonNotUtf8"),
        ] {
            let named: Vec<_> = server(octets)
                .into_iter()
                .filter(|told| !told.contains(' ') && told != "inside")
                .collect();
            assert_eq!(named, [violation], "{}", octets.escape_ascii());
        }
        assert_eq!(client(b"\x81\x00\x81\x00")[1..2], ["Unmasked"]);
        assert_eq!(client(b"\x81\x00\x81\x00").len(), 3);
        assert_eq!(
            told_in(Sender::Server, true, &[b"\xc1\x00"]),
            ["text fin 1 rsv 4 mask 0 length 0"]
        );
    }

    #[test]
    fn http_text_is_left_to_another_reader() {
        let mut frames = Frames::new(Sender::Server, false);
        let octets = b"\x81\x00HTTP/1.1 400 Bad Request";
        assert!(matches!(frames.read(octets), (2, Some(FrameEvent::Header(_)))));
        assert_eq!(
            frames.read(&octets[2..]),
            (7, Some(FrameEvent::Broken(Violation::HttpText)))
        );
        assert!(frames.lost() && !frames.lost_by_gap());
    }

    #[test]
    fn gaps() {
        let mut frames = Frames::new(Sender::Server, false);
        frames.read(b"\x82\x0a");
        assert!(frames.gap(4) && frames.payload_ahead() == 6);
        assert_eq!(frames.read(b"abc"), (3, None));
        assert!(frames.gap(3) && !frames.inside_frame());
        let mut closing = Frames::new(Sender::Server, false);
        closing.read(b"\x88\x03");
        assert!(closing.gap(2));
        assert_eq!(closing.read(b"x"), (1, None));
        frames.read(b"\x82\x0a");
        assert!(!frames.gap(11) && frames.lost_by_gap());
        assert_eq!(frames.read(GOOD), (GOOD.len(), None));
        assert!(!frames.gap(0));
    }

    #[test]
    fn the_events_do_not_depend_on_the_pieces() {
        let mut random = fastrand::Rng::with_seed(23);
        for at in 0..=GOOD.len() {
            let (before, behind) = GOOD.split_at(at);
            assert_eq!(
                told_in(Sender::Server, false, &[before, behind]),
                server(GOOD),
                "split at {at}"
            );
        }
        for _ in 0..20_000 {
            let mut octets = GOOD.to_vec();
            for _ in 0..random.usize(..4) {
                let at = random.usize(..octets.len());
                octets[at] = *random.choice(b"\0\x01\x7e\x7f\x80\x81\x88HTP\xff").unwrap();
            }
            octets.splice(0..0, b"HTTP/1.".iter().copied().take(random.usize(..7)));
            let singles: Vec<&[u8]> = octets.chunks(1).collect();
            assert_eq!(
                told_in(Sender::Client, true, &singles),
                told_in(Sender::Client, true, &[&octets])
            );
        }
    }

    #[test]
    fn a_mebibyte_of_single_hostile_octets_takes_less_than_a_second() {
        let mut random = fastrand::Rng::with_seed(29);
        let noise: Vec<u8> = (0..1 << 20).map(|_| random.u8(..)).collect();
        for octets in [b"\x89\x00".repeat(1 << 19), b"\x88\x02\x03\xe8".repeat(1 << 18), noise] {
            let start = Instant::now();
            let singles: Vec<&[u8]> = octets.chunks(1).collect();
            told_in(Sender::Client, false, &singles);
            assert!(start.elapsed().as_secs_f64() < 1.0, "{:?}", start.elapsed());
        }
    }
}

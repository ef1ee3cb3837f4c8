//! One direction as a row of messages: where heads, bodies and gaps begin and end, whoever speaks.
//!
//! [`super::requests`] and [`super::responses`] read the heads; the rest is the same for both and stands here.

use super::chunked::{Chunks, Piece};
use super::framing::Framing;
use super::gathering::{GIVE_UP, Gathering, Line};
use super::opening::{OPENING_CAP, Opening, opening};

/// How many octets of what is not HTTP are kept.
const FIRST_CAP: usize = 64;

/// With so many octets of a message and no line end, [`opening`] says `More` or will not change its mind before the
/// line ends: it need not be asked at every octet.
const OPENING_PREFIX: usize = 64;

/// A row of messages in one direction.
#[derive(Debug)]
pub(super) struct Messages {
    state: State,
    /// What a message begins with: a request or a response.
    kind: Opening,
}

/// What the next octets of a direction are.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// A whole head. [`Messages::body`] must be called before any further octets are read.
    Head(Box<Gathering>),
    /// Octets of the body.
    Body(&'a [u8]),
    /// The message ended.
    End,
    /// The body's framing is broken, so the message's end is unknown.
    Broken,
    /// This is not HTTP; its first octets. The reader has stopped.
    NotHttp(Box<[u8]>),
    /// The direction ended in a head; what was kept of it.
    TruncatedHead(Box<[u8]>),
    /// The direction ended in a body.
    TruncatedBody,
}

#[derive(Debug)]
enum State {
    /// Between messages.
    Idle,
    /// In a head.
    Head(Head),
    /// In a body of which so many octets are to come.
    Length(u64),
    /// In a body in chunks.
    Chunked(Chunks),
    /// In a body that ends with the direction.
    UntilClose,
    /// Behind a message whose end is yet to be told; whether octets are missing since.
    Ended { lost: bool },
    /// It is not known where the next message begins.
    Lost,
    /// What follows is not ours.
    Stopped,
}

#[derive(Debug)]
struct Head {
    gathering: Box<Gathering>,
    /// Whether the first line is known to be one of HTTP.
    believed: bool,
    /// Whether the place where it begins is a guess, so that what is no head means nothing.
    guessed: bool,
}

impl Messages {
    /// Before the first octet of a direction whose messages are of that kind.
    pub(super) fn new(kind: Opening) -> Self {
        Messages {
            state: State::Idle,
            kind,
        }
    }

    /// Takes octets up to the next thing to be told; no step means that all were taken, or that the reader has stopped.
    pub(super) fn read<'a>(&mut self, octets: &'a [u8]) -> (usize, Option<Step<'a>>) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => self.read_idle(octets),
            State::Head(head) => self.read_head(head, octets, 0),
            State::Length(left) => self.read_length(left, octets),
            State::Chunked(chunks) => self.read_chunks(chunks, octets),
            State::UntilClose => {
                self.state = State::UntilClose;
                (octets.len(), (!octets.is_empty()).then_some(Step::Body(octets)))
            }
            State::Ended { lost } => {
                self.state = if lost { State::Lost } else { State::Idle };
                (0, Some(Step::End))
            }
            State::Lost if octets.is_empty() => {
                self.state = State::Lost;
                (0, None)
            }
            State::Lost => self.read_head(Head::new(true), octets, 0),
            State::Stopped => {
                self.state = State::Stopped;
                (0, None)
            }
        }
    }

    /// Tells the framing of the body whose head was just read.
    pub(super) fn body(&mut self, framing: Framing) {
        self.state = match framing {
            Framing::None | Framing::Length(0) => State::Ended { lost: false },
            Framing::Length(left) => State::Length(left),
            Framing::Chunked => State::Chunked(Chunks::new()),
            Framing::UntilClose => State::UntilClose,
            Framing::Tunnel => State::Stopped,
        };
    }

    /// So many octets were not captured; whether it is known all the same where the message under way ends.
    pub(super) fn gap(&mut self, missing: u64) -> bool {
        match &mut self.state {
            State::UntilClose | State::Stopped => true,
            State::Chunked(chunks) if missing <= chunks.data_ahead() => {
                chunks.pass(missing);
                true
            }
            State::Length(left) if missing < *left => {
                *left -= missing;
                true
            }
            State::Length(left) => {
                let lost = missing > *left;
                self.state = State::Ended { lost };
                !lost
            }
            _ if missing == 0 => true,
            State::Ended { lost } => {
                *lost = true;
                false
            }
            State::Idle | State::Head(_) | State::Chunked(_) | State::Lost => {
                self.state = State::Lost;
                false
            }
        }
    }

    /// The direction ended.
    pub(super) fn close(&mut self) -> Option<Step<'static>> {
        match std::mem::replace(&mut self.state, State::Stopped) {
            State::Head(head) if !head.guessed => Some(Step::TruncatedHead(head.gathering.kept().into())),
            State::Length(_) | State::Chunked(_) => Some(Step::TruncatedBody),
            State::UntilClose | State::Ended { .. } => Some(Step::End),
            State::Idle | State::Head(_) | State::Lost | State::Stopped => None,
        }
    }

    /// Stops at what was gathered and is no head after all; gives its first octets.
    pub(super) fn refuse(&mut self, gathering: &Gathering) -> Box<[u8]> {
        self.state = State::Stopped;
        let kept = gathering.kept();
        kept.get(..FIRST_CAP).unwrap_or(kept).into()
    }

    /// Leaves the direction to somebody else.
    pub(super) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// Looks for the next message at the start of the octets of a later call.
    pub(super) fn resynchronise(&mut self) {
        self.state = State::Lost;
    }

    /// Whether somebody else must take over.
    pub(super) fn stopped(&self) -> bool {
        matches!(self.state, State::Stopped)
    }

    /// Whether a message start is being looked for.
    pub(super) fn lost(&self) -> bool {
        match &self.state {
            State::Head(head) => head.guessed && !head.believed,
            state => matches!(state, State::Lost),
        }
    }

    /// What is kept of an unfinished head.
    pub(super) fn partial_head(&self) -> Option<&[u8]> {
        match &self.state {
            State::Head(head) if head.believed || !head.guessed => Some(head.gathering.kept()),
            _ => None,
        }
    }

    /// How many octets ahead are certainly body.
    pub(super) fn body_ahead(&self) -> u64 {
        match &self.state {
            State::Length(left) => *left,
            State::Chunked(chunks) => chunks.data_ahead(),
            State::UntilClose => u64::MAX,
            _ => 0,
        }
    }

    fn read_idle<'a>(&mut self, octets: &'a [u8]) -> (usize, Option<Step<'a>>) {
        // RFC 9112 section 2.2: empty lines before a request are to be ignored. Some servers send them too.
        let start = octets
            .iter()
            .position(|octet| !matches!(octet, b'\r' | b'\n'))
            .unwrap_or(octets.len());
        if start == octets.len() {
            return (start, None);
        }
        self.read_head(Head::new(false), octets, start)
    }

    /// Reads on in a head, from `start` of `octets`; where it is not HTTP, the octets from there on are not taken.
    fn read_head<'a>(&mut self, mut head: Head, octets: &'a [u8], start: usize) -> (usize, Option<Step<'a>>) {
        let mut at = start;
        while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
            let (taken, line) = head.take_line(rest);
            at += taken;
            if !head.believe(self.kind, taken, line) || head.gathering.length() > GIVE_UP {
                return self.not_http(&head, octets, start);
            }
            match (line, head.believed) {
                (Line::Empty, true) => return (at, Some(Step::Head(head.gathering))),
                (Line::Empty, false) => return self.not_http(&head, octets, start),
                _ => {}
            }
        }
        self.state = State::Head(head);
        (at, None)
    }

    fn not_http<'a>(&mut self, head: &Head, octets: &'a [u8], start: usize) -> (usize, Option<Step<'a>>) {
        if head.guessed {
            self.state = State::Lost;
            return (octets.len(), None);
        }
        (start, Some(Step::NotHttp(self.refuse(&head.gathering))))
    }

    fn read_length<'a>(&mut self, left: u64, octets: &'a [u8]) -> (usize, Option<Step<'a>>) {
        let body = octets
            .get(..usize::try_from(left).unwrap_or(usize::MAX))
            .unwrap_or(octets);
        let left = left - body.len() as u64;
        self.state = if left == 0 {
            State::Ended { lost: false }
        } else {
            State::Length(left)
        };
        (body.len(), (!body.is_empty()).then_some(Step::Body(body)))
    }

    fn read_chunks<'a>(&mut self, mut chunks: Chunks, octets: &'a [u8]) -> (usize, Option<Step<'a>>) {
        let (taken, piece) = chunks.read(octets);
        let (state, taken, step) = match piece {
            Piece::Framing => (State::Chunked(chunks), taken, None),
            Piece::Data(data) => (State::Chunked(chunks), taken, Some(Step::Body(data))),
            Piece::End => (State::Idle, taken, Some(Step::End)),
            Piece::Broken => (State::Lost, octets.len(), Some(Step::Broken)),
        };
        self.state = state;
        (taken, step)
    }
}

impl Head {
    fn new(guessed: bool) -> Self {
        Head {
            gathering: Box::default(),
            believed: false,
            guessed,
        }
    }

    /// Takes octets to the end of the line; no more than are needed to judge, as long as it is not believed.
    fn take_line(&mut self, octets: &[u8]) -> (usize, Line) {
        let room = if self.believed {
            octets.len()
        } else {
            OPENING_CAP.saturating_sub(self.gathering.length())
        };
        self.gathering.take_line(octets.get(..room).unwrap_or(octets))
    }

    /// Judges by the octets so far, of which the last `taken` are new, whether this can be a head of that kind.
    fn believe(&mut self, kind: Opening, taken: usize, line: Line) -> bool {
        let length = self.gathering.length();
        let worth_asking = line != Line::Unfinished || length - taken < OPENING_PREFIX || length >= OPENING_CAP;
        if self.believed || !worth_asking {
            return true;
        }
        let told = opening(self.gathering.kept());
        self.believed = told == kind;
        self.believed || told == Opening::More
    }
}

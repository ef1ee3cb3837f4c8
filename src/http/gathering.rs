//! The octets of a head as they come in, up to its empty line: bounded, and each octet looked at once.

use memchr::memchr;

/// How many octets of a head are kept; servers take 8 KiB to 64 KiB.
pub(super) const HEAD_CAP: usize = 64 << 10;

/// How many octets of one line are kept from its start: an over-long target or cookie must not hide the fields behind
/// it.
pub(super) const LINE_CAP: usize = 32 << 10;

/// How many octets an over-long line keeps from its end: enough for the version that ends a request line.
const TAIL: usize = 32;

/// How long a head may grow, kept or not, before it is no longer believed to be one.
pub(super) const GIVE_UP: usize = 1 << 20;

/// The gathered part of a head. A line over the cap loses its middle; lines beyond the cap of the head are lost as a
/// whole.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// Whole lines and the start of the present one.
    kept: Vec<u8>,
    /// The end of the present line, if it is over-long; the last `TAIL` octets of it count.
    tail: Vec<u8>,
    /// How many octets of the present line are kept.
    line: usize,
    /// Whether the present line has anything but CR and LF.
    text: bool,
    /// All octets of the head so far, kept or not.
    length: usize,
    /// Whether anything was left out.
    cut: bool,
    /// Whether the cap of the head is reached.
    full: bool,
}

/// What [`Gathering::take_line`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The line's end is yet to come.
    Unfinished,
    /// A line with something in it ended.
    Text,
    /// The empty line that ends the head.
    Empty,
}

impl Gathering {
    /// Takes octets up to the end of the present line; says how many it took.
    pub(super) fn take_line(&mut self, octets: &[u8]) -> (usize, Line) {
        let Some(end) = memchr(b'\n', octets) else {
            self.take(octets);
            return (octets.len(), Line::Unfinished);
        };
        let line = octets.get(..=end).unwrap_or(octets);
        self.take(line);
        (line.len(), self.end_line())
    }

    /// What is kept, as if it were the whole head.
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// The octets of the head so far, kept or not.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Whether anything was left out of what is kept.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    fn take(&mut self, octets: &[u8]) {
        self.length = self.length.saturating_add(octets.len());
        // Some servers end lines with CR CR LF: any number of CRs makes an empty line.
        self.text = self.text || octets.iter().any(|octet| !matches!(octet, b'\r' | b'\n'));
        if self.full {
            self.cut = true;
            return;
        }
        let room = HEAD_CAP
            .saturating_sub(self.kept.len())
            .min(LINE_CAP.saturating_sub(self.line));
        let (kept, over) = octets.split_at_checked(room).unwrap_or((octets, &[]));
        self.kept.extend_from_slice(kept);
        self.line += kept.len();
        if !over.is_empty() {
            self.cut = true;
            self.tail.extend_from_slice(last(over));
            // Now and then, not at every octet.
            if self.tail.len() > 8 * TAIL {
                self.tail = last(&self.tail).to_vec();
            }
        }
    }

    fn end_line(&mut self) -> Line {
        self.kept.extend_from_slice(last(&self.tail));
        self.tail = Vec::new();
        self.full = self.kept.len() >= HEAD_CAP;
        self.line = 0;
        if std::mem::take(&mut self.text) {
            Line::Text
        } else {
            Line::Empty
        }
    }
}

/// The last [`TAIL`] octets.
fn last(octets: &[u8]) -> &[u8] {
    octets.get(octets.len().saturating_sub(TAIL)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gathers `octets` in pieces of `size`; what was kept, the length, whether it was cut.
    fn gather(octets: &[u8], size: usize) -> (Vec<u8>, usize, bool) {
        let mut gathering = Gathering::default();
        for mut piece in octets.chunks(size) {
            while !piece.is_empty() {
                let (taken, line) = gathering.take_line(piece);
                if line == Line::Empty {
                    return (gathering.kept, gathering.length, gathering.cut);
                }
                piece = &piece[taken..];
            }
        }
        panic!("no empty line");
    }

    #[test]
    fn any_mix_of_line_ends_ends_the_head() {
        for end in ["\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n", "\r\r\n\r\r\n"] {
            let head = format!("a{end}");
            assert_eq!(
                gather(format!("{head}body").as_bytes(), 1000),
                (head.clone().into_bytes(), head.len(), false)
            );
        }
    }

    #[test]
    fn an_over_long_line_loses_its_middle_however_it_is_split() {
        let head = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100_000));
        let whole = gather(head.as_bytes(), head.len());
        assert!(whole.0.starts_with(b"GET /xxx") && whole.0.ends_with(b"x HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(
            (whole.0.len(), whole.1, whole.2),
            (LINE_CAP + TAIL + b"Host: a\r\n\r\n".len(), head.len(), true)
        );
        for size in [1, 7, 1460, 33_000] {
            assert_eq!(gather(head.as_bytes(), size), whole);
        }
    }

    #[test]
    fn a_head_over_the_cap_is_passed_to_its_end() {
        let head = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            format!("a: {}\r\n", "x".repeat(1000)).repeat(200)
        );
        let (kept, length, cut) = gather(head.as_bytes(), 1460);
        assert!(cut && kept.ends_with(b"\r\n") && kept.len() <= HEAD_CAP + TAIL);
        assert_eq!(length, head.len());
        assert_eq!(gather(head.as_bytes(), 1), (kept, length, cut));
    }
}

//! The chunked coding of a body, undone piece by piece (RFC 9112 section 7.1).

use memchr::memchr;

/// Where in a chunked body a direction stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chunks {
    /// In a chunk's size: its value so far and how many digits there were.
    Size { value: u64, digits: u8 },
    /// Behind a chunk's size, up to the end of the line: extensions, which say nothing to us.
    Extension { size: u64 },
    /// In a chunk's data, of which so many octets are to come.
    Data { left: u64 },
    /// Behind a chunk's data, where a line end must stand; whether its CR was seen.
    DataEnd { after_cr: bool },
    /// In the trailer section; whether the present line has anything in it.
    Trailer { text: bool },
}

/// What the next octets of a chunked body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Framing, and its end is yet to come.
    Framing,
    /// Octets of the body.
    Data(&'a [u8]),
    /// The body ended.
    End,
    /// This is not the chunked coding.
    Broken,
}

impl Chunks {
    /// Before the first chunk.
    pub(super) fn new() -> Self {
        Chunks::Size { value: 0, digits: 0 }
    }

    /// Takes octets up to the end of the body or of a run of data; all of them if neither is there.
    pub(super) fn read<'a>(&mut self, octets: &'a [u8]) -> (usize, Piece<'a>) {
        let mut at = 0;
        while let Some(&next) = octets.get(at) {
            let rest = octets.get(at..).unwrap_or_default();
            match *self {
                Chunks::Size { value, digits } => match self.size(value, digits, next) {
                    true => at += 1,
                    false => return (at, Piece::Broken),
                },
                Chunks::Extension { size } => match memchr(b'\n', rest) {
                    None => return (octets.len(), Piece::Framing),
                    Some(end) => {
                        at += end + 1;
                        *self = if size == 0 {
                            Chunks::Trailer { text: false }
                        } else {
                            Chunks::Data { left: size }
                        };
                    }
                },
                Chunks::Data { left } => {
                    let data = rest.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(rest);
                    self.pass(data.len() as u64);
                    return (at + data.len(), Piece::Data(data));
                }
                Chunks::DataEnd { after_cr } => {
                    match next {
                        b'\r' if !after_cr => *self = Chunks::DataEnd { after_cr: true },
                        b'\n' => *self = Chunks::new(),
                        _ => return (at, Piece::Broken),
                    }
                    at += 1;
                }
                Chunks::Trailer { text } => {
                    let end = memchr(b'\n', rest);
                    let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                    let text = text || line.iter().any(|&octet| octet != b'\r');
                    at += line.len() + usize::from(end.is_some());
                    *self = Chunks::Trailer {
                        text: text && end.is_none(),
                    };
                    if end.is_some() && !text {
                        return (at, Piece::End);
                    }
                }
            }
        }
        (at, Piece::Framing)
    }

    /// How many octets ahead are certainly data.
    pub(super) fn data_ahead(&self) -> u64 {
        match *self {
            Chunks::Data { left } => left,
            _ => 0,
        }
    }

    /// Passes `count` octets of data, no more than [`Chunks::data_ahead`].
    pub(super) fn pass(&mut self, count: u64) {
        let left = self.data_ahead().saturating_sub(count);
        *self = if left == 0 {
            Chunks::DataEnd { after_cr: false }
        } else {
            Chunks::Data { left }
        };
    }

    /// Takes one octet of a chunk's size; whether it may stand there.
    fn size(&mut self, value: u64, digits: u8, next: u8) -> bool {
        // Sixteen digits fill 64 bits.
        const DIGITS: u8 = 16;
        match char::from(next).to_digit(16) {
            Some(digit) if digits < DIGITS => {
                *self = Chunks::Size {
                    value: value << 4 | u64::from(digit),
                    digits: digits + 1,
                };
                true
            }
            // The line's end is looked for from the next octet on, so LF must not be taken here.
            None if digits > 0 && matches!(next, b';' | b' ' | b'\t' | b'\r') => {
                *self = Chunks::Extension { size: value };
                true
            }
            None if digits > 0 && next == b'\n' => {
                *self = if value == 0 {
                    Chunks::Trailer { text: false }
                } else {
                    Chunks::Data { left: value }
                };
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of a chunked body fed in pieces of `size`, and how many octets were taken; nothing if broken.
    fn decode(octets: &[u8], size: usize) -> Option<(Vec<u8>, usize)> {
        let (mut chunks, mut data, mut taken) = (Chunks::new(), Vec::new(), 0);
        for mut piece in octets.chunks(size) {
            while !piece.is_empty() {
                let (count, what) = chunks.read(piece);
                piece = &piece[count..];
                taken += count;
                match what {
                    Piece::Framing => assert!(piece.is_empty()),
                    Piece::Data(octets) => data.extend_from_slice(octets),
                    Piece::End => return Some((data, taken)),
                    Piece::Broken => return None,
                }
            }
        }
        panic!("no end");
    }

    #[test]
    fn chunks_extensions_and_trailers() {
        for (body, data) in [
            ("0\r\n\r\n", ""),
            ("3\r\nabc\r\n000\r\n\r\n", "abc"),
            (
                "3;a=b\r\nabc\r\nA \r\n0123456789\r\n0\r\nTrailer: x\r\nb: y\r\n\r\n",
                "abc0123456789",
            ),
            ("3\nabc\n0\n\n", "abc"),
        ] {
            for size in [1, 2, 3, 5, 1000] {
                let next = format!("{body}HTTP/1.1 200 OK");
                assert_eq!(
                    decode(next.as_bytes(), size),
                    Some((data.as_bytes().to_vec(), body.len())),
                    "{body:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_chunk_is_broken() {
        for body in [
            "\r\n",
            "x\r\n",
            "-3\r\nabc",
            "3\r\nabcd\r\n",
            "00000000000000001\r\na\r\n",
            "3\r\nabc\r\r\n",
            ";\r\n",
        ] {
            assert_eq!(decode(body.as_bytes(), 1000), None, "{body:?}");
            assert_eq!(decode(body.as_bytes(), 1), None, "{body:?}");
        }
    }
}

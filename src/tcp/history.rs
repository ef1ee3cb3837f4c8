//! Zeek's `history` and `conn_state`: the vocabulary in which experts read a connection at a glance.

use std::fmt;

use crate::tcp::facts::{Facts, Side};

/// Which kinds of segments were seen, in the order in which each was first seen: upper case for the client.
///
/// Letters are those of Zeek's `base/protocols/conn`: `s` SYN, `h` SYN-ACK, `a` bare ACK, `d` data, `f` FIN, `r` RST, `t` a
/// repeat, `g` a gap, `w` a zero window, `i` inconsistent octets.
#[derive(Clone, Copy, Debug, Default)]
pub struct History {
    letters: [u8; History::LONGEST],
    length: u8,
}

impl History {
    /// Ten letters for each side.
    const LONGEST: usize = 20;

    /// Notes that `side` did `letter` (lower case).
    pub(super) fn note(&mut self, side: Side, letter: u8) {
        let letter = if side == Side::Client {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        if self.has(letter) {
            return;
        }
        if let Some(place) = self.letters.get_mut(usize::from(self.length)) {
            *place = letter;
            self.length += 1;
        }
    }

    /// Whether `letter` was noted, in the case of its side.
    pub fn has(&self, letter: u8) -> bool {
        self.as_bytes().contains(&letter)
    }

    /// The two sides change their roles.
    pub(super) fn flip(&mut self) {
        for letter in &mut self.letters {
            *letter ^= if letter.is_ascii_alphabetic() { 0x20 } else { 0 };
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.letters.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Display for History {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(str::from_utf8(self.as_bytes()).unwrap_or_default())
    }
}

/// Zeek's `conn_state`.
pub fn state(facts: &Facts) -> &'static str {
    let syn = !facts.from_client.syns.is_empty();
    let syn_ack = !facts.from_server.syns.is_empty();
    let reset = |side| facts.reset_by(side).is_some();
    let fin = |side| facts.from(side).fin.is_some();
    match (syn, syn_ack) {
        (false, false) => "OTH",
        (true, false) if reset(Side::Server) => "REJ",
        (true, false) if reset(Side::Client) => "RSTOS0",
        (true, false) if fin(Side::Client) => "SH",
        (true, false) => "S0",
        (false, true) if reset(Side::Server) => "RSTRH",
        (false, true) if fin(Side::Server) => "SHR",
        (false, true) => "OTH",
        (true, true) => established_state(
            reset(Side::Client),
            reset(Side::Server),
            fin(Side::Client),
            fin(Side::Server),
        ),
    }
}

fn established_state(client_reset: bool, server_reset: bool, client_fin: bool, server_fin: bool) -> &'static str {
    match (client_fin, server_fin) {
        (true, true) => "SF",
        _ if client_reset => "RSTO",
        _ if server_reset => "RSTR",
        (true, false) => "S2",
        (false, true) => "S3",
        (false, false) => "S1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_is_noted_once_a_side() {
        let mut history = History::default();
        for (side, letter) in [
            (Side::Client, b's'),
            (Side::Server, b'h'),
            (Side::Client, b's'),
            (Side::Client, b'a'),
        ] {
            history.note(side, letter);
        }
        assert_eq!(history.to_string(), "ShA");
        history.flip();
        assert_eq!(history.to_string(), "sHa");
    }
}

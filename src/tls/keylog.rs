//! TLS secrets in the key log format that NSS began (RFC 9850), found by the random of the ClientHello.

use std::{collections::HashMap, fmt};

/// Connections whose secrets are remembered; a million of them take some 400 MiB and a key log of as many or more.
const MOST_CONNECTIONS: usize = 1 << 20;

/// Octets of the longest secret: a hash of SHA-384, or a master secret (RFC 5246 section 8.1).
const LONGEST_SECRET: usize = 48;

/// Secrets of many connections, as one or several key logs and capture files gave them.
///
/// No secret is ever shown: `Debug` tells numbers only.
#[derive(Clone, Default)]
pub struct KeyLog {
    /// Boxed, so that the empty places of the table are small.
    connections: HashMap<[u8; 32], Box<Secrets>>,
    unreadable_lines: u64,
    left_out: u64,
}

/// The secrets of one connection, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Secrets {
    /// CLIENT_RANDOM: the master secret, up to TLS 1.2.
    pub(super) master: Option<Secret>,
    /// CLIENT_EARLY_TRAFFIC_SECRET.
    pub(super) client_early: Option<Secret>,
    /// CLIENT_HANDSHAKE_TRAFFIC_SECRET.
    pub(super) client_handshake: Option<Secret>,
    /// SERVER_HANDSHAKE_TRAFFIC_SECRET.
    pub(super) server_handshake: Option<Secret>,
    /// CLIENT_TRAFFIC_SECRET_0.
    pub(super) client_application: Option<Secret>,
    /// SERVER_TRAFFIC_SECRET_0.
    pub(super) server_application: Option<Secret>,
}

/// A secret of 32 or 48 octets, which does not show itself.
#[derive(Clone, Copy)]
pub(super) struct Secret {
    octets: [u8; LONGEST_SECRET],
    length: u8,
}

impl KeyLog {
    /// Reads a key log. What it does not understand it counts and passes over; of two secrets for one purpose the last counts.
    pub fn parse(text: &[u8]) -> KeyLog {
        let mut log = KeyLog::default();
        for line in text
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(text)
            .split(|octet| *octet == b'\n')
        {
            log.read_line(line.trim_ascii());
        }
        log
    }

    /// Adds what another key log knows; where both know a secret, that of the other counts.
    pub fn merge(&mut self, other: KeyLog) {
        self.unreadable_lines += other.unreadable_lines;
        self.left_out += other.left_out;
        for (client_random, secrets) in other.connections {
            if let Some(known) = self.of(client_random) {
                known.merge(*secrets);
            }
        }
    }

    /// Whether it holds no secret at all.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// For how many connections it holds secrets.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many lines could not be read. Comments and labels that are of no use here are not among them.
    pub fn unreadable_lines(&self) -> u64 {
        self.unreadable_lines
    }

    /// How many secrets were left out because those of a million connections were there already.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The secrets of the connection whose ClientHello has this random.
    pub(super) fn secrets(&self, client_random: &[u8; 32]) -> Option<&Secrets> {
        self.connections.get(client_random).map(Box::as_ref)
    }

    fn read_line(&mut self, line: &[u8]) {
        if line.is_empty() || line.starts_with(b"#") {
            return;
        }
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (label, random, secret) = (words.next().unwrap_or_default(), words.next(), words.next());
        if !label
            .iter()
            .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit() || *octet == b'_')
        {
            self.unreadable_lines += 1;
            return;
        }
        let Some(purpose) = Purpose::named(label) else { return };
        let read = (
            random.and_then(hexadecimal::<32>),
            secret.and_then(|secret| purpose.secret(secret)),
        );
        let ((Some(random), Some(secret)), None) = (read, words.next()) else {
            self.unreadable_lines += 1;
            return;
        };
        if let Some(secrets) = self.of(random) {
            *purpose.of(secrets) = Some(secret);
        }
    }

    /// The place for the secrets of a connection, if there is room.
    fn of(&mut self, client_random: [u8; 32]) -> Option<&mut Secrets> {
        if self.connections.len() >= MOST_CONNECTIONS && !self.connections.contains_key(&client_random) {
            self.left_out += 1;
            return None;
        }
        Some(self.connections.entry(client_random).or_default())
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("KeyLog");
        shown
            .field("connections", &self.connections.len())
            .field("unreadable_lines", &self.unreadable_lines);
        shown.field("left_out", &self.left_out).finish()
    }
}

impl Secrets {
    fn merge(&mut self, mut other: Secrets) {
        for purpose in Purpose::ALL {
            let secret = purpose.of(&mut other).take();
            let known = purpose.of(self);
            *known = secret.or(*known);
        }
    }
}

impl Secret {
    /// A secret of these octets, if they are not too many.
    pub(super) fn new(octets: &[u8]) -> Option<Secret> {
        let mut secret = Secret {
            octets: [0; LONGEST_SECRET],
            length: u8::try_from(octets.len()).ok()?,
        };
        secret.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(secret)
    }

    /// Its octets, for the derivation of keys and nothing else.
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a secret is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Master,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientApplication,
    ServerApplication,
}

impl Purpose {
    const ALL: [Purpose; 6] = [
        Purpose::Master,
        Purpose::ClientEarly,
        Purpose::ClientHandshake,
        Purpose::ServerHandshake,
        Purpose::ClientApplication,
        Purpose::ServerApplication,
    ];

    /// RFC 9850 section 2. The exporters' secrets protect no record. A premaster secret (`RSA`) was written by programs that
    /// write CLIENT_RANDOM as well.
    fn named(label: &[u8]) -> Option<Purpose> {
        Some(match label {
            b"CLIENT_RANDOM" => Purpose::Master,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => Purpose::ClientEarly,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Purpose::ClientHandshake,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Purpose::ServerHandshake,
            b"CLIENT_TRAFFIC_SECRET_0" => Purpose::ClientApplication,
            b"SERVER_TRAFFIC_SECRET_0" => Purpose::ServerApplication,
            _ => return None,
        })
    }

    /// A traffic secret is as long as the hash of its cipher suite, a master secret always 48 octets.
    fn secret(self, digits: &[u8]) -> Option<Secret> {
        let short = (self != Purpose::Master).then(|| hexadecimal::<32>(digits)).flatten();
        match short {
            Some(octets) => Secret::new(&octets),
            None => Secret::new(&hexadecimal::<48>(digits)?),
        }
    }

    fn of(self, secrets: &mut Secrets) -> &mut Option<Secret> {
        match self {
            Purpose::Master => &mut secrets.master,
            Purpose::ClientEarly => &mut secrets.client_early,
            Purpose::ClientHandshake => &mut secrets.client_handshake,
            Purpose::ServerHandshake => &mut secrets.server_handshake,
            Purpose::ClientApplication => &mut secrets.client_application,
            Purpose::ServerApplication => &mut secrets.server_application,
        }
    }
}

/// Exactly `N` octets in hexadecimal digits.
fn hexadecimal<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |octet: u8| {
        char::from(octet)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut octets = [0; N];
    for (octet, [high, low]) in octets.iter_mut().zip(pairs) {
        *octet = digit(*high)? << 4 | digit(*low)?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(octet: &str) -> String {
        octet.repeat(32)
    }

    #[test]
    fn reads_what_programs_write() {
        let text = format!(
            "\u{feff}# SSL/TLS secrets log file, generated by OpenSSL\r\n\r\n\
             CLIENT_RANDOM {a} {master}\r\n  \
             CLIENT_HANDSHAKE_TRAFFIC_SECRET\t{b}  {short}\n\
             SERVER_TRAFFIC_SECRET_0 {b} {long}\n\
             EXPORTER_SECRET {b} {short}\n\
             ECH_SECRET {b} 00\n\
             RSA 0011223344556677 {master}\n\
             CLIENT_TRAFFIC_SECRET_0 {b} {}",
            "C1".repeat(32),
            a = random("0a"),
            b = random("0B"),
            master = "d2".repeat(48),
            short = "e3".repeat(32),
            long = "f4".repeat(48),
        );
        let log = KeyLog::parse(text.as_bytes());
        assert_eq!((log.connections(), log.unreadable_lines(), log.left_out()), (2, 0, 0));
        let a = log.secrets(&[0x0a; 32]).unwrap();
        assert_eq!(a.master.unwrap().octets(), [0xd2; 48]);
        let b = log.secrets(&[0x0b; 32]).unwrap();
        assert_eq!(b.client_handshake.unwrap().octets(), [0xe3; 32]);
        assert_eq!(b.server_application.unwrap().octets(), [0xf4; 48]);
        assert_eq!(b.client_application.unwrap().octets(), [0xc1; 32]);
        assert!(b.client_early.is_none() && b.server_handshake.is_none() && b.master.is_none());
        assert!(log.secrets(&[0; 32]).is_none());
    }

    #[test]
    fn bad_lines_are_counted_and_passed_over() {
        let (random, master) = (random("aa"), "bb".repeat(48));
        for line in [
            "CLIENT_RANDOM".to_owned(),
            format!("CLIENT_RANDOM {random}"),
            format!("CLIENT_RANDOM {random} {}", "bb".repeat(32)),
            format!("CLIENT_RANDOM {random} {master}0"),
            format!("CLIENT_RANDOM {random} {}", master.replace("bb", "bg")),
            format!("CLIENT_RANDOM {}g {master}", &random[1..]),
            format!("CLIENT_RANDOM {random} {master} {master}"),
            format!("CLIENT_TRAFFIC_SECRET_0 {random} {}", "bb".repeat(40)),
            format!("client_random {random} {master}"),
            "<html>".to_owned(),
            "\u{0}\u{1}\u{2}".to_owned(),
        ] {
            let log = KeyLog::parse(format!("{line}\nCLIENT_RANDOM {} {master}", "cc".repeat(32)).as_bytes());
            assert_eq!((log.unreadable_lines(), log.connections()), (1, 1), "{line}");
        }
    }

    #[test]
    fn the_last_secret_for_a_purpose_counts() {
        let line = |label: &str, random: &str, secret: &str| format!("{label} {} {}\n", random.repeat(32), secret);
        let first = line("CLIENT_RANDOM", "aa", &"01".repeat(48)) + &line("CLIENT_RANDOM", "aa", &"02".repeat(48));
        let mut log = KeyLog::parse(first.as_bytes());
        log.merge(KeyLog::parse(
            line("CLIENT_TRAFFIC_SECRET_0", "aa", &"03".repeat(32)).as_bytes(),
        ));
        let second = line("CLIENT_TRAFFIC_SECRET_0", "aa", &"04".repeat(32)) + "nonsense\n";
        log.merge(KeyLog::parse(
            (second + &line("CLIENT_RANDOM", "bb", &"05".repeat(48))).as_bytes(),
        ));
        let secrets = log.secrets(&[0xaa; 32]).unwrap();
        assert_eq!(secrets.master.unwrap().octets(), [2; 48]);
        assert_eq!(secrets.client_application.unwrap().octets(), [4; 32]);
        assert_eq!((log.connections(), log.unreadable_lines()), (2, 1));
    }

    #[test]
    fn any_octets_at_all_will_do() {
        let mut random = fastrand::Rng::with_seed(12);
        let good = format!("CLIENT_RANDOM {} {}\n", "aa".repeat(32), "bb".repeat(48)).into_bytes();
        for _ in 0..2_000 {
            let mut text = good.repeat(3);
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..text.len());
                text[at] = random.u8(..);
            }
            text.truncate(random.usize(..=text.len()));
            assert!(KeyLog::parse(&text).connections() <= 4);
        }
    }
}

//! Payload of composed segments: text, octets, WebSocket frames and TLS records, one line of a recipe each.
//!
//! ```text
//! | GET /ws HTTP/1.1          a line of text with CRLF; a backslash at its end takes that away; {key} and {accept} are those
//!                             of this connection's WebSocket handshake, {port} is the server's; \r \n \xNN
//! : 0d 0a                     octets
//! frame text hello            a frame, masked if the client sends it; also binary N, ping, pong, close CODE REASON,
//!                             after any of masked, unmasked, rsv1, more
//! tls client-hello NAME       see `record` for all of them; what is secret or random is filled
//! sealed 1 = ask              the text `ask` as application data, truly protected: its sender's second record, after Finished
//! sealed 0 finished           that Finished
//! ```

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::Digest;
use sha2::Sha256;

use crate::sealing::seal;

/// One line of payload.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Octets(Vec<u8>),
    /// Text with names in braces.
    Text(String),
    Frame(Vec<String>),
    Tls(Vec<String>),
    /// A protected record: which of its sender's, its type, and what is in it.
    Sealed(u64, u8, Vec<Part>),
}

/// Who says it.
pub(crate) struct Speaker<'c> {
    pub(crate) is_client: bool,
    /// The server's port.
    pub(crate) port: u16,
    /// What random octets are made from.
    pub(crate) key: &'c str,
}

/// Types of records (RFC 8446 section 5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;

/// A certificate for ws.example and that of its issuer, made for these recipes; good from 2026 to 2036.
const CERTIFICATES: [&[u8]; 2] = [
    include_bytes!("certificates/leaf.der"),
    include_bytes!("certificates/issuer.der"),
];

impl Part {
    pub(crate) fn read(line: &str) -> Result<Self, String> {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        let (sort, rest) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match sort {
            "|" => Part::Text(match rest.strip_suffix('\\') {
                Some(text) => text.to_owned(),
                None => format!("{rest}\r\n"),
            }),
            ":" => Part::Octets(hexadecimal(rest)?),
            "frame" => Part::Frame(words(rest)),
            "tls" => Part::Tls(words(rest)),
            "sealed" => {
                let nth = rest.strip_suffix(" finished").ok_or("what is sealed?")?;
                let finished = handshake(20, filler("finished", nth, 12));
                Part::Sealed(count(nth)? as u64, HANDSHAKE, vec![Part::Octets(finished)])
            }
            _ => return Err(format!("{sort} is no payload")),
        })
    }

    pub(crate) fn octets(&self, speaker: &Speaker<'_>) -> Result<Vec<u8>, String> {
        match self {
            Part::Octets(octets) => Ok(octets.clone()),
            Part::Text(text) => {
                let key = STANDARD.encode(filler(speaker.key, "websocket", 16));
                let text = text
                    .replace("{accept}", &accept(&key))
                    .replace("{key}", &key)
                    .replace("{port}", &speaker.port.to_string());
                unescaped(&text)
            }
            Part::Sealed(nth, kind, parts) => {
                let parts = parts.iter().map(|part| part.octets(speaker));
                let content = parts.collect::<Result<Vec<_>, _>>()?.concat();
                let body = seal(speaker.key, speaker.is_client, *nth, *kind, &content);
                Ok(record_of(*kind, body))
            }
            Part::Frame(words) => frame(words, speaker),
            Part::Tls(words) => record(words, speaker),
        }
    }
}

/// Octets that look random, and are the same each time.
pub(crate) fn filler(key: &str, purpose: &str, length: usize) -> Vec<u8> {
    let block = |nth: u32| Sha256::digest(format!("{key}/{purpose}/{nth}"));
    (0..).flat_map(block).take(length).collect()
}

/// The answer to a key (RFC 6455 section 4.2.2).
fn accept(key: &str) -> String {
    STANDARD.encode(sha1::Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    let octet = |octet: &str| u8::from_str_radix(octet, 16).map_err(|_| format!("{octet} is no octet"));
    text.split_whitespace().map(octet).collect()
}

/// Text with its escapes resolved.
pub(crate) fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend(before.bytes());
        let (octet, length) = match after.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', ..] => (hexadecimal(after.get(1..3).ok_or("\\x needs two digits")?)?[0], 3),
            _ => return Err(format!("\\{after}: no such escape")),
        };
        octets.push(octet);
        rest = &after[length..];
    }
    octets.extend(rest.bytes());
    Ok(octets)
}

/// A frame (RFC 6455 section 5.2).
fn frame(words: &[String], speaker: &Speaker<'_>) -> Result<Vec<u8>, String> {
    let (mut first, mut masked, mut words) = (0x80u8, speaker.is_client, words);
    let (kind, rest) = loop {
        let (word, rest) = words.split_first().ok_or("a frame of what kind?")?;
        words = rest;
        match word.as_str() {
            "masked" => masked = true,
            "unmasked" => masked = false,
            "rsv1" => first |= 0x40,
            "more" => first &= 0x7f,
            kind => break (kind, rest),
        }
    };
    let text = rest.join(" ");
    let (opcode, payload) = match kind {
        "text" => (1, unescaped(&text)?),
        "binary" => (2, filler(speaker.key, "binary", count(&text)?)),
        "close" => {
            let (code, reason) = text.split_once(' ').unwrap_or((&text, ""));
            let code: u16 = code.parse().map_err(|_| "a Close without code")?;
            (8, [&code.to_be_bytes()[..], &unescaped(reason)?].concat())
        }
        "ping" => (9, unescaped(&text)?),
        "pong" => (10, unescaped(&text)?),
        _ => return Err(format!("{kind} is no kind of frame")),
    };
    let mask = if masked { 0x80 } else { 0 };
    let mut octets = vec![first | opcode];
    match payload.len() {
        short @ 0..126 => octets.push(mask | short as u8),
        long @ 126..0x1_0000 => octets.extend([&[mask | 126], &(long as u16).to_be_bytes()[..]].concat()),
        _ => return Err("so long a frame is not for a small capture".to_owned()),
    }
    if !masked {
        octets.extend(payload);
        return Ok(octets);
    }
    let key = filler(speaker.key, "mask", 4);
    octets.extend(&key);
    octets.extend(payload.iter().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
    Ok(octets)
}

/// A TLS record (RFC 8446 section 5.1, RFC 5246 section 6.2.1).
fn record(words: &[String], speaker: &Speaker<'_>) -> Result<Vec<u8>, String> {
    let (kind, rest) = words.split_first().ok_or("a record of what?")?;
    let at = |index: usize| {
        rest.get(index)
            .map(String::as_str)
            .ok_or(format!("{kind} needs more words"))
    };
    let fill = |length| filler(speaker.key, kind, length);
    Ok(match kind.as_str() {
        // The name; then `alpn a,b`, `tls12` (no version above it) and `post-quantum` (a key share of 1216 octets).
        "client-hello" => record_of(HANDSHAKE, handshake(1, client_hello(rest, speaker.key)?)),
        // The version, 1.2 or 1.3; then `alpn a`.
        "server-hello" => record_of(HANDSHAKE, handshake(2, server_hello(rest, speaker.key)?)),
        // The certificate for ws.example and its issuer's, in a message of TLS 1.2.
        "certificate" => {
            let chain = CERTIFICATES.iter().flat_map(|it| vector(3, it.to_vec())).collect();
            record_of(HANDSHAKE, handshake(11, vector(3, chain)))
        }
        // Ephemeral keys of X25519, one of them with a signature, and what ends the server's flight in TLS 1.2.
        "server-key-exchange" => {
            let key = [vec![3, 0, 0x1d], vector(1, fill(32)), vec![4, 3], vector(2, fill(71))];
            record_of(HANDSHAKE, handshake(12, key.concat()))
        }
        "client-key-exchange" => record_of(HANDSHAKE, handshake(16, vector(1, fill(32)))),
        "server-hello-done" => record_of(HANDSHAKE, handshake(14, Vec::new())),
        "change-cipher-spec" => record_of(CHANGE_CIPHER_SPEC, vec![1]),
        // A protected handshake message of TLS 1.2 or older, with so many octets.
        "finished" => record_of(HANDSHAKE, fill(count(at(0)?)?)),
        // `fatal` or `warning`, and the description.
        "alert" => record_of(ALERT, vec![1 + u8::from(at(0)? == "fatal"), count(at(1)?)? as u8]),
        // Any protected record of TLS 1.3, or application data, with so many octets.
        "data" => record_of(APPLICATION_DATA, fill(count(at(0)?)?)),
        _ => return Err(format!("{kind} is no record")),
    })
}

fn client_hello(words: &[String], key: &str) -> Result<Vec<u8>, String> {
    let name = words.first().ok_or("for which name?")?;
    let has = |word: &str| words.iter().any(|it| it == word);
    let alpn = words.iter().skip_while(|word| *word != "alpn").nth(1);
    let server_name = vector(2, [vec![0], vector(2, name.as_bytes().to_vec())].concat());
    let share = |group: [u8; 2], length| [group.to_vec(), vector(2, filler(key, "share", length))].concat();
    let (groups, shares) = match has("post-quantum") {
        true => (
            vec![0x11, 0xec, 0, 0x1d, 0, 0x17],
            [share([0x11, 0xec], 1216), share([0, 0x1d], 32)].concat(),
        ),
        false => (vec![0, 0x1d, 0, 0x17], share([0, 0x1d], 32)),
    };
    let mut extensions = vec![
        extension(0, server_name),
        extension(11, vector(1, vec![0])),
        extension(10, vector(2, groups)),
        extension(35, Vec::new()),
        extension(22, Vec::new()),
        extension(23, Vec::new()),
        extension(
            13,
            vector(2, vec![4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1]),
        ),
    ];
    extensions.extend(alpn.map(|names| extension(16, vector(2, protocols(names)))));
    if !has("tls12") {
        extensions.push(extension(43, vector(1, vec![3, 4, 3, 3])));
        extensions.push(extension(45, vector(1, vec![1])));
        extensions.push(extension(51, vector(2, shares)));
    }
    let suites: &[u8] = match has("tls12") {
        true => &[0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0, 0xff],
        false => &[
            0x13, 2, 0x13, 3, 0x13, 1, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0, 0xff,
        ],
    };
    let session = if has("tls12") { 0 } else { 32 };
    Ok([
        vec![3, 3],
        filler(key, "client random", 32),
        vector(1, filler(key, "session", session)),
        vector(2, suites.to_vec()),
        vector(1, vec![0]),
        vector(2, extensions.concat()),
    ]
    .concat())
}

fn server_hello(words: &[String], key: &str) -> Result<Vec<u8>, String> {
    let is_13 = match words.first().map(String::as_str) {
        Some("1.3") => true,
        Some("1.2") => false,
        _ => return Err("a ServerHello of 1.2 or 1.3?".to_owned()),
    };
    let alpn = words.iter().skip_while(|word| *word != "alpn").nth(1);
    let mut extensions = Vec::new();
    if is_13 {
        let share = [vec![0, 0x1d], vector(2, filler(key, "server share", 32))].concat();
        extensions.extend([extension(43, vec![3, 4]), extension(51, share)]);
    } else {
        extensions.extend([
            extension(0xff01, vector(1, Vec::new())),
            extension(11, vector(1, vec![0])),
            extension(23, Vec::new()),
        ]);
        extensions.extend(alpn.map(|names| extension(16, vector(2, protocols(names)))));
    }
    let suite = if is_13 { [0x13, 2] } else { [0xc0, 0x2b] };
    Ok([
        vec![3, 3],
        filler(key, "server random", 32),
        vector(1, filler(key, "session", 32)),
        suite.to_vec(),
        vec![0],
        vector(2, extensions.concat()),
    ]
    .concat())
}

fn protocols(names: &str) -> Vec<u8> {
    names
        .split(',')
        .flat_map(|name| vector(1, name.as_bytes().to_vec()))
        .collect()
}

fn extension(kind: u16, octets: Vec<u8>) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), vector(2, octets)].concat()
}

fn handshake(kind: u8, octets: Vec<u8>) -> Vec<u8> {
    [vec![kind], vector(3, octets)].concat()
}

fn record_of(kind: u8, octets: Vec<u8>) -> Vec<u8> {
    // What opens a connection says 1.0 to those that know no more (RFC 8446 appendix D.1).
    let opens = kind == HANDSHAKE && octets.first() == Some(&1);
    [vec![kind, 3, if opens { 1 } else { 3 }], vector(2, octets)].concat()
}

/// Octets behind their number, which takes `width` octets itself.
fn vector(width: usize, octets: Vec<u8>) -> Vec<u8> {
    let length = (octets.len() as u32).to_be_bytes();
    [length[4 - width..].to_vec(), octets].concat()
}

fn count(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| format!("{word} is no number"))
}

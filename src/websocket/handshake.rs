//! The opening handshake (RFC 6455 section 4): what a client offers, what a server answers, and whether they fit.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};

/// Octets of the shortest handshake request: request line, Host and the four fields of RFC 6455 section 4.1, each in one line.
pub const SHORTEST_REQUEST: u32 = 140;

/// The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key (RFC 6455 section 4.2.2).
pub fn accept_for(key: &[u8]) -> [u8; 28] {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digest = Sha1::new_with_prefix(key).chain_update(GUID).finalize();
    let mut accept = [0; 28];
    // Twenty octets fill 28 characters of base64, padding included.
    let written = STANDARD.encode_slice(digest, &mut accept);
    debug_assert_eq!(written.ok(), Some(accept.len()));
    accept
}

/// Whether a Sec-WebSocket-Key is 16 octets in base64 (RFC 6455 section 4.1). Bits that base64 leaves over may be set:
/// no server is known to look at them.
pub fn key_is_valid(key: &[u8]) -> bool {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    // The length comes first, so that a huge key is not decoded.
    key.len() == 24 && LENIENT.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

/// How a Sec-WebSocket-Key stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// There is none.
    Missing,
    /// There is more than one (RFC 6455 section 11.3.1 allows one).
    Repeated,
    /// It is not 16 octets in base64.
    Malformed,
    /// It is as it should be.
    Good,
}

/// How a Sec-WebSocket-Version stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// There is none.
    Missing,
    /// It is not 13 (RFC 6455 section 4.1); what was written, joined by commas if it was repeated.
    Unsupported(String),
    /// It is 13.
    Good,
}

/// How a Sec-WebSocket-Accept stands in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptState {
    /// There is none.
    Missing,
    /// There is more than one (RFC 6455 section 11.3.3 allows one).
    Repeated,
    /// It does not belong to the key.
    Wrong,
    /// It belongs to the key.
    Good,
    /// The request's key is not known.
    Unchecked,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The key, judged.
    pub key: KeyState,
    /// The version, judged.
    pub version: VersionState,
    /// The subprotocols in the order of preference. A client may have put a token here: do not show them unmasked.
    pub subprotocols: Vec<String>,
    /// The extensions with their parameters, as written.
    pub extensions: Vec<String>,
}

/// What a server's 101 says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The proof that the server read the key, judged.
    pub accept: AcceptState,
    /// The subprotocol that it chose, as written; nothing if it named none. A list, where one is allowed, stays as it
    /// is.
    pub subprotocol: Option<String>,
    /// Whether there is a Sec-WebSocket-Protocol without anything in it: clients refuse it.
    pub subprotocol_is_empty: bool,
    /// The extensions that it turned on, with their parameters, as written.
    pub extensions: Vec<String>,
}

/// How many subprotocols or extensions are told of one head, and how many characters of each.
const LIST_CAP: usize = 64;
const NAME_CAP: usize = 4096;

impl Offer {
    /// Reads an offer out of a request's fields, names and values as they were sent.
    pub fn read<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Offer {
        let key = match *values(fields.clone(), "Sec-WebSocket-Key") {
            [] => KeyState::Missing,
            [key] if key_is_valid(key) => KeyState::Good,
            [_] => KeyState::Malformed,
            _ => KeyState::Repeated,
        };
        let version = match *values(fields.clone(), "Sec-WebSocket-Version") {
            [] => VersionState::Missing,
            [b"13"] => VersionState::Good,
            ref versions => VersionState::Unsupported(text(&versions.join(&b", "[..]))),
        };
        Offer {
            key,
            version,
            subprotocols: list(fields.clone(), "Sec-WebSocket-Protocol"),
            extensions: list(fields, "Sec-WebSocket-Extensions"),
        }
    }
}

impl Answer {
    /// Reads an answer out of a 101's fields, names and values as they were sent; `key` is the request's
    /// Sec-WebSocket-Key, as it was sent, if it was seen.
    pub fn read<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone, key: Option<&[u8]>) -> Answer {
        let accept = match (&*values(fields.clone(), "Sec-WebSocket-Accept"), key) {
            ([], _) => AcceptState::Missing,
            ([_, _, ..], _) => AcceptState::Repeated,
            ([_], None) => AcceptState::Unchecked,
            ([accept], Some(key)) if **accept == accept_for(key) => AcceptState::Good,
            ([_], Some(_)) => AcceptState::Wrong,
        };
        let chosen = values(fields.clone(), "Sec-WebSocket-Protocol");
        let named: Vec<&[u8]> = chosen.iter().copied().filter(|value| !value.is_empty()).collect();
        Answer {
            accept,
            subprotocol: (!named.is_empty()).then(|| text(&named.join(&b", "[..]))),
            subprotocol_is_empty: named.is_empty() && !chosen.is_empty(),
            extensions: list(fields, "Sec-WebSocket-Extensions"),
        }
    }

    /// The subprotocol, if the client did not offer it; it must fail the connection then (RFC 6455 section 4.1).
    pub fn unoffered_subprotocol(&self, offer: &Offer) -> Option<&str> {
        self.subprotocol
            .as_deref()
            .filter(|chosen| !offer.subprotocols.iter().any(|offered| offered == chosen))
    }

    /// Whether subprotocols were offered and none was chosen; browsers go on, other clients may leave.
    pub fn ignores_subprotocols(&self, offer: &Offer) -> bool {
        self.subprotocol.is_none() && !offer.subprotocols.is_empty()
    }

    /// The first extension that the client did not offer; it must fail the connection then (RFC 6455 section 4.1).
    pub fn unoffered_extension(&self, offer: &Offer) -> Option<&str> {
        let offered = |chosen: &str| {
            offer
                .extensions
                .iter()
                .any(|offered| extension_name(offered) == extension_name(chosen))
        };
        self.extensions
            .iter()
            .map(String::as_str)
            .find(|chosen| !offered(chosen))
    }

    /// Whether an extension is turned on that may use the first reserved bit: permessage-deflate (RFC 7692) or one that
    /// is not known here.
    pub fn may_use_rsv1(&self) -> bool {
        !self.extensions.is_empty()
    }
}

/// An extension without its parameters.
fn extension_name(extension: &str) -> &str {
    extension.split(';').next().unwrap_or_default().trim()
}

/// The values of all fields of that name, in any letter case.
fn values<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &str) -> Vec<&'a [u8]> {
    let named = fields.filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
    named.map(|(_, value)| value.trim_ascii()).collect()
}

/// The members of the lists in all fields of that name.
fn list<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, name: &str) -> Vec<String> {
    values(fields, name)
        .into_iter()
        .flat_map(members)
        .take(LIST_CAP)
        .map(text)
        .collect()
}

/// The members of a comma-separated list; a comma in a quoted parameter (RFC 6455 section 9.1) parts nothing.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let parts = value.split(move |&octet| {
        quoted ^= octet == b'"';
        octet == b',' && !quoted
    });
    parts.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets.get(..NAME_CAP).unwrap_or(octets)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn octets<'a>(fields: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
        fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
    }

    #[test]
    fn the_shortest_request() {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n\
             Sec-WebSocket-Version: 13\r\n\r\n"
        );
        assert_eq!(request.len(), SHORTEST_REQUEST as usize);
    }

    #[test]
    fn the_example_of_rfc_6455_section_1_3() {
        assert_eq!(accept_for(KEY.as_bytes()), ACCEPT.as_bytes());
    }

    #[test]
    fn keys() {
        assert!(key_is_valid(KEY.as_bytes()) && key_is_valid(b"dGhlIHNhbXBsZSBub25jZR=="));
        for bad in [
            "",
            "abc",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZWFh",
            "dGhlIHNhbXBsZSBub25jZ-==",
        ] {
            assert!(!key_is_valid(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn offers() {
        let offer = Offer::read(octets(&[
            ("sec-websocket-key", KEY),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Protocol", "chat, v2"),
            ("Sec-WebSocket-Protocol", "v3,"),
            ("Sec-WebSocket-Extensions", "permessage-deflate; x=\"1,2\", foo"),
        ]));
        assert_eq!((offer.key, offer.version), (KeyState::Good, VersionState::Good));
        assert_eq!(offer.subprotocols, ["chat", "v2", "v3"]);
        assert_eq!(offer.extensions, ["permessage-deflate; x=\"1,2\"", "foo"]);

        let of = |fields: &[(&str, &str)]| (Offer::read(octets(fields)).key, Offer::read(octets(fields)).version);
        assert_eq!(of(&[]), (KeyState::Missing, VersionState::Missing));
        let odd = [("Sec-WebSocket-Key", "abc"), ("Sec-WebSocket-Version", "8")];
        assert_eq!(
            of(&odd),
            (KeyState::Malformed, VersionState::Unsupported("8".to_owned()))
        );
        let twice = [odd[0], odd[0], odd[1], ("Sec-WebSocket-Version", "13")];
        assert_eq!(
            of(&twice),
            (KeyState::Repeated, VersionState::Unsupported("8, 13".to_owned()))
        );
    }

    #[test]
    fn answers() {
        let accept =
            |fields: &[(&str, &str)], key: Option<&str>| Answer::read(octets(fields), key.map(str::as_bytes)).accept;
        let good = ("Sec-Websocket-Accept", ACCEPT);
        assert_eq!(accept(&[good], Some(KEY)), AcceptState::Good);
        assert_eq!(accept(&[good], Some("abc")), AcceptState::Wrong);
        assert_eq!(accept(&[good], None), AcceptState::Unchecked);
        assert_eq!(accept(&[good, good], Some(KEY)), AcceptState::Repeated);
        assert_eq!(accept(&[], Some(KEY)), AcceptState::Missing);
    }

    #[test]
    fn what_was_not_offered() {
        let offer = Offer::read(octets(&[
            ("Sec-WebSocket-Protocol", "chat, v2"),
            ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        ]));
        let answer = |protocol: &'static str, extensions: &'static str| {
            let fields = [
                ("Sec-WebSocket-Protocol", protocol),
                ("Sec-WebSocket-Extensions", extensions),
            ];
            Answer::read(octets(&fields), None)
        };
        let good = answer("v2", "permessage-deflate;server_no_context_takeover");
        assert_eq!(
            (good.unoffered_subprotocol(&offer), good.unoffered_extension(&offer)),
            (None, None)
        );
        assert!(good.may_use_rsv1() && !good.ignores_subprotocols(&offer) && !good.subprotocol_is_empty);
        let bad = answer("V2", "permessage-deflate, foo; a");
        assert_eq!(bad.unoffered_subprotocol(&offer), Some("V2"));
        assert_eq!(bad.unoffered_extension(&offer), Some("foo; a"));
        assert_eq!(answer("chat, v2", "").unoffered_subprotocol(&offer), Some("chat, v2"));
        let empty = answer("", "");
        assert!(empty.subprotocol_is_empty && empty.ignores_subprotocols(&offer) && !empty.may_use_rsv1());
        let none = Answer::read(octets(&[]), None);
        assert!(!none.subprotocol_is_empty && none.ignores_subprotocols(&offer) && none.subprotocol.is_none());
    }
}

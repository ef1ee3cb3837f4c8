//! What is wrong with an opening handshake itself (RFC 6455 section 4.1), and whether the answer is about that.

use crate::{
    attempt::Request,
    diagnosis::{
        reply::{Reply, asks_for_websocket},
        rule::{Confidence, Match},
    },
    http::{Version, connection_lists_upgrade, upgrade_tokens},
    websocket::{KeyState, VersionState},
};

/// A way in which a request falls short of RFC 6455 section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defect {
    /// It is HTTP/1.0, in which Upgrade must be ignored (RFC 9110 section 7.8).
    Http10,
    /// Upgrade does not name WebSocket.
    Upgrade,
    /// Connection does not list Upgrade.
    Connection,
    /// Sec-WebSocket-Version is missing or not 13.
    Version,
    /// Sec-WebSocket-Key is missing, repeated or malformed.
    Key,
}

/// In the order in which most servers look: the first that they find is the one that they answer to.
const ALL: [Defect; 5] = [
    Defect::Http10,
    Defect::Upgrade,
    Defect::Connection,
    Defect::Version,
    Defect::Key,
];

/// The words of servers that saw no Upgrade, no Connection that lists it, or another protocol in it.
pub(super) const NO_UPGRADE: &[&str] = &[
    "upgrade only to websocket",
    "upgrade hdr",
    "upgrade header",
    "connection header",
    "connection headers",
    "connection must be upgrade",
    "not websocket protocol",
    "upgrade request required",
    "invalid upgrade",
    "missing upgrade",
    "no upgrade",
    "not an upgrade",
    "expected * upgrade",
    "request header upgrade",
    "request header connection",
    "not a websocket",
    "upgrade to websocket",
    "websocket upgrade required",
    "websocket upgrade expected",
    "expected * websocket",
    "client is not using the websocket protocol",
    "couldnt be upgraded",
    "access a websocket server directly",
    "connection is not upgradable",
];

const HTTP_VERSION: &[&str] = &[
    "http 1 0",
    "http 1 1 required",
    "http version",
    "http protocol version",
    "upgrade state was present",
];

const WEBSOCKET_VERSION: &[&str] = &[
    "websocket version",
    "unsupported version",
    "unsupported protocol version",
    "hixie76",
];

const KEY: &[&str] = &[
    "websocket key",
    "challenge response",
    "handshake error none",
    "websocket challenge",
];

/// Words of answers that are about something else than the handshake.
pub(super) const OTHER_MATTERS: &[&str] = &[
    "host",
    "too large",
    "too long",
    "origin",
    "token",
    "authentication",
    "authorization",
    "unauthorized",
    "credentials",
    "csrf",
    "https port",
    "https server",
    "session id",
    "transport",
    "invalid http",
    "blocked",
    "not found",
    "rate",
];

/// What a request that is meant as an opening handshake lacks, in the order in which most servers look.
pub(super) fn defects(request: &Request) -> Vec<Defect> {
    // HTTP/2 and later have none of these fields but the version (RFC 8441 section 5).
    let apply = |defect: &Defect| request.head.version.major == 1 || *defect == Defect::Version;
    ALL.into_iter()
        .filter(|defect| apply(defect) && has(request, *defect))
        .collect()
}

/// How the key stands in a request.
pub(super) fn key(request: &Request) -> KeyState {
    request.offer.as_ref().map_or(KeyState::Missing, |offer| offer.key)
}

/// How the version stands in a request.
pub(super) fn version(request: &Request) -> VersionState {
    let offer = request.offer.as_ref();
    offer.map_or(VersionState::Missing, |offer| offer.version.clone())
}

fn has(request: &Request, defect: Defect) -> bool {
    let fields = &request.head.fields;
    match defect {
        Defect::Http10 => request.head.version < Version::HTTP_11,
        Defect::Upgrade => !asks_for_websocket(request) || upgrade_tokens(fields).len() > 1,
        Defect::Connection => !connection_lists_upgrade(fields),
        Defect::Version => version(request) != VersionState::Good,
        Defect::Key => key(request) != KeyState::Good,
    }
}

impl Defect {
    /// Whether the answer names this defect.
    pub(super) fn is_named(self, reply: &Reply<'_>) -> bool {
        let phrases = match self {
            Defect::Http10 => HTTP_VERSION,
            Defect::Upgrade | Defect::Connection => NO_UPGRADE,
            Defect::Version => WEBSOCKET_VERSION,
            Defect::Key => KEY,
        };
        let by_status = match self {
            Defect::Http10 => reply.status() == 505,
            // RFC 6455 section 4.4: a server that wants another version says which.
            Defect::Version => reply.status() == 426 && reply.response.head.fields.has("sec-websocket-version"),
            Defect::Upgrade | Defect::Connection | Defect::Key => false,
        };
        by_status || reply.says(phrases).is_some()
    }

    /// Whether a server that sees this defect takes the request for an ordinary one, and answers what it asks for.
    pub(super) fn makes_ordinary(self) -> bool {
        matches!(self, Defect::Http10 | Defect::Upgrade | Defect::Connection)
    }

    fn is_same_field(self, other: Defect) -> bool {
        let both = [self, other];
        self == other || both == [Defect::Upgrade, Defect::Connection] || both == [Defect::Connection, Defect::Upgrade]
    }
}

/// The reply is for `defect`, if the request has it: how surely, judged by what the answer says.
///
/// `what` tells the defect: "has no Sec-WebSocket-Key".
pub(super) fn blame(reply: &Reply<'_>, defect: Defect, what: &str) -> Option<Match> {
    let request = reply.websocket()?;
    let all = defects(request);
    if !all.contains(&defect) {
        return None;
    }
    let status = reply.status();
    let named = defect.is_named(reply);
    let other = ALL
        .into_iter()
        .any(|other| !other.is_same_field(defect) && other.is_named(reply));
    let (confidence, weight) = match status {
        400.. if named => (Confidence::Confirmed, 80),
        _ if other => (Confidence::Possible, 30),
        400 | 426 if reply.says(OTHER_MATTERS).is_some() => (Confidence::Possible, 40),
        400 | 426 if all.len() == 1 => (Confidence::Confirmed, 60),
        400 | 402 | 405 | 426 | 500 | 501 => (Confidence::Likely, 65 - rank(defect)),
        200..=299 | 404 if defect.makes_ordinary() => (Confidence::Likely, 65 - rank(defect)),
        _ => (Confidence::Possible, 30),
    };
    let saying = if named { " and says so" } else { "" };
    let summary = format!("The request {what}; the server answered {status}{saying}.");
    let found = reply
        .told(confidence, reply.writer(), summary)
        .weighing(weight)
        .shown_by(request.first.at.packet, format!("the request {what}"))
        .but("The request has this defect, but the answer does not name it; other refusals come with the same status.");
    Some(found)
}

/// The later servers look for a defect, the less it is the one that they answer to.
fn rank(defect: Defect) -> u8 {
    ALL.iter()
        .zip(0..)
        .find(|(other, _)| **other == defect)
        .map_or(0, |(_, rank)| rank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{sample::Sample, staged::Staged};

    fn told(sample: Sample) -> (&'static str, Option<Confidence>) {
        Staged::of(&sample).cause()
    }

    #[test]
    fn a_sound_handshake_has_no_defect() {
        let sound = Sample::get("/").attempt();
        assert_eq!(defects(sound.request.as_deref().unwrap()), []);
        let bare = Sample::plain("GET", "/").field("Upgrade", "websocket").attempt();
        let all = defects(bare.request.as_deref().unwrap());
        assert_eq!(all, [Defect::Connection, Defect::Version, Defect::Key]);
        let odd = Sample::get("/")
            .field("Upgrade", "websocket, h2c")
            .field("Connection", "close")
            .attempt();
        assert_eq!(
            defects(odd.request.as_deref().unwrap()),
            [Defect::Upgrade, Defect::Connection]
        );
    }

    #[test]
    fn a_400_is_about_the_only_defect() {
        let cases: [(Sample, &str); 6] = [
            (Sample::get("/").without("Sec-WebSocket-Key"), "handshake.missing-key"),
            (
                Sample::get("/").field("Sec-WebSocket-Key", "abc"),
                "handshake.missing-key",
            ),
            (
                Sample::get("/").without("Sec-WebSocket-Version"),
                "handshake.bad-version",
            ),
            (
                Sample::get("/").field("Sec-WebSocket-Version", "8"),
                "handshake.bad-version",
            ),
            (
                Sample::get("/").field("Connection", "keep-alive"),
                "handshake.bad-upgrade-header",
            ),
            (
                Sample::get("/").field("Upgrade", "WebSockets"),
                "handshake.bad-upgrade-header",
            ),
        ];
        for (sample, cause) in cases {
            for answer in [
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                "HTTP/1.1 400 \r\n\r\nYour browser sent an invalid request.",
            ] {
                assert_eq!(
                    told(sample.clone().answered(answer)),
                    (cause, Some(Confidence::Confirmed)),
                    "{answer}"
                );
            }
        }
    }

    #[test]
    fn words_decide_between_two_defects() {
        let both = Sample::get("/")
            .without("Sec-WebSocket-Key")
            .field("Sec-WebSocket-Version", "8");
        let key = told(both.clone().refused(400, "Missing or invalid Sec-WebSocket-Key header"));
        assert_eq!(key, ("handshake.missing-key", Some(Confidence::Confirmed)));
        let version = told(
            both.clone()
                .refused(400, "`Sec-WebSocket-Version` header did not include '13'"),
        );
        assert_eq!(version, ("handshake.bad-version", Some(Confidence::Confirmed)));
        let mute = told(both.refused(400, ""));
        assert_eq!(mute.1, Some(Confidence::Likely), "{}", mute.0);
    }

    #[test]
    fn an_answer_about_something_else_does_not_confirm_a_defect() {
        let bare = Sample::get("/").without("Sec-WebSocket-Key");
        let other = [
            "Invalid host header",
            "\"http://evil.example\" is not an accepted origin.",
            "Session ID unknown",
        ];
        for body in other {
            let (cause, confidence) = told(bare.clone().refused(400, body));
            assert!(
                cause != "handshake.missing-key" || confidence == Some(Confidence::Possible),
                "{body}"
            );
        }
        for status in [401, 403, 404, 407, 429, 502, 503] {
            let (cause, confidence) = told(bare.clone().refused(status, ""));
            assert!(
                cause != "handshake.missing-key" || confidence == Some(Confidence::Possible),
                "{status}"
            );
        }
    }

    #[test]
    fn a_server_that_lists_other_versions_only() {
        let listed = "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8, 7\r\n\r\n";
        assert_eq!(
            told(Sample::get("/").answered(listed)),
            ("handshake.bad-version", Some(Confidence::Confirmed))
        );
        let own = "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n\r\n";
        assert_eq!(told(Sample::get("/").answered(own)).0, "proxy.upgrade-header-stripped");
    }

    #[test]
    fn http_1_0() {
        let old = |status, body| {
            let staged = Staged::of(&Sample::get("/").refused(status, body));
            staged.with(|attempt, _| {
                if let Some(request) = attempt.request.as_deref_mut() {
                    request.head.version = Version::HTTP_10;
                }
            })
        };
        assert_eq!(old(505, "").cause(), ("handshake.http10", Some(Confidence::Confirmed)));
        assert_eq!(old(400, "").cause(), ("handshake.http10", Some(Confidence::Confirmed)));
        assert_eq!(
            old(200, "hello").cause(),
            ("handshake.http10", Some(Confidence::Likely))
        );
        assert_ne!(old(401, "").cause().1, Some(Confidence::Confirmed));
    }

    #[test]
    fn other_protocols() {
        let h2c = Sample::plain("GET", "/")
            .field("Connection", "Upgrade, HTTP2-Settings")
            .field("Upgrade", "h2c");
        let cases = [
            (200, "page", "upgrade.ignored", Confidence::Confirmed),
            (404, "", "upgrade.ignored", Confidence::Confirmed),
            (
                400,
                "Can \"Upgrade\" only to \"WebSocket\".",
                "handshake.bad-upgrade-header",
                Confidence::Confirmed,
            ),
            (400, "", "handshake.bad-upgrade-header", Confidence::Likely),
        ];
        for (status, body, cause, confidence) in cases {
            assert_eq!(
                told(h2c.clone().refused(status, body)),
                (cause, Some(confidence)),
                "{status} {body}"
            );
        }
        // A refusal that everybody gets is not for the Upgrade.
        for status in [401, 403, 429, 500, 502] {
            assert_ne!(
                told(h2c.clone().refused(status, "")),
                ("upgrade.ignored", Some(Confidence::Likely)),
                "{status}"
            );
            assert_ne!(told(h2c.clone().refused(status, "")).1, None);
        }
    }
}

//! The closed lists of the contract's words, in the order in which a reader is shown them.

/// How an attempt can end: the healthy first, then the failures, then what cannot be told.
pub const OUTCOMES: [&str; 10] = [
    "upgraded",
    "server-403",
    "refused",
    "tls-abort",
    "firewall-drop",
    "unreachable",
    "lost",
    "broken",
    "abandoned",
    "undetermined",
];

/// How far an attempt can come.
pub const STAGES: [&str; 6] = ["connect", "tls", "request", "response", "open", "closed"];

/// How sure a verdict can be, from strong to weak.
pub const CONFIDENCES: [&str; 3] = ["confirmed", "likely", "possible"];

/// Who can end an attempt.
pub const SAID_BY: [&str; 8] = [
    "client",
    "application",
    "proxy",
    "waf",
    "firewall",
    "server-host",
    "network",
    "unknown",
];

/// The five causes of the well-known guide to the “WebSocket 403”.
pub const GUIDES: [&str; 5] = ["authentication", "authorization", "cors", "firewall", "server"];

/// How a session can end.
pub const ENDED_BY: [&str; 5] = ["close-handshake", "fin", "reset", "silence", "capture-end"];

/// The two ends of a connection.
pub const ENDS: [&str; 2] = ["client", "server"];

/// Where another leg of a handshake can lie, seen from an attempt.
pub const POSITIONS: [&str; 2] = ["in-front", "behind"];

/// By what two legs of a handshake can be joined.
pub const JOINED_BY: [&str; 2] = ["key", "time"];

/// What became of TLS secrets.
pub const SECRETS: [&str; 4] = ["opened", "failed", "missing", "unsupported"];

/// How a capture file can be compressed.
pub const COMPRESSIONS: [&str; 3] = ["gzip", "zstd", "lz4"];

/// Whether an attempt with this outcome failed.
pub fn is_failure(outcome: &str) -> bool {
    !matches!(outcome, "upgraded" | "undetermined")
}

/// `words`, and null beside them.
pub(super) fn or_null<const N: usize>(words: [&'static str; N]) -> Vec<Option<&'static str>> {
    words.into_iter().map(Some).chain([None]).collect()
}

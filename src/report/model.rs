//! The finished analysis as plain data, in the shape that the JSON contract fixes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::words;
use crate::diagnosis::Text;

/// A word of a closed list, or a text of the catalogue: mostly one that the program holds, so that 200,000 attempts share it.
pub type Word = Text;

/// The version of this shape; a renamed field or a changed meaning needs a new one.
pub const SCHEMA_VERSION: u32 = 1;

/// A whole report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The version of this shape.
    pub schema_version: u32,
    /// The program that wrote the report.
    pub tool: Tool,
    /// The capture files, in the order of reading.
    pub captures: Vec<Capture>,
    /// Counts over the whole report.
    pub summary: Summary,
    /// The attempts, in the order of their first packets.
    pub attempts: Vec<Attempt>,
    /// Failures that share one cause, the most frequent first.
    pub patterns: Vec<Pattern>,
}

/// The program that wrote the report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One capture file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Capture {
    /// Its place in `captures`.
    pub index: u32,
    /// Its path as named by the user; `-` for standard input.
    pub path: String,
    /// `pcap` or `pcapng`.
    pub format: String,
    /// `gzip`, `zstd` or `lz4` if the file was compressed.
    #[schemars(extend("enum" = words::or_null(words::COMPRESSIONS)))]
    pub compression: Option<String>,
    /// Its link-layer types, by tcpdump's names.
    pub link_types: Vec<String>,
    /// How many packets it holds.
    pub packets: u64,
    /// How many octets were read, after decompression.
    pub bytes: u64,
    /// Time of the earliest packet, RFC 3339 UTC.
    pub first: Option<String>,
    /// Time of the latest packet, RFC 3339 UTC.
    pub last: Option<String>,
    /// What is odd about the file, one sentence each.
    pub warnings: Vec<String>,
}

/// Counts over the whole report.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Summary {
    /// TCP connections.
    pub connections: u64,
    /// Attempts to upgrade.
    pub attempts: u64,
    /// Of these, attempts whose request was not seen.
    pub presumed: u64,
    /// Of these, attempts that failed: every outcome but `upgraded` and `undetermined`.
    pub failed: u64,
    /// Attempts by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Attempts by cause.
    pub causes: BTreeMap<String, u64>,
}

/// One try to upgrade.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Attempt {
    /// Its name in this report.
    pub id: String,
    /// The capture in which it begins.
    pub capture: u32,
    /// Wireshark's `tcp.stream` in that capture.
    pub stream: u64,
    /// The client's address and port.
    pub client: String,
    /// The server's address and port.
    pub server: String,
    /// What was asked for: `websocket`, `h2c`, `tcp`, …; null if the request was not seen.
    pub protocol: Option<String>,
    /// The version of HTTP in which it was asked; null if the request was not seen.
    pub http_version: Option<String>,
    /// Whether the request was not seen.
    pub presumed: bool,
    /// How far it came.
    #[schemars(extend("enum" = words::STAGES))]
    pub stage: Word,
    /// How it ended.
    #[schemars(extend("enum" = words::OUTCOMES))]
    pub outcome: Word,
    /// The connection that carried it.
    pub connection: Connection,
    /// The request, if it was seen.
    pub request: Option<Box<Request>>,
    /// The answer, if one was seen.
    pub response: Option<Box<Response>>,
    /// Other legs of the same handshake, on the far side of a proxy; those nearer to the client first.
    pub hops: Vec<Hop>,
    /// What TLS showed, if it was spoken.
    pub tls: Option<Box<Tls>>,
    /// What came after the switch.
    pub session: Option<Box<Session>>,
    /// The best explanation; null for an attempt that succeeded and ended well.
    pub cause: Option<Cause>,
    /// What else was considered, the closest first.
    pub also_considered: Vec<Considered>,
}

/// The connection that carried an attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Connection {
    /// Time of its first packet, RFC 3339 UTC.
    pub first: String,
    /// Time of its last packet, RFC 3339 UTC.
    pub last: String,
    /// Its first packet.
    pub packet: u64,
    /// Zeek's `conn_state`.
    pub state: Word,
    /// Zeek's `history`.
    pub history: String,
    /// Its Community ID, version 1.
    pub community_id: String,
    /// Smallest round-trip time seen, in milliseconds.
    pub rtt_ms: Option<f64>,
    /// How the client reached the server: `connect` through an explicit proxy, `proxy-protocol` behind one.
    pub via: Option<Word>,
}

/// The request of an attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The target, the values of credential-like parameters masked.
    pub target: String,
    /// The Host field.
    pub host: Option<String>,
    /// The Origin field.
    pub origin: Option<String>,
    /// The User-Agent field.
    pub user_agent: Option<String>,
    /// The subprotocols offered.
    pub subprotocols: Vec<String>,
    /// Kinds and places of the credentials that were there, never their values.
    pub credentials: Vec<String>,
    /// The packet that completed the request's head.
    pub packet: u64,
}

/// The answer to an attempt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase; null if it was empty.
    pub reason: Option<String>,
    /// The Server field.
    pub server: Option<String>,
    /// The program that wrote it, where its marks allow to say so.
    pub author: Option<String>,
    /// The first octets of its body.
    pub body: Option<String>,
    /// The packet in which it begins.
    pub packet: u64,
}

/// Another leg of an attempt's handshake, and what the proxy between the two made of the request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Hop {
    /// `in-front` of this attempt's leg, nearer to the client, or `behind` it, nearer to the server.
    #[schemars(extend("enum" = words::POSITIONS))]
    pub position: Word,
    /// `key` if both legs bear the same Sec-WebSocket-Key; `time` if the proxy made a handshake of its own meanwhile.
    #[schemars(extend("enum" = words::JOINED_BY))]
    pub joined_by: Word,
    /// The address of the proxy between the two legs.
    pub proxy: String,
    /// The leg's client.
    pub client: String,
    /// The leg's server.
    pub server: String,
    /// The capture file that holds its request.
    pub capture: u32,
    /// The packet of its request.
    pub packet: u64,
    /// The status of its answer; null if none was seen.
    pub status: Option<u16>,
    /// What the proxy changed, in the direction in which the request went.
    pub changes: Vec<Change>,
}

/// What a proxy changed of a request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Change {
    /// The field's name, or `method`, `request-target`, `HTTP-version`.
    pub name: String,
    /// What the proxy got, `…` where it might be a secret; null if nothing.
    pub before: Option<String>,
    /// What it passed on, in the same way; null if nothing.
    pub after: Option<String>,
}

/// What TLS showed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tls {
    /// The version agreed on.
    pub version: Option<String>,
    /// The server name that the client asked for.
    pub sni: Option<String>,
    /// The application protocol agreed on, if it could be seen.
    pub alpn: Option<String>,
    /// The application protocols that the client offered.
    pub alpn_offered: Vec<String>,
    /// The cipher suite agreed on.
    pub cipher: Option<String>,
    /// JA4 of the client's hello.
    pub ja4: Option<String>,
    /// Whether the inside could be read.
    pub decrypted: bool,
    /// What became of the secrets that were given: `opened` something, `failed` to, `missing` for this connection,
    /// `unsupported` cipher suite; null if none were given, or nothing came by to try them on.
    #[schemars(extend("enum" = words::or_null(words::SECRETS)))]
    pub secrets: Option<Word>,
    /// The client's random in hexadecimal, by which a key log names the connection; null unless the secrets given lack it or
    /// fail.
    pub client_random: Option<String>,
    /// The first fatal alert.
    pub alert: Option<Alert>,
}

/// A TLS alert (RFC 8446 section 6).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Alert {
    /// Its code.
    pub code: u8,
    /// Its name; null if the code is not registered.
    pub name: Option<Word>,
    /// `client` or `server`.
    #[schemars(extend("enum" = words::ENDS))]
    pub sent_by: Word,
}

/// What came after the switch.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Session {
    /// The first close frame.
    pub close: Option<Close>,
    /// How it ended: `close-handshake`, `fin`, `reset`, `silence`, `capture-end`.
    #[schemars(extend("enum" = words::or_null(words::ENDED_BY)))]
    pub ended_by: Option<Word>,
    /// Frames counted; null for protocols whose frames are not read.
    pub frames: Option<Frames>,
}

/// A WebSocket close frame (RFC 6455 section 5.5.1).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Close {
    /// The status code; null if the frame bore none.
    pub code: Option<u16>,
    /// The reason.
    pub reason: Option<String>,
    /// `client` or `server`.
    #[schemars(extend("enum" = words::ENDS))]
    pub sent_by: Word,
}

/// WebSocket frames by sender.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Frames {
    /// Sent by the client.
    pub client: u64,
    /// Sent by the server.
    pub server: u64,
}

/// The best explanation of an outcome.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Cause {
    /// Its id in the catalogue.
    pub id: Word,
    /// `confirmed`, `likely` or `possible`.
    #[schemars(extend("enum" = words::CONFIDENCES))]
    pub confidence: Word,
    /// Who ended the attempt.
    #[schemars(extend("enum" = words::SAID_BY))]
    pub said_by: Word,
    /// Which of the guide's five causes it belongs to; null if it is outside them.
    #[schemars(extend("enum" = words::or_null(words::GUIDES)))]
    pub guide: Option<Word>,
    /// One sentence.
    pub summary: Word,
    /// The packets that it rests on.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub remedies: Vec<Word>,
}

/// One thing that the capture shows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Evidence {
    /// The capture file.
    pub capture: u32,
    /// Wireshark's `frame.number` there.
    pub packet: u64,
    /// What it shows.
    pub text: Word,
}

/// A cause that was considered and lost.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Considered {
    /// Its id in the catalogue.
    pub id: Word,
    /// How sure it would be by itself.
    #[schemars(extend("enum" = words::CONFIDENCES))]
    pub confidence: Word,
    /// Why it lost.
    pub why_not: Word,
}

/// Failures that share one cause.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Pattern {
    /// Their cause.
    pub cause: Word,
    /// Their outcome.
    #[schemars(extend("enum" = words::OUTCOMES))]
    pub outcome: Word,
    /// How many attempts.
    pub attempts: u64,
    /// One sentence, of the first of them.
    pub summary: String,
    /// Clients' addresses, at most eight, the most frequent first.
    pub clients: Vec<String>,
    /// How many different clients.
    pub client_count: u64,
    /// Servers, at most eight, the most frequent first.
    pub servers: Vec<String>,
    /// How many different servers.
    pub server_count: u64,
    /// Paths, at most eight, the most frequent first.
    pub paths: Vec<String>,
    /// How many different paths.
    pub path_count: u64,
    /// Time of the first, RFC 3339 UTC.
    pub first: String,
    /// Time of the last, RFC 3339 UTC.
    pub last: String,
    /// How many upgrades passed at these servers before the first failure.
    pub upgraded_before: u64,
    /// Time of the last of those, RFC 3339 UTC.
    pub last_upgraded_before: Option<String>,
    /// How many upgrades passed at these servers since the first failure.
    pub upgraded_since: u64,
    /// Ids of the first attempts, at most eight.
    pub examples: Vec<String>,
}

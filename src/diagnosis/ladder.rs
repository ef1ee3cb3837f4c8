//! Captures written as packet ladders, for the tests of rules: real segments go the road from TCP to the verdict.
//!
//! One line a segment, or one part between semicolons: seconds, who sends (`>` the client, `<` the server; `2>` on the second connection, as of client port
//! 40002), what, and how. `S` SYN, `SA` SYN-ACK, `A` bare acknowledgement, `F` FIN, `R` RST, `RA` RST with ACK; `GET` an upgrade
//! request, `PLAIN` an ordinary one, `HELLO` a ClientHello, `ALERT` a fatal alert, `101`, `200`, `403` answers, `x20` twenty
//! octets; `again` the latest octets once more. `lost`: the other end never gets it. `ttl=5`, `id=7`, `bare` (no timestamp),
//! `on=3` (so many octets further on), `port=81`. `icmp=3/13` comes from a router about the client's latest segment; `arp` asks
//! for the server; `end` is the end of the capture.

use std::{collections::BTreeMap, net::Ipv4Addr};

use crate::{
    attempt::{Attempt, Dialogue, Pending, conclude},
    capture::{PacketId, Time},
    diagnosis::{
        engine::{Finding, diagnose},
        rule::{Confidence, Outcome},
    },
    fingerprint::Author,
    packet::{Domain, Endpoint, Flags, IcmpError, Neighbour, Options, Segment},
    survey::{Survey, Tally},
    tcp::{Limits, Table},
};

/// An upgrade that is accepted, on the second connection.
pub(super) const GOOD: &str =
    "0.000 2> S; 0.020 2< SA; 0.021 2> A; 0.022 2> GET; 0.042 2< A; 0.050 2< 101; 0.051 2> A;";
/// An ordinary request that is answered, on the third connection.
pub(super) const PLAIN: &str = "0.200 3> S; 0.220 3< SA; 0.221 3> A; 0.222 3> PLAIN; 0.250 3< 200; 0.251 3> A;";
/// The handshake of the first connection, with a round trip of 20 ms.
pub(super) const SHAKEN: &str = "1.000 > S; 1.020 < SA; 1.0201 > A;";
/// An upgrade that is accepted, on the first connection, and octets both ways.
pub(super) const OPEN: &str = "1.000 > S; 1.020 < SA; 1.0201 > A; 1.021 > GET; 1.041 < A; 1.050 < 101; 1.051 > A;
    1.100 > x20; 1.120 < A; 1.130 < x20; 1.131 > A;";

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [198, 51, 100, 2];
/// The capture is taken at the client: its own segments crossed no router.
const TTL: [u8; 2] = [64, 57];
/// The sequence numbers of the SYNs.
const FIRST: [u32; 2] = [1000, 5000];
const ROUTER: [u8; 4] = [192, 0, 2, 254];

/// What all rules come to for the last connection of the ladder.
pub(super) fn verdict(ladder: &str) -> Finding {
    Capture::read(ladder).judge(|_| true)
}

/// What they come to for the connection from this port of the client.
pub(super) fn of_client_port(ladder: &str, port: u16) -> Finding {
    Capture::read(ladder).judge(|attempt| attempt.connection.client.port == port)
}

/// The cause that wins, how surely, and the outcome.
pub(super) fn told(ladder: &str) -> (&'static str, Confidence, Outcome) {
    let finding = verdict(ladder);
    let cause = finding.cause.unwrap();
    (cause.rule.id, cause.found.confidence, finding.outcome)
}

/// The id of the cause that wins; `none` for an attempt that succeeded.
pub(super) fn cause(ladder: &str) -> &'static str {
    verdict(ladder).cause.map_or("none", |cause| cause.rule.id)
}

struct Capture {
    attempts: Vec<Pending>,
    tally: Tally,
    end: Time,
}

/// One direction of one connection while the ladder is read.
#[derive(Default)]
struct End {
    next: u32,
    /// What the other end has got of it.
    heard: u32,
    latest: (u32, Vec<u8>),
}

/// What is kept from line to line.
struct Scribe {
    table: Table<Dialogue>,
    tally: Tally,
    ends: BTreeMap<u16, [End; 2]>,
    ids: [u16; 2],
    packet: u64,
    now: Time,
}

impl Capture {
    fn judge(&self, which: impl Fn(&Attempt) -> bool) -> Finding {
        let survey = Survey::new(&self.attempts, &self.tally, (Time(0), self.end));
        let author = Author::default();
        let mut attempts = self.attempts.iter().map(Pending::attempt);
        let attempt = attempts.rfind(|attempt| which(attempt)).unwrap();
        diagnose(&attempt, &survey, &author)
    }

    fn read(ladder: &str) -> Self {
        let limits = Limits {
            connections: 1000,
            held_per_direction: 1 << 16,
            held: 1 << 20,
        };
        let mut scribe = Scribe {
            table: Table::new(limits),
            tally: Tally::default(),
            ends: BTreeMap::new(),
            ids: [100, 30_000],
            packet: 0,
            now: Time(0),
        };
        let mut lines: Vec<&str> = ladder
            .split(['\n', ';'])
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        lines.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
        lines.into_iter().for_each(|line| scribe.line(line));
        scribe.table.end_all();
        let streams: Vec<u64> = (0..scribe.table.newcomers().len() as u64).collect();
        let mut attempts = Vec::new();
        for ended in scribe.table.number(&streams) {
            let mut conclusion = conclude(ended);
            scribe.tally.count(&mut conclusion);
            attempts.extend(conclusion.into_attempts());
        }
        attempts.sort_by_key(Pending::order);
        Capture {
            attempts,
            tally: scribe.tally,
            end: scribe.now,
        }
    }
}

impl Scribe {
    fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        words.next();
        self.now = Time((seconds(line) * 1e9) as i64);
        self.packet += 1;
        let who = words.next().unwrap();
        let rest: Vec<&str> = words.collect();
        match who {
            "end" => {}
            "arp" => self.arp(),
            _ => self.segment(who, &rest),
        }
    }

    fn arp(&mut self) {
        let target = Ipv4Addr::from(SERVER).into();
        let packet = PacketId::new(0, self.packet);
        self.tally.neighbour(&Neighbour {
            packet,
            time: self.now,
            domain: Domain(0),
            target,
            answer: false,
        });
    }

    fn segment(&mut self, who: &str, words: &[&str]) {
        let (number, side) = match who.strip_suffix('>') {
            Some(number) => (number, 0),
            None => (who.strip_suffix('<').unwrap(), 1),
        };
        let number: u16 = number.parse().unwrap_or(1);
        let how = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let value = |name: &str| how(name).map(|value| value.parse::<u32>().unwrap());
        let ends = self.ends.entry(number).or_insert_with(|| FIRST.map(first));
        let (what, lost) = (words[0], words.contains(&"lost"));
        let other = ends[1 - side].heard;
        let (flags, octets) = meaning(what, side, &ends[side].latest.1);
        let mut sequence = match what {
            "again" => ends[side].latest.0,
            "S" | "SA" => FIRST[side],
            _ => ends[side].next,
        };
        let reset = flags.has(Flags::RST);
        if reset && side == 1 && ends[1].next == FIRST[1] {
            sequence = 0;
        }
        sequence = sequence.wrapping_add(value("on").unwrap_or(0));
        let length = octets.len() as u32 + u32::from(flags.has(Flags::SYN)) + u32::from(flags.has(Flags::FIN));
        if !reset && what != "again" && how("on").is_none() {
            ends[side].next = sequence + length;
        }
        if !octets.is_empty() {
            ends[side].latest = (sequence, octets.clone());
        }
        if !lost && !reset && sequence <= ends[side].heard {
            ends[side].heard = ends[side].heard.max(sequence + length);
        }
        self.ids[side] += 1;
        let id = value("id").map_or(self.ids[side], |id| id as u16);
        let options = options(self.now, flags, words.contains(&"bare") || reset);
        let port = value("port").unwrap_or(8080) as u16;
        let client = Endpoint {
            address: Ipv4Addr::from(CLIENT).into(),
            port: 40_000 + number,
        };
        let server = Endpoint {
            address: Ipv4Addr::from(SERVER).into(),
            port,
        };
        let (source, destination) = if side == 0 { (client, server) } else { (server, client) };
        let packet = PacketId::new(0, self.packet);
        if let Some((kind, code)) = how("icmp").and_then(|icmp| icmp.split_once('/')) {
            self.table.icmp(&IcmpError {
                packet,
                time: self.now,
                reporter: Ipv4Addr::from(ROUTER).into(),
                addressee: client.address,
                ttl: 64,
                v6: false,
                kind: kind.parse().unwrap(),
                code: code.parse().unwrap(),
                mtu: None,
                domain: Domain(0),
                quoted_source: client,
                quoted_destination: server,
                quoted_sequence: None,
                quoted_flags: None,
            });
            return;
        }
        self.table.segment(&Segment {
            interface: 0,
            packet,
            time: self.now,
            source,
            destination,
            domain: Domain(0),
            sequence,
            acknowledgement: other,
            flags,
            window: 500,
            ttl: value("ttl").map_or(TTL[side], |ttl| ttl as u8),
            ip_id: Some(id),
            options: Options::read(&options),
            payload: &octets,
            payload_length: octets.len() as u32,
        });
    }
}

fn seconds(line: &str) -> f64 {
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn first(number: u32) -> End {
    End {
        next: number,
        heard: number,
        latest: (number, Vec::new()),
    }
}

/// What a word puts into a segment.
fn meaning(what: &str, side: usize, latest: &[u8]) -> (Flags, Vec<u8>) {
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    let ack = Flags::ACK.0;
    let octets = match what {
        "GET" => format!(
            "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {KEY}\r\n\r\n"
        )
        .into_bytes(),
        "PLAIN" => b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        "101" => format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
        )
        .into_bytes(),
        "200" | "403" => format!("HTTP/1.1 {what} X\r\nContent-Length: 0\r\n\r\n").into_bytes(),
        "HELLO" => hello(),
        "ALERT" => vec![21, 3, 3, 0, 2, 2, 40],
        "again" => latest.to_vec(),
        // A masked (client) or plain (server) binary frame of so many octets in all.
        _ => match what.strip_prefix('x').and_then(|length| length.parse::<usize>().ok()) {
            Some(length) if side == 0 => [vec![0x82, 0x80 | (length as u8 - 6)], vec![0; length - 2]].concat(),
            Some(length) if length < 128 => [vec![0x82, length as u8 - 2], vec![0; length - 2]].concat(),
            Some(length) => {
                let inside = (length - 4) as u16;
                [vec![0x82, 126], inside.to_be_bytes().to_vec(), vec![0; length - 4]].concat()
            }
            None => Vec::new(),
        },
    };
    let flags = match what {
        "S" => Flags::SYN.0,
        "SA" => Flags::SYN.0 | ack,
        "F" => Flags::FIN.0 | ack,
        "R" => Flags::RST.0,
        "RA" => Flags::RST.0 | ack,
        _ => ack,
    };
    (Flags(flags), octets)
}

/// A small ClientHello of TLS 1.2.
fn hello() -> Vec<u8> {
    let body = [vec![3, 3], vec![7; 32], vec![0, 0, 2, 0x13, 0x01, 1, 0]].concat();
    let message = [vec![1, 0, 0, body.len() as u8], body].concat();
    [vec![22, 3, 1, 0, message.len() as u8], message].concat()
}

fn options(now: Time, flags: Flags, bare: bool) -> Vec<u8> {
    let mut options = Vec::new();
    if flags.has(Flags::SYN) {
        options.extend([2, 4, 0x05, 0xb4, 4, 2]);
    }
    if !bare {
        options.extend([8, 10]);
        options.extend(((now.0 / 1_000_000) as u32).to_be_bytes());
        options.extend([0; 4]);
    }
    options
}

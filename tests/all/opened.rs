//! What is inside of TLS, opened by the program and by tshark: the very same octets.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use upgradescope::{
    capture::{self, Chunk, Secrets, Source},
    packet::{Decoded, decode},
    tcp::{self, At, Ended, GapCause, Seen, Table},
    tls::{self, Event, KeyLog},
};

use crate::{
    abreast::abreast,
    fixtures::{CAPTURES, names},
    program::{fixtures, tell, top},
};

/// Collections of cases, each a folder with captures and perhaps a `keys.log`.
const COLLECTIONS: [&str; 3] = ["fixtures", "../shared/corpus/lab", "../shared/corpus/public"];
/// Captures without a folder of their own.
const LOOSE: &str = "../shared/corpus/broken";

/// A capture and what is needed to open what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) capture: PathBuf,
    pub(crate) key_log: Option<PathBuf>,
}

/// Every capture with secrets at hand, beside it or in it.
pub(crate) fn sealed() -> Vec<Sealed> {
    let mut sealed = Vec::new();
    for collection in COLLECTIONS {
        let collection = top().join(collection);
        let cases = if collection.is_dir() {
            names(&collection)
        } else {
            Vec::new()
        };
        for case in cases {
            let folder = collection.join(case);
            let key_log = Some(folder.join("keys.log")).filter(|path| path.is_file());
            sealed.extend(captures(&folder, key_log));
        }
    }
    let loose = top().join(LOOSE);
    if loose.is_dir() {
        sealed.extend(captures(&loose, None));
    }
    sealed
}

/// The captures of a folder that have secrets.
fn captures(folder: &Path, key_log: Option<PathBuf>) -> Vec<Sealed> {
    let is_capture = |name: &String| CAPTURES.iter().any(|end| name.ends_with(end));
    let captures = names(folder).into_iter().filter(is_capture);
    let sealed = captures.map(|name| Sealed {
        capture: folder.join(name),
        key_log: key_log.clone(),
    });
    sealed.filter(|sealed| !sealed.secrets().is_empty()).collect()
}

impl Sealed {
    /// The text of its key logs.
    pub(crate) fn secrets(&self) -> Vec<u8> {
        let mut text = self
            .key_log
            .as_ref()
            .map(|path| fs::read(path).unwrap())
            .unwrap_or_default();
        for (_, octets) in frames(&self.capture, |_| {}) {
            text.push(b'\n');
            text.extend(octets);
        }
        text
    }
}

/// Reads a capture; gives the key logs in it.
fn frames(capture: &Path, mut on: impl FnMut(&Chunk)) -> Vec<(u32, Vec<u8>)> {
    let source = Source::Path(capture.to_owned());
    let Ok(mut reader) = capture::Reader::open(&source, 0, capture::Limits::default()) else {
        return Vec::new();
    };
    let mut chunk = Chunk::new();
    while reader.fill(&mut chunk) {
        on(&chunk);
    }
    let secrets = reader.finish().secrets.into_iter();
    let key_logs = secrets.filter(|secrets| secrets.kind == Secrets::TLS_KEY_LOG);
    key_logs.map(|secrets| (secrets.kind, secrets.octets)).collect()
}

/// Listens to one connection, and keeps what is opened.
#[derive(Debug, Default)]
struct Listener {
    handshake: tls::Handshake,
    /// What either side said inside of TLS.
    said: [Vec<u8>; 2],
    /// Whether some of it is missing.
    gaps: bool,
    heard: Vec<Piece>,
}

/// A piece of what one side sent.
#[derive(Debug)]
struct Piece {
    side: tls::Side,
    octets: Vec<u8>,
    /// Whether both sides had said something inside of TLS before.
    is_talk: bool,
    /// How much its side had said inside of TLS before.
    before: usize,
}

impl Listener {
    fn hear(&mut self, side: tls::Side, octets: Option<&[u8]>, missing: u64) {
        let Listener {
            handshake, said, gaps, ..
        } = self;
        let mut on = |event: Event<'_>| match event {
            Event::Data(side, octets) => said[place(side)].extend(octets),
            Event::DataGap(..) => *gaps = true,
            _ => {}
        };
        match octets {
            Some(octets) => handshake.read(side, octets, &mut on),
            None => drop(handshake.gap(side, missing, &mut on)),
        }
    }
}

/// The place of a side among two.
fn place(side: tls::Side) -> usize {
    usize::from(side == tls::Side::Server)
}

fn tls_side(side: tcp::Side) -> tls::Side {
    match side {
        tcp::Side::Client => tls::Side::Client,
        tcp::Side::Server => tls::Side::Server,
    }
}

impl tcp::Reader for Listener {
    type Secrets = Arc<KeyLog>;

    fn with_secrets(secrets: &Self::Secrets) -> Self {
        Listener {
            handshake: tls::Handshake::with_secrets(Arc::clone(secrets)),
            ..Listener::default()
        }
    }

    fn sender(first: &[u8]) -> Option<tcp::Side> {
        match first.get(5) {
            Some(1) => Some(tcp::Side::Client),
            Some(2) => Some(tcp::Side::Server),
            _ => None,
        }
    }

    fn wants(&self, _: tcp::Side) -> bool {
        true
    }

    fn octets(&mut self, side: tcp::Side, _: u64, octets: &[u8], _: &Seen) {
        let side = tls_side(side);
        self.heard.push(Piece {
            side,
            octets: octets.to_vec(),
            is_talk: self.said.iter().all(|said| !said.is_empty()),
            before: self.said[place(side)].len(),
        });
        self.hear(side, Some(octets), 0);
    }

    fn gap(&mut self, side: tcp::Side, _: u64, missing: u64, _: GapCause, _: At) {
        self.hear(tls_side(side), None, missing);
    }

    fn acknowledged(&mut self, _: tcp::Side, _: u64, _: At) {}

    fn finished(&mut self, side: tcp::Side, _: At) {
        self.handshake.end(tls_side(side), |_| {});
    }
}

/// What was said inside of a connection of TLS, by client and server, as far as it could be opened.
struct Opened {
    client_port: u16,
    server_port: u16,
    said: [Vec<u8>; 2],
    gaps: bool,
    heard: Vec<Piece>,
    /// Whether it is under RC4, of which all is lost from where nobody knows how many octets were encrypted.
    is_rc4: bool,
    debug: String,
}

/// What is inside of TLS in a capture, by stream.
fn opened(sealed: &Sealed) -> BTreeMap<u64, Opened> {
    let secrets = Arc::new(KeyLog::parse(&sealed.secrets()));
    let limits = tcp::Limits {
        connections: 65_536,
        held_per_direction: 1 << 20,
        held: 1 << 28,
    };
    let mut table: Table<Listener> = Table::with_secrets(limits, secrets);
    let (mut ended, mut next) = (Vec::new(), 0);
    let mut number = |table: &mut Table<Listener>| {
        let mut order: Vec<_> = table.newcomers().zip(0..).collect::<Vec<(_, usize)>>();
        order.sort_unstable();
        let mut streams = vec![0; order.len()];
        for (_, place) in order {
            streams[place] = next;
            next += 1;
        }
        ended.extend(table.number(&streams));
    };
    frames(&sealed.capture, |chunk| {
        for frame in chunk.frames() {
            if let Decoded::Segment(segment) = decode(&frame) {
                table.segment(&segment);
            }
        }
        number(&mut table);
    });
    table.end_all();
    number(&mut table);
    let opened = ended.into_iter().filter_map(|ended| {
        let Ended::Followed(facts, Some(listener)) = ended else {
            return None;
        };
        let is_tls = listener.handshake.facts().client_hello.is_some();
        let suite = listener.handshake.facts().server_hello.as_ref();
        let suite = suite.map(|hello| tls::cipher_suite_name(hello.cipher_suite));
        let opened = Opened {
            is_rc4: suite.is_some_and(|name| name.contains("RC4")),
            client_port: facts.client.port,
            server_port: facts.server.port,
            debug: format!("{:?} {:#?}", listener.handshake, listener.handshake),
            said: listener.said,
            gaps: listener.gaps,
            heard: listener.heard,
        };
        is_tls.then_some((facts.stream, opened))
    });
    opened.collect()
}

/// What was said inside of TLS by client and server, by stream.
type Said = BTreeMap<u64, [Vec<u8>; 2]>;

/// What tshark finds inside of TLS in these streams.
fn opened_by_tshark(sealed: &Sealed, key_log: &Path, streams: &BTreeMap<u64, Opened>) -> Said {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(&sealed.capture);
    tshark.args(["-q", "-o", "tcp.reassemble_out_of_order:TRUE", "-o"]);
    tshark.arg(format!("tls.keylog_file:{}", key_log.display()));
    let ports: BTreeSet<u16> = streams.values().map(|opened| opened.server_port).collect();
    for port in ports {
        tshark.args(["-d", &format!("tcp.port=={port},tls")]);
    }
    for stream in streams.keys() {
        tshark.args(["-z", &format!("follow,tls,raw,{stream}")]);
    }
    said(&String::from_utf8_lossy(&tshark.output().unwrap().stdout), streams)
}

/// Reads what tshark tells of these streams.
fn said(told: &str, streams: &BTreeMap<u64, Opened>) -> Said {
    let mut all: Said = streams.keys().map(|stream| (*stream, Default::default())).collect();
    // The first node is who was opened first; the lines of the other are indented.
    let (mut stream, mut first_is_client) = (0, true);
    for line in told.lines() {
        let digits = line.trim();
        let is_hexadecimal = digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if let Some(number) = line.strip_prefix("Filter: tcp.stream eq ") {
            stream = number.parse().unwrap();
        } else if let Some(node) = line.strip_prefix("Node 0: ") {
            first_is_client = node.ends_with(&format!(":{}", streams[&stream].client_port));
        } else if !digits.is_empty() && is_hexadecimal {
            let octets = (0..digits.len()).step_by(2);
            let octets = octets.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
            let said = all.get_mut(&stream).unwrap();
            said[usize::from(line.starts_with('\t') == first_is_client)].extend(octets);
        }
    }
    all
}

#[test]
fn what_is_opened_equals_what_tshark_opens() {
    if Command::new("tshark").arg("--version").output().is_err() {
        return tell("skipped: tshark is not here");
    }
    let folder = tempfile::tempdir().unwrap();
    let captures: Vec<(usize, Sealed)> = sealed().into_iter().enumerate().collect();
    let compared = abreast(&captures, |(index, sealed)| {
        let key_log = folder.path().join(format!("{index}.log"));
        fs::write(&key_log, sealed.secrets()).unwrap();
        let ours = opened(sealed);
        let theirs = opened_by_tshark(sealed, &key_log, &ours);
        let compared = ours.iter().map(|(stream, opened)| {
            let octets: usize = opened.said.iter().map(Vec::len).sum();
            let trouble = differs(opened, &theirs[stream])
                .map(|it| format!("{} stream {stream}: {it}", sealed.capture.display()));
            (octets, trouble)
        });
        compared.collect::<Vec<_>>()
    });
    let compared = compared.concat();
    let octets: usize = compared.iter().map(|(octets, _)| octets).sum();
    let opened = compared.iter().filter(|(octets, _)| *octets > 0).count();
    tell(&format!(
        "opened as by tshark: {octets} octets in {opened} of {} TLS connections of {} captures",
        compared.len(),
        captures.len()
    ));
    let troubles: Vec<String> = compared.into_iter().filter_map(|(_, trouble)| trouble).collect();
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
    assert!(opened > 10, "only {opened} connections were opened");
}

/// How what tshark opened differs.
fn differs(opened: &Opened, theirs: &[Vec<u8>; 2]) -> Option<String> {
    let lengths = |said: &[Vec<u8>; 2]| format!("{} and {} octets", said[0].len(), said[1].len());
    let gaps = if opened.gaps { " with gaps" } else { "" };
    let (ours, theirs) = (&opened.said, theirs);
    (ours != theirs).then(|| format!("{}{gaps}, tshark {}", lengths(ours), lengths(theirs)))
}

#[test]
fn what_was_opened_does_not_show_its_keys() {
    for sealed in sealed()
        .into_iter()
        .filter(|sealed| sealed.capture.starts_with(fixtures()))
    {
        let text = sealed.secrets();
        let shown: String = opened(&sealed).into_values().map(|opened| opened.debug).collect();
        assert!(!format!("{:?}", KeyLog::parse(&text)).contains('['));
        for secret in crate::secrets::secrets(&text) {
            let octets: Vec<u8> = (0..32)
                .step_by(2)
                .map(|at| u8::from_str_radix(&secret[at..at + 2], 16).unwrap())
                .collect();
            let decimal = format!("{octets:?}");
            assert!(
                !shown.contains(decimal.trim_matches(['[', ']'])),
                "{}",
                sealed.capture.display()
            );
        }
    }
}

#[test]
fn after_what_is_missing_the_rest_is_opened() {
    let (mut losses, mut found) = (0, 0);
    for sealed in sealed() {
        let key_log = Arc::new(KeyLog::parse(&sealed.secrets()));
        // Without its hellos another handshake cannot be understood.
        let renegotiates = sealed.capture.ends_with("renegotiation.pcap");
        for opened in opened(&sealed).into_values().filter(|_| !renegotiates) {
            let talk = (0..opened.heard.len()).filter(|&at| opened.heard[at].is_talk);
            for (at, lost) in talk.flat_map(|at| losses_of(&opened.heard[at].octets).map(|lost| (at, lost))) {
                let said = without(&opened, at, lost, &key_log);
                let whose = place(opened.heard[at].side);
                let (all, left) = (&opened.said[whose], &said[whose]);
                let what = format!("{} without {lost:?} of piece {at}", sealed.capture.display());
                assert_eq!(
                    said[1 - whose],
                    opened.said[1 - whose],
                    "{what}: the other side said the same"
                );
                assert!(is_all_but_one_part(all, left), "{what}");
                if opened.is_rc4 && !is_inside_a_record(&opened.heard[at].octets, lost) {
                    continue;
                }
                // One record was cut; the next may be needed to find the place of the records, and in TLS 1.0 the key of its next.
                let before = opened.heard[at].before;
                let later = opened
                    .heard
                    .iter()
                    .skip(at + 1)
                    .filter(|piece| place(piece.side) == whose);
                let mut ends: Vec<usize> = later.map(|piece| piece.before).filter(|&end| end > before).collect();
                ends.dedup();
                let behind = ends.get(1).copied().unwrap_or(all.len());
                assert!(left.ends_with(&all[behind..]), "{what}: what comes later is not opened");
                losses += 1;
                found += all.len() - behind;
            }
        }
    }
    tell(&format!("{losses} losses, after which {found} octets were opened"));
    assert!(losses > 200 && found > 1000);
}

/// What is opened if a range of one piece is missing.
fn without(opened: &Opened, at: usize, (begin, end): (usize, usize), key_log: &Arc<KeyLog>) -> [Vec<u8>; 2] {
    let mut listener = <Listener as tcp::Reader>::with_secrets(key_log);
    for (index, piece) in opened.heard.iter().enumerate() {
        if index == at {
            listener.hear(piece.side, Some(&piece.octets[..begin]), 0);
            listener.hear(piece.side, None, (end - begin) as u64);
            listener.hear(piece.side, Some(&piece.octets[end..]), 0);
        } else {
            listener.hear(piece.side, Some(&piece.octets), 0);
        }
    }
    listener.said
}

/// Whether one part in a row is missing from what is left, or nothing.
fn is_all_but_one_part(all: &[u8], left: &[u8]) -> bool {
    let begin = all.iter().zip(left).take_while(|(one, other)| one == other).count();
    left.len() <= all.len() && all.ends_with(&left[begin..])
}

/// Whether a piece is one record, and its header there all the same.
fn is_inside_a_record(piece: &[u8], (begin, _): (usize, usize)) -> bool {
    matches!(piece, [_, _, _, high, low, body @ ..] if begin >= 5 && body.len() == usize::from(u16::from_be_bytes([*high, *low])))
}

/// Ranges of a piece that may be missing: all of it, its beginning, its middle, its end.
fn losses_of(piece: &[u8]) -> [(usize, usize); 4] {
    let (half, end) = (piece.len() / 2, piece.len());
    [(0, end), (0, half), (half / 2, half + half / 2), (half, end)]
}

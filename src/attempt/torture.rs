//! Whole dialogues, cut into segments anywhere, with holes in them, and some made to exhaust us.

use fastrand::Rng;

use crate::{
    attempt::{Attempt, Conclusion, Dialogue, Ordinary, Pending, Stage, conclude},
    tcp::{
        Limits, Side, Table,
        sample::{LIMITS, Packet, client, opening, server},
    },
};

const C: Side = Side::Client;
const S: Side = Side::Server;

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const PLAIN: &str = "GET /page HTTP/1.1\r\nHost: a.example\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const NO: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
/// "Hello", masked; a ping of each side; a close of each side.
const HELLO: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const CLIENT_CLOSE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 3, 0xe8];
const SERVER_TEXT: &[u8] = &[0x81, 3, b'a', b'b', b'c'];
const SERVER_CLOSE: &[u8] = &[0x88, 2, 3, 0xe8];

/// One side says something; `None` is a hole of so many octets, which the other side acknowledges all the same.
#[derive(Clone)]
enum Word {
    Says(Side, Vec<u8>),
    Lost(Side, usize),
}

fn says(side: Side, octets: impl AsRef<[u8]>) -> Word {
    Word::Says(side, octets.as_ref().to_vec())
}

/// The words as packets, each cut into pieces of at most `longest` octets.
fn ladder(words: &[Word], mut longest: impl FnMut() -> usize) -> Vec<Packet> {
    let mut packets = opening();
    let mut sent = [0i64; 2];
    for word in words {
        let side = match word {
            Word::Says(side, _) | Word::Lost(side, _) => *side,
        };
        let (own, other) = (side as usize, 1 - side as usize);
        let from = |side: usize| if side == 0 { client() } else { server() };
        match word {
            Word::Lost(_, length) => sent[own] += *length as i64,
            Word::Says(_, octets) => {
                let mut rest = &octets[..];
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(longest().clamp(1, rest.len()));
                    packets.push(from(own).ack(sent[other]).data(sent[own], piece));
                    sent[own] += piece.len() as i64;
                    rest = after;
                }
            }
        }
        packets.push(from(other).ack(sent[own]).seq(sent[other]));
    }
    packets
}

fn concluded(packets: &[Packet], limits: Limits) -> Conclusion {
    let mut table: Table<Dialogue> = Table::new(limits);
    for (packet, number) in packets.iter().zip(1..) {
        table.segment(&packet.segment(number));
    }
    table.end_all();
    let mut conclusions: Vec<Conclusion> = table.number(&[0]).map(conclude).collect();
    assert_eq!(conclusions.len(), 1);
    conclusions.remove(0)
}

fn attempts(words: &[Word]) -> Vec<Attempt> {
    attempts_of(&concluded(&ladder(words, || usize::MAX), LIMITS))
}

fn attempts_of(conclusion: &Conclusion) -> Vec<Attempt> {
    match conclusion {
        Conclusion::Knocks(knocks) => vec![Pending::Knocks(knocks.clone()).attempt().into_owned()],
        Conclusion::Talk { attempts, .. } => attempts.clone(),
    }
}

fn ordinary_of(conclusion: &Conclusion) -> &[Ordinary] {
    match conclusion {
        Conclusion::Knocks(_) => &[],
        Conclusion::Talk { ordinary, .. } => ordinary,
    }
}

/// What a dialogue came to, without packet numbers and times.
fn gist(conclusion: &Conclusion) -> Vec<String> {
    let attempts = attempts_of(conclusion).into_iter().map(|attempt| {
        let request = attempt.request.as_ref();
        let response = attempt.response.as_ref();
        let session = attempt.session.as_ref();
        format!(
            "{} {:?} presumed {} path {:?} upgrade {:?} complete {:?} span {:?} acknowledged {:?} | {:?} interim {:?} \
             body {:?} {:?} {:?} early {:?} span {:?} | frames {:?} octets {:?} closes {:?} broken {:?} | via {:?} missing {:?} \
             not http {:?}",
            attempt.nth,
            attempt.stage,
            attempt.presumed,
            attempt.path(),
            attempt.protocol(),
            request.map(|request| request.complete),
            request.map(|request| request.span),
            request.map(|request| request.acknowledged.is_some()),
            attempt.status(),
            response.map(|response| &response.interim),
            response.map(|response| response.body_text()),
            response.map(|response| response.body_length),
            response.map(|response| response.body_complete),
            response.map(|response| response.early),
            response.map(|response| response.span),
            session.map(|session| session.frames),
            session.map(|session| session.octets),
            session.map(|session| session.closes.iter().map(|close| close.side).collect::<Vec<_>>()),
            session.map(|session| session.violations.count()),
            attempt.via.as_ref().map(|via| {
                let connect = via.connect.as_ref().map(|connect| connect.0.clone());
                (connect, via.proxy_protocol.map(|proxy| (proxy.0, proxy.1)))
            }),
            attempt.obstacle.map(|obstacle| (obstacle.side, obstacle.missing)),
            attempt.not_http.is_some(),
        )
    });
    let ordinary = ordinary_of(conclusion).iter().map(|ordinary| {
        let status = ordinary.response.map(|response| response.0);
        format!("ordinary {} {} {status:?}", ordinary.method, ordinary.path)
    });
    attempts.chain(ordinary).collect()
}

fn frames() -> [Word; 4] {
    [
        says(C, HELLO),
        says(S, SERVER_TEXT),
        says(C, CLIENT_CLOSE),
        says(S, SERVER_CLOSE),
    ]
}

/// Dialogues without holes.
fn dialogues() -> Vec<Vec<Word>> {
    let proxy_v2 = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x02\x04\xd2\x01\xbb",
        UPGRADE.as_bytes(),
    ]
    .concat();
    let with_frames = |words: &[Word]| [words, &frames()].concat();
    vec![
        with_frames(&[says(C, UPGRADE), says(S, SWITCH)]),
        with_frames(&[
            says(C, UPGRADE),
            says(S, format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{SWITCH}")),
        ]),
        with_frames(&[
            says(C, PLAIN),
            says(S, OK),
            says(C, PLAIN),
            says(S, OK),
            says(C, UPGRADE),
            says(S, SWITCH),
        ]),
        with_frames(&[
            says(C, format!("{PLAIN}{PLAIN}{UPGRADE}")),
            says(S, format!("{OK}{OK}{SWITCH}")),
        ]),
        // Refused, and asked again behind it.
        with_frames(&[
            says(C, format!("{UPGRADE}{PLAIN}{UPGRADE}")),
            says(S, format!("{NO}{OK}{SWITCH}")),
        ]),
        vec![says(C, UPGRADE), says(S, NO)],
        vec![
            says(C, UPGRADE),
            says(
                S,
                "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
            ),
        ],
        vec![says(C, UPGRADE), says(S, "SSH-2.0-OpenSSH_9.6\r\n")],
        with_frames(&[
            says(C, [UPGRADE.as_bytes(), HELLO].concat()),
            says(S, [SWITCH.as_bytes(), SERVER_TEXT].concat()),
        ]),
        with_frames(&[
            says(C, "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n"),
            says(S, "HTTP/1.1 200 Connection established\r\n\r\n"),
            says(C, UPGRADE),
            says(S, SWITCH),
        ]),
        vec![
            says(C, "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n"),
            says(
                S,
                "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        with_frames(&[
            says(C, format!("PROXY TCP4 192.0.2.7 198.51.100.2 1234 443\r\n{UPGRADE}")),
            says(S, SWITCH),
        ]),
        with_frames(&[says(C, proxy_v2), says(S, SWITCH)]),
        vec![
            says(C, "GET /chat HTTP/1.1\r\nHost: a.exa"),
            says(S, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
        ],
        vec![
            says(
                C,
                "POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\npart",
            ),
            says(S, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"),
        ],
        vec![says(C, UPGRADE)],
        vec![says(C, "SSH-2.0-a\r\n"), says(S, "SSH-2.0-b\r\n")],
        vec![
            says(
                C,
                "GET /h2c HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
            ),
            says(S, OK),
        ],
    ]
}

#[test]
fn where_segments_end_means_nothing() {
    let mut random = Rng::with_seed(3);
    for words in dialogues() {
        let whole = gist(&concluded(&ladder(&words, || usize::MAX), LIMITS));
        assert_eq!(gist(&concluded(&ladder(&words, || 1), LIMITS)), whole, "octet by octet");
        for _ in 0..60 {
            let longest = random.usize(1..200);
            let cut = ladder(&words, || random.usize(1..=longest));
            assert_eq!(gist(&concluded(&cut, LIMITS)), whole);
        }
    }
}

#[test]
fn an_upgrade_is_followed_to_its_close() {
    for words in dialogues().iter().filter(|words| words.len() > 4) {
        let attempts = attempts(words);
        let last = attempts.last().unwrap();
        let session = last.session.as_ref().unwrap();
        assert_eq!((last.stage, last.status()), (Stage::Closed, Some(101)));
        let early = u64::from(words.len() == 6 && session.frames != [2, 2]);
        assert_eq!((session.frames, session.closes.count()), ([2 + early; 2], 2));
        assert_eq!((session.violations.count(), last.presumed), (0, false));
        assert!(last.request.as_ref().unwrap().acknowledged.is_some());
    }
}

#[test]
fn each_answer_goes_to_its_request() {
    let statuses = |words: &[Word]| -> Vec<_> { attempts(words).iter().map(|one| (one.nth, one.status())).collect() };
    let all = dialogues();
    assert_eq!(statuses(&all[4]), [(0, Some(403)), (2, Some(101))]);
    assert_eq!(statuses(&all[5]), [(0, Some(403))]);
    assert_eq!(attempts(&all[1])[0].response.as_ref().unwrap().interim, [103]);
    assert_eq!(attempts(&all[7])[0].not_http.as_ref().unwrap().0[..4], *b"SSH-");
    assert_eq!(
        attempts(&all[9])[0].via.as_ref().unwrap().connect.as_ref().unwrap().0,
        "a.example:80"
    );
    assert_eq!(statuses(&all[10]), [(0, Some(407))]);
    let early = &attempts(&all[13])[0];
    assert!(early.response.as_ref().unwrap().early && early.request.as_ref().is_none_or(|request| !request.complete));
    assert!(attempts(&all[16]).is_empty());
}

#[test]
fn a_switch_that_the_capture_lost_is_known_by_its_frames() {
    for server_first in [false, true] {
        let mut rest = frames();
        if server_first {
            rest.swap(0, 1);
        }
        let words = [&[says(C, UPGRADE), Word::Lost(S, SWITCH.len())], &rest[..]].concat();
        for longest in [1, 2, usize::MAX] {
            let attempts = attempts_of(&concluded(&ladder(&words, || longest), LIMITS));
            assert_eq!(attempts.len(), 1);
            let session = attempts[0].session.as_ref().expect("a session");
            assert_eq!(
                (attempts[0].stage, session.frames, session.closes.count()),
                (Stage::Closed, [2, 2], 2)
            );
            assert_eq!(attempts[0].status(), None);
            let obstacle = attempts[0].obstacle.unwrap();
            assert_eq!((obstacle.side, obstacle.missing), (S, SWITCH.len() as u64));
            assert!(obstacle.at.packet.number() > 4);
        }
    }
}

#[test]
fn one_direction_alone_tells_of_no_switch() {
    let words = [&[says(C, UPGRADE), says(S, SWITCH)], &frames()[..]].concat();
    let mut packets = ladder(&words, || usize::MAX);
    packets.retain(|packet| packet.side == C);
    let attempts = attempts_of(&concluded(&packets, LIMITS));
    assert_eq!(
        (attempts.len(), attempts[0].stage, attempts[0].session.is_some()),
        (1, Stage::Request, false)
    );
    assert_eq!(attempts[0].obstacle.unwrap().side, S);
}

#[test]
fn an_answer_that_the_capture_lost_is_not_taken_from_the_next_request() {
    let words = [
        says(C, UPGRADE),
        Word::Lost(S, NO.len()),
        says(C, PLAIN),
        says(S, OK),
        says(C, UPGRADE),
        says(S, NO),
    ];
    for longest in [1, 7, usize::MAX] {
        let conclusion = concluded(&ladder(&words, || longest), LIMITS);
        let attempts = attempts_of(&conclusion);
        let statuses: Vec<_> = attempts.iter().map(|one| (one.nth, one.status())).collect();
        assert_eq!(statuses, [(0, None), (2, Some(403))], "{:#?}", gist(&conclusion));
        assert!(attempts[0].obstacle.is_some() && attempts[1].obstacle.is_none());
        assert_eq!(ordinary_of(&conclusion).len(), 1);
    }
}

#[test]
fn heads_cut_by_the_snapshot_length_are_salvaged() {
    let kept = |side: Side, text: &str, kept: usize| {
        let from = if side == C { client() } else { server() };
        from.ack(0)
            .data(0, &text.as_bytes()[..kept])
            .cut((text.len() - kept) as u32)
    };
    let packets = [
        &opening()[..],
        &[kept(C, UPGRADE, 42), kept(S, NO, 30).ack(UPGRADE.len() as i64)],
    ]
    .concat();
    let attempts = attempts_of(&concluded(&packets, LIMITS));
    assert_eq!(attempts.len(), 1);
    let request = attempts[0].request.as_ref().unwrap();
    assert_eq!(
        (request.path(), request.complete, request.host()),
        ("/chat".into(), false, Some("a.example".into()))
    );
    let response = attempts[0].response.as_ref().unwrap();
    assert_eq!((response.head.status, response.complete), (403, false));
}

#[test]
fn tunnels_in_tunnels_do_not_fill_the_stack() {
    let connect = "CONNECT a:1 HTTP/1.1\r\n\r\n".repeat(2500);
    let accept = "HTTP/1.1 200 \r\n\r\n".repeat(3500);
    attempts(&[says(C, connect), says(S, accept)]);
    attempts(&[says(C, "PROXY UNKNOWN\r\n".repeat(4000))]);
}

#[test]
fn many_upgrades_in_one_go_take_no_longer_for_each() {
    let many = "GET / HTTP/1.1\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n".repeat(1200);
    let answers = "HTTP/1.1 403 \r\nContent-Length: 0\r\n\r\n".repeat(1200);
    let attempts = attempts(&[says(C, many), says(S, answers)]);
    assert_eq!(attempts.len(), 256);
    assert!(attempts.iter().all(|attempt| attempt.status() == Some(403)));
}

#[test]
fn damaged_dialogues_do_no_harm() {
    let mut random = Rng::with_seed(9);
    for _ in 0..3 {
        for mut words in dialogues() {
            for _ in 0..40 {
                let place = random.usize(..words.len());
                match &mut words[place] {
                    Word::Says(_, octets) if !octets.is_empty() => {
                        let place = random.usize(..octets.len());
                        octets[place] = random.u8(..);
                    }
                    _ => {}
                }
                if random.u8(0..8) == 0 {
                    let side = if random.bool() { C } else { S };
                    words.insert(place, Word::Lost(side, random.usize(1..300)));
                }
                let cut = ladder(&words, || random.usize(1..300));
                concluded(&cut, LIMITS);
            }
        }
    }
}

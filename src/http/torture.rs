//! Tests of both readers: however the octets are split or damaged, the events are the same and the time is linear.

use std::time::Instant;

use super::framing::Expectation;
use super::requests::{RequestEvent, Requests};
use super::responses::{ResponseEvent, Responses};

/// What a request reader tells of `octets`, fed as a whole.
pub(super) fn requests_of(octets: &[u8]) -> Vec<String> {
    requests_in(&[octets])
}

/// What a response reader tells of `octets`, fed as a whole; the responses answer `expectations`, in that order.
pub(super) fn responses_of(octets: &[u8], expectations: &[Expectation]) -> Vec<String> {
    responses_in(&[octets], expectations)
}

/// What a request reader tells of octets that come in these pieces.
fn requests_in(pieces: &[&[u8]]) -> Vec<String> {
    let (mut requests, mut told) = (Requests::new(), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            let (taken, event) = requests.read(piece);
            piece = &piece[taken..];
            let Some(event) = event else { break };
            tell_request(&mut told, event);
        }
        assert!(piece.is_empty() || requests.stopped());
    }
    requests
        .close()
        .into_iter()
        .for_each(|event| tell_request(&mut told, event));
    told
}

fn tell_request(told: &mut Vec<String>, event: RequestEvent) {
    match event {
        RequestEvent::Head(head) => told.push(format!("head {}", head.target.escape_ascii())),
        RequestEvent::Body(count) => match told
            .last_mut()
            .and_then(|last| last.strip_prefix("body ")?.parse::<usize>().ok())
        {
            Some(before) => *told.last_mut().unwrap() = format!("body {}", before + count),
            None => told.push(format!("body {count}")),
        },
        RequestEvent::End => told.push("end".to_owned()),
        RequestEvent::Broken(violation) => told.push(format!("broken {violation}")),
        RequestEvent::NotHttp(first) => {
            assert!(!first.is_empty() && first.len() <= 64);
            told.push("not http".to_owned());
        }
        RequestEvent::TruncatedHead(kept) => told.push(format!("truncated head {}", kept.escape_ascii())),
        RequestEvent::TruncatedBody => told.push("truncated body".to_owned()),
    }
}

/// What a response reader tells of octets that come in these pieces.
fn responses_in(pieces: &[&[u8]], expectations: &[Expectation]) -> Vec<String> {
    let (mut responses, mut told) = (Responses::new(), Vec::new());
    let mut expectations = expectations.iter().copied();
    expectations
        .next()
        .into_iter()
        .for_each(|expectation| responses.expect(expectation));
    for mut piece in pieces.iter().copied() {
        loop {
            let (taken, event) = responses.read(piece);
            piece = &piece[taken..];
            let Some(event) = event else { break };
            if matches!(&event, ResponseEvent::Head(head) if !head.is_interim()) {
                expectations
                    .next()
                    .into_iter()
                    .for_each(|expectation| responses.expect(expectation));
            }
            tell_response(&mut told, event);
        }
        assert!(piece.is_empty() || responses.stopped());
    }
    responses
        .close()
        .into_iter()
        .for_each(|event| tell_response(&mut told, event));
    told
}

fn tell_response(told: &mut Vec<String>, event: ResponseEvent<'_>) {
    match event {
        ResponseEvent::Head(head) => told.push(format!("head {}", head.status)),
        ResponseEvent::Body { octets } => {
            assert!(!octets.is_empty());
            let text = octets.escape_ascii().to_string();
            match told.last_mut().filter(|last| last.starts_with("body ")) {
                Some(last) => last.push_str(&text),
                None => told.push(format!("body {text}")),
            }
        }
        ResponseEvent::End => told.push("end".to_owned()),
        ResponseEvent::Broken(violation) => told.push(format!("broken {violation}")),
        ResponseEvent::NotHttp(first) => {
            assert!(!first.is_empty() && first.len() <= 64);
            told.push("not http".to_owned());
        }
        ResponseEvent::TruncatedHead(kept) => told.push(format!("truncated head {}", kept.escape_ascii())),
        ResponseEvent::TruncatedBody => told.push("truncated body".to_owned()),
    }
}

/// What comes after a broken chunk depends on where segments begin, and is left out.
fn up_to_broken(mut told: Vec<String>) -> Vec<String> {
    let end = told
        .iter()
        .position(|event| event.starts_with("broken"))
        .map_or(told.len(), |at| at + 1);
    told.truncate(end);
    told
}

const REQUESTS: &[u8] = b"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc\
    PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;e=f\r\nxy\r\n1\r\nz\r\n0\r\nT: r\r\n\r\n\
    GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n\x81\x85abcd12345GET / HTTP/1.1\r\n\r\n";

const RESPONSES: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\
    HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno\r\nHTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n\
    A\r\n0123456789\r\n0\r\n\r\nHTTP/1.0 404 Gone\r\n\r\nuntil the end";

const ANSWERED: [Expectation; 4] = [
    Expectation::Head,
    Expectation::Ordinary,
    Expectation::Upgrade,
    Expectation::Unknown,
];

#[test]
fn a_split_at_any_position_changes_nothing() {
    let requests = requests_of(REQUESTS);
    let responses = responses_of(RESPONSES, &ANSWERED);
    assert_eq!((requests.len(), responses.len()), (11, 13));
    for at in 0..=REQUESTS.len() {
        let (before, behind) = REQUESTS.split_at(at);
        assert_eq!(requests_in(&[before, behind]), requests, "split at {at}");
    }
    for at in 0..=RESPONSES.len() {
        let (before, behind) = RESPONSES.split_at(at);
        assert_eq!(responses_in(&[before, behind], &ANSWERED), responses, "split at {at}");
    }
    assert_eq!(requests_in(&REQUESTS.chunks(1).collect::<Vec<_>>()), requests);
    assert_eq!(
        responses_in(&RESPONSES.chunks(1).collect::<Vec<_>>(), &ANSWERED),
        responses
    );
}

#[test]
fn damaged_octets_give_the_same_events_however_split() {
    let mut random = fastrand::Rng::with_seed(17);
    for _ in 0..20_000 {
        let octets = damaged(REQUESTS, &mut random);
        let whole = up_to_broken(requests_of(&octets));
        assert_eq!(
            up_to_broken(requests_in(&pieces(&octets, &mut random))),
            whole,
            "{}",
            octets.escape_ascii()
        );
        let octets = damaged(RESPONSES, &mut random);
        let whole = up_to_broken(responses_of(&octets, &ANSWERED));
        assert_eq!(
            up_to_broken(responses_in(&pieces(&octets, &mut random), &ANSWERED)),
            whole,
            "{}",
            octets.escape_ascii()
        );
    }
}

#[test]
fn gaps_anywhere_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(19);
    for _ in 0..20_000 {
        let (mut requests, mut responses) = (Requests::new(), Responses::new());
        for piece in pieces(&damaged(REQUESTS, &mut random), &mut random) {
            let mut piece = piece;
            while let (taken, Some(_)) = requests.read(piece) {
                piece = &piece[taken..];
            }
            if random.u8(..4) == 0 {
                let missing = random.u64(..40);
                let ahead = requests.body_ahead();
                assert!(requests.gap(missing) || missing > ahead);
                assert!(!(requests.lost() && requests.inside_head()));
            }
        }
        for piece in pieces(&damaged(RESPONSES, &mut random), &mut random) {
            let mut piece = piece;
            while let (taken, Some(_)) = responses.read(piece) {
                piece = &piece[taken..];
            }
            if random.u8(..4) == 0 {
                responses.gap(*random.choice(&[0, 1, 2, 10, u64::MAX]).unwrap());
            }
        }
    }
}

#[test]
fn a_bridged_gap_ends_where_the_octets_would() {
    for (field, before, behind) in [
        ("Content-Length: 20", "", ""),
        ("Transfer-Encoding: chunked", "14\r\n", "\r\n0\r\n\r\n"),
    ] {
        for missing in 1..=20 {
            let mut responses = Responses::new();
            let mut ends = |mut octets: &[u8], gap: u64| {
                let mut ends = 0;
                while let (taken, Some(event)) = responses.read(octets) {
                    octets = &octets[taken..];
                    ends += usize::from(event == ResponseEvent::End);
                }
                (ends, octets.len(), responses.gap(gap))
            };
            let start = format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n{before}");
            assert!(ends(start.as_bytes(), missing).2);
            let rest = format!("{}{behind}", "x".repeat(20 - missing as usize));
            assert_eq!(ends(rest.as_bytes(), 0).0, 1, "{field} {missing}");
        }
    }
}

#[test]
fn a_mebibyte_of_single_hostile_octets_takes_less_than_a_second() {
    let lines = b"GET / HTTP/1.1\r\n"
        .iter()
        .copied()
        .chain(b"a:b\r\n".iter().copied().cycle());
    let long_line = b"GET /".iter().copied().chain(std::iter::repeat(b'x'));
    let no_line = b"word words ".iter().copied().chain(std::iter::repeat(b' '));
    let chunks = b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"
        .iter()
        .copied()
        .chain(b"1;a\r\nx\r\n".iter().copied().cycle());
    let many = b"HTTP/1.1 204 \r\n\r\n".iter().copied().cycle();
    let hostile: [Box<dyn Iterator<Item = u8>>; 5] = [
        Box::new(lines),
        Box::new(long_line),
        Box::new(no_line),
        Box::new(chunks),
        Box::new(many),
    ];
    for octets in hostile {
        let octets: Vec<u8> = octets.take(1 << 20).collect();
        let pieces: Vec<&[u8]> = octets.chunks(1).collect();
        let start = Instant::now();
        let told = requests_in(&pieces).len() + responses_in(&pieces, &[]).len();
        let mut lost = Requests::new();
        lost.resynchronise();
        pieces.iter().for_each(|piece| drop(lost.read(piece)));
        assert!(told > 0 && start.elapsed().as_secs_f64() < 1.0, "{:?}", start.elapsed());
    }
}

/// `octets` with a few changed, taken out, put in, repeated or cut off.
fn damaged(octets: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut octets = octets.to_vec();
    for _ in 0..random.usize(..6) {
        if octets.is_empty() {
            break;
        }
        let at = random.usize(..octets.len());
        match random.u8(..5) {
            0 => octets[at] = random.u8(..),
            1 => octets.insert(at, *random.choice(b"\r\n: 0A\0;").unwrap()),
            2 => drop(octets.remove(at)),
            3 => octets.truncate(at),
            _ => {
                let from = random.usize(..octets.len());
                let part = octets[from..]
                    .iter()
                    .copied()
                    .take(random.usize(..30))
                    .collect::<Vec<_>>();
                octets.splice(at..at, part);
            }
        }
    }
    octets
}

/// `octets` in a few pieces, some of them empty.
fn pieces<'a>(octets: &'a [u8], random: &mut fastrand::Rng) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = (0..random.usize(..8)).map(|_| random.usize(..=octets.len())).collect();
    cuts.extend([0, octets.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &octets[cut[0]..cut[1]]).collect()
}

//! Hostile TLS: lengths that lie, records over the limit, fragments of one octet, floods, secrets that fit nothing. Whatever comes,
//! what is held stays within a bound and the work follows the octets.

use std::sync::Arc;

use fastrand::Rng;

use super::{
    Facts, Handshake, KeyLog, Side,
    wire::{client_hello, client_hello_tls13, message, record, server_hello, server_hello_tls13},
};

/// What may be held of one connection: in either direction a record, a flight in the clear, one that was hidden and the search
/// after a gap, vectors that grow by doubling, and the facts.
const BOUND: usize = 2 * 2 * (16 + 256 + 256 + 32) * 1024 + 64 * 1024;

/// Who says what, or what is missing.
enum Word {
    Says(Side, Vec<u8>),
    Lacks(Side, u64),
}

use Word::{Lacks, Says};

/// Listens, in pieces of at most `piece` octets; gives the facts and the most that was held.
fn listen(mut handshake: Handshake, words: &[Word], piece: usize) -> (Facts, usize) {
    let mut held = 0;
    for word in words {
        match word {
            Says(side, octets) => {
                for (index, octets) in octets.chunks(piece).enumerate() {
                    handshake.read(*side, octets, |_| ());
                    // To ask each time would take longer than to read.
                    if index % 97 == 0 {
                        held = held.max(handshake.held());
                    }
                }
            }
            Lacks(side, missing) => drop(handshake.gap(*side, *missing, |_| ())),
        }
        held = held.max(handshake.held());
    }
    (handshake.into_facts(), held)
}

/// An observer with secrets for the connections of [`client_hello`], which are not the right ones.
fn with_secrets() -> Handshake {
    let random = "07".repeat(32);
    let mut text = format!("CLIENT_RANDOM {random} {}\n", "11".repeat(48));
    for label in [
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        text += &format!("{label} {random} {}\n", "22".repeat(48));
    }
    Handshake::with_secrets(Arc::new(KeyLog::parse(text.as_bytes())))
}

/// Hellos of TLS 1.2 with AES-128-GCM, RC4 and 3DES, and of TLS 1.3.
fn hellos() -> [(Vec<u8>, Vec<u8>); 4] {
    let tls12 = |suite| {
        let server = message(2, &server_hello([6; 32], suite, &[]));
        (message(1, &client_hello(&[])), server)
    };
    let tls13 = (
        message(1, &client_hello_tls13()),
        message(2, &server_hello_tls13(0x1302)),
    );
    [tls12(0xc02f), tls12(0x0005), tls12(0x000a), tls13]
}

#[test]
fn fragments_of_one_octet_are_read_like_any() {
    for (client, server) in hellos() {
        let small = |octets: &[u8]| {
            octets
                .iter()
                .flat_map(|octet| record(22, &[*octet]))
                .collect::<Vec<u8>>()
        };
        let words = [Says(Side::Client, small(&client)), Says(Side::Server, small(&server))];
        let (facts, held) = listen(Handshake::default(), &words, 1);
        assert!(facts.client_hello.is_some_and(|hello| hello.complete) && facts.server_hello.is_some());
        assert!(held < 64 * 1024, "{held}");
    }
}

#[test]
fn lengths_that_lie_are_survived() {
    let mut random = Rng::with_seed(21);
    for (client, server) in hellos() {
        for at in 1..client.len().min(200) {
            // Any length there may be: that of a message, a vector, an extension, a name.
            for lie in [0x00, 0x01, 0x7f, 0xff] {
                let mut lying = client.clone();
                lying[at] = lie;
                let words = [
                    Says(Side::Client, record(22, &lying)),
                    Says(Side::Server, record(22, &server)),
                    Says(Side::Client, record(22, &vec![lie; 300])),
                ];
                let (_, held) = listen(Handshake::default(), &words, random.usize(1..600));
                assert!(held < BOUND, "{held}");
            }
        }
    }
}

#[test]
fn records_over_the_limit_end_the_reading() {
    for (length, is_read) in [(0x4000, true), (0x4800, true), (0x4801, false), (0xffff, false)] {
        let mut huge = vec![23, 3, 3];
        huge.extend(u16::to_be_bytes(length));
        huge.extend(vec![0; usize::from(length)]);
        let words = [Says(
            Side::Server,
            [record(22, &message(0, &[])), huge, record(23, &[1; 30])].concat(),
        )];
        let (facts, held) = listen(Handshake::default(), &words, 1000);
        assert_eq!(
            facts.server.application_records,
            if is_read { 2 } else { 0 },
            "{length}"
        );
        assert!(held < BOUND, "{held}");
    }
}

#[test]
fn floods_hold_no_more_than_their_bound() {
    let certificate = message(11, &[&[0, 3, 0, 0, 2, 253][..], &[0x30; 765]].concat());
    let endless = [&[11, 0xff, 0xff, 0xff][..], &[7; 16_000]].concat();
    let floods = [
        record(22, &message(0, &[])).repeat(200_000),
        record(22, &message(0, &[]).repeat(4000)).repeat(100),
        record(22, &certificate).repeat(2000),
        [record(22, &endless), record(22, &[7; 16_000]).repeat(200)].concat(),
        [record(22, &[11, 3, 0xff, 0]), record(22, &[0]).repeat(400_000)].concat(),
        record(22, &[]).repeat(400_000),
        record(21, &[2, 40]).repeat(200_000),
        record(23, &[0; 17]).repeat(100_000),
        vec![22; 1 << 20],
    ];
    for (index, flood) in floods.into_iter().enumerate() {
        for (client, server) in hellos() {
            for observer in [Handshake::default(), with_secrets()] {
                let words = [
                    Says(Side::Client, record(22, &client)),
                    Says(Side::Server, record(22, &server)),
                    Says(Side::Client, flood.clone()),
                    Says(Side::Server, flood.clone()),
                    Lacks(Side::Server, 100_000),
                    Says(Side::Server, flood.clone()),
                ];
                let (facts, held) = listen(observer, &words, 1460);
                assert!(held < BOUND, "flood {index}: {held}");
                let kept = facts.alerts.len() + facts.anomalies.len() + facts.encrypted.len();
                assert!(kept < 100, "flood {index}: {kept}");
            }
        }
    }
}

/// Octets that could be records of the connection, none of which opens: after its patience the observer must try no more.
#[test]
fn secrets_that_fit_nothing_cost_little() {
    let mut random = Rng::with_seed(22);
    for (client, server) in hellos() {
        for length in [19, 100, 16_000] {
            let noise: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            let records = record(23, &noise).repeat((24 << 20) / (length + 5));
            let words = |gaps: bool| {
                let mut words = vec![
                    Says(Side::Client, record(22, &client)),
                    Says(Side::Server, record(22, &server)),
                ];
                for part in records.chunks(1 << 20) {
                    words.push(Says(Side::Server, part.to_vec()));
                    words.extend(gaps.then_some(Lacks(Side::Server, 77_777)));
                }
                words
            };
            for gaps in [false, true] {
                let words = words(gaps);
                let (facts, held) = listen(with_secrets(), &words, 1460);
                assert!(held < BOUND, "{held}");
                // Some 256 KiB of tries, and each takes 512 octets at least.
                assert!(
                    facts.server.unopened_records <= 600,
                    "{} of {length}",
                    facts.server.unopened_records
                );
            }
        }
    }
}

//! Random connections against a simple model, and segments made to break it.

use std::sync::Arc;

use fastrand::Rng;

use super::{
    Ended, Facts, GapCause, Limits, Side, Table,
    sample::{LIMITS, Packet, Told, client, server},
};

/// One packet on its way: how late it is captured, and whether it is.
struct Sent {
    due: usize,
    packet: Packet,
}

/// A random dialogue of two sides, cut into segments, repeated, reordered within a window and thinned out by the capture.
struct Story {
    packets: Vec<Packet>,
    /// What either side sent; `None` where no captured segment bore the octet.
    streams: [Vec<Option<u8>>; 2],
    lossless: bool,
}

impl Story {
    fn new(random: &mut Rng, lossless: bool) -> Self {
        let first = [random.u32(..), random.u32(..)].map(|any| match random.u8(0..3) {
            0 => any,
            _ => u32::MAX - any % 2000,
        });
        let from = |side: usize| if side == 0 { client() } else { server() }.first(first);
        let window = random.usize(0..6);
        let mut octets: [Vec<u8>; 2] = [b">".to_vec(), b"<".to_vec()];
        let mut captured: [Vec<bool>; 2] = [vec![], vec![]];
        let mut begun = [0; 2];
        let mut story = vec![from(0).syn(), from(1).syn().ack(0), from(0).ack(0)];
        story.iter_mut().for_each(|packet| packet.window = 1000);
        let mut sent: Vec<Sent> = Vec::new();
        for turn in 0..random.usize(1..60) {
            let side = usize::from(turn > 0 && random.bool());
            octets[side].extend((0..random.usize(0..50)).map(|_| random.alphanumeric() as u8));
            let end = octets[side].len();
            // Often the next octets, sometimes some again.
            let start = if random.u8(0..4) == 0 {
                random.usize(0..=begun[side])
            } else {
                begun[side]
            };
            if start == end {
                continue;
            }
            begun[side] = end;
            captured[side].resize(end, false);
            let other = begun[1 - side] as i64;
            let dropped = !lossless && random.u8(0..6) == 0;
            if !dropped {
                captured[side][start..end].fill(true);
                let packet = from(side).ack(other).data(start as i64, &octets[side][start..end]);
                let due = sent.len() + random.usize(0..=window);
                sent.push(Sent { due, packet });
            }
            if random.bool() {
                let due = sent.len() + window;
                let packet = from(1 - side).ack(end as i64).seq(other);
                sent.push(Sent { due, packet });
            }
        }
        sent.sort_by_key(|sent| sent.due);
        story.extend(sent.into_iter().map(|sent| sent.packet));
        // In the end all is acknowledged.
        let (client, server) = (begun[0] as i64, begun[1] as i64);
        story.push(from(0).ack(server).fin(client));
        story.push(from(1).ack(client + 1).fin(server));
        story.push(from(0).ack(server + 1).seq(client + 1));
        let streams = [0, 1].map(|side: usize| {
            let octets = octets[side].iter().take(begun[side]);
            octets
                .zip(&captured[side])
                .map(|(&octet, &captured)| captured.then_some(octet))
                .collect()
        });
        Story {
            packets: story,
            streams,
            lossless,
        }
    }

    fn check(&self, facts: &Facts, told: &Told) {
        for side in [Side::Client, Side::Server] {
            let expected = &self.streams[side as usize];
            let found = &told.streams[side as usize];
            assert_eq!(found.len(), expected.len(), "{side:?} {facts:#?}");
            for (found, expected) in found.iter().zip(expected) {
                // A hole may be given up before a late segment fills it, but no octet is made up.
                assert!(found == expected || found.is_none() && !self.lossless);
            }
            let missing = found.iter().filter(|octet| octet.is_none()).count() as u64;
            let data = facts.from(side).data.as_ref();
            assert_eq!(data.map_or(0, |data| data.missing), missing);
            assert_eq!(data.map_or(0, |data| data.conflicts.count()), 0);
            assert!(told.gaps.iter().all(|gap| gap.3 == GapCause::NotCaptured));
            assert_eq!(facts.from(side).acknowledged, expected.len() as u64);
        }
    }
}

/// Runs some stories at once through one table, numbering now and then.
fn run(random: &mut Rng, stories: &[Story]) -> Vec<(Arc<Facts>, Told)> {
    let mut table: Table<Told> = Table::new(LIMITS);
    let mut at = vec![0; stories.len()];
    let (mut number, mut next_stream) = (0, 0);
    let mut ended = Vec::new();
    let often = random.usize(1..20);
    let mut give_numbers = |table: &mut Table<Told>, ended: &mut Vec<_>| {
        let streams: Vec<u64> = (next_stream..).take(table.newcomers().len()).collect();
        next_stream += streams.len() as u64;
        ended.extend(table.number(&streams).map(Ended::told));
    };
    let mut order: Vec<usize> = (0..stories.len())
        .flat_map(|story| std::iter::repeat_n(story, stories[story].packets.len()))
        .collect();
    random.shuffle(&mut order);
    for story in order {
        let packet = Packet {
            port: 40_000 + story as u16,
            ..stories[story].packets[at[story]].clone()
        };
        at[story] += 1;
        number += 1;
        table.segment(&packet.segment(number));
        if random.usize(0..often) == 0 {
            give_numbers(&mut table, &mut ended);
        }
    }
    table.end_all();
    give_numbers(&mut table, &mut ended);
    assert_eq!(table.forgotten(), 0);
    ended
}

#[test]
fn random_dialogues_come_out_as_they_were_sent() {
    let mut random = Rng::with_seed(1);
    let (mut gaps, mut octets) = (0, 0);
    for round in 0..600 {
        let stories: Vec<Story> = (0..random.usize(1..6))
            .map(|_| Story::new(&mut random, round % 2 == 0))
            .collect();
        let ended = run(&mut random, &stories);
        assert_eq!(ended.len(), stories.len());
        let mut streams: Vec<u64> = ended.iter().map(|(facts, _)| facts.stream).collect();
        streams.sort_unstable();
        assert!(streams.iter().copied().eq(0..stories.len() as u64), "{streams:?}");
        for (facts, told) in &ended {
            stories[usize::from(facts.client.port) - 40_000].check(facts, told);
            gaps += told.gaps.len();
            octets += told.streams[0].len();
        }
    }
    assert!(gaps > 500 && octets > 100_000, "{gaps} {octets}");
}

/// Without reordering by the capture, exactly what was dropped is missing.
#[test]
fn exactly_what_was_dropped_is_missing() {
    let mut random = Rng::with_seed(2);
    let mut gaps = 0;
    for _ in 0..1000 {
        let mut story = Story::new(&mut random, false);
        // A segment that was sent again after a hole was given up does not count: take the first of each.
        let mut reached = [0; 2];
        story.packets.retain(|packet| {
            let (start, end) = (packet.sequence, packet.sequence + packet.octets.len() as i64);
            let reached = &mut reached[packet.side as usize];
            let keep = packet.octets.is_empty() || start >= *reached;
            *reached = end.max(*reached);
            keep
        });
        let mut expected: [Vec<Option<u8>>; 2] = story.streams.clone().map(|stream| vec![None; stream.len()]);
        for packet in &story.packets {
            for (offset, &octet) in (packet.sequence..).zip(&packet.octets) {
                expected[packet.side as usize][offset as usize] = Some(octet);
            }
        }
        let ended = run(&mut random, std::slice::from_ref(&story));
        for side in [0, 1] {
            let (found, expected) = (&ended[0].1.streams[side], &expected[side]);
            let wrong = found.iter().zip(expected).position(|(a, b)| a != b);
            assert_eq!((found.len(), wrong), (expected.len(), None));
        }
        gaps += ended[0].1.gaps.len();
    }
    assert!(gaps > 500, "{gaps}");
}

#[test]
fn hostile_segments_stay_within_bounds() {
    let limits = Limits {
        connections: 8,
        held_per_direction: 1024,
        held: 4096,
    };
    for seed in 0..40 {
        let mut random = Rng::with_seed(seed);
        let mut table: Table<Told> = Table::new(limits);
        let (mut ended, mut evicted, mut begun) = (0, 0, 0);
        for number in 1..4000 {
            let near = random.bool();
            let octets: Vec<u8> = (0..random.usize(0..80)).map(|_| random.u8(..)).collect();
            let packet = Packet {
                side: if random.bool() { Side::Client } else { Side::Server },
                port: random.u16(1..if seed % 2 == 0 { 30 } else { 4 }),
                flags: crate::packet::Flags(random.u16(..) & random.u16(..) & 0xfff),
                sequence: if near { random.i64(-2..3000) } else { random.i64(..) },
                acknowledgement: if near { random.i64(-2..3000) } else { random.i64(..) },
                window: random.u16(..) & random.u16(..),
                ttl: random.u8(..),
                interface: random.u32(0..3) / 2,
                options: octets.iter().copied().take(40).collect(),
                cut: if random.u8(0..9) == 0 { random.u32(..) } else { 0 },
                time: Some(match random.u8(0..50) {
                    0 => random.i64(..) / super::sample::MS,
                    _ => number as i64 * 1000,
                }),
                octets,
                ..client()
            };
            table.segment(&packet.segment(number));
            assert!(
                table.live() <= limits.connections && table.held() <= limits.held,
                "{}",
                table.held()
            );
            if random.u8(0..20) == 0 {
                let streams = vec![7; table.newcomers().len()];
                begun += streams.len();
                for (facts, _) in table.number(&streams).map(Ended::told) {
                    ended += 1;
                    evicted += u64::from(facts.evicted);
                }
            }
        }
        table.end_all();
        let streams = vec![7; table.newcomers().len()];
        begun += streams.len();
        for (facts, _) in table.number(&streams).map(Ended::told) {
            assert_eq!(facts.stream, 7);
            ended += 1;
            evicted += u64::from(facts.evicted);
        }
        assert_eq!((ended, evicted), (begun, table.forgotten()));
        assert_eq!((table.live(), table.held()), (0, 0));
        assert!(seed % 2 == 1 || evicted > 0);
    }
}

#[test]
fn a_flood_of_openings_leaves_nothing_behind() {
    let mut table: Table<Told> = Table::new(LIMITS);
    for number in 1..20_000u32 {
        let packet = client().first([number.wrapping_mul(77), 0]).syn().at(0);
        table.segment(&packet.segment(u64::from(number)));
        table.number(&[0]).for_each(drop);
    }
    assert_eq!((table.live(), table.places()), (1, (1, 1)));
}

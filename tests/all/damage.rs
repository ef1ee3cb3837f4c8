//! Damages captures: as a disk, a careless copy or an attacker would, and the same way each time.

use std::ops::Range;

use fastrand::Rng;

/// Lengths at which to cut a capture: all of the short ones, then ever fewer, and some just before its end.
pub(crate) fn cuts(length: usize, count: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = (0..count).map(|nth| nth * length / count.max(1)).collect();
    cuts.extend((0..count / 4).filter_map(|octets| length.checked_sub(octets + 1)));
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// A damaged copy.
pub(crate) fn damaged(octets: &[u8], random: &mut Rng) -> Vec<u8> {
    let records = records(octets);
    if records.len() < 2 || random.u8(..4) == 0 {
        return with_changes(octets, 0..octets.len(), random);
    }
    match random.u8(..4) {
        0 => reordered(octets, &records, random),
        // Most of the damage is done inside packets, where it gets past the reader of files.
        _ => {
            let mut copy = octets.to_vec();
            for _ in 0..random.usize(1..4) {
                let record = records[random.usize(..records.len())].clone();
                copy = if random.u8(..3) == 0 {
                    copy
                } else {
                    overwritten(copy, record, random)
                };
            }
            overwritten(copy, records[random.usize(..records.len())].clone(), random)
        }
    }
}

/// The octets that protocols care for most: bounds of lengths, flags and counts, delimiters.
const TELLING: [u8; 14] = [0, 1, 2, 4, 0x0a, 0x0d, 0x16, 0x20, 0x3a, 0x7e, 0x7f, 0x80, 0xfe, 0xff];

/// Overwrites some octets in `range`; no length changes.
fn overwritten(mut octets: Vec<u8>, range: Range<usize>, random: &mut Rng) -> Vec<u8> {
    for _ in 0..random.usize(1..6) {
        let Some(octet) = octets.get_mut(random.usize(range.clone())) else {
            continue;
        };
        *octet = match random.u8(..3) {
            0 => *octet ^ (1 << random.u8(..8)),
            1 => TELLING[random.usize(..TELLING.len())],
            _ => random.u8(..),
        };
    }
    octets
}

/// Overwrites, takes out or doubles octets in `range`.
fn with_changes(octets: &[u8], range: Range<usize>, random: &mut Rng) -> Vec<u8> {
    let mut copy = octets.to_vec();
    if range.is_empty() {
        return copy;
    }
    let at = random.usize(range.clone());
    let end = (at + random.usize(1..40)).min(octets.len());
    match random.u8(..4) {
        0 => drop(copy.drain(at..end)),
        1 => drop(copy.splice(at..at, octets[at..end].iter().copied())),
        _ => copy = overwritten(copy, range, random),
    }
    copy
}

/// Drops, doubles or moves whole packets.
fn reordered(octets: &[u8], records: &[Range<usize>], random: &mut Rng) -> Vec<u8> {
    let mut order: Vec<usize> = (0..records.len()).collect();
    for _ in 0..random.usize(1..6) {
        let (here, there) = (random.usize(..order.len()), random.usize(..order.len()));
        match random.u8(..3) {
            0 if order.len() > 1 => drop(order.remove(here)),
            1 => order.insert(there, order[here]),
            _ => order.swap(here, there),
        }
    }
    let mut copy = octets[..FILE_HEADER].to_vec();
    for index in order {
        let record = &records[index];
        copy.extend(&octets[record.start - RECORD_HEADER..record.end]);
    }
    copy
}

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Where the packets of a little-endian pcap file are; none if it is something else.
fn records(octets: &[u8]) -> Vec<Range<usize>> {
    let mut records = Vec::new();
    let word = |at: usize| {
        octets
            .get(at..at + 4)
            .map(|it| u32::from_le_bytes(it.try_into().unwrap()))
    };
    if !matches!(word(0), Some(0xa1b2_c3d4 | 0xa1b2_3c4d)) {
        return records;
    }
    let mut at = FILE_HEADER;
    while let Some(length) = word(at + 8) {
        let record = at + RECORD_HEADER..at + RECORD_HEADER + length as usize;
        at = record.end;
        if at > octets.len() {
            break;
        }
        if !record.is_empty() {
            records.push(record);
        }
    }
    records
}

#[test]
fn damage_is_done_and_the_same_each_time() {
    let mut capture = vec![0; FILE_HEADER];
    capture[..4].copy_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
    for length in [5_u8, 60, 0, 9] {
        capture.extend([0, 0, 0, 0, 0, 0, 0, 0, length, 0, 0, 0, length, 0, 0, 0]);
        capture.extend(std::iter::repeat_n(length, length.into()));
    }
    assert_eq!(records(&capture).len(), 3);
    let all = |seed| {
        let mut random = Rng::with_seed(seed);
        (0..200).map(|_| damaged(&capture, &mut random)).collect::<Vec<_>>()
    };
    assert_eq!(all(7), all(7));
    assert_ne!(all(7), all(8));
    let same = all(7).iter().filter(|copy| **copy == capture).count();
    assert!(same < 20, "{same} of 200 were not damaged");
    assert_eq!(cuts(8, 4), [0, 2, 4, 6, 7]);
}

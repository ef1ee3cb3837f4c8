//! The pcap format: a file header of 24 octets, and records (draft-ietf-opsawg-pcap).

use super::{LinkType, Time, anomaly::Trouble, chunk::FrameSpan, order::ByteOrder, reader::Next, summary::Tally};

/// A pcap file, as far as it is known from what was read of it.
pub(super) struct Pcap {
    order: ByteOrder,
    nanoseconds_per_unit: u32,
    /// How long the header of a record is: 16 octets, or 24 in the "modified" format.
    record_header: usize,
    /// The most octets that a frame may have.
    frame_limit: u32,
    file_header: Option<FileHeader>,
}

#[derive(Clone, Copy)]
struct FileHeader {
    link: LinkType,
    /// `u32::MAX` if nothing is cut.
    snap_length: u32,
    lengths: Lengths,
}

/// In what order a record tells its captured and its original length: old versions disagree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    /// The captured one is the smaller one.
    Unsure,
}

/// Octets of the file header.
const FILE_HEADER: usize = 24;

impl Pcap {
    /// A file that begins with these octets, if it is a pcap file.
    pub(super) fn recognise(head: &[u8], frame_limit: u32) -> Option<Self> {
        let magic = *head.first_chunk::<4>()?;
        [ByteOrder::Little, ByteOrder::Big].into_iter().find_map(|order| {
            let (nanoseconds_per_unit, record_header) = match order.u32(magic) {
                0xa1b2_c3d4 => (1_000, 16),
                0xa1b2_3c4d => (1, 16),
                0xa1b2_cd34 => (1_000, 24),
                _ => return None,
            };
            Some(Pcap {
                order,
                nanoseconds_per_unit,
                record_header,
                frame_limit,
                file_header: None,
            })
        })
    }

    /// How many decimal digits of a second its times have.
    pub(super) fn precision(&self) -> u8 {
        if self.nanoseconds_per_unit == 1 { 9 } else { 6 }
    }

    /// Hops from record to record of `octets`, from `at` on, as far as whole records go.
    pub(super) fn hop(&mut self, octets: &[u8], at: &mut usize, spans: &mut Vec<FrameSpan>, tally: &mut Tally) -> Next {
        let Some(header) = self.file_header else {
            return self.read_file_header(octets, at, tally);
        };
        let mut rest = octets.get(*at..).unwrap_or_default();
        let next = loop {
            let Some(record) = self.record(rest, header.lengths) else {
                break Next::Needs(self.record_header);
            };
            if record.captured > self.frame_limit {
                tally.note(
                    Trouble::NonsenseRecord {
                        captured: record.captured,
                    },
                    octets.len() - rest.len(),
                );
                break Next::Nothing;
            }
            let length = self.record_header + record.captured as usize;
            let Some(after) = rest.get(length..) else {
                break Next::Needs(length);
            };
            let start = octets.len() - rest.len() + self.record_header;
            let packet = tally.packet();
            if record.captured > header.snap_length {
                let trouble = Trouble::BeyondSnapLength {
                    captured: record.captured,
                    snap_length: header.snap_length,
                };
                tally.note(trouble, start - self.record_header);
            }
            tally.time(record.time);
            spans.push(FrameSpan {
                start: start as u32,
                captured: record.captured,
                original: record.original,
                link: header.link,
                interface: 0,
                time: Some(record.time),
                packet,
            });
            rest = after;
        };
        *at = octets.len() - rest.len();
        next
    }

    fn read_file_header(&mut self, octets: &[u8], at: &mut usize, tally: &mut Tally) -> Next {
        let octets = octets.get(*at..).unwrap_or_default();
        let Some([_, version, _, _, snap_length, link]) = self.order.words(octets) else {
            return Next::Needs(FILE_HEADER);
        };
        *at += FILE_HEADER;
        // The upper half of the word tells of the frame check sequence, and else is reserved.
        let link = LinkType(link as u16);
        tally.interface(link, snap_length, self.precision());
        let snap_length = if snap_length == 0 { u32::MAX } else { snap_length };
        let lengths = match self.order.halves(version) {
            [543, _] | [2, 0..3] => Lengths::OriginalFirst,
            [2, 3] => Lengths::Unsure,
            _ => Lengths::CapturedFirst,
        };
        self.file_header = Some(FileHeader {
            link,
            snap_length,
            lengths,
        });
        Next::Hop
    }

    #[inline]
    fn record(&self, octets: &[u8], lengths: Lengths) -> Option<Record> {
        if octets.len() < self.record_header {
            return None;
        }
        let [seconds, fraction, mut captured, mut original] = self.order.words(octets)?;
        if lengths == Lengths::OriginalFirst || lengths == Lengths::Unsure && captured > original {
            (captured, original) = (original, captured);
        }
        // At most 2^32 * (10^9 + 10^3), which is below 2^63.
        let time = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(self.nanoseconds_per_unit);
        Some(Record {
            time: Time(time),
            fraction,
            captured,
            original,
        })
    }

    /// The time of the last record of a file whose last octets are `tail`, if it can be found from the end.
    ///
    /// No mark tells where a record begins. But of all places at which one could, the first from which plausible records
    /// follow each other to the very end of the file is as good as sure: a place inside of a packet leads on to a true
    /// record or, nearly always, to nothing.
    pub(super) fn last_time(&self, tail: &[u8]) -> Option<Time> {
        let lengths = self.file_header?.lengths;
        let mut last = vec![None; tail.len() + 1]; // for each place: where the last record of the run from there begins
        for at in (0..tail.len()).rev() {
            let Some(record) = tail.get(at..).and_then(|rest| self.record(rest, lengths)) else {
                continue;
            };
            let plausible = record.captured <= record.original.min(self.frame_limit)
                && u64::from(record.fraction) * u64::from(self.nanoseconds_per_unit) < 1_000_000_000;
            let end = at + self.record_header + record.captured as usize;
            if plausible && end == tail.len() {
                last[at] = Some(at);
            } else if plausible && end < tail.len() {
                last[at] = last[end];
            }
        }
        let at = last.into_iter().flatten().next()?;
        self.record(tail.get(at..)?, lengths).map(|record| record.time)
    }
}

struct Record {
    time: Time,
    fraction: u32,
    captured: u32,
    original: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{
        Format, Limits,
        sample::{MICROSECONDS, MODIFIED, NANOSECONDS, PcapFile, Seen, read},
    };

    #[test]
    fn both_byte_orders_and_all_magic_numbers() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for (magic, unit, precision) in [(MICROSECONDS, 1000, 6), (NANOSECONDS, 1, 9), (MODIFIED, 1000, 6)] {
                let file = PcapFile::new(order, magic, 96, 113);
                let file = file
                    .record(0x8000_0001, 2, 1514, &[7; 96])
                    .record(0x8000_0002, 3, 5, &[8; 5]);
                let (seen, summary) = read(&file.octets, Limits::default()).unwrap();
                let frame = |number, seconds: i64, fraction: i32, original, octets| Seen {
                    number,
                    time: Some(Time(seconds * 1_000_000_000 + i64::from(fraction * unit))),
                    link: LinkType(113),
                    original,
                    octets,
                };
                let first = frame(1, 0x8000_0001, 2, 1514, vec![7; 96]);
                let second = frame(2, 0x8000_0002, 3, 5, vec![8; 5]);
                assert_eq!((summary.first, summary.last), (first.time, second.time));
                assert_eq!(seen, [first, second]);
                assert_eq!(
                    (summary.format, summary.precision, summary.packets),
                    (Format::Pcap, precision, 2)
                );
                assert_eq!(
                    (summary.snap_length, summary.link_types),
                    (Some(96), vec![LinkType(113)])
                );
                assert_eq!((summary.octets, summary.anomalies), (file.octets.len() as u64, vec![]));
            }
        }
    }

    #[test]
    fn the_word_of_the_link_type_tells_of_checksums_too() {
        let file = PcapFile::new(ByteOrder::Big, MICROSECONDS, 0, 0x1400_0001);
        let (_, summary) = read(&file.octets, Limits::default()).unwrap();
        assert_eq!((summary.link_types, summary.snap_length), (vec![LinkType(1)], None));
    }

    #[test]
    fn old_versions_tell_the_lengths_the_other_way_round() {
        // What `record` writes first is the length of the data.
        let swapped = |version| {
            let mut file = PcapFile::of_version(ByteOrder::Little, MICROSECONDS, version, 0, 1);
            for number in [1, 2, 9, 3] {
                file.octets.extend(u32::to_le_bytes(number));
            }
            file.octets.extend([5; 3]);
            let (seen, summary) = read(&file.octets, Limits::default()).unwrap();
            (
                seen.first().map(|seen| (seen.original, seen.octets.len())),
                summary.anomalies.len(),
            )
        };
        assert_eq!(swapped([2, 2]), (Some((9, 3)), 0));
        assert_eq!(swapped([543, 0]), (Some((9, 3)), 0));
        assert_eq!(swapped([2, 3]), (Some((9, 3)), 0));
        assert_eq!(swapped([2, 4]), (None, 1));
        let in_order = PcapFile::of_version(ByteOrder::Little, MICROSECONDS, [2, 3], 0, 1).record(1, 2, 9, &[5; 3]);
        assert_eq!(read(&in_order.octets, Limits::default()).unwrap().0[0].original, 9);
    }

    #[test]
    fn a_nonsense_record_ends_the_reading() {
        let file = PcapFile::new(ByteOrder::Little, MICROSECONDS, 0, 1).record(1, 0, 3, &[1; 3]);
        let good = file.octets.len() as u64;
        let mut file = file.record(2, 0, 200, &[2; 200]);
        file.octets.resize(10_000, 0);
        let (seen, summary) = read(
            &file.octets,
            Limits {
                frame: 199,
                ..Limits::default()
            },
        )
        .unwrap();
        assert_eq!((seen.len(), summary.packets, summary.octets), (1, 1, good));
        let anomaly = &summary.anomalies[0];
        assert_eq!(
            (&anomaly.trouble, anomaly.offset),
            (&Trouble::NonsenseRecord { captured: 200 }, good)
        );
    }

    #[test]
    fn a_record_beyond_the_snapshot_length_is_read_whole() {
        let file = PcapFile::new(ByteOrder::Little, MICROSECONDS, 4, 1)
            .record(1, 0, 4, &[1; 4])
            .record(2, 0, 9, &[2; 9]);
        let (seen, summary) = read(&file.octets, Limits::default()).unwrap();
        assert_eq!(seen[1].octets, [2; 9]);
        assert_eq!(
            summary.anomalies[0].to_string(),
            "Packet 2 holds 9 octets although the snapshot length is 4; it is read whole."
        );
    }

    #[test]
    fn a_cut_file_header_is_a_cut_capture() {
        let file = PcapFile::new(ByteOrder::Little, MICROSECONDS, 4, 1);
        let (seen, summary) = read(&file.octets[..10], Limits::default()).unwrap();
        assert_eq!(
            (seen.len(), summary.octets, &summary.anomalies[0].trouble),
            (0, 10, &Trouble::CutShort)
        );
    }
}

//! The pcapng format: sections of blocks (draft-ietf-opsawg-pcapng).

use pcap_parser::{
    OptionCode, PcapNGOption, parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_interfacestatisticsblock_be, parse_interfacestatisticsblock_le, parse_sectionheaderblock,
};

use super::{
    LinkType, Time, anomaly::Trouble, chunk::FrameSpan, clock::Clock, order::ByteOrder, reader::Next, summary::Tally,
};

/// A pcapng file, as far as it is known from what was read of it.
///
/// The fields of packets are read here, and blocks with options by pcap-parser, which gets exactly one block at a time: so
/// what it finds incomplete is malformed. Its own readers would swallow the rest of the file in that case.
pub(super) struct Pcapng {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// Drops in the sections before this one.
    dropped: Option<u64>,
    /// The most octets that a frame may have.
    frame_limit: u32,
}

#[derive(Clone, Copy)]
struct Interface {
    link: LinkType,
    /// `u32::MAX` if nothing is cut.
    snap_length: u32,
    clock: Clock,
    dropped: Option<u64>,
}

/// A block of `octets`, the length of which its header tells.
#[derive(Clone, Copy)]
struct Block<'a> {
    kind: u32,
    octets: &'a [u8],
    /// Where it begins among the octets over which we hop.
    at: usize,
}

/// The fields of a packet, whatever kind of block it is in.
struct Packet {
    interface: u32,
    /// `None` in simple packet blocks.
    ticks: Option<u64>,
    captured: u32,
    original: u32,
    /// Where in the block its octets begin.
    data: usize,
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
/// Blocks that we do not read but Wireshark counts among its frames: systemd journal entries, custom blocks to be copied and
/// not, and three versions of Sysdig events.
const COUNTED: [u32; 6] = [9, 0x0bad, 0x4000_0bad, 0x0204, 0x0216, 0x0221];

/// The most octets of a block of options, and of a packet's block beyond its frame: 4 GiB are possible, but options are small,
/// and each of them costs ten times its octets while it is read.
const OPTIONS_LIMIT: u32 = 1 << 20;

/// The most interfaces of a section: as many as an obsolete packet block can name. Real captures have some dozens.
const INTERFACES: usize = 1 << 16;

/// What stands before a block's body, and after it.
const BLOCK_HEADER: usize = 8;
const BLOCK_TRAILER: usize = 4;

impl Pcapng {
    /// A file that begins with these octets, if it is a pcapng file: a section header with its byte-order magic.
    pub(super) fn recognise(head: &[u8], frame_limit: u32) -> Option<Self> {
        let order = section_order(head)?;
        Some(Pcapng {
            order,
            interfaces: Vec::new(),
            dropped: None,
            frame_limit,
        })
    }

    /// How many packets the capturing machine dropped, if any section tells.
    pub(super) fn dropped(&self) -> Option<u64> {
        let of_interfaces = self.interfaces.iter().filter_map(|interface| interface.dropped);
        self.dropped
            .into_iter()
            .chain(of_interfaces)
            .reduce(u64::saturating_add)
    }

    /// Hops from block to block of `octets`, from `at` on, as far as whole blocks go.
    pub(super) fn hop(&mut self, octets: &[u8], at: &mut usize, spans: &mut Vec<FrameSpan>, tally: &mut Tally) -> Next {
        loop {
            let rest = octets.get(*at..).unwrap_or_default();
            if rest.starts_with(&SECTION_HEADER.to_be_bytes())
                && let Err(next) = self.begin_section(rest, *at, tally)
            {
                return next;
            }
            let Some([kind, length]) = self.order.words(rest) else {
                return Next::Needs(BLOCK_HEADER);
            };
            let Some(padded) = length.checked_next_multiple_of(4).filter(|_| length >= 12) else {
                tally.note(Trouble::BadBlockLength { kind, length }, *at);
                return Next::Nothing;
            };
            if !is_read(kind) {
                if COUNTED.contains(&kind) {
                    tally.packet();
                }
                return Next::Skip(padded.into());
            }
            if padded > self.limit(kind) {
                if is_packet(kind) {
                    tally.packet();
                }
                tally.note(Trouble::BlockTooLong { kind, length }, *at);
                return Next::Skip(padded.into());
            }
            let Some(block) = rest.get(..padded as usize) else {
                return Next::Needs(padded as usize);
            };
            let block = Block {
                kind,
                octets: block,
                at: *at,
            };
            self.read(block, spans, tally);
            self.check_trailer(block, length, tally);
            *at += padded as usize;
        }
    }

    /// The most octets that a block may have to be read.
    fn limit(&self, kind: u32) -> u32 {
        match kind {
            SECTION_HEADER | INTERFACE_DESCRIPTION | INTERFACE_STATISTICS => OPTIONS_LIMIT,
            _ => self.frame_limit.saturating_add(OPTIONS_LIMIT),
        }
    }

    /// A section has its own byte order and its own interfaces. Does no harm if it is told of one section twice.
    fn begin_section(&mut self, header: &[u8], at: usize, tally: &mut Tally) -> Result<(), Next> {
        if header.len() < 12 {
            return Err(Next::Needs(12));
        }
        let Some(order) = section_order(header) else {
            tally.note(Trouble::BadSectionHeader, at);
            return Err(Next::Nothing);
        };
        self.order = order;
        self.dropped = self.dropped();
        self.interfaces.clear();
        Ok(())
    }

    #[inline]
    fn read(&mut self, block: Block<'_>, spans: &mut Vec<FrameSpan>, tally: &mut Tally) {
        let read = match block.kind {
            ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => self.read_packet(block, spans, tally),
            SECTION_HEADER => read_section_header(block, tally),
            INTERFACE_DESCRIPTION => self.read_interface(block, tally),
            INTERFACE_STATISTICS => self.read_statistics(block),
            _ => self.read_secrets(block, tally),
        };
        if read.is_none() {
            tally.note(Trouble::MalformedBlock { kind: block.kind }, block.at);
        }
    }

    /// `None` if the block is too short for its fields.
    #[inline]
    fn read_packet(&self, block: Block<'_>, spans: &mut Vec<FrameSpan>, tally: &mut Tally) -> Option<()> {
        let id = tally.packet();
        let packet = self.packet(block)?;
        let Some(interface) = self.interfaces.get(packet.interface as usize) else {
            tally.note(
                Trouble::UnknownInterface {
                    interface: packet.interface,
                },
                block.at,
            );
            return Some(());
        };
        let room = block.octets.len() - packet.data - BLOCK_TRAILER;
        let captured = match packet.ticks {
            Some(_) => packet.captured,
            // A simple packet block does not tell (section 4.4).
            None => packet.original.min(interface.snap_length).min(room as u32),
        };
        if captured as usize > room {
            tally.note(Trouble::Overrun { captured }, block.at);
            return Some(());
        }
        if captured > interface.snap_length {
            tally.note(
                Trouble::BeyondSnapLength {
                    captured,
                    snap_length: interface.snap_length,
                },
                block.at,
            );
        }
        let time = packet.ticks.and_then(|ticks| interface.clock.time(ticks));
        match time {
            Some(time) => tally.time(time),
            None if packet.ticks.is_some() => tally.note(Trouble::ImpossibleTime, block.at),
            None => {}
        }
        spans.push(FrameSpan {
            start: (block.at + packet.data) as u32,
            captured,
            original: packet.original,
            link: interface.link,
            // No more interfaces are remembered than this can number.
            interface: packet.interface as u16,
            time,
            packet: id,
        });
        Some(())
    }

    /// The fields of a packet, in the three kinds of blocks: sections 4.3, 4.4 and appendix A.
    #[inline]
    fn packet(&self, block: Block<'_>) -> Option<Packet> {
        let data = if block.kind == SIMPLE_PACKET { 12 } else { 28 };
        if block.octets.len() < data + BLOCK_TRAILER {
            return None;
        }
        if block.kind == SIMPLE_PACKET {
            let [_, _, original] = self.order.words(block.octets)?;
            return Some(Packet {
                interface: 0,
                ticks: None,
                captured: original,
                original,
                data,
            });
        }
        let [_, _, interface, high, low, captured, original] = self.order.words(block.octets)?;
        let interface = match block.kind {
            // Followed by a count of drops.
            OBSOLETE_PACKET => self.order.halves(interface)[0].into(),
            _ => interface,
        };
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        Some(Packet {
            interface,
            ticks,
            captured,
            original,
            data,
        })
    }

    fn read_interface(&mut self, block: Block<'_>, tally: &mut Tally) -> Option<()> {
        let [_, _, link, snap_length] = self.order.words(block.octets)?;
        let link = LinkType(self.order.halves(link)[0]);
        let parsed = match self.order {
            ByteOrder::Little => parse_interfacedescriptionblock_le(block.octets),
            ByteOrder::Big => parse_interfacedescriptionblock_be(block.octets),
        };
        // Without options it is still an interface, and those after it keep their numbers.
        let clock = parsed
            .as_ref()
            .map_or(Clock::default(), |(_, parsed)| self.clock(&parsed.options));
        if self.interfaces.len() == INTERFACES {
            tally.note(Trouble::TooManyInterfaces, block.at);
            return Some(());
        }
        tally.interface(link, snap_length, clock.digits());
        let snap_length = if snap_length == 0 { u32::MAX } else { snap_length };
        self.interfaces.push(Interface {
            link,
            snap_length,
            clock,
            dropped: None,
        });
        parsed.ok().map(|_| ())
    }

    fn clock(&self, options: &[PcapNGOption<'_>]) -> Clock {
        let resolution = option::<1>(options, OptionCode::IfTsresol).map_or(6, |[resolution]| resolution);
        let offset = option(options, OptionCode::IfTsoffset).map_or(0, |offset| self.order.u64(offset) as i64);
        Clock::new(resolution, offset)
    }

    /// Counters grow, so the last block of an interface tells all (section 4.6).
    fn read_statistics(&mut self, block: Block<'_>) -> Option<()> {
        let parsed = match self.order {
            ByteOrder::Little => parse_interfacestatisticsblock_le(block.octets),
            ByteOrder::Big => parse_interfacestatisticsblock_be(block.octets),
        };
        let (_, statistics) = parsed.ok()?;
        let dropped = option(&statistics.options, OptionCode::IsbIfDrop).map(|dropped| self.order.u64(dropped));
        let interface = self.interfaces.get_mut(usize::try_from(statistics.if_id).ok()?)?;
        // All ones is how some programs write that they do not know.
        interface.dropped = dropped.filter(|&dropped| dropped < u64::MAX).or(interface.dropped);
        Some(())
    }

    /// Section 4.7. Without pcap-parser, which would make a list of the options of a block of any length.
    fn read_secrets(&self, block: Block<'_>, tally: &mut Tally) -> Option<()> {
        let [_, _, kind, length] = self.order.words(block.octets)?;
        let body = block.octets.get(16..block.octets.len() - BLOCK_TRAILER)?;
        tally.secrets(kind, body.get(..usize::try_from(length).ok()?)?, block.at);
        Some(())
    }

    #[inline]
    fn check_trailer(&self, block: Block<'_>, first: u32, tally: &mut Tally) {
        let second = self.order.last_word(block.octets).unwrap_or_default();
        if second != first && second as usize != block.octets.len() {
            tally.note(Trouble::MismatchedLengths { first, second }, block.at);
        }
    }

    /// The time of the last packet of a file whose last octets are `tail`, if it can be found from the end: each block ends
    /// with its length.
    pub(super) fn last_time(&self, mut tail: &[u8]) -> Option<Time> {
        loop {
            let length = usize::try_from(self.order.last_word(tail)?).ok()?;
            let start = tail.len().checked_sub(length)?;
            let (before, octets) = tail.split_at_checked(start)?;
            let [kind, first] = self.order.words(octets)?;
            if first as usize != length || length < BLOCK_HEADER + BLOCK_TRAILER || kind == SECTION_HEADER {
                return None; // before a section header the byte order may be another
            }
            if is_packet(kind) {
                let packet = self.packet(Block { kind, octets, at: 0 })?;
                return self
                    .interfaces
                    .get(packet.interface as usize)?
                    .clock
                    .time(packet.ticks?);
            }
            tail = before;
        }
    }
}

/// The byte order that a section header tells.
fn section_order(header: &[u8]) -> Option<ByteOrder> {
    let (kind, rest) = header.split_first_chunk::<4>()?;
    let magic = rest.get(4..)?.first_chunk::<4>()?;
    let orders = [ByteOrder::Little, ByteOrder::Big];
    orders
        .into_iter()
        .find(|order| order.u32(*kind) == SECTION_HEADER && order.u32(*magic) == 0x1a2b_3c4d)
}

fn read_section_header(block: Block<'_>, tally: &mut Tally) -> Option<()> {
    let (_, header) = parse_sectionheaderblock(block.octets).ok()?;
    let (major, minor) = (header.major_version, header.minor_version);
    // 1.2 was written by mistake and is the same as 1.0 (section 4.1).
    if (major, minor) != (1, 0) && (major, minor) != (1, 2) {
        tally.note(Trouble::SectionVersion { major, minor }, block.at);
    }
    Some(())
}

/// The value of an option of exactly `N` octets.
fn option<const N: usize>(options: &[PcapNGOption<'_>], code: OptionCode) -> Option<[u8; N]> {
    let option = options.iter().find(|option| option.code == code)?;
    option.as_bytes().ok()?.try_into().ok()
}

fn is_packet(kind: u32) -> bool {
    matches!(kind, ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET)
}

fn is_read(kind: u32) -> bool {
    is_packet(kind)
        || matches!(
            kind,
            SECTION_HEADER | INTERFACE_DESCRIPTION | INTERFACE_STATISTICS | DECRYPTION_SECRETS
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{
        CaptureFile, Format, Limits,
        sample::{self, PcapngFile, Seen},
    };

    const NOW: u64 = 1_700_000_000_000_000; // microseconds

    fn read(file: PcapngFile) -> (Vec<Seen>, CaptureFile) {
        sample::read(&file.octets, Limits::default()).unwrap()
    }

    fn troubles(file: &CaptureFile) -> Vec<Trouble> {
        file.anomalies.iter().map(|anomaly| anomaly.trouble.clone()).collect()
    }

    fn microseconds(ticks: u64) -> Option<Time> {
        Some(Time(ticks as i64 * 1000))
    }

    #[test]
    fn three_kinds_of_packets_in_both_byte_orders() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let file = PcapngFile::new(order).interface(1, 0, &[]).interface(113, 100, &[]);
            let file = file
                .packet(1, NOW, 200, &[1; 99])
                .simple_packet(6, &[2; 6])
                .obsolete_packet(1, NOW + 1, 7, &[3; 7]);
            let octets = file.octets.len() as u64;
            let (seen, summary) = read(file);
            let frame = |number, time, link, original, octets| Seen {
                number,
                time,
                link,
                original,
                octets,
            };
            assert_eq!(
                seen,
                [
                    frame(1, microseconds(NOW), LinkType(113), 200, vec![1; 99]),
                    frame(2, None, LinkType(1), 6, vec![2; 6]),
                    frame(3, microseconds(NOW + 1), LinkType(113), 7, vec![3; 7]),
                ]
            );
            assert_eq!(
                (summary.format, summary.precision, summary.octets),
                (Format::Pcapng, 6, octets)
            );
            assert_eq!(summary.link_types, [LinkType(1), LinkType(113)]);
            assert_eq!((summary.snap_length, summary.dropped), (Some(100), None));
            assert_eq!(
                (summary.first, summary.last),
                (microseconds(NOW), microseconds(NOW + 1))
            );
            assert_eq!(summary.anomalies, []);
        }
    }

    #[test]
    fn sections_have_their_own_byte_order_and_interfaces() {
        let file = PcapngFile::new(ByteOrder::Little)
            .interface(1, 0, &[])
            .packet(0, NOW, 1, &[1]);
        let file = file
            .section(ByteOrder::Big)
            .interface(101, 0, &[])
            .packet(0, NOW, 1, &[2]);
        let file = file
            .section(ByteOrder::Little)
            .packet(0, NOW, 1, &[3])
            .interface(113, 0, &[])
            .packet(0, NOW, 1, &[4]);
        let (seen, summary) = read(file);
        let links: Vec<(u64, u16)> = seen.iter().map(|seen| (seen.number, seen.link.0)).collect();
        assert_eq!(links, [(1, 1), (2, 101), (4, 113)]);
        assert_eq!(
            (summary.packets, troubles(&summary)),
            (4, vec![Trouble::UnknownInterface { interface: 0 }])
        );
    }

    #[test]
    fn clocks_differ_between_interfaces() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let back = sample::u64(order, -3600_i64 as u64);
            let file = PcapngFile::new(order)
                .interface(1, 0, &[(2, b"eth0"), (9, &[9])])
                .interface(1, 0, &[(9, &[0x80 | 10]), (14, &back)])
                .interface(1, 0, &[(9, &[0])]);
            let file = file.packet(0, 1_700_000_000_000_000_001, 0, &[]);
            let file = file
                .packet(1, 1_700_000_000 * 1024 + 512, 0, &[])
                .packet(2, 1_700_000_000, 0, &[]);
            let (seen, summary) = read(file);
            let times: Vec<i64> = seen.iter().filter_map(|seen| seen.time).map(|time| time.0).collect();
            assert_eq!(
                times,
                [
                    1_700_000_000_000_000_001,
                    1_699_996_400_500_000_000,
                    1_700_000_000_000_000_000
                ]
            );
            assert_eq!((summary.precision, summary.anomalies), (9, vec![]));
        }
    }

    #[test]
    fn simple_packets_are_bounded_by_the_snapshot_length_and_the_block() {
        let file = PcapngFile::new(ByteOrder::Little).interface(1, 5, &[]);
        let (seen, summary) = read(file.simple_packet(1000, &[1; 8]).simple_packet(3, &[1; 3]));
        assert_eq!((seen[0].original, seen[0].octets.len()), (1000, 5));
        assert_eq!((seen[1].original, seen[1].octets.len()), (3, 3));
        let file = PcapngFile::new(ByteOrder::Little).interface(1, 0, &[]);
        assert_eq!(read(file.simple_packet(1000, &[1; 8])).0[0].octets.len(), 8);
        assert_eq!(summary.anomalies, []);
    }

    #[test]
    fn other_blocks_are_skipped_and_some_of_them_counted() {
        let mut file = PcapngFile::new(ByteOrder::Little).interface(1, 0, &[]);
        for kind in COUNTED.into_iter().chain([4, 7, 0x8000_0001, 0x7fff_ffff]) {
            file = file.block(kind, &vec![0xff; 5000]);
        }
        let file = file.packet(0, NOW, 1, &[1]);
        let (seen, summary) = sample::read(
            &file.octets,
            Limits {
                chunk: 300,
                ..Limits::default()
            },
        )
        .unwrap();
        assert_eq!((seen[0].number, summary.packets, summary.anomalies), (7, 7, vec![]));
    }

    #[test]
    fn drops_are_those_of_the_last_statistics_of_each_interface() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let number = |number| sample::u64(order, number);
            let file = PcapngFile::new(order).interface(1, 0, &[]).interface(1, 0, &[]);
            let file = file
                .statistics(0, &[(4, &number(99)), (5, &number(3))])
                .statistics(1, &[(5, &number(10))]);
            let file = file
                .statistics(0, &[(5, &number(5))])
                .statistics(1, &[(5, &number(u64::MAX))]);
            let file = file
                .section(order)
                .interface(1, 0, &[])
                .statistics(0, &[(5, &number(100))]);
            assert_eq!(read(file).1.dropped, Some(115));
        }
    }

    #[test]
    fn secrets_come_without_their_padding() {
        let file = PcapngFile::new(ByteOrder::Big)
            .secrets(0x544c_534b, b"CLIENT_RANDOM 1")
            .secrets(0x5747_4b4c, b"xy");
        let (_, summary) = read(file);
        let secrets: Vec<_> = summary
            .secrets
            .iter()
            .map(|secrets| (secrets.kind, secrets.octets.as_slice()))
            .collect();
        assert_eq!(secrets, [(0x544c_534b, &b"CLIENT_RANDOM 1"[..]), (0x5747_4b4c, b"xy")]);
    }

    #[test]
    fn a_packet_longer_than_its_block_is_left_out_but_counted() {
        let file = PcapngFile::new(ByteOrder::Little).interface(1, 0, &[]);
        let at = file.octets.len();
        let mut file = file.packet(0, NOW, 8, &[1; 8]).packet(0, NOW, 8, &[2; 8]);
        file.octets[at + 20] = 9; // captured
        let (seen, summary) = read(file);
        assert_eq!((seen[0].number, seen[0].octets[0]), (2, 2));
        assert_eq!(troubles(&summary), [Trouble::Overrun { captured: 9 }]);
    }

    #[test]
    fn lengths_that_lie() {
        let start = || {
            PcapngFile::new(ByteOrder::Little)
                .interface(1, 0, &[])
                .packet(0, NOW, 4, &[1; 4])
        };
        let at = start().octets.len();
        let with = |place: usize, value: u8| {
            let mut file = start().packet(0, NOW, 4, &[2; 4]).packet(0, NOW, 4, &[3; 4]);
            file.octets[at + place] = value;
            let (seen, summary) = read(file);
            (seen.len(), troubles(&summary))
        };
        assert_eq!(with(4, 11), (1, vec![Trouble::BadBlockLength { kind: 6, length: 11 }]));
        assert_eq!(
            with(32, 8),
            (3, vec![Trouble::MismatchedLengths { first: 36, second: 8 }])
        );
        // A length without the padding is one that some programs write.
        let file = start().packet(0, NOW, 3, &[2; 3]);
        let (mut octets, end) = (file.octets.clone(), file.octets.len());
        octets[at + 4] -= 1;
        octets[end - 4] -= 1;
        let (seen, summary) = sample::read(&octets, Limits::default()).unwrap();
        assert_eq!((seen.len(), summary.anomalies), (2, vec![]));
    }

    #[test]
    fn a_block_too_long_is_passed_over() {
        let limits = Limits {
            frame: 100,
            ..Limits::default()
        };
        let long = vec![1; OPTIONS_LIMIT as usize + 200];
        let file = PcapngFile::new(ByteOrder::Little)
            .interface(1, 0, &[])
            .packet(0, NOW, 1, &long)
            .packet(0, NOW, 1, &[2]);
        let (seen, summary) = sample::read(&file.octets, limits).unwrap();
        assert_eq!((seen[0].number, seen[0].octets.as_slice()), (2, &[2][..]));
        assert_eq!(
            troubles(&summary),
            [Trouble::BlockTooLong {
                kind: 6,
                length: long.len() as u32 + 32
            }]
        );
    }

    #[test]
    fn malformed_blocks_are_told_and_passed_over() {
        let order = ByteOrder::Little;
        let file = PcapngFile::new(order)
            .block(1, &[1, 0, 0])
            .block(6, &[0; 16])
            .block(5, &[0; 4])
            .block(10, &[9; 8]);
        let (seen, summary) = read(file.block(3, &[]));
        assert_eq!((seen.len(), summary.packets, summary.anomalies[0].repeats), (0, 2, 4));
        assert_eq!(troubles(&summary), [Trouble::MalformedBlock { kind: 1 }]);
    }

    #[test]
    fn a_section_header_without_a_byte_order_ends_the_reading() {
        let file = PcapngFile::new(ByteOrder::Little)
            .interface(1, 0, &[])
            .packet(0, NOW, 1, &[1]);
        let file = file.block(SECTION_HEADER, &[0; 16]).packet(0, NOW, 1, &[1]);
        let (seen, summary) = read(file);
        assert_eq!((seen.len(), troubles(&summary)), (1, vec![Trouble::BadSectionHeader]));
    }

    #[test]
    fn interfaces_are_bounded() {
        let mut file = PcapngFile::new(ByteOrder::Little);
        for number in 0..=INTERFACES {
            file = file.interface(number as u16, 0, &[]);
        }
        let (_, summary) = read(file);
        assert_eq!(troubles(&summary), [Trouble::TooManyInterfaces]);
        assert_eq!(summary.link_types.len(), 64);
    }

    #[test]
    fn an_impossible_time_is_unknown() {
        let file = PcapngFile::new(ByteOrder::Little)
            .interface(1, 0, &[])
            .packet(0, u64::MAX, 1, &[1]);
        let (seen, summary) = read(file);
        assert_eq!(
            (seen[0].time, troubles(&summary)),
            (None, vec![Trouble::ImpossibleTime])
        );
    }
}

//! Puts IP fragments together again, within bounds.

use std::collections::BTreeMap;
use std::net::IpAddr;

use etherparse::IpNumber;

use super::captured::Captured;
use super::decode::{Origin, carried};
use super::ip::Ip;
use super::{Decoded, Domain, Fragment, Skip};
use crate::capture::Time;

/// Datagrams under way at once; a network in order has a handful.
const MAX_DATAGRAMS: usize = 1024;
/// Pieces of one datagram: enough for an Ethernet frame's worth in the smallest possible fragments, of eight octets, and for
/// the longest datagram over any link of today.
const MAX_PIECES: usize = 256;
/// Octets held for all datagrams together, with what it costs to hold them.
const MAX_HELD: usize = 16 << 20;
/// What one piece costs besides its octets: about a node's share and an allocation.
const PIECE_COST: usize = 64;
/// How long fellows are waited for, by the capture's clock (RFC 8200 section 4.5; RFC 791 leaves it to the TTL).
const PATIENCE: u64 = 60_000_000_000;
/// The longest payload that a datagram can have: RFC 8200 section 4.5 discards what would reach beyond.
const MAX_LENGTH: u32 = 65_535;

/// The datagrams of which some fragments were seen, but not all.
///
/// Of octets that came twice the first count. What is forgotten is what was begun first.
#[derive(Debug, Default)]
pub struct Fragments {
    under_way: BTreeMap<DatagramId, Partial>,
    /// The same in the order of their first fragments.
    order: BTreeMap<u64, DatagramId>,
    begun: u64,
    held: usize,
    forgotten: u64,
}

impl Fragments {
    /// Takes the next fragment; gives the datagram that it completes.
    pub fn add(&mut self, fragment: &Fragment<'_>) -> Option<Datagram> {
        self.expire(fragment.time);
        let id = DatagramId::of(fragment);
        if self
            .under_way
            .get(&id)
            .is_some_and(|partial| partial.expired(fragment.time))
        {
            // It had the same identification, but is another datagram.
            self.remove(&id);
        }
        let partial = self.under_way.entry(id).or_insert_with(|| {
            self.begun += 1;
            self.order.insert(self.begun, id);
            Partial::begin(self.begun, fragment.time)
        });
        let held = partial.held;
        let added = partial.add(fragment);
        self.held = (self.held + partial.held).saturating_sub(held);
        match added {
            Added::Waiting => {
                self.keep_bounds();
                None
            }
            Added::Complete => self.remove(&id).and_then(|partial| partial.complete(id, fragment)),
            Added::Overflow => {
                self.forget(&id);
                None
            }
        }
    }

    /// How many datagrams were forgotten to stay within bounds, though their missing fragments might have come yet.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Gives up those that nobody waits for any longer.
    fn expire(&mut self, now: Time) {
        while let Some(id) = self.oldest()
            && self.under_way.get(&id).is_some_and(|partial| partial.expired(now))
        {
            self.remove(&id);
        }
    }

    fn keep_bounds(&mut self) {
        while (self.under_way.len() > MAX_DATAGRAMS || self.held > MAX_HELD)
            && let Some(id) = self.oldest()
        {
            self.forget(&id);
        }
    }

    fn oldest(&self) -> Option<DatagramId> {
        self.order.first_key_value().map(|(_, id)| *id)
    }

    fn forget(&mut self, id: &DatagramId) {
        self.forgotten += 1;
        self.remove(id);
    }

    fn remove(&mut self, id: &DatagramId) -> Option<Partial> {
        let partial = self.under_way.remove(id)?;
        self.order.remove(&partial.begun);
        self.held = self.held.saturating_sub(partial.held);
        Some(partial)
    }
}

/// A datagram that came in fragments; it owns its octets.
#[derive(Clone, Debug)]
pub struct Datagram {
    origin: Origin,
    id: DatagramId,
    protocol: u8,
    ttl: u8,
    /// Up to the first octet that was not captured.
    payload: Vec<u8>,
    payload_length: u32,
}

impl Datagram {
    /// What it says about TCP, in the name and at the time of the packet that completed it, as Wireshark has it.
    pub fn decoded(&self) -> Decoded<'_> {
        let ip = Ip {
            source: self.id.source,
            destination: self.id.destination,
            ttl: self.ttl,
            ip_id: self.id.source.is_ipv4().then_some(self.id.identification as u16),
            protocol: IpNumber(self.protocol),
            part: None,
            payload: Captured::new(&self.payload, self.payload_length),
        };
        match carried(self.origin, ip) {
            // What was put together is no fragment again.
            Decoded::Fragment(_) => Decoded::Skipped(Skip::Malformed),
            decoded => decoded,
        }
    }
}

/// What the fragments of one datagram have in common (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct DatagramId {
    /// What was captured twice is put together twice.
    interface: u32,
    domain: Domain,
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    /// Of IPv4; in IPv6 the first fragment tells it for all.
    protocol: Option<u8>,
}

impl DatagramId {
    fn of(fragment: &Fragment<'_>) -> Self {
        DatagramId {
            interface: fragment.interface,
            domain: fragment.domain,
            source: fragment.source,
            destination: fragment.destination,
            identification: fragment.identification,
            protocol: fragment.source.is_ipv4().then_some(fragment.protocol),
        }
    }
}

/// What is there of one datagram.
#[derive(Debug)]
struct Partial {
    begun: u64,
    since: Time,
    /// By their offsets; they never overlap.
    pieces: BTreeMap<u32, Piece>,
    /// The sum of the lengths of the pieces.
    covered: u32,
    /// The length of the whole, once the last fragment was seen.
    end: Option<u32>,
    /// Protocol and TTL of the first fragment, which speaks for all.
    head: Option<(u8, u8)>,
    /// An overlap spoiled it, so its other fragments are of no use either.
    spoiled: bool,
    held: usize,
}

/// Octets between two offsets.
#[derive(Debug)]
struct Piece {
    /// On the wire.
    length: u32,
    /// As many of them as were captured.
    octets: Vec<u8>,
}

/// What became of a datagram by a fragment.
enum Added {
    Waiting,
    Complete,
    /// It has more pieces than we hold.
    Overflow,
}

impl Partial {
    fn begin(begun: u64, since: Time) -> Self {
        Partial {
            begun,
            since,
            pieces: BTreeMap::new(),
            covered: 0,
            end: None,
            head: None,
            spoiled: false,
            held: 0,
        }
    }

    fn expired(&self, now: Time) -> bool {
        now.since(self.since) > PATIENCE
    }

    fn add(&mut self, fragment: &Fragment<'_>) -> Added {
        let start = fragment.offset;
        let end = start.saturating_add(fragment.payload_length);
        if self.spoiled || end > MAX_LENGTH || self.contradicts(end, fragment) {
            return Added::Waiting;
        }
        let gaps = self.gaps(start, end);
        if fragment.source.is_ipv6() && overlaps(&gaps, start, end) {
            if !self.repeats(fragment) {
                self.spoil();
            }
            return Added::Waiting;
        }
        if start == 0 && self.head.is_none() {
            self.head = Some((fragment.protocol, fragment.ttl));
        }
        if !fragment.more {
            self.end = Some(end);
        }
        for (from, to) in gaps {
            self.fill(from, to, fragment);
        }
        if self.end == Some(self.covered) {
            Added::Complete
        } else if self.pieces.len() > MAX_PIECES {
            Added::Overflow
        } else {
            Added::Waiting
        }
    }

    /// Whether the fragment cannot be of this datagram: nothing could follow it, or it is not where the end is known to be.
    fn contradicts(&self, end: u32, fragment: &Fragment<'_>) -> bool {
        let reached = self
            .pieces
            .last_key_value()
            .map_or(0, |(start, piece)| start + piece.length);
        let odd_length = fragment.more && !fragment.payload_length.is_multiple_of(8);
        let beyond_end = self
            .end
            .is_some_and(|known| end > known || !fragment.more && end < known);
        let before_end = !fragment.more && end < reached;
        odd_length || beyond_end || before_end
    }

    /// What is still missing between two offsets.
    fn gaps(&self, start: u32, end: u32) -> Vec<(u32, u32)> {
        let mut gaps = Vec::new();
        let mut at = start;
        let before = self.pieces.range(..start).next_back();
        for (from, piece) in before.into_iter().chain(self.pieces.range(start..end)) {
            if *from > at {
                gaps.push((at, *from));
            }
            at = at.max(from + piece.length);
        }
        if at < end {
            gaps.push((at, end));
        }
        gaps
    }

    /// Whether the very same fragment was there before: a second copy of a packet does no harm (RFC 8200 section 4.5).
    fn repeats(&self, fragment: &Fragment<'_>) -> bool {
        self.pieces
            .get(&fragment.offset)
            .is_some_and(|piece| piece.length == fragment.payload_length && piece.octets == fragment.payload)
    }

    /// Gives up a datagram of IPv6 whose fragments overlap, which only an attacker's do (RFC 5722 section 4).
    fn spoil(&mut self) {
        self.spoiled = true;
        self.pieces.clear();
        self.held = 0;
    }

    fn fill(&mut self, from: u32, to: u32, fragment: &Fragment<'_>) {
        let captured = fragment
            .payload
            .iter()
            .skip((from - fragment.offset) as usize)
            .take((to - from) as usize);
        let octets: Vec<u8> = captured.copied().collect();
        self.held += octets.len() + PIECE_COST;
        self.covered += to - from;
        self.pieces.insert(
            from,
            Piece {
                length: to - from,
                octets,
            },
        );
    }

    /// The datagram, by the fragment that completed it.
    fn complete(self, id: DatagramId, last: &Fragment<'_>) -> Option<Datagram> {
        let (protocol, ttl) = self.head?;
        let mut payload = Vec::with_capacity(self.covered as usize);
        for piece in self.pieces.into_values() {
            payload.extend_from_slice(&piece.octets);
            if piece.octets.len() < piece.length as usize {
                break;
            }
        }
        let origin = Origin {
            packet: last.packet,
            time: last.time,
            interface: last.interface,
            domain: last.domain,
        };
        Some(Datagram {
            origin,
            id,
            protocol,
            ttl,
            payload,
            payload_length: self.covered,
        })
    }
}

/// Whether some of what stands between two offsets is no gap.
fn overlaps(gaps: &[(u32, u32)], start: u32, end: u32) -> bool {
    start < end && gaps != [(start, end)]
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::super::samples::{icmp, ipv4, tcp};
    use super::*;
    use crate::capture::PacketId;

    const V4: [&str; 2] = ["192.0.2.1", "198.51.100.2"];
    const V6: [&str; 2] = ["2001:db8::1", "2001:db8::2"];

    fn fragment<'w>(ends: [&str; 2], offset: usize, more: bool, payload: &'w [u8]) -> Fragment<'w> {
        Fragment {
            packet: PacketId::new(0, 1),
            time: Time(0),
            interface: 0,
            domain: Domain(0),
            source: ends[0].parse().unwrap(),
            destination: ends[1].parse().unwrap(),
            protocol: 6,
            identification: 77,
            offset: offset as u32,
            more,
            ttl: 60,
            payload,
            payload_length: payload.len() as u32,
        }
    }

    fn numbered(number: u64, fragment: Fragment<'_>) -> Fragment<'_> {
        Fragment {
            packet: PacketId::new(0, number),
            time: Time(number as i64),
            ttl: number as u8,
            ..fragment
        }
    }

    #[test]
    fn a_segment_is_told_by_the_packet_that_completes_it() {
        let whole = tcp(b"GET / HTTP/1.1\r\n");
        let mut pool = Fragments::default();
        assert!(pool.add(&numbered(3, fragment(V4, 16, false, &whole[16..]))).is_none());
        let datagram = pool.add(&numbered(5, fragment(V4, 0, true, &whole[..16]))).unwrap();
        let Decoded::Segment(segment) = datagram.decoded() else {
            panic!()
        };
        assert_eq!((segment.packet, segment.time), (PacketId::new(0, 5), Time(5)));
        assert_eq!(
            (segment.source.port, segment.payload, segment.payload_length),
            (50000, &b"GET / HTTP/1.1\r\n"[..], 16)
        );
        assert_eq!((segment.ttl, segment.ip_id), (5, Some(77)));
        assert_eq!((pool.under_way.len(), pool.order.len(), pool.held), (0, 0, 0));
    }

    #[test]
    fn an_error_may_come_in_fragments() {
        let whole = icmp(3, 4, 1400, &ipv4(6, &tcp(&[0; 100])));
        let mut pool = Fragments::default();
        pool.add(&Fragment {
            protocol: 1,
            ..fragment(V4, 0, true, &whole[..48])
        });
        let datagram = pool
            .add(&Fragment {
                protocol: 1,
                ..fragment(V4, 48, false, &whole[48..])
            })
            .unwrap();
        assert!(matches!(datagram.decoded(), Decoded::IcmpError(error) if error.mtu == Some(1400)));
    }

    #[test]
    fn extension_headers_behind_the_fragment_header_are_stepped_over() {
        let whole = [&[6, 0, 1, 4, 0, 0, 0, 0][..], &tcp(b"abcd")].concat();
        let mut pool = Fragments::default();
        pool.add(&Fragment {
            protocol: 60,
            ..fragment(V6, 0, true, &whole[..16])
        });
        // The protocol of another than the first fragment says nothing.
        let datagram = pool
            .add(&Fragment {
                protocol: 59,
                ..fragment(V6, 16, false, &whole[16..])
            })
            .unwrap();
        assert!(matches!(datagram.decoded(), Decoded::Segment(segment) if segment.payload == b"abcd"));
    }

    #[test]
    fn a_fragment_inside_a_datagram_is_malformed() {
        let whole = [&[6, 0, 0, 1, 0, 0, 0, 0][..], &tcp(b"abcd")].concat();
        let mut pool = Fragments::default();
        pool.add(&Fragment {
            protocol: 44,
            ..fragment(V6, 0, true, &whole[..16])
        });
        let datagram = pool.add(&fragment(V6, 16, false, &whole[16..])).unwrap();
        assert!(matches!(datagram.decoded(), Decoded::Skipped(Skip::Malformed)));
    }

    #[test]
    fn a_cut_fragment_cuts_the_payload() {
        let whole = tcp(&[b'x'; 40]);
        let mut pool = Fragments::default();
        pool.add(&Fragment {
            payload: &whole[..30],
            ..fragment(V4, 0, true, &whole[..32])
        });
        let datagram = pool.add(&fragment(V4, 32, false, &whole[32..])).unwrap();
        let Decoded::Segment(segment) = datagram.decoded() else {
            panic!()
        };
        assert_eq!((segment.payload, segment.payload_length), (&[b'x'; 10][..], 40));
    }

    #[test]
    fn datagrams_are_told_apart() {
        let whole = tcp(b"abcd");
        let mut pool = Fragments::default();
        let first = fragment(V4, 0, true, &whole[..16]);
        pool.add(&first);
        let last = fragment(V4, 16, false, &whole[16..]);
        let source = "192.0.2.3".parse().unwrap();
        for other in [
            Fragment {
                identification: 78,
                ..last
            },
            Fragment {
                domain: Domain(1),
                ..last
            },
            Fragment { source, ..last },
            Fragment {
                destination: source,
                ..last
            },
            Fragment { protocol: 17, ..last },
        ] {
            assert!(pool.add(&other).is_none());
        }
        assert!(pool.add(&last).is_some());
    }

    #[test]
    fn the_first_octets_count_over_ipv4() {
        let whole = tcp(b"abcdefghijkl");
        let other = [b'-'; 32];
        let mut pool = Fragments::default();
        pool.add(&fragment(V4, 16, true, &whole[16..24]));
        pool.add(&fragment(V4, 0, true, &whole[..8]));
        pool.add(&fragment(V4, 8, true, &[&whole[8..16], &other[..8]].concat()));
        let datagram = pool
            .add(&fragment(V4, 16, false, &[&other[..8], &whole[24..]].concat()))
            .unwrap();
        assert!(matches!(datagram.decoded(), Decoded::Segment(segment) if segment.payload == b"abcdefghijkl"));
    }

    #[test]
    fn an_overlap_over_ipv6_spoils_the_datagram() {
        let whole = tcp(b"abcdefghijkl");
        let mut pool = Fragments::default();
        pool.add(&fragment(V6, 0, true, &whole[..16]));
        pool.add(&fragment(V6, 8, true, &whole[8..24]));
        for (offset, more, payload) in [
            (0, true, &whole[..16]),
            (16, true, &whole[16..24]),
            (24, false, &whole[24..]),
        ] {
            assert!(pool.add(&fragment(V6, offset, more, payload)).is_none());
        }
        assert_eq!((pool.held, pool.forgotten()), (0, 0));
    }

    #[test]
    fn a_second_copy_does_no_harm() {
        for ends in [V4, V6] {
            let whole = tcp(b"abcdefghijkl");
            let mut pool = Fragments::default();
            let first = fragment(ends, 0, true, &whole[..16]);
            assert!(pool.add(&first).is_none() && pool.add(&first).is_none());
            assert!(pool.add(&fragment(ends, 16, false, &whole[16..])).is_some());
        }
    }

    #[test]
    fn what_cannot_be_is_ignored() {
        let whole = tcp(b"abcdefghijkl");
        let mut pool = Fragments::default();
        pool.add(&fragment(V4, 0, true, &whole[..16]));
        pool.add(&fragment(V4, 16, true, &[b'-'; 7]));
        pool.add(&fragment(V4, 65_528, false, &[b'-'; 8]));
        pool.add(&fragment(V4, 8, false, &[]));
        let datagram = pool.add(&fragment(V4, 16, false, &whole[16..])).unwrap();
        assert!(matches!(datagram.decoded(), Decoded::Segment(segment) if segment.payload == b"abcdefghijkl"));
    }

    #[test]
    fn nobody_is_waited_for_longer_than_a_minute() {
        let whole = tcp(b"abcd");
        let late = |seconds: i64| {
            let mut pool = Fragments::default();
            pool.add(&fragment(V4, 0, true, &whole[..16]));
            let time = Time(seconds * 1_000_000_000);
            (
                pool.add(&Fragment {
                    time,
                    ..fragment(V4, 16, false, &whole[16..])
                })
                .is_some(),
                pool.forgotten(),
            )
        };
        assert_eq!(late(60), (true, 0));
        assert_eq!(late(61), (false, 0));
    }

    #[test]
    fn what_nobody_waits_for_is_not_held() {
        let octets = [0; 16];
        let at = |seconds: i64, identification: u32| Fragment {
            time: Time(seconds * 1_000_000_000),
            identification,
            ..fragment(V6, 0, true, &octets)
        };
        let mut pool = Fragments::default();
        pool.add(&at(0, 1));
        pool.add(&at(30, 2));
        pool.add(&at(61, 3));
        assert_eq!(
            (pool.under_way.len(), pool.order.len(), pool.held),
            (2, 2, 2 * (16 + PIECE_COST))
        );
    }

    #[test]
    fn an_identification_may_come_again_though_the_clock_ran_backwards() {
        let whole = tcp(b"abcd");
        let at = |seconds: i64, fragment| Fragment {
            time: Time(seconds * 1_000_000_000),
            ..fragment
        };
        let mut pool = Fragments::default();
        pool.add(&Fragment {
            identification: 78,
            ..at(100, fragment(V4, 0, true, &whole[..16]))
        });
        pool.add(&at(0, fragment(V4, 0, true, &[b'-'; 16])));
        pool.add(&at(90, fragment(V4, 0, true, &whole[..16])));
        let datagram = pool.add(&at(90, fragment(V4, 16, false, &whole[16..]))).unwrap();
        assert!(matches!(datagram.decoded(), Decoded::Segment(segment) if segment.source.port == 50000));
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let whole = tcp(b"abcd");
        let mut pool = Fragments::default();
        let with = |identification: usize, fragment: Fragment<'static>| Fragment {
            identification: identification as u32,
            ..fragment
        };
        let whole: &'static [u8] = whole.leak();
        for n in 0..=MAX_DATAGRAMS {
            pool.add(&with(n, fragment(V6, 0, true, &whole[..16])));
        }
        assert_eq!((pool.forgotten(), pool.under_way.len()), (1, MAX_DATAGRAMS));
        assert!(pool.add(&with(1, fragment(V6, 16, false, &whole[16..]))).is_some());
        assert!(pool.add(&with(0, fragment(V6, 16, false, &whole[16..]))).is_none());
    }

    #[test]
    fn octets_and_pieces_are_bounded() {
        let octets = [0; 65_528];
        let mut pool = Fragments::default();
        for identification in 0..1000 {
            pool.add(&Fragment {
                identification,
                ..fragment(V6, 0, true, &octets)
            });
            assert!(pool.held <= MAX_HELD);
        }
        assert_eq!(pool.forgotten(), 1000 - (MAX_HELD / (65_528 + PIECE_COST)) as u64);
        let mut pool = Fragments::default();
        for piece in 0..=MAX_PIECES {
            pool.add(&fragment(V4, piece * 16, true, &octets[..8]));
        }
        assert_eq!((pool.forgotten(), pool.held), (1, 0));
    }

    /// The same by octets: what is there at each offset, and nothing forgotten.
    #[derive(Default)]
    struct Model {
        octets: Vec<Option<Option<u8>>>,
        end: Option<usize>,
        spoiled: bool,
        seen: Vec<(usize, usize, Vec<u8>)>,
    }

    impl Model {
        fn add(&mut self, v6: bool, offset: usize, more: bool, captured: &[u8], length: usize) -> Option<Vec<u8>> {
            let end = offset + length;
            let known = self.octets.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            let wrong_end =
                self.end.is_some_and(|known| end > known || (!more && end != known)) || (!more && end < known);
            if self.spoiled || wrong_end || (more && !length.is_multiple_of(8)) {
                return None;
            }
            if length > 0 {
                self.octets.resize(self.octets.len().max(end), None);
            }
            let seen = (offset, length, captured.to_vec());
            let overlap = length > 0 && self.octets[offset..end].iter().any(Option::is_some);
            if v6 && overlap {
                self.spoiled = !self.seen.contains(&seen);
                return None;
            }
            self.seen.push(seen);
            for at in offset..end {
                self.octets[at].get_or_insert(captured.get(at - offset).copied());
            }
            if !more {
                self.end = Some(end);
            }
            let whole = self.end? == self.octets.len() && self.octets.iter().all(Option::is_some);
            whole.then(|| self.octets.iter().map_while(|octet| octet.flatten()).collect())
        }
    }

    #[test]
    fn random_fragments_make_what_the_model_makes() {
        let mut random = Rng::with_seed(9);
        let mut completed = [0; 2];
        for _ in 0..20_000 {
            let v6 = random.bool();
            let ends = if v6 { V6 } else { V4 };
            let (mut pool, mut model) = (Fragments::default(), Model::default());
            for (offset, more, captured, length) in random_fragments(&mut random, v6) {
                let fragment = Fragment {
                    payload_length: length as u32,
                    ..fragment(ends, offset, more, &captured)
                };
                let expected = model.add(v6, offset, more, &captured, length);
                let datagram = pool.add(&fragment);
                assert_eq!(datagram.as_ref().map(|datagram| &datagram.payload), expected.as_ref());
                if let Some(datagram) = datagram {
                    assert_eq!(datagram.payload_length as usize, model.octets.len());
                    completed[usize::from(v6)] += 1;
                    break;
                }
            }
        }
        assert!(completed.iter().all(|&completed| completed > 2_000), "{completed:?}");
    }

    /// Offset, whether more follow, captured octets and length on the wire, in any order.
    fn random_fragments(random: &mut Rng, v6: bool) -> Vec<(usize, bool, Vec<u8>, usize)> {
        let blocks = random.usize(2..12);
        let tail = random.usize(0..8);
        let mut cuts: Vec<usize> = (1..blocks).filter(|_| random.bool()).collect();
        cuts.insert(0, 0);
        cuts.push(blocks);
        let mut fragments = Vec::new();
        for ends in cuts.windows(2) {
            let more = ends[1] != blocks;
            let length = (ends[1] - ends[0]) * 8 + if more { 0 } else { tail };
            fragments.push((ends[0] * 8, more, length));
        }
        for _ in 0..if v6 { random.usize(0..2) } else { random.usize(0..4) } {
            let start = random.usize(0..blocks);
            fragments.push((start * 8, random.u8(..) < 200, random.usize(0..4) * 8));
        }
        if random.bool() {
            random.shuffle(&mut fragments);
        }
        let fragments = fragments.into_iter().map(|(offset, more, length)| {
            let captured = if random.u8(..) < 20 {
                random.usize(0..=length)
            } else {
                length
            };
            (offset, more, (0..captured).map(|_| random.u8(..)).collect(), length)
        });
        let mut fragments: Vec<_> = fragments.collect();
        if random.u8(..) < 60 {
            let copy = fragments[random.usize(..fragments.len())].clone();
            fragments.insert(random.usize(..fragments.len()), copy);
        }
        fragments
    }
}

//! A connection of which only SYNs and resets came so far: kept as those few segments, and read when it is asked for.

use crate::{
    capture::{PacketId, Time},
    packet::{ConnectionKey, Endpoint, Flags, Options, Segment},
    tcp::{
        connection::{Connection, Reader},
        facts::{At, Facts},
        few::make_room,
    },
};

/// A connection that may never come to more than knocks at a door: a SYN, its repeats, resets.
///
/// A scan makes such connections by the million. Each takes an eighth of the memory of one that is followed, and most are read
/// in one go when they are judged.
#[derive(Clone, Debug)]
pub struct Knocks {
    first: Segment<'static>,
    later: Vec<Knock>,
    /// Whether the lower end of the key sent the first.
    from_low: bool,
    /// Its place among this window's newcomers, until it has a stream number.
    pub(super) newcomer: Option<u32>,
    pub(super) stream: u64,
}

/// What a later knock does not have in common with the first one.
#[derive(Clone, Debug)]
struct Knock {
    packet: PacketId,
    time: Time,
    sequence: u32,
    acknowledgement: u32,
    timestamp: Option<u32>,
    ip_id: Option<u16>,
    window: u16,
    flags: Flags,
    ttl: u8,
    from_first: bool,
}

impl Knocks {
    /// How many later ones are kept: who knocks more often is followed, so that no more is remembered than of others.
    const KEPT: usize = 7;

    /// The connection that `segment`, which the lower end of the key sent or the upper, is the first of; `None` if it is more
    /// than a knock.
    pub(super) fn new(segment: &Segment<'_>, from_low: bool, newcomer: u32) -> Option<Self> {
        let asks = segment.flags.ask() && !segment.flags.has(Flags::RST);
        (asks && is_bare(segment)).then(|| Knocks {
            first: Segment {
                payload: &[],
                ..*segment
            },
            later: Vec::new(),
            from_low,
            newcomer: Some(newcomer),
            stream: 0,
        })
    }

    /// Takes one more; whether it is one.
    pub(super) fn add(&mut self, segment: &Segment<'_>, from_low: bool) -> bool {
        let from_first = from_low == self.from_low;
        let knock = Knock {
            packet: segment.packet,
            time: segment.time,
            sequence: segment.sequence,
            acknowledgement: segment.acknowledgement,
            timestamp: segment.options.timestamp,
            ip_id: segment.ip_id,
            window: segment.window,
            flags: segment.flags,
            ttl: segment.ttl,
            from_first,
        };
        let is_knock = is_bare(segment)
            && (segment.flags.has(Flags::RST) || from_first && segment.flags == self.first.flags)
            && segment.interface == self.first.interface
            && segment.domain == self.first.domain
            && segment.options == self.options(&knock)
            && self.later.len() < Self::KEPT;
        if is_knock {
            make_room(&mut self.later);
            self.later.push(knock);
        }
        is_knock
    }

    /// Whether `segment` must be the first of another connection: see [`Connection::is_over_for`].
    pub(super) fn is_over_for(&self, segment: &Segment<'_>, from_low: bool) -> bool {
        segment.flags.ask() && from_low == self.from_low && segment.sequence != self.first.sequence
    }

    /// Which segments belong to it.
    pub(super) fn key(&self) -> ConnectionKey {
        self.first.key().0
    }

    /// The first.
    pub fn first(&self) -> At {
        At {
            packet: self.first.packet,
            time: self.first.time,
        }
    }

    /// Who asked for the connection, and whom.
    pub fn ends(&self) -> (Endpoint, Endpoint) {
        (self.first.source, self.first.destination)
    }

    /// The latest.
    pub(super) fn last(&self) -> At {
        self.later.last().map_or(self.first(), Knock::at)
    }

    /// Its SYNs: where and when, and with which TTL or hop limit.
    pub fn syns(&self) -> impl DoubleEndedIterator<Item = (At, u8)> + Clone {
        let later = self.later.iter().filter(|knock| !knock.flags.has(Flags::RST));
        std::iter::once((self.first(), self.first.ttl)).chain(later.map(|knock| (knock.at(), knock.ttl)))
    }

    /// Whether the end that was asked answered with a reset.
    pub fn is_refused(&self) -> bool {
        self.later.iter().any(|knock| !knock.from_first)
    }

    /// Something of each part: see [`Facts::glance`].
    pub fn glance(&self) -> u64 {
        self.first.packet.number() ^ self.last().packet.number() ^ self.stream
    }

    /// What was seen of the connection, if nothing else is to come.
    pub fn facts<R: Reader>(&self) -> Facts {
        let mut connection = self.read::<R>(&R::Secrets::default());
        connection.conclude();
        connection.facts
    }

    /// The connection as it is had it been followed from the first segment on.
    pub(super) fn read<R: Reader>(&self, secrets: &R::Secrets) -> Connection<R> {
        let mut connection = Connection::new(&self.first, self.from_low, self.newcomer, secrets.clone());
        connection.facts.stream = self.stream;
        let syns = self.later.iter().filter(|knock| !knock.flags.has(Flags::RST)).count() + 1;
        connection.facts.from_client.syns.expect(syns);
        // There is no payload to make room for.
        connection.take(&self.first, self.from_low, 0);
        for knock in &self.later {
            connection.take(&self.segment(knock), knock.from_first == self.from_low, 0);
        }
        connection
    }

    fn segment(&self, knock: &Knock) -> Segment<'static> {
        let first = self.first;
        let (source, destination) = if knock.from_first {
            (first.source, first.destination)
        } else {
            (first.destination, first.source)
        };
        Segment {
            packet: knock.packet,
            time: knock.time,
            source,
            destination,
            sequence: knock.sequence,
            acknowledgement: knock.acknowledgement,
            flags: knock.flags,
            window: knock.window,
            ttl: knock.ttl,
            ip_id: knock.ip_id,
            options: self.options(knock),
            ..first
        }
    }

    /// The options that a knock bears: a repeated SYN has those of the first, but for the timestamp; a reset no others.
    fn options(&self, knock: &Knock) -> Options {
        let others = if knock.flags.has(Flags::RST) {
            Options::default()
        } else {
            self.first.options
        };
        Options {
            timestamp: knock.timestamp,
            ..others
        }
    }
}

impl Knock {
    fn at(&self) -> At {
        At {
            packet: self.packet,
            time: self.time,
        }
    }
}

/// Whether it takes no place in the stream but that of a SYN.
fn is_bare(segment: &Segment<'_>) -> bool {
    segment.payload_length == 0 && segment.payload.is_empty() && !segment.flags.has(Flags::FIN)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::tcp::sample::{Packet, Told, any_knock, client};

    fn facts(connection: &Connection<Told>) -> String {
        format!("{:?} {:?}", connection.facts, connection.is_over())
    }

    #[test]
    fn what_is_read_later_is_what_would_have_been_followed() {
        let mut random = Rng::with_seed(11);
        let mut kept = [0; 2];
        for _ in 0..30_000 {
            let packets: Vec<Packet> = (0..random.usize(1..12)).map(|_| any_knock(&mut random)).collect();
            let segments: Vec<Segment<'_>> = packets.iter().zip(1..).map(|(packet, n)| packet.segment(n)).collect();
            let from_low = |segment: &Segment<'_>| segment.key().1;
            let Some(mut knocks) = Knocks::new(&segments[0], from_low(&segments[0]), 3) else {
                continue;
            };
            let mut followed = Connection::<Told>::new(&segments[0], from_low(&segments[0]), Some(3), ());
            followed.take(&segments[0], from_low(&segments[0]), 0);
            for segment in &segments[1..] {
                let is_over = followed.is_over_for(segment, from_low(segment));
                assert_eq!(knocks.is_over_for(segment, from_low(segment)), is_over);
                let is_knock = !is_over && knocks.add(segment, from_low(segment));
                kept[usize::from(is_knock)] += 1;
                if !is_knock {
                    break;
                }
                followed.take(segment, from_low(segment), 0);
                assert!(followed.is_over() && followed.held() == 0 && followed.reader.is_none());
                assert_eq!(knocks.last(), followed.facts.last);
            }
            assert_eq!(facts(&knocks.read(&())), facts(&followed), "{packets:#?}");
        }
        assert!(kept[0] > 5000 && kept[1] > 20_000, "{kept:?}");
    }

    #[test]
    fn who_knocks_for_ever_is_followed() {
        let mut knocks = Knocks::new(&client().syn().segment(1), true, 0).unwrap();
        let again = (2..100)
            .filter(|&n| knocks.add(&client().syn().segment(n), true))
            .count();
        assert_eq!(again, Knocks::KEPT);
    }
}

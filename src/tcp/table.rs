//! The connections of one shard: which segment belongs to which, where one ends and the next between the same ends begins.

use std::{collections::VecDeque, hash::BuildHasher, hint::black_box, sync::Arc};

use hashbrown::HashTable;

use crate::{
    capture::{PacketId, Time},
    packet::{ConnectionKey, IcmpError, Segment},
    tcp::{
        connection::{Connection, Reader},
        facts::{At, Facts},
        knocks::Knocks,
    },
};

/// Bounds of one table.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Live connections.
    pub connections: usize,
    /// Octets of memory for what is held in one direction because it came early.
    pub held_per_direction: usize,
    /// Octets of memory for what is held in the whole table because it came early.
    pub held: usize,
}

/// After this long without a segment, a connection that has ended, or was never answered, is gone: twice the maximum
/// segment lifetime of RFC 9293 section 3.4.2.
const LINGER: u64 = 240_000_000_000;

/// Connections whose memory is fetched together when they have ended.
const GLANCES: usize = 32;

/// The connections of one shard.
pub struct Table<R: Reader> {
    limits: Limits,
    secrets: R::Secrets,
    hasher: foldhash::fast::RandomState,
    /// Hashes of keys and places in `slots`.
    index: HashTable<(u32, u32)>,
    slots: Vec<Option<Slot<R>>>,
    free: Vec<u32>,
    /// Places whose connections may be gone by then, about the earliest first; none more than once.
    expiry: VecDeque<(Time, u32)>,
    /// Which places stand in `expiry`.
    awaits_expiry: Vec<bool>,
    /// The latest time seen.
    now: Time,
    held: usize,
    newcomers: Vec<Newcomer>,
    ended: Vec<Live<R>>,
    /// How many were forgotten to stay within the bound.
    forgotten: u64,
}

struct Slot<R: Reader> {
    live: Live<R>,
    /// The capture file of its latest segment.
    capture: u32,
}

/// A connection that has not ended.
enum Live<R: Reader> {
    Knocks(Box<Knocks>),
    Followed(Box<Connection<R>>),
}

/// A connection that is new to a capture file and takes a stream number there.
#[derive(Clone, Copy, Debug)]
struct Newcomer {
    packet: PacketId,
    /// `None` for a connection that goes on from the file before and has its number already.
    slot: Option<u32>,
}

/// A connection that has ended.
#[derive(Debug)]
pub enum Ended<R> {
    /// All of its segments: they are only knocks.
    Knocks(Box<Knocks>),
    /// What was seen of it, and what read its octets; `None` if it carried none.
    Followed(Arc<Facts>, Option<Box<R>>),
}

impl<R: Reader> Table<R> {
    /// An empty table.
    pub fn new(limits: Limits) -> Self {
        Table::with_secrets(limits, R::Secrets::default())
    }

    /// An empty table whose readers get these secrets.
    pub fn with_secrets(limits: Limits, secrets: R::Secrets) -> Self {
        Table {
            limits,
            secrets,
            // The seed is random, so nobody can write a capture whose keys collide; no order depends on it.
            hasher: foldhash::fast::RandomState::default(),
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            expiry: VecDeque::new(),
            awaits_expiry: Vec::new(),
            now: Time(i64::MIN),
            held: 0,
            newcomers: Vec::new(),
            ended: Vec::new(),
            forgotten: 0,
        }
    }

    /// Takes the next segment of this shard.
    pub fn segment(&mut self, segment: &Segment<'_>) {
        self.now = self.now.max(segment.time);
        self.expire();
        let (key, from_low) = segment.key();
        match self.find(&key) {
            Some(slot) if self.is_over_for(slot, segment, from_low) => {
                self.end(slot);
                self.begin(key, segment, from_low);
            }
            Some(slot) => self.file(slot, segment, from_low),
            None => self.begin(key, segment, from_low),
        }
    }

    /// Takes an ICMP error about one of its connections; whether there is such a connection.
    pub fn icmp(&mut self, error: &IcmpError) -> bool {
        let place = self.find(&error.key().0);
        let slot = place.and_then(|place| self.slots.get_mut(place as usize)?.as_mut());
        slot.map(|slot| slot.live.follow(&self.secrets, |connection| connection.icmp(error)))
            .is_some()
    }

    /// The packets with which connections began since the last call of [`Table::number`], in no order.
    pub fn newcomers(&self) -> impl ExactSizeIterator<Item = PacketId> {
        self.newcomers.iter().map(|newcomer| newcomer.packet)
    }

    /// Gives the newcomers their stream numbers, in the order of [`Table::newcomers`], and hands over those that ended.
    pub fn number(&mut self, streams: &[u64]) -> impl Iterator<Item = Ended<R>> {
        for newcomer in self.newcomers.drain(..) {
            let slot = newcomer
                .slot
                .and_then(|slot| self.slots.get_mut(slot as usize)?.as_mut());
            if let Some(slot) = slot {
                slot.live.number(streams);
            }
        }
        let mut ended = std::mem::take(&mut self.ended).into_iter();
        let mut at_hand = 0;
        std::iter::from_fn(move || {
            if at_hand == 0 {
                at_hand = GLANCES.min(ended.len());
                let next = ended.as_slice().iter().take(at_hand);
                black_box(next.fold(0, |seen, live| seen ^ live.glance()));
            }
            at_hand = at_hand.saturating_sub(1);
            let mut live = ended.next()?;
            live.number(streams);
            Some(live.end())
        })
    }

    /// Ends all connections: the capture is over.
    pub fn end_all(&mut self) {
        self.index.clear();
        self.free.clear();
        self.expiry.clear();
        self.awaits_expiry.clear();
        self.held = 0;
        self.ended.extend(self.slots.drain(..).flatten().map(|slot| slot.live));
    }

    /// How many connections were forgotten to stay within the bound.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many are live.
    #[cfg(test)]
    pub(super) fn live(&self) -> usize {
        self.index.len()
    }

    /// What is held because it came early costs so many octets.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// How many places there are for connections, and how many may expire.
    #[cfg(test)]
    pub(super) fn places(&self) -> (usize, usize) {
        (self.slots.len(), self.expiry.len())
    }

    fn find(&self, key: &ConnectionKey) -> Option<u32> {
        let hash = self.hash(key);
        let is_it =
            |&(its, place): &(u32, u32)| its == hash && self.slot(place).is_some_and(|slot| slot.live.key() == *key);
        self.index.find(spread(hash), is_it).map(|&(_, place)| place)
    }

    fn hash(&self, key: &ConnectionKey) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    fn slot(&self, slot: u32) -> Option<&Slot<R>> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn is_over_for(&self, slot: u32, segment: &Segment<'_>, from_low: bool) -> bool {
        self.slot(slot).is_some_and(|slot| {
            let gone = slot.live.is_over() && segment.time.since(slot.live.last().time) > LINGER;
            gone || slot.live.is_over_for(segment, from_low)
        })
    }

    fn begin(&mut self, key: ConnectionKey, segment: &Segment<'_>, from_low: bool) {
        if self.index.len() >= self.limits.connections {
            self.make_room();
        }
        let newcomer = self.newcomers.len() as u32;
        let knocks = Knocks::new(segment, from_low, newcomer);
        let is_knock = knocks.is_some();
        let follow = || {
            Live::Followed(Box::new(Connection::new(
                segment,
                from_low,
                Some(newcomer),
                self.secrets.clone(),
            )))
        };
        let slot = Slot {
            live: knocks.map_or_else(follow, |knocks| Live::Knocks(Box::new(knocks))),
            capture: segment.packet.capture(),
        };
        let place = self.free.pop().unwrap_or(self.slots.len() as u32);
        match self.slots.get_mut(place as usize) {
            Some(free) => *free = Some(slot),
            None => {
                self.slots.push(Some(slot));
                self.awaits_expiry.push(false);
            }
        }
        self.newcomers.push(Newcomer {
            packet: segment.packet,
            slot: Some(place),
        });
        let hash = self.hash(&key);
        self.index
            .insert_unique(spread(hash), (hash, place), |&(hash, _)| spread(hash));
        if is_knock {
            self.expect_expiry(place, self.now);
        } else {
            self.file(place, segment, from_low);
        }
    }

    fn file(&mut self, place: u32, segment: &Segment<'_>, from_low: bool) {
        let Some(slot) = self.slots.get_mut(place as usize).and_then(Option::as_mut) else {
            return;
        };
        if slot.capture != segment.packet.capture() {
            slot.capture = segment.packet.capture();
            self.newcomers.push(Newcomer {
                packet: segment.packet,
                slot: None,
            });
        }
        if let Live::Knocks(knocks) = &mut slot.live
            && knocks.add(segment, from_low)
        {
            return self.expect_expiry(place, self.now);
        }
        let room = self
            .limits
            .held_per_direction
            .min(self.limits.held.saturating_sub(self.held));
        let (before, held, is_over) = slot.live.follow(&self.secrets, |connection| {
            let before = connection.held();
            connection.take(segment, from_low, room);
            (before, connection.held(), connection.is_over())
        });
        self.held = (self.held + held).saturating_sub(before);
        if is_over {
            self.expect_expiry(place, self.now);
        }
    }

    /// The connection at `place` may be gone if nothing comes after `last`.
    fn expect_expiry(&mut self, place: u32, last: Time) {
        if let Some(awaits) = self.awaits_expiry.get_mut(place as usize)
            && !std::mem::replace(awaits, true)
        {
            self.expiry
                .push_back((Time(last.0.saturating_add(LINGER as i64)), place));
        }
    }

    /// Ends what has been over for long enough.
    fn expire(&mut self) {
        while let Some((_, place)) = self.expiry.pop_front_if(|(time, _)| *time < self.now) {
            if let Some(awaits) = self.awaits_expiry.get_mut(place as usize) {
                *awaits = false;
            }
            let Some(live) = self.slot(place).map(|slot| &slot.live) else {
                continue;
            };
            let last = live.last().time;
            if !live.is_over() {
                continue;
            }
            if self.now.since(last) > LINGER {
                self.end(place);
            } else {
                self.expect_expiry(place, last);
            }
        }
    }

    fn end(&mut self, place: u32) {
        let Some(slot) = self.slots.get_mut(place as usize).and_then(Option::take) else {
            return;
        };
        let hash = self.hash(&slot.live.key());
        if let Ok(entry) = self.index.find_entry(spread(hash), |&(_, other)| other == place) {
            entry.remove();
        }
        if let Live::Followed(connection) = &slot.live {
            self.held = self.held.saturating_sub(connection.held());
        }
        self.free.push(place);
        self.ended.push(slot.live);
    }

    /// Makes room: the eighth of the connections that has been silent for longest ends here, and the report will say so.
    ///
    /// An eighth at once, so that the search costs every newcomer the same little, however many come.
    fn make_room(&mut self) {
        let live = self
            .slots
            .iter()
            .zip(0..)
            .filter_map(|(slot, place)| Some((slot.as_ref()?.live.last(), place)));
        let mut by_age: Vec<(At, u32)> = live.collect();
        let count = (by_age.len() / 8).max(1);
        if by_age.len() > count {
            by_age.select_nth_unstable(count);
        }
        for (_, place) in by_age.into_iter().take(count) {
            if let Some(slot) = self.slots.get_mut(place as usize).and_then(Option::as_mut) {
                slot.live
                    .follow(&self.secrets, |connection| connection.facts.evicted = true);
            }
            self.forgotten += 1;
            self.end(place);
        }
    }
}

/// The table looks at the lowest and the highest bits of a hash.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl<R: Reader> Live<R> {
    /// From here on it is followed: does something to it.
    fn follow<T>(&mut self, secrets: &R::Secrets, act: impl FnOnce(&mut Connection<R>) -> T) -> T {
        match self {
            Live::Followed(connection) => act(connection),
            Live::Knocks(knocks) => {
                let mut connection = Box::new(knocks.read(secrets));
                let done = act(&mut connection);
                *self = Live::Followed(connection);
                done
            }
        }
    }

    fn end(self) -> Ended<R> {
        match self {
            Live::Knocks(knocks) => Ended::Knocks(knocks),
            Live::Followed(mut connection) => {
                connection.conclude();
                let Connection { facts, reader, .. } = *connection;
                Ended::Followed(Arc::new(facts), reader)
            }
        }
    }

    fn number(&mut self, streams: &[u64]) {
        let (newcomer, stream) = match self {
            Live::Knocks(knocks) => (&mut knocks.newcomer, &mut knocks.stream),
            Live::Followed(connection) => (&mut connection.newcomer, &mut connection.facts.stream),
        };
        if let Some(number) = newcomer.take().and_then(|newcomer| streams.get(newcomer as usize)) {
            *stream = *number;
        }
    }

    fn key(&self) -> ConnectionKey {
        match self {
            Live::Knocks(knocks) => knocks.key(),
            Live::Followed(connection) => connection.facts.key(),
        }
    }

    /// Something of each part: see [`Facts::glance`].
    fn glance(&self) -> u64 {
        match self {
            Live::Knocks(knocks) => knocks.last().packet.number(),
            Live::Followed(connection) => connection.facts.glance(),
        }
    }

    /// The latest segment.
    fn last(&self) -> At {
        match self {
            Live::Knocks(knocks) => knocks.last(),
            Live::Followed(connection) => connection.facts.last,
        }
    }

    /// Whether nothing more is to come: a knock that was not answered may be the last.
    fn is_over(&self) -> bool {
        match self {
            Live::Knocks(_) => true,
            Live::Followed(connection) => connection.is_over(),
        }
    }

    fn is_over_for(&self, segment: &Segment<'_>, from_low: bool) -> bool {
        match self {
            Live::Knocks(knocks) => knocks.is_over_for(segment, from_low),
            Live::Followed(connection) => connection.is_over_for(segment, from_low),
        }
    }
}

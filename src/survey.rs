//! What the whole capture says about each server, path, origin, credential and host: the control experiments.

use std::{
    borrow::Cow,
    collections::{BTreeMap, hash_map::Entry},
    hash::Hash,
    hint::black_box,
    net::IpAddr,
    ops::Range,
};

use foldhash::{HashMap, HashSet};

use crate::{
    attempt::{Attempt, Conclusion, Ordinary, Pending, Request, Stage},
    capture::Time,
    packet::{Endpoint, Neighbour},
    tcp::{self, At, Idle, Knocks, Side},
};

/// What is counted as connections end: it grows with the number of hosts and never with the number of packets.
#[derive(Debug, Default)]
pub struct Tally {
    /// TCP connections.
    pub connections: u64,
    endpoints: Counts<Endpoint, Listening>,
    hosts: Counts<IpAddr, Host>,
    ordinary: Vec<Ordinary>,
    neighbours: Counts<IpAddr, Asked>,
    paths: Counts<(IpAddr, IpAddr), Path>,
    openings: Vec<Opening>,
    gaps: u64,
    one_sided: u64,
}

/// What is counted by key. The counts of most shards know most keys, and half of a table is free places: those are to be small.
type Counts<K, V> = HashMap<K, Box<V>>;

/// How many endpoints, hosts, paths and ordinary exchanges one tally remembers.
const REMEMBERED: usize = 16_384;
/// How many answered openings of connections one tally remembers: the first ones tell as much as all.
const OPENINGS: usize = 4096;

/// What became of the connections to one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// Connections that the endpoint answered with SYN-ACK.
    pub answered: u64,
    /// Connections whose SYN was answered with a reset.
    pub refused: u64,
    /// Connections whose SYN was not answered.
    pub unanswered: u64,
    /// The first SYN-ACK.
    pub first_answer: Option<At>,
    /// The latest SYN-ACK.
    pub last_answer: Option<At>,
    /// The first connection on which the server sent payload.
    pub first_payload: Option<At>,
    /// The latest new payload that it sent.
    pub last_payload: Option<At>,
    /// Lowest and highest TTL or hop limit of its SYN-ACKs.
    pub ttl: Option<(u8, u8)>,
    /// Connections on which the server acknowledged the client's octets, and neither sent payload nor closed.
    pub unserved: u64,
    /// The opening of the first of them.
    pub first_unserved: Option<At>,
    /// The first SYN-ACK that was sent again although the client had acknowledged it and sent data: the final acknowledgement
    /// was ignored, as by a full accept queue.
    pub overflowed: Option<At>,
}

/// What the segments of one host had in common.
#[derive(Clone, Debug)]
pub struct Host {
    /// Lowest and highest TTL or hop limit of its SYNs and SYN-ACKs; of its other segments where none was seen.
    pub ttl: (u8, u8),
    /// A packet that shows it.
    pub at: At,
    /// How many connections showed it.
    pub connections: u64,
    /// TTLs or hop limits of the first segment behind the SYN of each connection, in order: how many bore which.
    pub words: Vec<(u8, u32)>,
    /// Connections in which that segment bore a timestamp.
    pub stamped: u64,
    /// The shortest round trip between the capture point and the host, in nanoseconds.
    pub rtt: Option<u64>,
    /// Its latest segment, resets left out.
    pub last: At,
}

/// What passed between two hosts, the client's side named first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path {
    /// Connections that came to stand.
    pub connections: u64,
    /// Connections in which octets of the client, or of the server, came through only when they were sent again.
    pub recovered: [u64; 2],
    /// A repeat that came through.
    pub example: Option<At>,
    /// Payload of the largest segment of the client, and of the server, that was acknowledged.
    pub largest_passed: [u32; 2],
    /// The longest silence after which a connection went on.
    pub survived: Option<Idle>,
}

/// How one connection was opened, or tried to be.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The client.
    pub client: IpAddr,
    /// The server.
    pub server: Endpoint,
    /// The first SYN.
    pub first: At,
    /// The latest SYN.
    pub last: At,
    /// How many SYNs.
    pub syns: u32,
    /// The SYN-ACK.
    pub answered: Option<At>,
}

/// How often a neighbour was asked for on the capture's own link, and whether it answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Questions.
    pub questions: u32,
    /// The first question.
    pub first_question: Option<At>,
    /// The latest question.
    pub last_question: Option<At>,
    /// The latest answer.
    pub last_answer: Option<At>,
}

impl Tally {
    /// Counts a connection that has ended; its attempts stay with the caller.
    pub fn count(&mut self, conclusion: &mut Conclusion) {
        self.connections += 1;
        match conclusion {
            Conclusion::Knocks(knocks) => self.count_knocks(knocks),
            Conclusion::Talk {
                connection, ordinary, ..
            } => {
                self.count_talk(connection);
                let room = REMEMBERED.saturating_sub(self.ordinary.len());
                self.ordinary.extend(ordinary.drain(..).take(room));
            }
        }
    }

    /// The same as [`Tally::count_talk`] of what the knocks come to, without reading them.
    fn count_knocks(&mut self, knocks: &Knocks) {
        let (client, server) = knocks.ends();
        self.count_endpoint(server, Listening::of_knocks(knocks));
        self.count_host(client.address, Host::of_knocks(knocks));
    }

    fn count_talk(&mut self, connection: &tcp::Facts) {
        self.gaps += u64::from(connection.from_client.has_gaps() || connection.from_server.has_gaps());
        self.one_sided += u64::from(connection.is_one_sided());
        self.count_endpoint(connection.server, Listening::of(connection));
        for side in [Side::Client, Side::Server] {
            if let Some(host) = Host::of(connection, side) {
                self.count_host(connection.endpoint(side).address, host);
            }
        }
        if let Some(path) = Path::of(connection) {
            let pair = (connection.client.address, connection.server.address);
            let room = self.paths.len() < REMEMBERED;
            put(&mut self.paths, room, pair, path, Path::merge);
        }
        // Those that were not answered are attempts, which are remembered anyway.
        let answered = Opening::of(connection).filter(|opening| opening.answered.is_some());
        self.openings
            .extend(answered.filter(|_| self.openings.len() < OPENINGS));
    }

    /// Counts a word of ARP or ND.
    pub fn neighbour(&mut self, word: &Neighbour) {
        if self.neighbours.len() >= REMEMBERED && !self.neighbours.contains_key(&word.target) {
            return;
        }
        let asked = self.neighbours.entry(word.target).or_default();
        let at = At {
            packet: word.packet,
            time: word.time,
        };
        if word.answer {
            asked.last_answer = asked.last_answer.max(Some(at));
        } else {
            asked.questions = asked.questions.saturating_add(1);
            asked.first_question.get_or_insert(at);
            asked.last_question = asked.last_question.max(Some(at));
        }
    }

    /// Divides it into two, which take about as long to add to others.
    pub fn divide(mut self) -> (Tally, Tally) {
        let hosts = Tally {
            hosts: std::mem::take(&mut self.hosts),
            ..Tally::default()
        };
        (hosts, self)
    }

    /// What all shards counted.
    pub fn sum(all: Vec<Tally>) -> Tally {
        all.into_iter().fold(Tally::default(), |mut sum, tally| {
            sum.merge(tally);
            sum
        })
    }

    /// Adds what another shard counted.
    pub fn merge(&mut self, other: Tally) {
        self.connections += other.connections;
        self.gaps += other.gaps;
        self.one_sided += other.one_sided;
        merge(&mut self.endpoints, other.endpoints, Listening::merge);
        merge(&mut self.hosts, other.hosts, Host::merge);
        merge(&mut self.neighbours, other.neighbours, Asked::merge);
        merge(&mut self.paths, other.paths, Path::merge);
        self.ordinary.extend(other.ordinary);
        self.openings.extend(other.openings);
    }

    fn count_endpoint(&mut self, server: Endpoint, listening: Listening) {
        let room = self.endpoints.len() < REMEMBERED;
        put(&mut self.endpoints, room, server, listening, Listening::merge);
    }

    fn count_host(&mut self, address: IpAddr, host: Host) {
        let room = self.hosts.len() < REMEMBERED;
        put(&mut self.hosts, room, address, host, Host::merge);
    }
}

/// Adds what one connection tells of `key`; of what is not known yet only if there is room.
fn put<K: Eq + Hash, V>(counts: &mut Counts<K, V>, room: bool, key: K, value: V, merge: impl Fn(&mut V, V)) {
    match counts.entry(key) {
        Entry::Occupied(mut known) => merge(known.get_mut(), value),
        Entry::Vacant(free) if room => {
            free.insert(Box::new(value));
        }
        Entry::Vacant(_) => {}
    }
}

/// Adds `more` to `counts`; in which order means nothing, so the larger one takes up the smaller one.
fn merge<K: Eq + Hash, V>(counts: &mut Counts<K, V>, mut more: Counts<K, V>, merge: impl Fn(&mut V, V)) {
    if counts.len() < more.len() {
        std::mem::swap(counts, &mut more);
    }
    for (key, value) in more {
        match counts.entry(key) {
            Entry::Occupied(mut known) => merge(known.get_mut(), *value),
            Entry::Vacant(free) => drop(free.insert(value)),
        }
    }
}

impl Listening {
    /// No connection was seen.
    const NONE: Listening = Listening {
        answered: 0,
        refused: 0,
        unanswered: 0,
        first_answer: None,
        last_answer: None,
        first_payload: None,
        last_payload: None,
        ttl: None,
        unserved: 0,
        first_unserved: None,
        overflowed: None,
    };

    /// What the server's end made of `connection`.
    fn of(connection: &tcp::Facts) -> Self {
        let syn_ack = connection.from_server.syns.first().map(|seen| seen.at);
        let payload = connection.from_server.data.as_ref().map(|data| data.first.at);
        let tried = !connection.from_client.syns.is_empty();
        let refused = syn_ack.is_none() && tried && connection.reset_by(Side::Server).is_some();
        let ends = connection.from_server.fin.is_some() || connection.reset_by(Side::Server).is_some();
        let unserved = connection.from_client.acknowledged > 0 && payload.is_none() && !ends;
        let syns = connection.from_server.syns.iter().map(|syn| syn.marks.ttl);
        Listening {
            answered: u64::from(syn_ack.is_some()),
            refused: u64::from(refused),
            unanswered: u64::from(syn_ack.is_none() && tried && !refused && payload.is_none()),
            first_answer: syn_ack,
            last_answer: syn_ack,
            first_payload: payload,
            last_payload: connection.from_server.data.as_ref().map(|data| data.last),
            ttl: syns.clone().min().zip(syns.max()),
            unserved: u64::from(unserved),
            first_unserved: Some(connection.first).filter(|_| unserved),
            overflowed: connection.ignored_acknowledgement(),
        }
    }

    fn of_knocks(knocks: &Knocks) -> Self {
        let refused = knocks.is_refused();
        Listening {
            refused: u64::from(refused),
            unanswered: u64::from(!refused),
            ..Listening::NONE
        }
    }

    fn merge(&mut self, other: Listening) {
        let earliest = |a: Option<At>, b: Option<At>| a.into_iter().chain(b).min();
        self.answered += other.answered;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.first_answer = earliest(self.first_answer, other.first_answer);
        self.last_answer = self.last_answer.max(other.last_answer);
        self.first_payload = earliest(self.first_payload, other.first_payload);
        self.last_payload = self.last_payload.max(other.last_payload);
        let ttl = self.ttl.into_iter().chain(other.ttl);
        self.ttl = ttl.reduce(|(low, high), (other_low, other_high)| (low.min(other_low), high.max(other_high)));
        self.unserved += other.unserved;
        self.first_unserved = earliest(self.first_unserved, other.first_unserved);
        self.overflowed = earliest(self.overflowed, other.overflowed);
    }
}

impl Host {
    /// What an end's segments have in common: only those that surely come from the host itself.
    fn of(connection: &tcp::Facts, side: Side) -> Option<Self> {
        let direction = connection.from(side);
        let speaks = !direction.syns.is_empty() || direction.data.is_some();
        let opening = direction.syns.iter().map(|syn| syn.marks.ttl);
        let word = direction.first_word.map(|word| word.marks);
        speaks.then_some(Host {
            ttl: opening.clone().min().zip(opening.max()).unwrap_or(direction.ttl?),
            at: direction.first?.at,
            connections: 1,
            words: word.iter().map(|word| (word.ttl, 1)).collect(),
            stamped: u64::from(word.is_some_and(|word| word.timestamp.is_some())),
            rtt: if side == Side::Server {
                connection.server_rtt
            } else {
                connection.client_rtt
            },
            last: direction.last?,
        })
    }

    /// What the SYNs of the end that knocks have in common.
    fn of_knocks(knocks: &Knocks) -> Self {
        let ttls = knocks.syns().map(|(_, ttl)| ttl);
        Host {
            ttl: (ttls.clone().min().unwrap_or(u8::MAX), ttls.max().unwrap_or_default()),
            at: knocks.first(),
            connections: 1,
            words: Vec::new(),
            stamped: 0,
            rtt: None,
            last: knocks.syns().next_back().map_or(knocks.first(), |(at, _)| at),
        }
    }

    fn merge(&mut self, other: Host) {
        self.ttl = (self.ttl.0.min(other.ttl.0), self.ttl.1.max(other.ttl.1));
        self.at = self.at.min(other.at);
        self.connections += other.connections;
        for (ttl, count) in other.words {
            match self.words.binary_search_by_key(&ttl, |(known, _)| *known) {
                Ok(place) => self.words[place].1 += count,
                Err(place) => self.words.insert(place, (ttl, count)),
            }
        }
        self.stamped += other.stamped;
        self.rtt = self.rtt.into_iter().chain(other.rtt).min();
        self.last = self.last.max(other.last);
    }
}

impl Path {
    /// What `connection` tells of it; `None` if nothing passed.
    fn of(connection: &tcp::Facts) -> Option<Self> {
        if !connection.is_established() {
            return None;
        }
        let mut path = Path {
            connections: 1,
            ..Path::default()
        };
        for (side, place) in [Side::Client, Side::Server].into_iter().zip(0..2) {
            let direction = connection.from(side);
            let repeat = direction
                .repeats_unacknowledged()
                .next()
                .filter(|_| direction.unheard().is_none());
            path.example = path.example.or(repeat.map(|repeat| repeat.seen.at));
            path.recovered[place] = u64::from(repeat.is_some());
            path.largest_passed[place] = direction.data.as_ref().map_or(0, |data| data.largest_passed);
        }
        let ends = [&connection.from_client, &connection.from_server];
        let went_on = |idle: &Idle| ends.iter().any(|end| end.acknowledged_at > Some(idle.to));
        path.survived = connection.idle.filter(went_on);
        Some(path)
    }

    fn merge(&mut self, other: Path) {
        self.connections += other.connections;
        for place in 0..2 {
            self.recovered[place] += other.recovered[place];
            self.largest_passed[place] = self.largest_passed[place].max(other.largest_passed[place]);
        }
        self.example = self.example.into_iter().chain(other.example).min();
        self.survived = self
            .survived
            .into_iter()
            .chain(other.survived)
            .max_by_key(|idle| (idle.length(), idle.from));
    }
}

impl Opening {
    fn of(connection: &tcp::Facts) -> Option<Self> {
        let syns = &connection.from_client.syns;
        Some(Opening {
            client: connection.client.address,
            server: connection.server,
            first: syns.first()?.at,
            last: syns.last()?.at,
            syns: syns.count(),
            answered: connection.from_server.syns.first().map(|syn| syn.at),
        })
    }

    fn pair(&self) -> (IpAddr, Endpoint) {
        (self.client, self.server)
    }
}

impl Asked {
    fn merge(&mut self, other: Asked) {
        self.questions = self.questions.saturating_add(other.questions);
        self.first_question = self.first_question.into_iter().chain(other.first_question).min();
        self.last_question = self.last_question.max(other.last_question);
        self.last_answer = self.last_answer.max(other.last_answer);
    }
}

/// What attempts that follow each other add to a survey; several are gathered side by side.
#[derive(Debug, Default)]
pub struct Roll<'a> {
    clients: HashSet<IpAddr>,
    /// By part of the servers: those that came past the handshake of TCP, in order.
    further: [Vec<u32>; Part::COUNT],
    /// Sec-WebSocket-Keys, in order.
    keys: Vec<(&'a [u8], u32)>,
    /// Openings that were not answered, beside some that were.
    openings: Vec<Opening>,
}

/// What is known of a part of the servers; the parts are gathered side by side.
#[derive(Debug, Default)]
pub struct Part<'a> {
    servers: HashMap<Endpoint, Server<'a>>,
    /// By server: the silences that sessions did not survive, in nanoseconds.
    silences: BTreeMap<IpAddr, Vec<u64>>,
}

/// The control experiments that a capture happens to hold.
#[derive(Debug)]
pub struct Survey<'a> {
    attempts: &'a [Pending],
    tally: &'a Tally,
    /// What became of the connections to each endpoint, in the order of addresses and ports.
    endpoints: Vec<(Endpoint, &'a Listening)>,
    parts: Vec<Part<'a>>,
    /// Ordinary exchanges by part of the servers.
    ordinary: [Vec<&'a Ordinary>; Part::COUNT],
    /// Attempts by Sec-WebSocket-Key.
    keys: HashMap<&'a [u8], Vec<u32>>,
    ordinary_keys: HashMap<&'a [u8], Vec<&'a Ordinary>>,
    /// Attempts of those clients that are servers as well, in order.
    clients: HashMap<IpAddr, Vec<u32>>,
    /// Attempts at those servers that are clients as well, and whose requests were seen, in order.
    asked: HashMap<IpAddr, Vec<u32>>,
    /// By client and server: openings of connections in order, where several passed.
    openings: HashMap<(IpAddr, Endpoint), Vec<Opening>>,
    /// Ways on which octets came through only when they were sent again.
    lossy: HashMap<(IpAddr, IpAddr), &'a Path>,
    span: (Time, Time),
}

/// What is known of one server endpoint; attempts are told by their indices.
#[derive(Debug, Default)]
struct Server<'a> {
    /// The first attempts that came past the handshake of TCP.
    attempts: Vec<u32>,
    /// Of each path: examples of attempts that differ in Origin, Host or credentials.
    paths: BTreeMap<String, Examples>,
    ordinary: Vec<&'a Ordinary>,
    /// Of each path: ordinary exchanges that differ in method, Origin or status.
    ordinary_paths: BTreeMap<&'a str, Vec<&'a Ordinary>>,
    /// The first preflight from an Origin that it refused.
    preflights: BTreeMap<&'a str, &'a Ordinary>,
    /// Accepted attempts by credential, a few of each.
    secrets: BTreeMap<&'a [u8], Vec<u32>>,
    /// The first accepted attempt by Origin.
    origins: BTreeMap<&'a [u8], u32>,
    /// The first WebSocket attempt by status of the answer.
    statuses: BTreeMap<u16, u32>,
    /// The first accepted attempt.
    upgraded: Option<u32>,
    /// Examples of TLS handshakes that completed.
    handshakes: Vec<u32>,
    /// The first attempt that was answered in TLS.
    tls: Option<u32>,
    /// The first ClientHello for each server name that was answered.
    names: Vec<u32>,
    /// The first attempt whose PROXY header was understood.
    proxied: Option<u32>,
}

/// Attempts on one path of one server, one of each kind.
#[derive(Debug, Default)]
struct Examples {
    passed: Vec<u32>,
    failed: Vec<u32>,
}

/// Examples that are kept of one kind.
const EXAMPLES: usize = 24;
/// Attempts that are kept of one server.
const FIRST_ATTEMPTS: usize = 64;
/// Attempts whose memory is fetched together.
const GLANCES: usize = 32;

impl<'a> Survey<'a> {
    /// Surveys `attempts`, which must be in the order of their first packets, and what was counted beside them.
    #[cfg(test)]
    pub fn new(attempts: &'a [Pending], tally: &'a Tally, span: (Time, Time)) -> Self {
        let mut survey = Survey::begin(attempts, tally, span);
        let rolls = [survey.roll(0..attempts.len())];
        let parts = (0..Part::COUNT).map(|number| survey.part(&rolls, number)).collect();
        survey.enter(rolls, parts);
        survey
    }

    /// Begins a survey of `attempts`, which must be in the order of their first packets, and of what was counted beside them;
    /// [`Survey::enter`] is to follow.
    pub fn begin(attempts: &'a [Pending], tally: &'a Tally, span: (Time, Time)) -> Self {
        Survey {
            attempts,
            tally,
            endpoints: in_order(&tally.endpoints),
            parts: Vec::new(),
            ordinary: by_part(&tally.ordinary),
            keys: HashMap::default(),
            ordinary_keys: HashMap::default(),
            clients: HashMap::default(),
            asked: HashMap::default(),
            openings: several_answered(&tally.openings),
            lossy: lossy(&tally.paths),
            span,
        }
    }

    /// What these attempts add, or those of them that there are.
    pub fn roll(&self, of: Range<usize>) -> Roll<'a> {
        let mut roll = Roll::default();
        let attempts = self.attempts.iter().zip(0..).skip(of.start).take(of.len());
        let attempts: Vec<(&'a Pending, u32)> = attempts.collect();
        for next in attempts.chunks(GLANCES) {
            let first = next.iter().map(|(pending, _)| pending.first().packet.number());
            black_box(first.fold(0, |seen, number| seen ^ number));
            for &(pending, index) in next {
                self.note(&mut roll, pending, index);
            }
        }
        roll
    }

    fn note(&self, roll: &mut Roll<'a>, pending: &'a Pending, index: u32) {
        let (client, server) = pending.ends();
        roll.clients.insert(client.address);
        if let Some(attempt) = pending.whole().filter(|attempt| attempt.stage != Stage::Connect) {
            roll.further[Part::number(server.address)].push(index);
            roll.keys.extend(key(attempt).map(|key| (key, index)));
        } else if self.openings.contains_key(&(client.address, server)) {
            let opening = Opening::of(&pending.attempt().connection);
            roll.openings
                .extend(opening.filter(|opening| opening.answered.is_none()));
        }
    }

    /// What the rolls of all attempts, in order, and ordinary exchanges tell of one part of the servers.
    pub fn part(&self, rolls: &[Roll<'a>], number: usize) -> Part<'a> {
        let mut part = Part::default();
        for indices in rolls.iter().flat_map(|roll| roll.further[number].chunks(GLANCES)) {
            let attempts = self.told(indices);
            black_box(attempts.clone().fold(0, |seen, attempt| seen ^ attempt.glance()));
            for (attempt, &index) in attempts.zip(indices) {
                part.enter(self.attempts, attempt, index);
            }
        }
        for ordinary in &self.ordinary[number] {
            let server = part.servers.entry(ordinary.server).or_default();
            server.enter_ordinary(ordinary);
        }
        for server in part.servers.values_mut() {
            server.ordinary.sort_by_key(|ordinary| ordinary.request);
        }
        part
    }

    /// Enters the rolls of all attempts, in order, and what they told of all parts of the servers.
    pub fn enter(&mut self, rolls: impl IntoIterator<Item = Roll<'a>>, parts: Vec<Part<'a>>) {
        self.parts = parts;
        let mut clients = HashSet::default();
        for roll in rolls {
            clients.extend(roll.clients);
            for (key, index) in roll.keys {
                self.keys.entry(key).or_default().push(index);
            }
            for opening in roll.openings {
                self.openings.entry(opening.pair()).or_default().push(opening);
            }
        }
        for openings in self.openings.values_mut() {
            openings.sort_by_key(|opening| opening.first);
        }
        for ordinary in &self.tally.ordinary {
            if let Some(key) = &ordinary.key {
                self.ordinary_keys.entry(key).or_default().push(ordinary);
            }
        }
        for legs in self.ordinary_keys.values_mut() {
            legs.sort_by_key(|leg| leg.request);
        }
        self.enter_proxies(&clients);
    }

    /// Only of a proxy is it asked what it began itself and what it was asked, and a proxy is both client and server.
    fn enter_proxies(&mut self, clients: &HashSet<IpAddr>) {
        let servers = self.parts.iter().flat_map(|part| part.servers.keys());
        let servers = servers.map(|server| server.address);
        let proxies: HashSet<IpAddr> = servers.filter(|server| clients.contains(server)).collect();
        if proxies.is_empty() {
            return;
        }
        for (pending, index) in self.attempts.iter().zip(0..) {
            let (client, server) = pending.ends();
            if proxies.contains(&client.address) {
                self.clients.entry(client.address).or_default().push(index);
            }
            let asked = pending.whole().is_some_and(|attempt| attempt.request.is_some());
            if asked && proxies.contains(&server.address) {
                self.asked.entry(server.address).or_default().push(index);
            }
        }
    }

    fn server(&self, server: Endpoint) -> Option<&Server<'a>> {
        self.parts.get(Part::number(server.address))?.servers.get(&server)
    }

    /// The attempt with this index, unless only knocks came.
    fn whole(&self, index: u32) -> Option<&'a Attempt> {
        self.attempts.get(index as usize)?.whole()
    }

    /// The attempts with these indices, but for those of which only knocks came.
    fn told<'i>(&self, indices: &'i [u32]) -> impl DoubleEndedIterator<Item = &'a Attempt> + Clone + use<'a, 'i> {
        let attempts = self.attempts;
        indices
            .iter()
            .filter_map(move |&index| attempts.get(index as usize)?.whole())
    }

    /// The first and the last moment of the capture.
    pub fn span(&self) -> (Time, Time) {
        self.span
    }

    /// The first attempt at `server` that was answered in TLS.
    pub fn speaks_tls(&self, server: Endpoint) -> Option<&'a Attempt> {
        self.whole(self.server(server)?.tls?)
    }

    /// The first attempt at `server` that began with a PROXY header and was answered in HTTP, other than with 400.
    pub fn proxied_at(&self, server: Endpoint) -> Option<&'a Attempt> {
        self.whole(self.server(server)?.proxied?)
    }

    /// Attempts of the host `client`, a server itself, that came past the handshake of TCP and whose first packet lies between
    /// two moments: the other legs of a proxy, if it is one.
    pub fn begun_by(&self, client: IpAddr, from: At, to: At) -> impl Iterator<Item = &'a Attempt> {
        let whole = self.pending_by(client, from, to).filter_map(Pending::whole);
        whole.filter(|attempt| attempt.stage != Stage::Connect).take(EXAMPLES)
    }

    /// The same of attempts that came to nothing before.
    pub fn tried_by(&self, client: IpAddr, from: At, to: At) -> impl Iterator<Item = Cow<'a, Attempt>> {
        let attempts = self.pending_by(client, from, to).map(Pending::attempt);
        attempts
            .filter(|attempt| attempt.stage == Stage::Connect)
            .take(EXAMPLES)
    }

    fn pending_by(&self, client: IpAddr, from: At, to: At) -> impl Iterator<Item = &'a Pending> {
        let indices = self.clients.get(&client).map(Vec::as_slice).unwrap_or_default();
        let attempts = self.attempts;
        let pending = move |&index: &u32| attempts.get(index as usize);
        let start = indices.partition_point(|index| pending(index).map(Pending::first) < Some(from));
        let begun = indices.iter().skip(start).filter_map(pending);
        begun.take_while(move |pending| pending.first() <= to)
    }

    /// The latest requests to the host `server` that were there by then: the legs in front of a proxy, if it is one.
    pub fn asked_by(&self, server: IpAddr, by: At) -> impl Iterator<Item = &'a Attempt> {
        let indices = self.asked.get(&server).map(Vec::as_slice).unwrap_or_default();
        let first = |index: u32| self.whole(index).map(Attempt::first);
        let end = indices.partition_point(|&index| first(index) <= Some(by));
        self.told(indices.get(..end).unwrap_or_default()).rev().take(EXAMPLES)
    }

    /// TLS handshakes with `server` that completed: one of each kind of server name, cipher suites and number of segments.
    pub fn handshakes_at(&self, server: Endpoint) -> impl Iterator<Item = &'a Attempt> {
        self.told(self.server(server).map_or(&[], |server| &server.handshakes))
    }

    /// ClientHellos at `server` that were answered: the first for each server name.
    pub fn names_at(&self, server: Endpoint) -> impl Iterator<Item = &'a Attempt> {
        self.told(self.server(server).map_or(&[], |server| &server.names))
    }

    /// Nanoseconds from `at` to the end of the capture.
    pub fn left_after(&self, at: At) -> u64 {
        self.span.1.since(at.time)
    }

    /// The first attempts at the same server endpoint that came past the handshake of TCP, in order.
    pub fn at_server(&self, server: Endpoint) -> impl Iterator<Item = &'a Attempt> {
        self.told(self.server(server).map_or(&[], |server| &server.attempts))
    }

    /// The first attempt at `server` that was accepted.
    pub fn upgraded_at(&self, server: Endpoint) -> Option<&'a Attempt> {
        self.whole(self.server(server)?.upgraded?)
    }

    /// Attempts that were accepted on `path` of `server`: one of each kind of Origin, Host and credentials.
    pub fn passed(&self, server: Endpoint, path: &str) -> impl Iterator<Item = &'a Attempt> + use<'_, 'a> {
        self.told(self.examples(server, path).map_or(&[], |examples| &examples.passed))
    }

    /// Attempts that failed on `path` of `server`: one of each kind of Origin, Host, credentials and status.
    pub fn failed(&self, server: Endpoint, path: &str) -> impl Iterator<Item = &'a Attempt> + use<'_, 'a> {
        self.told(self.examples(server, path).map_or(&[], |examples| &examples.failed))
    }

    fn examples(&self, server: Endpoint, path: &str) -> Option<&Examples> {
        self.server(server)?.paths.get(path)
    }

    /// Paths of `server` that were asked for, each with whether an upgrade passed there.
    pub fn paths_of(&self, server: Endpoint) -> impl Iterator<Item = (&str, bool)> {
        let paths = self.server(server).into_iter().flat_map(|server| &server.paths);
        paths.map(|(path, examples)| (path.as_str(), !examples.passed.is_empty()))
    }

    /// Other attempts with the same Sec-WebSocket-Key, those next in time: other legs of the same handshake. Test tools send
    /// the same key again and again, so that there may be very many.
    pub fn other_legs(&self, attempt: &Attempt) -> impl Iterator<Item = &'a Attempt> {
        let indices = key(attempt).and_then(|key| self.keys.get(key));
        let indices = indices.map(Vec::as_slice).unwrap_or_default();
        let own = attempt.connection.first;
        let first = |index: u32| self.whole(index).map(|other| other.connection.first);
        let place = indices.partition_point(|&index| first(index) < Some(own));
        let next = place.saturating_sub(EXAMPLES)..indices.len().min(place + EXAMPLES);
        self.told(indices.get(next).unwrap_or_default())
            .filter(move |other| other.connection.first != own)
    }

    /// Ordinary requests with the same Sec-WebSocket-Key, those next after it: legs on which the upgrade was lost.
    pub fn stripped_legs(&self, attempt: &Attempt) -> &[&'a Ordinary] {
        let legs = key(attempt).and_then(|key| self.ordinary_keys.get(key));
        let legs = legs.map(Vec::as_slice).unwrap_or_default();
        let from = legs.partition_point(|leg| leg.request < attempt.first());
        legs.get(from..legs.len().min(from + EXAMPLES)).unwrap_or_default()
    }

    /// Ordinary exchanges with `server`, in order.
    pub fn ordinary_at(&self, server: Endpoint) -> &[&'a Ordinary] {
        self.server(server).map_or(&[], |server| &server.ordinary)
    }

    /// Ordinary exchanges on `path` of `server`: one of each kind of method, Origin and status.
    pub fn ordinary_on(&self, server: Endpoint, path: &str) -> &[&'a Ordinary] {
        self.server(server)
            .and_then(|server| server.ordinary_paths.get(path))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The first CORS preflight from `origin` that `server` refused.
    pub fn preflight_refused(&self, server: Endpoint, origin: &str) -> Option<&'a Ordinary> {
        self.server(server)?.preflights.get(origin).copied()
    }

    /// Attempts at `server` that were accepted with this very credential, a few of them.
    pub fn accepted_with(&self, server: Endpoint, secret: &[u8]) -> impl Iterator<Item = &'a Attempt> + use<'_, 'a> {
        let indices = self.server(server).and_then(|server| server.secrets.get(secret));
        self.told(indices.map(Vec::as_slice).unwrap_or_default())
    }

    /// The first attempt at `server` that was accepted from `origin`.
    pub fn accepted_from(&self, server: Endpoint, origin: &[u8]) -> Option<&'a Attempt> {
        self.whole(*self.server(server)?.origins.get(origin)?)
    }

    /// The first WebSocket attempt that `server` answered with `status`.
    pub fn answered(&self, server: Endpoint, status: u16) -> Option<&'a Attempt> {
        self.whole(*self.server(server)?.statuses.get(&status)?)
    }

    /// What became of the connections to `endpoint`.
    pub fn listening(&self, endpoint: Endpoint) -> &'a Listening {
        let known = self.tally.endpoints.get(&endpoint);
        known.map_or(&Listening::NONE, Box::as_ref)
    }

    /// Endpoints of `address` and what became of the connections to them.
    pub fn listening_on(&self, address: IpAddr) -> impl Iterator<Item = (Endpoint, Listening)> {
        let from = self
            .endpoints
            .partition_point(|(endpoint, _)| endpoint.address < address);
        let ports = self.endpoints.get(from..).unwrap_or_default().iter();
        ports
            .take_while(move |(endpoint, _)| endpoint.address == address)
            .map(|(endpoint, listening)| (*endpoint, **listening))
    }

    /// What the segments of a host have in common.
    pub fn host(&self, address: IpAddr) -> Option<&'a Host> {
        self.tally.hosts.get(&address).map(Box::as_ref)
    }

    /// What passed between two hosts.
    pub fn path(&self, client: IpAddr, server: IpAddr) -> Path {
        self.tally
            .paths
            .get(&(client, server))
            .map(|path| **path)
            .unwrap_or_default()
    }

    /// What passed between two hosts, if octets came through only when they were sent again.
    pub fn lossy(&self, client: IpAddr, server: IpAddr) -> Option<&'a Path> {
        self.lossy.get(&(client, server)).copied()
    }

    /// How the connections of `client` to `server` were opened, in order; nothing unless at least two of them passed.
    pub fn openings(&self, client: IpAddr, server: Endpoint) -> &[Opening] {
        self.openings
            .get(&(client, server))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The silences, in nanoseconds, that sessions with `server` did not survive: see [`tcp::Facts::fatal_silence`].
    pub fn silences(&self, server: IpAddr) -> &[u64] {
        let part = self.parts.get(Part::number(server));
        let silences = part.and_then(|part| part.silences.get(&server));
        silences.map(Vec::as_slice).unwrap_or_default()
    }

    /// How `address` was asked for on the capture's own link.
    pub fn neighbour(&self, address: IpAddr) -> Option<Asked> {
        self.tally.neighbours.get(&address).map(|asked| **asked)
    }

    /// Whether most connections show only one direction: the capture missed the other.
    pub fn is_one_sided(&self) -> bool {
        self.tally.connections > 0 && self.tally.one_sided * 2 > self.tally.connections
    }

    /// Connections in which acknowledged octets are missing from the capture.
    pub fn connections_with_gaps(&self) -> u64 {
        self.tally.gaps
    }
}

impl<'a> Part<'a> {
    /// How many parts there are, whatever the threads. It is prime, for what servers' addresses have in common.
    pub const COUNT: usize = 31;

    /// The part that a server's endpoints belong to.
    fn number(server: IpAddr) -> usize {
        let octets = match server {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64 ^ address.to_bits() as u64,
        };
        (octets % Self::COUNT as u64) as usize
    }

    fn enter(&mut self, all: &[Pending], attempt: &'a Attempt, index: u32) {
        let endpoint = attempt.connection.server;
        self.servers.entry(endpoint).or_default().enter(all, attempt, index);
        if attempt.is_upgraded()
            && let Some((_, silence)) = attempt.connection.fatal_silence()
        {
            let silences = self.silences.entry(endpoint.address).or_default();
            if silences.len() < EXAMPLES {
                silences.push(silence);
            }
        }
    }
}

impl<'a> Server<'a> {
    fn enter(&mut self, all: &[Pending], attempt: &'a Attempt, index: u32) {
        if self.attempts.len() < FIRST_ATTEMPTS {
            self.attempts.push(index);
        }
        if let Some(tls) = &attempt.tls {
            if tls.server_first.is_some() {
                enter_unlike(&mut self.names, all, index, |other| same_name(other, attempt));
                if tls.not_tls.is_none() {
                    self.tls.get_or_insert(index);
                }
            }
            if tls.is_complete() {
                enter_unlike(&mut self.handshakes, all, index, |other| same_hello(other, attempt));
            }
        }
        if attempt.is_upgraded() {
            self.upgraded.get_or_insert(index);
        }
        if let Some(status) = attempt.status() {
            if attempt.is_websocket() {
                self.statuses.entry(status).or_insert(index);
            }
            let header = attempt.via.as_ref().is_some_and(|via| via.proxy_protocol.is_some());
            if header && status != 400 {
                self.proxied.get_or_insert(index);
            }
        }
        if let Some(request) = &attempt.request {
            self.enter_request(all, attempt, request, index);
        }
    }

    fn enter_request(&mut self, all: &[Pending], attempt: &Attempt, request: &'a Request, index: u32) {
        let examples = self.paths.entry(request.path()).or_default();
        if !attempt.is_upgraded() {
            return enter_unlike(&mut examples.failed, all, index, |other| same_kind(other, attempt));
        }
        enter_unlike(&mut examples.passed, all, index, |other| same_kind(other, attempt));
        if let Some(origin) = request.head.fields.first("origin") {
            self.origins.entry(origin).or_insert(index);
        }
        let credentials = request.credentials.iter();
        for credential in credentials.filter(|credential| credential.likely_credential) {
            let accepted = self.secrets.entry(&credential.value).or_default();
            if accepted.len() < EXAMPLES && accepted.last() != Some(&index) {
                accepted.push(index);
            }
        }
    }

    fn enter_ordinary(&mut self, ordinary: &'a Ordinary) {
        self.ordinary.push(ordinary);
        if ordinary.key.is_some() {
            return;
        }
        let status = |ordinary: &Ordinary| ordinary.response.map(|(status, _)| status);
        let on_path = self.ordinary_paths.entry(&ordinary.path).or_default();
        let alike = |other: &&Ordinary| {
            other.method == ordinary.method && other.origin == ordinary.origin && status(other) == status(ordinary)
        };
        if on_path.len() < EXAMPLES && !on_path.iter().any(alike) {
            on_path.push(ordinary);
        }
        if let (Some(origin), Some(400..)) = (&ordinary.origin, status(ordinary))
            && is_preflight(ordinary)
        {
            self.preflights.entry(origin).or_insert(ordinary);
        }
    }
}

/// Adds an attempt to a list of examples, if none of them is like it.
fn enter_unlike(list: &mut Vec<u32>, all: &[Pending], index: u32, alike: impl Fn(&Attempt) -> bool) {
    let known = |&other: &u32| all.get(other as usize).and_then(Pending::whole).is_some_and(&alike);
    if list.len() < EXAMPLES && !list.iter().any(known) {
        list.push(index);
    }
}

/// The answered openings of each client at each server, where there are several: only there can a limit on their rate be told.
fn several_answered(all: &[Opening]) -> HashMap<(IpAddr, Endpoint), Vec<Opening>> {
    let mut pairs: Vec<_> = all.iter().map(Opening::pair).collect();
    pairs.sort_unstable();
    let several = pairs.windows(2).filter(|two| two[0] == two[1]);
    let mut kept: HashMap<_, Vec<Opening>> = several.map(|two| (two[0], Vec::new())).collect();
    for opening in all {
        if let Some(list) = kept.get_mut(&opening.pair()) {
            list.push(*opening);
        }
    }
    kept
}

fn by_part(ordinary: &[Ordinary]) -> [Vec<&Ordinary>; Part::COUNT] {
    let mut parts: [Vec<&Ordinary>; Part::COUNT] = Default::default();
    for ordinary in ordinary {
        parts[Part::number(ordinary.server.address)].push(ordinary);
    }
    parts
}

fn in_order(endpoints: &Counts<Endpoint, Listening>) -> Vec<(Endpoint, &Listening)> {
    let all = endpoints.iter().map(|(endpoint, listening)| (*endpoint, &**listening));
    let mut all: Vec<_> = all.collect();
    all.sort_unstable_by_key(|(endpoint, _)| *endpoint);
    all
}

fn lossy(paths: &Counts<(IpAddr, IpAddr), Path>) -> HashMap<(IpAddr, IpAddr), &Path> {
    let all = paths.iter().map(|(pair, path)| (*pair, &**path));
    all.filter(|(_, path)| path.recovered != [0, 0]).collect()
}

/// Sec-WebSocket-Key.
fn key(attempt: &Attempt) -> Option<&[u8]> {
    attempt.request.as_ref()?.head.fields.first("sec-websocket-key")
}

/// Whether a browser asks whether a request from another Origin is welcome (the CORS protocol of the Fetch standard).
fn is_preflight(ordinary: &Ordinary) -> bool {
    let asks = |name: &String| name.eq_ignore_ascii_case("access-control-request-method");
    ordinary.method == "OPTIONS" && ordinary.field_names.iter().any(asks)
}

/// Whether two attempts are the same experiment: same Origin, Host, status and kinds and values of credentials.
fn same_kind(one: &Attempt, other: &Attempt) -> bool {
    let (Some(a), Some(b)) = (&one.request, &other.request) else {
        return false;
    };
    let field = |name| a.head.fields.first(name) == b.head.fields.first(name);
    one.status() == other.status() && field("origin") && field("host") && credentials(a).eq(credentials(b))
}

fn credentials(request: &Request) -> impl Iterator<Item = (&str, &[u8])> {
    let credentials = request.credentials.iter();
    credentials.map(|credential| (credential.place.as_str(), &*credential.value))
}

/// Whether two ClientHellos ask for the same server name.
fn same_name(one: &Attempt, other: &Attempt) -> bool {
    one.server_name() == other.server_name()
}

/// Whether two ClientHellos are the same experiment: same server name, same cipher suites, both in one segment or both in more.
fn same_hello(one: &Attempt, other: &Attempt) -> bool {
    fn hello(attempt: &Attempt) -> Option<(&Option<String>, &[u16], bool)> {
        let tls = attempt.tls.as_ref()?;
        let hello = tls.facts.client_hello.as_ref()?;
        Some((&hello.sni, &hello.cipher_suites, tls.hello_segments > 1))
    }
    hello(one) == hello(other)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::{
        attempt::{Dialogue, conclude},
        capture::PacketId,
        packet::Segment,
        tcp::{
            Table,
            sample::{LIMITS, Packet, any_knock, client, server},
        },
    };

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    const BACKEND: Endpoint = Endpoint {
        address: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 3)),
        port: 8000,
    };

    fn proxy() -> Endpoint {
        client().segment(1).destination
    }

    /// A segment between the proxy, which is the client here, and its backend.
    fn behind(packet: &Packet, number: u64, port: u16) -> Segment<'_> {
        let own = Endpoint { port, ..proxy() };
        let (source, destination) = match packet.side {
            Side::Client => (own, BACKEND),
            Side::Server => (BACKEND, own),
        };
        Segment {
            source,
            destination,
            ..packet.segment(number)
        }
    }

    #[test]
    fn knocks_are_counted_as_what_they_come_to() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut counted = 0;
        for _ in 0..5000 {
            let packets: Vec<Packet> = (0..random.usize(1..10)).map(|_| any_knock(&mut random)).collect();
            let mut table: Table<Dialogue> = Table::new(LIMITS);
            for (packet, number) in packets.iter().zip(1..) {
                table.segment(&packet.segment(number));
            }
            table.end_all();
            for conclusion in table.number(&[0; 10]).map(conclude) {
                let Conclusion::Knocks(knocks) = conclusion else {
                    continue;
                };
                let (mut as_knocks, mut as_facts) = (Tally::default(), Tally::default());
                as_knocks.count_knocks(&knocks);
                as_facts.count_talk(&knocks.facts::<Dialogue>());
                assert_eq!(format!("{as_knocks:?}"), format!("{as_facts:?}"), "{packets:#?}");
                counted += 1;
            }
        }
        assert!(counted > 1000, "{counted}");
    }

    #[test]
    fn what_a_proxy_tried_in_vain_is_known_by_its_knocks() {
        let asked = [
            client().syn(),
            server().syn().ack(0),
            client().ack(0),
            client().ack(0).data(0, REQUEST),
        ];
        let (syn, reset) = (client().syn(), server().rst(0).ack(0));
        let mut table: Table<Dialogue> = Table::new(LIMITS);
        for (packet, number) in asked.iter().zip(1..) {
            table.segment(&packet.segment(number));
        }
        for (packet, number, port) in [(&syn, 5, 1000), (&reset, 6, 1000), (&syn, 7, 1001)] {
            table.segment(&behind(packet, number, port));
        }
        table.end_all();
        let mut tally = Tally::default();
        let mut attempts = Vec::new();
        for mut conclusion in table.number(&[0, 1, 2]).map(conclude) {
            tally.count(&mut conclusion);
            attempts.extend(conclusion.into_attempts());
        }
        attempts.sort_by_key(Pending::order);
        let survey = Survey::new(&attempts, &tally, (Time(0), Time(i64::MAX)));
        let at = |number: u64| At {
            packet: PacketId::new(0, number),
            time: Time(number as i64 * 1_000_000),
        };
        let tried = |from, to| {
            let tried = survey.tried_by(proxy().address, at(from), at(to));
            let told = |attempt: Cow<'_, Attempt>| (attempt.first().packet.number(), attempt.connection.resets.count());
            tried.map(told).collect::<Vec<_>>()
        };
        assert_eq!(tried(1, 9), [(5, 1), (7, 0)]);
        assert_eq!(tried(1, 6), [(5, 1)]);
        assert_eq!(tried(6, 9), [(7, 0)]);
        assert_eq!(survey.begun_by(proxy().address, at(1), at(9)).count(), 0);
        assert_eq!(survey.at_server(proxy()).count(), 1);
        assert_eq!(survey.at_server(BACKEND).count(), 0);
        assert_eq!(survey.listening(BACKEND).refused, 1);
    }
}

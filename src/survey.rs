//! What the whole capture says about each server, path, origin, credential and host: the control experiments.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    attempt::{Attempt, Conclusion, Ordinary},
    capture::Time,
    packet::{Endpoint, Neighbour},
    tcp::{self, At, Side},
};

/// What is counted as connections end: it grows with the number of hosts and never with the number of packets.
#[derive(Debug, Default)]
pub struct Tally {
    /// TCP connections.
    pub connections: u64,
    endpoints: BTreeMap<Endpoint, Listening>,
    hosts: BTreeMap<IpAddr, Host>,
    ordinary: Vec<Ordinary>,
    neighbours: BTreeMap<IpAddr, Asked>,
    gaps: u64,
    one_sided: u64,
}

/// How many endpoints, hosts and ordinary exchanges one tally remembers.
const REMEMBERED: usize = 16_384;

/// What became of the connections to one endpoint.
#[derive(Clone, Copy, Debug, Default)]
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
}

/// What the segments of one host had in common.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Lowest and highest TTL or hop limit of its SYN-ACKs and of its segments with payload.
    pub ttl: (u8, u8),
    /// A packet that shows it.
    pub at: At,
    /// How many connections showed it.
    pub connections: u64,
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
        let connection = &conclusion.connection;
        self.connections += 1;
        self.gaps += u64::from(connection.from_client.has_gaps() || connection.from_server.has_gaps());
        self.one_sided += u64::from(connection.is_one_sided());
        if self.endpoints.len() < REMEMBERED || self.endpoints.contains_key(&connection.server) {
            self.endpoints.entry(connection.server).or_default().count(connection);
        }
        for side in [Side::Client, Side::Server] {
            self.count_host(connection, side);
        }
        let room = REMEMBERED.saturating_sub(self.ordinary.len());
        self.ordinary.extend(conclusion.ordinary.drain(..).take(room));
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

    /// Adds what another shard counted.
    pub fn merge(&mut self, other: Tally) {
        self.connections += other.connections;
        self.gaps += other.gaps;
        self.one_sided += other.one_sided;
        for (endpoint, listening) in other.endpoints {
            self.endpoints.entry(endpoint).or_default().merge(listening);
        }
        for (address, host) in other.hosts {
            self.hosts
                .entry(address)
                .and_modify(|known| known.merge(host))
                .or_insert(host);
        }
        self.ordinary.extend(other.ordinary);
        for (address, asked) in other.neighbours {
            self.neighbours
                .entry(address)
                .and_modify(|known| known.merge(asked))
                .or_insert(asked);
        }
    }

    /// What an end's segments have in common: only those that surely come from the host itself.
    fn count_host(&mut self, connection: &tcp::Facts, side: Side) {
        let direction = connection.from(side);
        let speaks = !direction.syns.is_empty() || direction.data.is_some();
        let (Some(ttl), Some(first), true) = (direction.ttl, direction.first, speaks) else {
            return;
        };
        let address = connection.endpoint(side).address;
        let host = Host {
            ttl,
            at: first.at,
            connections: 1,
        };
        if self.hosts.len() < REMEMBERED || self.hosts.contains_key(&address) {
            self.hosts
                .entry(address)
                .and_modify(|known| known.merge(host))
                .or_insert(host);
        }
    }
}

impl Listening {
    fn count(&mut self, connection: &tcp::Facts) {
        let syn_ack = connection.from_server.syns.first().map(|seen| seen.at);
        let payload = connection.from_server.data.as_ref().map(|data| data.first.at);
        let tried = !connection.from_client.syns.is_empty();
        self.answered += u64::from(syn_ack.is_some());
        let refused = syn_ack.is_none() && tried && connection.reset_by(Side::Server).is_some();
        self.refused += u64::from(refused);
        self.unanswered += u64::from(syn_ack.is_none() && tried && !refused && payload.is_none());
        self.merge(Listening {
            first_answer: syn_ack,
            last_answer: syn_ack,
            first_payload: payload,
            ..Listening::default()
        });
    }

    fn merge(&mut self, other: Listening) {
        let earliest = |a: Option<At>, b: Option<At>| a.into_iter().chain(b).min();
        self.answered += other.answered;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.first_answer = earliest(self.first_answer, other.first_answer);
        self.last_answer = self.last_answer.max(other.last_answer);
        self.first_payload = earliest(self.first_payload, other.first_payload);
    }
}

impl Host {
    fn merge(&mut self, other: Host) {
        self.ttl = (self.ttl.0.min(other.ttl.0), self.ttl.1.max(other.ttl.1));
        self.at = self.at.min(other.at);
        self.connections += other.connections;
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

/// The control experiments that a capture happens to hold.
#[derive(Debug)]
pub struct Survey<'a> {
    attempts: &'a [Attempt],
    tally: &'a Tally,
    /// Indices of attempts by server endpoint, in order.
    servers: BTreeMap<Endpoint, Vec<u32>>,
    /// Of each path of each server: examples of attempts that differ in Origin, Host or credentials.
    paths: BTreeMap<(Endpoint, String), Examples>,
    /// Attempts by Sec-WebSocket-Key.
    keys: BTreeMap<&'a [u8], Vec<u32>>,
    ordinary: BTreeMap<Endpoint, Vec<&'a Ordinary>>,
    ordinary_keys: BTreeMap<&'a [u8], Vec<&'a Ordinary>>,
    upgraded: BTreeMap<Endpoint, u32>,
    pairs: BTreeSet<(IpAddr, IpAddr)>,
    span: (Time, Time),
}

/// Attempts on one path of one server, one of each kind.
#[derive(Debug, Default)]
struct Examples {
    passed: Vec<u32>,
    failed: Vec<u32>,
}

/// Examples that are kept of one kind.
const EXAMPLES: usize = 24;

impl<'a> Survey<'a> {
    /// Surveys `attempts`, which must be in the order of their first packets, and what was counted beside them.
    pub fn new(attempts: &'a [Attempt], tally: &'a Tally, span: (Time, Time)) -> Self {
        let mut survey = Survey {
            attempts,
            tally,
            servers: BTreeMap::new(),
            paths: BTreeMap::new(),
            keys: BTreeMap::new(),
            ordinary: BTreeMap::new(),
            ordinary_keys: BTreeMap::new(),
            upgraded: BTreeMap::new(),
            pairs: BTreeSet::new(),
            span,
        };
        for (attempt, index) in attempts.iter().zip(0..) {
            survey.enter(attempt, index);
        }
        for ordinary in &tally.ordinary {
            survey.ordinary.entry(ordinary.server).or_default().push(ordinary);
            if let Some(key) = &ordinary.key {
                survey.ordinary_keys.entry(key).or_default().push(ordinary);
            }
        }
        survey
            .ordinary
            .values_mut()
            .for_each(|list| list.sort_by_key(|ordinary| ordinary.request));
        survey
    }

    fn enter(&mut self, attempt: &'a Attempt, index: u32) {
        let server = attempt.connection.server;
        self.servers.entry(server).or_default().push(index);
        if !attempt.presumed {
            self.pairs.insert((attempt.connection.client.address, server.address));
        }
        if attempt.is_upgraded() {
            self.upgraded.entry(server).or_insert(index);
        }
        let Some(request) = &attempt.request else { return };
        if let Some(key) = request.head.fields.first("sec-websocket-key") {
            self.keys.entry(key).or_default().push(index);
        }
        let examples = self.paths.entry((server, request.path())).or_default();
        let list = if attempt.is_upgraded() {
            &mut examples.passed
        } else {
            &mut examples.failed
        };
        let alike = |&other: &u32| {
            self.attempts
                .get(other as usize)
                .is_some_and(|other| same_kind(other, attempt))
        };
        if list.len() < EXAMPLES && !list.iter().any(alike) {
            list.push(index);
        }
    }

    /// All attempts, in order.
    pub fn attempts(&self) -> &'a [Attempt] {
        self.attempts
    }

    /// The first and the last moment of the capture.
    pub fn span(&self) -> (Time, Time) {
        self.span
    }

    /// Nanoseconds from `at` to the end of the capture.
    pub fn left_after(&self, at: At) -> u64 {
        self.span.1.since(at.time)
    }

    /// Attempts at the same server endpoint, in order, this one among them.
    pub fn at_server(&self, server: Endpoint) -> impl DoubleEndedIterator<Item = &'a Attempt> + Clone {
        let indices = self.servers.get(&server).map(Vec::as_slice).unwrap_or_default();
        let attempts = self.attempts;
        indices.iter().filter_map(move |&index| attempts.get(index as usize))
    }

    /// The first attempt at `server` that was accepted.
    pub fn upgraded_at(&self, server: Endpoint) -> Option<&'a Attempt> {
        self.attempts.get(*self.upgraded.get(&server)? as usize)
    }

    /// Whether the two hosts speak of upgrades anywhere in the capture.
    pub fn pair_upgrades(&self, client: IpAddr, server: IpAddr) -> bool {
        self.pairs.contains(&(client, server))
    }

    /// Attempts that were accepted on `path` of `server`: one of each kind of Origin, Host and credentials.
    pub fn passed(&self, server: Endpoint, path: &str) -> impl Iterator<Item = &'a Attempt> {
        self.examples(server, path, |examples| &examples.passed)
    }

    /// Attempts that failed on `path` of `server`: one of each kind of Origin, Host, credentials and status.
    pub fn failed(&self, server: Endpoint, path: &str) -> impl Iterator<Item = &'a Attempt> {
        self.examples(server, path, |examples| &examples.failed)
    }

    fn examples(
        &self,
        server: Endpoint,
        path: &str,
        of: fn(&Examples) -> &Vec<u32>,
    ) -> impl Iterator<Item = &'a Attempt> {
        let list = self
            .paths
            .get(&(server, path.to_owned()))
            .map(of)
            .cloned()
            .unwrap_or_default();
        let attempts = self.attempts;
        list.into_iter().filter_map(move |index| attempts.get(index as usize))
    }

    /// Paths of `server` that were asked for, each with whether an upgrade passed there.
    pub fn paths_of(&self, server: Endpoint) -> impl Iterator<Item = (&str, bool)> {
        let from = (server, String::new());
        let of_server = self
            .paths
            .range(from..)
            .take_while(move |((other, _), _)| *other == server);
        of_server.map(|((_, path), examples)| (path.as_str(), !examples.passed.is_empty()))
    }

    /// Other attempts with the same Sec-WebSocket-Key: other legs of the same handshake.
    pub fn other_legs(&self, attempt: &Attempt) -> impl Iterator<Item = &'a Attempt> {
        let key = attempt
            .request
            .as_ref()
            .and_then(|request| request.head.fields.first("sec-websocket-key"));
        let indices = key.and_then(|key| self.keys.get(key)).cloned().unwrap_or_default();
        let own = attempt.connection.first;
        let attempts = self.attempts;
        let others = indices
            .into_iter()
            .filter_map(move |index| attempts.get(index as usize));
        others.filter(move |other| other.connection.first != own)
    }

    /// Ordinary requests with the same Sec-WebSocket-Key: legs on which the upgrade was lost.
    pub fn stripped_legs(&self, attempt: &Attempt) -> &[&'a Ordinary] {
        let key = attempt
            .request
            .as_ref()
            .and_then(|request| request.head.fields.first("sec-websocket-key"));
        key.and_then(|key| self.ordinary_keys.get(key))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Ordinary exchanges with `server`, in order.
    pub fn ordinary_at(&self, server: Endpoint) -> &[&'a Ordinary] {
        self.ordinary.get(&server).map(Vec::as_slice).unwrap_or_default()
    }

    /// What became of the connections to `endpoint`.
    pub fn listening(&self, endpoint: Endpoint) -> Listening {
        self.tally.endpoints.get(&endpoint).copied().unwrap_or_default()
    }

    /// Endpoints of `address` and what became of the connections to them.
    pub fn listening_on(&self, address: IpAddr) -> impl Iterator<Item = (Endpoint, Listening)> {
        let (from, to) = (
            Endpoint { address, port: 0 },
            Endpoint {
                address,
                port: u16::MAX,
            },
        );
        self.tally
            .endpoints
            .range(from..=to)
            .map(|(endpoint, listening)| (*endpoint, *listening))
    }

    /// What the segments of a host have in common, as far as they surely come from itself.
    pub fn host(&self, address: IpAddr) -> Option<Host> {
        self.tally.hosts.get(&address).copied()
    }

    /// How `address` was asked for on the capture's own link.
    pub fn neighbour(&self, address: IpAddr) -> Option<Asked> {
        self.tally.neighbours.get(&address).copied()
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

/// Whether two attempts are the same experiment: same Origin, Host, status and kinds and values of credentials.
fn same_kind(one: &Attempt, other: &Attempt) -> bool {
    let (Some(a), Some(b)) = (&one.request, &other.request) else {
        return false;
    };
    let field = |name| a.head.fields.first(name) == b.head.fields.first(name);
    let credentials = |request: &crate::attempt::Request| {
        request
            .credentials
            .iter()
            .map(|credential| (credential.place.clone(), credential.value.clone()))
            .collect::<Vec<_>>()
    };
    one.status() == other.status() && field("origin") && field("host") && credentials(a) == credentials(b)
}

//! Failures that share one cause, gathered while attempts go by: whom they hit, when they began, and what passed there.

use std::{cmp::Reverse, collections::BTreeMap, hash::Hash, net::IpAddr};

use foldhash::HashMap;

use super::{Attempt, Pattern, Word, compose::endpoint, time::rfc3339, words};
use crate::{attempt, capture::Time, packet::Endpoint};

/// Names that a pattern lists of each kind.
const LISTED: usize = 8;

/// What is remembered of attempts to tell their patterns.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    /// By cause and outcome.
    groups: BTreeMap<(Word, Word), Group>,
    /// Where and when upgrades passed.
    passed: Vec<(Endpoint, Moment)>,
}

/// A moment, and how many digits of its seconds the capture knows.
pub(super) type Moment = (Time, u8);

/// Attempts that failed for one cause, in order.
#[derive(Debug)]
struct Group {
    summary: String,
    clients: Names<IpAddr>,
    servers: Names<Endpoint>,
    paths: Names<String>,
    first: Moment,
    last: Moment,
    /// Numbers of the first ones.
    examples: Vec<u64>,
    attempts: u64,
}

/// Names of one kind.
#[derive(Debug)]
struct Names<T> {
    /// Those of the latest attempts, not counted yet, with the attempts' numbers.
    latest: Vec<(T, u64)>,
    /// How often each occurred, and where first.
    counts: HashMap<T, (u64, u64)>,
}

impl Patterns {
    /// Counts an attempt, of which `told` is what the report says, and `number` its place in the report.
    pub(super) fn count(&mut self, attempt: &attempt::Attempt, told: &Attempt, number: u64, moment: Moment) {
        let server = attempt.connection.server;
        if attempt.is_upgraded() {
            self.passed.push((server, moment));
        }
        let Some(cause) = told.cause.as_ref().filter(|_| words::is_failure(&told.outcome)) else {
            return;
        };
        let key = (cause.id.clone(), told.outcome.clone());
        let group = self
            .groups
            .entry(key)
            .or_insert_with(|| Group::new(&cause.summary, moment));
        group.attempts += 1;
        group.clients.add(attempt.connection.client.address, number);
        group.servers.add(server, number);
        if let Some(request) = &told.request {
            let path = request.target.split('?').next().unwrap_or(&request.target);
            group.paths.add(path.to_owned(), number);
        }
        group.first = group.first.min(moment);
        group.last = group.last.max(moment);
        if group.examples.len() < LISTED {
            group.examples.push(number);
        }
    }

    /// Adds those of attempts that come later in the report.
    pub(super) fn append(&mut self, later: Patterns) {
        self.passed.extend(later.passed);
        for (key, group) in later.groups {
            match self.groups.get_mut(&key) {
                Some(known) => known.append(group),
                None => drop(self.groups.insert(key, group)),
            }
        }
    }

    /// The patterns, the most frequent first.
    pub(super) fn finish(self) -> Vec<Pattern> {
        let passed = self.passed;
        let told = |((cause, outcome), group): ((Word, Word), Group)| group.told(cause, outcome, &passed);
        let mut patterns: Vec<Pattern> = self.groups.into_iter().map(told).collect();
        patterns.sort_by_key(|pattern| Reverse(pattern.attempts));
        patterns
    }
}

impl Group {
    fn new(summary: &str, moment: Moment) -> Self {
        Group {
            summary: summary.to_owned(),
            clients: Names::default(),
            servers: Names::default(),
            paths: Names::default(),
            first: moment,
            last: moment,
            examples: Vec::new(),
            attempts: 0,
        }
    }

    fn append(&mut self, later: Group) {
        self.attempts += later.attempts;
        self.clients.append(later.clients);
        self.servers.append(later.servers);
        self.paths.append(later.paths);
        self.first = self.first.min(later.first);
        self.last = self.last.max(later.last);
        let room = LISTED - self.examples.len();
        self.examples.extend(later.examples.into_iter().take(room));
    }

    fn told(mut self, cause: Word, outcome: Word, passed: &[(Endpoint, Moment)]) -> Pattern {
        self.servers.count();
        let servers = &self.servers.counts;
        let at_these = passed.iter().filter(|(server, _)| servers.contains_key(server));
        let (before, since): (Vec<Moment>, Vec<Moment>) = at_these
            .map(|(_, moment)| *moment)
            .partition(|moment| *moment < self.first);
        let (clients, client_count) = self.clients.most_frequent(IpAddr::to_string);
        let (servers, server_count) = self.servers.most_frequent(|&server| endpoint(server));
        let (paths, path_count) = self.paths.most_frequent(String::clone);
        let text = |(time, digits): Moment| rfc3339(time.0, digits);
        Pattern {
            cause,
            outcome,
            attempts: self.attempts,
            summary: self.summary,
            clients,
            client_count,
            servers,
            server_count,
            paths,
            path_count,
            first: text(self.first),
            last: text(self.last),
            upgraded_before: before.len() as u64,
            last_upgraded_before: before.into_iter().max().map(text),
            upgraded_since: since.len() as u64,
            examples: self.examples.iter().map(u64::to_string).collect(),
        }
    }
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Names {
            latest: Vec::new(),
            counts: HashMap::default(),
        }
    }
}

impl<T: Hash + Eq> Names<T> {
    fn add(&mut self, name: T, number: u64) {
        self.latest.push((name, number));
    }

    fn append(&mut self, later: Names<T>) {
        self.count();
        for (name, (times, first)) in later.counts {
            self.counts.entry(name).or_insert((0, first)).0 += times;
        }
        self.latest = later.latest;
        self.count();
    }

    fn count(&mut self) {
        for (name, number) in self.latest.drain(..) {
            self.counts.entry(name).or_insert((0, number)).0 += 1;
        }
    }

    /// The most frequent names, at most [`LISTED`], and how many different ones there are; of equals the first seen comes first.
    fn most_frequent(mut self, name: impl Fn(&T) -> String) -> (Vec<String>, u64) {
        self.count();
        let different = self.counts.len();
        let ranked = self
            .counts
            .iter()
            .map(|(name, (times, first))| (Reverse(*times), *first, name));
        let mut ranked: Vec<(Reverse<u64>, u64, &T)> = ranked.collect();
        let place = |of: &(Reverse<u64>, u64, &T)| (of.0, of.1);
        if different > LISTED {
            ranked.select_nth_unstable_by_key(LISTED, place);
            ranked.truncate(LISTED);
        }
        ranked.sort_unstable_by_key(place);
        (ranked.iter().map(|(_, _, it)| name(it)).collect(), different as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> (Vec<String>, u64) {
        let mut all = Names::default();
        for (name, number) in names.iter().zip(0..) {
            all.add(name.to_string(), number);
        }
        all.most_frequent(String::clone)
    }

    #[test]
    fn the_most_frequent_come_first_and_of_equals_the_first_seen() {
        assert_eq!(names(&[]), (vec![], 0));
        let (told, different) = names(&["c", "b", "a", "b", "c", "d"]);
        assert_eq!((told, different), (["c", "b", "a", "d"].map(str::to_owned).to_vec(), 4));
        let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let (told, different) = names(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((told.len(), told[7].as_str(), different), (LISTED, "7", 20));
    }
}

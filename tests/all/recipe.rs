//! Recipes: packet ladders as text, from which captures are composed that could not be recorded.
//!
//! `fixtures/<case>/<name>.recipe.txt` is the recipe of `<name>.pcap`. A line is one of these; `#` begins a comment.
//!
//! ```text
//! host server 198.51.100.20 ttl 57 behind router     as its segments arrive where this is captured
//! text ask                                           lines of payload that are used more than once
//!   | GET /ws HTTP/1.1
//! connection client:50001 server:8080 at 2s key a    its packets follow; the key makes the octets that are random
//! open 20ms                                          SYN, SYN-ACK after that time, ACK; `open 20ms at server` from there
//! close server 20ms                                  FINs of both and the last ACK, by that end first
//! +1ms > PA as ask lost                              after a millisecond, by the client: its flags, a name, marks
//!   = ask                                            payload: see `payload.rs`
//! +200ms > again ask                                 the same segment again
//! +3ms icmp 3/10 from router quotes ask ttl 63       an ICMP error about a segment, which arrived with that TTL
//! ```
//!
//! Sequence and acknowledgement numbers, IP identifications, timestamps and windows follow by themselves, as Linux counts them.
//! Marks: `lost` (never arrives), `unseen` (not captured), `from HOST` (another machine writes it in the sender's name),
//! `ttl N`, `id N`, `window N`, `seq N` (so much further on in the stream), `ack N`, `bare` (without TCP timestamps), `of A..B` (only
//! these octets of its payload).

use std::{collections::BTreeMap, fs, net::IpAddr, ops::Range, path::PathBuf};

use crate::{
    compose::pcap,
    fixtures::{names, rewrites},
    payload::{APPLICATION_DATA, Part, unescaped},
    program::{fixtures, tell},
    sealing,
};

/// How the name of a recipe ends, after that of its capture without `.pcap`.
pub(crate) const RECIPE: &str = ".recipe.txt";

/// The ladders of one capture.
#[derive(Debug, Default)]
pub(crate) struct Recipe {
    pub(crate) hosts: BTreeMap<String, Host>,
    pub(crate) connections: Vec<Connection>,
}

/// A machine, as the capture sees it.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) address: IpAddr,
    /// With which its packets arrive where this is captured.
    pub(crate) ttl: u8,
    /// The router that bears its packets on the captured link, if it is not on the link itself.
    pub(crate) behind: Option<String>,
}

/// One connection and what is said of it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// Client and server: host and port.
    pub(crate) ends: [(String, u16); 2],
    /// Microseconds after the start of the capture.
    pub(crate) begins: u64,
    /// What its random octets are made from: numbers, keys, ciphertext.
    pub(crate) key: String,
    pub(crate) steps: Vec<Step>,
}

/// Something that happens on a connection.
#[derive(Debug)]
pub(crate) struct Step {
    /// Microseconds after the step before.
    pub(crate) after: u64,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Segment(Box<Segment>),
    Error(Error),
}

/// A segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segment {
    /// Whether the client sends it.
    pub(crate) by_client: bool,
    /// Letters of S, A, F, R, P; empty if it repeats another.
    pub(crate) flags: String,
    /// The name of the segment that this repeats.
    pub(crate) again: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) lost: bool,
    pub(crate) unseen: bool,
    pub(crate) from: Option<String>,
    pub(crate) ttl: Option<u8>,
    pub(crate) id: Option<u16>,
    pub(crate) window: Option<u16>,
    pub(crate) seq: i64,
    pub(crate) ack: i64,
    pub(crate) bare: bool,
    /// Which octets of its payload it bears, if not all.
    pub(crate) of: Option<Range<usize>>,
    pub(crate) parts: Vec<Part>,
}

/// An ICMP error about a segment.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) from: String,
    pub(crate) quotes: String,
    /// With which the quoted segment arrived.
    pub(crate) ttl: Option<u8>,
}

/// Every file that recipes make, and what is in it: captures, and the secrets of those that are protected.
fn all() -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in names(&fixtures()).into_iter().map(|case| fixtures().join(case)) {
        let mut secrets = String::new();
        for file in names(&folder) {
            let Some(name) = file.strip_suffix(RECIPE) else {
                continue;
            };
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            let recipe = Recipe::read(&text).unwrap_or_else(|error| panic!("{}/{file}: {error}", folder.display()));
            all.push((folder.join(format!("{name}.pcap")), pcap(&recipe)));
            secrets += &recipe.secrets();
        }
        if !secrets.is_empty() {
            all.push((folder.join("keys.log"), secrets.into_bytes()));
        }
    }
    all
}

/// Composes everything anew.
pub(crate) fn rewrite() {
    for (path, octets) in all() {
        if fs::read(&path).ok().as_ref() != Some(&octets) {
            fs::write(&path, octets).unwrap();
            tell(&format!("composed: {}", path.display()));
        }
    }
}

impl Recipe {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut reader = Reader::default();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim_end();
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_payload = line.starts_with(' ');
            let read = match words.first() {
                None => Ok(()),
                Some(word) if word.starts_with('#') => Ok(()),
                Some(_) if is_payload => reader.payload(line.trim_start()),
                Some(word) => reader.line(word, &words[1..]),
            };
            read.map_err(|error| format!("line {number}: {error}"))?;
        }
        Ok(reader.recipe)
    }

    /// The key log of the connections that are truly protected.
    fn secrets(&self) -> String {
        let is_sealed = |step: &Step| match &step.what {
            What::Segment(segment) => segment.parts.iter().any(|part| matches!(part, Part::Sealed(..))),
            What::Error(_) => false,
        };
        let sealed = self.connections.iter().filter(|it| it.steps.iter().any(is_sealed));
        sealed.map(|connection| sealing::keylog(&connection.key)).collect()
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    recipe: Recipe,
    texts: BTreeMap<String, Vec<Part>>,
    /// The text that payload lines belong to; without one they belong to the last segment.
    text: Option<String>,
}

impl Reader {
    fn line(&mut self, word: &str, words: &[&str]) -> Result<(), String> {
        self.text = None;
        match word {
            "host" => self.host(words),
            "text" => {
                let name = at(words, 0)?.to_owned();
                self.texts.insert(name.clone(), Vec::new());
                self.text = Some(name);
                Ok(())
            }
            "connection" => self.connection(words),
            "open" => self.open(words),
            "close" => self.close(words),
            _ => self.step(time(word.strip_prefix('+').ok_or("not understood")?)?, words),
        }
    }

    fn host(&mut self, words: &[&str]) -> Result<(), String> {
        let address = at(words, 1)?.parse().map_err(|_| "no address")?;
        let mut host = Host {
            address,
            ttl: 64,
            behind: None,
        };
        for (mark, value) in pairs(&words[2..])? {
            match mark {
                "ttl" => host.ttl = number(value)?,
                "behind" => host.behind = Some(value.to_owned()),
                _ => return Err(format!("{mark} is no mark of a host")),
            }
        }
        self.recipe.hosts.insert(at(words, 0)?.to_owned(), host);
        Ok(())
    }

    fn connection(&mut self, words: &[&str]) -> Result<(), String> {
        let end = |word: &str| {
            let (host, port) = word.split_once(':').ok_or("an end is host:port")?;
            self.recipe.hosts.get(host).ok_or(format!("there is no host {host}"))?;
            Ok::<_, String>((host.to_owned(), number(port)?))
        };
        let mut connection = Connection {
            ends: [end(at(words, 0)?)?, end(at(words, 1)?)?],
            key: words[0].to_owned(),
            ..Connection::default()
        };
        for (mark, value) in pairs(&words[2..])? {
            match mark {
                "at" => connection.begins = time(value)?,
                "key" => connection.key = value.to_owned(),
                _ => return Err(format!("{mark} is no mark of a connection")),
            }
        }
        self.recipe.connections.push(connection);
        Ok(())
    }

    /// The three segments of an opening, as the end sees them at which this is captured.
    fn open(&mut self, words: &[&str]) -> Result<(), String> {
        let far = time(at(words, 0)?)?;
        let near = 40;
        let [there, back] = match words[1..] {
            [] => [far, near],
            ["at", "server"] => [near, far],
            _ => return Err("an opening is seen by its client, or `at server`".to_owned()),
        };
        self.step(0, &[">", "S", "as", "syn"])?;
        self.step(there, &["<", "SA", "as", "syn-ack"])?;
        self.step(back, &[">", "A"])
    }

    /// The three segments of an orderly end, seen at the client.
    fn close(&mut self, words: &[&str]) -> Result<(), String> {
        let far = time(at(words, 1)?)?;
        let steps = match at(words, 0)? {
            "client" => [(100, [">", "FA"]), (far, ["<", "FA"]), (40, [">", "A"])],
            "server" => [(100, ["<", "FA"]), (250, [">", "FA"]), (far, ["<", "A"])],
            who => return Err(format!("{who} is no end")),
        };
        steps
            .into_iter()
            .try_for_each(|(after, words)| self.step(after, &words))
    }

    fn step(&mut self, after: u64, words: &[&str]) -> Result<(), String> {
        let what = match at(words, 0)? {
            ">" => What::Segment(segment(true, &words[1..])?),
            "<" => What::Segment(segment(false, &words[1..])?),
            "icmp" => What::Error(error(&words[1..])?),
            word => return Err(format!("{word} is neither > nor < nor icmp")),
        };
        let connection = self.recipe.connections.last_mut().ok_or("of which connection?")?;
        connection.steps.push(Step { after, what });
        Ok(())
    }

    fn payload(&mut self, line: &str) -> Result<(), String> {
        let text = |name: &str| self.texts.get(name).ok_or(format!("there is no text {name}")).cloned();
        let sealed = line.strip_prefix("sealed ").and_then(|line| line.split_once(" = "));
        let parts = match (line.strip_prefix("= "), sealed) {
            (Some(name), _) => text(name)?,
            (None, Some((nth, name))) => vec![Part::Sealed(number(nth)?, APPLICATION_DATA, text(name)?)],
            (None, None) => vec![Part::read(line)?],
        };
        if let Some(text) = &self.text {
            self.texts.entry(text.clone()).or_default().extend(parts);
            return Ok(());
        }
        let steps = self
            .recipe
            .connections
            .last_mut()
            .map(|connection| &mut connection.steps);
        match steps.and_then(|steps| steps.last_mut()).map(|step| &mut step.what) {
            Some(What::Segment(segment)) => {
                segment.parts.extend(parts);
                Ok(())
            }
            _ => Err("payload of what?".to_owned()),
        }
    }
}

fn segment(by_client: bool, words: &[&str]) -> Result<Box<Segment>, String> {
    let mut segment = Box::new(Segment {
        by_client,
        ..Segment::default()
    });
    let mut words = words.iter().copied();
    match words.next().ok_or("no flags")? {
        "again" => segment.again = Some(words.next().ok_or("again what?")?.to_owned()),
        flags if flags.chars().all(|flag| "SAFRP".contains(flag)) => segment.flags = flags.to_owned(),
        flags => return Err(format!("{flags} are no flags")),
    }
    while let Some(mark) = words.next() {
        let mut value = || words.next().ok_or(format!("{mark} needs a value"));
        match mark {
            "lost" => segment.lost = true,
            "unseen" => segment.unseen = true,
            "bare" => segment.bare = true,
            "as" => segment.name = Some(value()?.to_owned()),
            "from" => segment.from = Some(value()?.to_owned()),
            "ttl" => segment.ttl = Some(number(value()?)?),
            "id" => segment.id = Some(number(value()?)?),
            "window" => segment.window = Some(number(value()?)?),
            "seq" => segment.seq = number(value()?)?,
            "ack" => segment.ack = number(value()?)?,
            "of" => segment.of = Some(range(value()?)?),
            _ => return Err(format!("{mark} is no mark of a segment")),
        }
    }
    Ok(segment)
}

fn error(words: &[&str]) -> Result<Error, String> {
    let (kind, code) = at(words, 0)?.split_once('/').ok_or("an error is type/code")?;
    let (kind, code) = (number(kind)?, number(code)?);
    let (mut from, mut quotes, mut ttl) = (None, None, None);
    for (mark, value) in pairs(&words[1..])? {
        match mark {
            "from" => from = Some(value.to_owned()),
            "quotes" => quotes = Some(value.to_owned()),
            "ttl" => ttl = Some(number(value)?),
            _ => return Err(format!("{mark} is no mark of an error")),
        }
    }
    Ok(Error {
        kind,
        code,
        from: from.ok_or("from whom?")?,
        quotes: quotes.ok_or("it quotes nothing")?,
        ttl,
    })
}

fn at<'w>(words: &[&'w str], index: usize) -> Result<&'w str, String> {
    words
        .get(index)
        .copied()
        .ok_or_else(|| "the line ends too soon".to_owned())
}

fn pairs<'w>(words: &[&'w str]) -> Result<Vec<(&'w str, &'w str)>, String> {
    let pair = |pair: &[&'w str]| Ok((pair[0], at(pair, 1)?));
    words.chunks(2).map(pair).collect()
}

fn range(word: &str) -> Result<Range<usize>, String> {
    let (from, to) = word.split_once("..").ok_or(format!("{word} is no range"))?;
    Ok(number(from)?..number(to)?)
}

fn number<N: std::str::FromStr>(word: &str) -> Result<N, String> {
    word.parse().map_err(|_| format!("{word} is no such number"))
}

/// Microseconds.
fn time(word: &str) -> Result<u64, String> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let (count, unit) = units
        .into_iter()
        .find_map(|(name, unit)| Some((word.strip_suffix(name)?, unit)))
        .ok_or(format!("{word} is no time"))?;
    let count: f64 = number(count)?;
    Ok((count * unit).round() as u64)
}

#[test]
fn every_composed_capture_is_that_of_its_recipe() {
    if rewrites() {
        rewrite();
    }
    let all = all();
    assert!(all.len() > 20, "only {} recipes are there", all.len());
    for (path, octets) in all {
        let is = fs::read(&path).unwrap_or_default() == octets;
        assert!(
            is,
            "{} is not what its recipe makes; UPGRADESCOPE_REWRITE=1 composes it anew",
            path.display()
        );
    }
}

#[test]
fn what_a_recipe_cannot_mean_is_told_by_its_line() {
    let hosts = "host c 192.0.2.1\nhost s 192.0.2.2 ttl 60\nconnection c:1 s:2\n";
    for (line, error) in [
        ("+1ms > SAX", "SAX are no flags"),
        ("+1 > S", "1 is no time"),
        ("+1ms > S ttl", "ttl needs a value"),
        ("+1ms ? S", "? is neither > nor < nor icmp"),
        ("connection c:1 x:2", "there is no host x"),
        ("  = ask", "there is no text ask"),
        ("host h nowhere", "no address"),
    ] {
        let read = Recipe::read(&format!("{hosts}{line}"));
        assert_eq!(read.unwrap_err(), format!("line 4: {error}"));
    }
    assert_eq!(unescaped(r"a\r\x00\\"), Ok(b"a\r\0\\".to_vec()));
}

//! Makes the report from facts and verdicts: names, times and counts, credentials masked unless asked for.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
};

use crate::{
    attempt::{self, Session, Stage, Tls},
    capture::{CaptureFile, PacketId, Time},
    diagnosis::{Case, Evidence, Finding, Verdict, diagnose},
    fingerprint::{Answer, Author, Prints},
    http::{masked_subprotocols, masked_target, printable},
    packet::Endpoint,
    report::{
        Alert, Attempt, Capture, Cause, Close, Connection, Considered, Frames, Pattern, Report, Request, Response,
        SCHEMA_VERSION, Summary, Tool, Word, time::rfc3339,
    },
    survey::Survey,
    tcp::{self, Side},
    tls,
};

/// Octets of a body that a report shows.
const BODY_SHOWN: usize = 1024;
/// Names that a pattern lists of each kind.
const LISTED: usize = 8;

/// Gathers a report, one chain of captures after the other.
pub struct Composer {
    style: Style,
    report: Report,
}

/// How attempts are told.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    show_secrets: bool,
}

/// All that is needed to tell of an attempt.
pub struct Scene<'a> {
    /// The control experiments.
    pub survey: &'a Survey<'a>,
    /// Marks of programs.
    pub prints: &'a Prints,
    /// The capture files of this chain.
    pub captures: &'a [CaptureFile],
    /// Index of the first of them in the report.
    pub first_index: u32,
    /// How it is told.
    pub style: Style,
}

impl Composer {
    /// An empty report.
    pub fn new(show_secrets: bool) -> Self {
        let tool = Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let report = Report {
            schema_version: SCHEMA_VERSION,
            tool,
            captures: Vec::new(),
            summary: Summary::default(),
            attempts: Vec::new(),
            patterns: Vec::new(),
        };
        Composer {
            style: Style { show_secrets },
            report,
        }
    }

    /// How attempts are to be told.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Adds the captures of a chain, with what is to be said of each beside what reading them found.
    pub fn captures(&mut self, captures: &[CaptureFile], warnings: &[Vec<String>], connections: u64) {
        self.report.summary.connections += connections;
        for (place, capture) in captures.iter().enumerate() {
            let index = self.report.captures.len() as u32;
            let more = warnings.get(place).cloned().unwrap_or_default();
            self.report.captures.push(told_capture(capture, index, more));
        }
    }

    /// Adds the attempts of a chain, in order.
    pub fn attempts(&mut self, attempts: Vec<Attempt>) {
        for mut attempt in attempts {
            attempt.id = (self.report.attempts.len() + 1).to_string();
            self.report.summary.count(&attempt);
            self.report.attempts.push(attempt);
        }
    }

    /// The finished report.
    pub fn finish(mut self) -> Report {
        self.report.patterns = patterns(&self.report.attempts);
        self.report
    }
}

impl Summary {
    fn count(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        self.presumed += u64::from(attempt.presumed);
        self.failed += u64::from(super::words::is_failure(&attempt.outcome));
        count(&mut self.outcomes, &attempt.outcome);
        if let Some(cause) = &attempt.cause {
            count(&mut self.causes, &cause.id);
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

fn told_capture(capture: &CaptureFile, index: u32, more: Vec<String>) -> Capture {
    let time = |time: Option<Time>| time.map(|time| rfc3339(time.0, capture.precision));
    let mut warnings: Vec<String> = capture.anomalies.iter().map(ToString::to_string).collect();
    warnings.extend(capture.dropped.filter(|&dropped| dropped > 0).map(|dropped| {
        format!("The capturing program says that it dropped {dropped} packets: what seems to be missing may have been there.")
    }));
    warnings.extend(more);
    Capture {
        index,
        path: printable(capture.path.as_bytes(), 4096),
        format: capture.format.to_string(),
        compression: capture.compression.map(|compression| compression.to_string()),
        link_types: capture.link_types.iter().map(|link| link.name().into_owned()).collect(),
        packets: capture.packets,
        bytes: capture.octets,
        first: time(capture.first),
        last: time(capture.last),
        warnings,
    }
}

impl Scene<'_> {
    /// Judges an attempt and tells of it.
    pub fn attempt(&self, attempt: &attempt::Attempt) -> Attempt {
        let author = self.author(attempt);
        let finding = diagnose(&Case {
            attempt,
            survey: self.survey,
            author: &author,
        });
        let secrets = Secrets::of(attempt, self.style);
        let facts = &attempt.connection;
        Attempt {
            id: String::new(),
            capture: facts.first.packet.capture(),
            stream: facts.stream,
            client: endpoint(facts.client),
            server: endpoint(facts.server),
            protocol: attempt.protocol(),
            http_version: attempt.request.as_ref().map(|request| request.head.version.to_string()),
            presumed: attempt.presumed,
            stage: attempt.stage.name().into(),
            outcome: finding.outcome.name().into(),
            connection: self.connection(attempt),
            request: attempt
                .request
                .as_ref()
                .map(|request| Box::new(told_request(request, self.style))),
            response: attempt
                .response
                .as_ref()
                .map(|response| Box::new(told_response(response, &author, &secrets))),
            tls: attempt.tls.as_ref().map(|tls| Box::new(told_tls(tls))),
            session: attempt.is_upgraded().then(|| Box::new(told_session(attempt))),
            also_considered: told_considered(&finding),
            cause: finding.cause.map(|verdict| told_cause(verdict, &secrets)),
        }
    }

    fn author(&self, attempt: &attempt::Attempt) -> Author {
        let Some(response) = &attempt.response else {
            return Author::default();
        };
        let head = &response.head;
        self.prints.author(&Answer {
            version: (head.version.major, head.version.minor),
            status: head.status,
            reason: &head.reason,
            fields: head.fields.iter().map(|field| (&*field.name, &*field.value)).collect(),
            body: &response.body,
            body_length: response.body_length,
            closes: Some(attempt.connection.from_server.fin.is_some()),
        })
    }

    fn connection(&self, attempt: &attempt::Attempt) -> Connection {
        let facts = &attempt.connection;
        let time = |at: tcp::At| rfc3339(at.time.0, self.precision(at.packet));
        Connection {
            first: time(facts.first),
            last: time(facts.last),
            packet: facts.first.packet.number(),
            state: tcp::state(facts).into(),
            history: facts.history.to_string(),
            community_id: tcp::community_id(facts.client, facts.server),
            rtt_ms: facts.rtt().map(|rtt| (rtt / 1000) as f64 / 1000.0),
            via: attempt.via.as_ref().and_then(|via| {
                let connect = via.connect.as_ref().map(|_| Word::from("connect"));
                connect.or_else(|| via.proxy_protocol.map(|_| Word::from("proxy-protocol")))
            }),
        }
    }

    fn precision(&self, packet: PacketId) -> u8 {
        let place = packet.capture().checked_sub(self.first_index);
        place
            .and_then(|place| self.captures.get(place as usize))
            .map_or(6, |capture| capture.precision)
    }
}

fn endpoint(endpoint: Endpoint) -> String {
    SocketAddr::new(endpoint.address, endpoint.port).to_string()
}

/// Values that must not be in a report.
struct Secrets(Vec<String>);

impl Secrets {
    /// Shorter values are no secrets, and would be found by chance.
    const SHORTEST: usize = 6;

    fn of(attempt: &attempt::Attempt, style: Style) -> Self {
        let request = attempt.request.as_ref().filter(|_| !style.show_secrets);
        let credentials = request
            .map(|request| request.credentials.as_slice())
            .unwrap_or_default();
        let values = credentials.iter().map(|credential| printable(&credential.value, 8192));
        let mut values: Vec<String> = values.filter(|value| value.len() >= Self::SHORTEST).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Secrets(values)
    }

    fn masked(&self, text: String) -> String {
        self.0.iter().fold(text, |text, value| {
            if text.contains(value) {
                text.replace(value, "***")
            } else {
                text
            }
        })
    }
}

fn told_request(request: &attempt::Request, style: Style) -> Request {
    let target = &request.head.target;
    let mut credentials: Vec<String> = request
        .credentials
        .iter()
        .filter(|credential| credential.likely_credential)
        .map(|credential| credential.place.clone())
        .collect();
    credentials.dedup();
    Request {
        method: printable(&request.head.method, 32),
        target: if style.show_secrets {
            printable(target, 4096)
        } else {
            masked_target(target)
        },
        host: request.host(),
        origin: request.origin(),
        user_agent: request.field("user-agent"),
        subprotocols: masked_subprotocols(&request.head.fields),
        credentials,
        packet: request.last.at.packet.number(),
    }
}

fn told_response(response: &attempt::Response, author: &Author, secrets: &Secrets) -> Response {
    let text = |octets: &[u8], limit| Some(printable(octets, limit)).filter(|text| !text.is_empty());
    Response {
        status: response.head.status,
        reason: text(&response.head.reason, 256),
        server: response.field("server").filter(|server| !server.is_empty()),
        author: author.program.clone(),
        body: text(&response.body, BODY_SHOWN).map(|body| secrets.masked(body)),
        packet: response.first.at.packet.number(),
    }
}

fn told_tls(tls: &Tls) -> super::Tls {
    let facts = &tls.facts;
    let hello = facts.client_hello.as_ref();
    let server = facts.server_hello.as_ref();
    super::Tls {
        version: facts.version().map(|version| version.to_string()),
        sni: hello
            .and_then(|hello| hello.sni.as_ref())
            .map(|name| printable(name.as_bytes(), 300)),
        alpn: facts
            .alpn
            .as_ref()
            .or(server.and_then(|server| server.alpn.as_ref()))
            .map(|name| printable(name, 64)),
        alpn_offered: hello
            .map(|hello| hello.alpn.iter().map(|name| printable(name, 64)).collect())
            .unwrap_or_default(),
        cipher: server.map(|server| tls::cipher_suite_name(server.cipher_suite)),
        ja4: hello.map(|hello| hello.ja4()),
        decrypted: tls.is_open(),
        alert: tls.fatal_alert().map(|(side, alert, _)| Alert {
            code: alert.description,
            name: alert.name().map(Word::from),
            sent_by: side_name(*side).into(),
        }),
    }
}

fn told_session(attempt: &attempt::Attempt) -> super::Session {
    let session = attempt.session.as_deref();
    let close = session.and_then(|session| session.closes.first());
    super::Session {
        close: close.map(|close| Close {
            code: close.code.map(|code| code.0),
            reason: Some(printable(close.reason.as_bytes(), 200)).filter(|reason| !reason.is_empty()),
            sent_by: side_name(close.side).into(),
        }),
        ended_by: Some(ended_by(session, attempt).into()),
        frames: session.filter(|session| session.framed).map(|session| Frames {
            client: session.frames[0],
            server: session.frames[1],
        }),
    }
}

/// By what the session ended.
fn ended_by(session: Option<&Session>, attempt: &attempt::Attempt) -> &'static str {
    let facts = &attempt.connection;
    let unacknowledged = [Side::Client, Side::Server].map(|side| facts.from(side).repeats_unacknowledged().count());
    match session {
        Some(session) if !session.closes.is_empty() => "close-handshake",
        _ if !facts.resets.is_empty() => "reset",
        _ if attempt.stage == Stage::Closed => "fin",
        _ if unacknowledged.iter().any(|&repeats| repeats > 1) => "silence",
        _ => "capture-end",
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

fn told_cause(verdict: Verdict, secrets: &Secrets) -> Cause {
    let Verdict { rule, found } = verdict;
    let mut evidence = found.evidence;
    evidence.sort();
    evidence.dedup();
    let told = |Evidence { packet, text }| super::Evidence {
        capture: packet.capture(),
        packet: packet.number(),
        text: secrets.masked(text),
    };
    let standing = rule.remedies.iter().map(|&remedy| Word::from(remedy));
    Cause {
        id: rule.id.into(),
        confidence: found.confidence.name().into(),
        said_by: found.said_by.name().into(),
        guide: rule.guide.map(|guide| guide.name().into()),
        summary: secrets.masked(found.summary),
        evidence: evidence.into_iter().map(told).collect(),
        remedies: found.remedies.into_iter().map(Word::from).chain(standing).collect(),
    }
}

fn told_considered(finding: &Finding) -> Vec<Considered> {
    let told = |considered: &crate::diagnosis::Considered| Considered {
        id: considered.rule.id.into(),
        confidence: considered.confidence.name().into(),
        why_not: considered.why_not.clone(),
    };
    finding.also_considered.iter().map(told).collect()
}

/// Failures that share outcome and cause, the most frequent first.
fn patterns(attempts: &[Attempt]) -> Vec<Pattern> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts {
        if let Some(cause) = attempt
            .cause
            .as_ref()
            .filter(|_| super::words::is_failure(&attempt.outcome))
        {
            groups.entry((&cause.id, &attempt.outcome)).or_default().push(attempt);
        }
    }
    let mut patterns: Vec<Pattern> = groups.into_values().filter_map(|group| pattern(&group)).collect();
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.attempts));
    patterns
}

fn pattern(group: &[&Attempt]) -> Option<Pattern> {
    let first = group.first()?;
    let cause = first.cause.as_ref()?;
    let host = |endpoint: &str| endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host).to_owned();
    let (clients, client_count) = most_frequent(group.iter().map(|attempt| host(&attempt.client)));
    let (servers, server_count) = most_frequent(group.iter().map(|attempt| attempt.server.clone()));
    let path = |attempt: &&Attempt| {
        let target = &attempt.request.as_ref()?.target;
        Some(target.split('?').next().unwrap_or(target).to_owned())
    };
    let (paths, path_count) = most_frequent(group.iter().filter_map(path));
    Some(Pattern {
        cause: cause.id.clone(),
        outcome: first.outcome.clone(),
        attempts: group.len() as u64,
        summary: cause.summary.clone(),
        clients,
        client_count,
        servers,
        server_count,
        paths,
        path_count,
        first: group.iter().map(|attempt| &attempt.connection.first).min()?.clone(),
        last: group.iter().map(|attempt| &attempt.connection.first).max()?.clone(),
        examples: group.iter().take(LISTED).map(|attempt| attempt.id.clone()).collect(),
    })
}

/// The most frequent names, at most [`LISTED`], and how many different ones there are; of equals the first seen comes first.
fn most_frequent(names: impl Iterator<Item = String>) -> (Vec<String>, u64) {
    let mut counts: HashMap<String, (u64, usize)> = HashMap::new();
    for (place, name) in names.enumerate() {
        counts.entry(name).or_insert((0, place)).0 += 1;
    }
    let different = counts.len() as u64;
    let mut ranked: Vec<(String, (u64, usize))> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, (count, place))| (std::cmp::Reverse(*count), *place));
    (
        ranked.into_iter().take(LISTED).map(|(name, _)| name).collect(),
        different,
    )
}

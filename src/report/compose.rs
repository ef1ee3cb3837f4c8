//! Makes the report from facts and verdicts: names, times and counts, credentials masked unless asked for.

use std::{collections::BTreeMap, fmt::Write, hint::black_box, io, net::IpAddr};

use crate::{
    attempt::{self, Pending, Session, Stage, Tls},
    capture::{CaptureFile, PacketId, Time},
    diagnosis::{self, Evidence, Finding, Verdict, diagnose},
    fingerprint::{Answer, Author, Prints},
    http::{masked_subprotocols, masked_target, printable},
    packet::Endpoint,
    report::{
        Alert, Attempt, Capture, Cause, Change, Close, Connection, Considered, Frames, Hop, Report, Request, Response,
        SCHEMA_VERSION, Sink, Summary, Tool, Word, patterns::Patterns, time::rfc3339,
    },
    survey::Survey,
    tcp::{self, Side},
    tls,
};

/// Octets of a body that a report shows.
const BODY_SHOWN: usize = 1024;

/// Gathers a report and hands its attempts on, one chain of captures after the other.
pub struct Composer<'s, S> {
    report: Report,
    patterns: Patterns,
    sink: &'s mut S,
}

/// Attempts that are told and prepared at once: few enough that memory for what is told of them is at hand.
const RUN: usize = 32;

/// Attempts that stand together, told, and what is counted of them.
pub struct Batch<B> {
    /// Run by run.
    told: Vec<B>,
    summary: Summary,
    patterns: Patterns,
}

/// How attempts are told.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether credentials are shown.
    pub show_secrets: bool,
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

impl<'s, S: Sink> Composer<'s, S> {
    /// An empty report.
    pub fn new(sink: &'s mut S) -> Self {
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
            report,
            patterns: Patterns::default(),
            sink,
        }
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

    /// All captures are known, and attempts follow.
    ///
    /// # Errors
    /// If the sink cannot be written.
    pub fn begin(&mut self) -> io::Result<()> {
        self.sink.begin(&self.report)
    }

    /// How many attempts there are so far.
    pub fn attempts(&self) -> u64 {
        self.report.summary.attempts
    }

    /// Adds attempts, in order.
    ///
    /// # Errors
    /// If the sink cannot be written.
    pub fn take(&mut self, batch: Batch<S::Batch>) -> io::Result<()> {
        self.report.summary.add(batch.summary);
        self.patterns.append(batch.patterns);
        batch.told.into_iter().try_for_each(|run| self.sink.take(run))
    }

    /// The finished report; its attempts have gone to the sink.
    ///
    /// # Errors
    /// If the sink cannot be written.
    pub fn finish(mut self) -> io::Result<Report> {
        self.report.patterns = self.patterns.finish();
        self.sink.end(&self.report)?;
        Ok(self.report)
    }
}

impl Summary {
    fn count(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        self.presumed += u64::from(attempt.presumed);
        self.failed += u64::from(super::words::is_failure(&attempt.outcome));
        add(&mut self.outcomes, &attempt.outcome, 1);
        if let Some(cause) = &attempt.cause {
            add(&mut self.causes, &cause.id, 1);
        }
    }

    fn add(&mut self, more: Summary) {
        self.attempts += more.attempts;
        self.presumed += more.presumed;
        self.failed += more.failed;
        for (counts, more) in [(&mut self.outcomes, more.outcomes), (&mut self.causes, more.causes)] {
            more.iter().for_each(|(name, &count)| add(counts, name, count));
        }
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str, more: u64) {
    match counts.get_mut(name) {
        Some(count) => *count += more,
        None => drop(counts.insert(name.to_owned(), more)),
    }
}

fn told_capture(capture: &CaptureFile, index: u32, more: Vec<String>) -> Capture {
    let time = |time: Option<Time>| time.map(|time| rfc3339(time.0, capture.precision));
    let mut warnings: Vec<String> = capture.anomalies.iter().map(ToString::to_string).collect();
    warnings.extend(capture.dropped.filter(|&dropped| dropped > 0).map(|dropped| {
        format!("The capturing program says that it dropped {dropped} packets: what seems to be missing may have been there.")
    }));
    warnings.extend(more.iter().map(|warning| printable(warning.as_bytes(), 4096)));
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
    /// Judges attempts that stand together, and tells of them; `before` others come before them in the report.
    pub fn batch<S: Sink>(&self, attempts: &[&Pending], before: u64) -> Batch<S::Batch> {
        let (mut summary, mut patterns) = (Summary::default(), Patterns::default());
        let judge = |(pending, number): (&&Pending, u64)| {
            let attempt = &*pending.attempt();
            let told = self.attempt(attempt, number);
            let first = attempt.first();
            summary.count(&told);
            patterns.count(attempt, &told, number, (first.time, self.precision(first.packet)));
            told
        };
        // The facts lie far apart in memory, and a judge would wait for each of them in turn.
        black_box(attempts.iter().fold(0, |seen, pending| seen ^ pending.glance()));
        let mut judged = attempts.iter().zip(before + 1..).map(judge);
        let runs = std::iter::repeat_with(|| judged.by_ref().take(RUN).collect::<Vec<_>>());
        let told = runs.take_while(|run| !run.is_empty()).map(S::prepare).collect();
        Batch {
            told,
            summary,
            patterns,
        }
    }

    fn attempt(&self, attempt: &attempt::Attempt, number: u64) -> Attempt {
        let author = self.author(attempt);
        let finding = diagnose(attempt, self.survey, &author);
        let secrets = Secrets::of(attempt, self.style);
        let facts = &attempt.connection;
        Attempt {
            id: number.to_string(),
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
            hops: finding.hops.iter().map(|hop| told_hop(hop, &secrets)).collect(),
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

/// An endpoint as a report writes it.
pub(super) fn endpoint(endpoint: Endpoint) -> String {
    // Every attempt has two: room for the longest at once.
    let mut text = String::with_capacity(48);
    let mut digits = itoa::Buffer::new();
    match endpoint.address {
        // Number by number they cost a fraction of what formatting in general costs.
        IpAddr::V4(address) => {
            for (octet, after) in address.octets().into_iter().zip(['.', '.', '.', ':']) {
                text.push_str(digits.format(octet));
                text.push(after);
            }
        }
        // A string can always be written.
        IpAddr::V6(address) => drop(write!(text, "[{address}]:")),
    }
    text.push_str(digits.format(endpoint.port));
    text
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

    fn masked(&self, text: Word) -> Word {
        self.0.iter().fold(text, |text, value| {
            if text.contains(value) {
                text.replace(value, "***").into()
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
        body: text(&response.body, BODY_SHOWN).map(|body| secrets.masked(body.into()).into_owned()),
        packet: response.first.at.packet.number(),
    }
}

fn told_hop(hop: &diagnosis::Hop, secrets: &Secrets) -> Hop {
    let value = |value: &Option<String>| Some(secrets.masked(value.clone()?.into()).into_owned());
    let change = |change: &diagnosis::Change| Change {
        name: change.name.clone(),
        before: value(&change.before),
        after: value(&change.after),
    };
    Hop {
        position: hop.position.name().into(),
        joined_by: hop.joined_by.name().into(),
        proxy: hop.proxy.to_string(),
        client: endpoint(hop.client),
        server: endpoint(hop.server),
        capture: hop.packet.capture(),
        packet: hop.packet.number(),
        status: hop.status,
        changes: hop.changes.iter().map(change).collect(),
    }
}

fn told_tls(tls: &Tls) -> super::Tls {
    let facts = &tls.facts;
    let hello = facts.client_hello.as_ref();
    let server = facts.server_hello.as_ref();
    let secrets = match facts.decryption {
        tls::Decryption::Untried => None,
        tls::Decryption::NoSecrets => Some("missing"),
        tls::Decryption::Unsupported => Some("unsupported"),
        tls::Decryption::Failed => Some("failed"),
        tls::Decryption::Opened => Some("opened"),
    };
    super::Tls {
        version: facts.version().map(|version| version.to_string()),
        sni: hello
            .and_then(|hello| hello.sni.as_ref())
            .map(|name| printable(name.as_bytes(), 300)),
        alpn: facts.alpn.as_ref().map(|name| printable(name, 64)),
        alpn_offered: hello
            .map(|hello| hello.alpn.iter().map(|name| printable(name, 64)).collect())
            .unwrap_or_default(),
        cipher: server.map(|server| tls::cipher_suite_name(server.cipher_suite)),
        ja4: hello.map(|hello| hello.ja4()),
        decrypted: tls.is_open(),
        secrets: secrets.map(Word::from),
        client_random: hello
            .filter(|_| facts.lacks_secrets())
            .map(tls::ClientHello::random_in_digits),
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
        remedies: found.remedies.into_iter().chain(standing).collect(),
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

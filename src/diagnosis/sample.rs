//! Hand-made attempts and captures of them, for the tests of rules.

use std::{net::Ipv4Addr, sync::Arc};

use crate::{
    attempt::{Attempt, Conclusion, Ordinary, Pending, Request, Response, Stage, path_of},
    capture::{PacketId, Time},
    diagnosis::{
        engine::{Finding, diagnose},
        known::Known,
        rule::{Case, Match, Rule},
    },
    fingerprint::Author,
    http::{self, RequestHead, ResponseHead},
    packet::{Domain, Endpoint},
    survey::{Survey, Tally},
    tcp::{self, At, History, Marks, Rare, Roles, Seen},
    websocket::{Answer, Offer},
};

/// One exchange: a request, and the answer to it.
#[derive(Clone)]
pub(super) struct Sample {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    answer: Option<String>,
    port: u16,
    second: i64,
}

/// The second of the capture at which samples happen unless said otherwise: 2026-01-01T00:00:00Z.
pub(super) const NOW: i64 = 1_767_225_600;

impl Sample {
    /// A WebSocket handshake for `target`, with all that RFC 6455 section 4.1 asks of it, to `Host: server.example`.
    pub(super) fn get(target: &str) -> Self {
        let sample = Sample {
            answer: None,
            ..Sample::plain("GET", target)
        };
        let sample = sample.field("Connection", "Upgrade").field("Upgrade", "websocket");
        sample
            .field("Sec-WebSocket-Version", "13")
            .field("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    }

    /// An ordinary request.
    pub(super) fn plain(method: &str, target: &str) -> Self {
        let sample = Sample {
            method: method.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            answer: None,
            port: 8080,
            second: NOW,
        };
        sample.field("Host", "server.example")
    }

    /// With this field, in place of others of its name.
    pub(super) fn field(self, name: &str, value: &str) -> Self {
        let mut sample = self.without(name);
        sample.fields.push((name.to_owned(), value.to_owned()));
        sample
    }

    /// Without fields of this name.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// To another port of the server.
    pub(super) fn at_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Answered with these octets: a head, and what is there of a body.
    pub(super) fn answered(mut self, answer: &str) -> Self {
        self.answer = Some(answer.to_owned());
        self
    }

    /// Answered with this status and body, and nothing else.
    pub(super) fn refused(self, status: u16, body: &str) -> Self {
        self.answered(&format!("HTTP/1.1 {status} \r\n\r\n{body}"))
    }

    /// Answered with the switch.
    pub(super) fn accepted(self) -> Self {
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        self.answered(&format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{accept}\r\n\r\n"
        ))
    }

    /// The attempt, as the first of its capture.
    pub(super) fn attempt(&self) -> Attempt {
        self.nth(0)
    }

    /// The attempt, with the packets of the `n`th connection: ten each, the request in the fourth, the answer in the sixth.
    fn nth(&self, n: u32) -> Attempt {
        let seen = |packet: u64| seen(u64::from(n) * 10 + packet, self.second + i64::from(n));
        let request = self.request(seen(4));
        let response = self.answer.as_ref().map(|answer| response(answer, &request, seen(6)));
        let stage = match response.as_ref().map(|response| response.head.status) {
            None => Stage::Request,
            Some(101) => Stage::Open,
            Some(_) => Stage::Response,
        };
        Attempt {
            connection: Arc::new(facts(n, self.port, seen(1).at, seen(9).at)),
            nth: 0,
            presumed: false,
            stage,
            via: None,
            tls: None,
            request: Some(Box::new(request)),
            response: response.map(Box::new),
            not_http: None,
            session: None,
            obstacle: None,
        }
    }

    fn request(&self, at: Seen) -> Request {
        let fields: String = self
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!("{} {} HTTP/1.1\r\n{fields}\r\n", self.method, self.target);
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        let pairs = head.fields.iter().map(|field| (&*field.name, &*field.value));
        Request {
            complete: true,
            upgrade: http::asks_for_upgrade(&head),
            offer: http::looks_like_websocket(&head).then(|| Box::new(Offer::read(pairs.clone()))),
            credentials: http::credentials(&head),
            first: at,
            last: at,
            span: (0, head.length as u64),
            acknowledged: None,
            head,
        }
    }

    fn ordinary(&self, n: u32) -> Ordinary {
        let attempt = self.nth(n);
        let (connection, request) = (&attempt.connection, attempt.request.as_deref().unwrap());
        Ordinary {
            client: connection.client,
            server: connection.server,
            method: self.method.clone(),
            path: path_of(self.target.as_bytes()),
            origin: request.origin(),
            host: request.host(),
            key: None,
            version: request.head.version,
            field_names: self.fields.iter().map(|(name, _)| name.clone()).collect(),
            connection_field: None,
            upgrade_field: None,
            request: request.last.at,
            response: attempt
                .response
                .as_ref()
                .map(|response| (response.head.status, response.first.at)),
        }
    }
}

/// What `rule` says of the first sample, in a capture that holds the others as well.
pub(super) fn check(rule: &Rule, samples: &[Sample]) -> Option<Match> {
    judge(samples, |case| {
        rule.stages
            .contains(&case.attempt.stage)
            .then(|| (rule.check)(case))
            .flatten()
    })
}

/// What all rules come to for the first sample, in a capture that holds the others as well.
pub(super) fn verdict(samples: &[Sample]) -> Finding {
    judge(samples, |case| diagnose(case.attempt, case.survey, case.author))
}

/// The id of the cause that wins for the first sample.
pub(super) fn cause(samples: &[Sample]) -> &'static str {
    verdict(samples).cause.map_or("none", |verdict| verdict.rule.id)
}

/// Puts the case of the first sample, in a capture that holds the others as well.
pub(super) fn judge<T>(samples: &[Sample], put: impl Fn(&Case<'_>) -> T) -> T {
    let (mut attempts, mut tally) = (Vec::new(), Tally::default());
    for (sample, n) in samples.iter().zip(0..) {
        let asks = sample.fields.iter().any(|(name, _)| name == "Upgrade");
        let attempt = sample.nth(n);
        let ordinary = if asks { Vec::new() } else { vec![sample.ordinary(n)] };
        let connection = attempt.connection.clone();
        tally.count(&mut Conclusion::Talk {
            connection,
            attempts: Vec::new(),
            ordinary,
        });
        attempts.extend(asks.then_some(Pending::from(attempt)));
    }
    let span = (Time(NOW * 1_000_000_000), Time((NOW + 3600) * 1_000_000_000));
    let survey = Survey::new(&attempts, &tally, span);
    put(&Case {
        attempt: &attempts[0].attempt(),
        survey: &survey,
        author: &Author::default(),
        known: &Known::default(),
    })
}

fn response(answer: &str, request: &Request, at: Seen) -> Response {
    let end = answer.find("\r\n\r\n").map_or(answer.len(), |end| end + 4);
    let head = ResponseHead::parse(&answer.as_bytes()[..end]).unwrap();
    let pairs = head.fields.iter().map(|field| (&*field.name, &*field.value));
    let key = request.head.fields.first("sec-websocket-key");
    Response {
        complete: true,
        interim: Vec::new(),
        answer: (head.status == 101).then(|| Box::new(Answer::read(pairs.clone(), key))),
        first: at,
        last: at,
        span: (0, end as u64),
        body: answer.as_bytes()[end..].to_vec(),
        body_length: (answer.len() - end) as u64,
        body_complete: true,
        early: false,
        head,
    }
}

fn facts(n: u32, port: u16, first: At, last: At) -> tcp::Facts {
    let end = |host, port| Endpoint {
        address: Ipv4Addr::new(192, 0, 2, host).into(),
        port,
    };
    tcp::Facts {
        client: end(1, 40_000 + n as u16),
        server: end(2, port),
        domain: Domain(0),
        roles: Roles::ByHandshake,
        stream: u64::from(n),
        first,
        last,
        from_client: Rare::default(),
        from_server: Rare::default(),
        established: Some(first),
        resets: Rare::default(),
        errors: Rare::default(),
        server_rtt: None,
        client_rtt: None,
        idle: None,
        history: History::default(),
        evicted: false,
    }
}

fn seen(packet: u64, second: i64) -> Seen {
    Seen {
        at: At {
            packet: PacketId::new(0, packet),
            time: Time(second * 1_000_000_000),
        },
        marks: Marks {
            ttl: 64,
            ip_id: None,
            window: 65_535,
            timestamp: None,
        },
    }
}

/// A token (RFC 7519) with these claims and a signature that fits nothing.
pub(super) fn jwt(claims: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    format!(
        "{}.{}.c2ln",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

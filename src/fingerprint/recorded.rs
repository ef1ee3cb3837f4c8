//! Every recorded refusal of a known program is recognised as that program or as nothing, never as another.

use std::fs;

use crate::fingerprint::{Answer, Author, Prints, Role};

/// The recordings, where they are at hand.
const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/knowledge/fingerprints.jsonl");

/// Names in the recordings, by their beginnings, and the programs that then are the author. A framework and the server
/// that it runs on are both right, and so is the library that wrote the handshake.
const KNOWN: [(&str, &[&str]); 46] = [
    ("uvicorn-websockets-sansio", &["uvicorn (websockets-sansio)", "uvicorn"]),
    ("uvicorn-websockets", &["uvicorn (websockets)", "uvicorn"]),
    ("uvicorn-wsproto", &["uvicorn (wsproto)", "uvicorn"]),
    ("uvicorn-none", &["uvicorn"]),
    ("uv17-websockets", &["websockets", "uvicorn"]),
    ("uv17-wsproto", &["uvicorn (wsproto)", "uvicorn"]),
    ("uv22-websockets", &["uvicorn (websockets)", "uvicorn"]),
    ("uv22-wsproto", &["uvicorn (wsproto)", "uvicorn"]),
    ("uv30-websockets", &["uvicorn (websockets)", "uvicorn"]),
    ("uv30-wsproto", &["uvicorn (wsproto)", "uvicorn"]),
    ("uv34-websockets", &["uvicorn (websockets)", "uvicorn"]),
    ("uv34-wsproto", &["uvicorn (wsproto)", "uvicorn"]),
    ("uvch", &["uvicorn (websockets-sansio)"]),
    ("litestar", &["uvicorn (websockets-sansio)"]),
    (
        "fastapi-new",
        &[
            "uvicorn (websockets-sansio)",
            "uvicorn",
            "FastAPI on uvicorn",
            "FastAPI",
            "Starlette",
        ],
    ),
    ("fastapi097", &["uvicorn (websockets)", "uvicorn"]),
    ("sio-", &["uvicorn (websockets-sansio)", "python-engineio"]),
    ("fsio", &["python-engineio", "Werkzeug (Flask)"]),
    ("aiohttp", &["aiohttp"]),
    ("tornado", &["Tornado"]),
    ("sanic", &["Sanic"]),
    ("gevent", &["gevent (pywsgi)", "gevent-websocket"]),
    ("gunicorn-sync", &["gunicorn"]),
    ("websockets17", &["websockets"]),
    ("hypercorn", &["hypercorn"]),
    ("daphne", &["daphne", "Autobahn|Python (daphne, Crossbar)", "Django"]),
    ("granian", &["granian"]),
    ("ws", &["ws (Node.js)"]),
    ("socketio", &["engine.io (Socket.IO)", "ws (Node.js)"]),
    ("node", &["Node.js"]),
    ("express", &["Express (Node.js)"]),
    ("fastify", &["Fastify (Node.js)", "Node.js", "ws (Node.js)"]),
    ("gorilla", &["gorilla/websocket", "a Go program (net/http)"]),
    ("xnet", &["golang.org/x/net/websocket"]),
    ("go-revproxy", &["Go's httputil.ReverseProxy"]),
    ("axum", &["axum", "axum or warp"]),
    ("warp", &["warp", "axum or warp"]),
    ("jetty9", &["Jetty"]),
    ("tomcat10", &["Apache Tomcat"]),
    ("nginx", &["nginx"]),
    ("haproxy", &["HAProxy"]),
    ("caddy", &["Caddy"]),
    ("lighttpd", &["lighttpd"]),
    ("apache", &["Apache httpd"]),
    ("h2o", &["h2o"]),
    ("tungstenite", &[]),
];

/// Proxies that passed another's answer on, by the ends of their names: a stub wrote it, which copies uvicorn (websockets)
/// where it refuses.
const RELAYED: [&str; 9] = [
    "/ws",
    "/noup",
    "/http11noup",
    "/wst",
    "/upg",
    "/wsup",
    "/up403",
    "/ws403",
    "/bad101",
];

/// Refusals whose octets many programs write: nothing can be told of them.
const FEATURELESS: [&[u8]; 3] = [
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 401 Unauthorized\r\n\r\n",
];

#[test]
fn recorded_refusals_are_recognised_or_left_alone() {
    let Ok(recordings) = fs::read_to_string(RECORDINGS) else {
        return;
    };
    let prints = Prints::built_in();
    let (mut refusals, mut recognised, mut sure) = (0, 0, 0);
    let mut missed = Vec::new();
    for (name, recording) in recordings.lines().filter_map(recorded) {
        let author = recording.author(&prints, true);
        let (_, mut programs) = known(&name);
        let without_date = recording.without_date();
        let case = format!("{name} {author:#?}\n{}", without_date.escape_ascii());
        let relayed = RELAYED.iter().any(|end| name.ends_with(end));
        if relayed {
            assert!(
                author
                    .relayed_by
                    .as_deref()
                    .is_none_or(|proxy| programs.contains(&proxy) || name.starts_with("haproxy")),
                "{case}"
            );
            programs = &["uvicorn (websockets)"];
        }
        if let Some(program) = author.program.as_deref() {
            assert!(programs.contains(&program), "{case}");
        }
        if recording.status < 300 || relayed || FEATURELESS.contains(&without_date.as_slice()) {
            continue;
        }
        refusals += 1;
        recognised += usize::from(author.program.is_some());
        sure += usize::from(author.sure);
        missed.extend(author.program.is_none().then_some(case));
    }
    assert!(refusals > 200, "{refusals}");
    assert!(
        recognised * 100 >= refusals * 98,
        "{recognised} of {refusals}: not {missed:#?}"
    );
    assert!(sure * 100 >= refusals * 95, "{sure} of {refusals}");
}

/// The same refusals behind a proxy: their authors may be lost, and must not become others.
#[test]
fn no_proxy_makes_another_author_of_a_recorded_refusal() {
    let Ok(recordings) = fs::read_to_string(RECORDINGS) else {
        return;
    };
    let prints = Prints::built_in();
    let mut named = [0; PROXIES.len()];
    for (name, recording) in recordings.lines().filter_map(recorded) {
        let (_, programs) = known(&name);
        let is_relayed_or_proxy = ["nginx", "haproxy", "caddy", "lighttpd", "apache", "h2o"]
            .iter()
            .any(|proxy| name.starts_with(proxy));
        if recording.status < 300 || is_relayed_or_proxy {
            continue;
        }
        for (place, (proxy, relay)) in PROXIES.into_iter().enumerate() {
            let relayed = relay(&recording);
            let author = relayed.author(&prints, false);
            let case = format!("{name} {author:#?}\n{}", relayed.without_date().escape_ascii());
            // A refusal without any field becomes Caddy's own empty one, octet for octet; so that is never sure.
            let is_bare = recording.fields.is_empty() && recording.body.is_empty() && !author.sure;
            let is_right = |program: &str| {
                programs.contains(&program) || is_library_of(program, &name) || (is_bare && program == proxy)
            };
            assert!(author.program.as_deref().is_none_or(is_right), "{case}");
            named[place] += usize::from(author.program.is_some());
            let is_page = relayed
                .value("Content-Type")
                .is_some_and(|value| value.starts_with(b"text/html"));
            if !is_page
                && !is_bare
                && author.role != Role::Unknown
                && relayed
                    .value("Server")
                    .is_some_and(|server| server.starts_with(proxy.as_bytes()))
            {
                let by = author.relayed_by.as_ref().map(|by| by.to_lowercase());
                assert!(by.is_some_and(|by| by.contains(&proxy.to_lowercase())), "{case}");
            }
        }
    }
    assert!(named.iter().all(|&count| count > 100), "{named:?}");
}

/// Proxies, by what they call themselves, and what they make of an answer, as measured.
const PROXIES: [(&str, Relay); 9] = [
    ("nginx", Recording::through_nginx),
    ("HAProxy", Recording::through_haproxy),
    ("Caddy", Recording::through_caddy),
    ("Apache", Recording::through_apache),
    ("lighttpd", Recording::through_lighttpd),
    ("h2o", Recording::through_h2o),
    ("Traefik", Recording::through_traefik),
    ("envoy", Recording::through_envoy),
    ("HTTP/2", Recording::through_http2),
];

type Fields = Vec<(Vec<u8>, Vec<u8>)>;
type Relay = fn(&Recording) -> Recording;

impl Recording {
    fn through_nginx(&self) -> Recording {
        let mut fields = vec![field("Server", b"nginx/1.28.0"), field("Date", DATE)];
        let (own, others) = self.end_to_end(&["Content-Type", "Content-Length"], &["Server", "Date"]);
        fields.extend(own);
        fields.push(field("Connection", b"keep-alive"));
        self.with(fields, others)
    }

    fn through_haproxy(&self) -> Recording {
        let (_, others) = self.end_to_end(&[], &[]);
        self.with(
            Vec::new(),
            others
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value))
                .collect(),
        )
    }

    fn through_caddy(&self) -> Recording {
        self.through_go(Some(field("Server", b"Caddy")))
    }

    fn through_traefik(&self) -> Recording {
        self.through_go(None)
    }

    /// Go's reverse proxy: names in Go's letter case, sorted; what was missing at the end; Go's phrase for the status.
    fn through_go(&self, own: Option<(Vec<u8>, Vec<u8>)>) -> Recording {
        let (_, others) = self.end_to_end(&[], &[]);
        let mut fields: Fields = own.into_iter().chain(others).collect();
        fields.iter_mut().for_each(|(name, _)| canonicalise(name));
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        let mut missing = Vec::new();
        missing.extend(self.value("Date").is_none().then(|| field("Date", DATE)));
        missing.extend(self.value("Content-Length").is_none().then(|| match self.body.len() {
            0 => field("Content-Length", b"0"),
            _ => field("Transfer-Encoding", b"chunked"),
        }));
        Recording {
            reason: b"Phrase Of Go".to_vec(),
            ..self.with(fields, missing)
        }
    }

    fn through_envoy(&self) -> Recording {
        let (_, mut fields) = self.end_to_end(&[], &["Server"]);
        fields.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
        fields.push(field("x-envoy-upstream-service-time", b"2"));
        self.with(fields, vec![field("server", b"envoy")])
    }

    fn through_http2(&self) -> Recording {
        Recording {
            version: (2, 0),
            reason: Vec::new(),
            ..self.through_haproxy()
        }
    }

    fn through_apache(&self) -> Recording {
        let (_, others) = self.end_to_end(&[], &["Date", "Server"]);
        let server = self.value("Server").unwrap_or(b"Apache/2.4.62 (Unix)");
        self.with(
            vec![
                field("Date", self.value("Date").unwrap_or(DATE)),
                field("Server", server),
            ],
            others,
        )
    }

    fn through_lighttpd(&self) -> Recording {
        let (_, fields) = self.end_to_end(&[], &[]);
        let missing = [("Date", DATE), ("Server", b"lighttpd/1.4.76".as_slice())];
        let missing = missing.iter().filter(|(name, _)| self.value(name).is_none());
        let missing = missing.map(|(name, value)| field(name, value)).collect();
        self.with(fields, missing)
    }

    fn through_h2o(&self) -> Recording {
        let mut fields = vec![field("Date", DATE), field("Connection", b"keep-alive")];
        let (own, others) = self.end_to_end(&["Content-Length"], &["Date", "Server"]);
        fields.extend(own);
        fields.push(field("Server", b"h2o/2.3.0"));
        self.with(fields, others)
    }

    /// The fields that a proxy passes on: first those of `first`, in its order, then the others but `without`.
    fn end_to_end(&self, first: &[&str], without: &[&str]) -> (Fields, Fields) {
        let is_of = |names: &[&str], name: &[u8]| names.iter().any(|its| its.as_bytes().eq_ignore_ascii_case(name));
        let dropped = |name: &[u8]| {
            is_of(without, name) || is_of(&["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade"], name)
        };
        let front = first
            .iter()
            .filter_map(|name| Some(field(name, self.value(name)?)))
            .collect();
        let others = self
            .fields
            .iter()
            .filter(|(name, _)| !dropped(name) && !is_of(first, name));
        (front, others.cloned().collect())
    }

    fn with(&self, mut fields: Fields, others: Fields) -> Recording {
        fields.extend(others);
        Recording {
            status: self.status,
            reason: self.reason.clone(),
            version: (1, 1),
            fields,
            body: self.body.clone(),
        }
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|(its, _)| its.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }
}

const DATE: &[u8] = b"Sun, 22 Nov 2026 09:00:00 GMT";

fn field(name: &str, value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.to_vec())
}

/// A field name as Go writes it: a capital after every hyphen, small letters elsewhere.
fn canonicalise(name: &mut [u8]) {
    let mut is_start = true;
    for octet in name {
        *octet = if is_start {
            octet.to_ascii_uppercase()
        } else {
            octet.to_ascii_lowercase()
        };
        is_start = *octet == b'-';
    }
}

/// Name and answer of a recording; nothing if no answer came.
fn recorded(line: &str) -> Option<(String, Recording)> {
    let octets: Vec<u8> = member(line, "resp")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    Recording::new(&octets).map(|recording| (member(line, "server"), recording))
}

fn known(name: &str) -> (&'static str, &'static [&'static str]) {
    *KNOWN
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .unwrap_or_else(|| panic!("who is {name}?"))
}

/// Whether all that is left is the library's words, and the recorded program uses that library.
fn is_library_of(program: &str, name: &str) -> bool {
    let uses_websockets = ["uvicorn-websockets", "uv", "sio-", "websockets17"];
    program == "websockets (bare or inside uvicorn)" && uses_websockets.iter().any(|start| name.starts_with(start))
}

/// What was recorded, taken apart.
struct Recording {
    status: u16,
    reason: Vec<u8>,
    version: (u8, u8),
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Recording {
    fn new(octets: &[u8]) -> Option<Self> {
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n")?;
        let mut lines = octets[..end]
            .split(|&octet| octet == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let start = lines.next()?.strip_prefix(b"HTTP/1.")?;
        let field = |line: &[u8]| {
            let at = line.iter().position(|&octet| octet == b':').unwrap();
            (line[..at].to_vec(), line[at + 1..].trim_ascii().to_vec())
        };
        let fields: Vec<_> = lines.map(field).collect();
        let value = |name: &[u8]| {
            let its = fields.iter().find(|(its, _)| its.eq_ignore_ascii_case(name));
            its.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
        };
        let sent = &octets[end + 4..];
        let body = match value(b"Content-Length") {
            Some(length) => &sent[..sent.len().min(length.parse().unwrap())],
            None => sent,
        };
        let body = if value(b"Transfer-Encoding").is_some() {
            unchunk(body)
        } else {
            body.to_vec()
        };
        Some(Recording {
            version: (1, start[0] - b'0'),
            status: String::from_utf8(start[2..5].to_vec()).unwrap().parse().unwrap(),
            reason: start.get(6..).unwrap_or_default().to_vec(),
            fields,
            body,
        })
    }

    fn author(&self, prints: &Prints, closes: bool) -> Author {
        prints.author(&Answer {
            version: self.version,
            status: self.status,
            reason: &self.reason,
            fields: self
                .fields
                .iter()
                .map(|(name, value)| (name.as_slice(), value.as_slice()))
                .collect(),
            body: &self.body,
            body_length: self.body.len() as u64,
            closes: Some(closes),
        })
    }

    fn without_date(&self) -> Vec<u8> {
        let mut octets = format!(
            "HTTP/{}.{} {} {}\r\n",
            self.version.0,
            self.version.1,
            self.status,
            self.reason.escape_ascii()
        )
        .into_bytes();
        for (name, value) in self
            .fields
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case(b"Date"))
        {
            octets.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
        }
        octets.extend(b"\r\n");
        octets.extend(&self.body);
        octets
    }
}

/// The data of a chunked body.
fn unchunk(mut sent: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = sent.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&sent[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            break;
        }
        body.extend(&sent[end + 2..][..length]);
        sent = &sent[end + 2 + length + 2..];
    }
    body
}

/// A text in a JSON object on one line, escapes undone.
fn member(line: &str, name: &str) -> String {
    let start = line.find(&format!("\"{name}\": \"")).unwrap() + name.len() + 5;
    let mut text = String::new();
    let mut rest = line[start..].chars();
    loop {
        match rest.next().unwrap() {
            '"' => return text,
            '\\' => text.push(match rest.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let code: String = rest.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap()
                }
                other => other,
            }),
            other => text.push(other),
        }
    }
}

//! Reports made by hand, for the tests of the faces.

use super::*;

/// A refused WebSocket, an upgraded one, one that a firewall dropped before its request, and one that cannot be told.
pub(super) fn report() -> Report {
    finish(vec![refused(), upgraded(), dropped(), opaque()])
}

/// Nothing was asked for.
pub(super) fn empty() -> Report {
    let mut report = finish(Vec::new());
    report.summary.connections = 1;
    report
}

/// The same refusal again and again.
pub(super) fn many(copies: u64) -> Report {
    let again = |n: u64| Attempt {
        id: n.to_string(),
        stream: n,
        ..refused()
    };
    finish((1..=copies).map(again).collect())
}

/// The report of [`report`] with `text` in every place that a capture or its names can reach.
pub(super) fn hostile(text: &str) -> Report {
    let mut report = report();
    for capture in &mut report.captures {
        capture.path = text.to_owned();
        capture.link_types.fill(text.to_owned());
        capture.warnings = vec![text.to_owned()];
    }
    for attempt in &mut report.attempts {
        attempt.id.push_str(text);
        attempt.client = text.to_owned();
        attempt.server = text.to_owned();
        attempt.protocol = Some(text.to_owned());
        attempt.http_version = Some(text.to_owned());
        attempt.connection.first = text.to_owned();
        attempt.connection.state = text.to_owned().into();
        attempt.connection.history = text.to_owned();
        attempt.connection.via = Some(text.to_owned().into());
        attempt.tls = Some(Box::new(Tls {
            version: Some(text.to_owned()),
            sni: Some(text.to_owned()),
            alpn: Some(text.to_owned()),
            alpn_offered: vec![text.to_owned()],
            cipher: Some(text.to_owned()),
            ja4: Some(text.to_owned()),
            decrypted: false,
            secrets: Some(text.to_owned().into()),
            client_random: Some(text.to_owned()),
            alert: Some(Alert {
                code: 48,
                name: Some(text.to_owned().into()),
                sent_by: text.to_owned().into(),
            }),
        }));
        attempt.hops = vec![Hop {
            position: "behind".into(),
            joined_by: "key".into(),
            proxy: text.to_owned(),
            client: text.to_owned(),
            server: text.to_owned(),
            capture: 0,
            packet: 5,
            status: Some(403),
            changes: vec![Change {
                name: text.to_owned(),
                before: Some(text.to_owned()),
                after: Some(text.to_owned()),
            }],
        }];
        if let Some(request) = &mut attempt.request {
            for field in [&mut request.host, &mut request.origin, &mut request.user_agent] {
                *field = Some(text.to_owned());
            }
            request.method = text.to_owned();
            request.target = text.to_owned();
            request.subprotocols = vec![text.to_owned()];
            request.credentials = vec![text.to_owned()];
        }
        if let Some(response) = &mut attempt.response {
            for field in [
                &mut response.reason,
                &mut response.server,
                &mut response.author,
                &mut response.body,
            ] {
                *field = Some(text.to_owned());
            }
        }
        if let Some(session) = &mut attempt.session {
            session.close = Some(Close {
                code: Some(1000),
                reason: Some(text.to_owned()),
                sent_by: text.to_owned().into(),
            });
            session.ended_by = Some(text.to_owned().into());
        }
        if let Some(cause) = &mut attempt.cause {
            cause.id.to_mut().push_str(text);
            cause.confidence = text.to_owned().into();
            cause.guide = Some(text.to_owned().into());
            cause.summary = text.to_owned().into();
            cause.remedies.fill(text.to_owned().into());
            cause.said_by = text.to_owned().into();
            cause
                .evidence
                .iter_mut()
                .for_each(|evidence| evidence.text = text.to_owned().into());
        }
        for other in &mut attempt.also_considered {
            other.id = text.to_owned().into();
            other.confidence = text.to_owned().into();
            other.why_not = text.to_owned().into();
        }
    }
    for pattern in &mut report.patterns {
        pattern.cause.to_mut().push_str(text);
        pattern.summary = text.to_owned();
        pattern.examples.fill(text.to_owned());
        pattern.clients.fill(text.to_owned());
        pattern.servers.fill(text.to_owned());
        pattern.paths.fill(text.to_owned());
    }
    report
}

/// Texts that try to leave their place: on a terminal, in HTML, in Markdown.
pub(super) const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\r\n| a | b |\n# h\n</td></svg><script>alert(1)</script>\
    <img src=x onerror='alert(1)'>\" ' & &lt; `code` **bold** [link](javascript:alert(1)) https://evil.example www.evil.example \
    \u{202e}txt.exe\u{2066}\u{200f}\\| $x$ ~~s~~ <!-- -->";

fn finish(attempts: Vec<Attempt>) -> Report {
    let mut summary = Summary {
        connections: 5,
        attempts: attempts.len() as u64,
        ..Summary::default()
    };
    let mut patterns: Vec<Pattern> = Vec::new();
    for attempt in &attempts {
        *summary.outcomes.entry(attempt.outcome.to_string()).or_default() += 1;
        summary.presumed += u64::from(attempt.presumed);
        let Some(cause) = &attempt.cause else { continue };
        *summary.causes.entry(cause.id.to_string()).or_default() += 1;
        if !words::is_failure(&attempt.outcome) {
            continue;
        }
        summary.failed += 1;
        match patterns.iter_mut().find(|pattern| pattern.cause == cause.id) {
            Some(pattern) => pattern.attempts += 1,
            None => patterns.push(pattern(attempt, cause)),
        }
    }
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool {
            name: "upgradescope".into(),
            version: "0.1.0".into(),
        },
        captures: vec![Capture {
            index: 0,
            path: "a.pcap".into(),
            format: "pcap".into(),
            compression: None,
            link_types: vec!["ETHERNET".into()],
            packets: 40,
            bytes: 8402,
            first: Some("2026-11-22T08:00:00.000001Z".into()),
            last: Some("2026-11-22T08:00:04.250000Z".into()),
            warnings: vec!["The last packet is cut off after 20 of 60 octets.".into()],
        }],
        summary,
        attempts,
        patterns,
    }
}

fn pattern(attempt: &Attempt, cause: &Cause) -> Pattern {
    Pattern {
        cause: cause.id.clone(),
        outcome: attempt.outcome.clone(),
        attempts: 1,
        summary: cause.summary.to_string(),
        clients: vec![attempt.client.clone()],
        client_count: 1,
        servers: vec![attempt.server.clone()],
        server_count: 1,
        paths: attempt.request.iter().map(|request| request.target.clone()).collect(),
        path_count: u64::from(attempt.request.is_some()),
        first: attempt.connection.first.clone(),
        last: attempt.connection.last.clone(),
        upgraded_before: 2,
        last_upgraded_before: Some("2026-11-22T07:59:59.000001Z".to_owned()),
        upgraded_since: 0,
        examples: vec![attempt.id.clone()],
    }
}

fn refused() -> Attempt {
    Attempt {
        id: "1".into(),
        capture: 0,
        stream: 0,
        client: "172.30.36.166:45103".into(),
        server: "198.51.100.21:8023".into(),
        protocol: Some("websocket".into()),
        http_version: Some("1.1".into()),
        presumed: false,
        stage: "response".into(),
        outcome: "server-403".into(),
        connection: connection(1, "SF", "ShADadFf"),
        request: Some(Box::new(request("https://evil.example.net", 4))),
        response: Some(Box::new(Response {
            status: 403,
            reason: Some("Forbidden".into()),
            server: Some("Jetty(9.4)".into()),
            author: Some("Jetty".into()),
            body: Some("Cross origin websockets not allowed".into()),
            packet: 6,
        })),
        hops: Vec::new(),
        tls: None,
        session: None,
        cause: Some(Cause {
            id: "origin.not-allowed".into(),
            confidence: "confirmed".into(),
            said_by: "application".into(),
            guide: Some("cors".into()),
            summary: "The server refused the Origin https://evil.example.net.".into(),
            evidence: vec![evidence(6, "403 with the body “Cross origin websockets not allowed”")],
            remedies: vec![
                "Put https://evil.example.net on the server's list of allowed origins, if it is yours.".into(),
                "Open the page from the origin that the server knows.".into(),
            ],
        }),
        also_considered: vec![Considered {
            id: "authn.missing-credentials".into(),
            confidence: "possible".into(),
            why_not: "The request carries a session cookie, and the body names the origin.".into(),
        }],
    }
}

fn upgraded() -> Attempt {
    Attempt {
        id: "2".into(),
        stream: 1,
        stage: "closed".into(),
        outcome: "upgraded".into(),
        connection: connection(9, "SF", "ShADadFf"),
        request: Some(Box::new(request("https://app.example.net", 12))),
        response: Some(Box::new(Response {
            status: 101,
            reason: Some("Switching Protocols".into()),
            server: None,
            author: None,
            body: None,
            packet: 13,
        })),
        session: Some(Box::new(Session {
            close: Some(Close {
                code: Some(1000),
                reason: None,
                sent_by: "client".into(),
            }),
            ended_by: Some("close-handshake".into()),
            frames: Some(Frames { client: 3, server: 5 }),
        })),
        cause: None,
        also_considered: Vec::new(),
        ..refused()
    }
}

fn dropped() -> Attempt {
    Attempt {
        id: "3".into(),
        stream: 2,
        server: "[2001:db8::1]:8443".into(),
        protocol: None,
        http_version: None,
        presumed: true,
        stage: "connect".into(),
        outcome: "firewall-drop".into(),
        connection: Connection {
            rtt_ms: None,
            ..connection(20, "S0", "S")
        },
        request: None,
        response: None,
        cause: Some(Cause {
            id: "firewall.silent-drop-syn".into(),
            confidence: "likely".into(),
            said_by: "firewall".into(),
            guide: Some("firewall".into()),
            summary: "The client's SYN was repeated 3 times and nothing answered.".into(),
            evidence: vec![
                evidence(20, "the SYN"),
                evidence(23, "the same SYN again after 1.0 s"),
                evidence(
                    30,
                    "the same SYN again after 2.0 s, the last packet of this connection before the capture ends 7 s later",
                ),
            ],
            remedies: vec!["Let port 8443 through on the way to 2001:db8::1.".into()],
        }),
        also_considered: Vec::new(),
        ..refused()
    }
}

fn opaque() -> Attempt {
    Attempt {
        id: "4".into(),
        stream: 3,
        stage: "tls".into(),
        outcome: "undetermined".into(),
        connection: connection(31, "SF", "ShADadFf"),
        request: None,
        response: None,
        hops: Vec::new(),
        tls: Some(Box::new(Tls {
            version: Some("1.3".into()),
            sni: Some("ws.example.net".into()),
            alpn: None,
            alpn_offered: vec!["http/1.1".into()],
            cipher: Some("TLS_AES_128_GCM_SHA256".into()),
            ja4: Some("t13d1516h1_8daaf6152771_02713d6af862".into()),
            decrypted: false,
            secrets: Some("missing".into()),
            client_random: Some("0b".repeat(32)),
            alert: None,
        })),
        cause: Some(Cause {
            id: "tls.opaque".into(),
            confidence: "confirmed".into(),
            said_by: "unknown".into(),
            guide: None,
            summary: "What was said inside TLS 1.3 cannot be read without the keys.".into(),
            evidence: vec![evidence(36, "the first record of application data")],
            remedies: vec!["Record the TLS secrets (SSLKEYLOGFILE) and give them with the capture.".into()],
        }),
        ..upgraded_without_session()
    }
}

fn upgraded_without_session() -> Attempt {
    Attempt {
        session: None,
        ..upgraded()
    }
}

fn connection(packet: u64, state: &'static str, history: &str) -> Connection {
    Connection {
        first: "2026-11-22T08:00:00.000001Z".into(),
        last: "2026-11-22T08:00:01.500000Z".into(),
        packet,
        state: state.into(),
        history: history.into(),
        community_id: "1:LQU9qZlK+B5F3KDmev6m5PMibrg=".into(),
        rtt_ms: Some(12.25),
        via: None,
    }
}

fn request(origin: &str, packet: u64) -> Request {
    Request {
        method: "GET".into(),
        target: "/ws".into(),
        host: Some("ws.example.net".into()),
        origin: Some(origin.into()),
        user_agent: Some("Mozilla/5.0".into()),
        subprotocols: Vec::new(),
        credentials: vec!["cookie:session".into()],
        packet,
    }
}

fn evidence(packet: u64, text: &'static str) -> Evidence {
    Evidence {
        capture: 0,
        packet,
        text: text.into(),
    }
}

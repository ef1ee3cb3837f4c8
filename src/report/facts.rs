//! What a report holds, in the phrases that text, Markdown and HTML share.

use super::{Attempt, Capture, Cause, Change, Hop, Pattern, Response, Session, Tls, digest};

/// An attempt in one line: its name, its ends, and what it asked for.
pub(super) fn line(attempt: &Attempt) -> String {
    let asked = attempt
        .request
        .as_ref()
        .map(|request| format!(", {} {}", request.method, request.target));
    format!("attempt {}: {}{}", attempt.id, ends(attempt), asked.unwrap_or_default())
}

/// The two ends, and the protocol that was asked for.
pub(super) fn ends(attempt: &Attempt) -> String {
    let mut text = format!("{} → {}", attempt.client, attempt.server);
    for (word, value) in [
        ("", attempt.protocol.as_deref()),
        ("via ", attempt.connection.via.as_deref()),
    ] {
        if let Some(value) = value {
            text.extend([", ", word, value]);
        }
    }
    text
}

/// What the layers showed of an attempt, each with its name.
pub(super) fn facts(attempt: &Attempt) -> Vec<(&'static str, String)> {
    let connection = &attempt.connection;
    let rtt = connection
        .rtt_ms
        .map(|rtt| format!(", round trip {rtt} ms"))
        .unwrap_or_default();
    let stage = format!(
        "{}; TCP {}, history {}{rtt}",
        attempt.stage, connection.state, connection.history
    );
    let facts = [
        Some(("stage", stage)),
        attempt.tls.as_ref().map(|it| ("tls", tls(it))),
        attempt.response.as_deref().and_then(answer).map(|it| ("answer", it)),
        attempt.session.as_ref().map(|it| ("session", session(it))),
    ];
    facts.into_iter().flatten().collect()
}

/// The other legs of a handshake, and what the proxies between them changed.
pub(super) fn hops(attempt: &Attempt) -> Vec<String> {
    attempt.hops.iter().map(hop).collect()
}

fn hop(hop: &Hop) -> String {
    let place = match &*hop.position {
        "behind" => "behind",
        _ => "in front of",
    };
    let joined = match &*hop.joined_by {
        "key" => "same key",
        _ => "joined by time",
    };
    let status = hop
        .status
        .map_or("not answered".to_owned(), |status| format!("answered {status}"));
    let mut text = format!(
        "{place} the proxy {}: {} → {}, packet {} ({joined}), {status}",
        hop.proxy, hop.client, hop.server, hop.packet
    );
    if !hop.changes.is_empty() {
        let changes: Vec<String> = hop.changes.iter().map(change).collect();
        text.extend(["; the proxy ", &changes.join(", ")]);
    }
    text
}

fn change(change: &Change) -> String {
    let Change { name, before, after } = change;
    match (before.as_deref(), after.as_deref()) {
        (Some(_), None) => format!("took away {name}"),
        (None, Some("…")) => format!("added {name}"),
        (None, Some(after)) => format!("added {name}: {after}"),
        (Some("…"), _) | (_, Some("…")) | (None, None) => format!("changed {name}"),
        (Some(before), Some(after)) => format!("changed {name} from {before} to {after}"),
    }
}

/// How sure a cause is, and who said it.
pub(super) fn verdict(cause: &Cause) -> String {
    let guide = cause
        .guide
        .as_ref()
        .map(|guide| format!("; guide: {guide}"))
        .unwrap_or_default();
    let by = culprit(&cause.said_by)
        .map(|culprit| format!(", said by {culprit}"))
        .unwrap_or_default();
    format!("{}{by}{guide}", cause.confidence)
}

/// Format, size and time of a capture.
pub(super) fn capture(capture: &Capture) -> Vec<String> {
    let mut told = vec![capture.format.clone()];
    told.extend(capture.compression.clone());
    told.extend(capture.link_types.iter().cloned());
    told.push(digest::counted(capture.packets, "packet"));
    told.push(digest::octets(capture.bytes));
    if let (Some(first), Some(last)) = (&capture.first, &capture.last) {
        told.push(span(first, last));
    }
    told
}

/// From the first point of time to the last.
pub(super) fn span(first: &str, last: &str) -> String {
    if first == last {
        first.to_owned()
    } else {
        format!("{first} to {last}")
    }
}

/// The named ones and how many more there are; `None` if there is none.
pub(super) fn several(named: &[String], count: u64) -> Option<String> {
    let more = count.saturating_sub(named.len() as u64);
    let named = named.join(", ");
    match (named.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(named),
        (false, more) => Some(format!("{named} and {more} more")),
    }
}

/// Whether the servers of a pattern accepted upgrades before it began, and since.
pub(super) fn onset(pattern: &Pattern) -> String {
    let upgrades = |count| digest::counted(count, "upgrade");
    let since = match pattern.upgraded_since {
        0 => "none since".to_owned(),
        since => format!("{since} since"),
    };
    match &pattern.last_upgraded_before {
        Some(last) => format!(
            "{} passed at these servers before, the last at {last}; {since}",
            upgrades(pattern.upgraded_before)
        ),
        None if pattern.upgraded_since > 0 => format!("no upgrade passed at these servers before, {since}"),
        None => "no upgrade passes at these servers in the capture".to_owned(),
    }
}

fn tls(tls: &Tls) -> String {
    let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let alert = tls.alert.as_ref().map(|alert| {
        let name = alert.name.as_deref().unwrap_or("not registered");
        format!("alert {} ({name}) by the {}", alert.code, alert.sent_by)
    });
    let lacking = tls.client_random.as_ref().map(|random| match tls.secrets.as_deref() {
        Some("missing") => format!("none of the secrets given is for client random {random}"),
        Some("unsupported") => "its cipher suite is not one that is opened here".to_owned(),
        _ => format!("the secrets for client random {random} open nothing"),
    });
    let told = [
        named("version", &tls.version),
        named("server name", &tls.sni),
        named("ALPN", &tls.alpn),
        Some(if tls.decrypted { "decrypted" } else { "not decrypted" }.to_owned()),
        lacking,
        alert,
    ];
    told.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Who wrote an answer; `None` if nothing tells.
fn answer(response: &Response) -> Option<String> {
    let server = response.server.as_ref().map(|server| format!("Server {server}"));
    let author = response.author.as_ref().map(|author| format!("written by {author}"));
    let told: Vec<_> = server.into_iter().chain(author).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn session(session: &Session) -> String {
    let close = session.close.as_ref().map(|close| {
        let code = close.code.map_or("without a code".to_owned(), |code| code.to_string());
        let reason = close
            .reason
            .as_ref()
            .map(|reason| format!(" “{reason}”"))
            .unwrap_or_default();
        format!("close {code}{reason} by the {}", close.sent_by)
    });
    let ended = session.ended_by.as_ref().map(|end| format!("ended by {end}"));
    let frames = session.frames.as_ref().map(|frames| {
        format!(
            "{} by the client, {} by the server",
            digest::counted(frames.client, "frame"),
            frames.server
        )
    });
    [close, ended, frames]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// Who ended an attempt, as part of a sentence; `None` if it cannot be told.
fn culprit(said_by: &str) -> Option<&str> {
    Some(match said_by {
        "client" => "the client",
        "application" => "the application",
        "proxy" => "a proxy",
        "waf" => "a web application firewall",
        "firewall" => "a firewall",
        "server-host" => "the server's host",
        "network" => "the network",
        "unknown" => return None,
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::example, *};

    #[test]
    fn what_the_layers_showed() {
        let report = example::report();
        assert_eq!(
            facts(&report.attempts[1]),
            [
                (
                    "stage",
                    "closed; TCP SF, history ShADadFf, round trip 12.25 ms".to_owned()
                ),
                (
                    "session",
                    "close 1000 by the client, ended by close-handshake, 3 frames by the client, 5 by the server"
                        .to_owned()
                ),
            ]
        );
        assert_eq!(
            facts(&report.attempts[3])[1].1,
            format!(
                "version 1.3, server name ws.example.net, not decrypted, none of the secrets given is for client random {}",
                "0b".repeat(32)
            )
        );
    }

    #[test]
    fn the_unnamed_are_counted() {
        let named = ["a".to_owned(), "b".to_owned()];
        assert_eq!(several(&named, 2).as_deref(), Some("a, b"));
        assert_eq!(several(&named, 9).as_deref(), Some("a, b and 7 more"));
        assert_eq!(several(&[], 0), None);
    }
}

//! The packets of an attempt that tell its story, in order: what every face draws as a ladder.

use std::collections::BTreeMap;

use super::{Attempt, Request, Response};

/// One packet of the story.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// The capture file.
    pub(super) capture: u32,
    /// Wireshark's `frame.number` there.
    pub(super) packet: u64,
    /// Who sent it, as far as the report tells.
    pub(super) from: Option<End>,
    /// The message that it brought, as one would write it on an arrow.
    pub(super) message: Option<String>,
    /// What else is to be seen in it.
    pub(super) notes: Vec<String>,
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Client,
    Server,
}

/// The request, the answer and the evidence, by packet.
pub(super) fn steps(attempt: &Attempt) -> Vec<Step> {
    let mut steps = Ladder::new();
    for evidence in attempt.cause.iter().flat_map(|cause| &cause.evidence) {
        step(&mut steps, evidence.capture, evidence.packet)
            .notes
            .push(evidence.text.to_string());
    }
    // In Zeek's history a capital S at the start is the client's SYN.
    if attempt.connection.history.starts_with('S') {
        steps
            .entry((attempt.capture, attempt.connection.packet))
            .and_modify(|syn| syn.from = Some(End::Client));
    }
    if let Some(request) = &attempt.request {
        let step = step(&mut steps, attempt.capture, request.packet);
        step.from = Some(End::Client);
        step.message = Some(request_line(request, attempt.http_version.as_deref()));
        step.notes.splice(0..0, asked_with(request));
    }
    if let Some(response) = &attempt.response {
        let step = step(&mut steps, attempt.capture, response.packet);
        step.from = Some(End::Server);
        step.message = Some(status_line(response));
    }
    steps.into_values().collect()
}

/// Steps by capture and packet.
type Ladder = BTreeMap<(u32, u64), Step>;

fn step(steps: &mut Ladder, capture: u32, packet: u64) -> &mut Step {
    steps.entry((capture, packet)).or_insert_with(|| Step {
        capture,
        packet,
        ..Step::default()
    })
}

fn request_line(request: &Request, version: Option<&str>) -> String {
    let version = version.map(|version| format!(" HTTP/{version}")).unwrap_or_default();
    format!("{} {}{version}", request.method, request.target)
}

/// The fields that decide most often, in one line; none if none was there.
fn asked_with(request: &Request) -> Option<String> {
    let list = |values: &[String]| (!values.is_empty()).then(|| values.join(" "));
    let fields = [
        ("Host", request.host.clone()),
        ("Origin", request.origin.clone()),
        ("subprotocols", list(&request.subprotocols)),
        ("credentials", list(&request.credentials)),
    ];
    let told: Vec<_> = fields
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name} {value}")))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn status_line(response: &Response) -> String {
    match &response.reason {
        Some(reason) => format!("{} {reason}", response.status),
        None => response.status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::example, *};

    #[test]
    fn the_story_of_a_403() {
        let steps = steps(&example::report().attempts[0]);
        let told: Vec<_> = steps
            .iter()
            .map(|s| (s.packet, s.from, s.message.as_deref(), s.notes.len()))
            .collect();
        assert_eq!(
            told,
            [
                (4, Some(End::Client), Some("GET /ws HTTP/1.1"), 1),
                (6, Some(End::Server), Some("403 Forbidden"), 1),
            ]
        );
        assert_eq!(
            steps[0].notes,
            ["Host ws.example.net, Origin https://evil.example.net, credentials cookie:session"]
        );
    }

    #[test]
    fn only_a_syn_that_was_seen_comes_from_the_client() {
        let mut attempt = example::report().attempts[2].clone();
        assert_eq!(steps(&attempt)[0].from, Some(End::Client));
        attempt.connection.history = "^d".to_owned();
        assert_eq!(steps(&attempt)[0].from, None);
    }
}

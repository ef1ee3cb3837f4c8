//! Hand-made ends of connections, and other legs, for the tests of rules that look beyond the request and its answer.

use std::sync::Arc;

use crate::{
    attempt::{Attempt, CloseFrame, Ordinary, Pending, Session, Stage, Violation},
    capture::{PacketId, Time},
    diagnosis::{
        engine::{Finding, diagnose},
        hops::Hop,
        rule::{Confidence, SaidBy},
        sample::{NOW, Sample},
    },
    fingerprint::{Author, Role},
    packet::Endpoint,
    survey::{Survey, Tally},
    tcp::{At, Data, Direction, Facts, Few, Marks, Place, Reset, Seen, Side},
    websocket,
};

/// An attempt and what happened on its connection and beside it. Moments are in milliseconds after the request.
#[derive(Clone)]
pub(super) struct Staged {
    attempt: Attempt,
    others: Vec<Attempt>,
    ordinary: Vec<Ordinary>,
    author: Author,
}

/// The time to live with which both ends' segments arrive.
const TTL: u8 = 63;

impl Staged {
    /// The exchange of a sample, on a connection whose SYN and SYN-ACK were seen.
    pub(super) fn of(sample: &Sample) -> Self {
        let staged = Staged {
            attempt: sample.attempt(),
            others: Vec::new(),
            ordinary: Vec::new(),
            author: Author::default(),
        };
        staged.with(|attempt, facts| {
            facts.from_client.syns.push(seen(1, 0));
            facts.from_server.syns.push(seen(2, 0));
            (facts.from_client.segments, facts.from_server.segments) = (2, 2);
            if let Some(response) = attempt.response.as_deref_mut() {
                response.first.at.time = seen(6, 2).at.time;
                response.last.at.time = response.first.at.time;
            }
            let length = attempt.request.as_ref().map_or(0, |request| request.span.1);
            facts.from_client.acknowledged = length;
            facts.from_server.data = attempt.response.as_ref().map(|response| Box::new(data(response.first)));
            if attempt.is_upgraded() {
                let octets = [attempt.response.as_ref().map(|response| response.last.at), None];
                attempt.session = Some(Box::new(Session {
                    framed: true,
                    last_octets: octets,
                    ..Session::default()
                }));
            }
        })
    }

    /// FIN by `side`.
    pub(super) fn fin(self, side: Side, after: u64) -> Self {
        self.with(|attempt, facts| {
            direction(facts, side).fin = Some(Box::new(seen(7 + after, after)));
            if attempt.is_upgraded() {
                attempt.stage = Stage::Closed;
            }
        })
    }

    /// FIN by the server that arrives with another TTL and without the timestamps that its other segments have.
    pub(super) fn foreign_fin(self, after: u64) -> Self {
        self.with(|_, facts| {
            for direction in [&mut facts.from_client, &mut facts.from_server] {
                direction.syns.iter_mut().for_each(|syn| syn.marks.timestamp = Some(1));
            }
            let mut fin = seen(7 + after, after);
            fin.marks.ttl = 200;
            facts.from_server.fin = Some(Box::new(fin));
        })
    }

    /// A reset with `side`'s address and own marks.
    pub(super) fn reset(self, side: Side, after: u64, ack: bool) -> Self {
        self.with(|_, facts| {
            facts.resets.push(Reset {
                seen: seen(7 + after, after),
                side,
                ack,
                place: Place::Exact,
                acknowledges: None,
                after_other: None,
                after_own: None,
                ttl_before: Some((TTL, TTL)),
                ip_id_before: None,
                timestamps_before: false,
                went_on: None,
                offset: None,
                round_trip: None,
            });
        })
    }

    /// A Close frame of `side`.
    pub(super) fn close(self, side: Side, code: u16, reason: &str, after: u64) -> Self {
        let frame = CloseFrame {
            side,
            code: Some(websocket::CloseCode(code)),
            reason: reason.to_owned(),
            at: seen(7 + after, after).at,
        };
        self.in_session(|session| {
            session.closes.push(frame);
            session.frames[usize::from(side == Side::Server)] += 1;
        })
    }

    /// Frames of data, so many by the client and by the server, the last of them at a moment.
    pub(super) fn frames(self, client: u64, server: u64, after: u64) -> Self {
        self.in_session(|session| {
            session.frames = [client, server];
            session.last_octets = [Some(seen(7 + after, after).at); 2];
        })
    }

    /// Something of `side` that is no sound frame.
    pub(super) fn violation(self, side: Side, kind: websocket::Violation) -> Self {
        self.in_session(|session| {
            session.violations.push(Violation {
                side,
                kind,
                at: seen(8, 1).at,
            })
        })
    }

    /// The answer came in so many octets that no status could be read in them.
    pub(super) fn unread(self, octets: u64) -> Self {
        self.with(|_, facts| {
            facts.from_server.sent = octets;
            facts.from_server.data = Some(Box::new(data(seen(6, 0))));
        })
    }

    /// The marks of the answer name this author.
    pub(super) fn by(mut self, role: Role, program: &str) -> Self {
        self.author = Author {
            role,
            program: Some(program.to_owned()),
            ..Author::default()
        };
        self
    }

    /// The marks of a proxy lie on the answer.
    pub(super) fn passed_on_by(mut self, proxy: &str) -> Self {
        self.author.relayed_by = Some(proxy.to_owned());
        self
    }

    /// With a change to the attempt and its connection.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Attempt, &mut Facts)) -> Self {
        let mut facts = Facts::clone(&self.attempt.connection);
        change(&mut self.attempt, &mut facts);
        self.attempt.connection = Arc::new(facts);
        self
    }

    /// Another attempt in the same capture, on another connection that begins so many packets and milliseconds later.
    pub(super) fn beside(mut self, other: &Staged, later: u64) -> Self {
        self.others.push(shifted(other.attempt.clone(), later));
        self
    }

    /// The same, so many packets and milliseconds later.
    pub(super) fn delayed(mut self, later: u64) -> Self {
        self.attempt = shifted(self.attempt, later);
        self
    }

    /// An ordinary exchange in the same capture.
    pub(super) fn ordinary(mut self, ordinary: Ordinary) -> Self {
        self.ordinary.push(ordinary);
        self
    }

    /// As the leg from a proxy, which is the server of the front leg, to a backend.
    pub(super) fn behind(self) -> Self {
        self.with(|_, facts| {
            let backend = Endpoint {
                address: [192, 0, 2, 3].into(),
                port: 9000,
            };
            facts.client = Endpoint {
                port: 50_000,
                ..facts.server
            };
            facts.server = backend;
        })
    }

    /// The other legs of the handshake.
    pub(super) fn hops(&self) -> Vec<Hop> {
        self.finding().hops
    }

    /// What all rules come to.
    pub(super) fn finding(&self) -> Finding {
        let mut attempts: Vec<Attempt> = self.others.to_vec();
        attempts.push(self.attempt.clone());
        attempts.sort_by_key(Attempt::first);
        let own = attempts
            .iter()
            .position(|attempt| attempt.first() == self.attempt.first());
        let mut tally = Tally::default();
        for attempt in &attempts {
            let (connection, ordinary) = (Arc::clone(&attempt.connection), self.ordinary.clone());
            tally.count(&mut crate::attempt::Conclusion::Talk {
                connection,
                attempts: Vec::new(),
                ordinary,
            });
        }
        let attempts: Vec<Pending> = attempts.into_iter().map(Pending::from).collect();
        let span = (Time(NOW * 1_000_000_000), Time((NOW + 7200) * 1_000_000_000));
        let survey = Survey::new(&attempts, &tally, span);
        diagnose(&attempts[own.unwrap()].attempt(), &survey, &self.author)
    }

    /// The cause that wins, and how sure it is.
    pub(super) fn cause(&self) -> (&'static str, Option<Confidence>) {
        let cause = self.finding().cause;
        cause.map_or(("none", None), |verdict| {
            (verdict.rule.id, Some(verdict.found.confidence))
        })
    }

    /// Who ended it, by the cause that wins.
    pub(super) fn said_by(&self) -> Option<SaidBy> {
        self.finding().cause.map(|verdict| verdict.found.said_by)
    }

    fn in_session(self, change: impl FnOnce(&mut Session)) -> Self {
        self.with(|attempt, _| {
            if let Some(session) = attempt.session.as_deref_mut() {
                change(session);
            }
        })
    }
}

fn direction(facts: &mut Facts, side: Side) -> &mut Direction {
    match side {
        Side::Client => &mut facts.from_client,
        Side::Server => &mut facts.from_server,
    }
}

fn seen(packet: u64, after: u64) -> Seen {
    let time = Time(NOW * 1_000_000_000 + after as i64 * 1_000_000);
    let marks = Marks {
        ttl: TTL,
        ip_id: None,
        window: 65_535,
        timestamp: None,
    };
    Seen {
        at: At {
            packet: PacketId::new(0, packet),
            time,
        },
        marks,
    }
}

fn data(first: Seen) -> Data {
    Data {
        first,
        last: first.at,
        segments: 1,
        repeats: Few::default(),
        in_flight: Vec::new(),
        sacked: None,
        largest_passed: 0,
        gaps: Few::default(),
        missing: 0,
        beyond_hole: 0,
        conflicts: Few::default(),
    }
}

/// The attempt, so many packets and milliseconds later, from another port.
fn shifted(mut attempt: Attempt, later: u64) -> Attempt {
    let shift = |at: &mut At| {
        *at = At {
            packet: PacketId::new(at.packet.capture(), at.packet.number() + later),
            time: Time(at.time.0 + later as i64 * 1_000_000),
        };
    };
    if let Some(request) = attempt.request.as_deref_mut() {
        shift(&mut request.first.at);
        shift(&mut request.last.at);
    }
    if let Some(response) = attempt.response.as_deref_mut() {
        shift(&mut response.first.at);
        shift(&mut response.last.at);
    }
    let mut facts = Facts::clone(&attempt.connection);
    facts.client.port += 1;
    shift(&mut facts.first);
    shift(&mut facts.last);
    for direction in [&mut facts.from_client, &mut facts.from_server] {
        direction.fin.iter_mut().for_each(|fin| shift(&mut fin.at));
    }
    attempt.connection = Arc::new(facts);
    attempt
}

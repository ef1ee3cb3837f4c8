//! A request to which not one octet of answer came, and how its connection ended.

use crate::{
    attempt::Request,
    diagnosis::{
        marks::{Foreign, milliseconds},
        rule::{Case, Confidence, Evidence, SaidBy},
    },
    tcp::{At, Reset, Seen, Side},
};

/// The end of a connection by the server, after a request that it never answered.
pub(super) struct End<'a> {
    /// The request.
    pub(super) request: &'a Request,
    /// The FIN or reset.
    pub(super) seen: Seen,
    /// The reset, if it is one.
    pub(super) reset: Option<&'a Reset>,
    /// Whether the server had acknowledged the request by then.
    pub(super) acknowledged: bool,
    foreign: Foreign,
}

/// The end by the server, if nothing that the capture missed could be the answer, and the client did not leave first.
pub(super) fn end_by_server<'a>(case: &Case<'a>) -> Option<End<'a>> {
    let request = unanswered(case)?;
    let facts = &case.attempt.connection;
    let since = |at: At| at >= request.first.at;
    let fin = facts.from_server.fin.as_deref().filter(|fin| since(fin.at));
    let mut resets = facts.resets.iter();
    let reset = resets.find(|reset| reset.side == Side::Server && since(reset.seen.at));
    let reset = reset.filter(|reset| fin.is_none_or(|fin| reset.seen.at < fin.at));
    let seen = reset.map(|reset| reset.seen).or(fin.copied())?;
    if left_by_client(case).is_some_and(|at| at < seen.at) {
        return None;
    }
    let foreign = match reset {
        Some(reset) => Foreign::of_reset(case, reset),
        None => Foreign::of_segment(case, Side::Server, &seen),
    };
    // A reset may be the first to acknowledge it.
    let by_reset = reset
        .and_then(|reset| reset.acknowledges)
        .is_some_and(|up_to| up_to >= request.span.1);
    let acknowledged = by_reset || request.acknowledged.is_some() || facts.from_client.acknowledged >= request.span.1;
    Some(End {
        request,
        seen,
        reset,
        acknowledged,
        foreign,
    })
}

/// When the client closed or reset the connection, if it did.
pub(super) fn left_by_client(case: &Case<'_>) -> Option<At> {
    let facts = &case.attempt.connection;
    let fin = facts.from_client.fin.as_ref().map(|fin| fin.at);
    fin.into_iter()
        .chain(facts.reset_by(Side::Client).map(|reset| reset.seen.at))
        .min()
}

/// The whole request, if no octet of an answer came and none can have been missed.
pub(super) fn unanswered<'a>(case: &Case<'a>) -> Option<&'a Request> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let request = attempt.request.as_deref().filter(|request| request.complete)?;
    let data = facts.from_server.data.as_ref();
    let spoke = data.is_some_and(|data| data.last >= request.first.at);
    let heard = attempt.response.is_some() || attempt.not_http.is_some();
    let missed = attempt.obstacle.is_some() || facts.from_server.has_gaps() || case.survey.is_one_sided();
    (!heard && !missed && !spoke).then_some(request)
}

/// Octets with which a status code is whole: whoever sends more, and no status code that could be read, speaks no HTTP.
const STATUS_LINE: u64 = "HTTP/1.1 403".len() as u64;

/// The first octets of an answer that are too few for a status code.
pub(super) fn half_a_status(case: &Case<'_>, request: &Request) -> Option<Seen> {
    unread(case, request)
        .filter(|(_, octets)| *octets < STATUS_LINE)
        .map(|(first, _)| first)
}

/// The first octets of an answer in which no status code could be read, though there are enough for one.
pub(super) fn no_status(case: &Case<'_>, request: &Request) -> Option<Seen> {
    unread(case, request)
        .filter(|(_, octets)| *octets >= STATUS_LINE)
        .map(|(first, _)| first)
}

/// The first octets that came after the only request of a connection, and how many, if no answer could be read in them.
fn unread(case: &Case<'_>, request: &Request) -> Option<(Seen, u64)> {
    let attempt = case.attempt;
    let from_server = &attempt.connection.from_server;
    let data = from_server
        .data
        .as_ref()
        .filter(|data| data.first.at >= request.first.at)?;
    let heard = attempt.response.is_some() || attempt.not_http.is_some() || attempt.nth > 0;
    (!heard && data.missing == 0 && data.beyond_hole == 0).then_some((data.first, from_server.sent))
}

impl End<'_> {
    /// How surely the server itself ended it, and with which weight, by the marks of the last segment; nothing if several speak
    /// for another machine. One such mark leaves hardly more than the name.
    pub(super) fn confidence(&self) -> Option<(Confidence, u8)> {
        match self.foreign.confidence() {
            Some(Confidence::Likely | Confidence::Confirmed) => None,
            Some(Confidence::Possible) => Some((Confidence::Possible, 5)),
            None if self.foreign.agreeing.is_empty() || !self.acknowledged => Some((Confidence::Possible, 50)),
            None => Some((Confidence::Likely, 50)),
        }
    }

    /// Whether no mark speaks for another machine.
    pub(super) fn is_own(&self) -> bool {
        self.foreign.marks.is_empty()
    }

    /// Who ended it, if it was the server: a program that aborts acknowledges what it has, a host without one does not.
    pub(super) fn writer(&self) -> SaidBy {
        match self.reset {
            Some(reset) if !reset.ack => SaidBy::ServerHost,
            _ => SaidBy::Application,
        }
    }

    /// How long after the request it came, for reading.
    pub(super) fn after(&self) -> impl std::fmt::Display {
        milliseconds(self.seen.at.time.since(self.request.last.at.time))
    }

    /// What shows it.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let kind = if self.reset.is_some() { "reset" } else { "FIN" };
        let agreeing = match self.foreign.agreeing.as_slice() {
            [] => String::new(),
            marks => format!("; {} as in the server's other segments", marks.join(", ")),
        };
        let acknowledged = self
            .request
            .acknowledged
            .map(|at| Evidence::new(at.packet, "the server acknowledges the whole request"));
        let end = Evidence::new(
            self.seen.at.packet,
            format!(
                "{kind} by the server {} after the request, without one octet of answer{agreeing}",
                self.after()
            ),
        );
        let doubts = self.foreign.marks.iter().cloned();
        acknowledged.into_iter().chain([end]).chain(doubts).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        capture::{PacketId, Time},
        diagnosis::{
            rule::{Confidence, SaidBy},
            sample::Sample,
            staged::Staged,
        },
        tcp::{At, GapCause, Side},
    };

    fn unanswered() -> Staged {
        Staged::of(&Sample::get("/ws"))
    }

    #[test]
    fn the_server_ends_it() {
        let fin = unanswered().fin(Side::Server, 50);
        assert_eq!(fin.cause(), ("server.closed-without-answer", Some(Confidence::Likely)));
        let abort = unanswered().reset(Side::Server, 50, true);
        assert_eq!(abort.cause(), ("server.reset-after-request", Some(Confidence::Likely)));
        assert_eq!(abort.said_by(), Some(SaidBy::Application));
        assert_eq!(
            unanswered().reset(Side::Server, 50, false).said_by(),
            Some(SaidBy::ServerHost)
        );
    }

    #[test]
    fn another_ended_it() {
        let causes = ["server.closed-without-answer", "server.reset-after-request"];
        let client_first = unanswered().fin(Side::Client, 10).fin(Side::Server, 50);
        let foreign = unanswered().foreign_fin(50);
        let gone = unanswered().fin(Side::Client, 10).reset(Side::Server, 11, true);
        for staged in [client_first, foreign, gone] {
            assert!(!causes.contains(&staged.cause().0));
        }
    }

    #[test]
    fn what_the_capture_missed_may_have_been_the_answer() {
        let at = At {
            packet: PacketId::new(0, 6),
            time: Time(0),
        };
        let missed = unanswered().fin(Side::Server, 50).with(|attempt, _| {
            let obstacle = crate::attempt::Obstacle {
                side: Side::Server,
                cause: GapCause::NotCaptured,
                missing: 9,
                at,
            };
            attempt.obstacle = Some(obstacle);
        });
        assert_ne!(missed.cause().0, "server.closed-without-answer");
        let unacknowledged = unanswered()
            .fin(Side::Server, 50)
            .with(|_, facts| facts.from_client.acknowledged = 0);
        assert_eq!(
            unacknowledged.cause(),
            ("server.closed-without-answer", Some(Confidence::Possible))
        );
    }

    #[test]
    fn octets_without_a_status() {
        assert_eq!(
            unanswered().unread(3).fin(Side::Server, 50).cause().0,
            "server.truncated-response"
        );
        assert_eq!(
            unanswered().unread(40).fin(Side::Server, 50).cause().0,
            "server.not-http"
        );
    }

    #[test]
    fn not_http() {
        let begun = |octets: &[u8]| {
            let octets = octets.to_vec();
            let staged = unanswered().unread(40);
            staged.with(|attempt, facts| {
                let first = facts.from_server.data.as_ref().unwrap().first;
                attempt.not_http = Some(Box::new((octets, first)));
                attempt.stage = crate::attempt::Stage::Response;
            })
        };
        assert_eq!(
            begun(b"SSH-2.0-x\r\n").cause(),
            ("server.not-http", Some(Confidence::Confirmed))
        );
        assert_eq!(
            begun(&[0x15, 3, 1, 0, 2, 2, 70]).cause(),
            ("tls.plaintext-to-tls-port", Some(Confidence::Confirmed))
        );
        assert_eq!(begun(&[0xff; 9]).cause().0, "server.not-http");
    }

    #[test]
    fn half_a_head() {
        let cut = |staged: Staged| {
            staged.with(|attempt, _| {
                if let Some(response) = attempt.response.as_deref_mut() {
                    response.complete = false;
                }
            })
        };
        let refused = cut(Staged::of(&Sample::get("/").refused(403, ""))).fin(Side::Server, 9);
        assert_eq!(refused.cause().0, "server.truncated-response");
        let switched = cut(Staged::of(&Sample::get("/").accepted())).reset(Side::Server, 9, true);
        assert_eq!(switched.cause().0, "server.truncated-response");
        // The capture ends, and the head with it.
        let open = cut(Staged::of(&Sample::get("/").accepted()));
        assert_ne!(open.cause().0, "server.truncated-response");
    }

    #[test]
    fn a_proxy_header() {
        let headed = |staged: Staged| {
            let at = At {
                packet: PacketId::new(0, 4),
                time: Time(0),
            };
            let via = crate::attempt::Via {
                connect: None,
                proxy_protocol: Some((1, None, at)),
            };
            staged.with(|attempt, _| attempt.via = Some(Box::new(via)))
        };
        let refused = headed(Staged::of(&Sample::get("/").refused(400, "")));
        assert_eq!(refused.cause(), ("proxy.protocol-mismatch", Some(Confidence::Likely)));
        let works = Staged::of(&Sample::get("/").accepted());
        assert_eq!(
            refused.beside(&works, 50).cause(),
            ("proxy.protocol-mismatch", Some(Confidence::Confirmed))
        );
        assert_eq!(
            headed(unanswered()).fin(Side::Server, 5).cause().0,
            "proxy.protocol-mismatch"
        );
        let wanted = unanswered().fin(Side::Server, 5).beside(&headed(works.clone()), 50);
        assert_eq!(wanted.cause(), ("proxy.protocol-mismatch", Some(Confidence::Likely)));
        let forbidden = headed(Staged::of(&Sample::get("/").refused(403, "")));
        assert_ne!(forbidden.cause().0, "proxy.protocol-mismatch");
    }
}

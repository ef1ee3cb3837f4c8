//! A request that was acknowledged and is not answered: who waited for how long, and who left first.

use crate::{
    attempt::Request,
    diagnosis::{
        passage::{is_half_seen, name},
        rule::{Case, Evidence},
    },
    tcp::{At, Side},
};

/// A request that the server's system has, and nobody answered.
pub(super) struct Waiting<'a> {
    request: &'a Request,
    acknowledged: At,
    left: [Option<At>; 2],
    /// Octets that the server must have sent all the same, and that were lost before they were captured.
    pub(super) lost: u64,
    /// Nanoseconds from the acknowledgement until the client left, or until the end of the capture.
    pub(super) waited: u64,
}

impl<'a> Waiting<'a> {
    /// The request of the attempt, if it is whole and acknowledged and no octet of an answer came or can have been missed, and
    /// the server did not close.
    pub(super) fn of(case: &Case<'a>) -> Option<Self> {
        let attempt = case.attempt;
        let facts = &attempt.connection;
        let request = attempt.request.as_deref().filter(|request| request.complete)?;
        let acknowledged = request.acknowledged?;
        let spoke = facts
            .from_server
            .data
            .as_ref()
            .is_some_and(|data| data.last > request.first.at);
        let heard = attempt.response.is_some() || attempt.not_http.is_some() || spoke;
        let missed = attempt.obstacle.is_some() || facts.from_server.has_gaps() || is_half_seen(case);
        let ends = [facts.left(Side::Client), facts.left(Side::Server)];
        let server_first = ends[1].is_some_and(|server| ends[0].is_none_or(|client| server < client));
        if heard || missed || server_first {
            return None;
        }
        let waited = ends[0].map_or(case.survey.left_after(acknowledged), |at| {
            at.time.since(acknowledged.time)
        });
        let lost = facts.from_server.lost_before();
        Some(Waiting {
            request,
            acknowledged,
            left: ends,
            lost,
            waited,
        })
    }

    /// When `side` closed or reset.
    pub(super) fn left_by(&self, side: Side) -> Option<At> {
        match side {
            Side::Client => self.left[0],
            Side::Server => self.left[1],
        }
    }

    /// Request, acknowledgement, and who left.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let mut evidence = vec![
            Evidence::new(self.request.last.at.packet, "the whole request"),
            Evidence::new(self.acknowledged.packet, "the server acknowledges it"),
        ];
        let sides = [Side::Client, Side::Server].into_iter().zip(self.left);
        let ends = sides.filter_map(|(side, at)| Some((at?, format!("the {} closes or resets", name(side)))));
        evidence.extend(ends.map(|(at, text)| Evidence::new(at.packet, text)));
        evidence
    }
}

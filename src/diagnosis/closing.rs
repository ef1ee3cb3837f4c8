//! How a WebSocket ended after the switch: by a Close frame, by FIN or a reset without one, or in silence.

use crate::{
    attempt::{CloseFrame, Session},
    diagnosis::{
        marks::{Foreign, milliseconds},
        pauses::{is_starved, silence_before},
        rule::{Case, Confidence, Match, Outcome, SaidBy, Text},
        tls_handshake::name,
    },
    http::printable,
    tcp::{At, Side},
    websocket::CloseCode,
};

/// The first thing that ended a WebSocket.
pub(super) struct Closing<'a> {
    case: Case<'a>,
    /// What came after the switch.
    pub(super) session: &'a Session,
    /// Who ended it.
    pub(super) by: Side,
    /// By what.
    pub(super) how: How<'a>,
    /// Where.
    pub(super) at: At,
    /// No more than this may be concluded: the segment may have been written by another machine.
    ceiling: Confidence,
}

/// By what a WebSocket was ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum How<'a> {
    /// A Close frame (RFC 6455 section 5.5.1).
    Frame(&'a CloseFrame),
    /// FIN without a Close frame before it.
    Fin,
    /// A reset without a Close frame before it.
    Reset,
}

/// Soon after the switch, in nanoseconds: an application that closes within this time had made up its mind with the request.
pub(super) const SOON: u64 = 1_000_000_000;

impl<'a> Closing<'a> {
    /// What ended the WebSocket; `None` if nothing did, if a Close frame may have been missed, or if the segment that ended it was
    /// most likely written by a machine in between.
    pub(super) fn of(case: &Case<'a>) -> Option<Self> {
        let session = case.attempt.session.as_deref().filter(|session| session.framed)?;
        let frame = session.closes.iter().min_by_key(|close| close.at);
        if let Some(frame) = frame {
            let (by, how) = (frame.side, How::Frame(frame));
            return Some(Closing {
                case: *case,
                session,
                by,
                how,
                at: frame.at,
                ceiling: Confidence::Confirmed,
            });
        }
        let connection = &case.attempt.connection;
        if session.unread != [false; 2] || connection.is_one_sided() || connection.evicted {
            return None;
        }
        let (at, by, how, foreign) = first_cut(case)?;
        let ceiling = match foreign.confidence() {
            None if is_starved(connection) => Confidence::Possible,
            None => Confidence::Likely,
            Some(Confidence::Possible) => Confidence::Possible,
            Some(_) => return None,
        };
        Some(Closing {
            case: *case,
            session,
            by,
            how,
            at,
            ceiling,
        })
    }

    /// The Close frame, if it was one.
    pub(super) fn frame(&self) -> Option<&'a CloseFrame> {
        match self.how {
            How::Frame(frame) => Some(frame),
            _ => None,
        }
    }

    /// The code of the Close frame, if it was one and bears a code.
    pub(super) fn code(&self) -> Option<u16> {
        self.frame()?.code.map(|CloseCode(code)| code)
    }

    /// The reason of the Close frame in small letters; empty if there is none.
    pub(super) fn reason(&self) -> String {
        self.frame()
            .map(|frame| frame.reason.to_ascii_lowercase())
            .unwrap_or_default()
    }

    /// Nanoseconds between the switch and the end.
    pub(super) fn age(&self) -> u64 {
        let switch = self
            .case
            .attempt
            .response
            .as_ref()
            .map_or(self.case.attempt.connection.first, |response| response.last.at);
        self.at.time.since(switch.time)
    }

    /// Nanoseconds of silence before the end.
    pub(super) fn waited(&self) -> u64 {
        silence_before(&self.case.attempt.connection, self.at)
    }

    /// A match with the switch and what ended it as evidence; the outcome is that the upgrade succeeded.
    pub(super) fn found(&self, confidence: Confidence, summary: impl Into<Text>) -> Match {
        let found = Match::new(confidence.min(self.ceiling), Outcome::Upgraded, self.said_by(), summary);
        let found = match &self.case.attempt.response {
            Some(response) => found.shown_by(response.last.at.packet, "the switch is accepted"),
            None => found,
        };
        found.shown_by(self.at.packet, self.in_words())
    }

    fn said_by(&self) -> SaidBy {
        match (self.by, self.how) {
            (Side::Client, _) => SaidBy::Client,
            (Side::Server, How::Reset) => SaidBy::ServerHost,
            (Side::Server, _) => SaidBy::Application,
        }
    }

    /// What ended it, for evidence and for summaries: "the server closes with 1008 (policy violation): “reason”".
    pub(super) fn in_words(&self) -> String {
        let who = name(self.by);
        match self.how {
            How::Frame(frame) => format!("the {who} closes with {}", code_in_words(frame)),
            How::Fin => format!("the {who} sends FIN without a Close frame"),
            How::Reset => format!("the {who} resets the connection without a Close frame"),
        }
    }

    /// The Close frame's code and reason, and how long after the switch it came.
    pub(super) fn told(&self) -> String {
        let code = self.frame().map(code_in_words).unwrap_or_default();
        format!("{code}, {} after the switch", milliseconds(self.age()))
    }
}

/// A Close frame's code and reason.
fn code_in_words(frame: &CloseFrame) -> String {
    let code = frame.code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
    let reason = printable(frame.reason.as_bytes(), 100);
    if reason.is_empty() {
        code
    } else {
        format!("{code}: “{reason}”")
    }
}

/// The first FIN or reset.
fn first_cut<'a>(case: &Case<'a>) -> Option<(At, Side, How<'a>, Foreign)> {
    let facts = &case.attempt.connection;
    let fins = [Side::Client, Side::Server]
        .into_iter()
        .filter_map(|side| Some((side, facts.from(side).fin.as_deref()?)));
    let fin = fins.min_by_key(|(_, seen)| seen.at);
    let reset = facts.resets.iter().min_by_key(|reset| reset.seen.at);
    match (fin, reset) {
        (Some((side, seen)), reset) if reset.is_none_or(|reset| seen.at <= reset.seen.at) => {
            Some((seen.at, side, How::Fin, Foreign::of_segment(case, side, seen)))
        }
        (_, Some(reset)) => Some((reset.seen.at, reset.side, How::Reset, Foreign::of_reset(case, reset))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnosis::{
            rule::{Confidence::*, Outcome},
            scene::Scene,
        },
        tcp::Side::{Client, Server},
        websocket::Violation,
    };

    fn closed_by_server(code: u16, reason: &str) -> Scene {
        Scene::open()
            .close(Server, Some(code), reason)
            .close(Client, Some(code), "")
            .fin(Server)
    }

    #[test]
    fn close_codes() {
        for (code, reason, cause, confidence) in [
            (1001, "", "session.going-away", Confirmed),
            (1012, "", "session.going-away", Confirmed),
            (1002, "", "session.protocol-error", Confirmed),
            (1007, "", "session.protocol-error", Confirmed),
            (1008, "", "session.policy-violation", Confirmed),
            (1009, "", "session.message-too-big", Confirmed),
            (1011, "", "session.server-error", Confirmed),
            (1011, "keepalive ping timeout", "session.ping-timeout", Confirmed),
            (3000, "", "session.policy-violation", Confirmed),
            (4401, "", "session.policy-violation", Likely),
            (4403, "Forbidden", "session.policy-violation", Likely),
            (4500, "", "session.server-error", Likely),
            (4004, "Authentication failed", "session.policy-violation", Likely),
            (4004, "", "session.policy-violation", Possible),
        ] {
            assert_eq!(
                closed_by_server(code, reason).verdict(),
                (cause, confidence, Outcome::Upgraded),
                "{code} {reason}"
            );
        }
        // A code of the application after a while means what the application says.
        let later = Scene::open().wait(60_000).close(Server, Some(4004), "");
        assert_eq!(later.verdict().0, "none");
    }

    #[test]
    fn a_good_end_has_no_cause() {
        assert_eq!(
            closed_by_server(1000, "bye").verdict(),
            ("none", Possible, Outcome::Upgraded)
        );
        let without_code = Scene::open()
            .close(Client, None, "")
            .close(Server, None, "")
            .fin(Server);
        assert_eq!(without_code.verdict().0, "none");
        assert_eq!(
            Scene::open().close(Client, Some(1001), "").fin(Client).verdict().0,
            "none"
        );
        assert_eq!(Scene::open().message(Client).verdict().0, "none");
    }

    #[test]
    fn the_first_close_counts() {
        let echoed = Scene::open()
            .close(Client, Some(1000), "")
            .close(Server, Some(1008), "")
            .fin(Server);
        assert_eq!(echoed.verdict().0, "none");
    }

    #[test]
    fn ends_without_a_close() {
        let abnormal = ("session.abnormal-close", Likely, Outcome::Upgraded);
        let open = || Scene::open().message(Client).message(Server);
        assert_eq!(open().fin(Client).verdict(), abnormal);
        assert_eq!(open().reset(Client).verdict(), abnormal);
        assert_eq!(open().wait(500).fin(Server).verdict(), abnormal);
        // After a long silence a proxy's time limit is as likely.
        assert_eq!(open().wait(60_000).fin(Server).verdict().0, "proxy.idle-timeout");
        assert_eq!(open().reset(Server).with_ttl(50).verdict().1, Possible);
        // A Close may have been there.
        assert_eq!(open().unread().fin(Server).verdict().0, "none");
        let at_once = open().message(Client).fin(Server).finding_beside(Vec::new());
        assert_eq!(at_once.also_considered[0].rule.id, "session.server-error");
    }

    #[test]
    fn pings() {
        let waiting = |milliseconds| Scene::open().ping(Server).wait(milliseconds);
        assert_eq!(
            waiting(20_000).fin(Server).verdict(),
            ("session.ping-timeout", Likely, Outcome::Lost)
        );
        assert_eq!(
            waiting(20_000).message(Client).fin(Server).verdict().2,
            Outcome::Upgraded
        );
        assert_eq!(waiting(20).fin(Server).verdict().0, "session.abnormal-close");
        assert_eq!(waiting(20_000).fin(Client).verdict().0, "session.abnormal-close");
    }

    #[test]
    fn violations() {
        let masked = || Scene::open().violation(Server, Violation::Masked);
        assert_eq!(
            masked().close(Client, Some(1002), "").verdict(),
            ("session.protocol-error", Confirmed, Outcome::Upgraded)
        );
        assert_eq!(
            masked().fin(Client).verdict(),
            ("session.protocol-error", Likely, Outcome::Upgraded)
        );
        assert_eq!(masked().close(Client, Some(1000), "").verdict().0, "none");
        let illegal = Scene::open()
            .close(Server, Some(1006), "")
            .violation(Server, Violation::IllegalCloseCode);
        assert_eq!(illegal.verdict().0, "session.protocol-error");
    }
}

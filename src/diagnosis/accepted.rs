//! A 101 that was not used: who left, how, and after what.

use crate::{
    attempt::{Request, Response, Session},
    diagnosis::rule::{Case, Evidence, Outcome, SaidBy},
    tcp::{At, Side},
    websocket::{Answer, CloseCode, Offer},
};

/// A WebSocket handshake that was answered 101.
pub(super) struct Accepted<'a> {
    case: Case<'a>,
    pub(super) request: &'a Request,
    pub(super) response: &'a Response,
    pub(super) answer: &'a Answer,
}

/// How one end left.
pub(super) struct Leave {
    /// Who left.
    pub(super) side: Side,
    /// When.
    pub(super) at: At,
    /// The code of the Close frame, if it left with one.
    pub(super) code: Option<u16>,
    how: &'static str,
}

impl<'a> Accepted<'a> {
    /// The handshake of an attempt, if it was answered 101 and all of the head was seen.
    pub(super) fn of(case: &Case<'a>) -> Option<Self> {
        let request = case
            .attempt
            .request
            .as_deref()
            .filter(|request| request.offer.is_some() && request.complete)?;
        let response = case
            .attempt
            .response
            .as_deref()
            .filter(|response| response.head.status == 101 && response.complete)?;
        Some(Accepted {
            case: *case,
            request,
            response,
            answer: response.answer.as_deref()?,
        })
    }

    /// What the client offered.
    pub(super) fn offer(&self) -> Option<&'a Offer> {
        self.request.offer.as_deref()
    }

    /// What came after the switch.
    pub(super) fn session(&self) -> Option<&'a Session> {
        self.case.attempt.session.as_deref()
    }

    /// Whether the client took the handshake for good and used it: it sent more than a Close.
    pub(super) fn is_used(&self) -> bool {
        let Some(session) = self.session() else { return false };
        let closes = session.closes.iter().filter(|close| close.side == Side::Client).count() as u64;
        session.frames[0] > closes || !session.framed && session.octets[0] > 0
    }

    /// Whether both ends speak after the switch: they took each other's handshake, sound or not.
    pub(super) fn works(&self) -> bool {
        let Some(session) = self.session() else { return false };
        let closes = session.closes.iter().filter(|close| close.side == Side::Server).count() as u64;
        self.is_used() && session.frames[1] > closes
    }

    /// Who left first, and how: a Close frame, FIN or reset.
    pub(super) fn leave(&self) -> Option<Leave> {
        let facts = &self.case.attempt.connection;
        let closes = self
            .session()
            .into_iter()
            .flat_map(|session| session.closes.iter())
            .map(|close| Leave {
                side: close.side,
                at: close.at,
                code: close.code.map(|code| code.0),
                how: "Close frame",
            });
        let fins = [Side::Client, Side::Server].into_iter().filter_map(|side| {
            let at = facts.from(side).fin.as_ref()?.at;
            Some(Leave {
                side,
                at,
                code: None,
                how: "FIN",
            })
        });
        let resets = facts.resets.iter().map(|reset| Leave {
            side: reset.side,
            at: reset.seen.at,
            code: None,
            how: "reset",
        });
        closes.chain(fins).chain(resets).min_by_key(|leave| leave.at)
    }

    /// Whether the client left without having used the session, in a way that speaks of the handshake: no Close frame, or one that
    /// says protocol error (1002) or a missing extension (1010).
    pub(super) fn left_unused(&self) -> Option<Leave> {
        let leave = self
            .leave()
            .filter(|leave| leave.side == Side::Client && !self.is_used())?;
        matches!(leave.code, None | Some(1002 | 1006 | 1010)).then_some(leave)
    }

    /// The outcome: a handshake that the client did not take is none.
    pub(super) fn outcome(&self) -> Outcome {
        if self.is_used() {
            Outcome::Upgraded
        } else {
            Outcome::Broken
        }
    }
}

impl Leave {
    /// Who ended it.
    pub(super) fn said_by(&self) -> SaidBy {
        match self.side {
            Side::Client => SaidBy::Client,
            Side::Server => SaidBy::Application,
        }
    }

    /// What shows it.
    pub(super) fn evidence(&self) -> Evidence {
        let who = match self.side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let code = self.code.map(|code| format!(" with {}", CloseCode(code)));
        Evidence::new(
            self.at.packet,
            format!(
                "{}{} by the {who}, the first to leave",
                self.how,
                code.unwrap_or_default()
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::{rule::Confidence, sample::Sample, staged::Staged},
        fingerprint::Role,
        websocket::Violation,
    };

    fn switched(request: Sample, fields: &str) -> Staged {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        Staged::of(&request.answered(&format!("{head}{fields}\r\n")))
    }

    const GOOD: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    #[test]
    fn accept() {
        let confirmed = ("handshake.bad-accept", Some(Confidence::Confirmed));
        for fields in ["", "Sec-WebSocket-Accept: AAAA\r\n", &format!("{GOOD}{GOOD}")] {
            let staged = switched(Sample::get("/"), fields);
            assert_eq!(staged.cause(), confirmed);
            assert_eq!(staged.clone().fin(Side::Client, 5).cause(), confirmed);
            // The client sends before it looks, or never looks.
            assert_eq!(
                staged.clone().frames(1, 0, 5).reset(Side::Server, 9, true).cause(),
                confirmed
            );
            assert_eq!(staged.clone().frames(1, 0, 5).said_by(), Some(SaidBy::Client));
            assert_eq!(
                staged.frames(3, 3, 5).cause(),
                ("handshake.bad-accept", Some(Confidence::Likely))
            );
        }
        assert!(just_ended(&switched(Sample::get("/"), GOOD)));
        let unnamed = format!("HTTP/1.1 101 OK\r\n{GOOD}\r\n");
        let unnamed = Staged::of(&Sample::get("/").answered(&unnamed)).fin(Side::Client, 5);
        assert_eq!(unnamed.cause(), ("handshake.bad-accept", Some(Confidence::Likely)));
    }

    #[test]
    fn subprotocols() {
        let offered = Sample::get("/").field("Sec-WebSocket-Protocol", "a, b");
        let other = switched(offered.clone(), &format!("{GOOD}Sec-WebSocket-Protocol: c\r\n"));
        let id = "handshake.subprotocol-mismatch";
        assert_eq!(
            other.clone().fin(Side::Client, 5).cause(),
            (id, Some(Confidence::Confirmed))
        );
        assert_eq!(
            other.clone().close(Side::Client, 1002, "", 5).cause(),
            (id, Some(Confidence::Confirmed))
        );
        assert!(just_ended(&other.frames(2, 2, 5).fin(Side::Client, 9)));
        let none = switched(offered.clone(), GOOD);
        assert_eq!(
            none.clone().fin(Side::Client, 5).cause(),
            (id, Some(Confidence::Likely))
        );
        // A client that stays, or says goodbye, did not leave for that.
        assert!(just_ended(&none.clone().fin(Side::Client, 5000)));
        assert!(just_ended(&none.clone().close(Side::Client, 1000, "", 5)));
        assert_eq!(
            none.close(Side::Server, 4406, "Subprotocol not acceptable", 5).cause(),
            (id, Some(Confidence::Confirmed))
        );
        let good = switched(offered, &format!("{GOOD}Sec-WebSocket-Protocol: b\r\n"));
        assert!(just_ended(&good.fin(Side::Client, 5)));
    }

    #[test]
    fn extensions() {
        let id = "handshake.extension-mismatch";
        let deflate = format!("{GOOD}Sec-WebSocket-Extensions: permessage-deflate\r\n");
        let unoffered = switched(Sample::get("/"), &deflate);
        assert_eq!(
            unoffered.clone().fin(Side::Client, 5).cause(),
            (id, Some(Confidence::Confirmed))
        );
        assert!(just_ended(&unoffered.frames(2, 2, 5)));
        let offered = Sample::get("/").field("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
        assert!(just_ended(&switched(offered, &deflate).fin(Side::Client, 5)));
        let bit = switched(Sample::get("/"), GOOD)
            .frames(1, 1, 5)
            .violation(Side::Server, Violation::ReservedBit);
        assert_eq!(bit.cause(), (id, Some(Confidence::Likely)));
    }

    #[test]
    fn http_after_the_switch() {
        let text = switched(Sample::get("/"), GOOD).violation(Side::Server, Violation::HttpText);
        assert_eq!(text.cause(), ("handshake.data-after-101", Some(Confidence::Confirmed)));
        let client = switched(Sample::get("/"), GOOD).violation(Side::Client, Violation::HttpText);
        assert!(just_ended(&client));
    }

    /// Whether nothing is told but how the session ended.
    fn just_ended(staged: &Staged) -> bool {
        let cause = staged.cause().0;
        cause == "none" || cause.starts_with("session.")
    }

    #[test]
    fn idle_timeouts() {
        let idle = |milliseconds| {
            switched(Sample::get("/"), GOOD)
                .frames(1, 1, 0)
                .fin(Side::Server, milliseconds)
        };
        let likely = ("proxy.idle-timeout", Some(Confidence::Likely));
        for round in [60_000, 60_050, 59_700, 100_010, 300_002, 3_600_000, 10_005] {
            assert_eq!(idle(round).cause(), likely, "{round}");
        }
        for odd in [1_000, 1_500, 5_500, 47_300, 66_400, 61_500] {
            assert!(just_ended(&idle(odd)), "{odd}");
        }
        // Whole seconds that no maker ships are a timeout only behind a proxy.
        assert!(just_ended(&idle(7_004)));
        assert_eq!(idle(7_004).by(Role::Proxy, "x").cause(), likely);
        assert_eq!(idle(7_004).passed_on_by("x").cause(), likely);
        // On the leg behind the proxy is the client, and shows that it is one.
        let behind = |request: Sample| switched(request, GOOD).frames(1, 1, 0).fin(Side::Client, 60_010);
        assert_eq!(
            behind(Sample::get("/").field("X-Forwarded-For", "192.0.2.1")).cause(),
            likely
        );
        assert_eq!(
            behind(Sample::get("/").field("Host", "198.51.100.7:80")).cause(),
            likely
        );
        assert!(just_ended(&behind(Sample::get("/"))));
        assert!(just_ended(&behind(Sample::get("/").field("Host", "192.0.2.2:80"))));
        // Said goodbye, or the client closed.
        assert!(just_ended(&idle(60_000).close(Side::Server, 1000, "", 59_999)));
        assert!(just_ended(&idle(60_000).fin(Side::Client, 59_990)));
    }

    #[test]
    fn a_proxy_closes_both_legs_of_an_idle_session() {
        let front = || switched(Sample::get("/"), GOOD).frames(1, 1, 0);
        let back = || front().behind();
        let both = front()
            .fin(Side::Server, 4_003)
            .beside(&back().fin(Side::Client, 4_001), 1);
        assert_eq!(both.cause(), ("proxy.idle-timeout", Some(Confidence::Confirmed)));
        let from_behind = back()
            .fin(Side::Client, 4_001)
            .delayed(1)
            .beside(&front().fin(Side::Server, 4_003), 0);
        assert_eq!(from_behind.cause(), ("proxy.idle-timeout", Some(Confidence::Confirmed)));
        // The backend closed, and the proxy passed that on.
        let backend = front()
            .fin(Side::Server, 4_003)
            .beside(&back().fin(Side::Server, 3_990), 1);
        assert!(just_ended(&backend));
    }
}

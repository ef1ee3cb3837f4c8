//! A refused upgrade as rules ask about it: the request, the answer, what the answer says, and who wrote it.

use memchr::memmem;

use crate::{
    attempt::{Request, Response},
    diagnosis::{
        rule::{Case, Confidence, Match, Outcome, SaidBy, Text},
        speaker::speaker,
    },
};

/// An answer that is no switch, and the request that it answers.
pub(super) struct Reply<'a> {
    case: Case<'a>,
    /// The request; not there if the capture does not hold it.
    pub(super) request: Option<&'a Request>,
    /// The answer.
    pub(super) response: &'a Response,
}

impl<'a> Reply<'a> {
    /// The reply in which an attempt ended; nothing if it was accepted or not answered.
    pub(super) fn of(case: &Case<'a>) -> Option<Self> {
        let attempt = case.attempt;
        let response = attempt
            .response
            .as_deref()
            .filter(|response| response.head.status != 101)?;
        let refused = !attempt.is_upgraded();
        refused.then_some(Reply {
            case: *case,
            request: attempt.request.as_deref(),
            response,
        })
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> u16 {
        self.response.head.status
    }

    /// The request, if it asks for a WebSocket or has the fields of one.
    pub(super) fn websocket(&self) -> Option<&'a Request> {
        let asks = |request: &&Request| request.offer.is_some() || asks_for_websocket(request);
        self.request.filter(asks)
    }

    /// The first of `phrases` that the answer says; see [`super::words`].
    pub(super) fn says(&self, phrases: &[&'static str]) -> Option<&'static str> {
        self.case.words().say(phrases)
    }

    /// The first of `marks` that stands in the body as it was sent.
    pub(super) fn holds(&self, marks: &[&'static str]) -> Option<&'static str> {
        let found = |mark: &&&str| memmem::find(&self.response.body, mark.as_bytes()).is_some();
        marks.iter().find(found).copied()
    }

    /// How sure the author's own marks make it that the answer means the cause `id`.
    pub(super) fn evoked(&self, id: &str) -> Option<Confidence> {
        let author = self.case.author;
        let sure = if author.sure {
            Confidence::Confirmed
        } else {
            Confidence::Likely
        };
        (author.evokes.as_deref() == Some(id)).then_some(sure)
    }

    /// The proxy that wrote the answer itself, rather than passed it on.
    pub(super) fn own_page_of_proxy(&self) -> Option<String> {
        let program = || {
            self.case
                .author
                .program
                .clone()
                .unwrap_or_else(|| "The proxy".to_owned())
        };
        (speaker(&self.case) == SaidBy::Proxy).then(program)
    }

    /// The proxy that left its marks on an answer which it did not write.
    pub(super) fn passed_on_by(&self) -> Option<String> {
        let field = |name| self.response.head.fields.first(name).map(|value| (name, value));
        let gateway = |(name, value): (&'static str, &[u8])| match name {
            "server" => PROXY_NAMES
                .iter()
                .find(|proxy| value.to_ascii_lowercase().starts_with(proxy.as_bytes())),
            _ => Some(&"a proxy (Via)"),
        };
        let by_fields = || {
            ["via", "server"]
                .into_iter()
                .filter_map(field)
                .find_map(gateway)
                .map(|&name| name.to_owned())
        };
        self.case
            .author
            .relayed_by
            .clone()
            .or_else(|| by_fields().filter(|_| self.own_page_of_proxy().is_none()))
    }

    /// Who wrote the answer, in the contract's words; an answer without any mark of a proxy is the application's.
    pub(super) fn writer(&self) -> SaidBy {
        match speaker(&self.case) {
            // A web filter that answers for a server stands in for a proxy; whether it is one on the way, other marks tell.
            SaidBy::Firewall => SaidBy::Proxy,
            other => other,
        }
    }

    /// A match that rests on the answer.
    pub(super) fn told(&self, confidence: Confidence, said_by: SaidBy, summary: impl Into<Text>) -> Match {
        let outcome = Outcome::of_status(self.status());
        let packet = self.response.first.at.packet;
        Match::new(confidence, outcome, said_by, summary).shown_by(packet, self.case.quoted().to_owned())
    }
}

/// `Server` values of programs that pass answers on and write their own name over the first author's.
const PROXY_NAMES: [&str; 9] = [
    "nginx",
    "openresty",
    "envoy",
    "istio-envoy",
    "cloudflare",
    "caddy",
    "h2o",
    "awselb",
    "cloudfront",
];

/// Whether a request names WebSocket among the protocols that it asks for.
pub(super) fn asks_for_websocket(request: &Request) -> bool {
    request.head.fields.has_token("Upgrade", "websocket")
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnosis::{
            rule::{Confidence, SaidBy},
            rules::catalogue,
            sample::{Sample, check},
            staged::Staged,
        },
        fingerprint::Role,
    };

    /// Causes that this test is about; the others have their own tests.
    const FAMILIES: [&str; 7] = [
        "handshake.",
        "upgrade.",
        "limits.",
        "proxy.",
        "waf.",
        "server.",
        "tls.plaintext",
    ];

    /// What matches an answer that has a status and says nothing, with how sure it is.
    fn matching(sample: &Sample) -> Vec<(&'static str, Confidence)> {
        let ours = catalogue()
            .iter()
            .filter(|rule| FAMILIES.iter().any(|family| rule.id.starts_with(family)));
        let found = ours.filter_map(|rule| Some((rule.id, check(rule, std::slice::from_ref(sample))?.confidence)));
        found.collect()
    }

    #[test]
    fn every_status_without_a_word() {
        use Confidence::{Confirmed, Likely, Possible};
        for status in 200..600 {
            let expected: &[(&str, Confidence)] = match status {
                200..=299 => &[("upgrade.ignored", Likely)],
                400 => &[("proxy.upgrade-header-stripped", Possible)],
                413 => &[("limits.header-too-large", Likely), ("limits.body-too-large", Possible)],
                414 => &[("limits.uri-too-long", Confirmed)],
                426 => &[("proxy.upgrade-header-stripped", Likely)],
                429 => &[("limits.rate", Confirmed)],
                431 | 494 => &[("limits.header-too-large", Confirmed)],
                500 => &[("server.exception", Likely)],
                501 => &[("server.ws-not-supported", Likely)],
                502 | 520 | 521 | 523 | 525 | 526 | 527 | 530 => &[("proxy.bad-gateway", Likely)],
                503 => &[("proxy.unavailable", Possible), ("server.overloaded", Likely)],
                504 | 522 | 524 => &[("proxy.gateway-timeout", Likely)],
                _ => &[],
            };
            let sample = Sample::get("/ws").refused(status, "");
            assert_eq!(matching(&sample), expected, "{status}");
        }
    }

    #[test]
    fn every_status_of_a_proxys_own_page() {
        for status in 200..600 {
            let page =
                format!("<html><body><center><h1>{status}</h1></center><hr><center>nginx</center></body></html>");
            let staged = Staged::of(&Sample::get("/ws").refused(status, &page));
            let expected = match status {
                403 => Some("proxy.deny-rule"),
                502 | 520 | 521 | 523 | 525 | 526 | 527 | 530 => Some("proxy.bad-gateway"),
                503 => Some("proxy.unavailable"),
                504 | 522 | 524 => Some("proxy.gateway-timeout"),
                _ => continue,
            };
            assert_eq!(Some(staged.cause().0), expected, "{status}");
            assert_eq!(staged.said_by(), Some(SaidBy::Proxy), "{status}");
        }
    }

    #[test]
    fn no_status_makes_a_tunnel_request_a_handshake() {
        for status in (200..600).filter(|status| !(200..300).contains(status)) {
            let sample = Sample::plain("CONNECT", "ws.example:8080").refused(status, "");
            let found = matching_connect(&sample);
            let denied = !matches!(status, 407 | 429 | 500..);
            assert_eq!(found.contains(&"proxy.connect-denied"), denied, "{status}");
            assert!(
                !found
                    .iter()
                    .any(|id| id.starts_with("handshake.") || id.starts_with("upgrade.")),
                "{status}"
            );
        }
    }

    fn matching_connect(sample: &Sample) -> Vec<&'static str> {
        let staged = Staged::of(sample);
        let finding = staged.finding();
        let others = finding.also_considered.iter().map(|other| other.rule.id);
        finding.cause.iter().map(|cause| cause.rule.id).chain(others).collect()
    }

    #[test]
    fn words_of_limits() {
        let get = Sample::get("/ws");
        let cases = [
            (
                400,
                "<html><center><h1>400 Bad Request</h1></center><center>Request Header Or Cookie Too Large</center>",
                "limits.header-too-large",
            ),
            (
                400,
                "Bad Request - Request Too Long. The size of the request headers is too long.",
                "limits.header-too-large",
            ),
            (400, "Request Line is too large (9001 > 4094)", "limits.uri-too-long"),
            (503, "Rate limit exceeded", "limits.rate"),
            (403, "Too many connections from your address", "limits.rate"),
            (
                400,
                "<title>400 The plain HTTP request was sent to HTTPS port</title>",
                "tls.plaintext-to-tls-port",
            ),
            (
                400,
                "Client sent an HTTP request to an HTTPS server.\n",
                "tls.plaintext-to-tls-port",
            ),
            (
                400,
                "You're speaking plain HTTP to an SSL-enabled server port.",
                "tls.plaintext-to-tls-port",
            ),
            (503, "no healthy upstream", "proxy.unavailable"),
            (
                503,
                "The server is temporarily unable to service your request due to maintenance downtime or capacity problems.",
                "proxy.unavailable",
            ),
            (501, "", "server.ws-not-supported"),
            (400, "WebSocket is not supported", "server.ws-not-supported"),
            (500, "Traceback (most recent call last):", "server.exception"),
        ];
        for (status, body, cause) in cases {
            assert_eq!(
                Staged::of(&get.clone().refused(status, body)).cause().0,
                cause,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_large_head_or_target_explains_a_mute_400() {
        let cookie = Sample::get("/ws").field("Cookie", &"c".repeat(9000)).refused(400, "");
        assert_eq!(
            Staged::of(&cookie).cause(),
            ("limits.header-too-large", Some(Confidence::Likely))
        );
        let query = Sample::get(&format!("/ws?{}", "q".repeat(9000))).refused(400, "");
        assert_eq!(
            Staged::of(&query).cause(),
            ("limits.uri-too-long", Some(Confidence::Likely))
        );
        let body = Sample::get("/ws").field("Content-Length", "3000").refused(413, "");
        assert_eq!(
            Staged::of(&body).cause(),
            ("limits.body-too-large", Some(Confidence::Confirmed))
        );
    }

    #[test]
    fn filters_and_challenges() {
        let get = Sample::get("/ws");
        let challenge = "HTTP/1.1 403 Forbidden\r\ncf-mitigated: challenge\r\n\r\n<title>Just a moment...</title>";
        assert_eq!(
            Staged::of(&get.clone().answered(challenge)).cause(),
            ("waf.challenge", Some(Confidence::Confirmed))
        );
        let blocked = [
            "Sorry, you have been blocked. Ray ID: 1",
            "<h1>Access Denied</h1> Reference ID 18.a",
            "Attack detected by the Web Application Firewall",
        ];
        for body in blocked {
            for status in [200, 403, 406, 501] {
                let staged = Staged::of(&get.clone().refused(status, body));
                assert_eq!(
                    (staged.cause().0, staged.said_by()),
                    ("waf.block", Some(SaidBy::Waf)),
                    "{status} {body}"
                );
            }
        }
        let plain = [
            "Access denied",
            "Forbidden",
            "You are not allowed here. Request ID: 7",
            "Blocked user",
            "{\"error\":\"forbidden\",\"event_id\":\"7\"}",
        ];
        for body in plain {
            assert_ne!(
                Staged::of(&get.clone().refused(403, body)).cause().0,
                "waf.block",
                "{body}"
            );
        }
        let named = Staged::of(&get.refused(403, "")).by(Role::Waf, "Some WAF");
        assert_eq!(named.cause(), ("waf.block", Some(Confidence::Likely)));
    }

    #[test]
    fn a_limit_of_nginx_that_filled_up() {
        let page = "<html><hr><center>nginx</center></html>";
        let full = Sample::get("/ws").refused(503, page);
        let before = Staged::of(&Sample::get("/ws").accepted());
        assert_eq!(Staged::of(&full).cause().0, "proxy.unavailable");
        let later = Staged::of(&full).with(|attempt, facts| {
            facts.first.packet = crate::capture::PacketId::new(0, 900);
            facts.first.time.0 += 5_000_000_000;
            attempt.nth = 0;
        });
        assert_eq!(
            later.beside(&before, 1).cause(),
            ("limits.rate", Some(Confidence::Likely))
        );
    }
}

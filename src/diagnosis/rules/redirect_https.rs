//! Redirected to https or wss.

use crate::{
    attempt::Stage,
    diagnosis::{
        redirect::Redirect,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "redirect.https",
    name: "redirected to TLS",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "A request without TLS is answered with a redirect (301, 302, 307, 308) to the same path with https or wss.",
    means: "The server wants TLS. Browsers and most libraries do not follow redirects of a WebSocket handshake (RFC 6455 section 4.1 \
            leaves it to them), so what helps an ordinary page ends an upgrade.",
    ladder: "client                      server\n\
             |--- GET ws://, Upgrade ---->|\n\
             |<-- 301 Location: https ----|",
    confused_with: &[
        (
            "redirect.login",
            "it leads to a page where people log in, over TLS or not",
        ),
        ("redirect.other", "it leads to another path or host"),
        (
            "tls.plaintext-to-tls-port",
            "plain HTTP to a port that speaks TLS: 400, not a redirect",
        ),
    ],
    remedies: &[
        "Connect with wss:// from the start; on a page use the scheme of the page (location.protocol).",
        "Behind a proxy that ends TLS the application may see plain HTTP and redirect for ever: pass X-Forwarded-Proto and have the \
         application trust it (uvicorn --proxy-headers --forwarded-allow-ips, SECURE_PROXY_SSL_HEADER in Django).",
    ],
    references: &["RFC 9110 section 15.4", "RFC 6455 section 4.1", "RFC 6797 section 7.2"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let redirect = Redirect::of(case)?;
    if !redirect.is_to_tls() {
        return None;
    }
    let to = redirect.to.as_ref()?.shown();
    let confidence = if redirect.is_to_other_host() {
        Confidence::Likely
    } else {
        Confidence::Confirmed
    };
    let found = redirect
        .refusal
        .found(confidence, 80, format!("The server wants TLS: it redirects to {to}."));
    Some(found.shown_by(redirect.refusal.response.first.at.packet, format!("Location: {to}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    #[test]
    fn tls_is_wanted() {
        let to =
            |location: &str| Sample::get("/ws").answered(&format!("HTTP/1.1 301 x\r\nLocation: {location}\r\n\r\n"));
        assert_eq!(cause(&[to("https://server.example/ws")]), RULE.id);
        assert_eq!(cause(&[to("wss://server.example/ws/")]), RULE.id);
        assert_eq!(
            check(&RULE, &[to("https://www.server.example/ws")]).unwrap().confidence,
            Confidence::Likely
        );
        assert!(check(&RULE, &[to("http://server.example/ws")]).is_none());
        assert!(check(&RULE, &[to("https://server.example/login")]).is_none());
    }
}

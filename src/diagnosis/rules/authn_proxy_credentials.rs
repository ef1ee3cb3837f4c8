//! 407: a proxy on the way wants credentials.

use crate::{
    attempt::Stage,
    diagnosis::{
        refusal::Refusal,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "authn.proxy-credentials",
    name: "the proxy wants credentials",
    guide: Some(Guide::Authentication),
    stages: &[Stage::Response],
    sees: "The answer is 407 with a Proxy-Authenticate field. The request went to a proxy: CONNECT, or a target with a scheme.",
    means: "A proxy that the client was told to use (or one that stands in the way unasked) lets nobody through whom it does not \
            know. The WebSocket server never saw the request.",
    ladder: "client                       proxy\n\
             |--- CONNECT server:443 ---->|\n\
             |<-- 407 Proxy-Authenticate -|",
    confused_with: &[
        (
            "authn.missing-credentials",
            "401 is the server's question, 407 the proxy's",
        ),
        (
            "proxy.connect-denied",
            "the proxy knows the client and does not want this tunnel",
        ),
    ],
    remedies: &[
        "Give the client the proxy's credentials: in the proxy URL, or in the settings of the operating system. Many WebSocket \
         libraries do not read the proxy settings that browsers use.",
        "Proxies that want NTLM or Kerberos need a client that speaks them; a local helper proxy can add it.",
        "Or have the server's name exempted from the proxy (NO_PROXY), or from authentication at the proxy.",
    ],
    references: &["RFC 9110 sections 11.7 and 15.5.8"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[407])?;
    let challenged = refusal.response.head.fields.has("proxy-authenticate");
    let sent = refusal
        .request
        .is_some_and(|request| request.head.fields.has("proxy-authorization"));
    let confidence = if challenged {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let summary = match sent {
        true => "The proxy refused the credentials that the client sent it.",
        false => "The proxy wants credentials, and the client sent it none.",
    };
    let shown = if sent {
        "Proxy-Authorization is there"
    } else {
        "no Proxy-Authorization"
    };
    let mut found = refusal
        .found(confidence, 80, summary)
        .shown_by_all(refusal.asked(shown));
    found.said_by = SaidBy::Proxy;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, check};

    #[test]
    fn the_proxy_asks() {
        let asks = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n";
        let found = check(&RULE, &[Sample::get("http://a.example/ws").answered(asks)]).unwrap();
        assert_eq!(
            (found.confidence, found.said_by),
            (Confidence::Confirmed, SaidBy::Proxy)
        );
        let sent = Sample::get("/ws")
            .field("Proxy-Authorization", "Basic YTpi")
            .answered(asks);
        assert!(check(&RULE, &[sent]).unwrap().summary.contains("refused"));
        assert!(check(&RULE, &[Sample::get("/ws").refused(401, "")]).is_none());
    }
}

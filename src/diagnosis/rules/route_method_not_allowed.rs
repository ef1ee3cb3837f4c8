//! 405: wrong method for the upgrade.

use crate::{
    attempt::Stage,
    diagnosis::{
        refusal::Refusal,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
    http::printable,
};

pub(super) const RULE: Rule = Rule {
    id: "route.method-not-allowed",
    name: "method not allowed",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 405, mostly with an Allow field that names other methods.",
    means: "The path exists, and not for this method. A WebSocket handshake in HTTP/1.1 is a GET (RFC 6455 section 4.1), so a GET that \
            is not allowed has come to something else: a route for POST, a static site, a proxy's own location, or a server that no \
            longer saw the upgrade.",
    ladder: "client                      server\n\
             |--- GET /api, Upgrade ----->|\n\
             |<-- 405 Allow: POST --------|",
    confused_with: &[
        ("route.not-found", "the path does not exist at all"),
        (
            "proxy.upgrade-header-stripped",
            "the path is a WebSocket's, and the upgrade was lost on the way",
        ),
        ("waf.block", "some firewalls answer 405 with a page of their own"),
    ],
    remedies: &[
        "A client that upgrades with another method than GET: correct it.",
        "GET refused: see which route or location takes the request, and send it to the WebSocket server instead.",
        "HTTP/2 and HTTP/3 use CONNECT (RFC 8441, RFC 9220): a server that does not know extended CONNECT may say 405 as well.",
    ],
    references: &[
        "RFC 9110 sections 10.2.1 and 15.5.6",
        "RFC 6455 section 4.1",
        "RFC 8441 section 5",
    ],
    check,
};

/// Said with 405, and by libraries that answer 400 to everything.
const SAYS: &[&str] = &[
    "unsupported http method",
    "http method not allowed",
    "method not allowed",
    "invalid http method",
    "request method must be",
    "bad method",
    "bad handshake method",
    "method is not get",
    "method * not supported",
    "method * not allowed",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 404, 405, 501])?;
    let method = case.attempt.request.as_ref().map(|request| &*request.head.method);
    let allow: Vec<&[u8]> = refusal.response.head.fields.members("allow").collect();
    let others = !allow.is_empty() && method.is_some_and(|method| !allow.contains(&method));
    let other = refusal
        .accepted()
        .find(|contrast| Some(&*contrast.request.head.method) != method);
    let is_get = method == Some(b"GET");
    let said = refusal.says(SAYS).is_some();
    let confidence = match refusal.status {
        // A GET that is not allowed may have lost its upgrade on the way.
        405 if is_get || !said && !others => Confidence::Likely,
        405 => Confidence::Confirmed,
        _ if is_get => return None,
        _ if said => Confidence::Confirmed,
        _ if other.is_some() => Confidence::Likely,
        _ => return None,
    };
    let shown = method.map_or_else(|| "the method".to_owned(), |method| printable(method, 32));
    let allowed = match others {
        true => format!("; it allows {}", printable(&allow.join(&b", "[..]), 80)),
        false => String::new(),
    };
    let found = refusal.found(
        confidence,
        60,
        format!("The server does not allow {shown} here{allowed}."),
    );
    let found = found.shown_by_all(refusal.asked(format!("an upgrade with {shown}")));
    Some(found.shown_by_all(other.map(|contrast| {
        let method = printable(&contrast.request.head.method, 32);
        contrast.evidence(format!("the same path is accepted with {method}"))
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    #[test]
    fn the_answer_proves_it() {
        let told = |sample: &Sample, answer: &str| {
            let found = check(&RULE, &[sample.clone().answered(answer)]);
            found.map(|found| found.confidence)
        };
        let (get, post) = (Sample::get("/ws"), Sample::plain("POST", "/ws").field("Upgrade", "tcp"));
        let allow = "HTTP/1.1 405 x\r\nAllow: GET, OPTIONS\r\n\r\n";
        let says = "HTTP/1.1 400 x\r\n\r\nBad handshake method";
        assert_eq!(told(&post, allow), Some(Confidence::Confirmed));
        assert_eq!(told(&post, says), Some(Confidence::Confirmed));
        assert_eq!(told(&post, "HTTP/1.1 405 x\r\n\r\n"), Some(Confidence::Likely));
        assert_eq!(
            told(&get, "HTTP/1.1 405 x\r\nAllow: POST\r\n\r\n"),
            Some(Confidence::Likely)
        );
        assert_eq!(told(&get, says), None);
    }

    #[test]
    fn another_method_is_welcome() {
        let post = Sample::plain("POST", "/ws")
            .field("Connection", "Upgrade")
            .field("Upgrade", "websocket");
        assert_eq!(
            cause(&[post.clone().refused(404, ""), Sample::get("/ws").accepted()]),
            RULE.id
        );
        assert!(check(&RULE, &[post.refused(404, "")]).is_none());
    }
}

//! The server insists on an Origin and the client sent none.

use crate::{
    attempt::Stage,
    diagnosis::{
        refusal::{Differences, Refusal, unless_proven},
        rule::{Case, Confidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "origin.missing",
    name: "no Origin",
    guide: Some(Guide::Cors),
    stages: &[Stage::Response],
    sees: "The request has no Origin field, and is refused; the same request with an Origin is accepted, or the answer asks for one.",
    means: "Browsers always send Origin with an upgrade, other clients need not (RFC 6455 section 4.1, item 8). A server with a list \
            of Origins that finds none may refuse, and so shuts out programs that are no browsers.",
    ladder: "client                      server\n\
             |--- GET, no Origin -------->|\n\
             |<-- 403 --------------------|\n\
             |--- GET, Origin: a -------->|\n\
             |<-- 101 --------------------|",
    confused_with: &[
        ("origin.not-allowed", "an Origin is there and is refused"),
        (
            "authn.missing-credentials",
            "requests without an Origin are accepted, given a credential",
        ),
    ],
    remedies: &[
        "Let the client send the Origin that the server expects: websockets (Python) origin=, ws (Node) origin, Go Dialer header, \
         curl -H.",
        "Or let the server accept requests without Origin if they authenticate in another way: without a browser there are no \
         cookies to be misused.",
        "A proxy that removes Origin does the same: compare the two legs.",
    ],
    references: &["RFC 6455 sections 4.1 and 10.2"],
    check,
};

const SAYS: &[&str] = &[
    "missing origin",
    "origin * missing",
    "no origin",
    "origin * required",
    "origin header required",
    "origin is required",
    "without origin",
    "origin not provided",
    "origin not set",
    "origin not specified",
    "expected origin",
    "empty origin",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403])?;
    if refusal.request?.head.fields.has("origin") {
        return None;
    }
    let alone = refusal.accepted_but_for(Differences::ORIGIN);
    let without = refusal.accepted().any(|contrast| contrast.request.origin().is_none());
    let with = refusal.accepted().find(|contrast| contrast.request.origin().is_some());
    let (confidence, weight) = match refusal.status {
        _ if refusal.says(SAYS).is_some() => (Confidence::Confirmed, 72),
        _ if refusal.evokes(RULE.id) => (Confidence::Likely, 70),
        _ if alone.is_some() => (Confidence::Confirmed, 76),
        _ if without || refusal.status != 403 => return None,
        _ if refusal.is_of_proxy() => (Confidence::Possible, 5),
        _ if with.is_some_and(|contrast| !contrast.differs.credentials) => (Confidence::Likely, 50),
        _ if with.is_some() => (Confidence::Possible, 40),
        _ => (Confidence::Possible, 20),
    };
    let found = refusal
        .found(
            confidence,
            weight,
            "The request has no Origin, and the server refused it.",
        )
        .shown_by_all(refusal.asked("no Origin field"));
    let found = found.shown_by_all(alone.or(with).map(|contrast| {
        let origin = contrast.request.origin().unwrap_or_default();
        contrast.evidence(format!("the same path is accepted with the Origin {origin}"))
    }));
    Some(unless_proven(
        found,
        "Programs that are no browsers seldom send an Origin, and most servers do not ask for one.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    #[test]
    fn who_passes_decides() {
        let refused = || Sample::get("/ws").refused(403, "");
        let from = || Sample::get("/ws").field("Origin", "https://a.example").accepted();
        let told = |samples: &[Sample]| check(&RULE, samples).map(|found| found.confidence);
        assert_eq!(told(&[refused(), from()]), Some(Confidence::Confirmed));
        assert_eq!(cause(&[refused(), from()]), RULE.id);
        assert_eq!(
            told(&[refused(), from().field("User-Agent", "x")]),
            Some(Confidence::Likely)
        );
        assert_eq!(told(&[refused()]), Some(Confidence::Possible));
        assert_eq!(
            told(&[refused(), Sample::get("/ws").field("Cookie", "session=1").accepted()]),
            None
        );
        assert_eq!(
            told(&[Sample::get("/ws").refused(400, "Origin header required")]),
            Some(Confidence::Confirmed)
        );
    }
}

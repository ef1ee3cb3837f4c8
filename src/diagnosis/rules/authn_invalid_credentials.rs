//! User name and password, or an API key, are there and are refused.

use crate::{
    attempt::Stage,
    diagnosis::{
        credential::{Kind, kind, place},
        refusal::{Refusal, unless_proven},
        rule::{Case, Confidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "authn.invalid-credentials",
    name: "wrong name, password or key",
    guide: Some(Guide::Authentication),
    stages: &[Stage::Response],
    sees: "The request carries a name and password (Authorization: Basic or Digest, user information in the target) or an API \
           key, and is answered with 401, or with 403.",
    means: "The server looked at the credential and did not find it good: 401 in answer to a credential says that it was refused \
            (RFC 9110 section 15.5.2). If another credential on the same path is accepted, nothing else can be the cause.",
    ladder: "client                      server\n\
             |--- GET, Basic ... -------->|\n\
             |<-- 401 WWW-Authenticate ---|  the same challenge again",
    confused_with: &[
        (
            "authn.missing-credentials",
            "no credential is sent; the first 401 of Digest and NTLM is only the question",
        ),
        (
            "authz.insufficient-role",
            "the same credential opens another path of the server",
        ),
        ("authn.invalid-token", "the credential is a token or a cookie"),
    ],
    remedies: &[
        "Check the name and the password or key against the server's list; try them on an ordinary request with curl -u.",
        "nginx: auth_basic_user_file must hold the user, and the worker must be able to read it; the error log names the reason.",
        "Characters outside ASCII, a colon in the name or a line end at the end of a key are the usual slips.",
    ],
    references: &["RFC 9110 sections 11.6.2 and 15.5.2", "RFC 7617 section 2"],
    check,
};

const SAYS: &[&str] = &[
    "invalid credentials",
    "bad credentials",
    "invalid authentication",
    "wrong credentials",
    "incorrect credentials",
    "invalid username",
    "invalid user",
    "invalid password",
    "wrong password",
    "incorrect password",
    "incorrect username",
    "username or password",
    "invalid login",
    "login failed",
    "authentication failed",
    "invalid api key",
    "api key * invalid",
    "api key * not valid",
    "unknown api key",
    "invalid key",
    "incorrect api key",
    "access key * does not exist",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403])?;
    let credential = refusal.suspect(|kind| kind != Kind::Token)?;
    let said = refusal.says(SAYS).is_some();
    let other = refusal.accepted_without(credential);
    let good = refusal.is_good(credential);
    let challenge = refusal
        .response
        .head
        .fields
        .first("www-authenticate")
        .unwrap_or_default();
    let basic = credential.place.ends_with(":basic") && challenge.to_ascii_lowercase().starts_with(b"basic");
    let (confidence, weight) = match refusal.status {
        _ if said => (Confidence::Confirmed, 75),
        _ if good => return None,
        400 => return None,
        401 if basic || other.is_some() => (Confidence::Confirmed, 70),
        401 => (Confidence::Likely, 60),
        _ if other.is_some() => (Confidence::Likely, 60),
        _ if refusal.is_mute() || kind(credential) == Kind::Key => (Confidence::Possible, 52),
        _ => (Confidence::Possible, 45),
    };
    let place = place(credential);
    let what = if kind(credential) == Kind::Key {
        "key"
    } else {
        "name and password"
    };
    let found = refusal.found(confidence, weight, format!("The server refused the {what} in {place}."));
    let found = found.shown_by_all(refusal.asked(format!("a {what} in {place}")));
    let found =
        found.shown_by_all(other.map(|contrast| contrast.evidence("accepted with another credential, all else alike")));
    Some(unless_proven(
        found,
        "The answer does not say that the credential is wrong; another path or Origin would tell.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, check};

    #[test]
    fn a_password_is_refused() {
        let sample = |value: &str| Sample::get("/ws").field("Authorization", value);
        let told = |samples: &[Sample]| check(&RULE, samples).map(|found| found.confidence);
        let again = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n";
        assert_eq!(
            told(&[sample("Basic YTpi").answered(again)]),
            Some(Confidence::Confirmed)
        );
        assert_eq!(told(&[sample("NTLM TlRM").refused(401, "")]), Some(Confidence::Likely));
        assert_eq!(
            told(&[sample("Basic YTpi").refused(403, "")]),
            Some(Confidence::Possible)
        );
        let other = sample("Basic YTpj").accepted();
        assert_eq!(
            told(&[sample("Basic YTpi").refused(403, ""), other]),
            Some(Confidence::Likely)
        );
        let elsewhere = Sample::get("/open").field("Authorization", "Basic YTpi").accepted();
        assert_eq!(told(&[sample("Basic YTpi").refused(403, ""), elsewhere]), None);
        assert_eq!(told(&[sample("Bearer abc").refused(401, "")]), None);
        assert_eq!(
            told(&[Sample::get("/?api_key=1").refused(403, "API key not valid.")]),
            Some(Confidence::Confirmed)
        );
    }
}

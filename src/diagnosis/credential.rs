//! What the credentials of a request tell without any key: their kinds, how long they live, and whom they name.

use crate::{
    attempt::Request,
    http::{Claims, Credential, jwt_claims},
};

/// What a credential is, as far as its place tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A user name and password, or what is computed from them.
    Password,
    /// A key of a program.
    Key,
    /// A token, a cookie, a ticket or a signed value.
    Token,
}

/// Clocks of servers and captures differ by that many seconds, at most, as long as nobody complains.
const SKEW: i64 = 60;

/// The credentials that a request presents to the server: not those meant for a proxy, and no placeholders.
pub(super) fn presented(request: &Request) -> impl Iterator<Item = &Credential> + Clone {
    for_server(request).filter(|credential| !credential.is_placeholder())
}

/// The first place where a program put `null`, `undefined` or nothing in place of a credential.
pub(super) fn placeholder(request: &Request) -> Option<&Credential> {
    for_server(request).find(|credential| credential.is_placeholder())
}

fn for_server(request: &Request) -> impl Iterator<Item = &Credential> + Clone {
    let likely = request
        .credentials
        .iter()
        .filter(|credential| credential.likely_credential);
    likely.filter(|credential| !credential.place.starts_with("header:proxy-authorization"))
}

/// What a credential is.
pub(super) fn kind(credential: &Credential) -> Kind {
    const PASSWORDS: [&str; 9] = [
        "basic",
        "digest",
        "ntlm",
        "negotiate",
        "scram-sha-1",
        "scram-sha-256",
        "userinfo",
        "pass",
        "password",
    ];
    let place = credential.place.to_ascii_lowercase();
    let last = place.rsplit(':').next().unwrap_or_default();
    if PASSWORDS.contains(&last) || last.contains("passw") || last == "pwd" {
        Kind::Password
    } else if !place.starts_with("cookie") && (last.contains("key") || last == "x-cf-access-client-secret") {
        Kind::Key
    } else {
        Kind::Token
    }
}

/// Where a credential stands, in words.
pub(super) fn place(credential: &Credential) -> String {
    let mut parts = credential.place.splitn(3, ':');
    match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
        ("header", Some("authorization"), Some(scheme)) => format!("the Authorization field ({scheme})"),
        ("header", Some(name), _) => format!("the field {name}"),
        ("cookie", Some(name), _) => format!("the cookie {name}"),
        ("cookie", None, _) => "a cookie without a name".to_owned(),
        ("query", Some(name), _) => format!("the query parameter {name}"),
        ("query", None, _) => "the query".to_owned(),
        ("subprotocol", ..) => "an offered subprotocol".to_owned(),
        ("target", ..) => "the authority of the target".to_owned(),
        _ => "the path".to_owned(),
    }
}

/// Where the credentials of a request stand, in words.
pub(super) fn places(request: &Request) -> String {
    let mut places: Vec<String> = presented(request).map(place).collect();
    places.dedup();
    const TOLD: usize = 4;
    let more = if places.len() > TOLD { " and elsewhere" } else { "" };
    places.truncate(TOLD);
    format!("{}{more}", places.join(", "))
}

/// How long a credential is good, in seconds since 1970; only what it says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// From then on.
    pub(super) from: Option<i64>,
    /// Until then.
    pub(super) until: Option<i64>,
}

impl Lifetime {
    /// For how many seconds it has been over at `now`.
    pub(super) fn over_since(self, now: i64) -> Option<i64> {
        self.until
            .map(|until| now.saturating_sub(until))
            .filter(|&over| over >= 0)
    }

    /// How many seconds it is to begin after `now`, clocks that go a little wrong left out.
    pub(super) fn begins_in(self, now: i64) -> Option<i64> {
        self.from
            .map(|from| from.saturating_sub(now))
            .filter(|&wait| wait > SKEW)
    }
}

/// How long a credential of a request is good: by the claims of a token (RFC 7519 sections 4.1.4 and 4.1.5), or by the
/// parameters beside a signature in the query.
pub(super) fn lifetime(request: &Request, credential: &Credential) -> Lifetime {
    if let Some(claims) = claims(credential) {
        return Lifetime {
            from: claims.nbf,
            until: claims.exp,
        };
    }
    let name = credential
        .place
        .strip_prefix("query:")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let parameter = |wanted: &str| parameter(&request.head.target, wanted);
    match name.as_str() {
        "x-amz-signature" => signed(parameter("X-Amz-Date"), parameter("X-Amz-Expires")),
        "x-goog-signature" => signed(parameter("X-Goog-Date"), parameter("X-Goog-Expires")),
        _ => Lifetime::default(),
    }
}

/// The claims of a credential that is a token which tells them, also behind `Bearer ` in a place of its own.
pub(super) fn claims(credential: &Credential) -> Option<Claims> {
    let value = credential.value.strip_prefix(b"Bearer ").unwrap_or(&credential.value);
    jwt_claims(value)
}

/// The part of a token that holds its claims, as encoded.
pub(super) fn payload(credential: &Credential) -> Option<&[u8]> {
    claims(credential)?;
    credential.value.split(|&octet| octet == b'.').nth(1)
}

/// Signature version 4 of AWS, and of Google after it: signed then, good for so many seconds.
fn signed(date: Option<&[u8]>, seconds: Option<&[u8]>) -> Lifetime {
    let date = date.and_then(basic_date);
    let seconds = seconds.and_then(|seconds| std::str::from_utf8(seconds).ok()?.parse::<u32>().ok());
    let until = date
        .zip(seconds)
        .map(|(date, seconds)| date.saturating_add(i64::from(seconds)));
    Lifetime { from: date, until }
}

/// `20260101T000000Z` (ISO 8601, basic format) as seconds since 1970.
fn basic_date(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

/// The value of a parameter of the query, as it was written.
fn parameter<'a>(target: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let query = target.splitn(2, |&octet| octet == b'?').nth(1)?;
    let mut parameters = query.split(|&octet| octet == b'&');
    parameters.find_map(|parameter| parameter.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// Seconds as people say them.
pub(super) fn duration(seconds: i64) -> String {
    const STEPS: [(i64, &str); 4] = [(86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds")];
    let (step, name) = STEPS
        .into_iter()
        .find(|(step, _)| seconds >= 2 * step)
        .unwrap_or((1, "seconds"));
    format!("{} {name}", seconds / step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{NOW, Sample};

    fn request(sample: Sample) -> Request {
        *sample.attempt().request.unwrap()
    }

    #[test]
    fn kinds() {
        let kind_of = |name: &str, value: &str| kind(&request(Sample::get("/").field(name, value)).credentials[0]);
        assert_eq!(kind_of("Authorization", "Basic YTpi"), Kind::Password);
        assert_eq!(kind_of("X-Api-Key", "abc"), Kind::Key);
        assert_eq!(kind_of("Authorization", "Bearer abc"), Kind::Token);
        assert_eq!(kind_of("Cookie", "session_key=abc"), Kind::Token);
        assert_eq!(kind(&request(Sample::get("/?api_key=1")).credentials[0]), Kind::Key);
    }

    #[test]
    fn placeholders_and_other_cookies_are_no_credentials() {
        let request = request(Sample::get("/?token=null").field("Cookie", "theme=dark; _ga=1"));
        assert_eq!(presented(&request).count(), 0);
        assert_eq!(place(placeholder(&request).unwrap()), "the query parameter token");
    }

    #[test]
    fn signed_targets_tell_how_long_they_are_good() {
        let target = "/mqtt?X-Amz-Date=20251231T235500Z&X-Amz-Expires=300&X-Amz-Signature=abc";
        let request = request(Sample::get(target));
        let lifetime = lifetime(&request, presented(&request).next().unwrap());
        assert_eq!(
            lifetime,
            Lifetime {
                from: Some(NOW - 300),
                until: Some(NOW)
            }
        );
        assert_eq!(
            (lifetime.over_since(NOW + 7), lifetime.over_since(NOW - 1)),
            (Some(7), None)
        );
        assert_eq!(
            (lifetime.begins_in(NOW - 1000), lifetime.begins_in(NOW - 301)),
            (Some(700), None)
        );
        assert_eq!(signed(Some(b"20251331T000000Z"), Some(b"1")), Lifetime::default());
    }

    #[test]
    fn durations_are_said_roughly() {
        assert_eq!(
            [0, 1, 119, 120, 7300, 90_000, 200_000].map(duration),
            [
                "0 seconds",
                "1 seconds",
                "119 seconds",
                "2 minutes",
                "2 hours",
                "25 hours",
                "2 days"
            ]
        );
    }
}

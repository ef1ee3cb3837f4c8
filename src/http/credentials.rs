//! Which credentials a request carries: their kinds and places. Their values serve comparison and never leave unmasked.

use std::fmt;

use super::fields::Fields;
use super::head::RequestHead;
use super::jwt::is_jwt;
use super::printable::printable;
use super::syntax::{is_space, split_once, trim};
use super::target::{MASK, Target, decoded};

/// A credential, or a cookie that may be one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its kind and where it stood: `header:authorization:bearer`, `cookie:session`, `query:token`, `subprotocol` and
    /// so on.
    pub place: String,
    /// The secret itself, for comparison and for [`super::jwt_claims`]; it must not be shown.
    pub value: Box<[u8]>,
    /// Whether its name says that it proves who the user is; a cookie may be there for other ends.
    pub likely_credential: bool,
}

impl Credential {
    /// Whether a program put in nothing where a secret should be: an empty text, `null`, `undefined` and the like.
    pub fn is_placeholder(&self) -> bool {
        is_placeholder(&self.value)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let likely = if self.likely_credential { "" } else { " (unlikely)" };
        write!(f, "{}={MASK}{likely}", self.place)
    }
}

/// How many credentials of a request are told; browsers keep fewer cookies for a site.
const CREDENTIALS_CAP: usize = 256;

/// How many characters of a cookie's or parameter's name are told.
const NAME_CAP: usize = 64;

/// The credentials of a request: those in fields, then cookies, target and subprotocols, each in its own order.
pub fn credentials(head: &RequestHead) -> Vec<Credential> {
    let fields = in_fields(&head.fields).chain(cookies(&head.fields));
    fields
        .chain(in_target(&head.target))
        .chain(in_subprotocols(&head.fields))
        .take(CREDENTIALS_CAP)
        .collect()
}

/// The subprotocols that a request offers (RFC 6455 section 4.1), printable, and `***` for those that are credentials.
pub fn masked_subprotocols(fields: &Fields) -> Vec<String> {
    let offered = judged_subprotocols(fields).take(CREDENTIALS_CAP);
    offered
        .map(|(name, secret)| secret.map_or_else(|| printable(name, NAME_CAP), |_| MASK.to_owned()))
        .collect()
}

/// Whether a value says that there is none.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const NOTHING: [&str; 7] = ["", "null", "undefined", "none", "nil", "nan", "[object object]"];
    let value = value.trim_ascii();
    NOTHING
        .iter()
        .any(|nothing| value.eq_ignore_ascii_case(nothing.as_bytes()))
}

/// Whether a query parameter's name (decoded) says that its value is a secret.
pub(super) fn names_credential(name: &[u8]) -> bool {
    // Socket.IO's `sid` names a connection and proves nothing, so it is not here.
    const NAMES: &str =
        "auth authorization key pass pwd sig ticket session sessionid session_id credential credentials bearer";
    const PARTS: &str = "token secret passw api_key apikey api-key signature jwt";
    let name = lowercase(name);
    words(NAMES).any(|whole| name == whole) || words(PARTS).any(|part| name.contains(part))
}

/// Fields that hold nothing but a secret, of common gateways and frameworks.
const SECRET_FIELDS: [&str; 17] = [
    "x-api-key",
    "api-key",
    "apikey",
    "x-apikey",
    "x-api-token",
    "x-auth-token",
    "x-auth-key",
    "x-access-token",
    "x-token",
    "x-session-token",
    "private-token",
    "x-amz-security-token",
    "x-goog-api-key",
    "x-goog-iap-jwt-assertion",
    "x-forwarded-access-token",
    "cf-access-jwt-assertion",
    "cf-access-client-secret",
];

fn in_fields(fields: &Fields) -> impl Iterator<Item = Credential> {
    fields.iter().filter_map(|field| {
        let among = |names: &[&'static str]| {
            let mut names = names.iter();
            names
                .find(|name| field.name.eq_ignore_ascii_case(name.as_bytes()))
                .copied()
        };
        let with_scheme = among(&["authorization", "proxy-authorization"]);
        with_scheme
            .map(|name| authorization(name, &field.value))
            .or_else(|| Some(credential(format!("header:{}", among(&SECRET_FIELDS)?), &field.value)))
    })
}

/// An Authorization or Proxy-Authorization (RFC 9110 section 11.6.2): the scheme tells the kind.
fn authorization(name: &str, value: &[u8]) -> Credential {
    // IANA's registry, and schemes that common services made up. Any other first word might be the secret itself.
    const SCHEMES: &str = "basic bearer concealed digest dpop gnap hoba mutual negotiate ntlm oauth privatetoken \
        scram-sha-1 scram-sha-256 vapid apikey aws4-hmac-sha256 hawk jwt sharedkey token key";
    let end = value.iter().position(|&octet| is_space(octet)).unwrap_or(value.len());
    let (word, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
    match words(SCHEMES).find(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes())) {
        Some(scheme) => credential(format!("header:{name}:{scheme}"), trim(rest)),
        None => credential(format!("header:{name}"), value),
    }
}

/// Every cookie (RFC 6265 section 4.2.1): what an application calls its own is not always to be guessed.
fn cookies(fields: &Fields) -> impl Iterator<Item = Credential> {
    let pairs = fields
        .all("Cookie")
        .flat_map(|value| value.split(|&octet| octet == b';'))
        .map(trim);
    pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        // Browsers take a cookie without `=` for a value without a name.
        let (name, value) = split_once(pair, b'=').unwrap_or((&[], pair));
        let (name, value) = (trim(name), trim(value));
        let place = if name.is_empty() {
            "cookie".to_owned()
        } else {
            format!("cookie:{}", printable(name, NAME_CAP))
        };
        Credential {
            place,
            value: value.into(),
            likely_credential: is_jwt(value) || names_login(&lowercase(name)),
        }
    })
}

/// Whether a cookie's name says that it stands for a login.
fn names_login(name: &str) -> bool {
    // Analytics, load balancers, bot detection and forgery tokens: the same words, another purpose.
    const OTHERS: &str =
        "_ga _gid _hj _pk_ _fbp __cf ajs_ ai_session awsalb aws-waf-token bigipserver incap_ses intercom- mp_";
    const PARTS: &str = "sess token auth jwt login logged_in remember identity aspnetcore.cookies";
    let bare = name
        .strip_prefix("__host-")
        .or_else(|| name.strip_prefix("__secure-"))
        .unwrap_or(name);
    let other = words(OTHERS).any(|start| bare.starts_with(start)) || bare.contains("csrf") || bare.contains("xsrf");
    !other && (bare.ends_with("sid") || words(PARTS).any(|part| bare.contains(part)))
}

fn in_target(target: &[u8]) -> impl Iterator<Item = Credential> {
    let target = Target::of(target);
    let userinfo = target
        .userinfo
        .map(|userinfo| credential("target:userinfo".to_owned(), userinfo));
    let path = target
        .segments()
        .filter(|segment| is_jwt(segment))
        .map(|segment| credential("path".to_owned(), segment));
    let query = target.parameters().filter_map(|(name, value)| {
        let Some(value) = value else {
            return is_jwt(name).then(|| credential("query".to_owned(), name));
        };
        let name = decoded(name);
        let known = is_jwt(value) || names_credential(&name);
        known.then(|| credential(format!("query:{}", printable(&name, NAME_CAP)), value))
    });
    userinfo.into_iter().chain(path).chain(query)
}

fn in_subprotocols(fields: &Fields) -> impl Iterator<Item = Credential> {
    judged_subprotocols(fields).filter_map(|(_, secret)| Some(credential("subprotocol".to_owned(), secret?)))
}

/// The subprotocols offered, each with the secret in it, if there is one. Browsers can set no other field of the
/// handshake, so tokens are put there.
fn judged_subprotocols(fields: &Fields) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut announced = false;
    fields.members("Sec-WebSocket-Protocol").map(move |member| {
        let secret = secret_in(member).or(announced.then_some(member));
        announced = announces_token(member);
        (member, secret)
    })
}

/// Whether the subprotocol behind this one is a token: `bearer, <token>`.
fn announces_token(member: &[u8]) -> bool {
    const NAMES: &str = "bearer access_token authorization token jwt auth";
    words(NAMES).any(|name| member.eq_ignore_ascii_case(name.as_bytes()))
}

/// The secret that a subprotocol is, or carries behind a known start.
fn secret_in(member: &[u8]) -> Option<&[u8]> {
    // Kubernetes, and ways that servers document.
    const STARTS: &str = "base64url.bearer.authorization.k8s.io. base64url.bearer. bearer. bearer- token. \
        authorization. access_token.";
    let behind = |start: &str| {
        let (before, rest) = member.split_at_checked(start.len())?;
        Some(rest).filter(|rest| before.eq_ignore_ascii_case(start.as_bytes()) && !rest.is_empty())
    };
    // AWS AppSync: `header-` and a JSON object in base64.
    let encoded = behind("header-").filter(|rest| rest.starts_with(b"eyJ"));
    words(STARTS)
        .find_map(behind)
        .or(encoded)
        .or(Some(member).filter(|member| is_jwt(member)))
}

/// The words of a list.
fn words(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_ascii_whitespace()
}

fn credential(place: String, value: &[u8]) -> Credential {
    Credential {
        place,
        value: value.into(),
        likely_credential: true,
    }
}

/// `octets` in lower case; what is not UTF-8 matches no name.
fn lowercase(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln";

    /// The places, with a question mark behind those that are not likely, and the values.
    fn found(target: &str, fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut head = RequestHead::parse(format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        head.fields = Fields::of(fields);
        let told = |credential: Credential| {
            let mark = if credential.likely_credential { "" } else { "?" };
            (
                credential.place + mark,
                String::from_utf8_lossy(&credential.value).into_owned(),
            )
        };
        credentials(&head).into_iter().map(told).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(place, value)| (place.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn fields_name_their_scheme_and_never_a_secret() {
        for (name, value, place, secret) in [
            ("Authorization", "Bearer abc", "header:authorization:bearer", "abc"),
            ("authorization", "BASIC  dTpw ", "header:authorization:basic", "dTpw"),
            ("Authorization", "Bearer", "header:authorization:bearer", ""),
            ("Authorization", "s3cret", "header:authorization", "s3cret"),
            ("Authorization", "s3cret word", "header:authorization", "s3cret word"),
            (
                "Proxy-Authorization",
                "Basic dTpw",
                "header:proxy-authorization:basic",
                "dTpw",
            ),
            ("X-API-Key", "k", "header:x-api-key", "k"),
        ] {
            let fields = [(name, value.trim())];
            assert_eq!(found("/", &fields), pairs(&[(place, secret)]), "{name}: {value}");
        }
        assert_eq!(found("/", &[("X-CSRF-Token", "a"), ("Host", "b")]), []);
    }

    #[test]
    fn all_cookies_are_told_and_logins_marked() {
        let cookie = "theme=dark; session=a=b; _ga=1;connect.sid=x; ; csrftoken=c; __Host-auth=d; JSESSIONID=e; \
            _hjSession_1=f; flag";
        let told = [
            ("cookie:theme?", "dark"),
            ("cookie:session", "a=b"),
            ("cookie:_ga?", "1"),
            ("cookie:connect.sid", "x"),
            ("cookie:csrftoken?", "c"),
            ("cookie:__Host-auth", "d"),
            ("cookie:JSESSIONID", "e"),
            ("cookie:_hjSession_1?", "f"),
            ("cookie?", "flag"),
        ];
        assert_eq!(found("/", &[("Cookie", cookie)]), pairs(&told));
        assert_eq!(
            found("/", &[("Cookie", &format!("x={JWT}"))]),
            pairs(&[("cookie:x", JWT)])
        );
    }

    #[test]
    fn targets() {
        let told = [
            ("query:token", "a%20b"),
            ("query:api_key", ""),
            ("query:X-Amz-Signature", "f"),
        ];
        assert_eq!(
            found("/ws?room=1&token=a%20b&sid=x&api%5Fkey=&X-Amz-Signature=f", &[]),
            pairs(&told)
        );
        assert_eq!(found(&format!("/?{JWT}"), &[]), pairs(&[("query", JWT)]));
        assert_eq!(
            found(&format!("http://u:p@h/{JWT}?q={JWT}"), &[]),
            pairs(&[("target:userinfo", "u:p"), ("path", JWT), ("query:q", JWT),])
        );
    }

    #[test]
    fn subprotocols() {
        let offer = |value: &str| {
            let fields = [("Sec-WebSocket-Protocol", value)];
            let secrets: Vec<_> = found("/", &fields).into_iter().map(|(_, secret)| secret).collect();
            (secrets, masked_subprotocols(&Fields::of(&fields)).join(" "))
        };
        let told = |secrets: &[&str], shown: &str| (secrets.iter().map(|s| s.to_string()).collect(), shown.to_owned());
        assert_eq!(offer("chat, v2.json"), told(&[], "chat v2.json"));
        assert_eq!(offer("Bearer, abc, chat"), told(&["abc"], "Bearer *** chat"));
        assert_eq!(
            offer("base64url.bearer.authorization.k8s.io.YWJj, v4.channel.k8s.io"),
            told(&["YWJj"], "*** v4.channel.k8s.io")
        );
        assert_eq!(offer(&format!("graphql-ws, {JWT}")), told(&[JWT], "graphql-ws ***"));
    }

    #[test]
    fn debug_and_placeholders() {
        let of = |value: &str| credential("query:token".to_owned(), value.as_bytes());
        assert_eq!(format!("{:?}", of("hidden")), "query:token=***");
        assert!(
            ["", "null", "undefined", "[object Object]"]
                .iter()
                .all(|value| of(value).is_placeholder())
        );
        assert!(!of("nullable").is_placeholder());
    }
}

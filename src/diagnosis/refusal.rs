//! A refused request beside the control experiments that the capture happens to hold: what was accepted, and what differs.

use std::cmp::Ordering;

use crate::{
    attempt::{Attempt, Ordinary, Request, Response},
    capture::PacketId,
    diagnosis::{
        credential::{Kind, kind, presented},
        rule::{Case, Confidence, Evidence, Match, Outcome, SaidBy, Text},
        speaker::speaker,
    },
    http::{Credential, Field, printable},
    websocket::{KeyState, VersionState},
};

/// A request that was answered with a final status other than a success.
pub(super) struct Refusal<'a> {
    /// The case.
    pub(super) case: Case<'a>,
    /// The request, if all of its head was seen: only then what is not in it was not sent.
    pub(super) request: Option<&'a Request>,
    /// The answer.
    pub(super) response: &'a Response,
    /// The answer's status.
    pub(super) status: u16,
}

/// An accepted attempt on the same path, and how the refused one differs from it.
#[derive(Clone, Copy)]
pub(super) struct Contrast<'a> {
    /// The accepted attempt.
    pub(super) other: &'a Attempt,
    /// Its request.
    pub(super) request: &'a Request,
    /// What differs.
    pub(super) differs: Differences,
}

/// In which things two requests for the same path differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// The Origin, and what goes with it (Referer, Sec-Fetch-Site).
    pub(super) origin: bool,
    /// The Host.
    pub(super) host: bool,
    /// Credentials.
    pub(super) credentials: bool,
    /// Cookies that are no credentials by their names.
    pub(super) cookies: bool,
    /// The client's address, or the one that a proxy names.
    pub(super) client: bool,
    /// Method, protocol asked for, what else the WebSocket handshake offers, and other parameters of the query.
    pub(super) handshake: bool,
    /// Other fields.
    pub(super) fields: bool,
}

/// How an Origin stands to the Host of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The same host and port.
    Same,
    /// The same host, another port.
    OtherPort,
    /// Another host under the same domain, as far as two labels tell.
    SameSite,
    /// Another site.
    CrossSite,
    /// `null`: a page without an origin (RFC 6454 section 7.1).
    Null,
}

impl<'a> Refusal<'a> {
    /// The refusal that a case is, if its answer has one of these statuses.
    pub(super) fn of(case: &Case<'a>, statuses: &[u16]) -> Option<Self> {
        let response = case.attempt.response.as_deref()?;
        let status = response.head.status;
        let request = case.attempt.request.as_deref().filter(|request| request.complete);
        statuses.contains(&status).then_some(Refusal {
            case: *case,
            request,
            response,
            status,
        })
    }

    /// The first of these phrases that the answer says; see [`super::words`].
    pub(super) fn says(&self, phrases: &[&'static str]) -> Option<&'static str> {
        self.case.words().say(phrases)
    }

    /// What the answer says, for a summary.
    pub(super) fn message(&self) -> String {
        let message = self.case.message().map(str::to_owned);
        message.unwrap_or_else(|| printable(&self.response.head.reason, 80))
    }

    /// Whether the answer is a 403 without a body: ASGI servers write it for whatever happens before `accept`.
    pub(super) fn is_mute(&self) -> bool {
        self.status == 403 && self.response.body_length == 0
    }

    /// Whether the maker of the server says that this very answer means `cause`.
    pub(super) fn evokes(&self, cause: &str) -> bool {
        self.case.author.evokes.as_deref() == Some(cause)
    }

    /// Whether a proxy wrote the answer by itself, so that the application never saw the request.
    pub(super) fn is_of_proxy(&self) -> bool {
        speaker(&self.case) == SaidBy::Proxy
    }

    /// The credentials that were presented; none if not all of the request was seen.
    pub(super) fn presented(&self) -> impl Iterator<Item = &'a Credential> + Clone + use<'a> {
        self.request.into_iter().flat_map(presented)
    }

    /// Whether all of the request was seen, and it bears no credential.
    pub(super) fn is_bare(&self) -> bool {
        self.request.is_some() && self.presented().next().is_none()
    }

    /// The path asked for.
    pub(super) fn path(&self) -> Option<String> {
        self.case.attempt.path()
    }

    /// The time of the request by the capture's clock, in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.case
            .attempt
            .request
            .as_ref()
            .map_or(self.response.first, |request| request.first)
            .at
            .time
            .0
            .div_euclid(1_000_000_000)
    }

    /// Accepted attempts on the same path of the same server.
    pub(super) fn accepted(&self) -> impl Iterator<Item = Contrast<'a>> {
        self.case.contrasts().iter().copied()
    }

    /// An accepted attempt on the same path that differs in what `only` holds, and in nothing else.
    pub(super) fn accepted_but_for(&self, only: Differences) -> Option<Contrast<'a>> {
        self.accepted().find(|contrast| contrast.differs == only)
    }

    /// An accepted attempt on the same path that bears all the credentials of this one and more, and differs in nothing else.
    pub(super) fn accepted_with_more(&self) -> Option<Contrast<'a>> {
        let more = |contrast: &Contrast<'a>| {
            contrast.differs == Differences::CREDENTIALS
                && self.presented().all(|own| bears(contrast.request, own))
                && presented(contrast.request).count() > self.presented().count()
        };
        self.accepted().find(more)
    }

    /// An accepted attempt on the same path that differs in nothing but this credential, which it does not bear.
    pub(super) fn accepted_without(&self, own: &Credential) -> Option<Contrast<'a>> {
        let without =
            |contrast: &Contrast<'a>| contrast.differs == Differences::CREDENTIALS && !bears(contrast.request, own);
        self.accepted().find(without)
    }

    /// The credential of one of these kinds that may be the bad one: rather one that accepted requests do without.
    pub(super) fn suspect(&self, fits: impl Fn(Kind) -> bool) -> Option<&'a Credential> {
        let mut credentials = self.presented().filter(|credential| fits(kind(credential)));
        let other = credentials
            .clone()
            .find(|credential| self.accepted_without(credential).is_some());
        other.or_else(|| credentials.next())
    }

    /// Whether the server accepts this credential anywhere.
    pub(super) fn is_good(&self, credential: &Credential) -> bool {
        let server = self.case.attempt.connection.server;
        self.case
            .survey
            .accepted_with(server, &credential.value)
            .next()
            .is_some()
    }

    /// Another attempt on the same path that was answered with `status`.
    pub(super) fn sibling_with(&self, status: u16) -> Option<&'a Attempt> {
        let mut failed = self
            .case
            .survey
            .failed(self.case.attempt.connection.server, &self.path()?);
        failed.find(|other| other.status() == Some(status))
    }

    /// Accepted attempts anywhere on the server with one of the credentials presented here.
    pub(super) fn accepted_with_same_credential(&self) -> impl Iterator<Item = &'a Attempt> {
        let case = self.case;
        let server = case.attempt.connection.server;
        self.presented()
            .flat_map(move |credential| case.survey.accepted_with(server, &credential.value))
    }

    /// A cookie whose name does not tell what it is for, if another value of it is accepted, all else alike.
    pub(super) fn refused_cookie(&self) -> Option<(String, Contrast<'a>)> {
        let contrast = self.accepted_but_for(Differences::COOKIES)?;
        let differs = |own: &&Credential| {
            let mut others = contrast.request.credentials.iter();
            others.any(|other| other.place == own.place && other.value != own.value)
        };
        let cookie = self.request?.credentials.iter().find(differs)?;
        Some((cookie.place.strip_prefix("cookie:")?.to_owned(), contrast))
    }

    /// How the Origin stands to the Host.
    pub(super) fn relation(&self) -> Option<Relation> {
        let request = self.request?;
        Some(relation(&request.origin()?, &request.host()?))
    }

    /// An ordinary exchange on the same path that was answered with one of `statuses`.
    pub(super) fn ordinary(&self, method: &str, mut fits: impl FnMut(u16) -> bool) -> Option<(&'a Ordinary, Evidence)> {
        let path = self.path()?;
        let exchanges = self.case.survey.ordinary_on(self.case.attempt.connection.server, &path);
        exchanges
            .iter()
            .filter(|ordinary| ordinary.method == method)
            .find_map(|ordinary| {
                let (status, at) = ordinary.response.filter(|&(status, _)| fits(status))?;
                let text = format!("an ordinary {method} of the same path is answered with {status}");
                Some((*ordinary, Evidence::new(at.packet, text)))
            })
    }

    /// What the request shows.
    pub(super) fn asked(&self, text: impl Into<Text>) -> Option<Evidence> {
        let request = self.case.attempt.request.as_ref()?;
        Some(Evidence::new(request.first.at.packet, text))
    }

    /// Where the same path answers 401 to another request: there the server tells those whom it does not know from those who
    /// may not.
    pub(super) fn unknown_are_told_401(&self) -> Option<Evidence> {
        let packet = self.sibling_with(401)?.response.as_ref()?.first.at.packet;
        Some(Evidence::new(packet, "the same path answers 401 to another request"))
    }

    /// Whether the same path answers 401 to another request.
    pub(super) fn knows_401_here(&self) -> bool {
        self.sibling_with(401).is_some()
    }

    /// An accepted attempt on another path of the same server.
    pub(super) fn accepted_elsewhere(&self) -> Option<&'a Attempt> {
        self.case
            .survey
            .upgraded_at(self.case.attempt.connection.server)
            .filter(|other| other.path() != self.path())
    }

    /// A match that rests on the answer. It is no surer than the answer's own marks allow: what a firewall or a box on the way
    /// wrote does not tell what the server thinks.
    pub(super) fn found(&self, confidence: Confidence, weight: u8, summary: impl Into<Text>) -> Match {
        let said_by = speaker(&self.case);
        let is_foreign = self.case.foreign() >= Some(Confidence::Likely);
        let doubtful = is_foreign || matches!(said_by, SaidBy::Waf | SaidBy::Firewall);
        let confidence = if doubtful { Confidence::Possible } else { confidence };
        Match::new(confidence, Outcome::of_status(self.status), said_by, summary)
            .weighing(if doubtful { weight / 2 } else { weight })
            .shown_by(self.response.first.at.packet, self.case.quoted().to_owned())
    }
}

/// With what speaks against a match, unless the capture holds its proof.
pub(super) fn unless_proven(found: Match, doubt: &'static str) -> Match {
    if found.confidence == Confidence::Confirmed {
        found
    } else {
        found.but(doubt)
    }
}

impl<'a> Contrast<'a> {
    /// Accepted attempts on the path of this one, if all of its request was seen.
    pub(super) fn all(case: &Case<'a>) -> Vec<Self> {
        let Some(own) = Compared::of(case.attempt) else {
            return Vec::new();
        };
        let path = own.request.path();
        let passed = case.survey.passed(case.attempt.connection.server, &path);
        let contrasts = passed.filter_map(|other| {
            let theirs = Compared::of(other)?;
            Some(Contrast {
                other,
                request: theirs.request,
                differs: own.differences(&theirs),
            })
        });
        contrasts.collect()
    }

    /// The packet of the acceptance, and what it shows.
    pub(super) fn evidence(&self, text: impl Into<Text>) -> Evidence {
        Evidence::new(accepted_at(self.other), text)
    }
}

/// Whether a request bears this very credential.
fn bears(request: &Request, credential: &Credential) -> bool {
    request
        .credentials
        .iter()
        .any(|other| other.place == credential.place && other.value == credential.value)
}

/// The packet that shows that an attempt was accepted.
pub(super) fn accepted_at(attempt: &Attempt) -> PacketId {
    attempt
        .response
        .as_ref()
        .map_or(attempt.connection.last, |response| response.first.at)
        .packet
}

impl Differences {
    /// No difference.
    pub(super) const NONE: Differences = Differences {
        origin: false,
        host: false,
        credentials: false,
        cookies: false,
        client: false,
        handshake: false,
        fields: false,
    };
    /// The Origin alone.
    pub(super) const ORIGIN: Differences = Differences {
        origin: true,
        ..Self::NONE
    };
    /// The Host alone.
    pub(super) const HOST: Differences = Differences {
        host: true,
        ..Self::NONE
    };
    /// Credentials alone.
    pub(super) const CREDENTIALS: Differences = Differences {
        credentials: true,
        ..Self::NONE
    };
    /// Cookies that are no credentials by their names alone.
    pub(super) const COOKIES: Differences = Differences {
        cookies: true,
        ..Self::NONE
    };
    /// The client's address alone.
    pub(super) const CLIENT: Differences = Differences {
        client: true,
        ..Self::NONE
    };
}

/// What of a request is compared with others; lists in one order.
struct Compared<'a> {
    attempt: &'a Attempt,
    request: &'a Request,
    credentials: Vec<(&'a str, &'a [u8])>,
    cookies: Vec<(&'a str, &'a [u8])>,
    subprotocols: Vec<String>,
    parameters: Vec<&'a [u8]>,
    fields: Vec<&'a Field>,
}

impl<'a> Compared<'a> {
    /// The request of an attempt, if all of its head was seen.
    fn of(attempt: &'a Attempt) -> Option<Self> {
        let request = attempt.request.as_deref().filter(|request| request.complete)?;
        Some(Compared {
            attempt,
            request,
            credentials: credentials(request, true),
            cookies: credentials(request, false),
            subprotocols: plain_subprotocols(request),
            parameters: plain_parameters(request),
            fields: other_fields(request),
        })
    }

    fn differences(&self, other: &Compared<'_>) -> Differences {
        let (own, their) = (self.request, other.request);
        let differ = |names: &[&str]| {
            let mut names = names.iter();
            names.any(|name| !own.head.fields.all(name).eq(their.head.fields.all(name)))
        };
        fn offer(request: &Request) -> Option<(&KeyState, &VersionState)> {
            request.offer.as_ref().map(|offer| (&offer.key, &offer.version))
        }
        let address = self.attempt.connection.client.address != other.attempt.connection.client.address;
        Differences {
            origin: differ(ORIGIN_FIELDS),
            host: differ(&["host"]),
            credentials: self.credentials != other.credentials,
            cookies: self.cookies != other.cookies,
            client: address || differ(CLIENT_FIELDS),
            handshake: own.head.method != their.head.method
                || offer(own) != offer(their)
                || differ(HANDSHAKE_FIELDS)
                || self.subprotocols != other.subprotocols
                || self.parameters != other.parameters,
            fields: self.fields.len() != other.fields.len()
                || self
                    .fields
                    .iter()
                    .zip(&other.fields)
                    .any(|(own, their)| order(own, their).is_ne()),
        }
    }
}

/// The credentials of a request, or the cookies that are none by their names, in one order.
fn credentials(request: &Request, likely: bool) -> Vec<(&str, &[u8])> {
    let all = request
        .credentials
        .iter()
        .filter(|credential| credential.likely_credential == likely);
    let mut all: Vec<_> = all
        .map(|credential| (credential.place.as_str(), &*credential.value))
        .collect();
    all.sort_unstable();
    all
}

const ORIGIN_FIELDS: &[&str] = &["origin", "referer", "sec-fetch-site"];
const CLIENT_FIELDS: &[&str] = &[
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "true-client-ip",
    "cf-connecting-ip",
];
const HANDSHAKE_FIELDS: &[&str] = &["upgrade", "sec-websocket-extensions"];

/// Fields that were compared in another way, or that are different in every request.
fn is_compared_elsewhere(name: &[u8]) -> bool {
    const OTHERS: &[&str] = &[
        "host",
        "cookie",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "content-length",
        "pragma",
        "cache-control",
        "date",
        "traceparent",
        "tracestate",
        "baggage",
        "sentry-trace",
        "x-request-id",
        "x-correlation-id",
        "request-id",
        "x-amzn-trace-id",
        "cf-ray",
        "x-cloud-trace-context",
    ];
    let is = |other: &&str| name.eq_ignore_ascii_case(other.as_bytes());
    [ORIGIN_FIELDS, CLIENT_FIELDS, HANDSHAKE_FIELDS, OTHERS]
        .into_iter()
        .any(|list| list.iter().any(is))
        || name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"x-b3-"))
}

fn other_fields(request: &Request) -> Vec<&Field> {
    let credentials: Vec<&str> = request
        .credentials
        .iter()
        .filter_map(|credential| credential.place.strip_prefix("header:"))
        .collect();
    let bears = |name: &[u8]| {
        let mut places = credentials.iter().filter_map(|place| place.split(':').next());
        places.any(|place| name.eq_ignore_ascii_case(place.as_bytes()))
    };
    let fields = request.head.fields.iter();
    let fields = fields.filter(|field| !is_compared_elsewhere(&field.name) && !bears(&field.name));
    let mut fields: Vec<&Field> = fields.collect();
    fields.sort_by(|one, other| order(one, other));
    fields
}

/// Fields by name, in whatever case, and value.
fn order(one: &Field, other: &Field) -> Ordering {
    fn name(field: &Field) -> impl Iterator<Item = u8> {
        field.name.iter().map(u8::to_ascii_lowercase)
    }
    name(one).cmp(name(other)).then_with(|| one.value.cmp(&other.value))
}

/// The subprotocols offered, those left out that are credentials or announce one.
fn plain_subprotocols(request: &Request) -> Vec<String> {
    let carries = request
        .credentials
        .iter()
        .any(|credential| credential.place == "subprotocol");
    let names = crate::http::masked_subprotocols(&request.head.fields).into_iter();
    names
        .filter(|name| !carries || name != "***" && !name.eq_ignore_ascii_case("bearer"))
        .collect()
}

/// The parameters of the query, those left out that are credentials.
fn plain_parameters(request: &Request) -> Vec<&[u8]> {
    let query = request
        .head
        .target
        .splitn(2, |&octet| octet == b'?')
        .nth(1)
        .unwrap_or_default();
    let secret = |parameter: &[u8]| {
        let value = parameter.splitn(2, |&octet| octet == b'=').nth(1).unwrap_or(parameter);
        request
            .credentials
            .iter()
            .any(|credential| credential.place.starts_with("query") && *credential.value == *value)
    };
    let mut parameters: Vec<_> = query
        .split(|&octet| octet == b'&')
        .filter(|parameter| !parameter.is_empty() && !secret(parameter))
        .collect();
    parameters.sort_unstable();
    parameters
}

/// How `origin` stands to `host`, both as they were sent.
pub(super) fn relation(origin: &str, host: &str) -> Relation {
    let origin = origin.to_ascii_lowercase();
    if origin == "null" {
        return Relation::Null;
    }
    let (scheme, authority) = origin.split_once("://").unwrap_or(("", &origin));
    let (from, from_port) = host_and_port(authority);
    let host = host.to_ascii_lowercase();
    let (to, to_port) = host_and_port(&host);
    if from != to {
        return if same_site(from, to) {
            Relation::SameSite
        } else {
            Relation::CrossSite
        };
    }
    // A port that is not written is that of a scheme, and which scheme the server's side has is not always known.
    let default = |port: Option<&str>| port.is_none_or(|port| port == "80" || port == "443");
    let written = if scheme == "https" { "443" } else { "80" };
    let same = from_port.unwrap_or(written) == to_port.unwrap_or(written) || default(from_port) && default(to_port);
    if same { Relation::Same } else { Relation::OtherPort }
}

/// Parts `host:port`, with IPv6 addresses in brackets (RFC 3986 section 3.2.2).
pub(super) fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    let bracket = authority.rfind(']').unwrap_or(0);
    match authority.rfind(':').filter(|&colon| colon >= bracket) {
        Some(colon) => (authority.get(..colon).unwrap_or_default(), authority.get(colon + 1..)),
        None => (authority, None),
    }
}

/// Whether two names end in the same two labels; addresses are nobody's neighbours.
fn same_site(one: &str, other: &str) -> bool {
    let site = |name: &str| {
        let mut labels = name.rsplit('.').map(str::to_owned);
        let top = labels
            .next()
            .filter(|top| top.bytes().any(|octet| octet.is_ascii_alphabetic()) && !top.ends_with(']'))?;
        Some((top, labels.next()?))
    };
    site(one).is_some() && site(one) == site(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, judge};

    fn differences_of(mine: Sample, other: Sample) -> Differences {
        judge(&[mine.refused(403, ""), other.accepted()], |case| {
            Refusal::of(case, &[403]).unwrap().accepted().next().unwrap().differs
        })
    }

    #[test]
    fn what_differs_is_named() {
        let plain = || Sample::get("/ws?room=1");
        assert!(differences_of(plain(), plain().field("Sec-WebSocket-Key", "x")).handshake);
        assert_eq!(
            differences_of(plain(), plain().field("X-Request-Id", "7")),
            Differences::NONE
        );
        assert_eq!(
            differences_of(plain(), plain().field("Origin", "https://a.example")),
            Differences::ORIGIN
        );
        assert_eq!(
            differences_of(plain(), plain().field("Host", "a.example")),
            Differences::HOST
        );
        assert_eq!(
            differences_of(plain(), plain().field("Authorization", "Bearer a")),
            Differences::CREDENTIALS
        );
        assert_eq!(
            differences_of(plain(), plain().field("X-Api-Key", "a")),
            Differences::CREDENTIALS
        );
        assert_eq!(
            differences_of(plain(), Sample::get("/ws?token=abc&room=1")),
            Differences::CREDENTIALS
        );
        assert_eq!(
            differences_of(plain(), plain().field("Sec-WebSocket-Protocol", "bearer, abc")),
            Differences::CREDENTIALS
        );
        assert_eq!(
            differences_of(plain(), plain().field("Cookie", "theme=dark")),
            Differences::COOKIES
        );
        assert_eq!(
            differences_of(plain(), Sample::get("/ws?room=2")),
            Differences {
                handshake: true,
                ..Differences::NONE
            }
        );
        assert_eq!(
            differences_of(plain(), plain().field("User-Agent", "x")),
            Differences {
                fields: true,
                ..Differences::NONE
            }
        );
        assert_eq!(
            differences_of(plain(), plain().field("X-Forwarded-For", "::1")),
            Differences::CLIENT
        );
    }

    #[test]
    fn origins_stand_to_hosts() {
        let told = [
            ("https://a.example", "a.example", Relation::Same),
            ("https://A.example", "a.example:443", Relation::Same),
            ("http://a.example:8080", "a.example:8080", Relation::Same),
            ("http://[2001:db8::1]:81", "[2001:db8::1]:81", Relation::Same),
            ("http://localhost:3000", "localhost:8000", Relation::OtherPort),
            ("https://app.a.example", "api.a.example", Relation::SameSite),
            ("https://a.example", "192.0.2.1", Relation::CrossSite),
            ("http://192.0.2.1", "198.51.2.1", Relation::CrossSite),
            ("http://localhost", "192.0.2.1", Relation::CrossSite),
            ("null", "a.example", Relation::Null),
        ];
        for (origin, host, expected) in told {
            assert_eq!(relation(origin, host), expected, "{origin} {host}");
        }
    }
}

//! Where a redirect leads, seen from the request that it answers.

use crate::{
    attempt::{Request, path_of},
    diagnosis::{
        refusal::{Refusal, host_and_port},
        rule::Case,
    },
    http::printable,
};

/// A redirect (RFC 9110 section 15.4).
pub(super) struct Redirect<'a> {
    /// The answer that redirects.
    pub(super) refusal: Refusal<'a>,
    /// Where it leads; nothing if there is no Location.
    pub(super) to: Option<Place>,
    /// Where the request went, as far as it was seen.
    from: Option<Place>,
    /// Whether the request went over TLS.
    secure: bool,
}

/// A place that a URI reference names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The scheme, in small letters; empty if it stays.
    pub(super) scheme: String,
    /// Host and port, in small letters; empty if they stay.
    pub(super) authority: String,
    /// The path.
    pub(super) path: String,
    /// The query.
    query: String,
}

impl<'a> Redirect<'a> {
    /// The redirect that a case is.
    pub(super) fn of(case: &Case<'a>) -> Option<Self> {
        let refusal = Refusal::of(case, &[300, 301, 302, 303, 305, 307, 308])?;
        let location = refusal
            .response
            .head
            .fields
            .first("location")
            .filter(|location| !location.is_empty());
        let from = case.attempt.request.as_deref().map(Place::asked);
        let to = location.map(|location| Place::of(location, from.as_ref()));
        Some(Redirect {
            refusal,
            to,
            from,
            secure: case.attempt.tls.is_some(),
        })
    }

    /// Whether it leads to the same place over TLS, and the request came without.
    pub(super) fn is_to_tls(&self) -> bool {
        let (Some(from), Some(to)) = (&self.from, &self.to) else {
            return false;
        };
        let secure = matches!(to.scheme.as_str(), "https" | "wss");
        secure && !self.secure && same_but_for_slash(&from.path, &to.path)
    }

    /// Whether it leads to the same path with a slash more or less at the end.
    pub(super) fn is_to_slash(&self) -> bool {
        let (Some(from), Some(to)) = (&self.from, &self.to) else {
            return false;
        };
        from.path != to.path && same_but_for_slash(&from.path, &to.path) && !to.is_elsewhere(from)
    }

    /// Whether it leads to another host.
    pub(super) fn is_to_other_host(&self) -> bool {
        let (Some(from), Some(to)) = (&self.from, &self.to) else {
            return true;
        };
        to.is_elsewhere(from)
    }

    /// Whether it leads to a place where people log in, and the request did not go there by itself.
    pub(super) fn is_to_login(&self) -> bool {
        let Some(to) = &self.to else { return false };
        to.has_login_words() && !self.from.as_ref().is_some_and(Place::has_login_words) || to.asks_for_authorization()
    }
}

impl Place {
    /// The place that a request goes to.
    fn asked(request: &Request) -> Self {
        let authority = request.host().unwrap_or_default().to_ascii_lowercase();
        Place {
            scheme: String::new(),
            authority,
            path: request.path(),
            query: String::new(),
        }
    }

    /// The place that `location` names, relative to the place asked for (RFC 3986 section 5.2, as far as redirects go).
    fn of(location: &[u8], from: Option<&Place>) -> Self {
        const LOCATION_CAP: usize = 2048;
        let location = printable(location, LOCATION_CAP);
        let (scheme, rest) = match location.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|octet| octet.is_ascii_alphanumeric()) => (scheme, Some(rest)),
            _ => ("", location.strip_prefix("//")),
        };
        let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let behind = match (rest, authority) {
            (Some(rest), Some(authority)) => rest.get(authority.len()..).unwrap_or_default(),
            _ => location.as_str(),
        };
        let path = path_of(behind.as_bytes());
        let path = match path.as_str() {
            "" => "/".to_owned(),
            relative if !relative.starts_with('/') => {
                let base = from
                    .and_then(|from| from.path.rsplit_once('/'))
                    .map_or("", |(base, _)| base);
                format!("{base}/{relative}")
            }
            _ => path,
        };
        Place {
            scheme: scheme.to_ascii_lowercase(),
            authority: authority.unwrap_or_default().to_ascii_lowercase(),
            path,
            query: behind
                .split_once('?')
                .map(|(_, query)| query.to_owned())
                .unwrap_or_default(),
        }
    }

    /// Without the query, which may hold secrets.
    pub(super) fn shown(&self) -> String {
        let scheme = if self.scheme.is_empty() {
            String::new()
        } else {
            format!("{}:", self.scheme)
        };
        let authority = if self.authority.is_empty() {
            String::new()
        } else {
            format!("//{}", self.authority)
        };
        format!("{scheme}{authority}{}", self.path)
    }

    fn is_elsewhere(&self, from: &Place) -> bool {
        !self.authority.is_empty() && host_and_port(&self.authority).0 != host_and_port(&from.authority).0
    }

    fn has_login_words(&self) -> bool {
        const WORDS: &[&str] = &[
            "login",
            "signin",
            "logon",
            "sso",
            "oauth",
            "oauth2",
            "oidc",
            "openid",
            "auth",
            "auth0",
            "authorize",
            "authenticate",
            "authentication",
            "saml",
            "saml2",
            "cas",
            "adfs",
            "idp",
            "okta",
            "keycloak",
            "accounts",
            "cloudflareaccess",
            "microsoftonline",
        ];
        let text = format!("{} {}", self.authority, self.path);
        let words: Vec<&str> = text.split(|char: char| !char.is_ascii_alphanumeric()).collect();
        let pair = |pair: &[&str]| matches!(pair, ["sign" | "log", "in" | "on"]);
        words
            .iter()
            .any(|word| WORDS.iter().any(|login| word.eq_ignore_ascii_case(login)))
            || words.windows(2).any(pair)
    }

    /// The authorization request of OAuth 2.0 (RFC 6749 section 4.1.1), or of SAML's redirect binding.
    fn asks_for_authorization(&self) -> bool {
        let has = |name: &str| {
            self.query
                .split('&')
                .any(|parameter| parameter.split('=').next() == Some(name))
        };
        has("client_id") && has("response_type") || has("SAMLRequest")
    }
}

fn same_but_for_slash(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, judge};

    /// Whether a redirect of `/chat/ws` on server.example to `location` leads to TLS, a slash, a login, another host.
    fn leads(location: &str) -> [bool; 4] {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n");
        judge(&[Sample::get("/chat/ws?a=1").answered(&answer)], |case| {
            let redirect = Redirect::of(case).unwrap();
            [
                redirect.is_to_tls(),
                redirect.is_to_slash(),
                redirect.is_to_login(),
                redirect.is_to_other_host(),
            ]
        })
    }

    #[test]
    fn redirects_lead_somewhere() {
        let told = [
            ("https://server.example/chat/ws?a=1", [true, false, false, false]),
            ("wss://www.server.example:8443/chat/ws", [true, false, false, true]),
            ("/chat/ws/", [false, true, false, false]),
            ("ws/", [false, true, false, false]),
            ("http://server.example/chat/ws/", [false, true, false, false]),
            ("https://server.example/chat/ws/", [true, true, false, false]),
            ("/login?next=/chat/ws", [false, false, true, false]),
            ("//auth.server.example/?rd=x", [false, false, true, true]),
            ("/users/sign_in", [false, false, true, false]),
            (
                "https://id.example/o?response_type=code&client_id=x",
                [false, false, true, true],
            ),
            ("/authors/blog", [false, false, false, false]),
            ("http://server.example:9/new", [false, false, false, false]),
        ];
        for (location, expected) in told {
            assert_eq!(leads(location), expected, "{location}");
        }
    }

    #[test]
    fn what_was_asked_for_already_is_no_login() {
        let answer = "HTTP/1.1 301 \r\nLocation: /auth/v2/ws\r\n\r\n";
        judge(&[Sample::get("/auth/ws").answered(answer)], |case| {
            assert!(!Redirect::of(case).unwrap().is_to_login())
        });
        judge(&[Sample::get("/ws").refused(302, "")], |case| {
            assert_eq!(Redirect::of(case).unwrap().to, None)
        });
    }
}

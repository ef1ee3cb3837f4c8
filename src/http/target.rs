//! The request target in its parts (RFC 9112 section 3.2), and as it may be shown.

use super::credentials::{is_placeholder, names_credential};
use super::jwt::is_jwt;
use super::printable::printable;
use super::syntax::split_once;

/// How many characters of a target are shown; servers refuse longer ones.
const TARGET_CAP: usize = 8 << 10;

/// What stands where a secret was.
pub(super) const MASK: &str = "***";

/// A target in its parts, as they were written.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// `http://` and the like, or nothing.
    pub(super) scheme: &'a [u8],
    /// What stands before the `@` of an authority.
    pub(super) userinfo: Option<&'a [u8]>,
    /// Host and path.
    pub(super) path: &'a [u8],
    /// What stands between the first `?` and a `#`.
    pub(super) query: Option<&'a [u8]>,
    /// What stands behind a `#`, which no target should have.
    pub(super) fragment: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Takes a target apart.
    pub(super) fn of(target: &'a [u8]) -> Self {
        let (rest, fragment) = optional(target, b'#');
        let (rest, query) = optional(rest, b'?');
        let scheme = memchr::memmem::find(rest, b"://").map_or(0, |at| at + 3);
        let (scheme, rest) = rest.split_at_checked(scheme).unwrap_or((&[], rest));
        let authority = memchr::memchr(b'/', rest).unwrap_or(rest.len());
        let userinfo = memchr::memrchr(b'@', rest.get(..authority).unwrap_or_default());
        let path = userinfo.and_then(|at| rest.get(at + 1..)).unwrap_or(rest);
        Target {
            scheme,
            userinfo: userinfo.and_then(|at| rest.get(..at)),
            path,
            query,
            fragment,
        }
    }

    /// The parameters of the query, names and values as they were written; a parameter without `=` has no value.
    pub(super) fn parameters(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let parameters = self
            .query
            .into_iter()
            .flat_map(|query| query.split(|&octet| octet == b'&'));
        parameters.map(|parameter| optional(parameter, b'='))
    }

    /// The segments of host and path.
    pub(super) fn segments(self) -> impl Iterator<Item = &'a [u8]> {
        self.path.split(|&octet| octet == b'/')
    }
}

/// A target as it may be shown: printable, at most 8192 characters, and with `***` in place of user information, of
/// tokens in the path, and of the values of those query parameters that hold credentials.
pub fn masked_target(target: &[u8]) -> String {
    let target = Target::of(target);
    let mut masked = target.scheme.to_vec();
    if target.userinfo.is_some() {
        masked.extend_from_slice(b"***@");
    }
    let segments = target
        .segments()
        .map(|segment| if is_jwt(segment) { MASK.as_bytes() } else { segment });
    masked.extend(segments.collect::<Vec<_>>().join(&b'/'));
    if target.query.is_some() {
        let parameters = target.parameters().map(|(name, value)| masked_parameter(name, value));
        masked.push(b'?');
        masked.extend(parameters.collect::<Vec<_>>().join(&b'&'));
    }
    if let Some(fragment) = target.fragment {
        masked.push(b'#');
        // OAuth's implicit grant puts tokens there (RFC 6749 section 4.2.2).
        masked.extend_from_slice(if fragment.is_empty() { fragment } else { MASK.as_bytes() });
    }
    printable(&masked, TARGET_CAP)
}

fn masked_parameter(name: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    match value {
        Some(value) if is_secret(name, value) => [name, b"=", MASK.as_bytes()].concat(),
        Some(value) => [name, b"=", value].concat(),
        // A token may stand there all alone.
        None if is_jwt(name) => MASK.into(),
        None => name.to_vec(),
    }
}

/// Whether a query parameter's value is somebody's secret.
fn is_secret(name: &[u8], value: &[u8]) -> bool {
    is_jwt(value) || (names_credential(&decoded(name)) && !is_placeholder(value))
}

/// `octets` with their percent-encoding undone (RFC 3986 section 2.1).
pub(super) fn decoded(octets: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let [first, behind @ ..] = rest {
        let hex = |octet: &u8| {
            char::from(*octet)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        let pair = behind
            .first()
            .and_then(hex)
            .zip(behind.get(1).and_then(hex))
            .filter(|_| *first == b'%');
        decoded.push(pair.map_or(*first, |(high, low)| high << 4 | low));
        rest = if pair.is_some() {
            behind.get(2..).unwrap_or_default()
        } else {
            behind
        };
    }
    decoded
}

/// What stands before and, if there is one, behind the first `separator`.
fn optional(octets: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    split_once(octets, separator).map_or((octets, None), |(before, behind)| (before, Some(behind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_all_else_is_kept() {
        for (target, masked) in [
            ("/ws", "/ws"),
            ("/ws?", "/ws?"),
            ("/ws?room=1&token=abc&x", "/ws?room=1&token=***&x"),
            ("/ws?ACCESS%5Ftoken=a=b&&token=", "/ws?ACCESS%5Ftoken=***&&token="),
            ("/ws?token=undefined&token=null", "/ws?token=undefined&token=null"),
            (
                "/ws?EIO=4&transport=websocket&sid=AbC",
                "/ws?EIO=4&transport=websocket&sid=AbC",
            ),
            (
                "/ws?X-Amz-Signature=aa&X-Amz-Date=bb",
                "/ws?X-Amz-Signature=***&X-Amz-Date=bb",
            ),
            ("/ws?q=eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", "/ws?q=***"),
            ("/ws?eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", "/ws?***"),
            ("/ws/eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln/room", "/ws/***/room"),
            ("http://user:pass@host:80/ws@2?a#b", "http://***@host:80/ws@2?a#***"),
            ("user@host:443", "***@host:443"),
            ("/a@b", "/a@b"),
            ("*", "*"),
            ("", ""),
        ] {
            assert_eq!(masked_target(target.as_bytes()), masked);
        }
    }

    #[test]
    fn it_is_printable_and_bounded() {
        assert_eq!(masked_target(b"/\x1b[0m\xe9?token=\x00"), "/\\x1b[0m\\xe9?token=***");
        assert_eq!(masked_target(&b"/".repeat(100_000)).chars().count(), TARGET_CAP + 1);
    }

    #[test]
    fn percent_encoding() {
        assert_eq!(decoded(b"a%5Fb%5f%%4%zz%41%"), b"a_b_%%4%zzA%");
    }
}

//! What a JSON Web Token says of itself (RFC 7519): read, never verified, and the token itself is not kept.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::json::{elements, members, number, text};
use super::printable::printable;
use super::syntax::split_once;

/// The claims of a token, as far as they tell why it may be refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The algorithm of the signature, from the header (RFC 7515 section 4.1.1).
    pub alg: Option<String>,
    /// Not to be accepted from then on: seconds since 1970 (RFC 7519 section 4.1.4).
    pub exp: Option<i64>,
    /// Not to be accepted before: seconds since 1970 (section 4.1.5).
    pub nbf: Option<i64>,
    /// When it was issued: seconds since 1970 (section 4.1.6).
    pub iat: Option<i64>,
    /// Who issued it (section 4.1.1).
    pub iss: Option<String>,
    /// Whom it is meant for (section 4.1.3).
    pub aud: Vec<String>,
    /// Whether it names a subject (section 4.1.2); the name is nobody's business.
    pub has_subject: bool,
    /// What its bearer may do: scopes, roles, groups and permissions.
    pub roles: Vec<String>,
}

/// How many octets of an encoded part are looked at; larger tokens do not fit in a field.
const PART_CAP: usize = 16 << 10;

/// How many characters of a claim are told, and how many members of a list.
const CLAIM_CAP: usize = 256;
const LIST_CAP: usize = 64;

/// The claims of `value` if it is a signed token in its compact form (RFC 7515 section 7.1), not verified.
pub fn jwt_claims(value: &[u8]) -> Option<Claims> {
    let (header, payload) = parts(value)?;
    let (header, payload) = (decoded(header)?, decoded(payload)?);
    let mut claims = Claims {
        alg: members(&header)
            .find(|(name, _)| name == "alg")
            .and_then(|(_, value)| shown(value)),
        ..Claims::default()
    };
    for (name, value) in members(&payload) {
        match name.as_str() {
            "exp" => claims.exp = seconds(value),
            "nbf" => claims.nbf = seconds(value),
            "iat" => claims.iat = seconds(value),
            "iss" => claims.iss = shown(value),
            "aud" => claims.aud = texts(value),
            "sub" => claims.has_subject = true,
            // RFC 8693 section 4.2, RFC 9068 section 2.2.3.1, and what large issuers use besides.
            "scope" | "scp" | "roles" | "role" | "groups" | "permissions" | "entitlements" => {
                let words = texts(value)
                    .into_iter()
                    .flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>());
                let room = LIST_CAP - claims.roles.len();
                claims.roles.extend(words.filter(|word| !word.is_empty()).take(room));
            }
            _ => {}
        }
    }
    Some(claims)
}

/// Whether `value` has the shape of a token: three parts, of which the first two encode JSON objects.
pub(super) fn is_jwt(value: &[u8]) -> bool {
    // What `{"` and `{ ` and a line end after the brace become in base64.
    let object = |part: &[u8]| {
        [&b"eyJ"[..], b"eyA", b"ewo", b"ew0", b"e30"]
            .iter()
            .any(|start| part.starts_with(start))
    };
    parts(value).is_some_and(|(header, payload)| object(header) && object(payload))
}

/// The header and the payload as they are encoded. The signature may be empty (RFC 7519 section 6).
fn parts(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let encoded = |part: &[u8]| {
        part.iter()
            .all(|&octet| octet.is_ascii_alphanumeric() || b"-_=".contains(&octet))
    };
    let (header, rest) = split_once(value, b'.')?;
    let (payload, signature) = split_once(rest, b'.')?;
    let whole = !header.is_empty() && !payload.is_empty() && [header, payload, signature].into_iter().all(encoded);
    whole.then_some((header, payload))
}

fn decoded(part: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let decoded = LENIENT.decode(Some(part).filter(|part| part.len() <= PART_CAP)?).ok()?;
    decoded.trim_ascii_start().starts_with(b"{").then_some(decoded)
}

/// A NumericDate (RFC 7519 section 2); some issuers write it as a text.
fn seconds(value: &[u8]) -> Option<i64> {
    let number = number(value).or_else(|| number(text(value)?.as_bytes()))?;
    // `as` saturates, and what is not finite is no date.
    number.is_finite().then_some(number as i64)
}

fn shown(value: &[u8]) -> Option<String> {
    text(value).map(|text| printable(text.as_bytes(), CLAIM_CAP))
}

/// The texts of a value that is one, or an array of them.
fn texts(value: &[u8]) -> Vec<String> {
    match shown(value) {
        Some(text) => vec![text],
        None => elements(value).filter_map(shown).take(LIST_CAP).collect(),
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn token(header: &str, payload: &str) -> Vec<u8> {
        format!(
            "{}.{}.c2ln",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        )
        .into_bytes()
    }

    #[test]
    fn claims_are_read() {
        let payload = r#"{"sub":"alice","exp":1700000000.9,"nbf":"12","iat":-1,"iss":"https://id.example/",
            "aud":["ws","api",3],"scope":"read:chat write:chat","roles":["viewer"],"nested":{"exp":1}}"#;
        let claims = jwt_claims(&token(r#"{"typ":"JWT","alg":"RS256"}"#, payload)).unwrap();
        assert_eq!(
            (claims.exp, claims.nbf, claims.iat),
            (Some(1_700_000_000), Some(12), Some(-1))
        );
        assert_eq!(
            (claims.alg.as_deref(), claims.iss.as_deref()),
            (Some("RS256"), Some("https://id.example/"))
        );
        assert_eq!(
            (claims.aud, claims.has_subject),
            (vec!["ws".to_owned(), "api".to_owned()], true)
        );
        assert_eq!(claims.roles, ["read:chat", "write:chat", "viewer"]);
    }

    #[test]
    fn what_is_not_said_is_not_known() {
        let claims = jwt_claims(&token("{}", r#"{"exp":"soon","aud":"one"}"#)).unwrap();
        assert_eq!(
            claims,
            Claims {
                aud: vec!["one".to_owned()],
                ..Claims::default()
            }
        );
    }

    #[test]
    fn shapes() {
        assert!(is_jwt(&token(r#"{"alg":"none"}"#, r#"{"a":1}"#)) && is_jwt(b"eyJhbGciOiJub25lIn0.e30."));
        for other in [
            &b"a.b.c"[..],
            b"eyJ.eyJ",
            b"eyJ.eyJ.c.d",
            b"eyJ.e yJ.",
            b"",
            b"www.example.com",
        ] {
            assert!(!is_jwt(other), "{}", other.escape_ascii());
            assert_eq!(jwt_claims(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn hostile_tokens_do_no_harm() {
        let mut random = fastrand::Rng::with_seed(11);
        let good = token(r#"{"alg":"HS256"}"#, r#"{"exp":1,"roles":["a","b"],"scope":"c d"}"#);
        for _ in 0..5000 {
            let mut token = good.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..token.len());
                token[at] = random.u8(..);
            }
            let _ = (jwt_claims(&token), is_jwt(&token));
        }
        let many = format!(r#"{{"roles":"{}"}}"#, "a ".repeat(5000));
        assert_eq!(jwt_claims(&token("{}", &many)).unwrap().roles.len(), LIST_CAP);
    }
}

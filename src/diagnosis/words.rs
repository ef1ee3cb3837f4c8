//! What an answer says in words: its body, its reason phrase and the fields that explain, rid of markup and of echoes.

use std::{borrow::Cow, io::Read};

use crate::{
    attempt::{Attempt, Request, Response},
    http::{json_message, printable},
};

/// The words of an answer, in order: small letters and digits, without markup, and without what the answer only repeats
/// from the request (its path, Origin and Host), so that a path such as `/expired` accuses nobody.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// All of them, nothing between them.
    text: String,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// A bit for the letters with which each of them begins: most phrases that are asked for begin with none.
    initials: u64,
}

/// How many words are looked at: refusals come to the point.
const WORDS_CAP: usize = 256;
/// How many words stand in for a `*` of a phrase, at most.
const WILD_CAP: usize = 5;
/// How many octets a compressed body may grow to.
const INFLATED_CAP: u64 = 8 << 10;
/// How many octets of a page are looked at, once it is rid of its markup.
const SEEN_CAP: usize = 2 << 10;
/// How many characters of a body are quoted.
const QUOTE_CAP: usize = 120;
/// Shorter secrets are not looked for in a body: they would be found everywhere.
const SECRET_MIN: usize = 4;

/// The answer in a few words, for evidence: status, reason phrase and the message in it.
pub(super) fn quoted(attempt: &Attempt, message: Option<&str>) -> String {
    let Some(response) = &attempt.response else {
        return "no answer".to_owned();
    };
    let reason = printable(&response.head.reason, 80);
    let space = if reason.is_empty() { "" } else { " " };
    let status = response.head.status;
    let body = match (message, response.body_length) {
        (Some(message), _) => format!("with the body “{message}”"),
        (None, 0) => "without a body".to_owned(),
        (None, octets) => format!("with a body of {octets} octets"),
    };
    format!("{status}{space}{reason} {body}")
}

/// The beginning of the text in the body, or the message in it if it is JSON, secrets masked; nothing if there is no text.
pub(super) fn message(attempt: &Attempt) -> Option<String> {
    let body = content(attempt.response.as_ref()?);
    let text = json_message(&body).unwrap_or_else(|| visible(&String::from_utf8_lossy(&body)).into_owned());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = masked(text, attempt.request.as_deref());
    Some(printable(text.as_bytes(), QUOTE_CAP)).filter(|text| !text.is_empty())
}

impl Words {
    /// The words of the attempt's answer; none if there is no answer.
    pub(super) fn of(attempt: &Attempt) -> Self {
        let Some(response) = &attempt.response else {
            return Words::default();
        };
        let mut text = String::from_utf8_lossy(&response.head.reason).into_owned();
        for field in response.head.fields.iter().filter(|field| explains(&field.name)) {
            text.push(' ');
            text.push_str(&String::from_utf8_lossy(&field.value));
        }
        text.push(' ');
        text.push_str(&visible(&String::from_utf8_lossy(&content(response))));
        if let Some(request) = &attempt.request {
            text = without_echoes(text, request);
        }
        Words::in_text(&text)
    }

    /// The words of a text: letters and digits, in small letters, also where `camelCase` parts them.
    fn in_text(text: &str) -> Self {
        let mut words = Words::default();
        let (mut begin, mut count, mut after_small) = (0, 0, false);
        for char in text.chars().chain([' ']) {
            if char == '\'' || char == '’' {
                continue;
            }
            if !char.is_alphanumeric() || after_small && char.is_uppercase() {
                if begin < words.text.len() {
                    words.end(begin);
                    begin = words.text.len();
                    count += 1;
                }
                if count == WORDS_CAP {
                    break;
                }
            }
            after_small = char.is_lowercase();
            match char {
                _ if char.is_ascii_alphanumeric() => words.text.push(char.to_ascii_lowercase()),
                _ if char.is_alphanumeric() => words.text.extend(char.to_lowercase()),
                _ => {}
            }
        }
        words
    }

    /// Ends the word that begins there.
    fn end(&mut self, begin: usize) {
        let word = self.text.get(begin..).unwrap_or_default();
        // `web socket` is written as one word everywhere else.
        if matches!(word, "socket" | "sockets") && self.last() == Some("web") {
            self.ends.pop();
        } else {
            self.initials |= initial(word);
        }
        self.ends.push(self.text.len());
    }

    fn last(&self) -> Option<&str> {
        self.word(self.ends.len().checked_sub(1)?)
    }

    fn word(&self, at: usize) -> Option<&str> {
        let begin = at.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
        self.text.get(*begin..*self.ends.get(at)?)
    }

    /// The first of `phrases` that is said, in the body, the reason phrase or a field that explains.
    ///
    /// A phrase is written in small letters, one space between words, without punctuation and apostrophes: `cannot get`
    /// matches `Cannot GET`, `dont` matches `don't`, `csrf check failed` matches `csrf_check_failed`, `token expired error`
    /// matches `TokenExpiredError`. `*` stands for up to five words.
    pub(super) fn say(&self, phrases: &[&'static str]) -> Option<&'static str> {
        phrases.iter().copied().find(|phrase| self.has(phrase))
    }

    fn has(&self, phrase: &str) -> bool {
        if self.initials & initial(phrase) == 0 {
            return false;
        }
        let (first, rest) = phrase
            .split_once(' ')
            .map_or((phrase, None), |(first, rest)| (first, Some(rest)));
        let mut places = (0..self.ends.len()).filter(|&at| self.word(at) == Some(first));
        places.any(|at| rest.is_none_or(|rest| self.go_on(at + 1, rest)))
    }

    /// Whether the words from that one on begin with those of `phrase`.
    fn go_on(&self, at: usize, phrase: &str) -> bool {
        let (word, rest) = phrase
            .split_once(' ')
            .map_or((phrase, None), |(word, rest)| (word, Some(rest)));
        let goes_on = |at: usize| rest.is_none_or(|rest| self.go_on(at, rest));
        if word == "*" {
            (at..=self.ends.len().min(at + WILD_CAP)).any(goes_on)
        } else {
            self.word(at) == Some(word) && goes_on(at + 1)
        }
    }
}

/// The bit of the two octets with which the first word of a text begins.
fn initial(text: &str) -> u64 {
    let octet = |at: usize| u32::from(*text.as_bytes().get(at).unwrap_or(&b' '));
    1 << ((octet(0) * 7 + octet(1)) % 64)
}

/// Whether a field of that name explains an answer to people or programs.
fn explains(name: &[u8]) -> bool {
    const PARTS: [&[u8]; 5] = [b"error", b"reason", b"message", b"denied", b"www-authenticate"];
    let holds = |part: &&[u8]| name.windows(part.len()).any(|place| place.eq_ignore_ascii_case(part));
    PARTS.iter().any(holds)
}

/// The body as its author wrote it: gzip and deflate (RFC 9110 section 8.4.1) undone, as far as it was kept.
fn content(response: &Response) -> Cow<'_, [u8]> {
    let coding = response
        .head
        .fields
        .first("content-encoding")
        .map(<[u8]>::to_ascii_lowercase);
    let mut plain = Vec::new();
    let body = response.body.as_slice();
    // What is cut off or damaged ends the text; what came before it counts.
    let _ = match coding.as_deref() {
        Some(b"gzip" | b"x-gzip") => flate2::read::GzDecoder::new(body)
            .take(INFLATED_CAP)
            .read_to_end(&mut plain),
        Some(b"deflate") => flate2::read::ZlibDecoder::new(body)
            .take(INFLATED_CAP)
            .read_to_end(&mut plain),
        Some(b"identity") | None => return body.into(),
        Some(_) => return Cow::default(),
    };
    plain.into()
}

/// The text that a reader would see: HTML without tags, styles and scripts; JSON without its escapes.
fn visible(text: &str) -> Cow<'_, str> {
    match text.trim_ascii_start().chars().next() {
        Some('<') => without_markup(text).into(),
        Some('{' | '[' | '"') => without_escapes(text).into(),
        _ => text.into(),
    }
}

fn without_markup(text: &str) -> String {
    let mut seen = String::new();
    let mut rest = text;
    while seen.len() < SEEN_CAP
        && let Some((before, behind)) = rest.split_once('<')
    {
        without_entities(before, &mut seen);
        seen.push(' ');
        let hidden = ["script", "style", "svg"].into_iter().find(|name| {
            let start = behind.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        });
        let tag = if behind.starts_with("!--") { "-->" } else { ">" };
        rest = behind.split_once(tag).map_or("", |(_, after)| after);
        if let Some(name) = hidden {
            let end = rest.to_ascii_lowercase().find(&format!("</{name}"));
            rest = end.and_then(|end| rest.get(end..)).unwrap_or("");
        }
    }
    if seen.len() < SEEN_CAP {
        without_entities(rest, &mut seen);
    }
    seen
}

/// Adds `text` with its character references (HTML section 13.5) replaced: apostrophes stay, others part words.
fn without_entities(text: &str, to: &mut String) {
    const LONGEST: usize = 10;
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        to.push_str(before);
        let end = behind.bytes().take(LONGEST).position(|octet| octet == b';');
        let name = end.and_then(|end| behind.get(..end)).unwrap_or("");
        match name {
            "" => to.push('&'),
            "#39" | "#x27" | "apos" | "rsquo" | "#8217" => to.push('\''),
            "#47" | "#x2f" | "#x2F" => to.push('/'),
            _ => to.push(' '),
        }
        rest = if name.is_empty() {
            behind
        } else {
            behind.get(name.len() + 1..).unwrap_or("")
        };
    }
    to.push_str(rest);
}

fn without_escapes(text: &str) -> String {
    let mut seen = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, char == '\\') {
            (_, true) => match chars.next() {
                Some('n' | 'r' | 't' | 'b' | 'f') | None => seen.push(' '),
                Some('u') => {
                    let code: String = chars.by_ref().take(4).collect();
                    let char = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                    seen.push(char.unwrap_or(' '));
                }
                Some(same) => seen.push(same),
            },
            (char, false) => seen.push(char),
        }
    }
    seen
}

/// Takes out what the answer only repeats.
fn without_echoes(text: String, request: &Request) -> String {
    let origin = request.origin();
    let host = request.host();
    let bare = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_owned());
    let path = Some(request.path());
    let echoes = [origin.clone(), origin.as_deref().and_then(bare), host, path];
    // A single character, the path `/` above all, is no echo.
    let echoes = echoes
        .into_iter()
        .flatten()
        .filter(|echo| echo.len() > 1 && echo != "null");
    echoes.fold(text, |text, echo| {
        if text.contains(&echo) {
            text.replace(&echo, " ")
        } else {
            text
        }
    })
}

/// `text` without the secrets of the request and without anything else that looks like a token.
fn masked(mut text: String, request: Option<&Request>) -> String {
    const TOKEN: &str = "eyJ";
    for credential in request.into_iter().flat_map(|request| &request.credentials) {
        if credential.value.len() >= SECRET_MIN
            && let Ok(secret) = std::str::from_utf8(&credential.value)
            && text.contains(secret)
        {
            text = text.replace(secret, "***");
        }
    }
    if !text.contains(TOKEN) {
        return text;
    }
    let words: Vec<&str> = text
        .split(' ')
        .map(|word| if word.contains(TOKEN) { "***" } else { word })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::Sample;

    fn said(answer: &str, phrase: &'static str) -> bool {
        let attempt = Sample::get("/ws/expired")
            .field("Origin", "https://a.example")
            .answered(answer)
            .attempt();
        Words::of(&attempt).say(&[phrase]).is_some()
    }

    fn body(body: &str) -> String {
        format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn words_are_found_whatever_their_dress() {
        let found = [
            (
                "Cross origin websockets not allowed",
                "cross origin websockets not allowed",
            ),
            ("{\"error\":\"csrf_check_failed\"}", "csrf check failed"),
            ("{\"code\":\"TokenExpiredError\"}", "token expired error"),
            ("{\"a\":\"Doesn\\u0027t\\nwork \\/x\"}", "doesnt work x"),
            (
                "<html><title>403: Forbidden</title><p>You don&#39;t&nbsp;belong</p>",
                "you dont belong",
            ),
            ("Can \"Upgrade\" only to \"WebSocket\".", "upgrade only to websocket"),
            ("Role admin is required", "role * required"),
            ("role required", "role * required"),
        ];
        for (text, phrase) in found {
            assert!(said(&body(text), phrase), "{text}: {phrase}");
        }
    }

    #[test]
    fn what_is_not_said_is_not_found() {
        let other = [
            ("unexpired", "expired"),
            (
                "<style>.origin not allowed</style><script>var a = 'origin not allowed'</SCRIPT>ok",
                "origin not allowed",
            ),
            ("<!-- a > origin not allowed -->", "origin not allowed"),
            ("role a b c d e f required", "role * required"),
            ("No page at /ws/expired here", "expired"),
        ];
        for (text, phrase) in other {
            assert!(!said(&body(text), phrase), "{text}: {phrase}");
        }
        assert!(said(
            &body("Origin https://a.example is not allowed"),
            "origin is not allowed"
        ));
        assert!(said(
            &body("Origin \"a.example\" is not allowed"),
            "origin is not allowed"
        ));
    }

    #[test]
    fn reason_and_fields_speak_too() {
        assert!(said("HTTP/1.1 403 Access denied\r\n\r\n", "access denied"));
        let bearer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n\r\n";
        assert!(said(bearer, "invalid token"));
        assert!(!said("HTTP/1.1 403 Forbidden\r\nServer: expired\r\n\r\n", "expired"));
    }

    #[test]
    fn a_compressed_body_is_read() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"Origin not allowed").unwrap();
        let mut attempt = Sample::get("/")
            .answered("HTTP/1.1 403 Forbidden\r\nContent-Encoding: gzip\r\n\r\n")
            .attempt();
        attempt.response.as_mut().unwrap().body = gzip.finish().unwrap();
        assert!(Words::of(&attempt).say(&["origin not allowed"]).is_some());
        attempt.response.as_mut().unwrap().body.truncate(9);
        assert!(Words::of(&attempt).say(&["origin not allowed"]).is_none());
    }

    #[test]
    fn secrets_are_not_quoted() {
        let sample = Sample::get("/ws")
            .field("Authorization", "Bearer hunter22")
            .answered(&body("token hunter22 or eyJabc.d"));
        let attempt = sample.attempt();
        assert_eq!(
            quoted(&attempt, message(&attempt).as_deref()),
            "403 Forbidden with the body “token *** or ***”"
        );
    }

    #[test]
    fn json_is_quoted_by_its_message() {
        let sample = Sample::get("/ws").answered(&body("{\"code\":7,\"detail\":\"Role  admin needed\"}"));
        assert_eq!(message(&sample.attempt()).as_deref(), Some("Role admin needed"));
        assert_eq!(message(&Sample::get("/ws").refused(403, " ").attempt()), None);
    }

    #[test]
    fn hostile_bodies_do_no_harm() {
        const NASTY: &[char] = &['<', '>', '&', ';', '#', '\\', 'u', 'ß', '"', '{', '!', '-', 's', ' '];
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..2000 {
            let text: String = (0..random.usize(..60))
                .map(|_| NASTY[random.usize(..NASTY.len())])
                .collect();
            let attempt = Sample::get("/").answered(&body(&text)).attempt();
            let _ = (Words::of(&attempt), message(&attempt));
        }
        let many = Sample::get("/").answered(&body(&"a ".repeat(3000))).attempt();
        assert_eq!(Words::of(&many).ends.len(), WORDS_CAP);
    }
}

//! The reader of a client's direction.

use super::head::RequestHead;
use super::messages::{Messages, Step};
use super::opening::Opening;
use super::violation::Violation;

/// What happens in a client's direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestEvent {
    /// A whole head.
    Head(Box<RequestHead>),
    /// So many octets of the body, without its chunks' framing.
    Body(usize),
    /// The request ended.
    End,
    /// The body's framing is broken; the reader looks for the next request at the start of later octets.
    Broken(Violation),
    /// This is no request; its first octets, 64 at most. The reader has stopped, and as a rule took none of those
    /// octets of the present call that are no request: another reader may have them.
    NotHttp(Box<[u8]>),
    /// The direction ended in a head; what was kept of it, for [`RequestHead::parse`].
    TruncatedHead(Box<[u8]>),
    /// The direction ended in a body.
    TruncatedBody,
}

/// Reads the requests of one direction, fed in order with its octets in any pieces.
///
/// Bodies are passed over, never kept. The reader does not know when the connection switches to another protocol:
/// whoever sees the answer calls [`Requests::stop`].
#[derive(Debug)]
pub struct Requests {
    messages: Messages,
}

impl Default for Requests {
    fn default() -> Self {
        Self::new()
    }
}

impl Requests {
    /// A reader before the direction's first octet.
    pub fn new() -> Self {
        Requests {
            messages: Messages::new(Opening::Request),
        }
    }

    /// Takes octets up to the next event and says how many it took. Call it with the rest until there is no event: then
    /// all octets were taken, or the reader has stopped. (An event may come without octets: call it once more when all
    /// are taken.)
    pub fn read(&mut self, octets: &[u8]) -> (usize, Option<RequestEvent>) {
        let (taken, step) = self.messages.read(octets);
        (taken, step.map(|step| self.event(step)))
    }

    /// So many octets were not captured; whether it is known all the same where the request under way ends.
    ///
    /// If not, the reader looks for the next one at the start of the octets of a later call, which must be the start of
    /// a segment; an `End` comes only if the length told where it was. Ask [`Requests::partial_head`] before.
    pub fn gap(&mut self, missing: u64) -> bool {
        self.messages.gap(missing)
    }

    /// The direction ended (FIN); the reader has stopped.
    pub fn close(&mut self) -> Option<RequestEvent> {
        let step = self.messages.close()?;
        Some(self.event(step))
    }

    /// Leaves the direction to another reader: the connection was switched to another protocol or made a tunnel.
    pub fn stop(&mut self) {
        self.messages.stop();
    }

    /// Whether the reader takes no more octets.
    pub fn stopped(&self) -> bool {
        self.messages.stopped()
    }

    /// Gives up on what is under way and looks for a request at the start of the octets of the next call.
    pub fn resynchronise(&mut self) {
        self.messages.resynchronise();
    }

    /// Whether it is not known where the next request begins.
    pub fn lost(&self) -> bool {
        self.messages.lost()
    }

    /// Whether a head has begun and not ended.
    pub fn inside_head(&self) -> bool {
        self.messages.partial_head().is_some()
    }

    /// What is kept of a head that has begun and not ended; empty outside of one.
    pub fn partial_head(&self) -> &[u8] {
        self.messages.partial_head().unwrap_or_default()
    }

    /// How many octets ahead are certainly body: they may be passed over with [`Requests::gap`] instead of being read.
    pub fn body_ahead(&self) -> u64 {
        self.messages.body_ahead()
    }

    fn event(&mut self, step: Step<'_>) -> RequestEvent {
        match step {
            Step::Head(gathering) => match RequestHead::of(&gathering) {
                Some(head) => {
                    self.messages.body(head.framing());
                    RequestEvent::Head(Box::new(head))
                }
                None => RequestEvent::NotHttp(self.messages.refuse(&gathering)),
            },
            Step::Body(octets) => RequestEvent::Body(octets.len()),
            Step::End => RequestEvent::End,
            Step::Broken => RequestEvent::Broken(Violation::BadChunk),
            Step::NotHttp(first) => RequestEvent::NotHttp(first),
            Step::TruncatedHead(kept) => RequestEvent::TruncatedHead(kept),
            Step::TruncatedBody => RequestEvent::TruncatedBody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::torture::requests_of;
    use super::*;

    #[test]
    fn requests_on_a_kept_connection() {
        let told = requests_of(
            b"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
              PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n1\r\nz\r\n0\r\n\r\nGET /d HT",
        );
        let seen = [
            "head /a",
            "end",
            "head /b",
            "body 3",
            "end",
            "head /c",
            "body 3",
            "end",
            "truncated head GET /d HT",
        ];
        assert_eq!(told, seen);
    }

    #[test]
    fn what_is_no_request_is_left_to_another_reader() {
        let mut requests = Requests::new();
        let octets = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x85abcdhello";
        let (head, event) = requests.read(octets);
        assert!(matches!(event, Some(RequestEvent::Head(_))));
        assert_eq!(requests.read(&octets[head..]), (0, Some(RequestEvent::End)));
        let first = RequestEvent::NotHttp(octets[head..].into());
        assert_eq!(requests.read(&octets[head..]), (0, Some(first)));
        assert!(requests.stopped());
        assert_eq!(requests.read(&octets[head..]), (0, None));
    }

    #[test]
    fn an_over_long_target_hides_no_field() {
        let text = format!(
            "GET /{} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
            "x".repeat(100_000)
        );
        let (taken, event) = Requests::new().read(text.as_bytes());
        let Some(RequestEvent::Head(head)) = event else {
            panic!("{event:?}")
        };
        assert_eq!((taken, head.length, head.cut), (text.len(), text.len(), true));
        assert_eq!(head.fields.first("upgrade"), Some(&b"websocket"[..]));
        assert!(head.target.starts_with(b"/xxx") && head.target.len() > 32_000);
        assert_eq!(head.version, super::super::Version::HTTP_11);
    }

    #[test]
    fn an_endless_head_is_given_up() {
        let mut requests = Requests::new();
        assert_eq!(requests.read(b"GET / HTTP/1.1\r\n").1, None);
        let line = b"Cookie: 0123456789\r\n".repeat(1000);
        let events = (0..60).find_map(|_| requests.read(&line).1);
        assert!(matches!(events, Some(RequestEvent::NotHttp(first)) if first.len() == 64));
    }

    #[test]
    fn gaps() {
        let mut requests = Requests::new();
        requests.read(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
        assert_eq!(requests.body_ahead(), 10);
        assert!(requests.gap(4));
        assert_eq!(requests.read(b"abc"), (3, Some(RequestEvent::Body(3))));
        assert!(requests.gap(3));
        assert_eq!(requests.read(b"GET"), (0, Some(RequestEvent::End)));

        requests.read(b"GET /lost HTTP/1.1\r\n");
        assert!(requests.inside_head() && requests.partial_head() == b"GET /lost HTTP/1.1\r\n");
        assert!(!requests.gap(1));
        assert!(requests.lost() && !requests.inside_head());
        assert_eq!(requests.read(b"some words\r\nGET / HTTP/1.1\r\n\r\n"), (30, None));
        assert!(requests.lost());
        assert_eq!(requests.read(b"GE"), (2, None));
        let rest = b"T /found HTTP/1.1\r\nHost: a\r\n\r\n";
        assert!(matches!(requests.read(rest), (_, Some(RequestEvent::Head(head))) if *head.target == *b"/found"));
    }
}

//! The reader of a server's direction.

use super::framing::Expectation;
use super::head::ResponseHead;
use super::messages::{Messages, Step};
use super::opening::Opening;
use super::violation::Violation;

/// What happens in a server's direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseEvent<'a> {
    /// A whole head. After a 101, or a 2xx that answers a CONNECT, the reader has stopped.
    Head(Box<ResponseHead>),
    /// Octets of the body, without its chunks' framing; never empty.
    Body {
        /// The octets, in any content coding that the fields tell of.
        octets: &'a [u8],
    },
    /// The response ended.
    End,
    /// The body's framing is broken; the reader looks for the next response at the start of later octets.
    Broken(Violation),
    /// This is no response; its first octets, 64 at most. The reader has stopped, and as a rule took none of those
    /// octets of the present call that are no response: another reader may have them.
    NotHttp(Box<[u8]>),
    /// The direction ended in a head; what was kept of it, for [`ResponseHead::parse`].
    TruncatedHead(Box<[u8]>),
    /// The direction ended in a body.
    TruncatedBody,
}

/// Reads the responses of one direction, fed in order with its octets in any pieces.
///
/// Bodies are passed on, never kept. Interim responses (1xx without 101) come with a head and an end of their own.
#[derive(Debug)]
pub struct Responses {
    messages: Messages,
    expectation: Expectation,
}

impl Default for Responses {
    fn default() -> Self {
        Self::new()
    }
}

impl Responses {
    /// A reader before the direction's first octet.
    pub fn new() -> Self {
        Responses {
            messages: Messages::new(Opening::Response),
            expectation: Expectation::default(),
        }
    }

    /// Tells what the next final response answers; without a word, an ordinary request.
    pub fn expect(&mut self, expectation: Expectation) {
        self.expectation = expectation;
    }

    /// Takes octets up to the next event and says how many it took. Call it with the rest until there is no event: then
    /// all octets were taken, or the reader has stopped. (An event may come without octets: call it once more when all
    /// are taken.)
    pub fn read<'a>(&mut self, octets: &'a [u8]) -> (usize, Option<ResponseEvent<'a>>) {
        let (taken, step) = self.messages.read(octets);
        (taken, step.map(|step| self.event(step)))
    }

    /// So many octets were not captured; whether it is known all the same where the response under way ends.
    ///
    /// If not, the reader looks for the next one at the start of the octets of a later call, which must be the start of
    /// a segment; an `End` comes only if the length told where it was. Ask [`Responses::partial_head`] before.
    pub fn gap(&mut self, missing: u64) -> bool {
        self.messages.gap(missing)
    }

    /// The direction ended (FIN), and with it a body that is framed by nothing else; the reader has stopped.
    pub fn close(&mut self) -> Option<ResponseEvent<'static>> {
        let step = self.messages.close()?;
        Some(self.event(step))
    }

    /// Leaves the direction to another reader.
    pub fn stop(&mut self) {
        self.messages.stop();
    }

    /// Whether the reader takes no more octets: what follows is a tunnel's inside, another protocol, or not HTTP.
    pub fn stopped(&self) -> bool {
        self.messages.stopped()
    }

    /// Gives up on what is under way and looks for a response at the start of the octets of the next call.
    pub fn resynchronise(&mut self) {
        self.messages.resynchronise();
    }

    /// Whether it is not known where the next response begins.
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

    /// How many octets ahead are certainly body: they may be passed over with [`Responses::gap`] instead of being read.
    pub fn body_ahead(&self) -> u64 {
        self.messages.body_ahead()
    }

    fn event<'a>(&mut self, step: Step<'a>) -> ResponseEvent<'a> {
        match step {
            Step::Head(gathering) => match ResponseHead::of(&gathering) {
                Some(head) => {
                    self.messages.body(head.framing(self.expectation));
                    if !head.is_interim() {
                        self.expectation = Expectation::default();
                    }
                    ResponseEvent::Head(Box::new(head))
                }
                None => ResponseEvent::NotHttp(self.messages.refuse(&gathering)),
            },
            Step::Body(octets) => ResponseEvent::Body { octets },
            Step::End => ResponseEvent::End,
            Step::Broken => ResponseEvent::Broken(Violation::BadChunk),
            Step::NotHttp(first) => ResponseEvent::NotHttp(first),
            Step::TruncatedHead(kept) => ResponseEvent::TruncatedHead(kept),
            Step::TruncatedBody => ResponseEvent::TruncatedBody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::torture::responses_of;
    use super::*;

    #[test]
    fn interim_and_final_responses() {
        use Expectation::*;
        let told = responses_of(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 403 No\r\n\
              Content-Length: 2\r\n\r\nno\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n\
              HTTP/1.1 404 Gone\r\n\r\nuntil the end",
            &[Head, Ordinary, Upgrade, Unknown],
        );
        let seen = ["head 100", "end", "head 200", "end", "head 403", "body no", "end"];
        assert_eq!(told[..7], seen);
        assert_eq!(
            told[7..],
            ["head 200", "body x", "end", "head 404", "body until the end", "end"]
        );
    }

    #[test]
    fn after_a_switch_the_octets_are_somebody_elses() {
        for (expectation, head) in [
            (Expectation::Upgrade, &b"HTTP/1.1 101 Switching Protocols\r\n\r\n"[..]),
            (Expectation::Connect, b"HTTP/1.1 200 Connection established\r\n\r\n"),
        ] {
            let mut responses = Responses::new();
            responses.expect(expectation);
            let octets = [head, b"\x81\x02hi"].concat();
            assert_eq!(responses.read(&octets).0, head.len());
            assert!(responses.stopped());
            assert_eq!(responses.read(&octets[head.len()..]), (0, None));
            assert_eq!(responses.close(), None);
        }
    }

    #[test]
    fn a_second_answer_behind_the_first() {
        let told = responses_of(
            b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 3\r\n\r\nErr\
              HTTP/1.1 101 Switching Protocols\r\n\r\n",
            &[Expectation::Upgrade],
        );
        assert_eq!(told, ["head 500", "body Err", "end", "head 101"]);
    }

    #[test]
    fn ends_in_the_middle() {
        assert_eq!(
            responses_of(b"HTTP/1.1 403 Forb", &[]),
            ["truncated head HTTP/1.1 403 Forb"]
        );
        assert_eq!(responses_of(b"HTT", &[]), ["truncated head HTT"]);
        let told = responses_of(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", &[]);
        assert_eq!(told, ["head 200", "body abc", "truncated body"]);
        let told = responses_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nabc!", &[]);
        assert_eq!(told, ["head 200", "broken a malformed chunk"]);
    }

    #[test]
    fn what_is_no_response_is_told() {
        for octets in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"\x15\x03\x01\x00\x02\x02\x46",
            b"HTTP/1.1 none\r\n\r\n",
        ] {
            assert_eq!(responses_of(octets, &[]), ["not http"]);
        }
    }

    #[test]
    fn after_a_gap_body_octets_are_no_heads() {
        let mut responses = Responses::new();
        responses.read(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        assert!(!responses.gap(200));
        assert_eq!(responses.read(b"<html>"), (0, Some(ResponseEvent::End)));
        for body in [&b"<html>"[..], b"HTTP is a protocol\r\n\r\n", b"\r\n\r\nx"] {
            assert_eq!(responses.read(body), (body.len(), None));
            assert!(responses.lost());
        }
        let (_, event) = responses.read(b"HTTP/1.1 403 No\r\n\r\n");
        assert!(matches!(event, Some(ResponseEvent::Head(head)) if head.status == 403));
    }
}

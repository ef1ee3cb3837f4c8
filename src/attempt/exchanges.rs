//! HTTP/1.1 requests and their answers on one connection, paired in order, up to a switch of protocols or a tunnel.

use std::collections::VecDeque;

use crate::{
    attempt::facts::{BODY_KEPT, Obstacle, Ordinary, Request, Response, path_of},
    http::{self, Expectation, RequestEvent, RequestHead, Requests, ResponseEvent, ResponseHead, Responses},
    packet::Endpoint,
    tcp::{At, Seen, Side, make_room},
    websocket::{Answer, Offer},
};

/// Some octets of one side, where they stand in its stream, and the segment that carried them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) offset: u64,
    pub(super) octets: &'a [u8],
    pub(super) seen: &'a Seen,
}

impl<'a> Piece<'a> {
    /// The piece without its first `n` octets.
    pub(super) fn after(self, n: usize) -> Piece<'a> {
        Piece {
            offset: self.offset + n as u64,
            octets: self.octets.get(n..).unwrap_or_default(),
            seen: self.seen,
        }
    }
}

/// Octets kept for later.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) offset: u64,
    pub(super) octets: Vec<u8>,
    /// How many of them were read in the meantime.
    pub(super) taken: usize,
    pub(super) seen: Seen,
}

impl Kept {
    /// What is still to be read.
    pub(super) fn piece(&self) -> Piece<'_> {
        Piece {
            offset: self.offset,
            octets: &self.octets,
            seen: &self.seen,
        }
        .after(self.taken)
    }
}

/// A request and its answer, as far as they were seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    pub(super) nth: u32,
    pub(super) request: Option<Box<Request>>,
    pub(super) response: Option<Box<Response>>,
    pub(super) obstacle: Option<Obstacle>,
    /// What came in place of an HTTP answer.
    pub(super) not_http: Option<Box<(Vec<u8>, Seen)>>,
}

/// What the connection turns to after an exchange.
#[derive(Debug)]
pub(super) enum Turn {
    /// The protocols were switched; the exchange says to which.
    Switch,
    /// A tunnel stands, to this authority.
    Tunnel(String, At),
}

/// Requests that wait for their answers; a client that pipelines more is not followed.
const PIPELINE: usize = 32;
/// Attempts that one connection may hold.
const ATTEMPTS: usize = 256;
/// Ordinary exchanges of one connection that are remembered.
const ORDINARY: usize = 16;
/// Octets of the client that are kept until it is known whether the protocols are switched.
const HELD: usize = 65_536;

/// Octets by which a request is known: a longer first line is not waited for.
const FIRST_LINE: usize = 1024;

/// The exchanges of one connection.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    requests: Requests,
    responses: Responses,
    /// Requests without a final answer.
    waiting: VecDeque<Exchange>,
    /// The exchange whose answer is being read.
    current: Option<Exchange>,
    /// Exchanges that may be attempts.
    pub(super) finished: Vec<Exchange>,
    /// Exchanges that are none.
    pub(super) ordinary: Vec<Ordinary>,
    count: u32,
    /// Between the head of a request and its end.
    inside_request: bool,
    inside_response: bool,
    request_begun: Option<Seen>,
    response_begun: Option<Seen>,
    interim: Vec<u16>,
    /// Client octets behind a request that may switch the protocols.
    held: VecDeque<Kept>,
    /// Server octets behind an answer that was lost, if they do not begin another.
    held_of_server: VecDeque<Kept>,
    held_octets: usize,
    /// How far the client's octets were acknowledged, and when.
    acknowledged: Option<(u64, At)>,
    /// The answer to a request that may switch the protocols is not in the capture.
    answer_lost: bool,
}

impl Exchanges {
    /// Takes the next octets of the client.
    pub(super) fn client(&mut self, piece: Piece<'_>) {
        let rest = self.read_requests(piece);
        self.hold(Side::Client, rest);
    }

    /// Reads requests up to one that may switch the protocols; what stands behind it.
    fn read_requests<'a>(&mut self, mut piece: Piece<'a>) -> Piece<'a> {
        loop {
            if self.may_switch() {
                return piece;
            }
            if !self.inside_request && self.request_begun.is_none() && !piece.octets.is_empty() {
                self.request_begun = Some(*piece.seen);
            }
            let (taken, event) = self.requests.read(piece.octets);
            piece = piece.after(taken);
            match event {
                Some(RequestEvent::Head(head)) => {
                    self.inside_request = true;
                    self.request(*head, piece, true);
                }
                Some(RequestEvent::Body(_)) => {}
                Some(_) => self.inside_request = false,
                None => return Piece { octets: &[], ..piece },
            }
        }
    }

    /// The switch did not take place: what the client sent after its request is HTTP again.
    fn read_held(&mut self) {
        while let Some(mut kept) = self.held.pop_front() {
            let unread = kept.piece().octets.len();
            let left = self.read_requests(kept.piece()).octets.len();
            self.held_octets = self.held_octets.saturating_sub(unread - left);
            if left > 0 {
                kept.taken += unread - left;
                self.held.push_front(kept);
                return;
            }
        }
    }

    /// Takes the next octets of the server; what the connection turns to, and the octets that belong to that.
    pub(super) fn server<'a>(&mut self, mut piece: Piece<'a>) -> Option<(Turn, Piece<'a>)> {
        if self.goes_on_after_lost_answer(piece.octets) {
            self.hold(Side::Server, piece);
            return None;
        }
        loop {
            if self.is_between_answers() && !piece.octets.is_empty() {
                self.response_begun = Some(*piece.seen);
                self.expect();
            }
            let (taken, event) = self.responses.read(piece.octets);
            piece = piece.after(taken);
            match event {
                Some(ResponseEvent::Head(head)) => {
                    self.inside_response = true;
                    if let Some(turn) = self.response(*head, piece, true) {
                        return Some((turn, piece));
                    }
                }
                Some(ResponseEvent::Body { octets }) => self.body(octets),
                Some(ResponseEvent::End) => self.end_of_response(true),
                Some(ResponseEvent::NotHttp(first)) => self.not_http(first.to_vec(), *piece.seen),
                Some(_) => self.end_of_response(false),
                None => return None,
            }
        }
    }

    /// Octets of `side` are not in the capture; `true` if the connection turned to a switch that can be told all the same.
    pub(super) fn gap(&mut self, side: Side, obstacle: Obstacle, offset: u64) -> Option<Turn> {
        match side {
            Side::Client => {
                if let Some(head) = salvaged_request(self.requests.partial_head()) {
                    let seen = self.request_begun.unwrap_or_else(|| unplaced(obstacle.at));
                    self.request(
                        head,
                        Piece {
                            offset,
                            octets: &[],
                            seen: &seen,
                        },
                        false,
                    );
                    if let Some(exchange) = self.waiting.back_mut() {
                        exchange.obstacle = Some(obstacle);
                    }
                }
                self.request_begun = None;
                self.inside_request &= self.requests.gap(obstacle.missing);
                None
            }
            Side::Server => self.server_gap(obstacle),
        }
    }

    fn server_gap(&mut self, obstacle: Obstacle) -> Option<Turn> {
        let partial = self.responses.partial_head().to_vec();
        let between = !self.inside_response;
        let bridged = self.responses.gap(obstacle.missing);
        if !partial.is_empty() {
            let turn = self.cut_response(&partial);
            self.response_begun = None;
            if let Some(exchange) = self.finished.last_mut() {
                exchange.obstacle = Some(obstacle);
            }
            return turn;
        }
        self.response_begun = None;
        if !between && !bridged {
            self.end_of_response(false);
        } else if between {
            if self.may_switch() {
                // What follows may show that the switch took place.
                self.answer_lost = true;
                if let Some(exchange) = self.waiting.front_mut() {
                    exchange.obstacle = Some(obstacle);
                }
            } else if let Some(mut exchange) = self.waiting.pop_front() {
                exchange.obstacle = Some(obstacle);
                self.finish(exchange);
            }
        }
        None
    }

    /// The answer to a request for a switch was lost: what the client says next tells whether the switch took place.
    pub(super) fn judge_lost_answer(&mut self) -> Option<Turn> {
        if !self.answer_lost || !self.may_switch() {
            return None;
        }
        let pieces = self.held.iter().flat_map(|kept| kept.piece().octets);
        let first: Vec<u8> = pieces.copied().take(FIRST_LINE).collect();
        if looks_like_masked_frame(&first) {
            return Some(Turn::Switch);
        }
        if http::opening(&first) == http::Opening::Request {
            self.finish_unseen_switch();
            self.held_of_server.clear();
            self.read_held();
        }
        None
    }

    /// Whether the server goes on in something else than another answer, after one that was lost: what it is, the client
    /// will tell.
    fn goes_on_after_lost_answer(&self, octets: &[u8]) -> bool {
        let lost = self.answer_lost && self.may_switch() && self.is_between_answers();
        lost && (!self.held_of_server.is_empty() || !begins_answer(octets))
    }

    fn is_between_answers(&self) -> bool {
        !self.inside_response && self.response_begun.is_none()
    }

    /// `side` will send no more.
    pub(super) fn close(&mut self, side: Side) {
        if side == Side::Client {
            return;
        }
        match self.responses.close() {
            Some(ResponseEvent::TruncatedHead(partial)) => {
                self.cut_response(&partial);
            }
            Some(ResponseEvent::TruncatedBody) => self.end_of_response(false),
            _ => self.end_of_response(true),
        }
    }

    /// An answer of which only the beginning of the head is there.
    fn cut_response(&mut self, partial: &[u8]) -> Option<Turn> {
        let head = salvaged_response(partial)?;
        let seen = self.response_begun?;
        self.expect();
        let turn = self.response(
            head,
            Piece {
                offset: 0,
                octets: &[],
                seen: &seen,
            },
            false,
        );
        if turn.is_none() {
            self.end_of_response(false);
        }
        turn
    }

    /// Client octets that were kept because they came behind a request that may switch the protocols.
    /// And the server's that came behind an answer which was lost.
    pub(super) fn take_held(&mut self) -> [VecDeque<Kept>; 2] {
        self.held_octets = 0;
        [std::mem::take(&mut self.held), std::mem::take(&mut self.held_of_server)]
    }

    /// Everything is over: exchanges without an answer, or with half of one, count as well.
    pub(super) fn conclude(&mut self) {
        let partial = self.responses.partial_head().to_vec();
        self.cut_response(&partial);
        self.end_of_response(false);
        while let Some(exchange) = self.waiting.pop_front() {
            self.finish(exchange);
        }
    }

    /// A request of which only a part was sent, if it was the first on its connection.
    pub(super) fn unfinished_request(&self) -> Option<(RequestHead, Seen)> {
        let head = salvaged_request(self.requests.partial_head())?;
        Some((head, self.request_begun?))
    }

    /// Whether the last request may switch the protocols, and its answer is still to come.
    pub(super) fn may_switch(&self) -> bool {
        let last = self.waiting.back().and_then(|exchange| exchange.request.as_ref());
        !self.inside_request
            && last.is_some_and(|request| request.upgrade.is_some() || &*request.head.method == b"CONNECT")
    }

    fn hold(&mut self, side: Side, piece: Piece<'_>) {
        let room = HELD.saturating_sub(self.held_octets);
        let kept = piece.octets.get(..piece.octets.len().min(room)).unwrap_or_default();
        if kept.is_empty() {
            return;
        }
        self.held_octets += kept.len();
        let held = match side {
            Side::Client => &mut self.held,
            Side::Server => &mut self.held_of_server,
        };
        held.push_back(Kept {
            offset: piece.offset,
            octets: kept.to_vec(),
            taken: 0,
            seen: *piece.seen,
        });
    }

    fn request(&mut self, head: RequestHead, after: Piece<'_>, complete: bool) {
        let first = self.request_begun.take().unwrap_or(*after.seen);
        let request = Box::new(Request {
            upgrade: http::asks_for_upgrade(&head),
            offer: http::looks_like_websocket(&head).then(|| Box::new(offer(&head))),
            credentials: http::credentials(&head),
            complete: complete && !head.cut,
            first,
            last: *after.seen,
            span: (after.offset.saturating_sub(head.length as u64), after.offset),
            // Its acknowledgement may have come while it waited to be read.
            acknowledged: self
                .acknowledged
                .filter(|(up_to, _)| *up_to >= after.offset)
                .map(|(_, at)| at),
            head,
        });
        // A server may answer before it has read all of a request that it refuses.
        let answered_early = self.current.iter_mut().chain(self.finished.last_mut());
        for exchange in answered_early {
            if exchange.request.is_none() && exchange.response.as_ref().is_some_and(|response| response.early) {
                exchange.request = Some(request);
                return;
            }
        }
        if self.waiting.len() == PIPELINE
            && let Some(exchange) = self.waiting.pop_front()
        {
            self.finish(exchange);
        }
        self.waiting.push_back(Exchange {
            nth: self.count,
            request: Some(request),
            ..Exchange::default()
        });
        self.count += 1;
    }

    /// Tells the reader of answers which request the next one answers.
    fn expect(&mut self) {
        let expectation = match self.waiting.front().and_then(|exchange| exchange.request.as_ref()) {
            None => Expectation::Unknown,
            Some(request) => match &*request.head.method {
                b"HEAD" => Expectation::Head,
                b"CONNECT" => Expectation::Connect,
                _ if request.upgrade.is_some() => Expectation::Upgrade,
                _ => Expectation::Ordinary,
            },
        };
        self.responses.expect(expectation);
    }

    fn response(&mut self, head: ResponseHead, after: Piece<'_>, complete: bool) -> Option<Turn> {
        if (100..200).contains(&head.status) && head.status != 101 {
            self.interim.push(head.status);
            self.interim.truncate(8);
            return None;
        }
        let early = self.waiting.is_empty() && !self.requests.partial_head().is_empty();
        self.answer_lost = false;
        let mut exchange = self.waiting.pop_front().unwrap_or_else(|| {
            self.count += 1;
            Exchange {
                nth: self.count - 1,
                ..Exchange::default()
            }
        });
        let first = self.response_begun.unwrap_or(*after.seen);
        let status = head.status;
        exchange.response = Some(Box::new(Response {
            complete: complete && !head.cut,
            interim: std::mem::take(&mut self.interim),
            answer: exchange
                .request
                .as_ref()
                .and_then(|request| answer(request, &head))
                .map(Box::new),
            first,
            last: *after.seen,
            span: (after.offset.saturating_sub(head.length as u64), after.offset),
            body: Vec::new(),
            body_length: 0,
            body_complete: false,
            early,
            head,
        }));
        let authority = exchange
            .request
            .as_ref()
            .filter(|request| &*request.head.method == b"CONNECT");
        if let Some(request) = authority
            && (200..300).contains(&status)
        {
            return Some(Turn::Tunnel(http::printable(&request.head.target, 300), after.seen.at));
        }
        if status == 101 {
            self.finish(exchange);
            return Some(Turn::Switch);
        }
        self.current = Some(exchange);
        None
    }

    fn body(&mut self, octets: &[u8]) {
        let Some(response) = self.current.as_mut().and_then(|exchange| exchange.response.as_mut()) else {
            return;
        };
        let room = BODY_KEPT.saturating_sub(response.body.len());
        response
            .body
            .extend_from_slice(octets.get(..octets.len().min(room)).unwrap_or_default());
        response.body_length += octets.len() as u64;
    }

    fn end_of_response(&mut self, complete: bool) {
        self.response_begun = None;
        self.inside_response = false;
        let Some(mut exchange) = self.current.take() else {
            return;
        };
        if let Some(response) = &mut exchange.response {
            response.body_complete = complete;
        }
        self.finish(exchange);
        self.read_held();
    }

    fn not_http(&mut self, first: Vec<u8>, seen: Seen) {
        if let Some(mut exchange) = self.waiting.pop_front() {
            exchange.not_http = Some(Box::new((first, seen)));
            self.finish(exchange);
        }
    }

    /// Files an exchange: among those that may be attempts, or as an ordinary one.
    fn finish(&mut self, exchange: Exchange) {
        let ordinary = exchange.request.as_ref().is_some_and(|request| {
            request.complete && request.upgrade.is_none() && &*request.head.method != b"CONNECT"
        });
        if !ordinary {
            if self.finished.len() < ATTEMPTS {
                make_room(&mut self.finished);
                self.finished.push(exchange);
            }
        } else if self.ordinary.len() < ORDINARY
            && let Some(ordinary) = ordinary_of(&exchange)
        {
            make_room(&mut self.ordinary);
            self.ordinary.push(ordinary);
        }
    }

    /// What follows is spoken inside a tunnel: both readers begin anew.
    pub(super) fn leave_tunnel(&mut self) {
        self.requests = Requests::default();
        self.responses = Responses::default();
        (self.inside_request, self.inside_response) = (false, false);
        (self.request_begun, self.response_begun) = (None, None);
    }

    /// The client's octets before `up_to` were acknowledged.
    pub(super) fn acknowledged(&mut self, up_to: u64, at: At) {
        self.acknowledged = Some((up_to, at));
        for exchange in &mut self.waiting {
            if let Some(request) = exchange.request.as_mut().filter(|request| request.span.1 <= up_to) {
                request.acknowledged.get_or_insert(at);
            }
        }
    }

    /// An answer that the capture does not hold was the last word on its request.
    pub(super) fn finish_unseen_switch(&mut self) {
        if std::mem::take(&mut self.answer_lost)
            && let Some(exchange) = self.waiting.pop_front()
        {
            self.finish(exchange);
        }
    }
}

fn unplaced(at: At) -> Seen {
    Seen {
        at,
        marks: crate::tcp::Marks {
            ttl: 0,
            ip_id: None,
            window: 0,
            timestamp: None,
        },
    }
}

/// What a WebSocket handshake offers.
fn offer(head: &RequestHead) -> Offer {
    Offer::read(head.fields.iter().map(|field| (&*field.name, &*field.value)))
}

/// What a 101 accepts of a WebSocket handshake.
fn answer(request: &Request, head: &ResponseHead) -> Option<Answer> {
    request.offer.as_ref().filter(|_| head.status == 101)?;
    let key = request.head.fields.first("sec-websocket-key");
    Some(Answer::read(
        head.fields.iter().map(|field| (&*field.name, &*field.value)),
        key,
    ))
}

/// The head of a request that the capture cut off: what there is of it up to its last whole line.
fn salvaged_request(partial: &[u8]) -> Option<RequestHead> {
    let whole = memchr::memrchr(b'\n', partial)? + 1;
    RequestHead::parse(partial.get(..whole)?)
}

/// The head of an answer that the capture cut off: at least its status code must be there.
fn salvaged_response(partial: &[u8]) -> Option<ResponseHead> {
    const STATUS_LINE: usize = "HTTP/1.1 403".len();
    match memchr::memrchr(b'\n', partial) {
        Some(end) => ResponseHead::parse(partial.get(..=end)?),
        None if partial.len() >= STATUS_LINE => ResponseHead::parse(&[partial, b"\r\n"].concat()),
        None => None,
    }
}

/// Whether these octets may be the beginning of an answer.
fn begins_answer(octets: &[u8]) -> bool {
    matches!(http::opening(octets), http::Opening::Response | http::Opening::More)
}

/// A data or control frame with the mask bit (RFC 6455 section 5.2).
fn looks_like_masked_frame(octets: &[u8]) -> bool {
    match octets {
        [first, second, ..] => {
            first & 0x30 == 0 && matches!(first & 0x0f, 0 | 1 | 2 | 8 | 9 | 10) && second & 0x80 != 0
        }
        _ => false,
    }
}

fn ordinary_of(exchange: &Exchange) -> Option<Ordinary> {
    let request = exchange.request.as_ref()?;
    let fields = &request.head.fields;
    let nobody = Endpoint {
        address: std::net::Ipv4Addr::UNSPECIFIED.into(),
        port: 0,
    };
    Some(Ordinary {
        client: nobody,
        server: nobody,
        method: http::printable(&request.head.method, 32),
        path: path_of(&request.head.target),
        origin: request.origin(),
        host: request.host(),
        key: fields.first("sec-websocket-key").map(<[u8]>::to_vec),
        version: request.head.version,
        field_names: fields
            .iter()
            .take(64)
            .map(|field| http::printable(&field.name, 64))
            .collect(),
        connection_field: request.field("connection"),
        upgrade_field: request.field("upgrade"),
        request: request.last.at,
        response: exchange
            .response
            .as_ref()
            .map(|response| (response.head.status, response.first.at)),
    })
}

//! What the two ends of one connection say to each other: finds the protocol by its first octets and follows it.

use std::sync::Arc;

use crate::{
    attempt::{
        exchanges::{Exchange, Exchanges, Kept, Piece, Turn},
        facts::{CloseFrame, Obstacle, Session, Tls, Via, Violation},
    },
    http::{self, Opening, ProxyHeader},
    tcp::{At, GapCause, Reader, Seen, Side},
    tls,
    websocket::{FrameEvent, Frames, Opcode, Sender},
};

/// Octets that are kept while it is not known what they are.
const OPENING: usize = 4096;

/// Tunnels inside tunnels: a chain of proxies has two or three. Each costs a level of the stack, so there is a bound.
const TUNNELS: u8 = 4;

/// The dialogue of one connection.
#[derive(Debug, Default)]
pub struct Dialogue {
    pub(super) layer: Layer,
    pub(super) via: Option<Box<Via>>,
    pub(super) exchanges: Box<Exchanges>,
    pub(super) tls: Option<Box<Tls>>,
    pub(super) session: Option<Box<Session>>,
    /// Octets that were missing before it was known what they were.
    pub(super) obstacle: Option<Obstacle>,
    /// The first octets of either side that no protocol of ours begins with.
    pub(super) strange: Option<(Side, Vec<u8>, Seen)>,
    /// The segment with the first octet.
    pub(super) first: Option<(Side, Seen)>,
    unwanted: [bool; 2],
    /// TLS secrets, if any were given.
    secrets: Option<Arc<tls::KeyLog>>,
    /// What is spoken inside of TLS, as far as it could be opened.
    inside: Layer,
    is_inside: bool,
    /// How deep in tunnels we are.
    tunnels: u8,
}

/// What is being spoken.
#[derive(Debug)]
pub(super) enum Layer {
    /// Not known yet; the first octets of the client and of the server.
    Opening([Option<Box<Kept>>; 2]),
    Http,
    Tls(Box<tls::Handshake>),
    Frames(Box<[Frames; 2]>),
    /// After a switch to a protocol that is not read.
    Switched,
    /// Nothing of ours.
    Other,
}

impl Default for Layer {
    fn default() -> Self {
        Layer::Opening([None, None])
    }
}

fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

fn tls_side(side: Side) -> tls::Side {
    match side {
        Side::Client => tls::Side::Client,
        Side::Server => tls::Side::Server,
    }
}

fn tcp_side(side: tls::Side) -> Side {
    match side {
        tls::Side::Client => Side::Client,
        tls::Side::Server => Side::Server,
    }
}

impl Reader for Dialogue {
    type Secrets = Option<Arc<tls::KeyLog>>;

    fn with_secrets(secrets: &Self::Secrets) -> Self {
        Dialogue {
            secrets: secrets.clone(),
            ..Dialogue::default()
        }
    }

    fn sender(first: &[u8]) -> Option<Side> {
        match http::opening(first) {
            Opening::Request | Opening::Http2Preface | Opening::ProxyV1 | Opening::ProxyV2 => Some(Side::Client),
            Opening::Response => Some(Side::Server),
            // A handshake record tells by its first message (RFC 8446 section 4): ClientHello is 1, ServerHello 2.
            Opening::Tls => match first.get(5) {
                Some(1) => Some(Side::Client),
                Some(2) => Some(Side::Server),
                _ => None,
            },
            Opening::More | Opening::Other => None,
        }
    }

    fn wants(&self, side: Side) -> bool {
        !self.unwanted[index(side)]
    }

    fn octets(&mut self, side: Side, offset: u64, octets: &[u8], seen: &Seen) {
        self.first.get_or_insert((side, *seen));
        self.hear(side, Piece { offset, octets, seen });
    }

    fn gap(&mut self, side: Side, offset: u64, missing: u64, cause: GapCause, at: At) {
        let obstacle = Obstacle {
            side,
            cause,
            missing,
            at,
        };
        self.miss(obstacle, offset);
    }

    fn acknowledged(&mut self, side: Side, up_to: u64, at: At) {
        if side == Side::Client {
            self.exchanges.acknowledged(up_to, at);
        }
    }

    fn finished(&mut self, side: Side, _at: At) {
        match &mut self.layer {
            Layer::Http => self.exchanges.close(side),
            Layer::Tls(handshake) => {
                handshake.end(tls_side(side), |_| {});
                if matches!(self.inside, Layer::Http) {
                    self.exchanges.close(side);
                }
            }
            _ => {}
        }
    }
}

impl Dialogue {
    /// Takes the next octets of one side.
    fn hear(&mut self, side: Side, piece: Piece<'_>) {
        match &mut self.layer {
            Layer::Opening(_) => self.open(side, piece),
            Layer::Http => self.http(side, piece),
            Layer::Tls(_) => self.tls(side, piece),
            Layer::Frames(_) => self.frames(side, piece),
            Layer::Switched => self.count(side, piece),
            Layer::Other => self.unwanted = [true; 2],
        }
    }

    /// Octets are missing.
    fn miss(&mut self, obstacle: Obstacle, offset: u64) {
        let side = obstacle.side;
        match &mut self.layer {
            Layer::Opening(kept) => {
                let begun = kept[index(side)].take();
                self.obstacle = Some(obstacle);
                if let Some(kept) = begun {
                    self.open_cut(side, &kept, obstacle, offset);
                }
            }
            Layer::Http => {
                let turn = self.exchanges.gap(side, obstacle, offset);
                if let Some(turn) = turn.or_else(|| self.exchanges.judge_lost_answer()) {
                    self.turn(turn);
                }
            }
            Layer::Tls(handshake) => {
                let mut lost = false;
                handshake.gap(tls_side(side), obstacle.missing, |event| {
                    lost |= matches!(event, tls::Event::DataGap(..));
                });
                if lost {
                    self.within(|inner| inner.miss(obstacle, offset));
                }
            }
            Layer::Frames(frames) => {
                if !frames[index(side)].gap(obstacle.missing) {
                    self.unwanted[index(side)] = true;
                    self.session
                        .iter_mut()
                        .for_each(|session| session.unread[index(side)] = true);
                }
            }
            Layer::Switched | Layer::Other => {}
        }
    }

    /// The first octets are there, and then some are missing: enough may be there to know the protocol.
    fn open_cut(&mut self, side: Side, kept: &Kept, obstacle: Obstacle, offset: u64) {
        let protocol = http::opening(&kept.octets);
        if matches!(protocol, Opening::Request | Opening::Response) {
            self.layer = Layer::Http;
            self.http(side, kept.piece());
            self.miss(obstacle, offset);
        }
    }

    /// The first octets of either side tell the protocol.
    fn open(&mut self, side: Side, piece: Piece<'_>) {
        let Layer::Opening(kept) = &mut self.layer else { return };
        let place = &mut kept[index(side)];
        match place {
            Some(kept) => {
                // Past the bound no more is waited for, so the last piece is taken whole: what it holds besides is the request.
                kept.octets.extend_from_slice(piece.octets);
            }
            None => {
                let octets = piece.octets.to_vec();
                *place = Some(Box::new(Kept {
                    offset: piece.offset,
                    octets,
                    taken: 0,
                    seen: *piece.seen,
                }));
            }
        }
        let Some(first) = place else { return };
        match http::opening(&first.octets) {
            Opening::More if first.octets.len() < OPENING => {}
            Opening::Request | Opening::Response => self.begin(Layer::Http),
            Opening::Tls if !self.is_inside => {
                self.tls.get_or_insert_with(|| Box::new(Tls::default()));
                let handshake = self.secrets.clone().map(tls::Handshake::with_secrets);
                self.begin(Layer::Tls(Box::new(handshake.unwrap_or_default())));
            }
            Opening::ProxyV1 | Opening::ProxyV2 if side == Side::Client && !self.is_proxied() => self.proxy_header(),
            _ => self.strange(side),
        }
    }

    /// Whether a PROXY header came already: a second one is strange, and a thousand are an attack.
    fn is_proxied(&self) -> bool {
        self.via.as_ref().is_some_and(|via| via.proxy_protocol.is_some())
    }

    /// From here on `layer` reads; what was kept goes to it first, the client's before the server's.
    fn begin(&mut self, layer: Layer) {
        let Layer::Opening(kept) = std::mem::replace(&mut self.layer, layer) else {
            return;
        };
        for (side, kept) in [Side::Client, Side::Server].into_iter().zip(kept) {
            if let Some(kept) = kept {
                self.hear(side, kept.piece());
            }
        }
    }

    /// Nothing of ours, unless the other side answers in something that is.
    fn strange(&mut self, side: Side) {
        let Layer::Opening(kept) = &mut self.layer else { return };
        let Some(kept) = kept[index(side)].take() else { return };
        if self.strange.is_none() {
            let octets = kept
                .octets
                .get(..kept.octets.len().min(64))
                .unwrap_or_default()
                .to_vec();
            self.strange = Some((side, octets, kept.seen));
        }
        self.layer = Layer::Other;
        // Inside of TLS it still tells whether the client says anything at all.
        self.unwanted = [!self.is_inside || side == Side::Client, true];
    }

    /// A PROXY protocol header comes before the request (see HAProxy's specification).
    fn proxy_header(&mut self) {
        let Layer::Opening(kept) = &mut self.layer else { return };
        let Some(first) = &mut kept[0] else { return };
        match http::proxy_header(&first.octets) {
            ProxyHeader::More if first.octets.len() < OPENING => {}
            ProxyHeader::Header {
                length,
                version,
                source,
                ..
            } => {
                let via = self.via.get_or_insert_with(|| {
                    Box::new(Via {
                        connect: None,
                        proxy_protocol: None,
                    })
                });
                via.proxy_protocol = Some((version, source, first.seen.at));
                let rest = first.octets.split_off(length.min(first.octets.len()));
                let after = Kept {
                    offset: first.offset + length as u64,
                    octets: rest,
                    taken: 0,
                    seen: first.seen,
                };
                kept[0] = None;
                if !after.octets.is_empty() {
                    self.open(Side::Client, after.piece());
                }
            }
            _ => self.strange(Side::Client),
        }
    }

    fn http(&mut self, side: Side, piece: Piece<'_>) {
        match side {
            Side::Client => {
                self.exchanges.client(piece);
                if let Some(turn) = self.exchanges.judge_lost_answer() {
                    self.turn(turn);
                }
            }
            Side::Server => {
                if let Some((turn, rest)) = self.exchanges.server(piece) {
                    self.turn(turn);
                    if !rest.octets.is_empty() {
                        self.hear(Side::Server, rest);
                    }
                }
            }
        }
    }

    /// The connection turns to another protocol, or to what is spoken in a tunnel.
    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Switch => {
                self.exchanges.finish_unseen_switch();
                let framed = self.exchanges.finished.last().is_some_and(is_websocket);
                let rsv1 = self.exchanges.finished.last().is_some_and(agreed_on_rsv1);
                self.session = Some(Box::new(Session {
                    framed,
                    ..Session::default()
                }));
                self.layer = if framed {
                    Layer::Frames(Box::new([
                        Frames::new(Sender::Client, rsv1),
                        Frames::new(Sender::Server, rsv1),
                    ]))
                } else {
                    Layer::Switched
                };
            }
            Turn::Tunnel(authority, at) => {
                let via = self.via.get_or_insert_with(|| {
                    Box::new(Via {
                        connect: None,
                        proxy_protocol: None,
                    })
                });
                via.connect = Some((authority, at));
                self.tunnels += 1;
                if self.tunnels > TUNNELS {
                    self.layer = Layer::Other;
                    self.unwanted = [true; 2];
                    return;
                }
                self.layer = Layer::default();
            }
        }
        let [held, held_of_server] = self.exchanges.take_held();
        if matches!(self.layer, Layer::Opening(_)) {
            self.exchanges.leave_tunnel();
        }
        for (side, held) in [(Side::Client, held), (Side::Server, held_of_server)] {
            for kept in held {
                self.hear(side, kept.piece());
            }
        }
    }

    fn tls(&mut self, side: Side, piece: Piece<'_>) {
        let Layer::Tls(handshake) = &mut self.layer else { return };
        let tls = self.tls.get_or_insert_with(|| Box::new(Tls::default()));
        let mut not_tls = None;
        let mut opened = Vec::new();
        if side == Side::Client && handshake.facts().server_hello.is_some() {
            tls.client_reply.get_or_insert(*piece.seen);
        }
        if side == Side::Client && tls.client_hello.is_none() {
            tls.hello_segments += 1;
        }
        if side == Side::Server {
            tls.server_first.get_or_insert(*piece.seen);
        }
        handshake.read(tls_side(side), piece.octets, |event| match event {
            tls::Event::ClientHello => {
                tls.client_hello.get_or_insert(*piece.seen);
                tls.hello_end = piece.offset + piece.octets.len() as u64;
            }
            tls::Event::Certificate(tls::Side::Server) => tls.certificate = Some(*piece.seen),
            tls::Event::Alert(side, alert) => tls.alerts.push((tcp_side(side), alert, *piece.seen)),
            tls::Event::NotTls(side) => not_tls = Some(tcp_side(side)),
            tls::Event::Data(side, octets) => opened.push((tcp_side(side), Some(octets.to_vec()))),
            tls::Event::DataGap(side, _) => opened.push((tcp_side(side), None)),
            _ => {}
        });
        tls.last_record = Some((side, piece.seen.at));
        if tls.completed.is_none() && handshake.facts().completed() != tls::Completion::No {
            tls.completed = Some(piece.seen.at);
        }
        let octets = handshake
            .facts()
            .client
            .application_octets
            .min(handshake.facts().server.application_octets);
        let hidden = handshake.facts().decryption != tls::Decryption::Opened;
        if tls.completed.is_some() && octets > ENOUGH_HIDDEN && hidden {
            self.unwanted = [true; 2];
        }
        if !opened.is_empty() {
            self.within(|inner| inner.hear_opened(opened, piece));
        }
        if let Some(speaker) = not_tls {
            self.not_tls(speaker, piece);
        }
    }

    /// Does something with what is spoken inside of TLS.
    fn within(&mut self, work: impl FnOnce(&mut Self)) {
        let outside = std::mem::replace(&mut self.layer, std::mem::take(&mut self.inside));
        self.is_inside = true;
        work(self);
        self.is_inside = false;
        self.inside = std::mem::replace(&mut self.layer, outside);
    }

    /// Takes what records held that were opened; they end with the segment `carrier`, and stand for its place in the stream.
    fn hear_opened(&mut self, opened: Vec<(Side, Option<Vec<u8>>)>, carrier: Piece<'_>) {
        let end = carrier.offset + carrier.octets.len() as u64;
        for (side, octets) in opened {
            match octets {
                Some(octets) => {
                    let offset = end.saturating_sub(octets.len() as u64);
                    self.hear(
                        side,
                        Piece {
                            offset,
                            octets: &octets,
                            seen: carrier.seen,
                        },
                    );
                }
                None => {
                    let obstacle = Obstacle {
                        side,
                        cause: GapCause::NotCaptured,
                        missing: 0,
                        at: carrier.seen.at,
                    };
                    self.miss(obstacle, end);
                }
            }
        }
    }

    /// A plain answer to TLS, or plain octets to a server that speaks TLS.
    fn not_tls(&mut self, side: Side, piece: Piece<'_>) {
        let Some(tls) = &mut self.tls else { return };
        if tls.not_tls.is_none() {
            let first = piece
                .octets
                .get(..piece.octets.len().min(64))
                .unwrap_or_default()
                .to_vec();
            tls.not_tls = Some((side, first, *piece.seen));
        }
        if side == Side::Server && http::opening(piece.octets) == Opening::Response {
            self.exchanges.server(piece);
        }
    }

    fn frames(&mut self, side: Side, mut piece: Piece<'_>) {
        self.count(side, piece);
        let Layer::Frames(frames) = &mut self.layer else { return };
        let Some(session) = &mut self.session else { return };
        let at = piece.seen.at;
        loop {
            let (taken, event) = frames[index(side)].read(piece.octets);
            piece = piece.after(taken);
            match event {
                Some(FrameEvent::Header(header)) => note_frame(session, side, header.opcode, at),
                Some(FrameEvent::Close { code, reason }) => session.closes.push(CloseFrame { side, code, reason, at }),
                Some(FrameEvent::Broken(kind)) => session.violations.push(Violation { side, kind, at }),
                None => break,
            }
        }
        let lost = frames[index(side)].lost();
        session.unread[index(side)] |= lost;
        self.unwanted[index(side)] |= lost;
    }

    fn count(&mut self, side: Side, piece: Piece<'_>) {
        if let Some(session) = &mut self.session {
            session.octets[index(side)] += piece.octets.len() as u64;
            session.last_octets[index(side)] = Some(piece.seen.at);
        }
    }
}

/// Hidden octets of both sides after which the sizes of records tell nothing more.
const ENOUGH_HIDDEN: u64 = 16_384;

fn is_websocket(exchange: &Exchange) -> bool {
    let asked = exchange.request.as_ref().and_then(|request| request.upgrade.as_deref());
    let answered = exchange
        .response
        .as_ref()
        .and_then(|response| response.head.fields.first("upgrade"));
    let asked = asked.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    asked || answered.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

/// Whether the answer turned on an extension that uses RSV1 (RFC 7692); unknown answers are given the benefit of the doubt.
fn agreed_on_rsv1(exchange: &Exchange) -> bool {
    match exchange.response.as_ref().filter(|response| response.complete) {
        Some(response) => response.head.fields.has("sec-websocket-extensions"),
        None => true,
    }
}

fn note_frame(session: &mut Session, side: Side, opcode: Opcode, at: At) {
    session.frames[index(side)] += 1;
    session.first_frame[index(side)].get_or_insert(at);
    match opcode {
        Opcode::PING => {
            let (count, since) = session.pings[index(side)].unwrap_or((0, at));
            session.pings[index(side)] = Some((count + 1, since));
        }
        Opcode::PONG => session.pings[index(side.other())] = None,
        _ => {}
    }
}

//! A connection that has ended becomes attempts: one for each exchange that asked for an upgrade, or one that is presumed.

use std::sync::Arc;

use crate::{
    attempt::{
        dialogue::{Dialogue, Layer},
        exchanges::Exchange,
        facts::{Attempt, Ordinary, Request, Session, Stage, Tls},
        pending::Pending,
    },
    http, tcp,
    tcp::{Ended, Knocks, Side},
    tls::{self, FirstExchange},
    websocket::SHORTEST_REQUEST,
};

/// What a connection came to.
#[derive(Debug)]
pub enum Conclusion {
    /// One attempt: its knocks.
    Knocks(Box<Knocks>),
    /// More than knocks.
    Talk {
        /// The connection.
        connection: Arc<tcp::Facts>,
        /// Its attempts, in order; if none asked for an upgrade, at most one that is presumed.
        attempts: Vec<Attempt>,
        /// Its ordinary exchanges: control experiments.
        ordinary: Vec<Ordinary>,
    },
}

/// Turns a connection that has ended into what it came to.
pub fn conclude(ended: Ended<Dialogue>) -> Conclusion {
    match ended {
        Ended::Knocks(knocks) => Conclusion::Knocks(knocks),
        Ended::Followed(connection, Some(dialogue)) => of_dialogue(*dialogue, connection),
        Ended::Followed(connection, None) => Conclusion::Talk {
            attempts: vec![silent(Arc::clone(&connection))],
            connection,
            ordinary: Vec::new(),
        },
    }
}

fn of_dialogue(mut dialogue: Dialogue, connection: Arc<tcp::Facts>) -> Conclusion {
    dialogue.exchanges.conclude();
    if let Layer::Tls(handshake) = std::mem::take(&mut dialogue.layer)
        && let Some(tls) = &mut dialogue.tls
    {
        tls.facts = handshake.into_facts();
    }
    let ordinary = ordinary(&mut dialogue, &connection);
    let attempts = attempts(dialogue, &connection, ordinary.is_empty());
    Conclusion::Talk {
        connection,
        attempts,
        ordinary,
    }
}

impl Conclusion {
    /// Its attempts, in order, as they wait to be judged.
    pub fn into_attempts(self) -> impl Iterator<Item = Pending> {
        let (knocks, attempts) = match self {
            Conclusion::Knocks(knocks) => (Some(knocks), Vec::new()),
            Conclusion::Talk { attempts, .. } => (None, attempts),
        };
        let knocks = knocks.into_iter().map(Pending::Knocks);
        knocks.chain(attempts.into_iter().map(Pending::from))
    }
}

fn ordinary(dialogue: &mut Dialogue, connection: &tcp::Facts) -> Vec<Ordinary> {
    let mut ordinary = std::mem::take(&mut dialogue.exchanges.ordinary);
    for exchange in &mut ordinary {
        (exchange.client, exchange.server) = (connection.client, connection.server);
    }
    ordinary
}

fn attempts(mut dialogue: Dialogue, connection: &Arc<tcp::Facts>, nothing_else: bool) -> Vec<Attempt> {
    let mut exchanges = std::mem::take(&mut dialogue.exchanges.finished);
    let unfinished = dialogue.exchanges.unfinished_request();
    if exchanges.is_empty()
        && nothing_else
        && let Some(request) = unfinished
    {
        exchanges.push(unfinished_exchange(request));
    }
    // After TLS whose inside is hidden, only the plain answer to the ClientHello can be an exchange.
    let plain = dialogue.tls.as_ref().is_none_or(|tls| tls.is_open());
    let mut attempts: Vec<Attempt> = Vec::new();
    for exchange in exchanges {
        attempts.push(of_exchange(exchange, &mut dialogue, connection, plain));
    }
    let before_asking = |tls: &Tls| {
        let client = &tls.facts.client;
        tls.is_open() && tls.facts.agreed_on_http2() && client.data_octets + client.unopened_records == 0
    };
    let died = dialogue.strange.is_none() || dialogue.tls.as_deref().is_some_and(before_asking);
    if attempts.is_empty() && nothing_else && died {
        attempts.extend(presumed(dialogue, connection));
    }
    attempts
}

fn unfinished_exchange((head, first): (http::RequestHead, tcp::Seen)) -> Exchange {
    let request = Request {
        upgrade: http::asks_for_upgrade(&head),
        offer: None,
        credentials: http::credentials(&head),
        complete: false,
        first,
        last: first,
        span: (0, head.length as u64),
        acknowledged: None,
        head,
    };
    Exchange {
        request: Some(Box::new(request)),
        ..Exchange::default()
    }
}

fn of_exchange(exchange: Exchange, dialogue: &mut Dialogue, connection: &Arc<tcp::Facts>, plain: bool) -> Attempt {
    // A certificate that the server refuses in TLS 1.3 comes to light after the client's request (RFC 8446 section 4.4.2.4).
    let refused = |tls: &Tls| {
        tls.fatal_alert().is_some() || tls.lacks_client_certificate() && connection.left(Side::Server).is_some()
    };
    let plain = plain && (exchange.response.is_some() || !dialogue.tls.as_deref().is_some_and(refused));
    let asks = exchange
        .request
        .as_ref()
        .is_some_and(|request| request.upgrade.is_some());
    // A lost answer is known by what follows it; where nothing of the server was captured, the capture is to blame first.
    let switched = exchange
        .response
        .as_ref()
        .is_some_and(|response| response.head.status == 101)
        || dialogue.session.is_some() && exchange.response.is_none() && asks && connection.from_server.segments > 0;
    let session = if switched { dialogue.session.take() } else { None };
    let stage = match (&session, &exchange.response) {
        (Some(session), _) => after_switch(session, connection),
        (None, _) if switched => Stage::Open,
        (None, Some(_)) => Stage::Response,
        (None, None) if exchange.not_http.is_some() => Stage::Response,
        (None, None) => Stage::Request,
    };
    Attempt {
        connection: Arc::clone(connection),
        nth: exchange.nth,
        presumed: !asks && !switched,
        stage: if plain { stage } else { Stage::Tls },
        via: dialogue.via.clone(),
        tls: dialogue.tls.clone(),
        obstacle: exchange.obstacle.or(dialogue.obstacle),
        request: exchange.request,
        response: exchange.response,
        not_http: exchange.not_http,
        session,
    }
}

/// Whether the two ends closed the session, or it was open to the last.
fn after_switch(session: &Session, connection: &tcp::Facts) -> Stage {
    let fins = connection.from_client.fin.is_some() || connection.from_server.fin.is_some();
    if fins || !session.closes.is_empty() {
        Stage::Closed
    } else {
        Stage::Open
    }
}

/// Not one octet was seen.
pub(super) fn silent(connection: Arc<tcp::Facts>) -> Attempt {
    Attempt {
        nth: 0,
        presumed: true,
        stage: if connection.is_established() {
            Stage::Request
        } else {
            Stage::Connect
        },
        connection,
        via: None,
        tls: None,
        request: None,
        response: None,
        not_http: None,
        session: None,
        obstacle: None,
    }
}

/// An attempt may have died before its request could be seen.
fn presumed(dialogue: Dialogue, connection: &Arc<tcp::Facts>) -> Option<Attempt> {
    let silent = silent(Arc::clone(connection));
    Some(Attempt {
        stage: if dialogue.tls.is_some() {
            Stage::Tls
        } else {
            silent.stage
        },
        via: dialogue.via,
        obstacle: dialogue.obstacle,
        tls: dialogue.tls,
        ..silent
    })
}

impl Attempt {
    /// Whether what was asked and answered inside of TLS, though hidden, is no upgrade by its length: an ordinary exchange.
    ///
    /// It is too short for the handshake of a WebSocket, and that of other upgrades is hardly shorter. Where HTTP/2 may have
    /// been agreed on, the first record tells: one that short is its preface (RFC 9113 section 3.4) and no request. A client
    /// that speaks HTTP/2 alone may want extended CONNECT (RFC 8441), so nothing is said of it.
    pub fn is_ordinary(&self) -> bool {
        let Some(tls) = self.tls.as_deref().filter(|tls| self.presumed && !tls.is_open()) else {
            return false;
        };
        let facts = &tls.facts;
        let offers = facts.client_hello.as_ref().map(|hello| hello.alpn.as_slice());
        let may_be_http2 = match (&facts.alpn, offers.unwrap_or_default()) {
            (_, [one]) if **one == *b"h2" => return false,
            (Some(chosen), _) => **chosen == *b"h2",
            // TLS 1.3 hides what was chosen.
            (None, offers) => {
                facts.version().is_some_and(tls::ProtocolVersion::is_tls13)
                    && offers.iter().any(|name| **name == *b"h2")
            }
        };
        let too_short = |exchange: &FirstExchange| {
            let asked = if may_be_http2 { exchange.first } else { exchange.asked };
            !exchange.answers.is_empty() && asked + exchange.tolerance < SHORTEST_REQUEST
        };
        FirstExchange::of(facts).is_some_and(|exchange| too_short(&exchange))
    }
}

impl Tls {
    /// Whether its inside could be read.
    pub fn is_open(&self) -> bool {
        self.facts.decryption == tls::Decryption::Opened
    }

    /// Whether the handshake completed, as far as the outside tells.
    pub fn is_complete(&self) -> bool {
        self.facts.completed() != tls::Completion::No
    }

    /// Whether the server of TLS 1.3 asked the client for a certificate, got none, and said nothing since: the client, for
    /// which the handshake is over, may have sent its request already.
    fn lacks_client_certificate(&self) -> bool {
        let facts = &self.facts;
        facts.version().is_some_and(tls::ProtocolVersion::is_tls13)
            && facts.certificate_requested == Some(true)
            && facts.client_certificate_missing_likely()
            && facts.server_answered_likely() != Some(true)
    }

    /// The first fatal alert in the clear, and who sent it.
    pub fn fatal_alert(&self) -> Option<&(Side, tls::Alert, tcp::Seen)> {
        self.alerts
            .iter()
            .find(|(_, alert, _)| !alert.is_warning() && !alert.is_closure())
    }
}

//! What several rules derive of the same attempt, so that it is derived once.

use std::cell::OnceCell;

use crate::{
    diagnosis::{
        marks::Foreign,
        refusal::Contrast,
        rule::{Case, Confidence, SaidBy},
        tls_handshake::Ending,
        words::{self, Words},
    },
    survey::{Host, Listening, Path},
    tcp::Side,
};

/// What was derived of an attempt so far; each is derived when a rule first asks for it.
#[derive(Default)]
pub(super) struct Known<'a> {
    words: OnceCell<Words>,
    message: OnceCell<Option<String>>,
    quoted: OnceCell<String>,
    foreign: OnceCell<Option<Confidence>>,
    pub(super) speaker: OnceCell<SaidBy>,
    pub(super) ending: OnceCell<Option<Ending<'a>>>,
    /// Of the reset that answered the SYN.
    pub(super) refuser: OnceCell<Foreign>,
    contrasts: OnceCell<Vec<Contrast<'a>>>,
    listening: OnceCell<&'a Listening>,
    lossy: OnceCell<Option<&'a Path>>,
    /// The client and the server.
    hosts: [OnceCell<Option<&'a Host>>; 2],
}

impl<'a> Case<'a> {
    /// The words of the answer.
    pub(super) fn words(&self) -> &'a Words {
        self.known.words.get_or_init(|| Words::of(self.attempt))
    }

    /// The message in the answer; see [`words::message`].
    pub(super) fn message(&self) -> Option<&'a str> {
        self.known
            .message
            .get_or_init(|| words::message(self.attempt))
            .as_deref()
    }

    /// The answer in a few words, for evidence.
    pub(super) fn quoted(&self) -> &'a str {
        let quoted = || words::quoted(self.attempt, self.message());
        self.known.quoted.get_or_init(quoted)
    }

    /// How sure it is that another machine than the server wrote the first segment of the answer.
    pub(super) fn foreign(&self) -> Option<Confidence> {
        *self.known.foreign.get_or_init(|| {
            let response = self.attempt.response.as_deref()?;
            Foreign::of_segment(self, Side::Server, &response.first).confidence()
        })
    }

    /// Accepted attempts on the same path of the same server, if all of the request was seen.
    pub(super) fn contrasts(&self) -> &'a [Contrast<'a>] {
        self.known.contrasts.get_or_init(|| Contrast::all(self))
    }

    /// What became of the connections to this server endpoint.
    pub(super) fn listening(&self) -> &'a Listening {
        let server = self.attempt.connection.server;
        self.known.listening.get_or_init(|| self.survey.listening(server))
    }

    /// The way between the two, if octets came through on it only when they were sent again.
    pub(super) fn lossy(&self) -> Option<&'a Path> {
        let facts = &self.attempt.connection;
        let (client, server) = (facts.client.address, facts.server.address);
        *self.known.lossy.get_or_init(|| self.survey.lossy(client, server))
    }

    /// What the segments of one end's host have in common.
    pub(super) fn host(&self, side: Side) -> Option<&'a Host> {
        let [client, server] = &self.known.hosts;
        let known = if side == Side::Client { client } else { server };
        let address = self.attempt.connection.endpoint(side).address;
        *known.get_or_init(|| self.survey.host(address))
    }
}

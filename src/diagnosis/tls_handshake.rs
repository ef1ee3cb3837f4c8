//! How a TLS handshake ended: how far it had come, which end ended it, by what, and how surely that end did it itself.

use crate::{
    attempt::Tls,
    diagnosis::{
        marks::{Foreign, seconds},
        pauses::{is_starved, silence_before},
        rule::{Case, Confidence, Match, Outcome, SaidBy, Text},
    },
    http::printable,
    tcp::{At, Reset, Seen, Side},
    tls::{Alert, ClientFlight, Completion},
};

/// What ended a handshake, or a connection on which it had just completed.
#[derive(Clone, Copy)]
pub(super) struct Ending<'a> {
    case: Case<'a>,
    /// What TLS showed.
    pub(super) tls: &'a Tls,
    /// How far the handshake had come.
    pub(super) reached: Reached,
    /// Whose address the segment that ended it bears.
    pub(super) by: Side,
    /// What ended it.
    pub(super) how: How,
    /// The segment that ended it.
    pub(super) at: At,
    /// No more than this may be concluded: the segment may have been written by another machine.
    ceiling: Confidence,
}

/// How far a handshake came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    /// The server had not answered the ClientHello.
    Hello,
    /// The server's flight had begun; its end was not seen.
    Answer,
    /// The server's flight was there; the client had not answered it.
    Flight,
    /// The client had answered the server's flight.
    Reply,
    /// It was complete, as far as the outside tells.
    Complete,
}

/// By what a handshake was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// A fatal alert in the clear.
    Alert(Alert),
    /// FIN, or close_notify in the clear, which announces it.
    Closed,
    /// A reset.
    Reset,
}

/// How a client showed that it does not want the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// By an alert in the clear.
    Told(Alert),
    /// By a protected record of TLS 1.3 that has the length of an alert, in the place of Finished.
    Hidden,
    /// Without a word: it left.
    Silent,
    /// It completed the handshake, and left without a word inside.
    Late,
}

/// What the server did about the client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientCertificate {
    /// The server asked for one, got none, and ended the connection.
    Missing,
    /// The client gave one, and the server ended the connection.
    Refused,
}

/// Who leaves within this time, in nanoseconds, answers what came last; who leaves later was waiting or had something else to do.
pub(super) const AT_ONCE: u64 = 1_000_000_000;
/// A server that leaves after so long a silence, in nanoseconds, does so by a time limit of its own: some seconds to a minute.
pub(super) const PATIENCE: u64 = 5_000_000_000;

impl<'a> Ending<'a> {
    /// What ended the handshake; `None` if nothing did, if its beginning was not seen, or if the segment that did was most
    /// likely written by a machine in between.
    pub(super) fn of(case: &Case<'a>) -> Option<Self> {
        *case.known.ending.get_or_init(|| Ending::derive(case))
    }

    fn derive(case: &Case<'a>) -> Option<Self> {
        let tls = case.attempt.tls.as_deref()?;
        tls.facts.client_hello.as_ref()?;
        let (at, by, how, foreign) = first_end(case, tls)?;
        let ceiling = match (foreign.confidence(), how) {
            (None, How::Closed | How::Reset) if is_starved(&case.attempt.connection) => Confidence::Possible,
            (None, _) => Confidence::Confirmed,
            (Some(Confidence::Possible), How::Alert(_)) => Confidence::Likely,
            (Some(Confidence::Possible), _) => Confidence::Possible,
            (Some(_), _) => return None,
        };
        Some(Ending {
            case: *case,
            tls,
            reached: reached(tls, at),
            by,
            how,
            at,
            ceiling,
        })
    }

    /// The alert, if `side` ended it by one.
    pub(super) fn alert(&self, side: Side) -> Option<Alert> {
        match self.how {
            How::Alert(alert) if self.by == side => Some(alert),
            _ => None,
        }
    }

    /// Whether `side` left without an alert in the clear.
    pub(super) fn left(&self, side: Side) -> bool {
        self.by == side && !matches!(self.how, How::Alert(_))
    }

    /// Nanoseconds for which whoever ended it had waited.
    pub(super) fn waited(&self) -> u64 {
        silence_before(&self.case.attempt.connection, self.at)
    }

    /// Nanoseconds since the ClientHello.
    pub(super) fn age(&self) -> u64 {
        self.tls
            .client_hello
            .map_or(0, |hello| self.at.time.since(hello.at.time))
    }

    /// Whether the server has all of the ClientHello.
    pub(super) fn hello_arrived(&self) -> bool {
        let client = &self.case.attempt.connection.from_client;
        self.tls.hello_end > 0 && client.acknowledged >= self.tls.hello_end
    }

    /// Whether the client had all that the server sent when it left.
    fn flight_arrived(&self) -> bool {
        let server = &self.case.attempt.connection.from_server;
        server.unacknowledged() == 0 && server.acknowledged_at.is_some_and(|at| at <= self.at)
    }

    /// Whether the client rejected what the server showed, and how.
    pub(super) fn rejection(&self) -> Option<Rejection> {
        let facts = &self.tls.facts;
        if let Some(alert) = self.alert(Side::Client) {
            let of_certificates = matches!(alert.description, 40..=46 | 48 | 49);
            return (of_certificates && self.reached >= Reached::Answer).then_some(Rejection::Told(alert));
        }
        if facts.client_rejected_likely() && self.reached < Reached::Complete {
            return Some(Rejection::Hidden);
        }
        if !self.left(Side::Client) || self.is_resumed() {
            return None;
        }
        match self.reached {
            Reached::Flight if self.flight_arrived() => Some(Rejection::Silent),
            Reached::Reply | Reached::Complete if self.asked_nothing() && self.waited() < AT_ONCE => {
                Some(Rejection::Late)
            }
            _ => None,
        }
    }

    /// Whether the same client accepted the same server's certificate for the same name on another connection.
    pub(super) fn accepted_elsewhere(&self) -> bool {
        let connection = &self.case.attempt.connection;
        let mut others = self.case.survey.handshakes_at(connection.server);
        others.any(|other| {
            let theirs = other.tls.as_deref().filter(|tls| !asked_nothing(tls));
            let same_client = other.connection.client.address == connection.client.address;
            same_client && theirs.is_some_and(|tls| server_name(tls) == server_name(self.tls))
        })
    }

    /// Whether an earlier connection was resumed, so that no certificate was shown.
    fn is_resumed(&self) -> bool {
        let facts = &self.tls.facts;
        let by_key = facts.server_hello.as_ref().is_some_and(|hello| hello.pre_shared_key);
        by_key || facts.resumed == Some(true)
    }

    /// Whether the handshake was completed on the client's side, and nothing was asked inside.
    pub(super) fn asked_nothing(&self) -> bool {
        asked_nothing(self.tls)
    }

    /// What the server did about the client's certificate, if the handshake ended for that.
    pub(super) fn client_certificate(&self) -> Option<ClientCertificate> {
        let facts = &self.tls.facts;
        let refused_by_alert = self
            .alert(Side::Server)
            .is_some_and(|alert| matches!(alert.description, 40..=46 | 48 | 49 | 116));
        let old = facts.version().is_some_and(|version| !version.is_tls13());
        let ended = refused_by_alert || self.left(Side::Server) || self.ended_by_hidden_alert();
        if !ended || self.reached < Reached::Reply || facts.server_answered_likely() == Some(true) {
            return None;
        }
        // Once it said Finished in the clear of a ChangeCipherSpec, an older server had accepted the client.
        if old && facts.completed() != Completion::No {
            return None;
        }
        if facts.client_certificate_missing_likely() {
            return Some(ClientCertificate::Missing);
        }
        let gave_one = facts
            .client_certificates
            .as_ref()
            .is_some_and(|chain| !chain.is_empty());
        let gave_hidden = facts.client_flight_likely() == Some(ClientFlight::CertificateOrEarlyData)
            && facts.client_hello.as_ref().is_some_and(|hello| !hello.early_data);
        (gave_one || gave_hidden && self.waited() < AT_ONCE).then_some(ClientCertificate::Refused)
    }

    /// Whether the server of TLS 1.3 had nothing to say to the client's Finished but one record of an alert's length.
    fn ended_by_hidden_alert(&self) -> bool {
        self.tls.facts.server_answered_likely() == Some(false)
    }

    /// A match with what ended the handshake as its first evidence; the outcome is that it did not complete.
    pub(super) fn found(&self, confidence: Confidence, summary: impl Into<Text>) -> Match {
        let found = Match::new(confidence.min(self.ceiling), Outcome::TlsAbort, self.said_by(), summary);
        let hello = self.tls.client_hello.map(|seen| seen.at).filter(|at| at < &self.at);
        let found = match hello {
            Some(at) => found.shown_by(at.packet, self.hello_in_words()),
            None => found,
        };
        found.shown_by(self.at.packet, self.in_words())
    }

    /// Who ended it.
    fn said_by(&self) -> SaidBy {
        match (self.by, self.how) {
            (Side::Client, _) => SaidBy::Client,
            (Side::Server, How::Reset) => SaidBy::ServerHost,
            (Side::Server, _) => SaidBy::Application,
        }
    }

    /// What ended it, for evidence.
    fn in_words(&self) -> String {
        let who = name(self.by);
        let pause = self.waited();
        let after = if pause < AT_ONCE {
            String::new()
        } else {
            format!(" after {} without a word", seconds(pause))
        };
        match self.how {
            How::Alert(alert) => format!("the {who} ends the handshake with the alert {alert}"),
            How::Closed => format!("the {who} closes the connection{after}"),
            How::Reset => format!("the {who} resets the connection{after}"),
        }
    }

    fn hello_in_words(&self) -> String {
        match server_name(self.tls) {
            Some(name) => format!("ClientHello for {name}"),
            None => "ClientHello without a server name".to_owned(),
        }
    }
}

/// The name that the client asks for (RFC 6066 section 3), fit for print.
pub(super) fn server_name(tls: &Tls) -> Option<String> {
    tls.facts
        .client_hello
        .as_ref()?
        .sni
        .as_ref()
        .map(|name| printable(name.as_bytes(), 120))
}

/// An end's name.
pub(super) fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// Whether the client completed the handshake and sent nothing inside of it.
pub(super) fn asked_nothing(tls: &Tls) -> bool {
    let facts = &tls.facts;
    match facts.version() {
        Some(version) if version.is_tls13() => {
            facts.client_finished_likely() == Some(true) && facts.completed() == Completion::No
        }
        _ => facts.completed() == Completion::Yes && facts.client.application_records == 0,
    }
}

/// How far the handshake had come at that moment.
fn reached(tls: &Tls, at: At) -> Reached {
    let facts = &tls.facts;
    let began = facts.server_hello.is_some() || facts.hello_retry_request || facts.server.encrypted_records > 0;
    let answered = began && tls.server_first.is_none_or(|first| first.at <= at);
    let tls13 = facts.version().is_some_and(|version| version.is_tls13());
    // Before TLS 1.3 the client's flight begins with its certificate or its key; a ChangeCipherSpec of TLS 1.3 says nothing.
    let replied = match tls13 {
        true => facts.client_flight_likely().is_some(),
        false => facts.client.change_cipher_spec || facts.client_certificates.is_some(),
    };
    let flight = match tls13 {
        true => facts.server.encrypted_records > 0,
        false => facts.certificate_requested.is_some() || facts.server.change_cipher_spec,
    };
    match () {
        () if tls.is_complete() => Reached::Complete,
        () if !answered => Reached::Hello,
        () if replied => Reached::Reply,
        () if flight => Reached::Flight,
        () => Reached::Answer,
    }
}

/// The first of: a fatal alert, a FIN, a reset, of either end.
fn first_end<'a>(case: &Case<'a>, tls: &'a Tls) -> Option<(At, Side, How, Foreign)> {
    let facts = &case.attempt.connection;
    let tls13 = tls.facts.version().is_some_and(|version| version.is_tls13());
    let alerts = tls
        .alerts
        .iter()
        .filter(|(_, alert, _)| tls13 || !alert.is_warning())
        .map(|(side, alert, seen)| {
            let how = if alert.is_closure() {
                How::Closed
            } else {
                How::Alert(*alert)
            };
            (seen, *side, how, None)
        });
    let fins = [Side::Client, Side::Server].into_iter().filter_map(|side| {
        let fin = facts.from(side).fin.as_deref()?;
        Some((fin, side, How::Closed, None))
    });
    let resets = facts
        .resets
        .iter()
        .map(|reset| (&reset.seen, reset.side, How::Reset, Some(reset)));
    // Of the same segment the alert comes first: it says more than the FIN that it bears.
    let first = alerts.chain(fins).chain(resets).min_by_key(|(seen, ..)| seen.at)?;
    let (seen, side, how, reset): (&Seen, Side, How, Option<&Reset>) = first;
    let foreign = match reset {
        Some(reset) => Foreign::of_reset(case, reset),
        None => Foreign::of_segment(case, side, seen),
    };
    Some((seen.at, side, how, foreign))
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnosis::{
            rule::{Confidence::*, Outcome},
            scene::{Scene, certificate},
        },
        tcp::Side::{Client, Server},
        tls::{ContentType, ProtocolVersion},
    };

    const TLS12: u16 = 0x0303;
    const TLS13: u16 = 0x0304;
    const NAME: &str = "ws.example.com";

    fn shown(certificate: crate::tls::Certificate) -> Scene {
        Scene::hello(NAME).answer(TLS12).certificate(certificate)
    }

    #[test]
    fn alerts_that_name_their_cause() {
        let answered = || Scene::hello(NAME).answer(TLS13);
        for (side, alert, cause) in [
            (Client, 48, "tls.unknown-ca"),
            (Client, 45, "tls.certificate-expired"),
            (Client, 44, "tls.certificate-revoked"),
            (Client, 43, "tls.bad-certificate"),
            (Client, 70, "tls.protocol-version"),
            (Client, 47, "tls.alert-other"),
        ] {
            assert_eq!(
                answered().alert(side, alert).fin(side).verdict(),
                (cause, Confirmed, Outcome::TlsAbort),
                "{alert}"
            );
        }
        for (alert, cause) in [
            (70, "tls.protocol-version"),
            (71, "tls.no-shared-cipher"),
            (112, "tls.unrecognized-name"),
            (120, "tls.no-application-protocol"),
            (50, "tls.alert-other"),
        ] {
            let verdict = Scene::hello(NAME).alert(Server, alert).fin(Server).verdict();
            assert_eq!(verdict, (cause, Confirmed, Outcome::TlsAbort), "{alert}");
        }
        let refused = Scene::hello(NAME).alert(Server, 40).fin(Server);
        assert_eq!(refused.verdict(), ("tls.no-shared-cipher", Likely, Outcome::TlsAbort));
    }

    #[test]
    fn an_alert_with_the_ttl_of_another_machine_proves_nothing() {
        let alert = Scene::hello(NAME).answer(TLS13).alert(Client, 48);
        assert_eq!(alert.clone().verdict().1, Confirmed);
        assert_eq!(alert.with_ttl(200).verdict().1, Likely);
    }

    #[test]
    fn the_first_end_counts() {
        // OpenSSL complains of the server's FIN with an alert of its own.
        let closed = Scene::hello(NAME).fin(Server).alert(Client, 50).reset(Server);
        assert_eq!(
            closed.verdict(),
            ("tls.server-closed-on-hello", Likely, Outcome::TlsAbort)
        );
    }

    #[test]
    fn unspecific_alerts_are_read_by_the_certificate() {
        let good = || certificate(NAME, false);
        let mut expired = certificate(NAME, true);
        expired.not_after -= 2 * 86_400;
        for (certificate, alert, cause) in [
            (certificate("other.example.com", true), 42, "tls.hostname-mismatch"),
            (certificate("other.example.com", true), 46, "tls.unknown-ca"),
            (certificate("other.example.com", false), 46, "tls.hostname-mismatch"),
            (certificate(NAME, true), 42, "tls.unknown-ca"),
            (good(), 42, "tls.unknown-ca"),
            (expired.clone(), 42, "tls.certificate-expired"),
            (expired, 46, "tls.unknown-ca"),
        ] {
            let verdict = shown(certificate).alert(Client, alert).fin(Client).verdict();
            assert_eq!(verdict, (cause, Likely, Outcome::TlsAbort), "{alert}");
        }
        // With an issuer's certificate sent along, nothing is wrong that could be seen.
        let chain = shown(good()).certificate(good()).alert(Client, 42);
        assert_eq!(chain.verdict().0, "tls.bad-certificate");
        // Without any certificate to be seen, an alert 42 in the clear of TLS 1.3 is OpenSSL's word for names.
        let hidden = Scene::hello(NAME).answer(TLS13).alert(Client, 42);
        assert_eq!(hidden.verdict(), ("tls.hostname-mismatch", Likely, Outcome::TlsAbort));
        let unknown = Scene::hello(NAME).answer(TLS13).alert(Client, 46);
        assert_eq!(unknown.verdict(), ("tls.bad-certificate", Likely, Outcome::TlsAbort));
    }

    #[test]
    fn silent_rejections() {
        let rejected = ("tls.client-rejected-certificate", Likely, Outcome::TlsAbort);
        let answered = || Scene::hello(NAME).answer(TLS13);
        assert_eq!(answered().fin(Client).verdict(), rejected);
        assert_eq!(answered().reset(Client).verdict(), rejected);
        assert_eq!(answered().hidden(Client, &[19]).fin(Client).verdict(), rejected);
        assert_eq!(answered().hidden(Client, &[19]).fin(Server).verdict(), rejected);
        assert_eq!(answered().wait(3000).reset(Client).verdict().0, "tls.client-reset");
        assert_eq!(answered().wait(3000).fin(Client).verdict().0, "tls.client-closed");
        let resumed = answered().with_tls(|tls| tls.server_hello.as_mut().unwrap().pre_shared_key = true);
        assert_eq!(resumed.fin(Client).verdict().0, "tls.client-closed");
        let self_signed = shown(certificate(NAME, true)).fin(Client);
        assert_eq!(self_signed.verdict(), rejected);
        // The same client accepted the same server's certificate on another connection.
        let contradicted = answered().fin(Client).verdict_beside(vec![passed(NAME)]);
        assert_eq!(contradicted, ("tls.client-closed", Likely, Outcome::TlsAbort));
    }

    #[test]
    fn leaving_after_completion_is_a_rejection_only_with_a_reason() {
        let complete = |scene: Scene| {
            let scene = scene
                .client_certificates(Vec::new())
                .with_tls(|tls| tls.client_certificates = None);
            scene.record(Server, ContentType::Handshake, 40).fin(Client)
        };
        let bad = complete(shown(certificate("other.example.com", false)));
        assert_eq!(
            bad.verdict(),
            ("tls.client-rejected-certificate", Likely, Outcome::TlsAbort)
        );
        let good = complete(shown(certificate(NAME, false)));
        assert_eq!(
            good.verdict(),
            ("tls.client-rejected-certificate", Possible, Outcome::Undetermined)
        );
    }

    #[test]
    fn client_certificates() {
        let required = "tls.client-certificate-required";
        let answered = || Scene::hello(NAME).answer(TLS13);
        let missing = || answered().hidden(Client, &[25, 69]);
        assert_eq!(
            missing().fin(Server).hidden(Client, &[214]).verdict(),
            (required, Likely, Outcome::TlsAbort)
        );
        assert_eq!(
            missing().hidden(Server, &[19]).fin(Server).verdict(),
            (required, Likely, Outcome::TlsAbort)
        );
        assert_eq!(
            missing().alert(Server, 116).verdict(),
            (required, Confirmed, Outcome::TlsAbort)
        );
        // The server had asked, and went on without.
        let optional = missing()
            .hidden(Client, &[214])
            .hidden(Server, &[250, 250, 159, 19])
            .fin(Server);
        assert_eq!(optional.verdict().0, "tls.opaque");
        let old = |chain| shown(certificate(NAME, false)).client_certificates(chain);
        assert_eq!(
            old(Vec::new()).alert(Server, 40).verdict(),
            (required, Confirmed, Outcome::TlsAbort)
        );
        assert_eq!(
            old(Vec::new()).alert(Server, 42).verdict(),
            (required, Likely, Outcome::TlsAbort)
        );
        assert_eq!(
            old(Vec::new()).fin(Server).verdict(),
            (required, Likely, Outcome::TlsAbort)
        );
        let given = || old(vec![certificate("client", false)]);
        assert_eq!(
            given().alert(Server, 48).verdict(),
            (required, Confirmed, Outcome::TlsAbort)
        );
        assert_eq!(
            given().alert(Server, 45).verdict(),
            ("tls.certificate-expired", Confirmed, Outcome::TlsAbort)
        );
        // One that was accepted is no reason.
        let accepted =
            given()
                .record(Server, ContentType::Handshake, 40)
                .record(Client, ContentType::ApplicationData, 300);
        assert_eq!(accepted.fin(Server).verdict().0, "tls.opaque");
    }

    #[test]
    fn leaving_on_the_hello() {
        let hello = || Scene::hello(NAME);
        assert_eq!(
            hello().fin(Server).verdict(),
            ("tls.server-closed-on-hello", Likely, Outcome::TlsAbort)
        );
        assert_eq!(
            hello().reset(Server).verdict(),
            ("tls.server-reset-on-hello", Likely, Outcome::TlsAbort)
        );
        assert_eq!(hello().reset(Server).with_ttl(63).verdict().1, Possible);
        assert_eq!(
            hello().fin(Client).verdict(),
            ("tls.client-closed", Likely, Outcome::TlsAbort)
        );
        assert_eq!(
            hello().reset(Client).verdict(),
            ("tls.client-reset", Likely, Outcome::TlsAbort)
        );
        assert_eq!(
            hello().wait(4000).fin(Client).verdict(),
            ("tls.handshake-timeout", Likely, Outcome::TlsAbort)
        );
        assert_eq!(
            hello().wait(60_000).fin(Server).verdict(),
            ("tls.handshake-timeout", Likely, Outcome::TlsAbort)
        );
        let plain = hello().plain(b"HTTP/1.1 400 Bad Request\r\n").fin(Server);
        assert_eq!(
            plain.verdict(),
            ("tls.server-speaks-plaintext", Confirmed, Outcome::TlsAbort)
        );
        let half_way = hello().answer(TLS13).hidden(Client, &[69]).fin(Server);
        assert_eq!(half_way.verdict(), ("tls.server-closed", Likely, Outcome::TlsAbort));
        // Nothing ended it: that is for the rules about captures to say.
        assert_eq!(hello().answer(TLS13).verdict().0, "other");
        assert_eq!(hello().verdict().2, Outcome::Undetermined);
    }

    #[test]
    fn old_clients_are_a_hint_only() {
        let old = |hello: &mut crate::tls::ClientHello| {
            hello.supported_versions.clear();
            hello.version = ProtocolVersion::TLS_1_1;
        };
        let closed = Scene::hello(NAME).offering(old).fin(Server);
        assert_eq!(
            closed.verdict(),
            ("tls.server-closed-on-hello", Likely, Outcome::TlsAbort)
        );
        let finding = Scene::hello(NAME).offering(old).fin(Server).finding_beside(Vec::new());
        assert_eq!(finding.also_considered[0].rule.id, "tls.protocol-version");
    }

    /// A handshake that completed.
    fn passed(name: &str) -> Scene {
        Scene::hello(name)
            .answer(TLS13)
            .hidden(Client, &[69, 300])
            .hidden(Server, &[200])
    }

    #[test]
    fn other_handshakes_are_controls() {
        let refused = |alert| Scene::hello(NAME).alert(Server, alert).fin(Server);
        let name = ("tls.unrecognized-name", Likely, Outcome::TlsAbort);
        assert_eq!(refused(40).verdict_beside(vec![passed("other.example.com")]), name);
        assert_eq!(refused(80).verdict_beside(vec![passed("other.example.com")]), name);
        let other_suites = passed(NAME).offering(|hello| hello.cipher_suites = vec![0x1301]);
        let suites = ("tls.no-shared-cipher", Confirmed, Outcome::TlsAbort);
        assert_eq!(refused(40).verdict_beside(vec![other_suites]), suites);
    }

    #[test]
    fn split_hellos() {
        let long = |hello: &mut crate::tls::ClientHello| hello.key_share_groups = vec![0x11ec];
        let split = |arrived| Scene::hello(NAME).offering(long).split(2, arrived, 3);
        let dropped = "tls.hello-split-dropped";
        assert_eq!(split(400).verdict(), (dropped, Possible, Outcome::FirewallDrop));
        assert_eq!(
            split(400).verdict_beside(vec![passed(NAME)]),
            (dropped, Likely, Outcome::FirewallDrop)
        );
        let ignored = || Scene::hello(NAME).offering(long).split(2, 517, 0).fin(Server);
        assert_eq!(ignored().verdict().0, "tls.server-closed-on-hello");
        assert_eq!(
            ignored().verdict_beside(vec![passed(NAME)]),
            (dropped, Likely, Outcome::TlsAbort)
        );
        // Another split ClientHello passed: the split is not to blame.
        let also_split = passed(NAME).split(2, 517, 0);
        assert_eq!(
            ignored().verdict_beside(vec![passed(NAME), also_split]).0,
            "tls.server-closed-on-hello"
        );
    }

    #[test]
    fn hints_of_lengths() {
        let asked = || Scene::hello(NAME).answer(TLS13).hidden(Client, &[69, 253]);
        let refused = asked().hidden(Server, &[250, 250, 159, 19]).fin(Server);
        assert!(
            refused.clone().summary().contains("the empty 403 of uvicorn"),
            "{}",
            refused.summary()
        );
        let switched = asked()
            .hidden(Server, &[200])
            .hidden(Client, &[28])
            .hidden(Server, &[29])
            .hidden(Client, &[25])
            .fin(Client);
        assert!(
            switched.clone().summary().contains("as after a switch"),
            "{}",
            switched.summary()
        );
        let silent = asked().fin(Server).summary();
        assert!(silent.contains("left without an answer"), "{silent}");
        let http2 = asked()
            .offering(|hello| hello.alpn = vec![b"h2"[..].into()])
            .hidden(Server, &[159, 19])
            .fin(Server);
        assert!(!http2.summary().contains("hint"));
        for scene in [asked(), asked().fin(Client)] {
            assert_eq!(scene.verdict(), ("tls.opaque", Confirmed, Outcome::Undetermined));
        }
    }

    #[test]
    fn lengths_tell_what_cannot_be_an_upgrade() {
        // A record of TLS 1.3 is 17 octets longer than what it carries.
        let asked = |first: u16, alpn: &[&[u8]]| {
            Scene::hello(NAME)
                .offering(|hello| hello.alpn = alpn.iter().map(|&name| name.into()).collect())
                .answer(TLS13)
                .hidden(Client, &[69, first + 17, 60 + 17])
        };
        let answered = |first, alpn: &[&[u8]]| asked(first, alpn).hidden(Server, &[300]).tells_nothing();
        assert!(answered(79, &[]) && !answered(80, &[]), "with the 60 octets after it");
        assert!(answered(79, &[b"http/1.1"]) && !answered(80, &[b"http/1.1"]));
        let either: [&[u8]; 2] = [b"h2", b"http/1.1"];
        assert!(
            answered(139, &either) && !answered(140, &either),
            "the preface of HTTP/2"
        );
        assert!(!answered(64, &[b"h2"]), "it may want extended CONNECT");
        assert!(!asked(79, &[]).tells_nothing(), "without an answer it died");
    }

    #[test]
    fn http2_agreed_and_not_spoken() {
        let agreed = |scene: Scene| scene.with_tls(|tls| tls.alpn = Some(b"h2"[..].into()));
        let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";
        for version in [TLS12, TLS13] {
            let inside = agreed(Scene::hello(NAME).answer(version)).answered_inside(settings);
            assert_eq!(inside.verdict(), ("tls.alpn-h2-but-http11", Confirmed, Outcome::Broken));
        }
        let speechless = agreed(shown(certificate(NAME, false)))
            .record(Client, ContentType::Handshake, 40)
            .record(Server, ContentType::Handshake, 40);
        let settings_alone = speechless
            .clone()
            .record(Server, ContentType::ApplicationData, 40)
            .fin(Client);
        assert_eq!(
            settings_alone.verdict(),
            ("tls.alpn-h2-but-http11", Possible, Outcome::Broken)
        );
        assert_ne!(speechless.fin(Client).verdict().0, "tls.alpn-h2-but-http11");
        let outside = agreed(shown(certificate(NAME, false)))
            .record(Client, ContentType::Handshake, 40)
            .record(Server, ContentType::Handshake, 40)
            .record(Client, ContentType::ApplicationData, 300)
            .record(Server, ContentType::ApplicationData, 60)
            .fin(Server);
        let finding = outside.finding_beside(Vec::new());
        assert_eq!(finding.cause.unwrap().rule.id, "tls.opaque");
        assert_eq!(finding.also_considered[0].rule.id, "tls.alpn-h2-but-http11");
    }
}

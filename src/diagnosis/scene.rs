//! Hand-made connections with TLS or a WebSocket inside, told as a story, for the tests of rules.

use std::sync::Arc;

use crate::{
    attempt::{Attempt, CloseFrame, Pending, Session, Stage, Tls, Violation},
    capture::{PacketId, Time},
    diagnosis::{
        engine::{Finding, diagnose},
        rule::{Confidence, Outcome},
        sample::{NOW, Sample},
    },
    fingerprint::Author,
    survey::{Survey, Tally},
    tcp::{self, At, Data, Few, Flight, Marks, Place, Repeat, Reset, Seen, Side},
    tls::{self, Certificate, ClientHello, ContentType, Name, ProtocolVersion, ServerHello},
    websocket::{self, CloseCode},
};

/// A connection, as far as its story was told. Each thing that happens takes a packet and a millisecond.
#[derive(Clone)]
pub(super) struct Scene {
    attempt: Attempt,
    packet: u64,
    now: i64,
}

const MILLISECOND: i64 = 1_000_000;

impl Scene {
    /// A ClientHello for `name`, of one segment, acknowledged.
    pub(super) fn hello(name: &str) -> Self {
        let mut scene = Scene::begin();
        let seen = scene.sends(Side::Client, 517);
        scene.acknowledges(Side::Client);
        let facts = tls::Facts {
            client_hello: Some(client_hello(name)),
            ..tls::Facts::default()
        };
        scene.attempt.tls = Some(Box::new(Tls {
            facts,
            client_hello: Some(seen),
            hello_segments: 1,
            hello_end: 517,
            ..Tls::default()
        }));
        scene.attempt.stage = Stage::Tls;
        scene.attempt.request = None;
        scene
    }

    /// An accepted WebSocket.
    pub(super) fn open() -> Self {
        let mut scene = Scene::begin();
        scene.attempt = Sample::get("/ws").accepted().attempt();
        scene.packet = 10;
        scene.opens();
        scene.attempt.session = Some(Box::new(Session {
            framed: true,
            ..Session::default()
        }));
        scene
    }

    fn begin() -> Self {
        let mut scene = Scene {
            attempt: Sample::get("/ws").attempt(),
            packet: 0,
            now: NOW * 1000 * MILLISECOND,
        };
        scene.opens();
        scene
    }

    /// SYN and SYN-ACK.
    fn opens(&mut self) {
        for side in [Side::Client, Side::Server] {
            let seen = self.next();
            let direction = self.direction(side);
            direction.syns.push(seen);
            direction.first = Some(seen);
            direction.segments = 1;
        }
    }

    /// So many milliseconds pass.
    pub(super) fn wait(mut self, milliseconds: i64) -> Self {
        self.now += milliseconds * MILLISECOND;
        self
    }

    /// The ServerHello, and in TLS 1.3 a protected flight.
    pub(super) fn answer(mut self, version: u16) -> Self {
        let seen = self.sends(Side::Server, 1200);
        self.acknowledges(Side::Server);
        let tls13 = ProtocolVersion(version).is_tls13();
        let tls = self.tls();
        tls.server_first = Some(seen);
        tls.facts.server.records += 1;
        tls.facts.server_hello = Some(server_hello(version, if tls13 { 0x1302 } else { 0xc02f }));
        if tls13 {
            self.record(Side::Server, ContentType::ApplicationData, 900)
        } else {
            self
        }
    }

    /// The server's certificate in the clear, and the end of its flight.
    pub(super) fn certificate(mut self, certificate: Certificate) -> Self {
        let seen = self.next();
        let tls = self.tls();
        tls.certificate = Some(seen);
        tls.facts.certificates.push(certificate);
        tls.facts.certificate_requested = Some(false);
        self
    }

    /// The client's certificates before TLS 1.3.
    pub(super) fn client_certificates(mut self, chain: Vec<Certificate>) -> Self {
        self.sends(Side::Client, 100);
        self.tls().facts.client_certificates = Some(chain);
        self.record(Side::Client, ContentType::Handshake, 40)
    }

    /// A protected record.
    pub(super) fn record(mut self, side: Side, kind: ContentType, length: u16) -> Self {
        let seen = self.sends(side, u64::from(length) + 5);
        self.acknowledges(side);
        let facts = &mut self.tls().facts;
        let whose = if side == Side::Client {
            tls::Side::Client
        } else {
            tls::Side::Server
        };
        facts.encrypted.push(tls::EncryptedRecord {
            side: whose,
            kind,
            length,
        });
        let sent = if side == Side::Client {
            &mut facts.client
        } else {
            &mut facts.server
        };
        sent.records += 1;
        sent.encrypted_records += 1;
        sent.application_records += u64::from(kind == ContentType::ApplicationData);
        let complete = self.tls().facts.completed() != tls::Completion::No;
        let tls = self.tls();
        tls.last_record = Some((side, seen.at));
        if complete {
            tls.completed.get_or_insert(seen.at);
        }
        self
    }

    /// Protected records of TLS 1.3.
    pub(super) fn hidden(self, side: Side, lengths: &[u16]) -> Self {
        lengths.iter().fold(self, |scene, &length| {
            scene.record(side, ContentType::ApplicationData, length)
        })
    }

    /// A fatal alert in the clear.
    pub(super) fn alert(self, side: Side, description: u8) -> Self {
        self.alert_of_level(side, 2, description)
    }

    /// An alert in the clear.
    pub(super) fn alert_of_level(mut self, side: Side, level: u8, description: u8) -> Self {
        let seen = self.sends(side, 7);
        self.tls().alerts.push((side, tls::Alert { level, description }, seen));
        self
    }

    /// Plain octets of the server.
    pub(super) fn plain(mut self, octets: &[u8]) -> Self {
        let seen = self.sends(Side::Server, octets.len() as u64);
        self.tls().not_tls = Some((Side::Server, octets.to_vec(), seen));
        self
    }

    /// Inside of TLS, which can be read, a WebSocket is asked for by HTTP/1.1, and these octets come back.
    pub(super) fn answered_inside(mut self, octets: &[u8]) -> Self {
        self.attempt.request = Sample::get("/ws").attempt().request;
        let seen = self.sends(Side::Server, octets.len() as u64);
        self.attempt.not_http = Some(Box::new((octets.to_vec(), seen)));
        self.attempt.stage = Stage::Response;
        self
    }

    /// FIN.
    pub(super) fn fin(mut self, side: Side) -> Self {
        let seen = self.next();
        let direction = self.direction(side);
        direction.fin.get_or_insert(Box::new(seen));
        if self.attempt.is_upgraded() {
            self.attempt.stage = Stage::Closed;
        }
        self
    }

    /// A reset.
    pub(super) fn reset(mut self, side: Side) -> Self {
        let seen = self.next();
        self.connection().resets.push(Reset {
            seen,
            side,
            ack: true,
            place: Place::Exact,
            acknowledges: None,
            after_other: None,
            after_own: None,
            ttl_before: None,
            ip_id_before: None,
            timestamps_before: false,
            went_on: None,
            offset: None,
            round_trip: None,
        });
        self
    }

    /// The last packet has this TTL, others have 64.
    pub(super) fn with_ttl(mut self, ttl: u8) -> Self {
        let packet = PacketId::new(0, self.packet);
        let alert = self.attempt.tls.as_mut().and_then(|tls| tls.alerts.last_mut());
        if let Some((.., seen)) = alert.filter(|(.., seen)| seen.at.packet == packet) {
            seen.marks.ttl = ttl;
        }
        let connection = self.connection();
        for reset in connection
            .resets
            .iter_mut()
            .filter(|reset| reset.seen.at.packet == packet)
        {
            reset.seen.marks.ttl = ttl;
        }
        self
    }

    /// A ClientHello of so many segments, of which so many octets arrived and the others were sent again, in vain.
    pub(super) fn split(mut self, segments: u32, arrived: u64, repeats: u32) -> Self {
        self.tls().hello_segments = segments;
        for _ in 0..repeats {
            let seen = self.next();
            let repeat = Repeat {
                seen,
                offset: arrived,
                length: 300,
                acknowledged: false,
            };
            let client = self.direction(Side::Client);
            client.acknowledged = arrived;
            if let Some(data) = &mut client.data {
                data.repeats.push(repeat);
            }
        }
        self
    }

    /// What the ClientHello offers is changed.
    pub(super) fn offering(mut self, change: impl FnOnce(&mut ClientHello)) -> Self {
        self.tls().facts.client_hello.as_mut().map(change);
        self
    }

    /// What TLS showed is changed.
    pub(super) fn with_tls(mut self, change: impl FnOnce(&mut tls::Facts)) -> Self {
        change(&mut self.tls().facts);
        self
    }

    /// A message in a frame.
    pub(super) fn message(mut self, side: Side) -> Self {
        let seen = self.sends(side, 20);
        let session = self.session();
        let place = usize::from(side == Side::Server);
        session.frames[place] += 1;
        session.last_octets[place] = Some(seen.at);
        self
    }

    /// A ping without a pong.
    pub(super) fn ping(mut self, side: Side) -> Self {
        let seen = self.sends(side, 6);
        let pings = &mut self.session().pings[usize::from(side == Side::Server)];
        *pings = Some(pings.map_or((1, seen.at), |(count, since)| (count + 1, since)));
        self
    }

    /// A Close frame.
    pub(super) fn close(mut self, side: Side, code: Option<u16>, reason: &str) -> Self {
        let at = self.sends(side, 10).at;
        let (code, reason) = (code.map(CloseCode), reason.to_owned());
        self.session().closes.push(CloseFrame { side, code, reason, at });
        self.attempt.stage = Stage::Closed;
        self
    }

    /// A frame that breaks the rules.
    pub(super) fn violation(mut self, side: Side, kind: websocket::Violation) -> Self {
        let at = self.sends(side, 10).at;
        self.session().violations.push(Violation { side, kind, at });
        self
    }

    /// Frames of the server could not be followed to their end.
    pub(super) fn unread(mut self) -> Self {
        self.session().unread = [false, true];
        self
    }

    /// Whether there is nothing to tell of it.
    pub(super) fn tells_nothing(mut self) -> bool {
        self.attempt.presumed = true;
        self.attempt.is_ordinary()
    }

    /// The verdict, in a capture that holds nothing else.
    pub(super) fn verdict(self) -> (&'static str, Confidence, Outcome) {
        self.verdict_beside(Vec::new())
    }

    /// The verdict, in a capture that holds these as well.
    pub(super) fn verdict_beside(self, others: Vec<Scene>) -> (&'static str, Confidence, Outcome) {
        let finding = self.finding_beside(others);
        let cause = finding.cause.as_ref();
        let confidence = cause.map_or(Confidence::Possible, |verdict| verdict.found.confidence);
        (
            cause.map_or("none", |verdict| verdict.rule.id),
            confidence,
            finding.outcome,
        )
    }

    /// All that is found, in a capture that holds these as well.
    pub(super) fn finding_beside(self, others: Vec<Scene>) -> Finding {
        let attempts = std::iter::once(self).chain(others).map(|scene| scene.attempt);
        let attempts: Vec<Pending> = attempts.map(Pending::from).collect();
        let tally = Tally::default();
        let span = (Time(NOW * 1000 * MILLISECOND), Time((NOW + 3600) * 1000 * MILLISECOND));
        let survey = Survey::new(&attempts, &tally, span);
        diagnose(&attempts[0].attempt(), &survey, &Author::default())
    }

    /// Shows what TLS hints in words.
    pub(super) fn summary(self) -> String {
        self.finding_beside(Vec::new())
            .cause
            .unwrap()
            .found
            .summary
            .into_owned()
    }

    fn next(&mut self) -> Seen {
        self.packet += 1;
        self.now += MILLISECOND;
        let at = At {
            packet: PacketId::new(0, self.packet),
            time: Time(self.now),
        };
        self.connection().last = at;
        Seen {
            at,
            marks: Marks {
                ttl: 64,
                ip_id: None,
                window: 65_535,
                timestamp: None,
            },
        }
    }

    fn sends(&mut self, side: Side, octets: u64) -> Seen {
        let seen = self.next();
        let direction = self.direction(side);
        direction.first.get_or_insert(seen);
        direction.last = Some(seen.at);
        direction.segments += 1;
        direction.sent += octets;
        direction.data.get_or_insert_with(|| Box::new(data(seen))).last = seen.at;
        seen
    }

    /// The other side acknowledges all that `side` sent.
    fn acknowledges(&mut self, side: Side) {
        let at = self.next().at;
        self.direction(side.other()).last = Some(at);
        let direction = self.direction(side);
        direction.acknowledged = direction.sent;
        direction.acknowledged_at = Some(at);
    }

    fn tls(&mut self) -> &mut Tls {
        self.attempt.tls.as_mut().unwrap()
    }

    fn session(&mut self) -> &mut Session {
        self.attempt.session.as_mut().unwrap()
    }

    fn connection(&mut self) -> &mut tcp::Facts {
        Arc::make_mut(&mut self.attempt.connection)
    }

    fn direction(&mut self, side: Side) -> &mut tcp::Direction {
        let connection = self.connection();
        if side == Side::Client {
            &mut connection.from_client
        } else {
            &mut connection.from_server
        }
    }
}

/// A certificate for `name`, in order at the time of the capture.
pub(super) fn certificate(name: &str, self_signed: bool) -> Certificate {
    Certificate {
        subject: format!("CN={name}"),
        issuer: "CN=Issuer".to_owned(),
        common_name: Some(name.to_owned()),
        issuer_name: Some("Issuer".to_owned()),
        names: vec![Name::Dns(name.to_owned())],
        not_before: NOW - 86_400,
        not_after: NOW + 86_400,
        self_issued: self_signed,
        self_signed,
        key: "EC P-256".to_owned(),
        signature: "ecdsa-with-SHA256".to_owned(),
        is_ca: false,
        der_length: 500,
    }
}

fn client_hello(name: &str) -> ClientHello {
    ClientHello {
        version: ProtocolVersion::TLS_1_2,
        supported_versions: vec![ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2],
        random: [7; 32],
        session_id: Vec::new(),
        cipher_suites: vec![0x1302, 0xc02f],
        extensions: vec![0, 43],
        sni: Some(name.to_owned()),
        alpn: Vec::new(),
        groups: Vec::new(),
        point_formats: Vec::new(),
        signature_algorithms: Vec::new(),
        key_share_groups: Vec::new(),
        pre_shared_key: false,
        early_data: false,
        length: 512,
        complete: true,
    }
}

fn server_hello(version: u16, cipher_suite: u16) -> ServerHello {
    ServerHello {
        compression: 0,
        version: ProtocolVersion(version),
        random: [6; 32],
        session_id: Vec::new(),
        cipher_suite,
        extensions: Vec::new(),
        alpn: None,
        key_share_group: None,
        pre_shared_key: false,
        extended_master_secret: false,
        encrypt_then_mac: false,
    }
}

fn data(first: Seen) -> Data {
    Data {
        first,
        last: first.at,
        segments: 1,
        repeats: Few::default(),
        in_flight: Vec::<Flight>::new(),
        sacked: None,
        largest_passed: 0,
        gaps: Few::default(),
        missing: 0,
        beyond_hole: 0,
        conflicts: Few::default(),
    }
}

//! The catalogue tells every cause of the vocabulary, explains it, and is shown by fixtures to tell it from its look-alikes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use upgradescope::diagnosis::{Guide, Rule, catalogue};

use crate::fixtures::{Fixture, reports};

/// The closed list of causes that reports may name, part of the contract with whoever reads them.
pub(crate) struct Vocabulary {
    causes: BTreeMap<String, Cause>,
}

/// One cause of the vocabulary.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    id: String,
    /// Outcomes that it can come to.
    outcomes: Vec<String>,
    /// Who can have ended an attempt for it.
    said_by: Vec<String>,
    guide: Option<String>,
}

/// Captures in which a cause must be told, and look-alikes in which it must not. A case stands for its `client.pcap`.
type Shown = (&'static str, &'static [&'static str], &'static [&'static str]);

const SHOWN: &[Shown] = &[
    (
        "authn.missing-credentials",
        &[
            "bearer-missing-wrong-expired",
            "refusal-says-why",
            "node-verifyclient",
            "browser-refused",
            "spdy-exec-forbidden",
        ],
        &["nginx-deny", "nginx-origin-map", "no-websocket-library"],
    ),
    (
        "authn.invalid-credentials",
        &["basic-auth"],
        &["bearer-missing-wrong-expired", "refusal-says-why"],
    ),
    (
        "authn.invalid-token",
        &["bearer-missing-wrong-expired", "cookie-missing-wrong"],
        &["token-expired-alone", "basic-auth"],
    ),
    (
        "authn.expired-token",
        &[
            "bearer-missing-wrong-expired",
            "refusal-says-why",
            "token-expired-alone",
        ],
        &["cookie-missing-wrong", "role-insufficient"],
    ),
    (
        "authz.insufficient-role",
        &["role-insufficient", "refusal-says-why", "denial-response"],
        &["bearer-missing-wrong-expired", "cookie-missing-wrong"],
    ),
    (
        "authz.policy",
        &["tornado-refusals", "node-raw-refusals", "interim-100"],
        &["role-insufficient", "nginx-deny"],
    ),
    (
        "origin.not-allowed",
        &[
            "origin-wrong-missing-null",
            "nginx-origin-map",
            "tornado-refusals",
            "denial-response",
        ],
        &["nginx-deny", "waf-block-page", "bearer-missing-wrong-expired"],
    ),
    (
        "origin.missing",
        &["origin-wrong-missing-null"],
        &["bearer-missing-wrong-expired", "nginx-origin-map"],
    ),
    (
        "host.not-allowed",
        &["host-not-trusted"],
        &["bad-handshake", "wrong-backend"],
    ),
    (
        "route.not-found",
        &["node-raw-refusals", "wrong-backend"],
        &["proxy-strips-upgrade", "no-websocket-library"],
    ),
    (
        "route.trailing-slash",
        &["no-route"],
        &["wrong-backend", "browser-refused"],
    ),
    (
        "route.method-not-allowed",
        &["wrong-backend"],
        &["bad-handshake", "redirects"],
    ),
    (
        "handshake.missing-key",
        &["bad-handshake"],
        &["host-not-trusted", "upgrade-mangled"],
    ),
    (
        "handshake.bad-version",
        &["bad-handshake"],
        &["host-not-trusted", "upgrade-mangled"],
    ),
    (
        "handshake.bad-accept",
        &["bad-accept"],
        &["server-closes-without-answer", "upgraded-uvicorn"],
    ),
    (
        "upgrade.ignored",
        &["h2c-ignored"],
        &["no-websocket-library", "upgraded-h2c"],
    ),
    (
        "redirect.https",
        &["redirects"],
        &["plain-to-tls-port", "wrong-backend"],
    ),
    ("redirect.other", &["redirects"], &["wrong-backend", "basic-auth"]),
    ("limits.rate", &["rate-limits"], &["gateway-502-504", "syn-rate-limit"]),
    (
        "limits.header-too-large",
        &["too-large"],
        &["host-not-trusted", "bad-handshake"],
    ),
    (
        "limits.uri-too-long",
        &["too-large"],
        &["wrong-backend", "bad-handshake"],
    ),
    (
        "limits.body-too-large",
        &["too-large"],
        &["wrong-backend", "bad-handshake"],
    ),
    (
        "proxy.upgrade-header-stripped",
        &["proxy-strips-upgrade", "upgrade-mangled"],
        &["no-websocket-library", "wrong-backend"],
    ),
    (
        "proxy.deny-rule",
        &["nginx-deny", "haproxy-deny", "h2c-refused"],
        &["nginx-origin-map", "waf-block-page", "bearer-missing-wrong-expired"],
    ),
    (
        "proxy.connect-denied",
        &["connect-proxy"],
        &["nginx-deny", "haproxy-deny"],
    ),
    (
        "proxy.bad-gateway",
        &["gateway-502-504"],
        &["rate-limits", "exception-before-accept"],
    ),
    (
        "proxy.gateway-timeout",
        &["gateway-502-504"],
        &["client-gave-up", "capture-stops-early"],
    ),
    ("waf.block", &["waf-block-page"], &["nginx-deny", "block-page-injected"]),
    (
        "server.exception",
        &["exception-before-accept"],
        &["gateway-502-504", "server-resets"],
    ),
    (
        "server.ws-not-supported",
        &["no-websocket-library"],
        &["proxy-strips-upgrade", "wrong-backend"],
    ),
    (
        "server.closed-without-answer",
        &["server-closes-without-answer", "node-raw-refusals"],
        &["client-gave-up", "server-resets"],
    ),
    (
        "server.reset-after-request",
        &["server-resets", "node-raw-refusals"],
        &["request-reset", "reset-injected"],
    ),
    (
        "server.port-closed",
        &[
            "port-closed",
            "server-killed",
            "gateway-502-504/server.pcap",
            "loopback/lo.pcap",
        ],
        &["rejected-by-reset", "icmp-port-unreachable"],
    ),
    (
        "client.gave-up",
        &["client-gave-up"],
        &["capture-stops-early", "request-dropped"],
    ),
    (
        "firewall.silent-drop-syn",
        &[
            "syn-dropped",
            "syn-dropped-at-server/server.pcap",
            "synack-dropped",
            "two-interfaces/middle.pcapng",
        ],
        &[
            "syn-repeated-then-upgraded",
            "host-unreachable",
            "synack-dropped/server.pcap",
        ],
    ),
    (
        "firewall.drop-synack",
        &["synack-dropped/server.pcap"],
        &["syn-dropped-at-server/server.pcap", "synack-dropped"],
    ),
    (
        "firewall.reject-rst",
        &["rejected-by-reset"],
        &["port-closed", "server-killed"],
    ),
    (
        "firewall.icmp-admin-prohibited",
        &["icmp-admin-prohibited"],
        &["host-unreachable", "icmp-port-unreachable"],
    ),
    (
        "firewall.icmp-port-unreachable",
        &["icmp-port-unreachable", "icmp6-port-unreachable"],
        &["port-closed", "icmp-admin-prohibited"],
    ),
    (
        "firewall.l7-drop-after-request",
        &["request-dropped", "reset-injected-at-server"],
        &["client-gave-up", "response-dropped", "loss-survived"],
    ),
    (
        "firewall.l7-drop-response",
        &["response-dropped/server.pcap"],
        &["client-gave-up", "slow-then-upgraded"],
    ),
    (
        "firewall.rst-injected",
        &[
            "request-reset",
            "reset-injected",
            "reset-injected/server.pcap",
            "reset-injected-at-server/server.pcap",
        ],
        &["server-resets", "node-raw-refusals"],
    ),
    (
        "firewall.block-page",
        &["block-page-injected"],
        &["waf-block-page", "nginx-deny"],
    ),
    (
        "firewall.sni-drop",
        &["sni-dropped"],
        &["tls-handshake-timeout", "mtu-blackhole"],
    ),
    (
        "firewall.sni-rst",
        &["sni-reset"],
        &["closed-on-clienthello", "unrecognized-name"],
    ),
    (
        "firewall.rate-limit-drop",
        &["syn-rate-limit"],
        &["syn-dropped", "loss-survived"],
    ),
    (
        "firewall.mtu-blackhole",
        &["mtu-blackhole", "mtu-blackhole/server.pcap"],
        &["mtu-discovered", "tls-handshake-timeout"],
    ),
    (
        "firewall.idle-timeout",
        &["idle-timeout", "conntrack-timeout"],
        &["idle-timeout/server.pcap", "server-killed", "mid-stream"],
    ),
    (
        "network.host-unreachable",
        &["host-unreachable"],
        &["syn-dropped", "icmp-admin-prohibited"],
    ),
    (
        "tls.unknown-ca",
        &["unknown-ca-tls13", "unknown-ca-tls12"],
        &["certificate-expired", "hostname-mismatch"],
    ),
    (
        "tls.certificate-expired",
        &["certificate-expired"],
        &["unknown-ca-tls12", "hostname-mismatch"],
    ),
    (
        "tls.hostname-mismatch",
        &["hostname-mismatch"],
        &["unknown-ca-tls12", "certificate-expired"],
    ),
    (
        "tls.client-certificate-required",
        &["client-certificate-haproxy", "client-certificate-secrets"],
        &["unknown-ca-tls13", "certificate-rejected-silently"],
    ),
    (
        "tls.client-rejected-certificate",
        &["certificate-rejected-silently"],
        &["unknown-ca-tls13", "client-certificate-silent"],
    ),
    (
        "tls.protocol-version",
        &["tls-version"],
        &["no-shared-cipher", "tls-to-plain-port"],
    ),
    (
        "tls.no-shared-cipher",
        &["no-shared-cipher"],
        &["tls-version", "unrecognized-name"],
    ),
    (
        "tls.unrecognized-name",
        &["unrecognized-name"],
        &["sni-reset", "closed-on-clienthello"],
    ),
    (
        "tls.alpn-h2-but-http11",
        &["alpn-h2-but-http11"],
        &["tls-opaque-refused", "certificate-rejected-silently"],
    ),
    (
        "tls.handshake-timeout",
        &["tls-handshake-timeout"],
        &["sni-dropped", "mtu-blackhole"],
    ),
    (
        "tls.server-closed-on-hello",
        &["closed-on-clienthello"],
        &["unrecognized-name", "tls-to-plain-port"],
    ),
    (
        "tls.server-speaks-plaintext",
        &["tls-to-plain-port"],
        &["closed-on-clienthello", "plain-to-tls-port"],
    ),
    (
        "tls.plaintext-to-tls-port",
        &["plain-to-tls-port"],
        &["host-not-trusted", "tls-to-plain-port"],
    ),
    (
        "tls.opaque",
        &["tls-opaque-upgraded", "tls-opaque-refused"],
        &["mtu-blackhole", "unknown-ca-tls13"],
    ),
    (
        "session.policy-violation",
        &["close-codes"],
        &["upgraded-uvicorn", "refused-inside-session"],
    ),
    (
        "session.server-error",
        &["close-codes"],
        &["upgraded-uvicorn", "upgraded-deflate"],
    ),
    (
        "session.going-away",
        &["close-codes"],
        &["upgraded-uvicorn", "server-killed"],
    ),
    (
        "session.abnormal-close",
        &["close-codes", "server-killed"],
        &["upgraded-uvicorn", "upgraded-deflate"],
    ),
    (
        "capture.ended-early",
        &["capture-stops-early"],
        &["client-gave-up", "slow-then-upgraded"],
    ),
    (
        "capture.one-direction",
        &["one-direction/up-only.pcap"],
        &["response-dropped", "syn-dropped"],
    ),
    (
        "capture.gap",
        &["capture-gaps/no-answer.pcap"],
        &["client-gave-up", "one-direction/down-only.pcap"],
    ),
    (
        "capture.snaplen",
        &["snaplen-answer"],
        &["capture-gaps/no-answer.pcap", "capture-stops-early"],
    ),
    (
        "other",
        &["one-direction/down-only.pcap"],
        &["token-expired-alone", "no-route"],
    ),
];

/// Causes that no fixture shows yet. Nothing is to be added: what has a fixture is to be taken away.
const AWAITED: &[&str] = &[
    "authn.proxy-credentials",
    "origin.preflight-refused",
    "host.rewritten-by-proxy",
    "route.http-only",
    "handshake.bad-upgrade-header",
    "handshake.http10",
    "handshake.subprotocol-mismatch",
    "handshake.extension-mismatch",
    "handshake.data-after-101",
    "redirect.login",
    "proxy.unavailable",
    "proxy.idle-timeout",
    "proxy.protocol-mismatch",
    "waf.challenge",
    "server.overloaded",
    "server.truncated-response",
    "server.not-http",
    "server.not-accepting",
    "server.accept-queue-full",
    "server.no-answer",
    "firewall.icmp-host-prohibited",
    "firewall.fin-injected",
    "firewall.sni-fake-alert",
    "firewall.stateful-invalid-drop",
    "network.no-route",
    "network.ttl-exceeded",
    "network.loss",
    "network.request-never-arrived",
    "tls.certificate-revoked",
    "tls.bad-certificate",
    "tls.no-application-protocol",
    "tls.server-reset-on-hello",
    "tls.client-reset",
    "tls.client-closed",
    "tls.server-closed",
    "tls.hello-split-dropped",
    "tls.alert-other",
    "session.protocol-error",
    "session.message-too-big",
    "session.ping-timeout",
    "capture.mid-stream",
];

#[test]
fn every_cause_has_one_rule_and_every_rule_a_cause() {
    let vocabulary = Vocabulary::read();
    let mut rules: BTreeMap<&str, u32> = BTreeMap::new();
    for rule in catalogue() {
        *rules.entry(rule.id).or_default() += 1;
    }
    let causes: BTreeSet<&str> = vocabulary.causes.keys().map(String::as_str).collect();
    let told: BTreeSet<&str> = rules.keys().copied().collect();
    let twice: Vec<_> = rules.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "told by two rules: {twice:?}");
    assert!(
        told.is_subset(&causes),
        "not in the vocabulary: {:?}",
        told.difference(&causes)
    );
    assert!(
        causes.is_subset(&told),
        "told by no rule: {:?}",
        causes.difference(&told)
    );
}

#[test]
fn every_rule_explains_its_cause() {
    let (vocabulary, mut wrong) = (Vocabulary::read(), Vec::new());
    let ids: BTreeSet<&str> = catalogue().iter().map(|rule| rule.id).collect();
    for rule in catalogue() {
        wrong.extend(
            faults(rule, &ids)
                .into_iter()
                .map(|fault| format!("{}: {fault}", rule.id)),
        );
        let guide = vocabulary.causes.get(rule.id).and_then(|cause| cause.guide.as_deref());
        if rule.guide.map(Guide::name) != guide {
            wrong.push(format!("{}: the guide's cause is {guide:?}", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How wide a ladder may be, so that it fits into an indented terminal line.
const LADDER: usize = 72;

/// What is wrong with the texts of a rule.
fn faults(rule: &Rule, ids: &BTreeSet<&str>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |is_one: bool, text: String| {
        if is_one {
            faults.push(text)
        }
    };
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
    };
    fault(
        rule.id != "other" && !(rule.id.split('.').count() == 2 && rule.id.split('.').all(part)),
        "its id is malformed".into(),
    );
    fault(
        rule.name.is_empty() || rule.name.ends_with('.'),
        "its name is no heading".into(),
    );
    fault(rule.stages.is_empty(), "it is asked at no stage".into());
    for (what, text) in [("sees", rule.sees), ("means", rule.means)] {
        fault(!is_prose(text), format!("`{what}` is no text of sentences: {text:?}"));
    }
    fault(rule.ladder.lines().count() < 2, "it draws no ladder".into());
    let wide = rule
        .ladder
        .lines()
        .find(|line| line.chars().count() > LADDER || line.contains('\t'));
    fault(wide.is_some(), format!("its ladder is too wide: {wide:?}"));
    fault(
        rule.confused_with.is_empty() && rule.id != "other",
        "nothing that it is confused with is told".into(),
    );
    for (other, difference) in rule.confused_with {
        fault(
            !ids.contains(other) || *other == rule.id,
            format!("it cannot be confused with {other}"),
        );
        fault(difference.trim().len() < 10, format!("how {other} differs is not told"));
    }
    fault(rule.remedies.is_empty(), "there is no remedy".into());
    for remedy in rule.remedies {
        fault(!is_whole(remedy), format!("a remedy is no sentence: {remedy:?}"));
    }
    fault(
        rule.references.is_empty() && rule.id != "other",
        "it names no reference".into(),
    );
    faults
}

/// Whether this is at least one sentence.
fn is_prose(text: &str) -> bool {
    is_whole(text) && !text.starts_with(char::is_lowercase)
}

/// Whether this is text that begins and ends; a line of some program's configuration may be the end of it.
fn is_whole(text: &str) -> bool {
    let ends = text.ends_with(['.', '?', '”', ')', '`', ';', '}']);
    text.trim() == text && ends && text.contains(' ') && !text.contains("  ")
}

#[test]
fn every_cause_is_shown_by_fixtures_and_told_from_its_look_alikes() {
    let mut wrong = Vec::new();
    for (cause, shown, look_alikes) in SHOWN {
        if shown.is_empty() || look_alikes.is_empty() {
            wrong.push(format!(
                "{cause}: it needs a fixture in which it must be told, and one in which it must not"
            ));
        }
        for name in *shown {
            let Some((fixture, report)) = find(name) else {
                wrong.push(format!("{cause}: there is no fixture {name}"));
                continue;
            };
            let true_there = fixture
                .truths()
                .iter()
                .any(|truth| truth.admits(Some(cause)) && !truth.ordinary);
            if !true_there {
                wrong.push(format!("{cause}: that is not true of {name}"));
            }
            if !told(report).contains(cause) {
                wrong.push(format!("{cause}: it is not told in {name}"));
            }
        }
        for name in *look_alikes {
            match find(name) {
                None => wrong.push(format!("{cause}: there is no fixture {name}")),
                Some((_, report)) if told(report).contains(cause) => {
                    wrong.push(format!("{cause}: it is told in {name}"))
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_cause_is_shown_or_awaited() {
    let vocabulary = Vocabulary::read();
    let shown: BTreeSet<&str> = SHOWN.iter().map(|(cause, ..)| *cause).collect();
    let awaited: BTreeSet<&str> = AWAITED.iter().copied().collect();
    assert_eq!(
        shown.len() + awaited.len(),
        SHOWN.len() + AWAITED.len(),
        "a cause is listed twice"
    );
    let both: Vec<_> = shown.intersection(&awaited).collect();
    assert!(both.is_empty(), "awaited no longer: {both:?}");
    let listed: BTreeSet<&str> = shown.union(&awaited).copied().collect();
    let causes: BTreeSet<&str> = vocabulary.causes.keys().map(String::as_str).collect();
    let missing: Vec<_> = causes.symmetric_difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "neither shown nor awaited, or no cause: {missing:?}"
    );
    for (fixture, report) in reports() {
        let truths = fixture.truths();
        let true_there = truths
            .iter()
            .filter(|it| !it.optional && !it.unsure && it.cause.len() == 1)
            .filter_map(|it| it.first_cause());
        let mut shown = true_there.filter(|cause| awaited.contains(cause) && told(report).contains(cause));
        assert_eq!(shown.next(), None, "awaited no longer: {} shows it", fixture.name());
    }
}

/// The fixture of this name, and its report.
fn find(name: &str) -> Option<&'static (Fixture, Value)> {
    let (case, file) = name.split_once('/').unwrap_or((name, "client.pcap"));
    reports()
        .iter()
        .find(|(fixture, _)| fixture.case == case && fixture.file.trim_end_matches(".gz") == file)
}

/// The causes that a report tells.
fn told(report: &Value) -> BTreeSet<&str> {
    report["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|attempt| attempt["cause"]["id"].as_str())
        .collect()
}

impl Vocabulary {
    pub(crate) fn read() -> Self {
        let causes: Vec<Cause> = serde_json::from_str(include_str!("vocabulary.json")).unwrap();
        let count = causes.len();
        let causes: BTreeMap<String, Cause> = causes.into_iter().map(|cause| (cause.id.clone(), cause)).collect();
        assert_eq!(causes.len(), count, "a cause is listed twice");
        Vocabulary { causes }
    }

    /// How an attempt of a report breaks the vocabulary.
    pub(crate) fn breaches(&self, attempt: &Value) -> Vec<String> {
        let mut breaches = Vec::new();
        let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let cause = &attempt["cause"];
        let ids = attempt["also_considered"]
            .as_array()
            .into_iter()
            .flatten()
            .chain(Some(cause))
            .map(|it| words(&it["id"]));
        for id in ids.filter(|id| !id.is_empty() && !self.causes.contains_key(id)) {
            breaches.push(format!("there is no cause {id}"));
        }
        if let Some(known) = self.causes.get(&words(&cause["id"])) {
            let (outcome, said_by) = (words(&attempt["outcome"]), words(&cause["said_by"]));
            if !known.outcomes.contains(&outcome) {
                breaches.push(format!(
                    "{} does not come to {outcome}, but to {:?}",
                    known.id, known.outcomes
                ));
            }
            if !known.said_by.contains(&said_by) {
                breaches.push(format!(
                    "{} is not said by {said_by}, but by {:?}",
                    known.id, known.said_by
                ));
            }
        }
        breaches
    }
}

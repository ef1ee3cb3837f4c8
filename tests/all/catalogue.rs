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

/// So many look-alikes a cause needs; one of them at least comes so far that its rule is asked there.
const LOOK_ALIKES: usize = 2;

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
        "authn.proxy-credentials",
        &["proxy-wants-credentials"],
        &[
            "proxy-wants-credentials/look-alikes.pcap",
            "connect-proxy",
            "basic-auth",
        ],
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
        &[
            "host-rewritten",
            "nginx-deny",
            "waf-block-page",
            "bearer-missing-wrong-expired",
        ],
    ),
    (
        "origin.missing",
        &["origin-wrong-missing-null"],
        &["bearer-missing-wrong-expired", "nginx-origin-map"],
    ),
    (
        "origin.preflight-refused",
        &["preflight-by-curl"],
        &["preflight-refused", "origin-wrong-missing-null", "h2c-refused"],
    ),
    (
        "host.not-allowed",
        &["host-not-trusted"],
        &["bad-handshake", "wrong-backend"],
    ),
    (
        "host.rewritten-by-proxy",
        &["host-rewritten"],
        &[
            "host-rewritten/look-alikes.pcap",
            "tornado-refusals",
            "nginx-origin-map",
        ],
    ),
    (
        "route.not-found",
        &["node-raw-refusals", "wrong-backend"],
        &["http-only-route", "proxy-strips-upgrade", "no-websocket-library"],
    ),
    (
        "route.http-only",
        &["http-only-route"],
        &["http-only-route/look-alikes.pcap", "no-route", "no-websocket-library"],
    ),
    (
        "route.method-not-allowed",
        &["wrong-backend"],
        &["bad-handshake", "redirects"],
    ),
    (
        "route.trailing-slash",
        &["no-route"],
        &["wrong-backend", "browser-refused"],
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
        "handshake.bad-upgrade-header",
        &["upgrade-field-wrong"],
        &["bad-handshake", "h2c-refused", "upgrade-mangled"],
    ),
    (
        "handshake.http10",
        &["http10-upgrade"],
        &["http10-upgrade/look-alikes.pcap", "bad-handshake"],
    ),
    (
        "handshake.bad-accept",
        &["bad-accept"],
        &[
            "subprotocol-not-offered",
            "server-closes-without-answer",
            "upgraded-uvicorn",
        ],
    ),
    (
        "handshake.subprotocol-mismatch",
        &["subprotocol-not-offered"],
        &[
            "subprotocol-not-offered/look-alikes.pcap",
            "bad-accept",
            "extension-not-offered",
        ],
    ),
    (
        "handshake.extension-mismatch",
        &["extension-not-offered"],
        &[
            "extension-not-offered/look-alikes.pcap",
            "upgraded-deflate",
            "frames-broken",
        ],
    ),
    (
        "handshake.data-after-101",
        &["http-after-101"],
        &["http-after-101/look-alikes.pcap", "bad-accept", "frames-broken"],
    ),
    (
        "upgrade.ignored",
        &["h2c-ignored"],
        &["no-websocket-library", "upgraded-h2c"],
    ),
    (
        "redirect.https",
        &["redirects"],
        &["login-redirect", "plain-to-tls-port", "wrong-backend"],
    ),
    (
        "redirect.login",
        &["login-redirect"],
        &["login-redirect/look-alikes.pcap", "redirects"],
    ),
    (
        "redirect.other",
        &["redirects"],
        &["login-redirect", "wrong-backend", "basic-auth"],
    ),
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
        &["proxy-wants-credentials", "nginx-deny", "haproxy-deny"],
    ),
    (
        "proxy.bad-gateway",
        &["gateway-502-504"],
        &["no-backend", "rate-limits", "exception-before-accept"],
    ),
    (
        "proxy.unavailable",
        &["no-backend"],
        &[
            "server-overloaded",
            "server-overloaded/look-alikes.pcap",
            "gateway-502-504",
        ],
    ),
    (
        "proxy.gateway-timeout",
        &["gateway-502-504"],
        &["client-gave-up", "capture-stops-early"],
    ),
    (
        "proxy.idle-timeout",
        &["proxy-idle-timeout"],
        &["proxy-idle-timeout/look-alikes.pcap", "idle-timeout", "server-killed"],
    ),
    (
        "proxy.protocol-mismatch",
        &["proxy-header-not-understood"],
        &[
            "proxy-header-not-understood/look-alikes.pcap",
            "proxy-protocol",
            "host-not-trusted",
        ],
    ),
    (
        "waf.block",
        &["waf-block-page"],
        &["bot-challenge", "nginx-deny", "block-page-injected"],
    ),
    (
        "waf.challenge",
        &["bot-challenge"],
        &["bot-challenge/look-alikes.pcap", "waf-block-page"],
    ),
    (
        "server.exception",
        &["exception-before-accept"],
        &["gateway-502-504", "server-resets"],
    ),
    (
        "server.overloaded",
        &["server-overloaded"],
        &["no-backend", "server-overloaded/look-alikes.pcap", "rate-limits"],
    ),
    (
        "server.ws-not-supported",
        &["no-websocket-library"],
        &["proxy-strips-upgrade", "wrong-backend"],
    ),
    (
        "server.closed-without-answer",
        &["server-closes-without-answer", "node-raw-refusals"],
        &["fin-injected", "client-gave-up", "server-resets"],
    ),
    (
        "server.reset-after-request",
        &["server-resets", "node-raw-refusals"],
        &["request-reset", "reset-injected"],
    ),
    (
        "server.truncated-response",
        &["answer-truncated"],
        &[
            "answer-truncated/look-alikes.pcap",
            "capture-gaps/no-answer.pcap",
            "server-closes-without-answer",
        ],
    ),
    (
        "server.not-http",
        &["not-http"],
        &["answer-truncated", "http-after-101", "plain-to-tls-port"],
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
        "server.not-accepting",
        &["not-accepting"],
        &["no-answer", "client-gave-up"],
    ),
    (
        "server.accept-queue-full",
        &["accept-queue-full"],
        &["not-accepting", "syn-dropped", "synack-dropped/server.pcap"],
    ),
    (
        "server.no-answer",
        &["no-answer"],
        &["no-answer/look-alikes.pcap", "client-gave-up", "request-dropped"],
    ),
    (
        "client.gave-up",
        &["client-gave-up"],
        &["no-answer", "capture-stops-early", "request-dropped"],
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
        &["icmp-host-prohibited", "host-unreachable", "icmp-port-unreachable"],
    ),
    (
        "firewall.icmp-host-prohibited",
        &["icmp-host-prohibited"],
        &["icmp-admin-prohibited", "host-unreachable"],
    ),
    (
        "firewall.icmp-port-unreachable",
        &["icmp-port-unreachable", "icmp6-port-unreachable"],
        &["port-closed", "icmp-admin-prohibited"],
    ),
    (
        "firewall.l7-drop-after-request",
        &["request-dropped", "reset-injected-at-server"],
        &["loss-fatal", "client-gave-up", "response-dropped", "loss-survived"],
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
        "firewall.fin-injected",
        &["fin-injected"],
        &[
            "fin-injected/look-alikes.pcap",
            "server-closes-without-answer",
            "alert-forged",
        ],
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
        &["reset-on-clienthello", "closed-on-clienthello", "unrecognized-name"],
    ),
    (
        "firewall.sni-fake-alert",
        &["alert-forged"],
        &["unrecognized-name", "no-shared-cipher", "tls-alert-other"],
    ),
    (
        "firewall.rate-limit-drop",
        &["syn-rate-limit"],
        &["syn-dropped", "loss-survived"],
    ),
    (
        "firewall.stateful-invalid-drop",
        &["state-lost"],
        &["state-lost/look-alikes.pcap", "idle-timeout", "loss-survived"],
    ),
    (
        "firewall.mtu-blackhole",
        &["mtu-blackhole", "mtu-blackhole/server.pcap"],
        &["mtu-discovered", "tls-handshake-timeout"],
    ),
    (
        "firewall.idle-timeout",
        &["idle-timeout", "conntrack-timeout"],
        &["state-lost", "idle-timeout/server.pcap", "server-killed", "mid-stream"],
    ),
    (
        "network.host-unreachable",
        &["host-unreachable"],
        &["icmp-no-route", "syn-dropped", "icmp-admin-prohibited"],
    ),
    (
        "network.no-route",
        &["icmp-no-route"],
        &["icmp-ttl-exceeded", "host-unreachable"],
    ),
    (
        "network.ttl-exceeded",
        &["icmp-ttl-exceeded"],
        &["icmp-no-route", "host-unreachable"],
    ),
    (
        "network.loss",
        &["loss-fatal"],
        &["request-dropped", "loss-survived", "state-lost/look-alikes.pcap"],
    ),
    (
        "network.request-never-arrived",
        &["request-never-arrived/server.pcap"],
        &["request-dropped/server.pcap", "request-never-arrived/look-alikes.pcap"],
    ),
    (
        "tls.unknown-ca",
        &["unknown-ca-tls13", "unknown-ca-tls12"],
        &["certificate-bad", "certificate-expired", "hostname-mismatch"],
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
        "tls.certificate-revoked",
        &["certificate-revoked"],
        &[
            "certificate-revoked/look-alikes.pcap",
            "certificate-bad",
            "certificate-expired",
        ],
    ),
    (
        "tls.bad-certificate",
        &["certificate-bad"],
        &["certificate-revoked", "unknown-ca-tls12", "hostname-mismatch"],
    ),
    (
        "tls.client-rejected-certificate",
        &["certificate-rejected-silently"],
        &["unknown-ca-tls13", "client-certificate-silent"],
    ),
    (
        "tls.client-certificate-required",
        &["client-certificate-haproxy", "client-certificate-secrets"],
        &["unknown-ca-tls13", "certificate-rejected-silently"],
    ),
    (
        "tls.protocol-version",
        &["tls-version"],
        &["no-shared-cipher", "tls-to-plain-port"],
    ),
    (
        "tls.no-shared-cipher",
        &["no-shared-cipher"],
        &["alert-forged", "tls-version", "unrecognized-name"],
    ),
    (
        "tls.no-application-protocol",
        &["no-application-protocol"],
        &["no-application-protocol/look-alikes.pcap", "unrecognized-name"],
    ),
    (
        "tls.unrecognized-name",
        &["unrecognized-name"],
        &["no-application-protocol", "sni-reset", "closed-on-clienthello"],
    ),
    (
        "tls.handshake-timeout",
        &["tls-handshake-timeout"],
        &["tls-client-closes", "sni-dropped", "mtu-blackhole"],
    ),
    (
        "tls.server-closed-on-hello",
        &["closed-on-clienthello"],
        &["unrecognized-name", "tls-to-plain-port"],
    ),
    (
        "tls.server-reset-on-hello",
        &["reset-on-clienthello"],
        &[
            "reset-on-clienthello/look-alikes.pcap",
            "sni-reset",
            "closed-on-clienthello",
        ],
    ),
    (
        "tls.client-reset",
        &["tls-client-resets"],
        &["tls-client-closes", "certificate-rejected-silently"],
    ),
    (
        "tls.client-closed",
        &["tls-client-closes"],
        &[
            "tls-client-closes/look-alikes.pcap",
            "tls-client-resets",
            "certificate-rejected-silently",
        ],
    ),
    (
        "tls.server-closed",
        &["tls-server-closes"],
        &["tls-server-closes/look-alikes.pcap", "closed-on-clienthello"],
    ),
    (
        "tls.server-speaks-plaintext",
        &["tls-to-plain-port"],
        &["closed-on-clienthello", "plain-to-tls-port"],
    ),
    (
        "tls.alpn-h2-but-http11",
        &["h2-agreed-http11-spoken", "alpn-h2-but-http11/tls13.pcap"],
        &[
            "no-application-protocol/look-alikes.pcap",
            "not-http",
            "tls-opaque-refused",
        ],
    ),
    (
        "tls.hello-split-dropped",
        &["clienthello-split"],
        &["clienthello-split/look-alikes.pcap", "sni-dropped", "mtu-blackhole"],
    ),
    (
        "tls.alert-other",
        &["tls-alert-other"],
        &["tls-alert-other/look-alikes.pcap", "certificate-bad", "alert-forged"],
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
        &["message-too-big", "upgraded-uvicorn", "refused-inside-session"],
    ),
    (
        "session.server-error",
        &["close-codes"],
        &["pings-unanswered", "upgraded-uvicorn", "upgraded-deflate"],
    ),
    (
        "session.protocol-error",
        &["frames-broken"],
        &["close-codes", "message-too-big"],
    ),
    (
        "session.message-too-big",
        &["message-too-big"],
        &["message-too-big/look-alikes.pcap", "close-codes"],
    ),
    (
        "session.going-away",
        &["close-codes"],
        &["upgraded-uvicorn", "server-killed"],
    ),
    (
        "session.abnormal-close",
        &["close-codes", "server-killed"],
        &["proxy-idle-timeout", "upgraded-uvicorn", "upgraded-deflate"],
    ),
    (
        "session.ping-timeout",
        &["pings-unanswered"],
        &["pings-unanswered/look-alikes.pcap", "close-codes", "proxy-idle-timeout"],
    ),
    (
        "capture.ended-early",
        &["capture-stops-early"],
        &["client-gave-up", "slow-then-upgraded"],
    ),
    (
        "capture.mid-stream",
        &["mid-stream-silent"],
        &[
            "mid-stream-silent/look-alikes.pcap",
            "one-direction/down-only.pcap",
            "capture-gaps/no-request.pcap",
        ],
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
    let listed: Vec<&str> = SHOWN.iter().map(|(cause, ..)| *cause).collect();
    let causes: Vec<String> = Vocabulary::read().causes.into_keys().collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, causes, "each cause is listed once");
    for (cause, shown, look_alikes) in SHOWN {
        let mut say = |text: String| wrong.push(format!("{cause}: {text}"));
        let all: BTreeSet<&str> = shown.iter().chain(*look_alikes).copied().collect();
        if all.len() < shown.len() + look_alikes.len() {
            say("a fixture is listed twice".into());
        }
        if shown.is_empty() || look_alikes.len() < LOOK_ALIKES {
            say(format!(
                "it needs a fixture in which it is told, and {LOOK_ALIKES} in which it is not"
            ));
        }
        for name in all {
            match find(name) {
                None => say(format!("there is no fixture {name}")),
                Some((fixture, report)) => {
                    let fault = if shown.contains(&name) {
                        shows_not(cause, fixture, report)
                    } else {
                        told(report).contains(cause).then_some("is told")
                    };
                    fault.into_iter().for_each(|fault| say(format!("it {fault} in {name}")));
                }
            }
        }
        if !look_alikes
            .iter()
            .any(|name| find(name).is_some_and(|(_, report)| is_asked(cause, report)))
        {
            say("its rule is asked in none of its look-alikes: none is close".into());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Why this fixture does not show the cause.
fn shows_not(cause: &str, fixture: &Fixture, report: &Value) -> Option<&'static str> {
    let mut truths = fixture.truths().into_iter();
    let is_true = truths.any(|truth| truth.admits(Some(cause)) && !truth.ordinary);
    match (is_true, told(report).contains(cause)) {
        (true, true) => None,
        (false, _) => Some("is not true"),
        (true, false) => Some("is not told"),
    }
}

/// Whether an attempt comes so far that the cause's rule is asked about it.
fn is_asked(cause: &str, report: &Value) -> bool {
    let stages = catalogue().iter().find(|rule| rule.id == cause).map(|rule| rule.stages);
    let mut stages = stages.into_iter().flatten().map(|stage| stage.name());
    let attempts = report["attempts"].as_array().unwrap();
    stages.any(|stage| attempts.iter().any(|attempt| attempt["stage"] == stage))
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

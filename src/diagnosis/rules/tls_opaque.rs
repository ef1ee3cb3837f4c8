//! TLS completed and its inside cannot be read.

use crate::{
    attempt::Stage,
    diagnosis::rule::{Case, Confidence, Match, Outcome, Rule, SaidBy},
};

pub(super) const RULE: Rule = Rule {
    id: "tls.opaque",
    name: "inside of TLS not readable",
    guide: None,
    stages: &[Stage::Tls],
    sees: "The TLS handshake completes and protected records go both ways. Request and answer are in them, and the secrets to \
           read them are not at hand.",
    means: "Whether an upgrade was asked for, and what was answered, cannot be told from the outside. Sizes and timing may hint \
            at the answer; a hint is not a verdict.",
    ladder: "client                      server\n\
             |--- ClientHello ----------->|\n\
             |<-- ServerHello, ... -------|\n\
             |--- protected records ----->|\n\
             |<-- protected records ------|",
    confused_with: &[("tls.handshake-timeout", "there the handshake does not complete")],
    remedies: &[
        "Capture again with the client's or server's TLS secrets: set SSLKEYLOGFILE for the client, or capture behind the point \
         where TLS ends.",
    ],
    references: &["RFC 8446 section 5.2", "NSS key log format"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let tls = case.attempt.tls.as_ref().filter(|tls| tls.is_complete())?;
    let completed = tls.completed?;
    let summary = "TLS completed; what was asked and answered inside it cannot be read without its secrets.";
    let found = Match::new(Confidence::Confirmed, Outcome::Undetermined, SaidBy::Unknown, summary).shown_by(
        completed.packet,
        "the TLS handshake is complete; from here on everything is protected",
    );
    Some(found)
}

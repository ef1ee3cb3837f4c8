//! What a rule is: one cause, its explanation, and the check that tells it.

use crate::{
    attempt::{Attempt, Stage},
    capture::PacketId,
    fingerprint::Author,
    survey::Survey,
};

/// One cause of the catalogue: the text that explains it and the check that tells it.
pub struct Rule {
    /// The cause's id in the vocabulary.
    pub id: &'static str,
    /// A short name, for headings.
    pub name: &'static str,
    /// Which of the well-known guide's five causes it belongs to.
    pub guide: Option<Guide>,
    /// Stages at which it is asked.
    pub stages: &'static [Stage],
    /// What is to be seen in the capture.
    pub sees: &'static str,
    /// Why that means this cause.
    pub means: &'static str,
    /// A small packet ladder.
    pub ladder: &'static str,
    /// What it is easily confused with: other causes' ids, and how to tell them apart.
    pub confused_with: &'static [(&'static str, &'static str)],
    /// What to do.
    pub remedies: &'static [&'static str],
    /// RFC sections and makers' documentation.
    pub references: &'static [&'static str],
    /// Whether, and how surely, an attempt failed for this cause.
    pub check: fn(&Case<'_>) -> Option<Match>,
}

/// The five causes of the well-known guide to the "WebSocket 403".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guide {
    /// Who are you?
    Authentication,
    /// May you?
    Authorization,
    /// From which Origin?
    Cors,
    /// Something on the way.
    Firewall,
    /// The server side.
    Server,
}

/// What a rule may look at.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The facts of the attempt.
    pub attempt: &'a Attempt,
    /// The facts of all the others.
    pub survey: &'a Survey<'a>,
    /// Who wrote the answer, as far as its marks tell.
    pub author: &'a Author,
}

/// How sure a verdict is; the order is from weak to strong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Compatible, not shown.
    Possible,
    /// One usual reading; the marks agree.
    Likely,
    /// The capture holds the proof.
    Confirmed,
}

/// How an attempt ended: the contract's closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The switch was accepted.
    Upgraded,
    /// HTTP 403, whoever wrote it.
    Server403,
    /// Another final status, or a 200 that ignores the upgrade.
    Refused,
    /// The TLS handshake did not complete, for a reason of the two ends.
    TlsAbort,
    /// Something between the ends dropped, rejected or reset it.
    FirewallDrop,
    /// Closed port, no route, no host.
    Unreachable,
    /// Upgraded, then cut by something other than the two ends' own will.
    Lost,
    /// An answer that is no valid handshake, or none at all before the end.
    Broken,
    /// The client gave up first.
    Abandoned,
    /// The capture cannot tell.
    Undetermined,
}

/// Who ended an attempt: the contract's closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SaidBy {
    /// The client.
    Client,
    /// The server's application.
    Application,
    /// A reverse or forward proxy.
    Proxy,
    /// A web application firewall.
    Waf,
    /// A packet filter or another box on the way.
    Firewall,
    /// The server's operating system.
    ServerHost,
    /// The network: routers, loss.
    Network,
    /// It cannot be told.
    Unknown,
}

/// A rule's word on an attempt.
#[derive(Clone, Debug)]
pub struct Match {
    /// How sure it is.
    pub confidence: Confidence,
    /// Between matches of equal confidence the greater weight wins: how specific the marks are, 0 to 100; 50 is usual.
    pub weight: u8,
    /// The outcome that this cause comes to.
    pub outcome: Outcome,
    /// Who ended the attempt.
    pub said_by: SaidBy,
    /// One sentence about this very attempt.
    pub summary: String,
    /// The packets that it rests on.
    pub evidence: Vec<Evidence>,
    /// Remedies that look at the situation; they come before the rule's own.
    pub remedies: Vec<String>,
    /// What speaks against it, or what would have to be seen to be sure: told if another cause wins.
    pub doubt: Option<String>,
}

/// One thing that the capture shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// The packet that shows it.
    pub packet: PacketId,
    /// What it shows.
    pub text: String,
}

//! What a rule is: one cause, its explanation, and the check that tells it.

use std::borrow::Cow;

use crate::{
    attempt::{Attempt, Stage},
    capture::PacketId,
    diagnosis::known::Known,
    fingerprint::Author,
    survey::Survey,
};

/// A text about an attempt: often one that the program holds, so that 200,000 attempts share it.
pub type Text = Cow<'static, str>;

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
    /// What rules derived of it before.
    pub(super) known: &'a Known<'a>,
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
    pub summary: Text,
    /// The packets that it rests on.
    pub evidence: Vec<Evidence>,
    /// Remedies that look at the situation; they come before the rule's own.
    pub remedies: Vec<Text>,
    /// What speaks against it, or what would have to be seen to be sure: told if another cause wins.
    pub doubt: Option<Text>,
}

/// One thing that the capture shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// The packet that shows it.
    pub packet: PacketId,
    /// What it shows.
    pub text: Text,
}

impl Evidence {
    /// What `packet` shows.
    pub fn new(packet: PacketId, text: impl Into<Text>) -> Self {
        let text = text.into();
        Evidence { packet, text }
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Rule({})", self.id)
    }
}

impl Guide {
    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Guide::Authentication => "authentication",
            Guide::Authorization => "authorization",
            Guide::Cors => "cors",
            Guide::Firewall => "firewall",
            Guide::Server => "server",
        }
    }
}

impl Confidence {
    /// The contract's word.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::Confirmed => "confirmed",
        }
    }
}

impl Outcome {
    /// The contract's word.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Upgraded => "upgraded",
            Outcome::Server403 => "server-403",
            Outcome::Refused => "refused",
            Outcome::TlsAbort => "tls-abort",
            Outcome::FirewallDrop => "firewall-drop",
            Outcome::Unreachable => "unreachable",
            Outcome::Lost => "lost",
            Outcome::Broken => "broken",
            Outcome::Abandoned => "abandoned",
            Outcome::Undetermined => "undetermined",
        }
    }

    /// Whether the attempt failed: it did not unless something is known to have gone wrong.
    pub fn is_failure(self) -> bool {
        !matches!(self, Outcome::Upgraded | Outcome::Undetermined)
    }

    /// The outcome of an answer that is no switch, by its status.
    pub fn of_status(status: u16) -> Outcome {
        if status == 403 {
            Outcome::Server403
        } else {
            Outcome::Refused
        }
    }
}

impl SaidBy {
    /// The contract's word.
    pub fn name(self) -> &'static str {
        match self {
            SaidBy::Client => "client",
            SaidBy::Application => "application",
            SaidBy::Proxy => "proxy",
            SaidBy::Waf => "waf",
            SaidBy::Firewall => "firewall",
            SaidBy::ServerHost => "server-host",
            SaidBy::Network => "network",
            SaidBy::Unknown => "unknown",
        }
    }
}

impl Match {
    /// A match of usual weight.
    pub fn new(confidence: Confidence, outcome: Outcome, said_by: SaidBy, summary: impl Into<Text>) -> Self {
        Match {
            confidence,
            weight: 50,
            outcome,
            said_by,
            summary: summary.into(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            doubt: None,
        }
    }

    /// Rests on `packet`, which shows `text`.
    pub fn shown_by(mut self, packet: PacketId, text: impl Into<Text>) -> Self {
        self.evidence.push(Evidence::new(packet, text));
        self
    }

    /// Rests on these as well.
    pub fn shown_by_all(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// With this weight.
    pub fn weighing(mut self, weight: u8) -> Self {
        self.weight = weight;
        self
    }

    /// With a remedy that looks at the situation.
    pub fn advising(mut self, remedy: impl Into<Text>) -> Self {
        self.remedies.push(remedy.into());
        self
    }

    /// With what speaks against it.
    pub fn but(mut self, doubt: impl Into<Text>) -> Self {
        self.doubt = Some(doubt.into());
        self
    }
}

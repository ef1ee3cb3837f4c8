//! What a client could hold against the certificates that a server showed in the clear.

use crate::{
    attempt::Tls,
    diagnosis::{rule::Case, tls_handshake::server_name},
    http::printable,
    tcp::At,
    tls::{Certificate, Name},
};

/// The server's certificates, leaf first, and the packet that shows them.
pub(super) struct Chain<'a> {
    tls: &'a Tls,
    certificates: &'a [Certificate],
    leaf: &'a Certificate,
    /// Where they are shown.
    pub(super) at: At,
    /// The capture's clock at the handshake, in seconds since 1970, if it can be true.
    now: Option<i64>,
}

/// Why a client that was told nothing about the issuer would not trust it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distrust {
    /// The leaf vouches for itself.
    SelfSigned,
    /// The chain ends in a root of its own, which public servers do not send.
    PrivateRoot,
    /// The leaf came alone: its issuer must be known to the client already.
    Alone,
}

/// TLS has certificates that X.509 could date since 1999; a clock before 2000 was never set.
const CLOCK_UNSET: i64 = 946_684_800;

impl<'a> Chain<'a> {
    /// The chain; `None` if it is hidden, as in TLS 1.3 without secrets, or was not sent.
    pub(super) fn of(case: &Case<'a>) -> Option<Self> {
        let tls = case.attempt.tls.as_deref()?;
        let certificates = tls.facts.certificates.as_slice();
        let leaf = certificates.first()?;
        let at = tls.certificate.or(tls.server_first)?.at;
        let now = Some(at.time.0.div_euclid(1_000_000_000)).filter(|&now| now >= CLOCK_UNSET);
        Some(Chain {
            tls,
            certificates,
            leaf,
            at,
            now,
        })
    }

    /// The leaf in a few words, for evidence.
    pub(super) fn in_words(&self) -> String {
        let issuer = match self.distrust() {
            Some(Distrust::SelfSigned) => "signed by itself".to_owned(),
            _ => format!("issued by {}", name_of(self.leaf.issuer_name.as_deref())),
        };
        format!("certificate for {}, {issuer}", self.names())
    }

    /// What is wrong with the dates, by the capture's clock.
    pub(super) fn dates(&self) -> Option<String> {
        let now = self.now?;
        let wrong = self
            .certificates
            .iter()
            .enumerate()
            .find(|(_, certificate)| !certificate.is_valid_at(now));
        let (place, certificate) = wrong?;
        let which = match place {
            0 => "the server's certificate".to_owned(),
            _ => format!(
                "the certificate of {} in the server's chain",
                name_of(certificate.common_name.as_deref())
            ),
        };
        Some(if now > certificate.not_after {
            format!(
                "{which} had expired {} before",
                span(now.saturating_sub(certificate.not_after))
            )
        } else {
            format!(
                "{which} becomes valid only {} later",
                span(certificate.not_before.saturating_sub(now))
            )
        })
    }

    /// Whether the name asked for is not among those of the leaf; `None` if it is, or if no name was asked for.
    pub(super) fn wrong_name(&self) -> Option<String> {
        let hello = self.tls.facts.client_hello.as_ref()?;
        let asked = hello.sni.as_ref().filter(|asked| !self.leaf.matches(asked))?;
        Some(format!(
            "the server's certificate is for {}, not for {}",
            self.names(),
            printable(asked.as_bytes(), 120)
        ))
    }

    /// Whether the client asked for no name, as one does that was given an address (RFC 6066 section 3), and the leaf bears
    /// no address.
    pub(super) fn lacks_address(&self) -> bool {
        server_name(self.tls).is_none() && !self.leaf.names.iter().any(|name| matches!(name, Name::Ip(_)))
    }

    /// Why a client that does not know this very issuer would not trust it.
    pub(super) fn distrust(&self) -> Option<Distrust> {
        let root_is_sent = self
            .certificates
            .iter()
            .skip(1)
            .any(|certificate| certificate.self_issued);
        match self.certificates {
            [leaf, ..] if leaf.self_signed => Some(Distrust::SelfSigned),
            _ if root_is_sent => Some(Distrust::PrivateRoot),
            [_] => Some(Distrust::Alone),
            _ => None,
        }
    }

    /// The issuer's name.
    pub(super) fn issuer(&self) -> String {
        name_of(self.leaf.issuer_name.as_deref())
    }

    /// The names that the leaf vouches for: the first three.
    fn names(&self) -> String {
        const TOLD: usize = 3;
        let names = &self.leaf.names;
        if names.is_empty() {
            return name_of(self.leaf.common_name.as_deref());
        }
        let told: Vec<String> = names
            .iter()
            .take(TOLD)
            .map(|name| printable(name.to_string().as_bytes(), 80))
            .collect();
        let more = names.len().saturating_sub(TOLD);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("{}{more}", told.join(", "))
    }
}

fn name_of(name: Option<&str>) -> String {
    name.map_or_else(|| "nobody by name".to_owned(), |name| printable(name.as_bytes(), 80))
}

/// A span of seconds, for reading.
fn span(seconds: i64) -> String {
    const DAY: i64 = 86_400;
    match seconds {
        ..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / DAY),
    }
}

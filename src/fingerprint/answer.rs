//! An answer as it was written, and what its marks tell of its author.

use std::ops::Deref;

use serde::Deserialize;

use crate::fingerprint::{field_list::Names, glob::Pairs};

/// The final answer to an upgrade request, as it was written.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The version of HTTP, major and minor.
    pub version: (u8, u8),
    /// The status code.
    pub status: u16,
    /// The reason phrase; empty if there is none.
    pub reason: &'a [u8],
    /// Names and values in the order and letter case in which they were sent.
    pub fields: Vec<(&'a [u8], &'a [u8])>,
    /// The first octets of the content, transfer coding undone (RFC 9112 section 7) and content coding not; the matcher
    /// looks at no more than 4 KiB.
    pub body: &'a [u8],
    /// How many octets the content has.
    pub body_length: u64,
    /// Whether the server closed right after the answer; not known if the capture ends before.
    pub closes: Option<bool>,
}

/// An answer, and what is asked of it again and again.
pub(super) struct Read<'r, 'a> {
    answer: &'r Answer<'a>,
    /// The values of `Server`.
    pub(super) servers: Vec<&'a [u8]>,
    /// The names of its fields.
    pub(super) names: Names,
    /// The pairs of octets in the opening of its body.
    pub(super) pairs: Pairs,
}

/// Who wrote an answer, as far as its marks tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The program, such as "uvicorn (websockets-sansio)" or "HAProxy"; nothing if the marks do not tell.
    pub program: Option<String>,
    /// What kind of program wrote it.
    pub role: Role,
    /// Two or more independent marks agree, or one that nobody else writes. `Server` alone is never enough.
    pub sure: bool,
    /// The marks that agreed, in words.
    pub marks: Vec<String>,
    /// A proxy that passed the answer on and left its own marks on it.
    pub relayed_by: Option<String>,
    /// What this very answer means by its maker's word: a cause of the vocabulary.
    pub evokes: Option<String>,
}

/// What kind of program wrote an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The marks do not tell.
    #[default]
    Unknown,
    /// An application server or a framework.
    Application,
    /// A reverse or forward proxy, a load balancer, a gateway.
    Proxy,
    /// A web application firewall.
    Waf,
    /// A firewall or a web filter: block pages.
    Filter,
}

/// How many octets of a body are looked at: error pages are smaller, and a page must not cost more than its head.
const BODY_LIMIT: usize = 4096;

impl<'r, 'a> Read<'r, 'a> {
    pub(super) fn new(answer: &'r Answer<'a>) -> Self {
        Read {
            servers: answer.values("Server").collect(),
            names: Names::of(answer.names()),
            pairs: Pairs::of(answer.opening()),
            answer,
        }
    }
}

impl<'a> Deref for Read<'_, 'a> {
    type Target = Answer<'a>;

    fn deref(&self) -> &Answer<'a> {
        self.answer
    }
}

impl<'a> Answer<'a> {
    /// The part of the body that is looked at.
    pub(super) fn opening(&self) -> &'a [u8] {
        self.body.get(..BODY_LIMIT).unwrap_or(self.body)
    }

    /// Whether the opening is the whole body.
    pub(super) fn is_whole(&self) -> bool {
        usize::try_from(self.body_length).is_ok_and(|length| length <= self.opening().len())
    }

    /// The names of the fields, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'_, 'a> {
        self.fields.iter().map(|&(name, _)| name)
    }

    /// The values of all fields of this name, whatever its letter case.
    pub(super) fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + use<'s, 'a> {
        let named = move |(its, _): &&(&[u8], &[u8])| its.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(named).map(|&(_, value)| value)
    }

    /// Whether names are always small and there is no reason phrase: HTTP/2 and later (RFC 9113 section 8).
    pub(super) fn is_binary(&self) -> bool {
        self.version.0 >= 2
    }
}

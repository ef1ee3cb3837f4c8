//! One pattern: what an answer must look like to bear its author's marks, and how much that says.

use crate::fingerprint::{
    answer::{Answer, Read, Role},
    field_list::{FieldList, Names},
    glob::{Glob, Pairs},
};

/// Texts of which one must fit, and how they were written.
#[derive(Clone, Debug)]
pub(super) struct Globs {
    globs: Vec<Glob>,
    text: String,
}

/// What the values of a field must be.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) name: String,
    /// One value of the field is so.
    pub(super) is: Option<Globs>,
    /// No value of the field is so; the field may be missing.
    pub(super) is_not: Option<Globs>,
}

/// What the octets evoke, by the maker's word.
#[derive(Clone, Debug)]
pub(super) enum Evoked {
    Always(String),
    ByStatus(Vec<(u16, String)>),
}

/// What a proxy's own error page means by its status alone. 503 is missing: nginx writes it for its rate limits too.
pub(super) const PROXY_PAGES: [(u16, &str); 10] = [
    (403, "proxy.deny-rule"),
    (404, "route.not-found"),
    (405, "route.method-not-allowed"),
    (407, "authn.proxy-credentials"),
    (413, "limits.body-too-large"),
    (414, "limits.uri-too-long"),
    (429, "limits.rate"),
    (431, "limits.header-too-large"),
    (502, "proxy.bad-gateway"),
    (504, "proxy.gateway-timeout"),
];

/// Conditions that must all hold.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) what: Option<String>,
    pub(super) version: Option<(u8, u8)>,
    pub(super) statuses: Vec<u16>,
    pub(super) reason: Option<Globs>,
    pub(super) fields: Option<FieldList>,
    pub(super) values: Vec<Value>,
    pub(super) without: Vec<String>,
    pub(super) body: Option<Globs>,
    pub(super) body_length: Option<u64>,
    pub(super) closes: Option<bool>,
    /// Nobody else writes such octets.
    pub(super) own: bool,
    /// It was taken from the program itself.
    pub(super) recorded: bool,
    pub(super) role: Option<Role>,
    pub(super) evokes: Option<Evoked>,
    /// Names of fields that must be there.
    pub(super) names: Names,
    /// Pairs of octets that must stand in the body.
    pub(super) pairs: Pairs,
}

/// How many marks a pattern consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strength {
    /// Marks that few programs share: a reason phrase of its own, names and order of fields, a rare field, a text.
    pub(super) strong: u32,
    /// Whether a mark that many programs share agrees too: a type of content, a length.
    pub(super) weak: bool,
    /// How many octets and names are told.
    pub(super) detail: usize,
}

/// Fields that nearly every program writes: their values say little.
const COMMON_FIELDS: [&str; 4] = ["Connection", "Content-Length", "Content-Type", "Date"];

/// How many octets a text must have to be a mark of its own.
const TELLING_TEXT: usize = 8;

impl Pattern {
    /// Whether the answer may be so, by what is cheap to ask: few patterns are left.
    #[inline]
    pub(super) fn may_fit(&self, answer: &Read<'_, '_>) -> bool {
        answer.names.may_hold(self.names)
            && answer.pairs.hold(&self.pairs)
            && (self.statuses.is_empty() || self.statuses.contains(&answer.status))
    }

    /// Whether the answer is so.
    pub(super) fn fits(&self, answer: &Read<'_, '_>) -> bool {
        self.may_fit(answer) && self.is_so(answer)
    }

    fn is_so(&self, answer: &Read<'_, '_>) -> bool {
        self.version.is_none_or(|version| version == answer.version)
            && self
                .closes
                .is_none_or(|closes| answer.closes.is_none_or(|closed| closed == closes))
            && self.body_length.is_none_or(|length| length == answer.body_length)
            && self
                .reason
                .as_ref()
                .is_none_or(|reason| !answer.is_binary() && reason.matches(answer.reason))
            && self.fields.as_ref().is_none_or(|fields| fields.fit(answer))
            && self.without.iter().all(|name| answer.values(name).next().is_none())
            && self.values.iter().all(|value| value.fits(answer))
            && self.body.as_ref().is_none_or(|body| body.fits_body(answer))
    }

    /// Names of fields that must be there, by what is asked of them.
    pub(super) fn names_in(fields: Option<&FieldList>, values: &[Value]) -> Names {
        let in_order = fields.into_iter().flat_map(FieldList::names);
        let with_value = values.iter().filter(|value| value.is.is_some());
        let names = in_order.chain(with_value.map(|value| value.name.as_str()));
        Names::of(names.map(str::as_bytes))
    }

    /// How much it says if it fits.
    pub(super) fn strength(&self) -> Strength {
        let rare_values = self.values.iter().filter(|value| value.is_rare());
        let common_value = self.values.iter().any(|value| value.is.is_some() && value.is_common());
        let body = self.body.as_ref().map_or(0, Globs::literals);
        let strong = [
            self.reason.is_some(),
            self.fields
                .as_ref()
                .is_some_and(|fields| fields.is_complete() || fields.names().count() > 1),
            body >= TELLING_TEXT,
        ];
        let names = self.fields.as_ref().map_or(0, |fields| fields.names().count());
        let values = self
            .values
            .iter()
            .filter_map(|value| value.is.as_ref())
            .map(Globs::literals);
        Strength {
            strong: strong.into_iter().map(u32::from).sum::<u32>() + rare_values.map(|_| 1).sum::<u32>(),
            weak: common_value
                || (0 < body && body < TELLING_TEXT)
                || self.body_length.is_some_and(|length| length > 0),
            detail: body + names + values.sum::<usize>(),
        }
    }

    /// What agreed, in words.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words: Vec<_> = self.what.iter().cloned().collect();
        if let Some(reason) = &self.reason {
            words.push(match reason.text.as_str() {
                "" => "an empty reason phrase".to_owned(),
                text => format!("reason phrase {text}"),
            });
        }
        if let Some(fields) = &self.fields {
            words.push(fields.words());
        }
        let values = self
            .values
            .iter()
            .filter(|value| !value.is_server() && !value.name.eq_ignore_ascii_case("Connection"));
        words.extend(values.filter_map(|value| Some(format!("{}: {}", value.name, value.is.as_ref()?.text))));
        words.extend(self.without.iter().map(|name| format!("no {name} field")));
        if let Some(body) = self.body.as_ref().filter(|_| self.what.is_none()) {
            words.push(if body.literals() == 0 {
                "no content".to_owned()
            } else {
                "the words of its body".to_owned()
            });
        }
        words.extend(self.body_length.map(|length| format!("a body of {length} octets")));
        words
    }

    /// What the octets evoke.
    pub(super) fn evoked(&self, status: u16) -> Option<String> {
        match self.evokes.as_ref()? {
            Evoked::Always(cause) => Some(cause.clone()),
            Evoked::ByStatus(causes) => causes
                .iter()
                .find(|(its, _)| *its == status)
                .map(|(_, cause)| cause.clone()),
        }
    }

    /// Whether `Server` is asked for.
    pub(super) fn asks_for_server(&self) -> bool {
        self.values.iter().any(|value| value.is.is_some() && value.is_server())
    }
}

impl Value {
    fn fits(&self, answer: &Answer<'_>) -> bool {
        self.is
            .as_ref()
            .is_none_or(|is| answer.values(&self.name).any(|value| is.matches(value)))
            && self
                .is_not
                .as_ref()
                .is_none_or(|is_not| !answer.values(&self.name).any(|value| is_not.matches(value)))
    }

    fn is_rare(&self) -> bool {
        self.is.is_some() && !self.is_common() && !self.is_server()
    }

    fn is_common(&self) -> bool {
        COMMON_FIELDS.iter().any(|name| name.eq_ignore_ascii_case(&self.name))
    }

    fn is_server(&self) -> bool {
        self.name.eq_ignore_ascii_case("Server")
    }
}

impl Globs {
    /// Reads texts of which one must fit.
    pub(super) fn new(texts: &[String]) -> Self {
        Globs {
            globs: texts.iter().map(|text| Glob::new(text)).collect(),
            text: texts.join(" | "),
        }
    }

    /// Whether one of them fits.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        self.globs.iter().any(|glob| glob.matches(text))
    }

    /// Whether one of them fits the body; where the body was cut, an end that counts cannot be told.
    fn fits_body(&self, answer: &Read<'_, '_>) -> bool {
        let mut globs = self.globs.iter();
        globs.any(|glob| glob.matches_of(answer.opening(), &answer.pairs) && (answer.is_whole() || !glob.is_closed()))
    }

    /// Pairs of octets that stand in each of them.
    pub(super) fn pairs(&self) -> Pairs {
        let pairs = self.globs.iter().map(|glob| glob.pairs);
        pairs.reduce(Pairs::common).unwrap_or_default()
    }

    /// How many octets the least telling of them tells.
    fn literals(&self) -> usize {
        self.globs.iter().map(Glob::literals).min().unwrap_or(0)
    }
}

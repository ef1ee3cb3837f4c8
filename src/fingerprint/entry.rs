//! How marks are written down: the shape of `prints.toml`, and what may be wrong with a file of that shape.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use toml::Spanned;

use crate::fingerprint::{
    answer::Role,
    field_list::FieldList,
    pattern::{Evoked, Globs, PROXY_PAGES, Pattern, Value},
};

/// What is wrong with a file of marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, for people.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for Error {}

/// One program and its marks.
#[derive(Clone, Debug)]
pub(super) struct Print {
    /// Its name; nothing if the marks only tell what kind of program it is.
    pub(super) program: Option<String>,
    pub(super) role: Role,
    /// The user wrote this entry.
    pub(super) of_user: bool,
    pub(super) recorded: bool,
    /// What it calls itself in `Server`.
    pub(super) server: Option<Globs>,
    /// The order of its own fields, in whatever it writes.
    pub(super) order: Option<FieldList>,
    /// What it writes itself.
    pub(super) answers: Vec<Pattern>,
    /// What it leaves on answers of others.
    pub(super) relays: Vec<Pattern>,
}

/// A whole file.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    pub(super) prints: Vec<Print>,
    /// Words whose meaning is known, whoever writes them.
    pub(super) words: Vec<Pattern>,
}

/// Reads a file of marks.
pub(super) fn read(text: &str, of_user: bool) -> Result<Entries, Error> {
    let line_at = |at: usize| 1 + text.bytes().take(at).filter(|&octet| octet == b'\n').count();
    let file: FileEntry = toml::from_str(text).map_err(|error| Error {
        line: line_at(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let mark = |at: usize| {
        move |message: String| Error {
            line: line_at(at),
            message,
        }
    };
    let mut entries = Entries::default();
    for entry in file.print {
        let at = entry.span().start;
        let entry = entry.into_inner();
        let recorded = entry.check().map_err(mark(at))?;
        let patterns = |patterns: Vec<Spanned<PatternEntry>>, use_| {
            let patterns = patterns.into_iter().map(|pattern| {
                let at = pattern.span().start;
                pattern.into_inner().read(recorded, use_).map_err(mark(at))
            });
            patterns.collect::<Result<Vec<_>, _>>()
        };
        entries.prints.push(Print {
            program: entry.program,
            role: entry.role,
            of_user,
            recorded,
            server: entry.server.map(|texts| Globs::new(&texts.into_vec())),
            order: entry
                .order
                .map(|names| FieldList::new(&names))
                .transpose()
                .map_err(mark(at))?,
            answers: patterns(entry.answer, Use::Answer)?,
            relays: patterns(entry.relay, Use::Relay)?,
        });
    }
    for entry in file.words {
        let at = entry.span().start;
        entries
            .words
            .push(entry.into_inner().read(false, Use::Words).map_err(mark(at))?);
    }
    Ok(entries)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    #[serde(default)]
    print: Vec<Spanned<PrintEntry>>,
    #[serde(default)]
    words: Vec<Spanned<PatternEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrintEntry {
    program: Option<String>,
    role: Role,
    source: String,
    versions: Option<String>,
    #[serde(default)]
    recorded: bool,
    server: Option<Texts>,
    order: Option<Vec<String>>,
    #[serde(default)]
    answer: Vec<Spanned<PatternEntry>>,
    #[serde(default)]
    relay: Vec<Spanned<PatternEntry>>,
}

impl PrintEntry {
    /// Whether the marks were taken from the program itself.
    fn check(&self) -> Result<bool, String> {
        if self.source.trim().is_empty() {
            return Err("`source` must tell where the marks come from".to_owned());
        }
        if self.recorded && self.versions.is_none() {
            return Err("a recorded print needs the `versions` that were seen".to_owned());
        }
        Ok(self.recorded)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternEntry {
    what: Option<String>,
    version: Option<String>,
    status: Option<Statuses>,
    reason: Option<Texts>,
    fields: Option<Vec<String>>,
    #[serde(default)]
    values: BTreeMap<String, Texts>,
    #[serde(default)]
    without: Vec<String>,
    body: Option<Texts>,
    body_length: Option<u64>,
    closes: Option<bool>,
    #[serde(default)]
    own: bool,
    recorded: Option<bool>,
    role: Option<Role>,
    evokes: Option<Evokes>,
}

/// What a pattern is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Answer,
    Relay,
    Words,
}

impl PatternEntry {
    fn read(self, recorded: bool, use_: Use) -> Result<Pattern, String> {
        let fields = self.fields.map(|names| FieldList::new(&names)).transpose()?;
        let values = self.values.into_iter().map(|(name, texts)| value(name, texts));
        let values: Vec<_> = values.collect();
        let body = self.body.map(|texts| Globs::new(&texts.into_vec()));
        let pattern = Pattern {
            names: Pattern::names_in(fields.as_ref(), &values),
            what: self.what,
            version: self.version.as_deref().map(version).transpose()?,
            statuses: self.status.map_or_else(Vec::new, Statuses::into_vec),
            reason: self.reason.map(|texts| Globs::new(&texts.into_vec())),
            fields,
            values,
            without: self.without,
            pairs: body.as_ref().map(Globs::pairs).unwrap_or_default(),
            body,
            body_length: self.body_length,
            closes: self.closes,
            own: self.own,
            recorded: self.recorded.unwrap_or(recorded),
            role: self.role,
            evokes: self.evokes.map(Evokes::read).transpose()?,
        };
        let strength = pattern.strength();
        let says_something = strength.strong > 0 || strength.weak;
        match use_ {
            Use::Answer if !says_something => {
                Err("these conditions name nobody: Server or a status alone proves nothing".to_owned())
            }
            Use::Relay if !says_something && !pattern.asks_for_server() => {
                Err("these conditions show no proxy".to_owned())
            }
            Use::Words if pattern.body.is_none() && pattern.reason.is_none() => {
                Err("words need a `body` or a `reason`".to_owned())
            }
            Use::Words if pattern.evokes.is_none() => Err("words need the cause that they evoke".to_owned()),
            _ => Ok(pattern),
        }
    }
}

/// One text or several of which one must fit.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn into_vec(self) -> Vec<String> {
        match self {
            Texts::One(text) => vec![text],
            Texts::Several(texts) => texts,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a status code or a list of status codes")]
enum Statuses {
    One(u16),
    Several(Vec<u16>),
}

impl Statuses {
    fn into_vec(self) -> Vec<u16> {
        match self {
            Statuses::One(status) => vec![status],
            Statuses::Several(statuses) => statuses,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a cause, or a table of causes by status code")]
enum Evokes {
    Always(String),
    ByStatus(BTreeMap<String, String>),
}

impl Evokes {
    fn read(self) -> Result<Evoked, String> {
        match self {
            Evokes::Always(cause) if cause == "by-status" => Ok(Evoked::ByStatus(
                PROXY_PAGES.map(|(status, cause)| (status, cause.to_owned())).to_vec(),
            )),
            Evokes::Always(cause) => Ok(Evoked::Always(cause)),
            Evokes::ByStatus(causes) => {
                let causes = causes.into_iter().map(|(status, cause)| match status.parse() {
                    Ok(status) => Ok((status, cause)),
                    Err(_) => Err(format!("{status:?} is no status code")),
                });
                causes.collect::<Result<_, _>>().map(Evoked::ByStatus)
            }
        }
    }
}

fn version(text: &str) -> Result<(u8, u8), String> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    match (major.parse(), minor.parse()) {
        (Ok(major), Ok(minor)) => Ok((major, minor)),
        _ => Err(format!("{text:?} is no version of HTTP")),
    }
}

/// What a field's values must be: texts with `!` before them are such as must not be.
fn value(name: String, texts: Texts) -> Value {
    let (is_not, is): (Vec<_>, Vec<_>) = texts.into_vec().into_iter().partition(|text| text.starts_with('!'));
    let is_not: Vec<_> = is_not
        .iter()
        .map(|text| text.trim_start_matches('!').to_owned())
        .collect();
    let globs = |texts: Vec<String>| (!texts.is_empty()).then(|| Globs::new(&texts));
    Value {
        name,
        is: globs(is),
        is_not: globs(is_not),
    }
}

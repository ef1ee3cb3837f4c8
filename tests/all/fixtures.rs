//! The fixtures: captures, what truly happened in them, and what is reported of them.
//!
//! `fixtures/<case>/` holds captures; for each a `<capture>.expected.json`, its report; `truth.json`, what really happened,
//! written down when it was recorded; `origin.md`, how it was recorded; and, if the case needs any, `arguments`.

use std::{fs, path::PathBuf, sync::OnceLock};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    abreast::abreast,
    program::{ask_at, fixtures},
    recipe,
};

/// One capture of a case.
#[derive(Clone, Debug)]
pub(crate) struct Fixture {
    pub(crate) case: String,
    pub(crate) file: String,
}

/// What really happened in one attempt, as far as its capture can show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Truth {
    pub(crate) client: String,
    pub(crate) server: String,
    /// Without the query; `None` if the request is not to be seen.
    pub(crate) path: Option<String>,
    /// What was the matter, for the reader.
    pub(crate) because: Option<String>,
    /// An ordinary request: not to be reported as an upgrade that failed, unless its `Upgrade` was taken away on the way.
    pub(crate) ordinary: bool,
    /// It need not be reported.
    pub(crate) optional: bool,
    /// Other causes give the very same octets: a sound report is not sure.
    pub(crate) unsure: bool,
    /// What the report cannot tell yet, and why. An attempt that is told in spite of it fails the test.
    pub(crate) not_yet: Option<String>,
    /// Outcomes that are right.
    pub(crate) outcome: Vec<String>,
    /// Causes that are right, the truest first: an id, a whole family (`authn`), or null for none.
    pub(crate) cause: Vec<Option<String>>,
    /// Who may be said to have ended it; empty if nobody can know.
    pub(crate) said_by: Vec<String>,
}

/// What `truth.json` says of some captures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    captures: Vec<String>,
    attempts: Vec<Truth>,
}

/// How the name of a capture ends.
pub(crate) const CAPTURES: [&str; 6] = [".pcap", ".pcapng", ".pcap.gz", ".pcap.zst", ".pcap.lz4", ".pcapng.gz"];
/// What the report of a capture is called, after the capture's name.
pub(crate) const EXPECTED: &str = ".expected.json";

/// Every fixture, by case and name.
pub(crate) fn all() -> &'static [Fixture] {
    static ALL: OnceLock<Vec<Fixture>> = OnceLock::new();
    ALL.get_or_init(|| {
        if rewrites() {
            recipe::rewrite();
        }
        let mut all = Vec::new();
        for case in names(&fixtures()) {
            let files = names(&fixtures().join(&case)).into_iter();
            let captures = files.filter(|file| CAPTURES.iter().any(|end| file.ends_with(end)));
            all.extend(captures.map(|file| Fixture {
                case: case.clone(),
                file,
            }));
        }
        assert!(!all.is_empty(), "there are no fixtures");
        all
    })
}

/// Every fixture with its report, as the program gives it.
pub(crate) fn reports() -> &'static [(Fixture, Value)] {
    static REPORTS: OnceLock<Vec<(Fixture, Value)>> = OnceLock::new();
    REPORTS.get_or_init(|| {
        let reports = abreast(all(), Fixture::report);
        all().iter().cloned().zip(reports).collect()
    })
}

/// Whether what is expected is to be written down as it is now.
pub(crate) fn rewrites() -> bool {
    std::env::var_os("UPGRADESCOPE_REWRITE").is_some()
}

/// The names in a folder, in order.
pub(crate) fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

impl Fixture {
    /// Its name: case and file.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.case, self.file)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        fixtures().join(&self.case)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join(&self.file)
    }

    /// Where its report is kept.
    pub(crate) fn expected(&self) -> PathBuf {
        self.folder().join(format!("{}{EXPECTED}", self.file))
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    /// What really happened in it, in the order in which the attempts began.
    pub(crate) fn truths(&self) -> Vec<Truth> {
        let text = fs::read_to_string(self.folder().join("truth.json")).unwrap();
        let groups: Vec<Group> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.case));
        let of_this = groups.into_iter().find(|group| group.captures.contains(&self.file));
        of_this
            .unwrap_or_else(|| panic!("{}: no truth is told of {}", self.case, self.file))
            .attempts
    }

    /// Its report, without the version of the program.
    fn report(&self) -> Value {
        let arguments = fs::read_to_string(self.folder().join("arguments")).unwrap_or_default();
        let mut all = vec!["analyze", "--format", "json", &self.file];
        all.extend(arguments.split_whitespace());
        let answer = ask_at(&self.folder(), &all);
        assert!(
            matches!(answer.status, Some(0 | 1)),
            "{}: {:?}: {}",
            self.name(),
            answer.status,
            answer.err
        );
        let mut report: Value = serde_json::from_slice(&answer.out).unwrap();
        report["tool"]["version"] = "any".into();
        report
    }
}

impl Truth {
    /// Whether this is the path of `target`.
    pub(crate) fn is_of(&self, target: &str) -> bool {
        let path = target.split('?').next();
        self.path.as_deref().is_some_and(|mine| Some(mine) == path)
    }

    /// Whether `cause` is right.
    pub(crate) fn admits(&self, cause: Option<&str>) -> bool {
        let family = cause.and_then(|id| id.split('.').next());
        self.cause
            .iter()
            .map(Option::as_deref)
            .any(|right| right == cause || right.is_some() && right == family)
    }
}

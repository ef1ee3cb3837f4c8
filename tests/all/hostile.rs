//! Whatever the octets, the program neither panics nor hangs, and what it writes is well formed.

use std::{
    fs,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Mutex, Once},
    time::{Duration, Instant},
};

use fastrand::Rng;
use upgradescope::{
    analysis::{self, Options},
    report::{Report, html, json, markdown, ndjson, page::Style, text},
    tls::KeyLog,
};

use crate::{
    abreast::abreast,
    damage::{cuts, damaged},
    fixtures::{Fixture, all},
};

/// At how many lengths each capture is cut.
const CUTS: usize = 40;
/// How many damaged copies there are of each capture.
const COPIES: u64 = 250;
/// How long one small capture may take: a thousand times of what it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn captures_cut_anywhere_are_survived() {
    survive(all(), |fixture| {
        let octets = fixture.octets();
        let cut = |length: usize| (format!("cut to {length} octets"), octets[..length].to_vec());
        cuts(octets.len(), CUTS).into_iter().map(cut).collect()
    });
}

#[test]
fn damaged_captures_are_survived() {
    survive(all(), |fixture| {
        let octets = fixture.octets();
        // Large ones would take most of the time and show little more.
        let copies = COPIES.min(COPIES * 16_384 / octets.len().max(1) as u64).max(4);
        let copy = |seed: u64| {
            (
                format!("damaged with seed {seed}"),
                damaged(&octets, &mut Rng::with_seed(seed)),
            )
        };
        (0..copies).map(copy).collect()
    });
}

#[test]
fn damaged_captures_are_told_the_same_however_the_work_is_done() {
    let differing = abreast(all(), |fixture| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(&fixture.file);
        let octets = fixture.octets();
        let differs = |seed: &u64| {
            fs::write(&path, damaged(&octets, &mut Rng::with_seed(*seed))).unwrap();
            told(&path, None) != told(&path, NonZeroUsize::new(400))
        };
        let seeds = (COPIES..COPIES + 4).filter(differs);
        seeds
            .map(|seed| format!("{} damaged with seed {seed}", fixture.name()))
            .collect::<Vec<_>>()
    });
    assert_eq!(differing.concat(), [""; 0]);
}

/// The report of a capture as JSON, or the error; by small chunks also with two threads.
fn told(capture: &Path, chunk: Option<NonZeroUsize>) -> String {
    let threads = NonZeroUsize::new(if chunk.is_some() { 2 } else { 1 });
    let options = Options {
        captures: vec![capture.to_owned()],
        threads,
        window: chunk,
        chunk,
        ..Options::default()
    };
    let mut written = Vec::new();
    match analysis::analyze(&options) {
        Ok(report) => json::write(&report, &mut written)
            .map(|()| String::from_utf8_lossy(&written).into_owned())
            .unwrap(),
        Err(error) => error.to_string(),
    }
}

/// Takes every copy of every fixture down the road, and lists the troubles.
fn survive(fixtures: &[Fixture], copies: impl Fn(&Fixture) -> Vec<(String, Vec<u8>)> + Sync) {
    let troubles = abreast(fixtures, |fixture| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(&fixture.file);
        let key_log = fs::read(fixture.folder().join("keys.log"))
            .map(|text| KeyLog::parse(&text))
            .ok();
        let mut troubles = Vec::new();
        for (how, octets) in copies(fixture) {
            fs::write(&path, &octets).unwrap();
            troubles.extend(
                trouble_with(&path, key_log.as_ref()).map(|trouble| format!("{} {how}: {trouble}", fixture.name())),
            );
        }
        troubles
    });
    let troubles = troubles.concat();
    assert!(
        troubles.is_empty(),
        "{} troubles:\n{}",
        troubles.len(),
        troubles[..troubles.len().min(20)].join("\n")
    );
}

/// What goes wrong if this capture is analysed and the report is written in all its forms; an error that is told is nothing
/// wrong.
pub(crate) fn trouble(capture: &Path) -> Option<String> {
    trouble_with(capture, None)
}

/// The same, given TLS secrets.
fn trouble_with(capture: &Path, key_log: Option<&KeyLog>) -> Option<String> {
    watch();
    let began = Instant::now();
    let done = catch_unwind(AssertUnwindSafe(|| {
        let threads = NonZeroUsize::new(1);
        let options = Options {
            captures: vec![capture.to_owned()],
            threads,
            key_log: key_log.cloned(),
            ..Options::default()
        };
        analysis::analyze(&options).ok().and_then(|report| malformed(&report))
    }));
    let took = began.elapsed();
    let panics = std::mem::take(&mut *PANICS.lock().unwrap());
    match done {
        _ if !panics.is_empty() => Some(format!("about here it panicked: {}", panics.join("; "))),
        Err(_) => Some("it panicked".to_owned()),
        Ok(_) if took > PATIENCE => Some(format!("it took {took:?}")),
        Ok(malformed) => malformed,
    }
}

/// What is malformed in the forms of a report.
fn malformed(report: &Report) -> Option<String> {
    let written = |write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut written = Vec::new();
        write(&mut written).unwrap();
        String::from_utf8(written)
    };
    let in_lines = [
        written(&|to| text::write(report, Style::default(), to)),
        written(&|to| markdown::write(report, to)),
        written(&|to| html::write(report, to)),
        written(&|to| json::write(report, to)),
        written(&|to| ndjson::write(report, to)),
    ];
    for form in &in_lines {
        let Ok(form) = form else {
            return Some("a form is not UTF-8".to_owned());
        };
        // A terminal obeys control characters, and hides what stands behind them.
        if let Some(odd) = form.chars().find(|it| it.is_control() && *it != '\n') {
            return Some(format!("a form holds the control character {odd:?}"));
        }
    }
    let [.., json, ndjson] = in_lines.map(Result::unwrap_or_default);
    let parses = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    (!parses(&json) || !ndjson.lines().all(parses)).then(|| "the JSON does not parse".to_owned())
}

/// Where the program panicked. A panic in a thread of its own may be swallowed; here none is.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Listens for panics from now on.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let of_a_test = panic.location().is_none_or(|place| place.file().starts_with("tests"));
            match PANICS.lock() {
                Ok(mut panics) if !of_a_test => panics.push(panic.to_string()),
                _ => usual(panic),
            }
        }));
    });
}

#[test]
fn an_error_that_is_told_is_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.pcap");
    fs::write(&path, b"\xd4\xc3\xb2\xa1").unwrap();
    assert_eq!(trouble(&path), None);
}

//! What the command line promises: exit statuses, where answers go, and that how the work is done changes nothing of them.

use std::{
    fs,
    io::Read,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use upgradescope::{
    analysis::{self, Options},
    diagnosis::catalogue,
    report::json,
};

use crate::{
    fixtures::{all, names},
    program::{Answer, ask, ask_at, ask_with, fixtures, program},
};

/// A capture in which every attempt succeeds.
const HEALTHY: &str = "upgraded-uvicorn/client.pcap";
/// A capture in which some fail.
const FAILING: &str = "origin-wrong-missing-null/client.pcap";
/// One with many connections at a time.
const CROWDED: &str = "many-connections/client.pcap.gz";
const FORMATS: [&str; 5] = ["text", "json", "ndjson", "html", "markdown"];

#[test]
fn the_exit_status_tells_how_the_attempts_fared() {
    for format in FORMATS {
        assert_eq!(
            ask(&["analyze", "--format", format, HEALTHY]).status,
            Some(0),
            "{format}"
        );
        assert_eq!(
            ask(&["analyze", "--format", format, FAILING]).status,
            Some(1),
            "{format}"
        );
        assert_eq!(
            ask(&["analyze", "--format", format, HEALTHY, FAILING]).status,
            Some(1),
            "{format}"
        );
    }
}

#[test]
fn what_cannot_be_done_is_told_in_one_line() {
    for wrong in [
        &[][..],
        &["analyze"],
        &["analyse", HEALTHY],
        &["analyze", "nowhere.pcap"],
        &["analyze", HEALTHY, "nowhere.pcap"],
        &["analyze", "no-such-folder/"],
        &["analyze", "upgraded-uvicorn/origin.md"],
        &["analyze", "/dev/null"],
        &["analyze", "--format", "xml", HEALTHY],
        &["analyze", "--threads", "0", HEALTHY],
        &["analyze", "--threads", "many", HEALTHY],
        &["analyze", "--nonsense", HEALTHY],
        &["analyze", "--output", "no-such-folder/report.json", HEALTHY],
        &["analyze", "--output", "upgraded-uvicorn", HEALTHY],
        &["analyze", "--output", HEALTHY, HEALTHY],
        &["explain"],
        &["explain", "origin.not-alowed"],
        &["causes", "--format", "html"],
        &["completions", "cmd"],
        &["schema", "report"],
    ] {
        is_refused(&ask(wrong), wrong);
    }
    is_refused(&ask_with(b"", &["analyze", "-"]), &["empty standard input"]);
    is_refused(
        &ask_with(b"no capture, just words", &["analyze", "-"]),
        &["words on standard input"],
    );
}

fn is_refused(answer: &Answer, asked: &[&str]) {
    assert_eq!(answer.status, Some(2), "{asked:?}: {}", answer.err);
    assert!(answer.out.is_empty(), "{asked:?}: {}", answer.text());
    let one_line = answer.err.ends_with('\n') && answer.err.lines().count() == 1;
    assert!(
        one_line && answer.err.starts_with("upgradescope: "),
        "{asked:?}: {:?}",
        answer.err
    );
}

#[test]
fn a_report_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let to = report.to_str().unwrap();
    fs::write(&report, "before").unwrap();
    assert_eq!(
        ask(&["analyze", "--format", "json", "-o", to, "nowhere.pcap"]).status,
        Some(2)
    );
    assert_eq!(fs::read(&report).unwrap(), b"before");
    let written = ask(&["analyze", "--format", "json", "-o", to, FAILING]);
    assert_eq!((written.status, written.out.len()), (Some(1), 0), "{}", written.err);
    assert_eq!(
        fs::read(&report).unwrap(),
        ask(&["analyze", "--format", "json", FAILING]).out
    );
    assert_eq!(names(folder.path()), ["report.json"], "nothing is left beside it");
}

#[test]
fn an_input_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    fs::copy(fixtures().join(FAILING), &capture).unwrap();
    let before = fs::read(&capture).unwrap();
    for input in ["a.pcap", "."] {
        let answer = ask_at(folder.path(), &["analyze", "-o", "a.pcap", input]);
        is_refused(&answer, &[input]);
        assert_eq!(fs::read(&capture).unwrap(), before);
    }
}

#[test]
fn standard_input_is_read_as_a_file_is() {
    let files = [
        HEALTHY,
        FAILING,
        CROWDED,
        "formats/plain.pcap.zst",
        "formats/plain.pcapng",
        "formats/cut.pcap",
    ];
    for file in files {
        let octets = fs::read(fixtures().join(file)).unwrap();
        let (piped, read) = (
            ask_with(&octets, &["analyze", "--format", "json", "-"]),
            report(&[file]),
        );
        assert_eq!(without_place(parsed(&piped)), without_place(read), "{file}");
    }
}

#[test]
fn how_a_capture_is_packed_changes_nothing_of_what_is_told() {
    let attempts = |file: &str| report(&[file])["attempts"].clone();
    let plain = attempts("formats/plain.pcap");
    for file in [
        "plain.pcap.gz",
        "plain.pcap.zst",
        "plain.pcapng",
        "bigendian.pcap",
        "rawip.pcap",
        "cut.pcap",
    ] {
        let found = attempts(&format!("formats/{file}"));
        assert_eq!(verdicts(&found), verdicts(&plain), "{file}");
    }
    assert_eq!(attempts("formats/plain.pcap.gz"), plain);
    assert_eq!(attempts("formats/plain.pcap.zst"), plain);
    assert_eq!(attempts("formats/plain.pcapng"), plain);
    assert_eq!(attempts("formats/bigendian.pcap"), plain);
}

/// Who, outcome and cause of every attempt.
fn verdicts(attempts: &Value) -> Vec<[&Value; 4]> {
    let verdict = |it| {
        let it: &Value = it;
        [
            &it["client"],
            &it["outcome"],
            &it["cause"]["id"],
            &it["cause"]["confidence"],
        ]
    };
    attempts.as_array().unwrap().iter().map(verdict).collect()
}

#[test]
fn a_damaged_capture_is_reported_with_a_warning() {
    let answer = ask(&["analyze", "--format", "json", "formats/cut.pcap"]);
    assert_eq!(answer.status, Some(1));
    let warnings = &parsed(&answer)["captures"][0]["warnings"];
    assert!(
        !warnings.as_array().unwrap().is_empty(),
        "the last packet is cut, and nothing is said"
    );
}

#[test]
fn threads_change_nothing() {
    for file in [FAILING, CROWDED, "formats"] {
        for format in FORMATS {
            let with = |threads: &str| ask(&["analyze", "--format", format, "--threads", threads, file]).out;
            let one = with("1");
            assert!(!one.is_empty());
            for threads in ["2", "8"] {
                assert!(
                    with(threads) == one,
                    "{file} as {format} differs with {threads} threads"
                );
            }
        }
    }
}

#[test]
fn windows_and_chunks_change_nothing() {
    let crowded = [
        CROWDED,
        "out-of-order-overlap/client.pcap",
        "two-interfaces/middle.pcapng",
        "octet-by-octet/client.pcap",
    ];
    for file in crowded {
        let captures = vec![fixtures().join(file)];
        let with = |window: Option<usize>, chunk: Option<usize>| {
            let (window, chunk) = (window.and_then(NonZeroUsize::new), chunk.and_then(NonZeroUsize::new));
            let options = Options {
                captures: captures.clone(),
                window,
                chunk,
                ..Options::default()
            };
            let mut written = Vec::new();
            json::write(&analysis::analyze(&options).unwrap(), &mut written).unwrap();
            written
        };
        let usual = with(None, None);
        for (window, chunk) in [(1, 1), (1, 300), (2, 1_000), (3, 5_000), (7, 64), (64, 20_000)] {
            let told = with(Some(window), Some(chunk));
            assert!(
                told == usual,
                "{file} differs with windows of {window} chunks of {chunk} octets"
            );
        }
    }
}

#[test]
fn a_folder_stands_for_its_captures() {
    let folder = report(&["formats"]);
    let paths: Vec<&str> = folder["captures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["path"].as_str().unwrap())
        .collect();
    let mut expected: Vec<String> = all()
        .iter()
        .filter(|it| it.case == "formats")
        .map(|it| format!("formats/{}", it.file))
        .collect();
    expected.sort();
    let mut found: Vec<&str> = paths.clone();
    found.sort_unstable();
    assert_eq!(found, expected);
    for attempt in folder["attempts"].as_array().unwrap() {
        assert!(attempt["capture"].as_u64().unwrap() < paths.len() as u64);
    }
}

#[test]
fn several_captures_come_to_one_report() {
    let (first, second) = (report(&[HEALTHY]), report(&[FAILING]));
    let both = report(&[HEALTHY, FAILING]);
    let count = |report: &Value| report["attempts"].as_array().unwrap().len();
    assert_eq!(count(&both), count(&first) + count(&second));
    assert_eq!(both["captures"][1]["index"], 1);
    assert_eq!(both["attempts"][0]["capture"], 0);
    assert_eq!(both["attempts"][count(&both) - 1]["capture"], 1);
    assert_eq!(
        both["attempts"][count(&both) - 1]["stream"],
        second["attempts"][count(&second) - 1]["stream"]
    );
}

#[test]
fn lines_of_json_say_what_the_document_says() {
    let document = report(&[FAILING]);
    let lines = ask(&["analyze", "--format", "ndjson", FAILING]);
    let lines: Vec<Value> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| {
        lines
            .iter()
            .filter(|line| line["type"] == kind)
            .cloned()
            .map(without_type)
            .collect::<Vec<_>>()
    };
    assert_eq!(Value::from(of("attempt")), document["attempts"]);
    assert_eq!(Value::from(of("capture")), document["captures"]);
    assert_eq!(Value::from(of("pattern")), document["patterns"]);
    assert_eq!(lines.last().unwrap()["type"], "summary");
}

fn without_type(mut line: Value) -> Value {
    line.as_object_mut().unwrap().remove("type");
    line
}

#[test]
fn a_web_page_needs_nothing_from_elsewhere() {
    let page = ask(&["analyze", "--format", "html", FAILING]);
    for word in ["<script src", "<link ", "@import", "url(", "src=\"http"] {
        assert!(!page.text().contains(word), "the page holds {word}");
    }
    assert!(page.text().starts_with("<!DOCTYPE html>") || page.text().starts_with("<!doctype html>"));
}

#[test]
fn credentials_are_shown_only_if_that_is_asked_for() {
    let file = "bearer-missing-wrong-expired/client.pcap";
    let (masked, shown) = (report(&[file]), report(&["--show-secrets", file]));
    let kinds = |report: &Value| report["attempts"][1]["request"]["credentials"].to_string();
    assert_eq!(kinds(&masked), kinds(&shown));
    assert!(
        kinds(&masked).contains("header:authorization:bearer"),
        "{}",
        kinds(&masked)
    );
    let in_query = "exception-before-accept/client.pcap";
    let target = |arguments: &[&str]| report(arguments)["attempts"][1]["request"]["target"].to_string();
    assert!(!target(&[in_query]).contains("good-token"), "{}", target(&[in_query]));
    assert!(
        target(&["--show-secrets", in_query]).contains("good-token"),
        "{}",
        target(&["--show-secrets", in_query])
    );
}

#[test]
fn every_cause_is_listed_and_explained() {
    let listed = ask(&["causes"]);
    let json = parsed(&ask(&["causes", "--format", "json"]));
    let ids: Vec<&str> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!((listed.status, ids.len()), (Some(0), catalogue().len()));
    for rule in catalogue() {
        assert!(
            listed.text().contains(rule.id) && ids.contains(&rule.id),
            "{} is not listed",
            rule.id
        );
        let explained = ask(&["explain", rule.id]);
        assert_eq!(explained.status, Some(0), "{}", explained.err);
        let text = explained.text().split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [rule.name, rule.sees, rule.means]
            .into_iter()
            .chain(rule.remedies.iter().copied())
        {
            let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(&part), "{} is explained without {part:?}", rule.id);
        }
    }
    let near = ask(&["explain", "origin.not-alowed"]);
    assert!(near.err.contains("origin.not-allowed"), "{}", near.err);
}

#[test]
fn the_other_answers_are_given() {
    let schema = parsed(&ask(&["schema"]));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let completions = ask(&["completions", shell]);
        assert_eq!(completions.status, Some(0), "{}", completions.err);
        assert!(
            completions.text().contains("analyze") && completions.text().contains("upgradescope"),
            "{shell}"
        );
    }
    let manual = ask(&["man"]);
    assert!(manual.status == Some(0) && manual.text().contains(".TH") && manual.text().contains("upgradescope"));
    for help in [
        &["--help"][..],
        &["help"],
        &["analyze", "--help"],
        &["explain", "-h"],
        &["--version"],
    ] {
        let answer = ask(help);
        assert!(
            answer.status == Some(0) && answer.text().contains("upgradescope"),
            "{help:?}: {}",
            answer.err
        );
    }
}

#[test]
fn a_reader_who_leaves_early_is_no_trouble() {
    for format in FORMATS {
        let mut child = program()
            .args(["analyze", "--format", format, CROWDED])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 16];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(1),
            "{format}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
    }
}

#[test]
fn nothing_but_trouble_is_written_to_standard_error() {
    for arguments in [
        &["analyze", FAILING][..],
        &["analyze", "--format", "json", HEALTHY],
        &["causes"],
        &["schema"],
    ] {
        assert_eq!(ask(arguments).err, "", "{arguments:?}");
    }
}

#[test]
fn a_name_that_is_no_text_is_read_all_the_same() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join(Path::new(OsStr::from_bytes(b"\xff\x1b[31m.pcap")));
        fs::copy(fixtures().join(FAILING), &path).unwrap();
        let output = program().arg("analyze").arg(&path).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(1),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            !output.stdout.contains(&0x1b),
            "a file's name must not command the terminal"
        );
    }
}

/// The report of some captures.
fn report(arguments: &[&str]) -> Value {
    let mut all = vec!["analyze", "--format", "json"];
    all.extend(arguments);
    parsed(&ask(&all))
}

fn parsed(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.out).unwrap_or_else(|error| panic!("{error}: {}", answer.err))
}

/// A report that does not say where its capture came from.
fn without_place(mut report: Value) -> Value {
    report["captures"][0]["path"].take();
    report
}

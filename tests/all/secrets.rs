//! TLS secrets are for opening what is protected: no face of a report tells one, nor does a warning or an error.

use std::{collections::BTreeSet, fs};

use crate::{
    abreast::abreast,
    opened::{Sealed, sealed},
    program::{Answer, ask, ask_with, tell},
};

/// Ways of asking for a report.
const FACES: [&[&str]; 6] = [
    &["--format", "text"],
    &["--format", "json"],
    &["--format", "ndjson"],
    &["--format", "markdown"],
    &["--format", "html"],
    &["--format", "json", "--show-secrets"],
];

/// Digits of a secret that must not be told in a row.
const TELLING: usize = 16;

/// The secrets of a key log, in lower-case digits.
pub(crate) fn secrets(key_log: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(key_log).to_ascii_lowercase();
    let secret = |line: &str| line.split_ascii_whitespace().nth(2).map(str::to_owned);
    text.lines().filter_map(secret).filter(|it| it.len() >= 64).collect()
}

/// What of these secrets an answer tells.
fn told(answer: &Answer, secrets: &BTreeSet<String>) -> Option<String> {
    let out = String::from_utf8_lossy(&answer.out).to_ascii_lowercase();
    let err = answer.err.to_ascii_lowercase();
    let runs: BTreeSet<&[u8]> = [&out, &err]
        .into_iter()
        .flat_map(|text| text.as_bytes().windows(TELLING))
        .collect();
    let pieces = secrets.iter().flat_map(|secret| secret.as_bytes().windows(TELLING));
    let mut pieces = pieces.map(|piece| (piece, runs.contains(piece)));
    pieces
        .find(|(_, told)| *told)
        .map(|(piece, _)| String::from_utf8_lossy(piece).into_owned())
}

#[test]
fn no_secret_is_ever_told() {
    let sealed = sealed();
    let count: usize = sealed.iter().map(|sealed| secrets(&sealed.secrets()).len()).sum();
    assert!(count > 50, "{count} secrets only");
    let leaks = abreast(&sealed, |sealed| {
        let secrets = secrets(&sealed.secrets());
        let mut leaks = Vec::new();
        for face in FACES {
            let answer = ask(&arguments(sealed, face));
            assert!(matches!(answer.status, Some(0 | 1)), "{sealed:?}: {}", answer.err);
            leaks.extend(told(&answer, &secrets).map(|told| format!("{sealed:?} {face:?}: {told}")));
        }
        leaks
    });
    tell(&format!(
        "{count} secrets of {} captures are told nowhere",
        sealed.len()
    ));
    assert_eq!(leaks.concat(), [""; 0]);
}

/// How to ask for the report of a capture.
fn arguments<'a>(sealed: &'a Sealed, face: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["analyze", sealed.capture.to_str().unwrap()];
    arguments.extend(face);
    if let Some(key_log) = &sealed.key_log {
        arguments.extend(["--keylog", key_log.to_str().unwrap()]);
    }
    arguments
}

#[test]
fn an_error_about_a_key_log_tells_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(crate::program::fixtures().join("tls-secrets-refused/keys.log")).unwrap();
    let secrets = secrets(text.as_bytes());
    let capture = "tls-secrets-refused/client.pcap";
    let spoiled = [
        ("labels in lower case", text.to_ascii_lowercase()),
        (
            "no labels",
            text.lines()
                .filter_map(|line| line.split_once(' '))
                .map(|(_, rest)| format!("{rest}\n"))
                .collect(),
        ),
        ("one line", text.replace('\n', " ")),
        ("a digit too many", text.replace('\n', "0\n")),
    ];
    for (how, text) in spoiled {
        let path = folder.path().join("spoiled.log");
        fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let asked: [&[&str]; 2] = [&["analyze", capture, "--keylog", path], &["analyze", path]];
        for arguments in asked {
            let answer = ask(arguments);
            assert_eq!(answer.status, Some(2), "{how}: {arguments:?}");
            assert_eq!(told(&answer, &secrets), None, "{how}: {arguments:?}");
        }
    }
}

#[test]
fn a_secret_that_is_told_would_be_found() {
    let secrets: BTreeSet<String> = ["0123456789abcdef".repeat(4)].into();
    let answer = |out: &str, err: &str| Answer {
        status: Some(0),
        out: out.as_bytes().to_vec(),
        err: err.to_owned(),
    };
    assert!(told(&answer("x 456789ABCDEF0123 y", ""), &secrets).is_some());
    assert!(told(&answer("", "23456789abcdef01"), &secrets).is_some());
    assert_eq!(told(&answer("23456789abcdef0", "1"), &secrets), None);
}

#[test]
fn secrets_in_a_file_are_used_and_in_a_pipe_are_told_of() {
    let capture = fs::read(crate::program::fixtures().join("tls-secrets-in-pcapng/dsb.pcapng")).unwrap();
    let from_file = ask(&["analyze", "--format", "json", "tls-secrets-in-pcapng/dsb.pcapng"]);
    let from_pipe = ask_with(&capture, &["analyze", "--format", "json", "-"]);
    assert!(from_file.text().contains("\"decrypted\": true") || from_file.text().contains("\"decrypted\":true"));
    assert!(!from_file.text().contains("can be read only once"));
    assert!(
        from_pipe.text().contains("can be read only once"),
        "{}",
        from_pipe.text()
    );
}

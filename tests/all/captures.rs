//! Every fixture's report is the expected one, tells the truth, and keeps the contract.
//!
//! `UPGRADESCOPE_REWRITE=1 cargo test` writes down the reports as they are now. What changed is then to be read
//! (`git diff fixtures`): what was expected is rewritten, what is true is not.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};
use upgradescope::{
    analysis::{self, Options},
    report::{html, json, markdown, ndjson, page::Style, text},
};

use crate::{
    catalogue::Vocabulary,
    fixtures::{CAPTURES, EXPECTED, Fixture, Truth, all, names, reports, rewrites},
    program::{ask, fixtures, tell},
    recipe::RECIPE,
    schema::Schema,
};

#[test]
fn every_report_is_the_expected_one() {
    let mut wrong = Vec::new();
    for (fixture, report) in reports() {
        let expected = fs::read(fixture.expected())
            .ok()
            .and_then(|octets| serde_json::from_slice(&octets).ok());
        let mut differences = Vec::new();
        match &expected {
            Some(expected) => differ("", expected, report, &mut differences),
            None => differences.push("there is no expected report".to_owned()),
        }
        if differences.is_empty() {
            continue;
        }
        if rewrites() {
            fs::write(fixture.expected(), format!("{report:#}\n")).unwrap();
            tell(&format!("rewritten: {}{EXPECTED}", fixture.name()));
            continue;
        }
        let more = differences.len().saturating_sub(12);
        differences.truncate(12);
        wrong.push(format!("{}\n    {}", fixture.name(), differences.join("\n    ")));
        if more > 0 {
            wrong.push(format!("    ... and {more} more differences"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nUPGRADESCOPE_REWRITE=1 rewrites what is expected",
        wrong.join("\n")
    );
}

/// Lists where two values differ, by path.
fn differ(path: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let names: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
            for name in names {
                let path = format!("{path}.{name}");
                match (expected.get(name), found.get(name)) {
                    (Some(expected), Some(found)) => differ(&path, expected, found, differences),
                    (Some(expected), None) => differences.push(format!("{path}: {expected} is missing")),
                    (None, found) => differences.push(format!("{path}: {} is new", found.unwrap_or(&Value::Null))),
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                differences.push(format!("{path}: {} expected, {} found", expected.len(), found.len()));
            }
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                differ(&format!("{path}[{index}]"), expected, found, differences);
            }
        }
        _ if expected != found => differences.push(format!("{path}: expected {expected}, found {found}")),
        _ => {}
    }
}

#[test]
fn a_difference_is_told_by_its_path() {
    let mut differences = Vec::new();
    let expected = json!({"a": [{"b": 1, "c": null}], "d": "x"});
    differ(
        "",
        &expected,
        &json!({"a": [{"b": 2, "c": null}, 3], "e": true}),
        &mut differences,
    );
    assert_eq!(
        differences,
        [
            ".a: 1 expected, 2 found",
            ".a[0].b: expected 1, found 2",
            ".d: \"x\" is missing",
            ".e: true is new"
        ]
    );
}

#[test]
fn every_report_tells_the_truth() {
    let mut untrue = Vec::new();
    for (fixture, report) in reports() {
        untrue.extend(
            untruths(&fixture.truths(), report)
                .into_iter()
                .map(|it| format!("{}: {it}", fixture.name())),
        );
    }
    assert!(untrue.is_empty(), "{} untruths:\n{}", untrue.len(), untrue.join("\n"));
}

/// What a report says that is not so, or does not say though it could.
fn untruths(truths: &[Truth], report: &Value) -> Vec<String> {
    let mut attempts: Vec<&Value> = report["attempts"].as_array().unwrap().iter().collect();
    let mut untrue = Vec::new();
    for truth in truths {
        let told = pick(truth, &mut attempts);
        let wrong = told.map_or_else(|| not_reported(truth), |attempt| contradicts(truth, attempt));
        let who = || format!("{} {}", truth.client, truth.path.as_deref().unwrap_or(""));
        match (wrong, &truth.not_yet) {
            (Some(wrong), None) => untrue.push(format!(
                "{}: {wrong}{}",
                who(),
                truth.because.as_ref().map(|it| format!(" ({it})")).unwrap_or_default()
            )),
            (None, Some(_)) => untrue.push(format!("{}: this is told now: take `not_yet` away", who())),
            _ => {}
        }
    }
    let invented = attempts
        .into_iter()
        .filter(|attempt| is_failure(attempt) && attempt["presumed"] == false);
    untrue.extend(
        invented.map(|attempt| format!("{}: no such attempt failed: {}", attempt["client"], in_short(attempt))),
    );
    untrue
}

/// Takes the attempt that is meant out of `attempts`: same ends, then same path, then same place in the order.
fn pick<'r>(truth: &Truth, attempts: &mut Vec<&'r Value>) -> Option<&'r Value> {
    let same =
        |attempt: &Value| attempt["client"] == truth.client.as_str() && attempt["server"] == truth.server.as_str();
    let target = |attempt: &Value| {
        attempt["request"]["target"]
            .as_str()
            .is_some_and(|target| truth.is_of(target))
    };
    let exact = attempts.iter().position(|it| same(it) && target(it));
    exact
        .or_else(|| attempts.iter().position(|it| same(it)))
        .map(|index| attempts.remove(index))
}

fn not_reported(truth: &Truth) -> Option<String> {
    (!truth.ordinary && !truth.optional).then(|| format!("not reported; it is {:?} {:?}", truth.outcome, truth.cause))
}

/// How what is told of an attempt contradicts the truth.
fn contradicts(truth: &Truth, attempt: &Value) -> Option<String> {
    let (outcome, cause) = (
        attempt["outcome"].as_str().unwrap_or_default(),
        attempt["cause"]["id"].as_str(),
    );
    if truth.ordinary {
        let excused = cause == Some("proxy.upgrade-header-stripped");
        let wrong = is_failure(attempt) && !excused;
        return wrong.then(|| format!("an ordinary request is told to have failed: {}", in_short(attempt)));
    }
    let told = in_short(attempt);
    if !truth.outcome.iter().any(|right| right == outcome) || !truth.admits(cause) {
        return Some(format!("told {told}; it is {:?} {:?}", truth.outcome, truth.cause));
    }
    if truth.unsure && attempt["cause"]["confidence"] == "confirmed" {
        return Some(format!("told {told}, but nobody can be so sure"));
    }
    let said_by = attempt["cause"]["said_by"].as_str().unwrap_or_default();
    let said_right = truth.said_by.is_empty() || truth.said_by.iter().any(|right| right == said_by);
    (!said_right).then(|| format!("told {told}, said by {said_by}; it was said by {:?}", truth.said_by))
}

fn is_failure(attempt: &Value) -> bool {
    !matches!(attempt["outcome"].as_str(), Some("upgraded" | "undetermined"))
}

fn in_short(attempt: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let cause = &attempt["cause"];
    format!(
        "{} {} ({})",
        word(&attempt["outcome"]),
        word(&cause["id"]),
        word(&cause["confidence"])
    )
}

#[test]
fn an_untruth_is_noticed() {
    let truth = |cause: &str| Truth {
        client: "c".into(),
        server: "s".into(),
        path: Some("/ws".into()),
        outcome: vec!["server-403".into()],
        cause: vec![Some(cause.into())],
        said_by: vec!["application".into()],
        ..Truth::default()
    };
    let cause = json!({"id": "origin.missing", "confidence": "confirmed", "said_by": "application"});
    let attempt = json!({"client": "c", "server": "s", "outcome": "server-403", "presumed": false, "cause": cause,
                         "request": {"target": "/ws?x=1"}});
    let told = |attempts: &[&Value]| json!({"attempts": attempts});
    let wrong = |truth: &Truth, report: &Value| untruths(std::slice::from_ref(truth), report).len();
    assert_eq!(wrong(&truth("origin.missing"), &told(&[&attempt])), 0);
    assert_eq!(wrong(&truth("origin"), &told(&[&attempt])), 0);
    assert_eq!(wrong(&truth("origin.not-allowed"), &told(&[&attempt])), 1);
    assert_eq!(
        wrong(&truth("origin.missing"), &told(&[&attempt, &attempt])),
        1,
        "one too many"
    );
    assert_eq!(wrong(&truth("origin.missing"), &told(&[])), 1, "one too few");
    assert_eq!(
        wrong(
            &Truth {
                unsure: true,
                ..truth("origin.missing")
            },
            &told(&[&attempt])
        ),
        1,
        "too sure"
    );
    assert_eq!(
        wrong(
            &Truth {
                ordinary: true,
                ..truth("origin.missing")
            },
            &told(&[&attempt])
        ),
        1,
        "ordinary"
    );
    assert_eq!(
        wrong(
            &Truth {
                said_by: vec!["proxy".into()],
                ..truth("origin.missing")
            },
            &told(&[&attempt])
        ),
        1
    );
    let not_yet = Truth {
        not_yet: Some("why".into()),
        ..truth("origin.not-allowed")
    };
    assert_eq!(wrong(&not_yet, &told(&[&attempt])), 0, "known to be wrong yet");
    assert_eq!(
        wrong(
            &Truth {
                not_yet: Some("why".into()),
                ..truth("origin")
            },
            &told(&[&attempt])
        ),
        1,
        "right by now"
    );
}

#[test]
fn every_report_keeps_the_contract() {
    let (vocabulary, schema) = (Vocabulary::read(), Schema::read(&ask(&["schema"]).out));
    let mut broken = Vec::new();
    for (fixture, report) in reports() {
        let mut say = |text: String| broken.push(format!("{}: {text}", fixture.name()));
        schema.breaches(report).into_iter().for_each(&mut say);
        whole(report).into_iter().for_each(&mut say);
        for attempt in report["attempts"].as_array().unwrap() {
            let breaches = vocabulary
                .breaches(attempt)
                .into_iter()
                .chain(unsupported(report, attempt));
            breaches.for_each(|it| say(format!("attempt {}: {it}", attempt["id"])));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What is wrong with the counts and the order of a report.
fn whole(report: &Value) -> Vec<String> {
    let attempts = report["attempts"].as_array().unwrap();
    let (mut outcomes, mut causes) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new());
    for attempt in attempts {
        *outcomes.entry(attempt["outcome"].as_str().unwrap()).or_default() += 1;
        if let Some(cause) = attempt["cause"]["id"].as_str() {
            *causes.entry(cause).or_default() += 1;
        }
    }
    let summary = &report["summary"];
    let counted = |name: &str, count: usize| (summary[name] != count).then(|| format!("summary.{name} is not {count}"));
    let place = |attempt: &Value| (attempt["capture"].as_u64(), attempt["connection"]["packet"].as_u64());
    let ids: std::collections::BTreeSet<_> = attempts.iter().map(|it| it["id"].as_str()).collect();
    [
        counted("attempts", attempts.len()),
        counted("failed", attempts.iter().filter(|it| is_failure(it)).count()),
        counted("presumed", attempts.iter().filter(|it| it["presumed"] == true).count()),
        (summary["outcomes"] != json!(outcomes)).then(|| "the outcomes are not counted right".to_owned()),
        (summary["causes"] != json!(causes)).then(|| "the causes are not counted right".to_owned()),
        (!attempts.is_sorted_by_key(place))
            .then(|| "the attempts are not in the order of their first packets".to_owned()),
        (ids.len() != attempts.len()).then(|| "two attempts have the same id".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a verdict lacks: evidence in packets that exist, a sentence, a remedy.
fn unsupported(report: &Value, attempt: &Value) -> Vec<String> {
    let cause = &attempt["cause"];
    if cause.is_null() {
        return is_failure(attempt)
            .then(|| "it failed, and no cause is told".to_owned())
            .into_iter()
            .collect();
    }
    let mut lacks = Vec::new();
    let evidence = cause["evidence"].as_array().unwrap();
    let exists = |it: &&Value| {
        let packets = report["captures"][it["capture"].as_u64().unwrap() as usize]["packets"].as_u64();
        (1..=packets.unwrap_or(0)).contains(&it["packet"].as_u64().unwrap())
    };
    if evidence.is_empty() || evidence.iter().filter(exists).count() != evidence.len() {
        lacks.push("there is no evidence, or in packets that do not exist".to_owned());
    }
    if !cause["summary"].as_str().unwrap().ends_with(['.', '”']) {
        lacks.push(format!("its summary is no sentence: {}", cause["summary"]));
    }
    if cause["remedies"].as_array().unwrap().is_empty() {
        lacks.push("no remedy is told".to_owned());
    }
    let others = attempt["also_considered"].as_array().unwrap();
    if others.iter().any(|other| other["id"] == cause["id"]) {
        lacks.push("the cause is also among those that lost".to_owned());
    }
    lacks
}

/// What must be said where nothing was recorded.
const COMPOSED: &str = "- composed from a recipe, not recorded";

#[test]
fn every_case_is_whole() {
    let mut wrong = Vec::new();
    for case in names(&fixtures()) {
        let folder = fixtures().join(&case);
        let files = names(&folder);
        let captures: Vec<&String> = files
            .iter()
            .filter(|it| CAPTURES.iter().any(|end| it.ends_with(end)))
            .collect();
        let origin = fs::read_to_string(folder.join("origin.md")).unwrap_or_default();
        let composed = files.iter().any(|file| file.ends_with(RECIPE));
        let made = if composed { COMPOSED } else { "- recorded " };
        if !origin.starts_with("# ") || !origin.contains(made) || !origin.contains("- programs: ") {
            wrong.push(format!(
                "{case}: origin.md does not say what it is, how it was recorded or composed, and by or after which programs"
            ));
        }
        if captures.is_empty() {
            wrong.push(format!("{case}: it has no capture"));
        }
        for file in &files {
            let of_capture = |file: &str| captures.iter().any(|it| file.strip_suffix(EXPECTED) == Some(it));
            let known = ["origin.md", "truth.json", "arguments", "keys.log"].contains(&file.as_str());
            let recipe = file.strip_suffix(RECIPE).map(|name| format!("{name}.pcap"));
            let of_recipe = recipe.is_some_and(|capture| captures.contains(&&capture));
            if !known && !captures.contains(&file) && !of_capture(file) && !of_recipe {
                wrong.push(format!("{case}/{file}: nobody knows what this is for"));
            }
        }
    }
    for fixture in all() {
        for truth in fixture.truths().iter().filter(|it| !it.ordinary) {
            if truth.outcome.is_empty() || truth.cause.is_empty() {
                wrong.push(format!("{}: the truth of {} is not told", fixture.name(), truth.client));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_face_of_a_report_shows_a_credential() {
    let (mut looked_for, mut shown) = (0, Vec::new());
    for fixture in all() {
        let secrets = secrets(&fixture.octets());
        if secrets.is_empty() {
            continue;
        }
        looked_for += secrets.len();
        for (face, written) in faces(fixture) {
            let leaked = secrets.iter().filter(|secret| written.contains(*secret));
            shown.extend(leaked.map(|secret| format!("{}: {secret} in {face}", fixture.name())));
        }
    }
    assert!(
        looked_for > 10,
        "only {looked_for} credentials were found in the fixtures: does this test look right?"
    );
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

/// The credentials that stand in a capture in the clear and are long enough not to be words by chance.
fn secrets(octets: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(octets);
    let after = |mark: &'static str, ends: &'static [char]| {
        let text = text.clone();
        let places: Vec<usize> = text.match_indices(mark).map(|(place, _)| place + mark.len()).collect();
        places
            .into_iter()
            .map(move |place| text[place..].split(ends).next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let ends: &[char] = &['\r', '\n', ';', ' ', '&'];
    let mut secrets: Vec<String> = ["Bearer ", "bearer ", "Basic ", "token=", "session=", "access_token="]
        .into_iter()
        .flat_map(|mark| after(mark, ends))
        .filter(|secret| secret.len() >= 8 && secret.bytes().all(|octet| octet.is_ascii_graphic()))
        .collect();
    secrets.sort();
    secrets.dedup();
    // Names of schemes and fields that servers put into their answers are no credentials.
    secrets.retain(|secret| !secret.starts_with("realm") && !secret.contains('"'));
    secrets
}

/// Every face of a fixture's report.
fn faces(fixture: &Fixture) -> Vec<(&'static str, String)> {
    let captures: Vec<PathBuf> = vec![fixture.path()];
    let report = analysis::analyze(&Options {
        captures,
        ..Options::default()
    })
    .unwrap();
    let mut faces = Vec::new();
    let mut face = |name, write: &dyn Fn(&mut dyn std::io::Write) -> std::io::Result<()>| {
        let mut written = Vec::new();
        write(&mut written).unwrap();
        faces.push((name, String::from_utf8(written).unwrap()));
    };
    face("text", &|to| text::write(&report, Style::default(), to));
    face("json", &|to| json::write(&report, to));
    face("ndjson", &|to| ndjson::write(&report, to));
    face("html", &|to| html::write(&report, to));
    face("markdown", &|to| markdown::write(&report, to));
    faces
}

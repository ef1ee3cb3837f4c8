//! What a person is shown of a report, and in which order: failures before health, the frequent before the rare.

use std::{cmp::Reverse, collections::HashMap};

use super::{Attempt, Capture, Report, words};

/// Attempts that ended in the same way for the same cause.
pub(super) struct Alike<'r> {
    /// The first of them, in the order of their first packets; at least one.
    pub(super) told: Vec<&'r Attempt>,
    /// How many more there are, to be counted and not told.
    pub(super) more: usize,
}

/// The failed attempts by outcome and cause, the most frequent first: those whose requests were not seen, or the others.
///
/// Of more than 20 alike only the first 3 are told, each of which takes half a page.
pub(super) fn failures(report: &Report, presumed: bool) -> Vec<Alike<'_>> {
    alike(failed(report).filter(|attempt| attempt.presumed == presumed), 20, 3)
}

/// The attempts with this outcome, which is no failure, by cause, the most frequent first.
///
/// Of more than 10 alike only the first is told, each of which takes a line.
pub(super) fn quiet<'r>(report: &'r Report, outcome: &str) -> Vec<Alike<'r>> {
    alike(
        report.attempts.iter().filter(|attempt| attempt.outcome == outcome),
        10,
        1,
    )
}

/// The captures to tell of and how many more there are: all if they are few, else the first of those with warnings.
pub(super) fn captures(report: &Report) -> (Vec<&Capture>, usize) {
    const FEW: usize = 10;
    let all = report.captures.len();
    let told: Vec<_> = report
        .captures
        .iter()
        .filter(|it| all <= FEW || !it.warnings.is_empty())
        .take(FEW)
        .collect();
    let more = all - told.len();
    (told, more)
}

/// All failed attempts, in the order of their first packets.
pub(super) fn failed(report: &Report) -> impl Iterator<Item = &Attempt> {
    report
        .attempts
        .iter()
        .filter(|attempt| words::is_failure(&attempt.outcome))
}

/// The outcomes that occurred and how often, in the order of [`words::OUTCOMES`].
pub(super) fn outcomes(report: &Report) -> Vec<(&'static str, u64)> {
    let count = |outcome| report.summary.outcomes.get(outcome).copied().unwrap_or(0);
    words::OUTCOMES
        .into_iter()
        .map(|outcome| (outcome, count(outcome)))
        .filter(|&(_, count)| count > 0)
        .collect()
}

/// The whole report in one sentence.
pub(super) fn headline(report: &Report) -> String {
    let summary = &report.summary;
    if summary.attempts == 0 {
        let packets = report.captures.iter().map(|capture| capture.packets).sum();
        let (packets, connections) = (counted(packets, "packet"), counted(summary.connections, "connection"));
        return format!("No upgrade attempt in {packets} and {connections}.");
    }
    let (failures, others): (Vec<_>, Vec<_>) = outcomes(report)
        .into_iter()
        .partition(|(outcome, _)| words::is_failure(outcome));
    let list = |counts: Vec<(&str, u64)>| {
        counts
            .iter()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut parts = vec![counted(summary.attempts, "upgrade attempt")];
    match summary.failed {
        0 => parts.push("none failed".to_owned()),
        failed => parts.push(format!("{failed} failed ({})", list(failures))),
    }
    if !others.is_empty() {
        parts.push(list(others));
    }
    format!("{}.", parts.join(", "))
}

/// A number and its noun.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The path of the capture with this index.
pub(super) fn path(report: &Report, capture: u32) -> &str {
    report
        .captures
        .get(capture as usize)
        .map_or("?", |capture| &capture.path)
}

/// Octets in the unit that a person would choose.
pub(super) fn octets(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut size = count as f64;
    let mut unit = "octets";
    for larger in UNITS {
        if size < 1000.0 {
            break;
        }
        size /= 1000.0;
        unit = larger;
    }
    if unit == "octets" {
        counted(count, "octet")
    } else {
        format!("{size:.1} {unit}")
    }
}

/// Groups by outcome and cause, and shortens each group of more than `many` to its first `examples`.
fn alike<'r>(attempts: impl Iterator<Item = &'r Attempt>, many: usize, examples: usize) -> Vec<Alike<'r>> {
    let mut groups: Vec<Vec<&Attempt>> = Vec::new();
    let mut places = HashMap::new();
    for attempt in attempts {
        let key = (&*attempt.outcome, attempt.cause.as_ref().map(|cause| &*cause.id));
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(attempt);
    }
    groups.sort_by_key(|group| Reverse(group.len()));
    let shorten = |mut told: Vec<&'r Attempt>| {
        let all = told.len();
        if all > many {
            told.truncate(examples);
        }
        Alike {
            more: all - told.len(),
            told,
        }
    };
    groups.into_iter().map(shorten).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::example, *};

    #[test]
    fn the_headline_counts_failures_first() {
        assert_eq!(
            headline(&example::report()),
            "4 upgrade attempts, 2 failed (1 server-403, 1 firewall-drop), 1 upgraded, 1 undetermined."
        );
        assert_eq!(
            headline(&example::empty()),
            "No upgrade attempt in 40 packets and 1 connection."
        );
    }

    #[test]
    fn of_many_alike_the_first_three_are_told() {
        let groups = |copies| {
            let report = example::many(copies);
            failures(&report, false)
                .iter()
                .map(|group| (group.told.len(), group.more))
                .collect::<Vec<_>>()
        };
        assert_eq!(groups(20), [(20, 0)]);
        assert_eq!(groups(21), [(3, 18)]);
    }

    #[test]
    fn of_many_captures_those_with_warnings_are_told() {
        let mut report = example::report();
        let sound = Capture {
            warnings: Vec::new(),
            ..report.captures[0].clone()
        };
        report.captures.extend(vec![sound; 9]);
        assert_eq!(captures(&report).0.len(), 10);
        report.captures.extend(vec![report.captures[1].clone(); 90]);
        let (told, more) = captures(&report);
        assert_eq!((told.len(), told[0].warnings.len(), more), (1, 1, 99));
    }

    #[test]
    fn the_presumed_stand_apart() {
        let report = example::report();
        let ids = |presumed| {
            failures(&report, presumed)
                .iter()
                .map(|g| g.told[0].id.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(false), ["1"]);
        assert_eq!(ids(true), ["3"]);
    }

    #[test]
    fn octets_in_a_handy_unit() {
        assert_eq!(octets(1), "1 octet");
        assert_eq!(octets(999), "999 octets");
        assert_eq!(octets(8402), "8.4 kB");
        assert_eq!(octets(200_000_000_000), "200.0 GB");
    }
}

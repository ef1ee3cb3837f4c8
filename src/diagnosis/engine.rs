//! Asks the rules and weighs their answers: the strongest wins, the others stay, each with why it lost.

use std::cmp::Reverse;

use crate::{
    attempt::Attempt,
    diagnosis::{
        hops::{Hop, hops},
        known::Known,
        rule::{Case, Confidence, Match, Outcome, Rule, Text},
        rules::{LAST, asked_at},
    },
    fingerprint::Author,
    survey::Survey,
};

/// The verdict on one attempt.
#[derive(Debug)]
pub struct Finding {
    /// How it ended.
    pub outcome: Outcome,
    /// The best explanation; `None` for an attempt that succeeded and ended well.
    pub cause: Option<Verdict>,
    /// What else was considered, the closest first.
    pub also_considered: Vec<Considered>,
    /// Other legs of its handshake, beyond proxies.
    pub hops: Vec<Hop>,
}

/// The explanation that won.
#[derive(Debug)]
pub struct Verdict {
    /// The rule that tells it.
    pub rule: &'static Rule,
    /// What it said of this attempt.
    pub found: Match,
}

/// An explanation that lost.
#[derive(Debug)]
pub struct Considered {
    /// The rule that tells it.
    pub rule: &'static Rule,
    /// How sure it was.
    pub confidence: Confidence,
    /// Why it lost.
    pub why_not: Text,
}

/// How many explanations that lost are told.
const TOLD: usize = 6;

/// Judges one attempt, whose answer `author` wrote, beside all the others.
pub fn diagnose(attempt: &Attempt, survey: &Survey<'_>, author: &Author) -> Finding {
    let known = Known::default();
    let case = Case {
        attempt,
        survey,
        author,
        known: &known,
    };
    let check = |rule: &'static Rule| {
        Some(Verdict {
            rule,
            found: (rule.check)(&case)?,
        })
    };
    let mut matches: Vec<Verdict> = asked_at(attempt.stage).iter().copied().filter_map(check).collect();
    // That no cause is known is told only where none is.
    if matches.is_empty() {
        matches.extend(check(LAST).filter(|_| LAST.stages.contains(&attempt.stage)));
    }
    // A stable sort: of equals the first in the list wins.
    matches.sort_by_key(|verdict| Reverse((verdict.found.confidence, verdict.found.weight)));
    let mut matches = matches.into_iter();
    let Some(winner) = matches.next() else {
        let outcome = if attempt.is_upgraded() {
            Outcome::Upgraded
        } else {
            Outcome::Undetermined
        };
        return Finding {
            outcome,
            cause: None,
            also_considered: Vec::new(),
            hops: hops(&case),
        };
    };
    let also_considered = matches.take(TOLD).map(|loser| considered(loser, &winner)).collect();
    Finding {
        outcome: winner.found.outcome,
        cause: Some(winner),
        also_considered,
        hops: hops(&case),
    }
}

fn considered(loser: Verdict, winner: &Verdict) -> Considered {
    let why_not = loser.found.doubt.unwrap_or_else(|| {
        if loser.found.confidence < winner.found.confidence {
            let (loser, winning) = (loser.found.confidence.name(), winner.found.confidence.name());
            format!("Only {loser}, while {} is {winning}.", winner.rule.id).into()
        } else {
            format!("The marks of {} are more specific.", winner.rule.id).into()
        }
    });
    Considered {
        rule: loser.rule,
        confidence: loser.found.confidence,
        why_not,
    }
}

//! `upgradescope explain`: what a cause means, how it shows, what it is confused with, what to do.

use std::io;

use clap::Args;

use super::{
    Answer, Status, Trouble,
    causes::word,
    output::{print, style},
};
use crate::{
    diagnosis::{Rule, catalogue},
    report::page::{Ink, Page},
};

/// Explain a cause: what is to be seen, what it means, what it is confused with, and what to do
#[derive(Args)]
#[command(after_help = "Example:\n  upgradescope explain origin.not-allowed\n\n`upgradescope causes` lists them all.")]
pub(super) struct Explain {
    /// The cause's id, such as origin.not-allowed
    #[arg(value_name = "CAUSE")]
    cause: String,
}

impl Explain {
    pub(super) fn run(self) -> Answer {
        match catalogue().iter().find(|rule| rule.id == self.cause) {
            Some(rule) => print(|to| page(rule, &mut Page::new(to, style()))).map(|()| Status::Well),
            None => Err(Trouble(unknown(&self.cause))),
        }
    }
}

fn page(rule: &Rule, page: &mut Page<'_>) -> io::Result<()> {
    let guide = rule
        .guide
        .map(|guide| format!("  (guide: {})", word(guide)))
        .unwrap_or_default();
    page.line(&[
        (Ink::Strong, rule.id),
        (Ink::Plain, ": "),
        (Ink::Strong, rule.name),
        (Ink::Faint, &guide),
    ])?;
    for (heading, text) in [("What is to be seen", rule.sees), ("Why that means it", rule.means)] {
        page.heading(heading)?;
        text.split("\n\n")
            .try_for_each(|text| page.paragraph(&[INDENT], &[INDENT], (Ink::Plain, &text.replace('\n', " "))))?;
    }
    page.heading("Packets")?;
    rule.ladder
        .lines()
        .try_for_each(|line| page.line(&[INDENT, (Ink::Place, line)]))?;
    if !rule.confused_with.is_empty() {
        page.heading("Easily confused with")?;
    }
    for (id, difference) in rule.confused_with {
        page.paragraph(
            &[INDENT, (Ink::Odd, id), (Ink::Plain, ": ")],
            &[INDENT, INDENT],
            (Ink::Plain, difference),
        )?;
    }
    for (heading, list) in [("What to do", rule.remedies), ("References", rule.references)] {
        if !list.is_empty() {
            page.heading(heading)?;
        }
        let item = |text: &&str| page.paragraph(&[INDENT, (Ink::Faint, "- ")], &[INDENT, INDENT], (Ink::Plain, text));
        list.iter().try_for_each(item)?;
    }
    Ok(())
}

const INDENT: (Ink, &str) = (Ink::Plain, "  ");

/// What to say to an id that is not in the catalogue.
fn unknown(asked: &str) -> String {
    let near = nearest(asked, catalogue().iter().map(|rule| rule.id));
    match near.is_empty() {
        true => format!("no cause is called {asked}; `upgradescope causes` lists them"),
        false => format!("no cause is called {asked}; near to it: {}", near.join(", ")),
    }
}

/// At most three ids that may be meant: first those that hold what was asked for, then those spelt nearly like it.
fn nearest<'i>(asked: &str, ids: impl Iterator<Item = &'i str>) -> Vec<&'i str> {
    let asked = asked.to_lowercase();
    let far = asked.chars().count() / 3 + 1;
    let distance = |id: &str| {
        if !asked.is_empty() && id.contains(&asked) {
            0
        } else {
            edits(&asked, id)
        }
    };
    let mut near: Vec<_> = ids
        .map(|id| (distance(id), id))
        .filter(|&(edits, _)| edits <= far)
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, id)| id).take(3).collect()
}

/// How many letters have to be put in, taken out or changed to come from `a` to `b` (Levenshtein's distance).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 4] = ["origin.missing", "origin.not-allowed", "host.not-allowed", "waf.block"];

    #[test]
    fn the_nearest_ids_are_offered() {
        let near = |asked| nearest(asked, IDS.into_iter());
        assert_eq!(near("origin.not-alowed"), ["origin.not-allowed"]);
        assert_eq!(near("not-allowed"), ["host.not-allowed", "origin.not-allowed"]);
        assert_eq!(near("WAF.Block"), ["waf.block"]);
        assert_eq!(near("quite.different-thing"), [""; 0]);
        assert_eq!(near(""), [""; 0]);
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", "abc"), 0);
    }

    #[test]
    fn every_cause_can_be_explained() {
        for rule in catalogue() {
            let mut octets = Vec::new();
            page(rule, &mut Page::new(&mut octets, Default::default())).unwrap();
            let text = String::from_utf8(octets).unwrap();
            assert!(text.starts_with(rule.id) && text.contains("What to do"), "{text}");
        }
    }
}

//! `upgradescope causes`: the catalogue.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    Answer, Status,
    output::{print, style},
};
use crate::{
    diagnosis::{Guide, Rule, catalogue},
    report::page::{Ink, Page},
};

/// List the causes that can be told, by the five causes of the well-known guide
#[derive(Args)]
pub(super) struct Causes {
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a person at a terminal
    Text,
    /// One JSON array
    Json,
}

impl Causes {
    pub(super) fn run(self) -> Answer {
        match self.format {
            Format::Text => print(|to| text(&mut Page::new(to, style())))?,
            Format::Json => print(|to| json(to))?,
        }
        Ok(Status::Well)
    }
}

/// A guide's cause by its word in the report.
pub(super) fn word(guide: Guide) -> &'static str {
    match guide {
        Guide::Authentication => "authentication",
        Guide::Authorization => "authorization",
        Guide::Cors => "cors",
        Guide::Firewall => "firewall",
        Guide::Server => "server",
    }
}

fn text(page: &mut Page<'_>) -> io::Result<()> {
    let width = catalogue().iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    for (guide, question) in [
        (Some(Guide::Authentication), "authentication: who are you?"),
        (Some(Guide::Authorization), "authorization: may you?"),
        (Some(Guide::Cors), "cors: from which origin?"),
        (Some(Guide::Firewall), "firewall: something on the way"),
        (Some(Guide::Server), "server: the server's side, or the client's"),
        (None, "outside the five: the capture cannot tell"),
    ] {
        let rules: Vec<_> = catalogue().iter().filter(|rule| rule.guide == guide).collect();
        if rules.is_empty() {
            continue;
        }
        page.line(&[(Ink::Strong, question)])?;
        for rule in rules {
            let id = format!("  {:<width$}  ", rule.id);
            page.paragraph(
                &[(Ink::Place, &id)],
                &[(Ink::Plain, &" ".repeat(width + 4))],
                (Ink::Plain, rule.name),
            )?;
        }
        page.blank()?;
    }
    page.line(&[(Ink::Faint, "`upgradescope explain CAUSE` tells more of each.")])
}

fn json(to: &mut dyn Write) -> io::Result<()> {
    let entries: Vec<_> = catalogue().iter().map(Entry::from).collect();
    serde_json::to_writer_pretty(&mut *to, &entries)?;
    writeln!(to)
}

/// A cause in the JSON catalogue.
#[derive(Serialize)]
struct Entry {
    id: &'static str,
    name: &'static str,
    guide: Option<&'static str>,
    what: &'static str,
    means: &'static str,
    confused_with: Vec<&'static str>,
    remedies: &'static [&'static str],
    references: &'static [&'static str],
}

impl From<&'static Rule> for Entry {
    fn from(rule: &'static Rule) -> Self {
        Entry {
            id: rule.id,
            name: rule.name,
            guide: rule.guide.map(word),
            what: rule.sees,
            means: rule.means,
            confused_with: rule.confused_with.iter().map(|(id, _)| *id).collect(),
            remedies: rule.remedies,
            references: rule.references,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::words;

    #[test]
    fn every_cause_is_listed_once_in_both_forms() {
        let mut octets = Vec::new();
        text(&mut Page::new(&mut octets, Default::default())).unwrap();
        let listed = String::from_utf8(octets).unwrap();
        let mut octets = Vec::new();
        json(&mut octets).unwrap();
        let entries: Vec<serde_json::Value> = serde_json::from_slice(&octets).unwrap();
        assert_eq!(entries.len(), catalogue().len());
        for rule in catalogue() {
            assert_eq!(
                listed
                    .lines()
                    .filter(|line| line.split_whitespace().next() == Some(rule.id))
                    .count(),
                1
            );
            assert_eq!(entries.iter().filter(|entry| entry["id"] == rule.id).count(), 1);
        }
    }

    #[test]
    fn the_guide_has_the_reports_words() {
        let guides = [
            Guide::Authentication,
            Guide::Authorization,
            Guide::Cors,
            Guide::Firewall,
            Guide::Server,
        ];
        assert_eq!(guides.map(word), words::GUIDES);
    }
}

//! The report for an incident review: Markdown (CommonMark with GitHub's tables).

use std::{
    fmt::{self, Display, Formatter},
    io::{self, Write},
};

use super::{
    Attempt, Cause, Pattern, Report,
    digest::{self, Alike, counted},
    facts, ladder,
    printable::{clip, escaped},
};

/// How many characters of a text are shown; the JSON report holds the whole.
const SHOWN: usize = 1000;

/// Writes the report.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    writeln!(
        to,
        "# HTTP upgrades: {} of {} failed\n",
        report.summary.failed, report.summary.attempts
    )?;
    writeln!(to, "{}\n", Text(&digest::headline(report)))?;
    captures(report, to)?;
    patterns(report, to)?;
    failures(report, "Failed attempts", false, to)?;
    failures(report, "Failed attempts whose request was not seen", true, to)?;
    quiet(report, "Undetermined", "undetermined", to)?;
    quiet(report, "Upgraded", "upgraded", to)?;
    writeln!(
        to,
        "---\n\nPacket *N* is `frame.number == N` in Wireshark. Written by {} {}.",
        Text(&report.tool.name),
        Text(&report.tool.version)
    )
}

fn captures(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "| Capture | |\n| --- | --- |")?;
    let (told, more) = digest::captures(report);
    for capture in told {
        writeln!(
            to,
            "| {} | {} |",
            Text(&capture.path),
            Text(&facts::capture(capture).join(", "))
        )?;
        for warning in &capture.warnings {
            writeln!(to, "| | ⚠ {} |", Text(warning))?;
        }
    }
    if more > 0 {
        writeln!(to, "| … and {} more | |", counted(more as u64, "capture"))?;
    }
    writeln!(to)
}

fn patterns(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    if report.patterns.is_empty() {
        return Ok(());
    }
    writeln!(to, "## Failures by cause\n")?;
    writeln!(
        to,
        "| Attempts | Outcome | Cause | Clients | Servers | Paths | When | First |"
    )?;
    writeln!(to, "| ---: | --- | --- | --- | --- | --- | --- | --- |")?;
    for pattern in &report.patterns {
        let Pattern {
            attempts,
            outcome,
            cause,
            ..
        } = pattern;
        write!(
            to,
            "| {attempts} | {} | {}<br>{} |",
            Text(outcome),
            Text(cause),
            Text(&pattern.summary)
        )?;
        for (named, count) in [
            (&pattern.clients, pattern.client_count),
            (&pattern.servers, pattern.server_count),
            (&pattern.paths, pattern.path_count),
        ] {
            write!(to, " {} |", Text(&facts::several(named, count).unwrap_or_default()))?;
        }
        let first = pattern.examples.first().map(String::as_str).unwrap_or_default();
        writeln!(
            to,
            " {} | {} |",
            Text(&facts::span(&pattern.first, &pattern.last)),
            Text(first)
        )?;
    }
    writeln!(to)
}

fn failures(report: &Report, heading: &str, presumed: bool, to: &mut dyn Write) -> io::Result<()> {
    let groups = digest::failures(report, presumed);
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(to, "## {heading}\n")?;
    for Alike { told, more } in groups {
        told.iter().try_for_each(|attempt| failure(report, attempt, to))?;
        if more > 0 {
            writeln!(to, "… and {more} more like these, in the JSON report.\n")?;
        }
    }
    Ok(())
}

fn failure(report: &Report, attempt: &Attempt, to: &mut dyn Write) -> io::Result<()> {
    match &attempt.cause {
        Some(Cause { id, summary, .. }) => {
            writeln!(
                to,
                "### Attempt {}: {} ({})\n",
                Text(&attempt.id),
                Text(&attempt.outcome),
                Text(id)
            )?;
            writeln!(to, "**Cause:** {}\n", Text(summary))?;
        }
        None => writeln!(to, "### Attempt {}: {}\n", Text(&attempt.id), Text(&attempt.outcome))?,
    }
    let capture = digest::path(report, attempt.capture);
    writeln!(to, "- **Where:** {}", Text(&facts::ends(attempt)))?;
    writeln!(
        to,
        "- **Capture:** {}, `tcp.stream == {}`, {}",
        Text(capture),
        attempt.stream,
        Text(&attempt.connection.first)
    )?;
    let hops = facts::hops(attempt).into_iter().map(|hop| ("hop", hop));
    for (name, text) in facts::facts(attempt).into_iter().chain(hops) {
        writeln!(to, "- **{}:** {}", capitalised(name), Text(&text))?;
    }
    if let Some(body) = attempt.response.as_ref().and_then(|response| response.body.as_ref()) {
        writeln!(to, "- **Body:** {}", Text(body))?;
    }
    if let Some(cause) = &attempt.cause {
        writeln!(to, "- **Verdict:** {}", Text(&facts::verdict(cause)))?;
    }
    evidence(report, attempt, to)?;
    for other in &attempt.also_considered {
        writeln!(
            to,
            "- **Not {}** ({}): {}",
            Text(&other.id),
            Text(&other.confidence),
            Text(&other.why_not)
        )?;
    }
    for remedy in attempt.cause.iter().flat_map(|cause| &cause.remedies) {
        writeln!(to, "- **To do:** {}", Text(remedy))?;
    }
    writeln!(to)
}

fn evidence(report: &Report, attempt: &Attempt, to: &mut dyn Write) -> io::Result<()> {
    let steps = ladder::steps(attempt);
    if steps.is_empty() {
        return writeln!(to);
    }
    writeln!(to, "\n| Packet | What it shows |\n| ---: | --- |")?;
    for step in steps {
        let elsewhere = (step.capture != attempt.capture).then(|| digest::path(report, step.capture));
        let elsewhere = elsewhere.map(|path| format!(" of {path}")).unwrap_or_default();
        write!(to, "| {}{} |", step.packet, Text(&elsewhere))?;
        if let Some(message) = &step.message {
            write!(to, " **{}**", Text(message))?;
        }
        for (place, note) in step.notes.iter().enumerate() {
            let line = if place == 0 && step.message.is_none() {
                " "
            } else {
                "<br>"
            };
            write!(to, "{line}{}", Text(note))?;
        }
        writeln!(to, " |")?;
    }
    writeln!(to)
}

fn quiet(report: &Report, heading: &str, outcome: &str, to: &mut dyn Write) -> io::Result<()> {
    let groups = digest::quiet(report, outcome);
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(to, "## {heading}\n")?;
    for Alike { told, more } in groups {
        let count = counted((told.len() + more) as u64, "attempt");
        match told.first().and_then(|attempt| attempt.cause.as_ref()) {
            Some(cause) => writeln!(to, "- **{}**, {count}: {}", Text(&cause.id), Text(&cause.summary))?,
            None => writeln!(to, "- {count}")?,
        }
        for attempt in told.iter().filter(|_| more == 0) {
            writeln!(
                to,
                "  - at {}: {}",
                Text(&attempt.connection.first),
                Text(&facts::ends(attempt))
            )?;
        }
    }
    writeln!(to)
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

/// A text of a capture as running text of Markdown: nothing in it is markup, a link, or the end of a table's cell.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        escaped(f, &clip(self.0, SHOWN), spelling)
    }
}

/// How a character is written that would be markup; angle brackets become entities, since not every reader of Markdown
/// knows of a backslash before them.
fn spelling(c: char, rest: &str) -> Option<&'static str> {
    Some(match c {
        '<' => "&lt;",
        '>' => "&gt;",
        '&' => "&amp;",
        '\\' => r"\\",
        '`' => r"\`",
        '*' => r"\*",
        '_' => r"\_",
        '[' => r"\[",
        ']' => r"\]",
        '|' => r"\|",
        '~' => r"\~",
        '#' => r"\#",
        '!' => r"\!",
        '$' => r"\$",
        // GitHub makes links of bare addresses.
        ':' if rest.starts_with("//") => r"\:",
        'w' if rest.starts_with("ww.") => "&#119;",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{example, printable::steers},
        *,
    };

    fn written(report: &Report) -> String {
        let mut octets = Vec::new();
        write(report, &mut octets).unwrap();
        String::from_utf8(octets).unwrap()
    }

    /// The cells of a line of a table, by the bars that are not escaped.
    fn cells(line: &str) -> usize {
        line.replace(r"\\", "").replace(r"\|", "").matches('|').count()
    }

    #[test]
    fn a_text_of_a_capture_is_never_markup() {
        let shown = |text| Text(text).to_string();
        assert_eq!(
            shown("a|b `c` *d* _e_ <f> [g](h)"),
            r"a\|b \`c\` \*d\* \_e\_ &lt;f&gt; \[g\](h)"
        );
        assert_eq!(shown("x\n# y"), r"x\\n\# y");
        assert_eq!(
            shown("https://a.example www.b.example &amp;"),
            r"https\://a.example &#119;ww.b.example &amp;amp;"
        );
    }

    #[test]
    fn hostile_text_changes_no_structure() {
        let (tame, hostile) = (
            written(&example::hostile("tame")),
            written(&example::hostile(example::HOSTILE)),
        );
        assert_eq!(tame.lines().count(), hostile.lines().count());
        for (tame, hostile) in tame.lines().zip(hostile.lines()) {
            assert_eq!(cells(tame), cells(hostile), "{hostile}");
            assert_eq!(tame.matches('<').count(), hostile.matches('<').count(), "{hostile}");
            assert_eq!(tame.starts_with('#'), hostile.starts_with('#'), "{hostile}");
        }
        assert!(!hostile.replace('\n', "").contains(steers));
        assert!(!hostile.replace(r"\]", "").contains("]("));
    }

    #[test]
    fn every_failure_is_there_with_its_packets() {
        let text = written(&example::report());
        assert!(text.starts_with("# HTTP upgrades: 2 of 4 failed\n"));
        assert!(
            text.contains("### Attempt 1: server-403 (origin.not-allowed)\n"),
            "{text}"
        );
        assert!(
            text.contains("| 6 | **403 Forbidden**<br>403 with the body “Cross origin websockets not allowed” |\n"),
            "{text}"
        );
        assert!(
            text.contains("### Attempt 3: firewall-drop (firewall.silent-drop-syn)\n"),
            "{text}"
        );
    }
}

//! The report for a person at a terminal: what failed and why first, then each failure with its packets.

use std::io::{self, Write};

use super::{
    Attempt, Capture, Cause, Pattern, Report,
    digest::{self, Alike, counted},
    facts,
    ladder::{self, Step},
    page::{Ink, Page, Span, Style},
    printable::clip,
};

/// How many characters of a text are shown on a page; the JSON report holds the whole.
const SHOWN: usize = 400;

/// Writes the report.
pub fn write(report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(to, style);
    let ink = if report.summary.failed > 0 { Ink::Bad } else { Ink::Good };
    page.paragraph(&[], &[], (ink, &digest::headline(report)))?;
    page.blank()?;
    let (told, more) = digest::captures(report);
    told.into_iter().try_for_each(|it| capture(page, it))?;
    if more > 0 {
        page.line(&[(Ink::Faint, &format!("… and {} more.", counted(more as u64, "capture")))])?;
    }
    if report.summary.failed > 1 {
        page.heading("Failures by cause")?;
        report.patterns.iter().try_for_each(|it| pattern(page, it))?;
    }
    failures(page, report, "Failed attempts", false)?;
    failures(page, report, "Failed attempts whose request was not seen", true)?;
    quiet(page, report, "Undetermined", "undetermined")?;
    quiet(page, report, "Upgraded", "upgraded")?;
    legend(page, report)
}

fn capture(page: &mut Page<'_>, capture: &Capture) -> io::Result<()> {
    let told = facts::capture(capture).join(", ");
    page.paragraph(&[(Ink::Place, &capture.path), COLON], &[INDENT], (Ink::Plain, &told))?;
    let warning = |text: &String| {
        page.paragraph(
            &[INDENT, (Ink::Odd, "warning: ")],
            &[INDENT, INDENT],
            (Ink::Plain, text),
        )
    };
    capture.warnings.iter().try_for_each(warning)
}

fn pattern(page: &mut Page<'_>, pattern: &Pattern) -> io::Result<()> {
    let count = format!("{:>5} × ", pattern.attempts);
    page.line(&[
        (Ink::Strong, &count),
        (Ink::Bad, &pattern.outcome),
        (Ink::Plain, "  "),
        (Ink::Strong, &pattern.cause),
    ])?;
    let lead = (Ink::Plain, "        ");
    page.paragraph(&[lead], &[lead], (Ink::Plain, &clip(&pattern.summary, SHOWN)))?;
    let example = pattern.examples.first().map(|id| format!("attempt {id}"));
    for (name, value) in [
        ("clients", facts::several(&pattern.clients, pattern.client_count)),
        ("servers", facts::several(&pattern.servers, pattern.server_count)),
        ("paths", facts::several(&pattern.paths, pattern.path_count)),
        ("when", Some(facts::span(&pattern.first, &pattern.last))),
        ("health", Some(facts::onset(pattern))),
        ("first", example),
    ] {
        if let Some(value) = value {
            let name = format!("{name:<8} ");
            page.paragraph(
                &[lead, (Ink::Faint, &name)],
                &[lead, (Ink::Faint, "         ")],
                (Ink::Plain, &clip(&value, SHOWN)),
            )?;
        }
    }
    Ok(())
}

fn failures(page: &mut Page<'_>, report: &Report, heading: &str, presumed: bool) -> io::Result<()> {
    let groups = digest::failures(report, presumed);
    if groups.is_empty() {
        return Ok(());
    }
    page.heading(heading)?;
    for Alike { told, more } in groups {
        for attempt in told.iter() {
            page.blank()?;
            failure(page, report, attempt)?;
        }
        if more > 0 {
            page.blank()?;
            let text = format!("… and {more} more like these: --format json tells them all.");
            page.paragraph(&[], &[], (Ink::Faint, &text))?;
        }
    }
    Ok(())
}

fn failure(page: &mut Page<'_>, report: &Report, attempt: &Attempt) -> io::Result<()> {
    let steps = ladder::steps(attempt);
    let numbers = steps.iter().map(|step| label(step).len()).max().unwrap_or(2);
    let margin = " ".repeat(numbers + 1);
    match &attempt.cause {
        Some(Cause { id, summary, .. }) => {
            let id = format!("[{id}]: ");
            page.paragraph(
                &[(Ink::Bad, &attempt.outcome), (Ink::Bad, &id)],
                &[INDENT],
                (Ink::Strong, &clip(summary, SHOWN)),
            )?;
        }
        None => page.line(&[(Ink::Bad, &attempt.outcome)])?,
    }
    let (arrow, bar, under) = (format!("{margin}--> "), format!("{margin} |"), format!("{margin}     "));
    let ends = format!("attempt {}: {}", attempt.id, facts::ends(attempt));
    let (file, time) = (digest::path(report, attempt.capture), &attempt.connection.first);
    let place = format!("{file}, tcp.stream == {}, {time}", attempt.stream);
    for text in [ends, place] {
        page.paragraph(
            &[(Ink::Faint, &arrow)],
            &[(Ink::Plain, &under)],
            (Ink::Place, &clip(&text, SHOWN)),
        )?;
    }
    if !steps.is_empty() {
        page.line(&[(Ink::Faint, &bar)])?;
    }
    let mut file = attempt.capture;
    for step in &steps {
        if step.capture != file {
            file = step.capture;
            page.line(&[
                (Ink::Faint, &format!("{margin}::: ")),
                (Ink::Place, digest::path(report, file)),
            ])?;
        }
        packet(page, step, &margin, numbers)?;
    }
    page.line(&[(Ink::Faint, &bar)])?;
    let equals = format!("{margin} = ");
    for (name, text) in remarks(attempt) {
        let lead: &[Span<'_>] = &[(Ink::Faint, &equals), (Ink::Strong, name), COLON];
        page.paragraph(lead, &[(Ink::Plain, &under)], (Ink::Plain, &clip(&text, SHOWN)))?;
    }
    Ok(())
}

/// A packet of the ladder: its number in the margin, its message, and what else is to be seen in it.
fn packet(page: &mut Page<'_>, step: &Step, margin: &str, numbers: usize) -> io::Result<()> {
    let number = format!(" {:>numbers$}", label(step));
    let bar: Span<'_> = (Ink::Faint, " | ");
    let indent = if step.message.is_some() { "  " } else { "" };
    let message = step.message.iter().map(|text| (Ink::Strong, "", text));
    let notes = step.notes.iter().map(|text| (Ink::Plain, indent, text));
    for (place, (ink, indent, text)) in message.chain(notes).enumerate() {
        let number = if place == 0 { &number } else { margin };
        let first: &[Span<'_>] = &[(Ink::Place, number), bar, (Ink::Plain, indent)];
        let next: &[Span<'_>] = &[(Ink::Plain, margin), bar, (Ink::Plain, indent), INDENT];
        page.paragraph(first, next, (ink, &clip(text, SHOWN)))?;
    }
    Ok(())
}

fn label(step: &Step) -> String {
    format!("#{}", step.packet)
}

/// What is to be said below the packets, each with its name.
fn remarks(attempt: &Attempt) -> Vec<(&'static str, String)> {
    let mut remarks = facts::facts(attempt);
    remarks.extend(facts::hops(attempt).into_iter().map(|hop| ("hop", hop)));
    if let Some(cause) = &attempt.cause {
        remarks.push(("verdict", facts::verdict(cause)));
    }
    for other in &attempt.also_considered {
        remarks.push(("not", format!("{} ({}): {}", other.id, other.confidence, other.why_not)));
    }
    remarks.extend(
        attempt
            .cause
            .iter()
            .flat_map(|cause| &cause.remedies)
            .map(|remedy| ("help", remedy.to_string())),
    );
    remarks
}

/// Attempts that did not fail: by cause, a line each if they are few.
fn quiet(page: &mut Page<'_>, report: &Report, heading: &str, outcome: &str) -> io::Result<()> {
    let groups = digest::quiet(report, outcome);
    if groups.is_empty() {
        return Ok(());
    }
    page.heading(heading)?;
    for Alike { told, more } in groups {
        let count = counted((told.len() + more) as u64, "attempt");
        let cause = told.first().and_then(|attempt| attempt.cause.as_ref());
        if let Some(cause) = cause {
            let lead: &[Span<'_>] = &[
                INDENT,
                (Ink::Odd, &cause.id),
                (Ink::Plain, ", "),
                (Ink::Plain, &count),
                COLON,
            ];
            page.paragraph(lead, &[INDENT, INDENT], (Ink::Plain, &clip(&cause.summary, SHOWN)))?;
            for remedy in &cause.remedies {
                let lead: &[Span<'_>] = &[INDENT, INDENT, (Ink::Strong, "help"), COLON];
                page.paragraph(lead, &[INDENT, INDENT, INDENT], (Ink::Plain, &clip(remedy, SHOWN)))?;
            }
        } else if more > 0 {
            page.line(&[INDENT, (Ink::Good, &count)])?;
        }
        if more == 0 {
            told.iter().try_for_each(|attempt| compact(page, attempt))?;
        }
    }
    Ok(())
}

fn compact(page: &mut Page<'_>, attempt: &Attempt) -> io::Result<()> {
    let text = facts::line(attempt);
    page.paragraph(
        &[INDENT, INDENT],
        &[INDENT, INDENT, INDENT],
        (Ink::Plain, &clip(&text, SHOWN)),
    )
}

fn legend(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let text = match (report.summary.attempts, report.summary.failed) {
        (0, _) => NOTHING,
        (_, 0) => return Ok(()),
        _ => LEGEND,
    };
    page.blank()?;
    page.paragraph(&[], &[], (Ink::Faint, text))
}

const NOTHING: &str = "Nothing here asks for an upgrade: neither a request with Upgrade, nor an extended CONNECT, nor a \
                       connection that died before its request could be seen.";
const LEGEND: &str = "#N is packet N of the capture: frame.number == N in Wireshark. `upgradescope explain CAUSE` tells \
                      more of a cause.";

const INDENT: Span<'_> = (Ink::Plain, "  ");
const COLON: Span<'_> = (Ink::Plain, ": ");

#[cfg(test)]
mod tests {
    use super::{
        super::{example, printable::steers},
        *,
    };

    fn written(report: &Report, style: Style) -> String {
        let mut octets = Vec::new();
        write(report, style, &mut octets).unwrap();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn a_failure_reads_like_a_compiler_message() {
        let text = written(&example::report(), Style::default());
        let expected = "\
server-403[origin.not-allowed]: The server refused the Origin https://evil.example.net.
   --> attempt 1: 172.30.36.166:45103 → 198.51.100.21:8023, websocket
   --> a.pcap, tcp.stream == 0, 2026-11-22T08:00:00.000001Z
    |
 #4 | GET /ws HTTP/1.1
    |   Host ws.example.net, Origin https://evil.example.net, credentials cookie:session
 #6 | 403 Forbidden
    |   403 with the body “Cross origin websockets not allowed”
    |
    = stage: response; TCP SF, history ShADadFf, round trip 12.25 ms
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn what_failed_comes_first_and_what_was_presumed_after() {
        let text = written(&example::report(), Style::default());
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
        let order = [
            "4 upgrade attempts, 2 failed",
            "warning: The last packet is cut off",
            "Failures by cause",
            "attempt 1: ",
            "whose request was not seen",
            "attempt 3: ",
            "Undetermined",
            "Upgraded",
            "frame.number == N",
        ];
        assert!(order.map(place).is_sorted(), "{text}");
    }

    #[test]
    fn no_control_character_of_a_capture_is_written() {
        let report = example::hostile(example::HOSTILE);
        assert!(!written(&report, Style::default()).replace('\n', "").contains(steers));
        let coloured = written(
            &report,
            Style {
                width: 60,
                colour: true,
            },
        );
        assert!(coloured.contains("\u{1b}[1m"));
        let ours = [
            "\u{1b}[0m",
            "\u{1b}[1m",
            "\u{1b}[2m",
            "\u{1b}[31m",
            "\u{1b}[32m",
            "\u{1b}[33m",
            "\u{1b}[36m",
            "\n",
        ];
        let theirs = ours.iter().fold(coloured, |text, ours| text.replace(ours, ""));
        assert!(!theirs.contains(steers));
    }

    #[test]
    fn lines_keep_to_the_width() {
        let text = written(
            &example::report(),
            Style {
                width: 60,
                colour: false,
            },
        );
        assert!(
            text.lines()
                .filter(|line| !line.contains(" × "))
                .all(|line| line.chars().count() <= 60),
            "{text}"
        );
    }

    #[test]
    fn of_many_alike_only_some_are_told() {
        let text = written(&example::many(50), Style::default());
        assert_eq!(text.matches("--> attempt").count(), 3);
        assert!(text.contains("… and 47 more like these"));
    }

    #[test]
    fn a_capture_without_attempts_says_so() {
        let text = written(&example::empty(), Style::default());
        assert!(text.starts_with("No upgrade attempt in 40 packets and 1 connection.\n"));
        assert!(text.contains("Nothing here asks for an upgrade"));
    }
}

//! The report as one HTML file that needs nothing else: no script, no link to anywhere, everything escaped.

mod ladder;

use std::{
    collections::HashSet,
    fmt::{self, Display, Formatter},
    io::{self, Write},
};

use super::{
    Attempt, Capture, Pattern, Report,
    digest::{self, Alike, counted},
    facts,
    printable::{clip, escaped},
    words,
};

/// How many characters of a text are shown; the JSON report holds the whole.
const SHOWN: usize = 2000;
/// How many failures the table lists; a browser stays quick with so many rows.
const ROWS: usize = 1000;

/// Writes the report.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let headline = digest::headline(report);
    let headline = Text(&headline);
    writeln!(to, "{HEAD}\n<title>{headline}</title>")?;
    writeln!(to, "<style>\n{}</style>\n</head>\n<body>", include_str!("page.css"))?;
    writeln!(to, "<header>\n<h1>Why the upgrades failed</h1>")?;
    writeln!(to, r#"<p class="headline">{headline}</p>"#)?;
    outcomes(report, to)?;
    writeln!(to, "</header>\n<main>")?;
    patterns(report, to)?;
    let (seen, presumed) = (digest::failures(report, false), digest::failures(report, true));
    failures(report, "Each failure", &seen, to)?;
    failures(report, "Failures whose request was not seen", &presumed, to)?;
    table(report, &told(seen.iter().chain(&presumed)), to)?;
    quiet(report, "Undetermined", "undetermined", to)?;
    quiet(report, "Upgraded", "upgraded", to)?;
    captures(report, to)?;
    let (name, version) = (Text(&report.tool.name), Text(&report.tool.version));
    writeln!(
        to,
        "</main>\n<footer>Packet #N is <code>frame.number == N</code> in Wireshark."
    )?;
    writeln!(to, "Written by {name} {version}.</footer>\n</body>\n</html>")
}

/// Whatever might slip through: by its policy the page loads, runs and sends nothing.
const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">"#;

/// A bar of the outcomes, each as long as it is frequent, and what the colours mean.
fn outcomes(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let counts = digest::outcomes(report);
    if counts.is_empty() {
        return Ok(());
    }
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    // The rarest stays wide enough to be seen.
    let wide = |count: u64| (count as f64 / total as f64 * 1000.0).max(6.0);
    let all: f64 = counts.iter().map(|&(_, count)| wide(count)).sum();
    writeln!(
        to,
        r#"<svg class="bar" viewBox="0 0 {all:.1} 10" preserveAspectRatio="none" role="img">"#
    )?;
    writeln!(to, "<title>Attempts by outcome</title>")?;
    let mut x = 0.0;
    for &(outcome, count) in &counts {
        let width = wide(count);
        write!(
            to,
            r#"<rect class="fill-{outcome}" x="{x:.1}" width="{width:.1}" height="10">"#
        )?;
        writeln!(to, "<title>{count} {outcome}</title></rect>")?;
        x += width;
    }
    writeln!(to, "</svg>")?;
    writeln!(to, r#"<ul class="key">"#)?;
    for (outcome, count) in counts {
        writeln!(to, "<li>{}<b>{count}</b></li>", Badge(outcome))?;
    }
    writeln!(to, "</ul>")
}

fn patterns(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    if report.patterns.is_empty() {
        return Ok(());
    }
    writeln!(to, "<h2>Failures by cause</h2>")?;
    writeln!(to, r#"<div class="cards">"#)?;
    report.patterns.iter().try_for_each(|it| pattern(it, to))?;
    writeln!(to, "</div>")
}

fn pattern(pattern: &Pattern, to: &mut dyn Write) -> io::Result<()> {
    let (outcome, cause) = (Badge(&pattern.outcome), Text(&pattern.cause));
    writeln!(to, r#"<section class="card">"#)?;
    writeln!(
        to,
        "<h3><b>{} ×</b> {outcome} <code>{cause}</code></h3>",
        pattern.attempts
    )?;
    writeln!(to, "<p>{}</p>\n<dl>", Text(&pattern.summary))?;
    for (name, named, count) in [
        ("Clients", &pattern.clients, pattern.client_count),
        ("Servers", &pattern.servers, pattern.server_count),
        ("Paths", &pattern.paths, pattern.path_count),
    ] {
        if let Some(named) = facts::several(named, count) {
            fact(name, &named, to)?;
        }
    }
    fact("When", &facts::span(&pattern.first, &pattern.last), to)?;
    writeln!(to, "</dl>\n</section>")
}

/// The ids of the attempts that are told in detail.
fn told<'r>(groups: impl Iterator<Item = &'r Alike<'r>>) -> HashSet<&'r str> {
    groups
        .flat_map(|alike| &alike.told)
        .map(|attempt| attempt.id.as_str())
        .collect()
}

fn table(report: &Report, told: &HashSet<&str>, to: &mut dyn Write) -> io::Result<()> {
    if report.summary.failed == 0 {
        return Ok(());
    }
    writeln!(to, "<h2>All failures</h2>")?;
    writeln!(to, r#"<div class="wide">"#)?;
    writeln!(to, "<table>\n<thead><tr>")?;
    for name in ["Attempt", "Time", "Client and server", "Target", "Outcome", "Cause"] {
        writeln!(to, "<th>{name}</th>")?;
    }
    writeln!(to, "</tr></thead>\n<tbody>")?;
    for attempt in digest::failed(report).take(ROWS) {
        row(attempt, told.contains(attempt.id.as_str()), to)?;
    }
    writeln!(to, "</tbody>\n</table>\n</div>")?;
    match digest::failed(report).count().saturating_sub(ROWS) {
        0 => Ok(()),
        more => writeln!(to, r#"<p class="more">… and {more} more in the JSON report.</p>"#),
    }
}

fn row(attempt: &Attempt, told: bool, to: &mut dyn Write) -> io::Result<()> {
    let id = Text(&attempt.id);
    match told {
        true => write!(to, r##"<tr><td><a href="#attempt-{id}">{id}</a></td>"##)?,
        false => write!(to, "<tr><td>{id}</td>")?,
    }
    let target = attempt.request.as_ref().map(|request| clip(&request.target, 60));
    let target = target
        .as_deref()
        .unwrap_or(if attempt.presumed { "not seen" } else { "" });
    let (client, server) = (Text(&attempt.client), Text(&attempt.server));
    write!(
        to,
        "<td>{}</td><td>{client}<br>{server}</td>",
        Text(&attempt.connection.first)
    )?;
    write!(to, "<td>{}</td><td>{}</td>", Text(target), Badge(&attempt.outcome))?;
    match &attempt.cause {
        Some(cause) => writeln!(
            to,
            "<td>{}<br>{}</td></tr>",
            Text(&cause.id),
            Text(&facts::verdict(cause))
        ),
        None => writeln!(to, "<td></td></tr>"),
    }
}

fn failures(report: &Report, heading: &str, groups: &[Alike<'_>], to: &mut dyn Write) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(to, "<h2>{heading}</h2>")?;
    for Alike { told, more } in groups {
        told.iter().try_for_each(|attempt| failure(report, attempt, to))?;
        if *more > 0 {
            writeln!(
                to,
                r#"<p class="more">… and {more} more like these in the JSON report.</p>"#
            )?;
        }
    }
    Ok(())
}

fn failure(report: &Report, attempt: &Attempt, to: &mut dyn Write) -> io::Result<()> {
    let (id, outcome) = (Text(&attempt.id), Badge(&attempt.outcome));
    let cause = attempt.cause.as_ref();
    writeln!(to, r#"<article id="attempt-{id}">"#)?;
    writeln!(
        to,
        "<h3>Attempt {id} {outcome} <code>{}</code></h3>",
        Text(cause.map_or("", |it| &it.id))
    )?;
    if let Some(cause) = cause {
        writeln!(to, r#"<p class="summary">{}</p>"#, Text(&cause.summary))?;
        writeln!(to, r#"<p class="verdict">{}</p>"#, Text(&facts::verdict(cause)))?;
    }
    ladder::write(report, attempt, to)?;
    if let Some(cause) = cause.filter(|cause| !cause.remedies.is_empty()) {
        writeln!(to, "<h4>What to do</h4>\n<ul>")?;
        cause
            .remedies
            .iter()
            .try_for_each(|remedy| writeln!(to, "<li>{}</li>", Text(remedy)))?;
        writeln!(to, "</ul>")?;
    }
    if !attempt.also_considered.is_empty() {
        writeln!(to, "<h4>Also considered</h4>\n<ul>")?;
        for other in &attempt.also_considered {
            let (id, confidence) = (Text(&other.id), Text(&other.confidence));
            writeln!(
                to,
                "<li><code>{id}</code> ({confidence}): {}</li>",
                Text(&other.why_not)
            )?;
        }
        writeln!(to, "</ul>")?;
    }
    details(report, attempt, to)?;
    writeln!(to, "</article>")
}

/// The facts that an expert wants, folded away.
fn details(report: &Report, attempt: &Attempt, to: &mut dyn Write) -> io::Result<()> {
    let path = digest::path(report, attempt.capture);
    let connection = &attempt.connection;
    writeln!(to, "<details>\n<summary>Facts</summary>\n<dl>")?;
    fact("ends", &facts::ends(attempt), to)?;
    fact("capture", &format!("{path}, tcp.stream == {}", attempt.stream), to)?;
    fact("time", &facts::span(&connection.first, &connection.last), to)?;
    facts::facts(attempt)
        .iter()
        .try_for_each(|(name, text)| fact(name, text, to))?;
    facts::hops(attempt).iter().try_for_each(|hop| fact("hop", hop, to))?;
    for (name, text) in [
        ("JA4", attempt.tls.as_ref().and_then(|tls| tls.ja4.as_ref())),
        ("Community ID", Some(&connection.community_id)),
        (
            "User-Agent",
            attempt.request.as_ref().and_then(|request| request.user_agent.as_ref()),
        ),
        (
            "body",
            attempt.response.as_ref().and_then(|response| response.body.as_ref()),
        ),
    ] {
        text.map_or(Ok(()), |text| fact(name, text, to))?;
    }
    writeln!(to, "</dl>\n</details>")
}

fn fact(name: &str, text: &str, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "<dt>{}</dt><dd>{}</dd>", Text(name), Text(text))
}

fn quiet(report: &Report, heading: &str, outcome: &str, to: &mut dyn Write) -> io::Result<()> {
    let groups = digest::quiet(report, outcome);
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(to, "<h2>{heading}</h2>\n<ul>")?;
    for Alike { told, more } in groups {
        let count = counted((told.len() + more) as u64, "attempt");
        match told.first().and_then(|attempt| attempt.cause.as_ref()) {
            Some(cause) => {
                writeln!(
                    to,
                    "<li>{count}, <code>{}</code>: {}",
                    Text(&cause.id),
                    Text(&cause.summary)
                )?;
                cause
                    .remedies
                    .iter()
                    .try_for_each(|it| writeln!(to, r#"<p class="remedy">{}</p>"#, Text(it)))?;
            }
            None => writeln!(to, "<li>{count}")?,
        }
        if more == 0 {
            writeln!(to, "<ul>")?;
            told.iter()
                .try_for_each(|attempt| writeln!(to, "<li>{}</li>", Text(&facts::line(attempt))))?;
            writeln!(to, "</ul>")?;
        }
        writeln!(to, "</li>")?;
    }
    writeln!(to, "</ul>")
}

fn captures(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "<h2>Captures</h2>\n<ul>")?;
    let (told, more) = digest::captures(report);
    for it in told {
        let Capture { path, warnings, .. } = it;
        writeln!(
            to,
            "<li><b>{}</b>: {}",
            Text(path),
            Text(&facts::capture(it).join(", "))
        )?;
        warnings
            .iter()
            .try_for_each(|warning| writeln!(to, r#"<p class="warning">{}</p>"#, Text(warning)))?;
        writeln!(to, "</li>")?;
    }
    if more > 0 {
        writeln!(
            to,
            "<li class=\"more\">… and {} more</li>",
            counted(more as u64, "capture")
        )?;
    }
    writeln!(to, "</ul>")
}

/// An outcome on its colour; one that is not of the contract's list has the colour of the undetermined.
struct Badge<'a>(&'a str);

impl Display for Badge<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let known = words::OUTCOMES
            .into_iter()
            .find(|&outcome| outcome == self.0)
            .unwrap_or("undetermined");
        write!(f, r#"<span class="badge back-{known}">{}</span>"#, Text(self.0))
    }
}

/// A text as content of an element or of a quoted attribute.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        escaped(f, &clip(self.0, SHOWN), |c, _| match c {
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            '&' => Some("&amp;"),
            '"' => Some("&quot;"),
            '\'' => Some("&#39;"),
            _ => None,
        })
    }
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

    #[test]
    fn text_is_never_markup() {
        let shown = |text| Text(text).to_string();
        assert_eq!(
            shown("<script>alert('x')</script>"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
        );
        assert_eq!(shown("\" onload=\"x"), "&quot; onload=&quot;x");
        assert_eq!(shown("a\u{0}\u{202e}b\n"), r"a\u{0}\u{202e}b\n");
    }

    #[test]
    fn hostile_text_opens_no_tag_and_leaves_no_attribute() {
        const OURS: [&str; 42] = [
            "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "header", "h1", "p", "svg", "rect", "ul",
            "li", "span", "b", "main", "h2", "div", "section", "h3", "code", "dl", "dt", "dd", "table", "thead", "tr",
            "th", "tbody", "td", "a", "article", "line", "path", "text", "h4", "details", "summary", "footer",
            "figure", "br",
        ];
        const ATTRIBUTES: &str = "lang charset http-equiv content name class viewBox preserveAspectRatio role x y x1 y1 x2 y2 \
                                  width height href id d html /";
        let html = written(&example::hostile(example::HOSTILE));
        for after in html.split('<').skip(1) {
            let tag = after.split('>').next().unwrap();
            // Every second piece between quotation marks is a value.
            let pieces: Vec<&str> = tag.split('"').collect();
            assert_eq!(pieces.len() % 2, 1, "<{tag}>");
            let names = pieces
                .iter()
                .step_by(2)
                .flat_map(|it| it.split([' ', '=', '\n']))
                .filter(|it| !it.is_empty());
            for (place, name) in names.enumerate() {
                let known = if place == 0 {
                    &OURS[..]
                } else {
                    &ATTRIBUTES.split(' ').collect::<Vec<_>>()
                };
                assert!(
                    known.contains(&name.trim_start_matches(if place == 0 { "/" } else { "" })),
                    "<{tag}>"
                );
            }
        }
        assert!(!html.to_lowercase().contains("<script"));
        assert!(!html.replace('\n', "").contains(steers));
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let html = written(&example::report());
        assert!(html.contains("default-src 'none'"));
        for loader in [
            "src=",
            "url(",
            "@import",
            "<link",
            "<script",
            "<img",
            "<iframe",
            "href=\"http",
        ] {
            assert!(!html.contains(loader), "{loader}");
        }
    }

    #[test]
    fn tags_close_in_the_order_in_which_they_open() {
        for report in [
            example::report(),
            example::empty(),
            example::many(30),
            example::hostile(example::HOSTILE),
        ] {
            let html = written(&report);
            let mut open = Vec::new();
            for after in html.split('<').skip(1) {
                let tag = after.split('>').next().unwrap();
                match tag.strip_prefix('/') {
                    Some(name) => assert_eq!(open.pop(), Some(name), "</{tag}>"),
                    None if tag.ends_with('/') || tag.starts_with('!') || tag.starts_with("meta") || tag == "br" => {}
                    None => open.push(tag.split(' ').next().unwrap()),
                }
            }
            assert_eq!(open, Vec::<&str>::new());
        }
    }

    #[test]
    fn every_failure_that_is_told_can_be_reached_from_the_table() {
        let html = written(&example::many(30));
        assert_eq!(html.matches("<tr><td>").count(), 30);
        assert_eq!(html.matches("href=\"#attempt-").count(), 3);
        assert_eq!(html.matches("<article id=\"attempt-").count(), 3);
    }

    #[test]
    fn every_outcome_has_its_colours() {
        let css = include_str!("page.css");
        for outcome in words::OUTCOMES {
            assert!(css.contains(&format!(".fill-{outcome}, .back-{outcome} ")), "{outcome}");
        }
    }
}

//! The packets of an attempt as a drawing: two lifelines, and what went between them.

use std::io::{self, Write};

use super::{
    super::{
        Attempt, Report, digest,
        ladder::{End, Step, steps},
        printable::{Printable, clip},
        wrap::wrap,
    },
    Text,
};

/// All lengths are units of the drawing's own box, which the browser scales.
const WIDTH: u32 = 900;
const CLIENT: u32 = 110;
const SERVER: u32 = 790;
const MIDDLE: u32 = (CLIENT + SERVER) / 2;
/// From one line of text to the next.
const LINE: u32 = 18;
/// Above the first packet: the names of the ends.
const HEAD: u32 = 44;
/// Between one packet and the next.
const GAP: u32 = 16;
/// How many characters fit between the lifelines.
const COLUMNS: usize = 82;
/// How many characters of a text are drawn.
const SHOWN: usize = 480;

/// Draws the attempt; nothing if no packet tells of it.
pub(super) fn write(report: &Report, attempt: &Attempt, to: &mut dyn Write) -> io::Result<()> {
    let rungs = rungs(report, attempt);
    if rungs.is_empty() {
        return Ok(());
    }
    let bottom = HEAD + rungs.iter().map(Rung::height).sum::<u32>();
    let height = bottom + 34;
    writeln!(to, r#"<figure class="ladder">"#)?;
    writeln!(to, r#"<svg viewBox="0 0 {WIDTH} {height}" role="img">"#)?;
    writeln!(to, "<title>The packets of attempt {}</title>", Text(&attempt.id))?;
    end(&attempt.client, CLIENT, "end left", 10, to)?;
    end(&attempt.server, SERVER, "end right", WIDTH - 10, to)?;
    for x in [CLIENT, SERVER] {
        line("life", (x, 34), (x, bottom + 4), to)?;
    }
    let mut y = HEAD;
    for rung in &rungs {
        rung.write(y, to)?;
        y += rung.height();
    }
    text("outcome", (MIDDLE, bottom + 20), &attempt.outcome, to)?;
    writeln!(to, "</svg>\n</figure>")
}

/// The name of an end over its lifeline, or, if it is too long for that, from the edge inwards.
fn end(name: &str, lifeline: u32, class: &str, edge: u32, to: &mut dyn Write) -> io::Result<()> {
    let name = clip(name, 50);
    match name.chars().count() {
        0..=26 => text("end", (lifeline, 22), &name, to),
        _ => text(class, (edge, 22), &name, to),
    }
}

fn text(class: &str, (x, y): (u32, u32), text: &str, to: &mut dyn Write) -> io::Result<()> {
    let text = Text(text);
    writeln!(to, r#"<text class="{class}" x="{x}" y="{y}">{text}</text>"#)
}

fn line(class: &str, (x1, y1): (u32, u32), (x2, y2): (u32, u32), to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, r#"<line class="{class}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>"#)
}

/// An arrow's head whose tip is at `x` and whose wings end at `back`.
fn head(x: u32, back: u32, y: u32, to: &mut dyn Write) -> io::Result<()> {
    let (over, under) = (y - 5, y + 5);
    writeln!(to, r#"<path class="head" d="M{back} {over}L{x} {y}L{back} {under}Z"/>"#)
}

/// One packet as it is drawn: lines above its arrow and lines below.
struct Rung {
    number: String,
    from: Option<End>,
    is_message: bool,
    above: Vec<String>,
    below: Vec<String>,
}

fn rungs(report: &Report, attempt: &Attempt) -> Vec<Rung> {
    let rung = |step: Step| {
        let elsewhere = (step.capture != attempt.capture).then(|| format!("in {}", digest::path(report, step.capture)));
        let is_message = step.message.is_some();
        let mut texts = step.message.into_iter().chain(step.notes).chain(elsewhere);
        let above = texts.next().map(|text| lines(&text)).unwrap_or_default();
        Rung {
            number: format!("#{}", step.packet),
            from: step.from,
            is_message,
            above,
            below: texts.flat_map(|text| lines(&text)).collect(),
        }
    };
    steps(attempt).into_iter().map(rung).collect()
}

impl Rung {
    fn height(&self) -> u32 {
        (self.above.len() + self.below.len()) as u32 * LINE + GAP + 8
    }

    fn write(&self, top: u32, to: &mut dyn Write) -> io::Result<()> {
        let class = if self.is_message { "message" } else { "note" };
        let mut y = top;
        for above in &self.above {
            y += LINE;
            text(class, (MIDDLE, y), above, to)?;
        }
        y += 8;
        text("number", (CLIENT - 12, y + 4), &self.number, to)?;
        let (left, right) = (CLIENT + 4, SERVER - 4);
        // Where nobody is known to have sent it, the text alone may tell.
        line(
            if self.from.is_some() { "arrow" } else { "seen" },
            (left, y),
            (right, y),
            to,
        )?;
        match self.from {
            Some(End::Client) => head(right, right - 10, y, to)?,
            Some(End::Server) => head(left, left + 10, y, to)?,
            None => {}
        }
        for below in &self.below {
            y += LINE;
            text("note", (MIDDLE, y), below, to)?;
        }
        Ok(())
    }
}

/// A text in lines that fit between the lifelines, since SVG does not wrap by itself; a word longer than that is cut.
fn lines(text: &str) -> Vec<String> {
    let text = Printable(&clip(text, SHOWN)).to_string();
    let cut = |line: String| {
        line.chars()
            .collect::<Vec<_>>()
            .chunks(COLUMNS)
            .map(String::from_iter)
            .collect::<Vec<_>>()
    };
    wrap(&text, COLUMNS, COLUMNS).into_iter().flat_map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_longer_than_the_place_between_the_lifelines() {
        let text = format!("some words, then {} and more", "x".repeat(200));
        let lines = lines(&text);
        assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS));
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
    }
}

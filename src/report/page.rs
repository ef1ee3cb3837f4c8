//! Lines for a terminal: inked, wrapped at its width, and guarded against what a capture may hold.

use std::io::{self, Write};

use anstyle::{AnsiColor, Color, Effects};

use super::{printable::Printable, wrap::wrap};

/// How a terminal, or a file that stands in for one, wants its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How many characters fit on a line; less than 40 is taken as 40.
    pub width: usize,
    /// Whether to write ANSI colours.
    pub colour: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style {
            width: 100,
            colour: false,
        }
    }
}

/// What a piece of a line is, and so how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As it is.
    Plain,
    /// What to read first.
    Strong,
    /// What holds the page together.
    Faint,
    /// What went well.
    Good,
    /// What failed.
    Bad,
    /// What is odd.
    Odd,
    /// Where something is to be found.
    Place,
}

/// A piece of a line.
pub type Span<'a> = (Ink, &'a str);

/// Where lines are written; the only way of a text to a terminal.
pub struct Page<'w> {
    to: &'w mut dyn Write,
    style: Style,
}

impl<'w> Page<'w> {
    /// An empty page.
    pub fn new(to: &'w mut dyn Write, style: Style) -> Self {
        Page { to, style }
    }

    /// Writes one line, however long.
    pub fn line(&mut self, spans: &[Span<'_>]) -> io::Result<()> {
        spans.iter().try_for_each(|&span| self.span(span))?;
        writeln!(self.to)
    }

    /// Writes an empty line.
    pub fn blank(&mut self) -> io::Result<()> {
        self.line(&[])
    }

    /// Writes a heading after an empty line.
    pub fn heading(&mut self, text: &str) -> io::Result<()> {
        self.blank()?;
        self.line(&[(Ink::Strong, text)])
    }

    /// Writes a text between its words on as many lines as it needs; the first begins with `first`, the others with `next`.
    ///
    /// A word that fits on no line stays whole, so that it can be copied.
    pub fn paragraph(&mut self, first: &[Span<'_>], next: &[Span<'_>], (ink, text): Span<'_>) -> io::Result<()> {
        let columns = |lead| self.style.width.max(40).saturating_sub(width(lead));
        let lines = wrap(&Printable(text).to_string(), columns(first), columns(next));
        for (place, line) in lines.iter().enumerate() {
            let lead = if place == 0 { first } else { next };
            lead.iter().try_for_each(|&span| self.span(span))?;
            self.line(&[(ink, line)])?;
        }
        Ok(())
    }

    fn span(&mut self, (ink, text): Span<'_>) -> io::Result<()> {
        let look = look(ink);
        if self.style.colour && !look.is_plain() {
            write!(self.to, "{look}{}{look:#}", Printable(text))
        } else {
            write!(self.to, "{}", Printable(text))
        }
    }
}

fn width(spans: &[Span<'_>]) -> usize {
    spans
        .iter()
        .map(|(_, text)| Printable(text).to_string().chars().count())
        .sum()
}

fn look(ink: Ink) -> anstyle::Style {
    let coloured = |colour: AnsiColor| anstyle::Style::new().fg_color(Some(Color::Ansi(colour)));
    match ink {
        Ink::Plain => anstyle::Style::new(),
        Ink::Strong => anstyle::Style::new().effects(Effects::BOLD),
        Ink::Faint => anstyle::Style::new().effects(Effects::DIMMED),
        Ink::Good => coloured(AnsiColor::Green),
        Ink::Bad => coloured(AnsiColor::Red).effects(Effects::BOLD),
        Ink::Odd => coloured(AnsiColor::Yellow),
        Ink::Place => coloured(AnsiColor::Cyan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(style: Style, write: impl Fn(&mut Page<'_>) -> io::Result<()>) -> String {
        let mut octets = Vec::new();
        write(&mut Page::new(&mut octets, style)).unwrap();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn a_paragraph_hangs_from_its_lead() {
        let text = "one two three four five six seven eight nine ten eleven";
        let style = Style {
            width: 40,
            colour: false,
        };
        let lines = written(style, |page| {
            page.paragraph(&[(Ink::Plain, "1. ")], &[(Ink::Plain, "   ")], (Ink::Plain, text))
        });
        assert_eq!(
            lines,
            "1. one two three four five six seven\n   eight nine ten eleven\n"
        );
        assert!(lines.lines().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn a_word_too_long_for_a_line_stays_whole() {
        let word = "x".repeat(90);
        let style = Style {
            width: 40,
            colour: false,
        };
        let lines = written(style, |page| {
            page.paragraph(&[], &[], (Ink::Plain, &format!("see {word} there")))
        });
        assert_eq!(lines, format!("see\n{word}\nthere\n"));
    }

    #[test]
    fn colours_are_ours_alone() {
        let write = |page: &mut Page<'_>| page.line(&[(Ink::Bad, "a\u{1b}[2J")]);
        assert_eq!(
            written(
                Style {
                    width: 80,
                    colour: true
                },
                write
            ),
            "\u{1b}[1m\u{1b}[31ma\\u{1b}[2J\u{1b}[0m\n"
        );
        assert_eq!(
            written(
                Style {
                    width: 80,
                    colour: false
                },
                write
            ),
            "a\\u{1b}[2J\n"
        );
    }
}

//! The small language in which texts are described: `*` stands for any octets, also for none.

use memchr::memmem::Finder;

/// A text in which `*` stands for any octets; `\*` is a star itself.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    /// What stands before, between and after the stars: one part more than there are stars.
    parts: Vec<Finder<'static>>,
    literals: usize,
    /// Those of all parts.
    pub(super) pairs: Pairs,
}

/// Which pairs of octets stand side by side in a text, told by a few bits: where one that is asked for is missing, nothing has to
/// be searched for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pairs([u64; 4]);

impl Pairs {
    /// Those of a text.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut pairs = Pairs::default();
        for pair in text.windows(2) {
            // The lowest bits of a letter tell more than its highest.
            let place = pair.iter().fold(0, |place, &octet| place * 37 + usize::from(octet)) % 256;
            pairs.0[place / 64] |= 1 << (place % 64);
        }
        pairs
    }

    /// Whether all of `others` may stand there.
    pub(super) fn hold(&self, others: &Pairs) -> bool {
        self.0.iter().zip(others.0).all(|(&own, other)| own & other == other)
    }

    /// Those that are also among `others`.
    pub(super) fn common(self, others: Pairs) -> Pairs {
        let [a, b, c, d] = others.0;
        Pairs([self.0[0] & a, self.0[1] & b, self.0[2] & c, self.0[3] & d])
    }

    fn and(self, others: Pairs) -> Pairs {
        let [a, b, c, d] = others.0;
        Pairs([self.0[0] | a, self.0[1] | b, self.0[2] | c, self.0[3] | d])
    }
}

impl Glob {
    /// Reads a text with stars.
    pub(super) fn new(text: &str) -> Self {
        let mut parts = vec![Vec::new()];
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let (star, length) = if rest.starts_with("\\*") {
                (false, 2)
            } else {
                (next == '*', next.len_utf8())
            };
            let (taken, after) = rest.split_at(length);
            if star {
                parts.push(Vec::new());
            } else if let Some(part) = parts.last_mut() {
                part.extend_from_slice(if length == 2 && taken == "\\*" {
                    b"*"
                } else {
                    taken.as_bytes()
                });
            }
            rest = after;
        }
        Glob {
            literals: parts.iter().map(Vec::len).sum(),
            pairs: parts
                .iter()
                .fold(Pairs::default(), |pairs, part| pairs.and(Pairs::of(part))),
            parts: parts.iter().map(|part| Finder::new(part).into_owned()).collect(),
        }
    }

    /// Whether all of `text` is so. Every star takes as little as it can, so a text is walked through once.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        if text.len() < self.literals {
            return false;
        }
        let Some((first, others)) = self.parts.split_first() else {
            return false;
        };
        let Some(mut rest) = after(text, first.needle()) else {
            return false;
        };
        let Some((last, middle)) = others.split_last() else {
            return rest.is_empty();
        };
        for part in middle {
            let Some(after) = part.find(rest).and_then(|at| rest.get(at + part.needle().len()..)) else {
                return false;
            };
            rest = after;
        }
        last.needle().is_empty() || rest.ends_with(last.needle())
    }

    /// Whether all of `text` is so, whose pairs are these.
    pub(super) fn matches_of(&self, text: &[u8], pairs: &Pairs) -> bool {
        pairs.hold(&self.pairs) && self.matches(text)
    }

    /// Whether the end of the text matters.
    pub(super) fn is_closed(&self) -> bool {
        self.parts.len() == 1 || self.parts.last().is_some_and(|part| !part.needle().is_empty())
    }

    /// How many octets are told: the more, the more the text says.
    pub(super) fn literals(&self) -> usize {
        self.literals
    }
}

/// What follows `start` in `text`. Most globs begin with a star: nothing is compared with nothing, for which some processors
/// take longer than for a page, as an empty text has no place in memory.
fn after<'t>(text: &'t [u8], start: &[u8]) -> Option<&'t [u8]> {
    if start.is_empty() {
        Some(text)
    } else {
        text.strip_prefix(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_octets() {
        for (glob, text, so) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("ab", "ab", true),
            ("ab", "abc", false),
            ("ab*", "abc", true),
            ("*bc", "abc", true),
            ("*b*", "abc", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*aab", "aaab", true),
            (r"1\*2", "1*2", true),
            (r"1\*2", "1+2", false),
            (r"\d*", r"\d1", true),
            ("⚠️*—", "⚠️ 403 —", true),
        ] {
            assert_eq!(Glob::new(glob).matches(text.as_bytes()), so, "{glob:?} {text:?}");
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        fn model(glob: &[u8], text: &[u8]) -> bool {
            match glob.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|n| model(rest, &text[n..])),
                Some((octet, rest)) => text.first() == Some(octet) && model(rest, &text[1..]),
            }
        }
        let mut random = fastrand::Rng::with_seed(6455);
        let mut both = [0; 2];
        for _ in 0..20_000 {
            let glob: String = (0..random.usize(0..6))
                .map(|_| ['*', 'a', 'b'][random.usize(0..3)])
                .collect();
            let text: String = (0..random.usize(0..8))
                .map(|_| ['a', 'b'][random.usize(0..2)])
                .collect();
            let so = Glob::new(&glob).matches(text.as_bytes());
            assert_eq!(so, model(glob.as_bytes(), text.as_bytes()), "{glob:?} {text:?}");
            let by_pairs = Glob::new(&glob).matches_of(text.as_bytes(), &Pairs::of(text.as_bytes()));
            assert_eq!(so, by_pairs, "{glob:?} {text:?}");
            both[usize::from(so)] += 1;
        }
        assert!(both.iter().all(|&count| count > 1000), "{both:?}");
    }
}

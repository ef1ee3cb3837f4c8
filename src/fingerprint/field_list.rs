//! The small language in which the names, the letter case and the order of fields are described.

use crate::fingerprint::answer::Answer;

/// How many entries a list may have: the places reached are the bits of one word.
const MOST_STEPS: usize = 60;

/// The names of an answer's fields in order, as `["Date", "Connection?", "*"]` describes them.
#[derive(Clone, Debug)]
pub(super) struct FieldList {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    /// `*`: any fields, also none.
    Any,
    /// `a-z*`: any fields whose names have no capital letter.
    AnySmall,
    /// `Date`, or `Date?` if it may be missing.
    Name { name: String, optional: bool },
}

impl FieldList {
    /// Reads a list; fails with what is wrong.
    pub(super) fn new(entries: &[String]) -> Result<Self, String> {
        if entries.len() > MOST_STEPS {
            return Err(format!("a list of fields may have {MOST_STEPS} entries"));
        }
        let steps = entries.iter().map(|entry| match entry.as_str() {
            "*" => Ok(Step::Any),
            "a-z*" => Ok(Step::AnySmall),
            name => {
                let (name, optional) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
                let is_token = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'*');
                let name = name.to_owned();
                if is_token {
                    Ok(Step::Name { name, optional })
                } else {
                    Err(format!("{entry:?} is no field name"))
                }
            }
        });
        Ok(FieldList {
            steps: steps.collect::<Result<_, _>>()?,
        })
    }

    /// Whether the answer's fields are so.
    pub(super) fn fit(&self, answer: &Answer<'_>) -> bool {
        let tells_nothing = answer.is_binary() && self.tells_by_small_letters();
        !tells_nothing && self.matches(answer.names())
    }

    /// Whether the names are so. All places that can be reached are followed at once: one pass, whatever the list.
    fn matches<'n>(&self, names: impl Iterator<Item = &'n [u8]>) -> bool {
        let mut reached = self.skip(1);
        for name in names {
            let from = self
                .steps
                .iter()
                .enumerate()
                .filter(|(place, _)| reached & (1 << place) != 0);
            reached = self.skip(from.fold(0, |next, (place, step)| next | step.take(name) << place));
            if reached == 0 {
                return false;
            }
        }
        reached & (1 << self.steps.len()) != 0
    }

    /// Whether it tells by small letters, which tells nothing where all names are small.
    fn tells_by_small_letters(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::AnySmall))
    }

    /// Whether it tells all fields: none may stand between or after them.
    pub(super) fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Name { .. }))
    }

    /// The names that must be there, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Name { name, optional: false } => Some(name.as_str()),
            _ => None,
        })
    }

    /// The list in words.
    pub(super) fn words(&self) -> String {
        let names: Vec<_> = self.names().collect();
        match (names.as_slice(), self.is_complete()) {
            ([], true) => "no field at all".to_owned(),
            ([name], true) => format!("no field but {name}"),
            (names, true) => format!("field order {}", names.join(", ")),
            (names, false) => format!("among its fields {}, in this order", names.join(", ")),
        }
    }

    /// `reached` with all places that need no further field.
    fn skip(&self, reached: u64) -> u64 {
        let skippable = self.steps.iter().enumerate().filter(|(_, step)| step.is_skippable());
        skippable.fold(reached, |reached, (place, _)| reached | (reached & (1 << place)) << 1)
    }
}

impl Step {
    /// Where a field of this name leads to: 1 stays, 2 goes on, 0 leads nowhere.
    fn take(&self, name: &[u8]) -> u64 {
        match self {
            Step::Any => 1,
            Step::AnySmall => u64::from(!name.iter().any(u8::is_ascii_uppercase)),
            Step::Name { name: own, .. } => u64::from(own.as_bytes() == name) << 1,
        }
    }

    fn is_skippable(&self) -> bool {
        !matches!(self, Step::Name { optional: false, .. })
    }
}

/// Which names stand among others, whatever their letter case, told by a few bits: where one that is asked for is missing, no
/// more has to be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Names(u64);

impl Names {
    /// Those that are given.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n [u8]>) -> Self {
        let sum = |name: &[u8]| {
            let small = name.iter().map(|octet| u32::from(octet.to_ascii_lowercase()));
            small.fold(0, |sum: u32, octet| sum.wrapping_mul(31).wrapping_add(octet))
        };
        Names(names.fold(0, |bits, name| bits | 1 << (sum(name) % 64)))
    }

    /// Whether all of `others` may be among these.
    pub(super) fn may_hold(self, others: Names) -> bool {
        self.0 & others.0 == others.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> FieldList {
        FieldList::new(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).unwrap()
    }

    fn matches(entries: &str, names: &str) -> bool {
        list(entries).matches(names.split_whitespace().map(str::as_bytes))
    }

    #[test]
    fn order_and_letter_case_count() {
        for (entries, names, so) in [
            ("", "", true),
            ("", "Date", false),
            ("Date Server", "Date Server", true),
            ("Date Server", "Server Date", false),
            ("Date", "date", false),
            ("Date", "", false),
            ("Date Server? Allow?", "Date", true),
            ("Date Server? Allow?", "Date Allow", true),
            ("Date Server? Allow?", "Date Allow Server", false),
            ("* Date *", "Server Date Allow", true),
            ("* Date", "Date Date", true),
            ("a-z* Date", "via x-a Date", true),
            ("a-z* Date", "Via Date", false),
            ("a-z* *", "Via", true),
        ] {
            assert_eq!(matches(entries, names), so, "{entries:?} {names:?}");
        }
    }

    #[test]
    fn odd_lists_are_refused() {
        assert!(FieldList::new(&["Da te".to_owned()]).is_err());
        assert!(FieldList::new(&["?".to_owned()]).is_err());
        assert!(FieldList::new(&["x*".to_owned()]).is_err());
        assert!(FieldList::new(&vec!["*".to_owned(); MOST_STEPS + 1]).is_err());
        assert!(list(&"a ".repeat(MOST_STEPS)).is_complete());
    }

    #[test]
    fn agrees_with_the_definition() {
        fn model(steps: &[&str], names: &[&str]) -> bool {
            match steps.split_first() {
                None => names.is_empty(),
                Some((&"*", rest)) => (0..=names.len()).any(|n| model(rest, &names[n..])),
                Some((&"a-z*", rest)) => {
                    let small = names.iter().take_while(|name| name.to_lowercase() == **name).count();
                    (0..=small).any(|n| model(rest, &names[n..]))
                }
                Some((step, rest)) => {
                    (step.ends_with('?') && model(rest, names))
                        || names
                            .split_first()
                            .is_some_and(|(name, names)| step.trim_end_matches('?') == *name && model(rest, names))
                }
            }
        }
        let mut random = fastrand::Rng::with_seed(9110);
        let mut both = [0; 2];
        for _ in 0..20_000 {
            let steps: Vec<_> = (0..random.usize(0..6))
                .map(|_| ["*", "a-z*", "A", "a", "A?", "a?"][random.usize(0..6)])
                .collect();
            let names: Vec<_> = (0..random.usize(0..5))
                .map(|_| ["A", "a"][random.usize(0..2)])
                .collect();
            let so = matches(&steps.join(" "), &names.join(" "));
            assert_eq!(so, model(&steps, &names), "{steps:?} {names:?}");
            both[usize::from(so)] += 1;
        }
        assert!(both.iter().all(|&count| count > 1000), "{both:?}");
    }
}

//! Field lines as they were sent: order, letter case and repetition are evidence.

use std::fmt;

use super::syntax;

/// One field line.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The name as it was written.
    pub name: Box<[u8]>,
    /// The value without the whitespace around it; it may hold any octet.
    pub value: Box<[u8]>,
}

/// The field lines of a head, in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// The fields in the order in which they were sent.
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.0.iter()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the first field of that name, in any letter case.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|field| field.is_named(name))
            .map(|field| &*field.value)
    }

    /// The values of all fields of that name, in any letter case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |field| field.is_named(name))
            .map(|field| &*field.value)
    }

    /// The members of the comma-separated lists in all fields of that name, as if they were one (RFC 9110 section 5.3).
    pub fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(syntax::list)
    }

    /// Whether `token` is a member of the lists in the fields of that name; letter case does not matter.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.members(name)
            .any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Whether there is a field of that name, in any letter case.
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }
}

impl Field {
    /// Whether this is the name, in any letter case.
    fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Fields(fields.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name.escape_ascii(), self.value.escape_ascii())
    }
}

#[cfg(test)]
impl Fields {
    /// Fields out of pairs, for tests.
    pub(super) fn of(pairs: &[(&str, &str)]) -> Fields {
        let field = |(name, value): &(&str, &str)| Field {
            name: name.as_bytes().into(),
            value: value.as_bytes().into(),
        };
        pairs.iter().map(field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tokens_have_no_letter_case_but_keep_what_was_written() {
        let fields = Fields::of(&[("CONNECTION", "keep-alive"), ("connection", ", Upgrade ,")]);
        assert_eq!(fields.first("Connection"), Some(&b"keep-alive"[..]));
        assert_eq!(fields.all("Connection").count(), 2);
        assert!(fields.has_token("Connection", "UPGRADE"));
        assert!(!fields.has_token("Connection", "Upgrad"));
        assert_eq!(
            fields.iter().map(|field| &*field.name).collect::<Vec<_>>(),
            [&b"CONNECTION"[..], b"connection"]
        );
    }
}

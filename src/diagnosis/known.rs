//! What several rules derive of the same attempt, so that it is derived once.

use std::cell::OnceCell;

use crate::diagnosis::{
    refusal::Contrast,
    rule::Case,
    words::{self, Words},
};

/// What was derived of an attempt so far; each is derived when a rule first asks for it.
#[derive(Default)]
pub(super) struct Known<'a> {
    words: OnceCell<Words>,
    quoted: OnceCell<String>,
    contrasts: OnceCell<Vec<Contrast<'a>>>,
}

impl<'a> Case<'a> {
    /// The words of the answer.
    pub(super) fn words(&self) -> &'a Words {
        self.known.words.get_or_init(|| Words::of(self.attempt))
    }

    /// The answer in a few words, for evidence.
    pub(super) fn quoted(&self) -> &'a str {
        self.known.quoted.get_or_init(|| words::quoted(self.attempt))
    }

    /// Accepted attempts on the same path of the same server, if all of the request was seen.
    pub(super) fn contrasts(&self) -> &'a [Contrast<'a>] {
        self.known.contrasts.get_or_init(|| Contrast::all(self))
    }
}

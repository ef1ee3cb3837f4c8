//! A list that remembers its first items and its last, and counts the rest.

use crate::tcp::rare::Blank;

/// Keeps the first [`Few::KEPT`] - 1 items and the latest one; counts all.
#[derive(Clone, Debug)]
pub struct Few<T> {
    kept: Vec<T>,
    count: u32,
}

impl<T> Few<T> {
    /// How many items are remembered at most.
    pub const KEPT: usize = 8;

    /// An empty list.
    pub const fn new() -> Self {
        Few {
            kept: Vec::new(),
            count: 0,
        }
    }

    /// Makes room for as many as are known to come.
    pub(super) fn expect(&mut self, items: usize) {
        self.kept.reserve_exact(items.min(Self::KEPT));
    }

    /// Adds one.
    pub fn push(&mut self, item: T) {
        self.count = self.count.saturating_add(1);
        if self.kept.len() == Self::KEPT {
            self.kept.pop();
        }
        make_room(&mut self.kept);
        self.kept.push(item);
    }

    /// How many there were in all.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first.
    pub fn first(&self) -> Option<&T> {
        self.kept.first()
    }

    /// The latest.
    pub fn last(&self) -> Option<&T> {
        self.kept.last()
    }

    /// The latest, to be changed.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        self.kept.last_mut()
    }

    /// Those that are remembered, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.kept.iter()
    }

    /// Those that are remembered, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.kept.iter_mut()
    }
}

/// Makes room for one more item of a list that mostly holds one: a vector would take room for four at once.
pub fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(1));
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Few::new()
    }
}

impl<T: 'static> Blank for Few<T> {
    const BLANK: &'static Self = &Few::new();
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_and_the_last() {
        let mut few = Few::default();
        (0..100).for_each(|n| few.push(n));
        assert_eq!(few.iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 99]);
        assert_eq!(few.count(), 100);
    }
}

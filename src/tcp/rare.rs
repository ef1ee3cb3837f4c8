//! A part that most connections do without: it takes memory only once there is something to say.

use std::ops::{Deref, DerefMut};

/// Reads as a blank value until it is first changed, and takes no memory until then.
///
/// A scan makes connections by the million of which one SYN is all: each should cost little.
#[derive(Clone, Debug)]
pub struct Rare<T>(Option<Box<T>>);

/// Has a value that says nothing, which is also its default.
pub trait Blank: Default + 'static {
    /// That value.
    const BLANK: &'static Self;
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Rare(None)
    }
}

impl<T: Blank> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::BLANK)
    }
}

impl<T: Blank> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: 'static> Blank for Vec<T> {
    const BLANK: &'static Self = &Vec::new();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Few;

    #[test]
    fn it_is_blank_until_it_is_changed() {
        let mut rare: Rare<Few<u8>> = Rare::default();
        assert_eq!((rare.count(), rare.first()), (0, None));
        assert!(rare.0.is_none());
        rare.push(7);
        assert_eq!((rare.count(), rare.first()), (1, Some(&7)));
    }
}

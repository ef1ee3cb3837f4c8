//! Octets of which the snapshot length may have cut the end: what was captured, and how much there was on the wire.

use super::Skip;

/// The octets of a header and all behind it: those that were captured, and how many there were on the wire.
///
/// There are never more octets than `length`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Captured<'w> {
    /// What was captured.
    pub(super) octets: &'w [u8],
    /// How many there were.
    pub(super) length: u32,
}

impl<'w> Captured<'w> {
    /// Captured octets of which there were `length`; a `length` that they contradict does not count.
    #[inline]
    pub(super) fn new(octets: &'w [u8], length: u32) -> Self {
        let there = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        Captured {
            octets,
            length: length.max(there),
        }
    }

    /// What stands behind the next `n` octets.
    #[inline]
    pub(super) fn after(self, n: usize) -> Result<Self, Skip> {
        let octets = self.octets.get(n..).ok_or_else(|| self.lacks(n))?;
        // No more octets than `length`, so `n` is no more than it either.
        Ok(Captured {
            octets,
            length: self.length.saturating_sub(n as u32),
        })
    }

    /// The first `length` octets, as an inner header counts them.
    ///
    /// It may know of more than the frame's length tells: switches and brokers that cut frames on their way to the capture do
    /// not say so.
    #[inline]
    pub(super) fn limited(self, length: u32) -> Self {
        let octets = self.octets.get(..length as usize).unwrap_or(self.octets);
        Captured { octets, length }
    }

    /// Why the next `n` octets are not all there: they were cut off, or there never were as many.
    pub(super) fn lacks(&self, n: usize) -> Skip {
        if (self.length as usize) < n {
            Skip::Malformed
        } else {
            Skip::CutShort
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_was_cut_off_or_never_there() {
        let captured = Captured::new(&[1, 2, 3], 5);
        assert_eq!(captured.after(4).unwrap_err(), Skip::CutShort);
        assert_eq!(captured.after(5).unwrap_err(), Skip::CutShort);
        assert_eq!(captured.after(6).unwrap_err(), Skip::Malformed);
        let rest = captured.after(2).unwrap();
        assert_eq!((rest.octets, rest.length), (&[3][..], 3));
    }

    #[test]
    fn an_inner_length_wins() {
        let captured = Captured::new(&[1, 2, 3], 3);
        assert_eq!(captured.limited(2).octets, [1, 2]);
        assert_eq!(captured.limited(9).octets, [1, 2, 3]);
        assert_eq!(captured.limited(9).length, 9);
    }

    #[test]
    fn a_length_shorter_than_the_octets_does_not_count() {
        assert_eq!(Captured::new(&[1, 2, 3], 0).length, 3);
    }
}

//! A cursor over hostile octets: it never panics and never reads past the end.

/// A cursor over octets in network order; every read that does not fit gives `None` and leaves the cursor where it was.
#[derive(Clone, Copy, Debug)]
pub struct Octets<'a> {
    rest: &'a [u8],
}

impl<'a> Octets<'a> {
    /// A cursor at the first of `octets`.
    pub fn new(octets: &'a [u8]) -> Self {
        Octets { rest: octets }
    }

    /// How many octets are left.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, without moving.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` octets.
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next `N` octets as an array.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    /// The next octet.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// The next two octets, most significant first.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next three octets, most significant first.
    pub fn u24(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// The next four octets, most significant first.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next eight octets, most significant first.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A vector that is preceded by its length in one octet.
    pub fn vector8(&mut self) -> Option<Octets<'a>> {
        self.vector(|cursor| cursor.u8().map(usize::from))
    }

    /// A vector that is preceded by its length in two octets.
    pub fn vector16(&mut self) -> Option<Octets<'a>> {
        self.vector(|cursor| cursor.u16().map(usize::from))
    }

    /// A vector that is preceded by its length in three octets.
    pub fn vector24(&mut self) -> Option<Octets<'a>> {
        self.vector(|cursor| cursor.u24().and_then(|length| usize::try_from(length).ok()))
    }

    fn vector(&mut self, length: impl FnOnce(&mut Self) -> Option<usize>) -> Option<Octets<'a>> {
        let mut ahead = *self;
        let length = length(&mut ahead)?;
        let taken = ahead.take(length)?;
        *self = ahead;
        Some(Octets::new(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_network_order() {
        let mut cursor = Octets::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(cursor.u8(), Some(1));
        assert_eq!(cursor.u16(), Some(0x0203));
        assert_eq!(cursor.u24(), Some(0x040506));
        assert_eq!(cursor.u32(), Some(0x0708090a));
        assert_eq!(cursor.u8(), None);
    }

    #[test]
    fn a_vector_longer_than_what_is_there_moves_nothing() {
        let mut cursor = Octets::new(&[3, 1, 2]);
        assert!(cursor.vector8().is_none());
        assert_eq!(cursor.rest(), [3, 1, 2]);
    }
}

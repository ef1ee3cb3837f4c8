//! The sequence space of one direction: numbers modulo 2^32 on the wire, offsets in 64 bits here.

/// Maps the sequence numbers of one direction (RFC 9293 section 3.4) to offsets of its octet stream.
///
/// Offset 0 is the first octet after the SYN, or the first octet seen where the SYN was not captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    origin: u32,
}

impl Space {
    /// The space whose offset 0 has the sequence number `origin`.
    pub(super) fn new(origin: u32) -> Self {
        Space { origin }
    }

    /// The offset of `sequence` that lies nearest to `near`; negative for what lies before offset 0.
    pub(super) fn offset(self, sequence: u32, near: u64) -> i64 {
        let expected = self.origin.wrapping_add(near as u32);
        let distance = sequence.wrapping_sub(expected) as i32;
        (near as i64).saturating_add(i64::from(distance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_go_on_past_the_wrap() {
        let space = Space::new(u32::MAX - 1);
        assert_eq!(space.offset(u32::MAX, 0), 1);
        assert_eq!(space.offset(3, 4), 5);
        assert_eq!(space.offset(u32::MAX - 2, 0), -1);
    }

    #[test]
    fn offsets_follow_four_gigabytes_and_more() {
        let space = Space::new(77);
        let mut offset = 0u64;
        for _ in 0..20 {
            let ahead = offset + 0x4000_0000;
            let sequence = 77u32.wrapping_add(ahead as u32);
            assert_eq!(space.offset(sequence, offset), ahead as i64);
            offset = ahead;
        }
    }
}

//! The order of octets in which a capture file writes its numbers.

/// Whose machine wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// Least significant octet first.
    Little,
    /// Most significant octet first.
    Big,
}

impl ByteOrder {
    /// A number of 32 bits.
    pub(super) fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            ByteOrder::Little => u32::from_le_bytes(octets),
            ByteOrder::Big => u32::from_be_bytes(octets),
        }
    }

    /// A number of 64 bits.
    pub(super) fn u64(self, octets: [u8; 8]) -> u64 {
        match self {
            ByteOrder::Little => u64::from_le_bytes(octets),
            ByteOrder::Big => u64::from_be_bytes(octets),
        }
    }

    /// The first `N` numbers of 32 bits; `None` if there are fewer.
    pub(super) fn words<const N: usize>(self, octets: &[u8]) -> Option<[u32; N]> {
        let (words, _) = octets.as_chunks::<4>();
        words.first_chunk::<N>().map(|words| words.map(|word| self.u32(word)))
    }

    /// The last number of 32 bits.
    pub(super) fn last_word(self, octets: &[u8]) -> Option<u32> {
        octets.last_chunk().map(|word| self.u32(*word))
    }

    /// The two numbers of 16 bits, in the order of the file, of which `word` was read as one.
    pub(super) fn halves(self, word: u32) -> [u16; 2] {
        let (high, low) = ((word >> 16) as u16, word as u16);
        match self {
            ByteOrder::Little => [low, high],
            ByteOrder::Big => [high, low],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_stand_as_in_the_file() {
        let octets = [0x01, 0x02, 0x03, 0x04];
        assert_eq!(
            ByteOrder::Little.halves(ByteOrder::Little.u32(octets)),
            [0x0201, 0x0403]
        );
        assert_eq!(ByteOrder::Big.halves(ByteOrder::Big.u32(octets)), [0x0102, 0x0304]);
    }

    #[test]
    fn words_need_all_their_octets() {
        assert_eq!(ByteOrder::Big.words(&[0, 0, 0, 1, 0, 0, 0, 2, 9]), Some([1, 2]));
        assert_eq!(ByteOrder::Big.words::<3>(&[0; 11]), None);
    }
}

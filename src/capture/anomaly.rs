//! What is odd in a capture file, without hindering its reading.

use std::{fmt, mem};

use super::Compression;

/// Something odd in a capture file, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// What is odd.
    pub trouble: Trouble,
    /// The number of the packet that is odd, or of the last one before what is odd; 0 before the first.
    pub packet: u64,
    /// Where it stands: octets from the start of the (decompressed) capture.
    pub offset: u64,
    /// How often the same trouble came again. Only its first place is kept, so a file of nothing but trouble costs no memory.
    pub repeats: u64,
}

/// The kinds of trouble with a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The capture ends inside a header, a record or a block.
    CutShort,
    /// A record claims more captured octets than any frame has, so its header is none.
    NonsenseRecord {
        /// The octets that it claims.
        captured: u32,
    },
    /// A packet holds more octets than the snapshot length allows.
    BeyondSnapLength {
        /// The octets that it holds.
        captured: u32,
        /// The snapshot length.
        snap_length: u32,
    },
    /// A block claims a length that no block can have.
    BadBlockLength {
        /// The type of the block.
        kind: u32,
        /// The length that it claims.
        length: u32,
    },
    /// A section header does not tell its byte order.
    BadSectionHeader,
    /// A section is of a version that is not known.
    SectionVersion {
        /// Its major version.
        major: u16,
        /// Its minor version.
        minor: u16,
    },
    /// A block does not end with the length with which it begins.
    MismatchedLengths {
        /// The length at its start.
        first: u32,
        /// The length at its end.
        second: u32,
    },
    /// A block is longer than any that is read.
    BlockTooLong {
        /// The type of the block.
        kind: u32,
        /// Its length.
        length: u32,
    },
    /// The fields or options of a block are no such.
    MalformedBlock {
        /// The type of the block.
        kind: u32,
    },
    /// A packet claims more octets than its block has room for.
    Overrun {
        /// The octets that it claims.
        captured: u32,
    },
    /// A packet was captured on an interface that no block before it describes.
    UnknownInterface {
        /// The number of the interface.
        interface: u32,
    },
    /// There are more interfaces than are remembered.
    TooManyInterfaces,
    /// A packet bears a time before 1677 or after 2262.
    ImpossibleTime,
    /// There are more secrets than are remembered.
    TooManySecrets,
    /// The capture cannot be decompressed further.
    Decompression {
        /// How it is compressed.
        compression: Compression,
        /// What the decompressor says.
        cause: String,
    },
    /// The system cannot read further.
    Unreadable {
        /// What the system says.
        cause: String,
    },
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence(f)?;
        match self.repeats {
            0 => f.write_str("."),
            more => write!(f, " (and {more} more like it)."),
        }
    }
}

impl Anomaly {
    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Anomaly { packet, offset, .. } = self;
        match &self.trouble {
            Trouble::CutShort => {
                write!(
                    f,
                    "The capture ends inside the record after packet {packet}, at octet {offset}; that record is left out"
                )
            }
            Trouble::NonsenseRecord { captured } => write!(
                f,
                "The record after packet {packet}, at octet {offset}, claims {captured} captured octets; reading stops there"
            ),
            Trouble::BeyondSnapLength { captured, snap_length } => write!(
                f,
                "Packet {packet} holds {captured} octets although the snapshot length is {snap_length}; it is read whole"
            ),
            Trouble::BadBlockLength { kind, length } => write!(
                f,
                "The block of type {kind:#x} after packet {packet}, at octet {offset}, claims a length of {length}; reading \
                 stops there"
            ),
            Trouble::BadSectionHeader => write!(
                f,
                "The section header after packet {packet}, at octet {offset}, tells no byte order; reading stops there"
            ),
            Trouble::SectionVersion { major, minor } => {
                write!(
                    f,
                    "The section at octet {offset} is of version {major}.{minor}; it is read as 1.0"
                )
            }
            Trouble::MismatchedLengths { first, second } => write!(
                f,
                "The block at octet {offset}, about packet {packet}, is {first} octets long by its start and {second} by its \
                 end; it is read by its start"
            ),
            Trouble::BlockTooLong { kind, length } => write!(
                f,
                "The block of type {kind:#x} at octet {offset}, about packet {packet}, is {length} octets long; it is left out"
            ),
            Trouble::MalformedBlock { kind } => {
                write!(
                    f,
                    "The block of type {kind:#x} at octet {offset} is malformed; what cannot be read is left out"
                )
            }
            Trouble::Overrun { captured } => write!(
                f,
                "Packet {packet}, at octet {offset}, claims {captured} captured octets, more than its block; it is left out"
            ),
            Trouble::UnknownInterface { interface } => write!(
                f,
                "Packet {packet}, at octet {offset}, is of interface {interface}, which is not described before; it is left out"
            ),
            Trouble::TooManyInterfaces => write!(
                f,
                "The interface described at octet {offset} is one too many; it and its packets are left out"
            ),
            Trouble::ImpossibleTime => {
                write!(
                    f,
                    "Packet {packet} bears a time before 1677 or after 2262; it is read without a time"
                )
            }
            Trouble::TooManySecrets => {
                write!(
                    f,
                    "The secrets at octet {offset} are more than are remembered; they are left out"
                )
            }
            Trouble::Decompression { compression, cause } => write!(
                f,
                "The {compression} is damaged after packet {packet}, at octet {offset} of the capture inside: {cause}; \
                 reading stops there"
            ),
            Trouble::Unreadable { cause } => write!(
                f,
                "The capture cannot be read after packet {packet}, at octet {offset}: {cause}; reading stops there"
            ),
        }
    }
}

/// Adds to `anomalies`, which hold one of each kind.
pub(super) fn add(anomalies: &mut Vec<Anomaly>, trouble: Trouble, packet: u64, offset: u64) {
    let alike = |seen: &&mut Anomaly| mem::discriminant(&seen.trouble) == mem::discriminant(&trouble);
    match anomalies.iter_mut().find(alike) {
        Some(seen) => seen.repeats = seen.repeats.saturating_add(1),
        None => anomalies.push(Anomaly {
            trouble,
            packet,
            offset,
            repeats: 0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_kind_is_kept() {
        let mut anomalies = Vec::new();
        for packet in 1..=5 {
            add(
                &mut anomalies,
                Trouble::UnknownInterface { interface: packet },
                packet.into(),
                100,
            );
        }
        add(&mut anomalies, Trouble::CutShort, 5, 900);
        let sentences: Vec<String> = anomalies.iter().map(Anomaly::to_string).collect();
        assert_eq!(
            sentences,
            [
                "Packet 1, at octet 100, is of interface 1, which is not described before; it is left out (and 4 more like it).",
                "The capture ends inside the record after packet 5, at octet 900; that record is left out."
            ]
        );
    }
}

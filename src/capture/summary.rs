//! What is known of a capture file as a whole.

use std::{fmt, mem};

use super::{
    Anomaly, Compression, LinkType, PacketId, Source, Time,
    anomaly::{self, Trouble},
};

/// What is known of a capture file when it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureFile {
    /// How the user named it, or how it is called in the folder that was named; `-` for standard input.
    pub path: String,
    /// Its format, inside of the compression.
    pub format: Format,
    /// How it is compressed.
    pub compression: Option<Compression>,
    /// The link types of its interfaces, each once, in the order of appearance.
    pub link_types: Vec<LinkType>,
    /// The number of its packets, by Wireshark's count; some of them may be no frames.
    pub packets: u64,
    /// How many octets of it were read, decompressed.
    pub octets: u64,
    /// The earliest time of a frame.
    pub first: Option<Time>,
    /// The latest time of a frame.
    pub last: Option<Time>,
    /// How many decimal digits of a second its finest clock tells: 6 for microseconds; at most 9.
    pub precision: u8,
    /// How many octets of a frame were captured at most; the least one of several interfaces. `None` if nothing was cut.
    pub snap_length: Option<u32>,
    /// The secrets that it carries.
    pub secrets: Vec<Secrets>,
    /// What is odd about it.
    pub anomalies: Vec<Anomaly>,
    /// How many packets the capturing machine had no room for, as it says itself; `None` if it says nothing.
    pub dropped: Option<u64>,
}

/// The format of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The format of tcpdump.
    Pcap,
    /// The format of Wireshark.
    Pcapng,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Pcap => "pcap",
            Format::Pcapng => "pcapng",
        })
    }
}

/// Secrets that a capture carries to decrypt what it holds (draft-ietf-opsawg-pcapng section 4.7).
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// What they are: [`Secrets::TLS_KEY_LOG`] or another number of the registry.
    pub kind: u32,
    /// The secrets.
    pub octets: Vec<u8>,
}

impl Secrets {
    /// A key log in the NSS format.
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Secrets {{ kind: {:#x}, octets: {} not shown }}",
            self.kind,
            self.octets.len()
        )
    }
}

/// The most link types that are named: what a file of nothing but interfaces costs stays small.
const LINK_TYPES: usize = 64;

/// The most octets of secrets that are kept: the key logs of some hundred thousand connections.
const SECRETS: usize = 64 << 20;

/// A capture file that is being read.
pub(super) struct Tally {
    pub(super) file: CaptureFile,
    capture: u32,
    room_for_secrets: usize,
    /// Where in the capture the octets begin in which a place is told to [`Tally::note`].
    pub(super) base: u64,
}

impl Tally {
    pub(super) fn new(source: &Source, capture: u32, format: Format, compression: Option<Compression>) -> Self {
        let file = CaptureFile {
            path: source.to_string(),
            format,
            compression,
            link_types: Vec::new(),
            packets: 0,
            octets: 0,
            first: None,
            last: None,
            precision: 0,
            snap_length: None,
            secrets: Vec::new(),
            anomalies: Vec::new(),
            dropped: None,
        };
        Tally {
            file,
            capture,
            room_for_secrets: SECRETS,
            base: 0,
        }
    }

    /// Counts a packet and names it.
    #[inline]
    pub(super) fn packet(&mut self) -> PacketId {
        self.file.packets += 1;
        PacketId::new(self.capture, self.file.packets)
    }

    /// The time of a frame.
    #[inline]
    pub(super) fn time(&mut self, time: Time) {
        self.file.first = Some(self.file.first.map_or(time, |first| first.min(time)));
        self.file.last = Some(self.file.last.map_or(time, |last| last.max(time)));
    }

    /// An interface with its snapshot length, 0 for none, and the digits of its clock.
    pub(super) fn interface(&mut self, link: LinkType, snap_length: u32, precision: u8) {
        let file = &mut self.file;
        if file.link_types.len() < LINK_TYPES && !file.link_types.contains(&link) {
            file.link_types.push(link);
        }
        if snap_length > 0 {
            file.snap_length = Some(file.snap_length.map_or(snap_length, |least| least.min(snap_length)));
        }
        file.precision = file.precision.max(precision);
    }

    /// Secrets that stand at `at`.
    pub(super) fn secrets(&mut self, kind: u32, octets: &[u8], at: usize) {
        let size = octets.len() + mem::size_of::<Secrets>();
        if size > self.room_for_secrets {
            return self.note(Trouble::TooManySecrets, at);
        }
        self.room_for_secrets -= size;
        self.file.secrets.push(Secrets {
            kind,
            octets: octets.to_vec(),
        });
    }

    /// Trouble with the packet that was counted last, or after it, at `at`.
    #[cold]
    pub(super) fn note(&mut self, trouble: Trouble, at: usize) {
        let offset = self.base.saturating_add(at as u64);
        anomaly::add(&mut self.file.anomalies, trouble, self.file.packets, offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let secrets = Secrets {
            kind: Secrets::TLS_KEY_LOG,
            octets: b"CLIENT_RANDOM".to_vec(),
        };
        assert_eq!(
            format!("{secrets:?}"),
            "Secrets { kind: 0x544c534b, octets: 13 not shown }"
        );
    }
}

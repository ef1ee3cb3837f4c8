//! From files, folders, compressed files and pipes to frames: pcap and pcapng, recognised by content.

mod frame;

pub use frame::{Frame, LinkType, PacketId, Time};

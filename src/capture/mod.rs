//! From files, folders, compressed files and pipes to frames: pcap and pcapng, recognised by content.

mod anomaly;
mod arrange;
mod chunk;
mod clock;
mod error;
mod frame;
mod input;
mod link;
mod lz4;
mod order;
mod pcap;
mod pcapng;
mod reader;
mod rotation;
#[cfg(test)]
mod sample;
mod summary;
mod zstd;

pub use anomaly::{Anomaly, Trouble};
pub use arrange::{Arrangement, Chain, arrange};
pub use chunk::Chunk;
pub use error::{Error, Reason};
pub use frame::{Frame, LinkType, PacketId, Time};
pub use input::{Compression, Source};
pub use reader::{Limits, Reader};
pub use summary::{CaptureFile, Format, Secrets};

//! A run of captured octets with the frames that stand in it: what a reader fills and the packet room decodes.

use super::{Frame, LinkType, PacketId, Time};

/// A run of captured octets with the frames that stand in it.
///
/// It keeps its memory when it is filled again, so a pool of them makes reading free of allocation. Where a chunk ends means
/// nothing, except that it is never inside a frame.
#[derive(Default)]
pub struct Chunk {
    /// As long as it ever was; what stands behind the last frame means nothing.
    pub(super) octets: Vec<u8>,
    pub(super) spans: Vec<FrameSpan>,
}

/// Where in a chunk a frame stands, and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct FrameSpan {
    pub(super) start: u32,
    pub(super) captured: u32,
    pub(super) original: u32,
    pub(super) link: LinkType,
    pub(super) interface: u16,
    pub(super) time: Option<Time>,
    pub(super) packet: PacketId,
}

impl Chunk {
    /// A chunk without frames; it takes memory when it is first filled.
    pub fn new() -> Self {
        Chunk::default()
    }

    /// The frames, in the order of the capture.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> + Clone {
        self.spans.iter().map(|span| Frame {
            packet: span.packet,
            time: span.time,
            link: span.link,
            interface: span.interface,
            original_length: span.original,
            octets: self.within(span).unwrap_or_default(),
        })
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are no frames.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Forgets the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.spans.clear();
    }

    fn within(&self, span: &FrameSpan) -> Option<&[u8]> {
        self.octets.get(span.start as usize..)?.get(..span.captured as usize)
    }
}

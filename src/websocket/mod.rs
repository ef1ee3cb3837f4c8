//! WebSocket as octets tell it: the opening handshake's fields, and the frames of one direction (RFC 6455).
//!
//! Names and values come in as plain octets, so this room knows nothing of the HTTP version that carried them.

mod close;
mod frames;
mod handshake;
mod violation;

pub use close::CloseCode;
pub use frames::{FrameEvent, FrameHeader, Frames, Opcode, Sender};
pub use handshake::{AcceptState, Answer, KeyState, Offer, SHORTEST_REQUEST, VersionState, accept_for, key_is_valid};
pub use violation::Violation;

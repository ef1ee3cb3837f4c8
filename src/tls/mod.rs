//! TLS and SSL 3.0 from the outside: what travels in the clear, and what the lengths of the rest hint of.
//!
//! [`Handshake`] reads the octets of both directions, tells the caller as an [`Event`] what came by, and keeps the [`Facts`].
//! Two roads lead from a record: one in the clear is read as handshake messages or alerts; a protected one is only counted
//! and its length kept. Decryption is to stand where they part: [`Records::keep`] gathers a protected body whole.

mod aead;
mod alert;
mod cbc;
mod certificate;
mod compression;
mod decrypt;
mod derivation;
mod facts;
mod fingerprint;
mod handshake;
mod hello;
mod inside;
mod keylog;
mod lengths;
mod mac;
mod message;
mod names;
mod protection;
mod record;
mod search;
mod seed;
mod stream;
mod suite;
#[cfg(test)]
mod torture;
#[cfg(test)]
mod wire;

pub use alert::Alert;
pub use certificate::{Certificate, Name};
pub use facts::{AlertSeen, Anomaly, ClientFlight, Completion, Decryption, EncryptedRecord, Facts, Side, SideFacts};
pub use handshake::{Event, Handshake};
pub use hello::{ClientHello, ServerHello};
pub use keylog::KeyLog;
pub use lengths::FirstExchange;
pub use names::{ProtocolVersion, cipher_suite_name, group_name, is_grease};
pub use record::{ContentType, RecordEvent, RecordHeader, Records, is_tls};

//! One frame to a TCP segment, or an ICMP error about one, or a reason to skip it.
//!
//! Inwards in one walk: `link` peels the link layer off, `ip` the internet layer, `decode` and `icmp` read what is carried.
//! `Fragments` puts together what IP cut up, and `ConnectionKey` says which segments belong together.

mod captured;
mod decode;
mod fragments;
mod icmp;
mod ip;
mod key;
mod link;
mod neighbour;
mod options;
#[cfg(test)]
mod samples;
mod segment;

pub use decode::decode;
pub use fragments::{Datagram, Fragments};
pub use key::ConnectionKey;
pub use options::Options;
pub use segment::{Decoded, Domain, Endpoint, Flags, Fragment, IcmpError, Neighbour, Segment, Skip};

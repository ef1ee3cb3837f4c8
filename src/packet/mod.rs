//! One frame to a TCP segment, or an ICMP error about one, or a reason to skip it.

mod segment;

pub use segment::{Decoded, Domain, Endpoint, Flags, Fragment, IcmpError, Neighbour, Segment, Skip};

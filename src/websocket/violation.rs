//! What RFC 6455 calls wrong in the frames of a direction, by name.

use std::fmt;

/// A way in which frames break RFC 6455.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violation {
    /// HTTP text stands where a frame should begin; it ends the frames.
    HttpText,
    /// An opcode that is reserved (section 5.2); it ends the frames, since what carries it is hardly a frame.
    ReservedOpcode,
    /// A payload length with its top bit set (section 5.2); it ends the frames.
    ImpossibleLength,
    /// A payload length in more octets than it needs (section 5.2).
    LengthNotMinimal,
    /// A reserved bit that no extension agreed on uses (section 5.2).
    ReservedBit,
    /// A client's frame that is not masked (section 5.1).
    Unmasked,
    /// A server's frame that is masked (section 5.1).
    Masked,
    /// A control frame in fragments (section 5.5).
    FragmentedControl,
    /// A control frame of more than 125 octets (section 5.5).
    LongControl,
    /// A continuation of no message (section 5.4).
    ContinuationWithoutStart,
    /// A message that begins before the last one ended (section 5.4).
    MessageInsideMessage,
    /// A data frame after a Close (section 5.5.1).
    DataAfterClose,
    /// A Close with a payload of one octet, half a code (section 5.5.1).
    HalfCloseCode,
    /// A close code that must not be sent, or that no one has defined (section 7.4).
    IllegalCloseCode,
    /// A close reason that is not UTF-8 (section 5.5.1).
    CloseReasonNotUtf8,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::HttpText => "HTTP text in the place of a frame",
            Violation::ReservedOpcode => "a reserved opcode",
            Violation::ImpossibleLength => "a payload length with its top bit set",
            Violation::LengthNotMinimal => "a payload length in more octets than needed",
            Violation::ReservedBit => "a reserved bit without an extension that uses it",
            Violation::Unmasked => "a client's frame without a mask",
            Violation::Masked => "a server's frame with a mask",
            Violation::FragmentedControl => "a control frame in fragments",
            Violation::LongControl => "a control frame of more than 125 octets",
            Violation::ContinuationWithoutStart => "a continuation of no message",
            Violation::MessageInsideMessage => "a message that begins inside another",
            Violation::DataAfterClose => "a data frame after a Close",
            Violation::HalfCloseCode => "a Close with half a code",
            Violation::IllegalCloseCode => "a close code that must not be sent",
            Violation::CloseReasonNotUtf8 => "a close reason that is not UTF-8",
        })
    }
}

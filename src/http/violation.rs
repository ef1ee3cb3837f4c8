//! What RFC 9112 calls wrong in a message, by name.

use std::fmt;

/// A way in which a message breaks RFC 9112 or RFC 9110; the message was read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violation {
    /// A line ends with LF alone; a recipient may accept it (RFC 9112 section 2.2).
    BareLineFeed,
    /// A CR that no LF follows (RFC 9112 section 2.2).
    BareCarriageReturn,
    /// A NUL octet in a field value (RFC 9110 section 5.5).
    NulOctet,
    /// The first line has more whitespace than its two single spaces (RFC 9112 sections 3 and 4).
    ExtraWhitespace,
    /// The method is no token (RFC 9112 section 3.1).
    BadMethod,
    /// The target is empty or has whitespace or control octets (RFC 9112 section 3.2).
    BadTarget,
    /// The target has octets above 0x7F, which a URI may not have (RFC 3986 section 2).
    TargetNotAscii,
    /// The version is neither HTTP/1.0 nor HTTP/1.1, or not written like one (RFC 9112 section 2.3).
    UnknownVersion,
    /// The status is not three digits from 100 to 599 (RFC 9110 section 15).
    BadStatus,
    /// No space after the status (RFC 9112 section 4: it stands even before an empty reason).
    MissingReasonSpace,
    /// The reason phrase has control octets (RFC 9112 section 4).
    BadReason,
    /// A field name is no token (RFC 9110 section 5.1).
    BadFieldName,
    /// Whitespace between a field name and its colon (RFC 9112 section 5.1): a server must refuse it, with 400.
    SpaceBeforeColon,
    /// A field line without a colon (RFC 9112 section 5).
    LineWithoutColon,
    /// Control octets in a field value (RFC 9110 section 5.5).
    BadFieldValue,
    /// A field value goes on in a line that begins with whitespace: obsolete line folding (RFC 9112 section 5.2).
    ObsoleteFold,
    /// Whitespace before the first field (RFC 9112 section 2.2).
    SpaceBeforeFirstField,
    /// More fields than most recipients take.
    TooManyFields,
    /// An HTTP/1.1 request without a Host (RFC 9112 section 3.2): a server must refuse it, with 400.
    MissingHost,
    /// A request with more than one Host (RFC 9112 section 3.2): a server must refuse it, with 400.
    RepeatedHost,
    /// A Content-Length that is not a number (RFC 9112 section 6.3).
    BadContentLength,
    /// Lengths that differ (RFC 9112 section 6.3).
    ConflictingContentLength,
    /// Content-Length beside Transfer-Encoding (RFC 9112 section 6.3).
    LengthBesideTransferEncoding,
    /// Transfer-Encoding in an HTTP/1.0 message (RFC 9112 section 6.1).
    TransferEncodingInHttp10,
    /// A Transfer-Encoding whose last coding is not chunked (RFC 9112 section 6.3).
    ChunkedNotLast,
    /// Transfer-Encoding or Content-Length in a 1xx or 204 answer (RFC 9110 section 8.6, RFC 9112 section 6.1).
    FramingWithoutBody,
    /// A chunk whose size or end is not as RFC 9112 section 7.1 wants it.
    BadChunk,
}

impl Violation {
    /// Adds this to `others` unless it is there: a list of violations is as short as the list of kinds.
    pub(super) fn note_in(self, others: &mut Vec<Violation>) {
        if !others.contains(&self) {
            others.push(self);
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::BareLineFeed => "a line ends with LF alone",
            Violation::BareCarriageReturn => "a CR without LF",
            Violation::NulOctet => "a NUL octet in a field value",
            Violation::ExtraWhitespace => "more whitespace in the first line than allowed",
            Violation::BadMethod => "the method is no token",
            Violation::BadTarget => "the target is empty or has whitespace or control octets",
            Violation::TargetNotAscii => "the target has octets above 0x7F",
            Violation::UnknownVersion => "the version is neither HTTP/1.0 nor HTTP/1.1",
            Violation::BadStatus => "the status is not three digits from 100 to 599",
            Violation::MissingReasonSpace => "no space after the status",
            Violation::BadReason => "control octets in the reason phrase",
            Violation::BadFieldName => "a field name is no token",
            Violation::SpaceBeforeColon => "whitespace between a field name and its colon",
            Violation::LineWithoutColon => "a field line without a colon",
            Violation::BadFieldValue => "control octets in a field value",
            Violation::ObsoleteFold => "a folded field line",
            Violation::SpaceBeforeFirstField => "whitespace before the first field",
            Violation::TooManyFields => "too many fields",
            Violation::MissingHost => "no Host in an HTTP/1.1 request",
            Violation::RepeatedHost => "more than one Host",
            Violation::BadContentLength => "a Content-Length that is no number",
            Violation::ConflictingContentLength => "Content-Length values that differ",
            Violation::LengthBesideTransferEncoding => "Content-Length beside Transfer-Encoding",
            Violation::TransferEncodingInHttp10 => "Transfer-Encoding in an HTTP/1.0 message",
            Violation::ChunkedNotLast => "a Transfer-Encoding that does not end in chunked",
            Violation::FramingWithoutBody => "body framing in an answer that has no body",
            Violation::BadChunk => "a malformed chunk",
        })
    }
}

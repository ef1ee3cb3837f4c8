//! What RFC 9110 section 5.6 calls tokens, optional whitespace and lists, over raw octets.

/// Whether `octet` may stand in a token (RFC 9110 section 5.6.2).
pub(super) fn is_tchar(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// Whether `octets` are a token: at least one octet, each of them a tchar.
pub(super) fn is_token(octets: &[u8]) -> bool {
    !octets.is_empty() && octets.iter().copied().all(is_tchar)
}

/// Whether `octet` is whitespace within a line (RFC 9110 section 5.6.3): a space or a tab.
pub(super) fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// `octets` without the whitespace around them.
pub(super) fn trim(octets: &[u8]) -> &[u8] {
    trim_start(trim_end(octets))
}

/// `octets` without the whitespace before them.
pub(super) fn trim_start(octets: &[u8]) -> &[u8] {
    let start = octets
        .iter()
        .position(|&octet| !is_space(octet))
        .unwrap_or(octets.len());
    octets.get(start..).unwrap_or_default()
}

/// `octets` without the whitespace behind them.
pub(super) fn trim_end(octets: &[u8]) -> &[u8] {
    let end = octets
        .iter()
        .rposition(|&octet| !is_space(octet))
        .map_or(0, |last| last + 1);
    octets.get(..end).unwrap_or_default()
}

/// The members of a comma-separated list (RFC 9110 section 5.6.1); empty ones do not count.
pub(super) fn list(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    octets
        .split(|&octet| octet == b',')
        .map(trim)
        .filter(|member| !member.is_empty())
}

/// What stands before and after the first `separator`.
pub(super) fn split_once(octets: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(separator, octets)?;
    let (before, after) = octets.split_at_checked(at)?;
    Some((before, after.get(1..)?))
}

/// The number that ASCII digits spell; nothing unless all octets are digits and the number fits.
pub(super) fn decimal(octets: &[u8]) -> Option<u64> {
    let digits = !octets.is_empty() && octets.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(octets).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_only_spaces_and_tabs() {
        assert_eq!(trim(b" \t a b\r\t "), b"a b\r");
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(trim(b""), b"");
    }

    #[test]
    fn lists_leave_out_empty_members() {
        assert_eq!(list(b" a ,, b,").collect::<Vec<_>>(), [b"a", b"b"]);
    }

    #[test]
    fn a_number_is_all_digits_and_fits() {
        assert_eq!(decimal(b"0042"), Some(42));
        for bad in [&b""[..], b"+1", b"-1", b" 1", b"1 ", b"0x1", b"18446744073709551616"] {
            assert_eq!(decimal(bad), None);
        }
    }
}

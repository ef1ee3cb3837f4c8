//! Points of the capture's clock as text.

use jiff::{Timestamp, tz::Offset};

/// RFC 3339 in UTC of `nanoseconds` since 1970-01-01T00:00:00Z, with `digits` fractional digits (more than 9 are taken as 9).
///
/// Digits that are left out are cut off, not rounded: a capture of microseconds shows its own microseconds.
pub fn rfc3339(nanoseconds: i64, digits: u8) -> String {
    // An i64 of nanoseconds reaches from 1677 to 2262, well within what a Timestamp can hold.
    let time = Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default();
    let civil = Offset::UTC.to_datetime(time);
    // Every attempt has two of these: digit by digit they cost a fraction of what formatting in general costs.
    let mut text = String::with_capacity(30);
    number(&mut text, civil.year().unsigned_abs().into(), 4);
    for (before, value) in [
        ('-', civil.month()),
        ('-', civil.day()),
        ('T', civil.hour()),
        (':', civil.minute()),
        (':', civil.second()),
    ] {
        text.push(before);
        number(&mut text, value.unsigned_abs().into(), 2);
    }
    let digits = usize::from(digits.min(9));
    if digits > 0 {
        text.push('.');
        number(&mut text, civil.subsec_nanosecond().unsigned_abs(), 9);
        text.truncate(text.len() - (9 - digits));
    }
    text.push('Z');
    text
}

/// Writes a number of so many decimal digits.
fn number(text: &mut String, value: u32, digits: u32) {
    for place in (0..digits).rev() {
        let digit = value / 10u32.pow(place) % 10;
        text.push(char::from(b'0' + digit as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_of_time() {
        assert_eq!(rfc3339(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_334_400_000_001_999, 6), "2026-11-22T08:00:00.000001Z");
        assert_eq!(rfc3339(1_795_334_400_000_001_999, 9), "2026-11-22T08:00:00.000001999Z");
        assert_eq!(rfc3339(951_782_400_000_000_000, 3), "2000-02-29T00:00:00.000Z");
    }

    #[test]
    fn before_1970_the_fraction_still_counts_forwards() {
        assert_eq!(rfc3339(-1, 9), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(rfc3339(-1, 3), "1969-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(-1, 0), "1969-12-31T23:59:59Z");
        assert_eq!(rfc3339(-1_500_000_000, 6), "1969-12-31T23:59:58.500000Z");
    }

    #[test]
    fn every_nanosecond_of_an_i64_has_a_text() {
        assert_eq!(rfc3339(i64::MAX, 9), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(rfc3339(i64::MIN, 9), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(rfc3339(i64::MAX, u8::MAX), "2262-04-11T23:47:16.854775807Z");
    }
}

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
    let mut text = *b"0000-00-00T00:00:00.000000000";
    put(&mut text[..4], civil.year().unsigned_abs().into());
    for (place, value) in [
        (5, civil.month()),
        (8, civil.day()),
        (11, civil.hour()),
        (14, civil.minute()),
        (17, civil.second()),
    ] {
        put(&mut text[place..place + 2], value.unsigned_abs().into());
    }
    put(&mut text[20..], civil.subsec_nanosecond().unsigned_abs());
    let length = match usize::from(digits.min(9)) {
        0 => 19,
        digits => 20 + digits,
    };
    let mut told = String::with_capacity(30);
    told.push_str(str::from_utf8(&text[..length]).unwrap_or_default());
    told.push('Z');
    told
}

/// Fills `places` with the decimal digits of `value`.
fn put(places: &mut [u8], mut value: u32) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
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

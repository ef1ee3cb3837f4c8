//! The clock of a pcapng interface: ticks since its epoch to nanoseconds since ours.

use super::Time;

/// How an interface counts time: `if_tsresol` and `if_tsoffset` of draft-ietf-opsawg-pcapng section 4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    scale: Scale,
    offset: i128, // nanoseconds
    digits: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// A tick is that many nanoseconds.
    Multiply(u64),
    /// That many ticks are a nanosecond.
    Divide(i128),
    /// Two to that power of ticks are a second.
    Shift(u32),
}

const SECOND: i128 = 1_000_000_000;

impl Clock {
    /// `resolution` as in `if_tsresol`: a negative power of ten, or of two if the highest bit is set; `offset` in seconds.
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let power = u32::from(resolution & 0x7f);
        let (scale, digits) = if resolution & 0x80 != 0 {
            (Scale::Shift(power), (power * 30103).div_ceil(100_000)) // 0.30103: the decimal logarithm of 2
        } else if power <= 9 {
            (Scale::Multiply(10u64.pow(9 - power)), power)
        } else {
            // More ticks a nanosecond than 128 bits can count: every time is the epoch.
            (Scale::Divide(10i128.checked_pow(power - 9).unwrap_or(i128::MAX)), power)
        };
        Clock {
            scale,
            offset: i128::from(offset) * SECOND,
            digits: digits.min(9) as u8,
        }
    }

    /// The time after so many ticks, rounded down; `None` if 64 bits of nanoseconds cannot tell it.
    pub(super) fn time(&self, ticks: u64) -> Option<Time> {
        let ticks = i128::from(ticks);
        let nanoseconds = match self.scale {
            Scale::Multiply(factor) => ticks * i128::from(factor),
            Scale::Divide(divisor) => ticks / divisor,
            Scale::Shift(power) => (ticks * SECOND) >> power,
        };
        i64::try_from(nanoseconds + self.offset).ok().map(Time)
    }

    /// The decimal digits of a second that this clock tells, nine at most.
    pub(super) fn digits(&self) -> u8 {
        self.digits
    }
}

impl Default for Clock {
    /// Microseconds since 1970, which holds without options.
    fn default() -> Self {
        Clock::new(6, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_resolutions() {
        assert_eq!(
            Clock::default().time(1_700_000_000_000_001),
            Some(Time(1_700_000_000_000_001_000))
        );
        assert_eq!(
            Clock::new(0, 0).time(1_700_000_000),
            Some(Time(1_700_000_000_000_000_000))
        );
        assert_eq!(Clock::new(9, 0).time(1), Some(Time(1)));
        assert_eq!(Clock::new(12, 0).time(1_999), Some(Time(1)));
        assert_eq!(Clock::new(127, 0).time(u64::MAX), Some(Time(0)));
    }

    #[test]
    fn binary_resolutions() {
        assert_eq!(Clock::new(0x80 | 10, 0).time(3 * 1024 + 512), Some(Time(3_500_000_000)));
        assert_eq!(Clock::new(0x80, 0).time(7), Some(Time(7_000_000_000)));
        assert_eq!(Clock::new(0xff, 0).time(u64::MAX), Some(Time(0)));
        assert_eq!(Clock::new(0x80 | 63, 0).time(1 << 63), Some(Time(1_000_000_000)));
    }

    #[test]
    fn offsets_go_both_ways() {
        assert_eq!(Clock::new(6, -3600).time(0), Some(Time(-3_600_000_000_000)));
        assert_eq!(Clock::new(6, 3600).time(1), Some(Time(3_600_000_001_000)));
    }

    #[test]
    fn what_no_calendar_holds_is_unknown() {
        assert_eq!(Clock::new(6, 0).time(u64::MAX), None);
        assert_eq!(Clock::new(6, i64::MIN).time(0), None);
        assert_eq!(Clock::new(0, i64::MAX).time(u64::MAX), None);
    }

    #[test]
    fn digits_of_the_second() {
        let digits = |resolution| Clock::new(resolution, 0).digits();
        assert_eq!(
            [
                digits(0),
                digits(3),
                digits(6),
                digits(12),
                digits(0x80),
                digits(0x80 | 10)
            ],
            [0, 3, 6, 9, 0, 4]
        );
    }
}

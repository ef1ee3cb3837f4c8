//! TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018) that say something about their sender.

use crate::octets::Octets;

/// The options of one segment that we read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size in octets; only in SYNs.
    pub mss: Option<u16>,
    /// Window scale, a power of two; only in SYNs.
    pub window_scale: Option<u8>,
    /// SACK permitted; only in SYNs.
    pub sack_permitted: bool,
    /// The sender's timestamp, TSval of RFC 7323.
    pub timestamp: Option<u32>,
    /// Upper edge of the first SACK block.
    pub sack_edge: Option<u32>,
}

impl Options {
    /// Reads the options as far as they are well formed.
    pub fn read(octets: &[u8]) -> Self {
        let mut options = Options::default();
        // Most segments bear two octets of padding and a timestamp, and nothing else (RFC 7323 appendix A).
        if let [1, 1, 8, 10, a, b, c, d, _, _, _, _] = *octets {
            options.timestamp = Some(u32::from_be_bytes([a, b, c, d]));
            return options;
        }
        let mut cursor = Octets::new(octets);
        while let Some(kind) = cursor.u8() {
            match kind {
                0 => break,
                1 => continue,
                _ => {}
            }
            let Some(length) = cursor.u8() else { break };
            let Some(body) = usize::from(length).checked_sub(2).and_then(|n| cursor.take(n)) else {
                break;
            };
            let mut body = Octets::new(body);
            match kind {
                2 => options.mss = body.u16(),
                3 => options.window_scale = body.u8(),
                4 => options.sack_permitted = true,
                5 => options.sack_edge = body.u32().and_then(|_| body.u32()),
                8 => options.timestamp = body.u32(),
                _ => {}
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_usual_syn_bears() {
        let octets = [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7];
        let options = Options::read(&octets);
        assert_eq!(
            (options.mss, options.window_scale, options.timestamp),
            (Some(1460), Some(7), Some(9))
        );
        assert!(options.sack_permitted);
    }

    #[test]
    fn a_length_that_lies_ends_the_reading() {
        assert_eq!(Options::read(&[2, 0]), Options::default());
        assert_eq!(Options::read(&[2, 40, 1]), Options::default());
        assert_eq!(Options::read(&[1, 1, 0, 2, 4, 5, 5]), Options::default());
    }
}

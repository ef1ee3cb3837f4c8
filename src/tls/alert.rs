//! Alerts (RFC 8446 section 6) that travel in the clear.

use std::fmt;

use crate::octets::Octets;

/// An alert, by the two octets that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alert {
    /// 1 warning, 2 fatal. TLS 1.3 goes by the description alone.
    pub level: u8,
    /// What is the matter: a number of the IANA registry "TLS Alerts".
    pub description: u8,
}

impl Alert {
    /// The longest body of a record that must be in the clear, for protection adds more to the two octets of an alert:
    /// at least eight of authentication and, in TLS 1.3, one of content type (RFC 6655 section 3, RFC 8446 section 5.2).
    pub(super) const LONGEST_CLEAR: u16 = 2 + 8;

    /// The alerts in the body of a record; `None` if it is anything else.
    pub(super) fn read(body: &[u8]) -> Option<Vec<Alert>> {
        let mut octets = Octets::new(body);
        let mut alerts = Vec::new();
        while !octets.is_empty() {
            let [level, description] = octets.array()?;
            if !matches!(level, 1 | 2) {
                return None;
            }
            alerts.push(Alert { level, description });
        }
        Some(alerts)
    }

    /// Whether the connection goes on after it: a warning that is no closure (RFC 5246 section 7.2).
    pub fn is_warning(self) -> bool {
        self.level == 1 && !self.is_closure()
    }

    /// Whether it says that its sender has no more to say: close_notify or user_canceled (RFC 8446 section 6.1).
    pub fn is_closure(self) -> bool {
        matches!(self.description, 0 | 90)
    }

    /// The name of the description, as in RFC 8446 section 6 or the RFC that it comes from.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.description {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            52 => "too_many_cids_requested",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            117 => "general_error",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => return None,
        })
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.description),
            None => write!(f, "alert {}", self.description),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_alerts_and_nothing_else() {
        let unknown_ca = Alert {
            level: 2,
            description: 48,
        };
        assert_eq!(Alert::read(&[2, 48]), Some(vec![unknown_ca]));
        assert_eq!(unknown_ca.to_string(), "unknown_ca (48)");
        assert_eq!(Alert::read(&[1, 112, 2, 48]).map(|alerts| alerts.len()), Some(2));
        assert_eq!(Alert::read(&[2]), None);
        assert_eq!(Alert::read(&[0, 0]), None);
        assert_eq!(
            Alert {
                level: 2,
                description: 255
            }
            .to_string(),
            "alert 255"
        );
    }

    #[test]
    fn a_closure_is_no_warning() {
        assert!(
            Alert {
                level: 1,
                description: 112
            }
            .is_warning()
        );
        assert!(
            !Alert {
                level: 1,
                description: 0
            }
            .is_warning()
        );
        assert!(
            !Alert {
                level: 2,
                description: 112
            }
            .is_warning()
        );
    }
}

//! ClientHello and ServerHello (RFC 8446 sections 4.1.2 and 4.1.3, RFC 5246 section 7.4.1).

use crate::octets::Octets;

use super::{ProtocolVersion, fingerprint::hexadecimal, is_grease};

/// Protocols remembered of one ALPN extension; clients offer two or three.
const MOST_PROTOCOLS: usize = 32;

/// Extension types (IANA registry "TLS ExtensionType Values").
pub(super) mod extension {
    pub(in crate::tls) const SERVER_NAME: u16 = 0;
    pub(in crate::tls) const SUPPORTED_GROUPS: u16 = 10;
    pub(in crate::tls) const EC_POINT_FORMATS: u16 = 11;
    pub(in crate::tls) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(in crate::tls) const ALPN: u16 = 16;
    pub(in crate::tls) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(in crate::tls) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(in crate::tls) const PRE_SHARED_KEY: u16 = 41;
    pub(in crate::tls) const EARLY_DATA: u16 = 42;
    pub(in crate::tls) const SUPPORTED_VERSIONS: u16 = 43;
    pub(in crate::tls) const KEY_SHARE: u16 = 51;
}

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What the client proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// legacy_version: the highest version before TLS 1.3 had its extension.
    pub version: ProtocolVersion,
    /// supported_versions, in order, GREASE and all; empty without the extension.
    pub supported_versions: Vec<ProtocolVersion>,
    /// The random, by which key logs name the connection.
    pub random: [u8; 32],
    /// legacy_session_id.
    pub session_id: Vec<u8>,
    /// Cipher suites, in order, GREASE and signals and all.
    pub cipher_suites: Vec<u16>,
    /// Extension types, in order, GREASE and all.
    pub extensions: Vec<u16>,
    /// The host name of server_name (RFC 6066 section 3), as sent.
    pub sni: Option<String>,
    /// Protocols offered by ALPN (RFC 7301), in order.
    pub alpn: Vec<Box<[u8]>>,
    /// supported_groups, in order, GREASE and all.
    pub groups: Vec<u16>,
    /// ec_point_formats (RFC 8422 section 5.1.2).
    pub point_formats: Vec<u8>,
    /// signature_algorithms, in order, GREASE and all.
    pub signature_algorithms: Vec<u16>,
    /// The groups for which key_share bears a share, GREASE and all.
    pub key_share_groups: Vec<u16>,
    /// Whether pre_shared_key is offered: a wish to resume.
    pub pre_shared_key: bool,
    /// Whether early_data is announced: encrypted records may follow before any answer.
    pub early_data: bool,
    /// Octets of the handshake message by its own header, header included.
    pub length: usize,
    /// Whether all of it was there; else the capture cut it and the lists may lack their ends.
    pub complete: bool,
}

impl ClientHello {
    /// The random in hexadecimal digits, as key logs write it.
    pub fn random_in_digits(&self) -> String {
        hexadecimal(&self.random)
    }

    /// Reads the body of the message as far as it goes; `None` if not even the random is there.
    ///
    /// `length` is that of the body by the message's header.
    pub(super) fn read(body: &[u8], length: usize) -> Option<ClientHello> {
        let mut octets = Octets::new(body);
        let mut hello = ClientHello {
            version: ProtocolVersion(octets.u16()?),
            supported_versions: Vec::new(),
            random: octets.array()?,
            session_id: Vec::new(),
            cipher_suites: Vec::new(),
            extensions: Vec::new(),
            sni: None,
            alpn: Vec::new(),
            groups: Vec::new(),
            point_formats: Vec::new(),
            signature_algorithms: Vec::new(),
            key_share_groups: Vec::new(),
            pre_shared_key: false,
            early_data: false,
            length: length + 4,
            complete: false,
        };
        hello.complete = hello.read_rest(&mut octets).is_some() && body.len() == length;
        Some(hello)
    }

    fn read_rest(&mut self, octets: &mut Octets<'_>) -> Option<()> {
        self.session_id = octets.vector8()?.rest().to_vec();
        self.cipher_suites = numbers(octets.vector16()?);
        octets.vector8()?;
        // Before TLS 1.2, a hello may end without a word on extensions (RFC 5246 section 7.4.1.2).
        if octets.is_empty() {
            return Some(());
        }
        let announced = usize::from(octets.u16()?);
        let mut extensions = Octets::new(octets.take(announced.min(octets.len()))?);
        let whole = extensions.len() == announced;
        let mut seen = 0;
        while !extensions.is_empty() {
            let kind = extensions.u16()?;
            let body = extensions.vector16()?;
            // The first of a kind counts; more are forbidden (RFC 8446 section 4.2). All that we read are below 64.
            let bit = 1_u64.checked_shl(u32::from(kind)).unwrap_or(0);
            if seen & bit == 0 {
                self.read_extension(kind, body);
            }
            seen |= bit;
            self.extensions.push(kind);
        }
        whole.then_some(())
    }

    /// Reads one extension; `None` if its body is not as it ought to be, and then what was read of it stays.
    fn read_extension(&mut self, kind: u16, mut body: Octets<'_>) -> Option<()> {
        match kind {
            extension::SERVER_NAME => self.sni = host_name(body.vector16()?),
            extension::SUPPORTED_GROUPS => self.groups = numbers(body.vector16()?),
            extension::EC_POINT_FORMATS => self.point_formats = body.vector8()?.rest().to_vec(),
            extension::SIGNATURE_ALGORITHMS => self.signature_algorithms = numbers(body.vector16()?),
            extension::ALPN => self.alpn = protocols(body.vector16()?),
            extension::PRE_SHARED_KEY => self.pre_shared_key = true,
            extension::EARLY_DATA => self.early_data = true,
            extension::SUPPORTED_VERSIONS => {
                self.supported_versions = numbers(body.vector8()?).into_iter().map(ProtocolVersion).collect();
            }
            extension::KEY_SHARE => self.key_share_groups = key_share_groups(body.vector16()?),
            _ => {}
        }
        Some(())
    }

    /// The highest version that the client speaks.
    pub fn highest_version(&self) -> ProtocolVersion {
        let offered = self.supported_versions.iter().filter(|version| !is_grease(version.0));
        offered.copied().max().unwrap_or(self.version)
    }

    /// Whether a key share is that of a post-quantum group, which swells the hello beyond one segment.
    pub fn has_post_quantum_share(&self) -> bool {
        self.key_share_groups
            .iter()
            .any(|group| matches!(group, 0x0200..=0x0202 | 0x11eb..=0x11ed | 0x6399))
    }
}

/// What the server chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The negotiated version: that of supported_versions if it is there, else legacy_version.
    pub version: ProtocolVersion,
    /// The random.
    pub random: [u8; 32],
    /// legacy_session_id or its echo.
    pub session_id: Vec<u8>,
    /// The cipher suite.
    pub cipher_suite: u16,
    /// The compression method: 0 for none (RFC 3749).
    pub compression: u8,
    /// Extension types, in order.
    pub extensions: Vec<u16>,
    /// The protocol chosen by ALPN; TLS 1.3 hides it in EncryptedExtensions.
    pub alpn: Option<Box<[u8]>>,
    /// The group of key_share.
    pub key_share_group: Option<u16>,
    /// Whether a pre-shared key was accepted: TLS 1.3 resumes.
    pub pre_shared_key: bool,
    /// extended_master_secret (RFC 7627).
    pub extended_master_secret: bool,
    /// encrypt_then_mac (RFC 7366).
    pub encrypt_then_mac: bool,
}

/// What a server of TLS 1.3 says of its choice under protection (RFC 8446 section 4.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EncryptedExtensions {
    /// The protocol chosen by ALPN.
    pub(super) alpn: Option<Box<[u8]>>,
    /// Whether it accepts early data.
    pub(super) early_data: bool,
}

impl EncryptedExtensions {
    /// Reads the body of the whole message.
    pub(super) fn read(body: &[u8]) -> Option<EncryptedExtensions> {
        let mut extensions = Octets::new(body).vector16()?;
        let mut chosen = EncryptedExtensions {
            alpn: None,
            early_data: false,
        };
        while !extensions.is_empty() {
            let (kind, mut body) = (extensions.u16()?, extensions.vector16()?);
            match kind {
                extension::ALPN => chosen.alpn = protocols(body.vector16()?).into_iter().next(),
                extension::EARLY_DATA => chosen.early_data = true,
                _ => {}
            }
        }
        Some(chosen)
    }
}

impl ServerHello {
    /// Reads the body of the whole message; a part would not do, for its version may stand at the end.
    pub(super) fn read(body: &[u8]) -> Option<ServerHello> {
        let mut octets = Octets::new(body);
        let version = ProtocolVersion(octets.u16()?);
        // Drafts of TLS 1.3 up to 21 had no session identifier and no compression method here.
        let early_draft = version.draft().is_some();
        let mut hello = ServerHello {
            version,
            random: octets.array()?,
            session_id: if early_draft {
                Vec::new()
            } else {
                octets.vector8()?.rest().to_vec()
            },
            cipher_suite: octets.u16()?,
            compression: if early_draft { 0 } else { octets.u8()? },
            extensions: Vec::new(),
            alpn: None,
            key_share_group: None,
            pre_shared_key: false,
            extended_master_secret: false,
            encrypt_then_mac: false,
        };
        if !octets.is_empty() {
            let mut extensions = octets.vector16()?;
            while !extensions.is_empty() {
                let kind = extensions.u16()?;
                hello.read_extension(kind, extensions.vector16()?);
                hello.extensions.push(kind);
            }
        }
        Some(hello)
    }

    fn read_extension(&mut self, kind: u16, mut body: Octets<'_>) -> Option<()> {
        match kind {
            extension::ALPN => self.alpn = protocols(body.vector16()?).into_iter().next(),
            extension::ENCRYPT_THEN_MAC => self.encrypt_then_mac = true,
            extension::EXTENDED_MASTER_SECRET => self.extended_master_secret = true,
            extension::PRE_SHARED_KEY => self.pre_shared_key = true,
            extension::SUPPORTED_VERSIONS => self.version = ProtocolVersion(body.u16()?),
            extension::KEY_SHARE => self.key_share_group = body.u16(),
            _ => {}
        }
        Some(())
    }

    /// Whether it is a HelloRetryRequest: no choice yet, but a demand for another ClientHello.
    pub(super) fn is_retry_request(&self) -> bool {
        self.random == RETRY_RANDOM
    }
}

fn numbers(mut octets: Octets<'_>) -> Vec<u16> {
    std::iter::from_fn(|| octets.u16()).collect()
}

/// The first host name of a server name list.
fn host_name(mut list: Octets<'_>) -> Option<String> {
    while let (Some(kind), Some(name)) = (list.u8(), list.vector16()) {
        if kind == 0 {
            return Some(String::from_utf8_lossy(name.rest()).into_owned());
        }
    }
    None
}

fn protocols(mut list: Octets<'_>) -> Vec<Box<[u8]>> {
    std::iter::from_fn(|| list.vector8())
        .take(MOST_PROTOCOLS)
        .map(|name| name.rest().into())
        .collect()
}

fn key_share_groups(mut shares: Octets<'_>) -> Vec<u16> {
    std::iter::from_fn(|| {
        let group = shares.u16()?;
        shares.vector16()?;
        Some(group)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::wire;

    #[test]
    fn reads_what_the_client_proposes() {
        let body = wire::client_hello_tls13();
        let hello = ClientHello::read(&body, body.len()).unwrap();
        assert!(hello.complete);
        assert_eq!(hello.sni.as_deref(), Some("ws.example.com"));
        assert_eq!(hello.alpn, [b"h2"[..].into(), Box::from(&b"http/1.1"[..])]);
        assert_eq!(hello.cipher_suites, [0x0a0a, 0x1302, 0xc02f]);
        assert_eq!(hello.extensions, [0, 16, 43, 51]);
        assert_eq!(
            (hello.version, hello.highest_version()),
            (ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_3)
        );
        assert_eq!(hello.key_share_groups, [0x001d, 0x11ec]);
        assert!(hello.has_post_quantum_share());
        assert_eq!((hello.random, hello.session_id.as_slice()), ([7; 32], &[8, 9][..]));
        assert_eq!(hello.length, body.len() + 4);
    }

    #[test]
    fn a_cut_hello_tells_what_it_has() {
        let body = wire::client_hello_tls13();
        for length in 0..body.len() {
            let hello = ClientHello::read(&body[..length], body.len());
            assert_eq!(hello.is_some(), length >= 34);
            assert!(hello.is_none_or(|hello| !hello.complete));
        }
        let cut = ClientHello::read(&body[..body.len() - 1], body.len()).unwrap();
        assert_eq!(cut.sni.as_deref(), Some("ws.example.com"));
    }

    #[test]
    fn the_first_extension_of_a_kind_counts() {
        let body = wire::client_hello(&[
            wire::extension(16, &wire::vector16(b"\x01x")),
            wire::extension(0x0a0a, b""),
        ]);
        let hello = ClientHello::read(&body, body.len()).unwrap();
        assert_eq!(hello.alpn.len(), 2);
        assert_eq!(hello.extensions, [0, 16, 16, 0x0a0a]);
    }

    #[test]
    fn reads_what_the_server_chose() {
        let body = wire::server_hello_tls13(0x1301);
        let hello = ServerHello::read(&body).unwrap();
        assert_eq!((hello.version, hello.cipher_suite), (ProtocolVersion::TLS_1_3, 0x1301));
        assert_eq!(hello.key_share_group, Some(0x001d));
        assert!(!hello.is_retry_request() && !hello.pre_shared_key);
        assert!((0..body.len()).all(|length| length == 40 || ServerHello::read(&body[..length]).is_none()));
        let extensions = [
            wire::extension(16, &wire::vector16(b"\x08http/1.1")),
            wire::extension(23, b""),
        ];
        let older = ServerHello::read(&wire::server_hello(RETRY_RANDOM, 0xc02f, &extensions)).unwrap();
        assert_eq!(older.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert!(older.extended_master_secret && !older.encrypt_then_mac && older.is_retry_request());
    }
}

//! What a certificate (RFC 5280) says of its bearer; no signature is verified, for the client's trust anchors are not ours.

use std::fmt;
use std::net::IpAddr;

use x509_parser::asn1_rs::{Oid, Tag};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::objects::{oid_registry, oid2abbrev, oid2sn};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AlgorithmIdentifier, AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

use crate::octets::Octets;

/// Certificates remembered of one chain; real chains have two to five.
const LONGEST_CHAIN: usize = 16;

/// Alternative names remembered of one certificate; public authorities allow a hundred or a few.
const MOST_NAMES: usize = 4096;

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject, as `C=US, O=Example, CN=example.com`.
    pub subject: String,
    /// The issuer, likewise.
    pub issuer: String,
    /// The subject's (first) common name.
    pub common_name: Option<String>,
    /// The issuer's (first) common name, or else its organization.
    pub issuer_name: Option<String>,
    /// The DNS names and IP addresses among the subject's alternative names.
    pub names: Vec<Name>,
    /// The first second of its validity, in seconds since 1970 UTC.
    pub not_before: i64,
    /// The last second of its validity, in seconds since 1970 UTC.
    pub not_after: i64,
    /// Whether issuer and subject are the same name.
    pub self_issued: bool,
    /// Whether it names itself as its issuer, by name and by key identifier where there is one.
    pub self_signed: bool,
    /// The kind and size of its key: `RSA 2048`, `EC P-256`, `Ed25519`.
    pub key: String,
    /// The signature algorithm: `sha256WithRSAEncryption`, or its object identifier if that has no name here.
    pub signature: String,
    /// Whether basicConstraints makes it an authority.
    pub is_ca: bool,
    /// Octets of its encoding.
    pub der_length: usize,
}

/// A name that a certificate vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A DNS name, perhaps with a wildcard.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Dns(name) => f.write_str(name),
            Name::Ip(address) => address.fmt(f),
        }
    }
}

impl Certificate {
    /// The chain in the body of a Certificate message before TLS 1.3 (RFC 5246 section 7.4.2), as far as it goes; leaf first.
    ///
    /// The second value tells whether all of it could be read: what follows an unreadable certificate is left out.
    pub(super) fn read_chain(body: &[u8]) -> (Vec<Certificate>, bool) {
        let mut octets = Octets::new(body);
        octets.u24();
        Certificate::read_entries(octets, |_| Some(()))
    }

    /// The same for TLS 1.3 (RFC 8446 section 4.4.2), where a context comes first and extensions follow each certificate.
    pub(super) fn read_chain_tls13(body: &[u8]) -> (Vec<Certificate>, bool) {
        let mut octets = Octets::new(body);
        octets.vector8();
        octets.u24();
        Certificate::read_entries(octets, |octets| octets.vector16().map(|_| ()))
    }

    fn read_entries(
        mut octets: Octets<'_>,
        pass_extensions: impl Fn(&mut Octets<'_>) -> Option<()>,
    ) -> (Vec<Certificate>, bool) {
        let mut chain = Vec::new();
        while !octets.is_empty() && chain.len() < LONGEST_CHAIN {
            let Some(certificate) = octets.vector24().and_then(|der| Certificate::read(der.rest())) else {
                return (chain, false);
            };
            chain.push(certificate);
            if pass_extensions(&mut octets).is_none() {
                return (chain, false);
            }
        }
        (chain, true)
    }

    /// Reads one certificate.
    pub(super) fn read(der: &[u8]) -> Option<Certificate> {
        let (_, x509) = X509Certificate::from_der(der).ok()?;
        let issuer = x509.issuer();
        let self_issued = x509.subject().as_raw() == issuer.as_raw();
        Some(Certificate {
            subject: distinguished_name(x509.subject()),
            issuer: distinguished_name(issuer),
            common_name: x509.subject().iter_common_name().next().map(value),
            issuer_name: issuer
                .iter_common_name()
                .chain(issuer.iter_organization())
                .next()
                .map(value),
            names: alternative_names(&x509),
            not_before: x509.validity().not_before.timestamp(),
            not_after: x509.validity().not_after.timestamp(),
            self_issued,
            self_signed: self_issued && names_its_own_key(&x509),
            key: key(x509.public_key()),
            signature: algorithm_name(&x509.signature_algorithm),
            is_ca: x509.is_ca(),
            der_length: der.len(),
        })
    }

    /// Whether it vouches for this host name or IP address (RFC 9525 section 6).
    ///
    /// Without any alternative name the common name counts, as it did under RFC 6125 section 6.4.4 and still does for
    /// OpenSSL; Go and browsers no longer accept that.
    pub fn matches(&self, name: &str) -> bool {
        if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return self.names.contains(&Name::Ip(address));
        }
        if self.names.is_empty() {
            return self
                .common_name
                .as_deref()
                .is_some_and(|common| matches_pattern(common, name));
        }
        self.names
            .iter()
            .any(|known| matches!(known, Name::Dns(pattern) if matches_pattern(pattern, name)))
    }

    /// Whether the instant, in seconds since 1970 UTC, lies in its validity.
    pub fn is_valid_at(&self, seconds: i64) -> bool {
        (self.not_before..=self.not_after).contains(&seconds)
    }
}

/// A wildcard stands for the whole left-most label and for one label only (RFC 9525 section 6.3).
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.trim_end_matches('.'), name.trim_end_matches('.'));
    match pattern.strip_prefix("*.") {
        Some(parent) => name
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && !parent.is_empty() && rest.eq_ignore_ascii_case(parent)),
        None => !name.is_empty() && pattern.eq_ignore_ascii_case(name),
    }
}

/// A name as `C=US, O=Example, CN=example.com`, in the order of the encoding.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let relative = name.iter_rdn().map(|relative| {
        let attributes = relative
            .iter()
            .map(|attribute| format!("{}={}", label(attribute.attr_type()), value(attribute)));
        attributes.collect::<Vec<_>>().join(" + ")
    });
    relative.collect::<Vec<_>>().join(", ")
}

fn label(attribute: &Oid<'_>) -> String {
    oid2abbrev(attribute, oid_registry()).map_or_else(|_| attribute.to_id_string(), str::to_owned)
}

/// The value as text, whatever its string type: octets that are no UTF-8 are replaced.
fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    if attribute.attr_value().tag() == Tag::BmpString {
        let (pairs, _) = attribute.as_slice().as_chunks();
        return String::from_utf16_lossy(&pairs.iter().copied().map(u16::from_be_bytes).collect::<Vec<_>>());
    }
    String::from_utf8_lossy(attribute.as_slice()).into_owned()
}

fn alternative_names(x509: &X509Certificate<'_>) -> Vec<Name> {
    let extensions = x509.extensions().iter();
    let names = extensions.filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names.flatten().filter_map(name).take(MOST_NAMES).collect()
}

fn name(general: &GeneralName<'_>) -> Option<Name> {
    match general {
        GeneralName::DNSName(name) => Some(Name::Dns((*name).to_owned())),
        GeneralName::IPAddress(octets) => {
            let v4 = <[u8; 4]>::try_from(*octets).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
                .ok()
                .map(Name::Ip)
        }
        _ => None,
    }
}

/// Whether the authority key identifier is absent or is that of the certificate's own key.
fn names_its_own_key(x509: &X509Certificate<'_>) -> bool {
    let mut subject = None;
    let mut authority = None;
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => subject = Some(identifier.0),
            ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                authority = identifier.key_identifier.as_ref().map(|identifier| identifier.0);
            }
            _ => {}
        }
    }
    authority.is_none() || authority == subject
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    match (info.algorithm.algorithm.to_id_string().as_str(), info.parsed()) {
        (_, Ok(PublicKey::RSA(key))) => format!("RSA {}", bits(key.modulus)),
        ("1.2.840.10045.2.1", _) => format!("EC {}", curve(&info.algorithm)),
        ("1.2.840.10040.4.1", _) => "DSA".to_owned(),
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        ("1.3.101.113", _) => "Ed448".to_owned(),
        ("2.16.840.1.101.3.4.3.17", _) => "ML-DSA-44".to_owned(),
        ("2.16.840.1.101.3.4.3.18", _) => "ML-DSA-65".to_owned(),
        ("2.16.840.1.101.3.4.3.19", _) => "ML-DSA-87".to_owned(),
        (other, _) => other.to_owned(),
    }
}

/// How many bits a big-endian number has.
fn bits(number: &[u8]) -> usize {
    let significant = {
        let zeros = number.iter().take_while(|octet| **octet == 0).count();
        number.get(zeros..).unwrap_or_default()
    };
    match significant.first() {
        Some(first) => significant.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

fn curve(algorithm: &AlgorithmIdentifier<'_>) -> String {
    // Parameters that are no name spell the curve out, which RFC 5480 section 2.1.1 forbids.
    let named = algorithm
        .parameters
        .as_ref()
        .filter(|parameters| parameters.tag() == Tag::Oid);
    let Some(curve) = named.and_then(|named| named.as_oid().ok()) else {
        return "explicit curve".to_owned();
    };
    match curve.to_id_string().as_str() {
        "1.2.840.10045.3.1.7" => "P-256".to_owned(),
        "1.3.132.0.34" => "P-384".to_owned(),
        "1.3.132.0.35" => "P-521".to_owned(),
        "1.3.132.0.10" => "secp256k1".to_owned(),
        other => other.to_owned(),
    }
}

fn algorithm_name(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let identifier = &algorithm.algorithm;
    match oid2sn(identifier, oid_registry()) {
        Ok(name) => name.to_owned(),
        Err(_) => identifier.to_id_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine};

    use super::*;

    /// A self-signed authority by OpenSSL, for example.com, *.example.com, 192.0.2.1 and 2001:db8::1.
    const EXAMPLE: &str = "\
        MIIBsTCCAVagAwIBAgIBATAKBggqhkjOPQQDAjAoMRAwDgYDVQQKDAdFeGFtcGxlMRQwEgYDVQQDDAtleGFtcGxlLmNvbTAeFw0y\
        NjExMjIxNTEwNTFaFw0yNzExMjIxNTEwNTFaMCgxEDAOBgNVBAoMB0V4YW1wbGUxFDASBgNVBAMMC2V4YW1wbGUuY29tMFkwEwYH\
        KoZIzj0CAQYIKoZIzj0DAQcDQgAEuyFgjWrETvwj0PQKkokvRceAILKOm0euYkSbjsWcm+SjG0BiPXYFxtvu0t7Zn80V/e7XqLQZ\
        gUXgXCvycDjxN6NxMG8wPQYDVR0RBDYwNIILZXhhbXBsZS5jb22CDSouZXhhbXBsZS5jb22HBMAAAgGHECABDbgAAAAAAAAAAAAA\
        AAEwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQU8uE0fI6YnT71eJDyNOadf5rmR6UwCgYIKoZIzj0EAwIDSQAwRgIhAMyL3zFw\
        UgZXMzaF4/puVi80ksw5oj2YihmA4160c2ZPAiEAhJRROQcC5SLrq2NyxKSEjhbcFLrd/iMKD9FWj8265XA=";

    /// The encoding of [`EXAMPLE`].
    pub(in crate::tls) fn example() -> Vec<u8> {
        BASE64_STANDARD.decode(EXAMPLE).unwrap()
    }

    #[test]
    fn reads_a_certificate() {
        let certificate = Certificate::read(&example()).unwrap();
        assert_eq!(certificate.subject, "O=Example, CN=example.com");
        assert_eq!(certificate.issuer, certificate.subject);
        assert_eq!(certificate.common_name.as_deref(), Some("example.com"));
        assert_eq!(certificate.issuer_name.as_deref(), Some("example.com"));
        let names: Vec<String> = certificate.names.iter().map(Name::to_string).collect();
        assert_eq!(names, ["example.com", "*.example.com", "192.0.2.1", "2001:db8::1"]);
        assert_eq!(
            (certificate.not_before, certificate.not_after),
            (1_795_360_251, 1_826_896_251)
        );
        assert!(certificate.self_issued && certificate.self_signed && certificate.is_ca);
        assert_eq!(certificate.key, "EC P-256");
        assert_eq!(certificate.signature, "ecdsa-with-SHA256");
        assert_eq!(certificate.der_length, 437);
        assert!(certificate.is_valid_at(1_795_360_251) && !certificate.is_valid_at(1_795_360_250));
    }

    #[test]
    fn vouches_for_its_names_only() {
        let certificate = Certificate::read(&example()).unwrap();
        for name in [
            "example.com",
            "EXAMPLE.com.",
            "ws.example.com",
            "192.0.2.1",
            "2001:db8:0::1",
            "[2001:db8::1]",
        ] {
            assert!(certificate.matches(name), "{name}");
        }
        for name in [
            "",
            ".",
            "com",
            ".example.com",
            "a.b.example.com",
            "notexample.com",
            "192.0.2.2",
            "::1",
        ] {
            assert!(!certificate.matches(name), "{name}");
        }
    }

    #[test]
    fn the_common_name_counts_without_other_names() {
        let bare = Certificate {
            names: Vec::new(),
            ..Certificate::read(&example()).unwrap()
        };
        assert!(bare.matches("example.com") && !bare.matches("ws.example.com") && !bare.matches("192.0.2.1"));
    }

    #[test]
    fn a_chain_is_read_as_far_as_it_goes() {
        let entry = [&[0, 1, 181], &example()[..]].concat();
        let chain = [&[0, 3, 112], &entry[..], &entry].concat();
        let (whole, readable) = Certificate::read_chain(&chain);
        assert_eq!((whole.len(), readable), (2, true));
        let (cut, readable) = Certificate::read_chain(&chain[..chain.len() - 1]);
        assert_eq!((cut.len(), readable), (1, false));
        assert_eq!(Certificate::read_chain(&[0, 0, 0]), (Vec::new(), true));
    }

    #[test]
    fn damage_does_no_harm() {
        let mut random = fastrand::Rng::with_seed(10);
        for _ in 0..20_000 {
            let mut der = example();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..der.len());
                der[at] = random.u8(..);
            }
            der.truncate(random.usize(der.len() / 2..=der.len()));
            Certificate::read(&der);
        }
    }
}

//! Hand-made records, messages and extensions for the tests of this room.

/// A record.
pub(super) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &(body.len() as u16).to_be_bytes()[..], body].concat()
}

/// A handshake message.
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    [&[kind], &length[..], body].concat()
}

/// A vector behind its length in two octets.
pub(super) fn vector16(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u16).to_be_bytes()[..], body].concat()
}

/// An extension.
pub(super) fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(body)].concat()
}

/// The body of a ClientHello of TLS 1.2 for ws.example.com that also offers `extensions`.
pub(super) fn client_hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    let name = extension(0, &vector16(&[&[0][..], &vector16(b"ws.example.com")].concat()));
    let alpn = extension(16, &vector16(b"\x02h2\x08http/1.1"));
    let suites = vector16(&[0x0a, 0x0a, 0x13, 0x02, 0xc0, 0x2f]);
    let extensions = vector16(&[name, alpn, extensions.concat()].concat());
    [&[3, 3][..], &[7; 32], &[2, 8, 9], &suites, &[1, 0], &extensions].concat()
}

/// The body of a ClientHello that also offers TLS 1.3.
pub(super) fn client_hello_tls13() -> Vec<u8> {
    client_hello(&[
        extension(43, &[4, 3, 4, 3, 3]),
        extension(51, &vector16(&[0x00, 0x1d, 0, 1, 5, 0x11, 0xec, 0, 1, 6])),
    ])
}

/// The body of a ServerHello.
pub(super) fn server_hello(random: [u8; 32], cipher_suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = vector16(&extensions.concat());
    [
        &[3, 3][..],
        &random,
        &[2, 8, 9],
        &cipher_suite.to_be_bytes(),
        &[0],
        &extensions,
    ]
    .concat()
}

/// The body of a ServerHello of TLS 1.3.
pub(super) fn server_hello_tls13(cipher_suite: u16) -> Vec<u8> {
    server_hello(
        [6; 32],
        cipher_suite,
        &[extension(43, &[3, 4]), extension(51, &[0, 0x1d, 0, 1, 5])],
    )
}

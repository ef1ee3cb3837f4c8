//! Who asks for an upgrade, and to what (RFC 9110 section 7.8).

use super::fields::Fields;
use super::head::RequestHead;
use super::printable::printable;

/// How many characters of a protocol's name are told; real ones have a dozen.
const NAME_CAP: usize = 128;

/// How many protocols are told of one request.
const PROTOCOLS_CAP: usize = 16;

/// The protocols that the Upgrade fields list, in their order and as they were written (RFC 9110 section 7.8).
pub fn upgrade_tokens(fields: &Fields) -> Vec<String> {
    fields
        .members("Upgrade")
        .take(PROTOCOLS_CAP)
        .map(|name| printable(name, NAME_CAP))
        .collect()
}

/// Whether Connection lists `upgrade`, as it must beside Upgrade (RFC 9110 section 7.8); letter case does not matter.
pub fn connection_lists_upgrade(fields: &Fields) -> bool {
    fields.has_token("Connection", "upgrade")
}

/// The first protocol that a request asks to switch to, as it was written; nothing if it asks for none.
///
/// A request asks by its Upgrade field alone: a Connection that does not list it is a fault of the request, not another
/// wish.
pub fn asks_for_upgrade(head: &RequestHead) -> Option<String> {
    upgrade_tokens(&head.fields).into_iter().next()
}

/// Whether a request has fields that only an opening handshake of WebSocket has (RFC 6455 section 4.1). Without Upgrade
/// it is the wreck of one: a hop took Upgrade and Connection away.
pub fn looks_like_websocket(head: &RequestHead) -> bool {
    head.fields.has("Sec-WebSocket-Key") || head.fields.has("Sec-WebSocket-Version")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &str) -> RequestHead {
        RequestHead::parse(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn the_first_protocol_as_it_was_written() {
        let request = head("upgrade: WebSocket, h2c\r\nUPGRADE: TLS/1.2\r\nConnection: keep-alive, upgrade\r\n");
        assert_eq!(asks_for_upgrade(&request).as_deref(), Some("WebSocket"));
        assert_eq!(upgrade_tokens(&request.fields), ["WebSocket", "h2c", "TLS/1.2"]);
        assert!(connection_lists_upgrade(&request.fields) && !looks_like_websocket(&request));
    }

    #[test]
    fn a_wreck_asks_for_nothing() {
        let request = head("Connection: close\r\nUpgrade: ,\r\nsec-websocket-version: 13\r\n");
        assert_eq!(asks_for_upgrade(&request), None);
        assert!(looks_like_websocket(&request) && !connection_lists_upgrade(&request.fields));
    }
}

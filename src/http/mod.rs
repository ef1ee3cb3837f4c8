//! HTTP/1.1 as one direction's octets tell it: heads, bodies' framing, the upgrade mechanism, and credentials by kind.
//!
//! The readers ([`Requests`], [`Responses`]) are fed in order with octets in arbitrary pieces and never look at an
//! octet twice; bodies are passed on or hopped over, never kept. Nothing here fails: what is wrong with a message is a
//! [`Violation`] beside what could be read of it.

mod chunked;
mod credentials;
mod fields;
mod framing;
mod gathering;
mod head;
mod json;
mod jwt;
mod lines;
mod messages;
mod opening;
mod printable;
mod proxy;
mod requests;
mod responses;
mod syntax;
mod target;
#[cfg(test)]
mod torture;
mod upgrade;
mod violation;

pub use credentials::{Credential, credentials, masked_subprotocols};
pub use fields::{Field, Fields};
pub use framing::{Expectation, Framing};
pub use head::{RequestHead, ResponseHead, Version};
pub use json::json_message;
pub use jwt::{Claims, jwt_claims};
pub use opening::{OPENING_CAP, Opening, opening};
pub use printable::printable;
pub use proxy::{ProxyFault, ProxyHeader, proxy_header};
pub use requests::{RequestEvent, Requests};
pub use responses::{ResponseEvent, Responses};
pub use target::masked_target;
pub use upgrade::{asks_for_upgrade, connection_lists_upgrade, looks_like_websocket, upgrade_tokens};
pub use violation::Violation;

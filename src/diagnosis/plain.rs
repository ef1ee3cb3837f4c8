//! Answers that a server gives to ordinary requests, in answer to one that asks for a WebSocket: the Upgrade was not seen.

use crate::{
    attempt::Request,
    diagnosis::{
        defects::{NO_UPGRADE, defects},
        reply::Reply,
    },
    http::json_message,
};

/// Why an answer shows that its author saw an ordinary request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It complains of a missing Upgrade that the request has.
    Complains,
    /// Its author gives it only to ordinary requests, and can do WebSocket.
    OrdinaryOnly(&'static str),
    /// An ASGI server's HTTP side wrote it: no Upgrade arrived, or WebSocket is not switched on.
    AsgiHttp,
    /// Node's HTTP side wrote it: no Upgrade arrived, or nothing listens for one.
    NodeHttp,
}

/// The sign that an answer bears, if any; the request must have what makes it more than an ordinary one.
pub(super) fn sign(reply: &Reply<'_>) -> Option<Sign> {
    let request = reply.websocket()?;
    let defects = defects(request);
    if defects.iter().any(|defect| defect.makes_ordinary()) {
        return None;
    }
    complains(reply, defects.is_empty())
        .then_some(Sign::Complains)
        .or_else(|| ordinary_only(reply, request))
        .or_else(|| asgi_http(reply).then_some(Sign::AsgiHttp))
        .or_else(|| node_http(reply).then_some(Sign::NodeHttp))
}

fn complains(reply: &Reply<'_>, sound: bool) -> bool {
    let fields = &reply.response.head.fields;
    // 426 names what the server wants (RFC 9110 section 15.5.22); a version may be what it does not want.
    let other_wish = fields.has("upgrade") && !fields.has_token("upgrade", "websocket");
    let version = fields.has("sec-websocket-version") && !fields.has_token("sec-websocket-version", "13");
    let required = sound && reply.status() == 426 && !other_wish && !version;
    // Sec-WebSocket-Version in a 400 says that it is about the handshake (RFC 6455 section 4.4), and this one is sound.
    let about_handshake = sound && reply.status() == 400 && fields.has("sec-websocket-version") && !version;
    let says = || matches!(reply.status(), 400 | 404 | 405 | 501) && reply.says(NO_UPGRADE).is_some();
    required || about_handshake || says()
}

fn ordinary_only(reply: &Reply<'_>, request: &Request) -> Option<Sign> {
    let body = &reply.response.body;
    // Engine.IO answers a refused WebSocket in plain text, and a request without Upgrade in JSON with this code.
    let asks = request
        .head
        .target
        .windows(19)
        .any(|part| part == b"transport=websocket");
    if asks && reply.status() == 400 && body.starts_with(b"{\"code\":3,") {
        return Some(Sign::OrdinaryOnly(
            "Engine.IO sends this JSON for transport=websocket without Upgrade",
        ));
    }
    let servlet = reply.status() == 405 && reply.says(&["http method get is not supported"]).is_some();
    servlet.then_some(Sign::OrdinaryOnly("a WebSocket servlet refuses plain GET so"))
}

/// An ASGI server turns a refused WebSocket into 403 (ASGI specification, `websocket.close`); other statuses come from its
/// HTTP side, unless the application uses the denial response extension, whose answers bear no `server` of uvicorn.
fn asgi_http(reply: &Reply<'_>) -> bool {
    const SERVERS: [&[u8]; 4] = [b"uvicorn", b"hypercorn", b"daphne", b"granian"];
    let status = matches!(reply.status(), 200..=299 | 404 | 405);
    let server = reply
        .response
        .head
        .fields
        .first("server")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let own = SERVERS.iter().any(|name| server.starts_with(name));
    // Starlette's words for a path or method that its HTTP router does not have.
    let starlette = matches!(reply.status(), 404 | 405)
        && json_message(&reply.response.body)
            .is_some_and(|message| matches!(&*message, "Not Found" | "Method Not Allowed"))
        && reply.response.body.starts_with(b"{\"detail\":");
    status && (own || starlette)
}

/// Node hands a request with Upgrade to the `upgrade` listener if there is one, and to the HTTP handler if there is none
/// (Node.js documentation, event 'upgrade'): Express answers only in the second case.
fn node_http(reply: &Reply<'_>) -> bool {
    let express = reply.says(&["cannot get"]).is_some();
    reply.status() == 404 && express
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::{
            rule::{Case, Confidence},
            sample::{Sample, judge},
            staged::Staged,
        },
        fingerprint::Role,
    };

    fn sign_of(sample: Sample) -> Option<Sign> {
        judge(&[sample], |case: &Case<'_>| sign(&Reply::of(case).unwrap()))
    }

    #[test]
    fn a_server_complains_of_what_the_request_has() {
        let sound = Sample::get("/ws");
        for body in [
            "No WebSocket UPGRADE hdr: None\n Can \"Upgrade\" only to \"WebSocket\".",
            "not websocket protocol",
            "Upgrade request required",
        ] {
            assert_eq!(
                sign_of(sound.clone().refused(400, body)),
                Some(Sign::Complains),
                "{body}"
            );
        }
        assert_eq!(
            sign_of(sound.clone().refused(426, "Upgrade Required")),
            Some(Sign::Complains)
        );
        // An upgrader that names its version without a reason: gorilla's.
        let mute = "HTTP/1.1 400 Bad Request\r\nSec-Websocket-Version: 13\r\n\r\nBad Request\n";
        assert_eq!(sign_of(sound.clone().answered(mute)), Some(Sign::Complains));
        assert_eq!(
            sign_of(sound.field("Connection", "close").refused(426, "Upgrade Required")),
            None
        );
        let other = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\n\r\n";
        assert_eq!(sign_of(Sample::get("/ws").answered(other)), None);
    }

    #[test]
    fn the_http_side_of_servers() {
        let uvicorn = "HTTP/1.1 404 Not Found\r\ndate: x\r\nserver: uvicorn\r\ncontent-type: application/json\r\n\r\n{\"detail\":\"Not Found\"}";
        assert_eq!(sign_of(Sample::get("/ws").answered(uvicorn)), Some(Sign::AsgiHttp));
        assert_eq!(
            sign_of(Sample::get("/ws").refused(404, "{\"detail\":\"Not Found\"}")),
            Some(Sign::AsgiHttp)
        );
        assert_eq!(
            sign_of(Sample::get("/ws").refused(404, "{\"detail\":\"No such room\"}")),
            None
        );
        assert_eq!(sign_of(Sample::get("/ws").refused(404, "404 page not found\n")), None);
        let express = "<!DOCTYPE html><html><body><pre>Cannot GET /ws</pre></body></html>";
        assert_eq!(sign_of(Sample::get("/ws").refused(404, express)), Some(Sign::NodeHttp));
        let json = "{\"code\":3,\"message\":\"Bad request\"}";
        let engine = Sample::get("/socket.io/?EIO=4&transport=websocket").refused(400, json);
        assert!(matches!(sign_of(engine), Some(Sign::OrdinaryOnly(_))));
    }

    #[test]
    fn a_proxy_on_the_way_decides_between_two_readings() {
        let uvicorn = "HTTP/1.1 404 Not Found\r\nserver: uvicorn\r\n\r\n{\"detail\":\"Not Found\"}";
        let alone = Staged::of(&Sample::get("/ws").answered(uvicorn));
        assert_eq!(alone.cause(), ("server.ws-not-supported", Some(Confidence::Likely)));
        assert_eq!(
            alone.clone().passed_on_by("nginx").cause(),
            ("proxy.upgrade-header-stripped", Some(Confidence::Likely))
        );
        let over = "HTTP/1.1 404 Not Found\r\nServer: nginx/1.22.1\r\n\r\n{\"detail\":\"Not Found\"}";
        assert_eq!(
            Staged::of(&Sample::get("/ws").answered(over))
                .passed_on_by("nginx")
                .cause()
                .0,
            "proxy.upgrade-header-stripped"
        );
        // The server does speak WebSocket elsewhere: then it has support, and something lost the Upgrade here.
        let works = Staged::of(&Sample::get("/other").accepted());
        assert_eq!(alone.beside(&works, 100).cause().0, "proxy.upgrade-header-stripped");
    }

    #[test]
    fn pages_and_files() {
        let page = Staged::of(&Sample::get("/ws").refused(200, "<html>app</html>"));
        assert_eq!(page.cause(), ("upgrade.ignored", Some(Confidence::Likely)));
        let file = "HTTP/1.1 200 OK\r\nServer: nginx\r\nLast-Modified: x\r\nETag: \"x\"\r\n\r\n<html>";
        assert_eq!(
            Staged::of(&Sample::get("/ws").answered(file)).cause().0,
            "upgrade.ignored"
        );
        let blocked = "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Your support ID is: 1</body>";
        let hidden = Staged::of(&Sample::get("/ws").refused(200, blocked));
        assert_eq!(hidden.cause().0, "waf.block");
        assert_eq!(
            hidden.by(Role::Proxy, "F5").said_by(),
            Some(crate::diagnosis::rule::SaidBy::Proxy)
        );
    }
}

//! Who said no: the author of an answer, as the report names it.

use crate::{
    attempt::Response,
    diagnosis::rule::{Case, SaidBy},
    fingerprint::Role,
};

/// Who wrote the answer of the attempt. An answer without marks of its own is taken for the application's: proxies write pages
/// that name them, applications write what they like.
pub(super) fn speaker(case: &Case<'_>) -> SaidBy {
    *case.known.speaker.get_or_init(|| spoke(case))
}

fn spoke(case: &Case<'_>) -> SaidBy {
    let Some(response) = &case.attempt.response else {
        return SaidBy::Unknown;
    };
    match case.author.role {
        Role::Application => SaidBy::Application,
        Role::Proxy => SaidBy::Proxy,
        Role::Waf => SaidBy::Waf,
        Role::Filter => SaidBy::Firewall,
        Role::Unknown if is_page_of_proxy(response) => SaidBy::Proxy,
        Role::Unknown => SaidBy::Application,
    }
}

/// Whether the answer is an error page that a reverse proxy writes by itself.
fn is_page_of_proxy(response: &Response) -> bool {
    let fields = &response.head.fields;
    let body = response.body.trim_ascii();
    // nginx and those made of it sign their pages in the middle; HAProxy's have one form and come without Server and Date.
    let of_nginx = memchr::memmem::find(body, b"<hr><center>").is_some();
    let of_haproxy = body.starts_with(b"<html><body><h1>") && !fields.has("server") && !fields.has("date");
    let of_apache = memchr::memmem::find(body, b"<p>You don't have permission to access ").is_some();
    of_nginx || of_haproxy || of_apache || fields.has("x-squid-error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, judge};

    #[test]
    fn pages_of_proxies_are_known() {
        let nginx = "HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\n<html><hr><center>nginx/1.22.1</center></html>";
        let haproxy = "HTTP/1.1 403 Forbidden\r\n\r\n<html><body><h1>403 Forbidden</h1></body></html>\n";
        let app = "HTTP/1.1 403 Forbidden\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n";
        let said = |answer| judge(&[Sample::get("/").answered(answer)], speaker);
        assert_eq!(
            [said(nginx), said(haproxy), said(app)],
            [SaidBy::Proxy, SaidBy::Proxy, SaidBy::Application]
        );
    }
}

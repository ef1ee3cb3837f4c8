//! Weighs the marks of an answer: who wrote it, who passed it on, and how sure that is.

use std::sync::LazyLock;

use crate::fingerprint::{
    answer::{Answer, Author, Read, Role},
    entry::{self, Entries, Error, Print},
    pattern::{Globs, Pattern, Strength},
};

/// The marks that are known: the built-in ones, and the user's before them.
#[derive(Clone, Debug, Default)]
pub struct Prints {
    prints: Vec<Print>,
    words: Vec<Pattern>,
}

/// The built-in marks; a test proves that they can be read.
static BUILT_IN: LazyLock<Prints> = LazyLock::new(|| {
    let Entries { prints, words } = entry::read(Prints::text(), false).unwrap_or_default();
    Prints { prints, words }
});

impl Prints {
    /// The marks that come with the program.
    pub fn built_in() -> Prints {
        BUILT_IN.clone()
    }

    /// The file of the marks that come with the program; its beginning tells how to write more.
    pub fn text() -> &'static str {
        include_str!("prints.toml")
    }

    /// These marks and those of a user's file, which go first where both are equally sure.
    pub fn with(mut self, user_file_text: &str) -> Result<Prints, Error> {
        let Entries { prints, words } = entry::read(user_file_text, true)?;
        self.prints.splice(0..0, prints);
        self.words.splice(0..0, words);
        Ok(self)
    }

    /// Who wrote an answer, as far as its marks tell.
    pub fn author(&self, answer: &Answer<'_>) -> Author {
        let answer = &Read::new(answer);
        let mut author = self.best(answer).unwrap_or_default();
        self.tell_proxies(answer, &mut author);
        if author.role == Role::Unknown {
            self.guess_role(answer, &mut author);
        }
        if author.evokes.is_none() {
            let words = self.words.iter().find(|words| words.fits(answer));
            author.evokes = words.and_then(|words| words.evoked(answer.status));
        }
        author
    }

    /// The author whose marks say most.
    fn best(&self, answer: &Read<'_, '_>) -> Option<Author> {
        let prints = self.prints.iter().filter(|print| print.may_fit(answer));
        let candidates: Vec<_> = prints.flat_map(|print| print.candidates(answer)).collect();
        choose(&candidates).map(|(best, alone)| best.author(answer, alone))
    }

    /// Adds the proxies whose marks lie on another's answer.
    fn tell_proxies(&self, answer: &Read<'_, '_>, author: &mut Author) {
        let marked = self
            .prints
            .iter()
            .filter(|print| print.relays.iter().any(|relay| relay.fits(answer)));
        let mut proxies: Vec<&str> = marked.filter_map(|print| print.program.as_deref()).collect();
        let marked_by_author = proxies.iter().any(|&proxy| author.program.as_deref() == Some(proxy));
        proxies.retain(|&proxy| author.program.as_deref() != Some(proxy));
        proxies.dedup();
        if !proxies.is_empty() {
            author.relayed_by = Some(proxies.join(" and "));
        } else if !marked_by_author {
            let via = answer.values("Via").next().map(printable);
            author.relayed_by = via.map(|via| format!("a proxy that signs as {via}"));
        }
    }

    /// What kind of program wrote an answer whose marks name nobody.
    fn guess_role(&self, answer: &Read<'_, '_>, author: &mut Author) {
        let is_page = answer.body_length > 0
            && answer
                .values("Content-Type")
                .any(|value| value.starts_with(b"text/html"));
        let mut applications = self.prints.iter().filter(|print| print.role == Role::Application);
        if let Some(proxy) = author.relayed_by.as_ref().filter(|_| !is_page) {
            author.role = Role::Application;
            author
                .marks
                .push(format!("the marks of {proxy}, but no page of its own"));
        } else if applications.any(|print| print.is_named_by(answer)) {
            author.role = Role::Application;
            let server = answer.server().unwrap_or_default();
            author
                .marks
                .push(format!("only Server: {server}, which anybody may write"));
        }
    }
}

/// A print that fits, and how much that says.
struct Candidate<'p> {
    print: &'p Print,
    /// The pattern that fits; nothing if only `Server` and the order of fields agree.
    pattern: Option<&'p Pattern>,
    /// `Server` agrees.
    server: bool,
    /// The order of the print's own fields agrees.
    order: bool,
    rank: Rank,
}

/// How much a candidate's marks say, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_named: bool,
    is_sure: bool,
    is_of_user: bool,
    is_own: bool,
    marks: u32,
    detail: usize,
}

/// The candidate that says most, and whether no other program's says as much.
fn choose<'c, 'p>(candidates: &'c [Candidate<'p>]) -> Option<(&'c Candidate<'p>, bool)> {
    // Of equals the first: the order of the file, not chance.
    let best = candidates
        .iter()
        .reduce(|best, next| if next.rank > best.rank { next } else { best })?;
    let alone = candidates
        .iter()
        .all(|other| other.rank != best.rank || other.print.program == best.print.program);
    Some((best, alone))
}

impl Print {
    /// Whether something may fit the answer; of most prints nothing does.
    fn may_fit(&self, answer: &Read<'_, '_>) -> bool {
        self.answers.iter().any(|pattern| pattern.may_fit(answer)) || self.is_named_by(answer)
    }

    /// What fits the answer: patterns, and `Server` together with the order of fields.
    fn candidates<'p>(&'p self, answer: &Read<'_, '_>) -> Vec<Candidate<'p>> {
        let fitting: Vec<_> = self.answers.iter().filter(|pattern| pattern.fits(answer)).collect();
        let server = self.is_named_by(answer);
        if fitting.is_empty() && !server {
            return Vec::new();
        }
        let order = self.order.as_ref().is_some_and(|order| order.fit(answer));
        let habit = (server && order).then_some(None);
        let patterns = fitting.into_iter().map(Some).chain(habit);
        patterns.map(|pattern| self.candidate(pattern, server, order)).collect()
    }

    fn candidate<'p>(&'p self, pattern: Option<&'p Pattern>, server: bool, order: bool) -> Candidate<'p> {
        let Strength { strong, weak, detail } = pattern.map(Pattern::strength).unwrap_or_default();
        let server = server || pattern.is_some_and(Pattern::asks_for_server);
        // Names told twice are one mark.
        let tells_fields = pattern.is_some_and(|pattern| pattern.fields.is_some());
        let strong = strong + u32::from(order && !tells_fields);
        let marks = strong + u32::from(weak) + u32::from(server);
        let is_own = pattern.is_some_and(|pattern| pattern.own);
        let is_recorded = pattern.map_or(self.recorded, |pattern| pattern.recorded);
        // Server and a type of content are no proof, not even together.
        let is_sure = is_own || (is_recorded && strong > 0 && marks > 1);
        let rank = Rank {
            is_named: self.program.is_some(),
            is_sure,
            is_of_user: self.of_user,
            is_own,
            marks,
            detail,
        };
        Candidate {
            print: self,
            pattern,
            server,
            order,
            rank,
        }
    }

    fn is_named_by(&self, answer: &Read<'_, '_>) -> bool {
        let own = |server: &Globs| answer.servers.iter().any(|value| server.matches(value));
        self.server.as_ref().is_some_and(own)
    }
}

impl Candidate<'_> {
    /// What it says; another program's marks may say as much.
    fn author(&self, answer: &Answer<'_>, alone: bool) -> Author {
        let mut marks = self.pattern.map(Pattern::words).unwrap_or_default();
        if let Some(order) = self.print.order.as_ref().filter(|_| self.order) {
            marks.push(order.words());
        }
        marks.extend(
            answer
                .server()
                .filter(|_| self.server)
                .map(|server| format!("Server: {server}")),
        );
        Author {
            program: self.print.program.clone().filter(|_| alone),
            role: self.pattern.and_then(|pattern| pattern.role).unwrap_or(self.print.role),
            sure: self.rank.is_sure && alone,
            marks,
            relayed_by: None,
            evokes: self.pattern.and_then(|pattern| pattern.evoked(answer.status)),
        }
    }
}

impl Answer<'_> {
    /// What it says in `Server`, printable.
    fn server(&self) -> Option<String> {
        self.values("Server").next().map(printable)
    }
}

/// The start of a value that anybody may have written, fit to be shown.
fn printable(value: &[u8]) -> String {
    const SHOWN: usize = 60;
    let shown = value.iter().take(SHOWN).map(|&octet| {
        if octet == b' ' || octet.is_ascii_graphic() {
            octet as char
        } else {
            '.'
        }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer in HTTP/1.1, or in HTTP/2 if its status line says so.
    fn author_of(prints: &Prints, text: &str) -> Author {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let (start, fields) = head.split_once("\r\n").unwrap_or((head, ""));
        let mut start = start.splitn(3, ' ');
        let version = if start.next() == Some("HTTP/2") { (2, 0) } else { (1, 1) };
        let fields = fields.lines().map(|line| line.split_once(": ").unwrap());
        prints.author(&Answer {
            version,
            status: start.next().unwrap().parse().unwrap(),
            reason: start.next().unwrap_or_default().as_bytes(),
            fields: fields
                .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
                .collect(),
            body: body.as_bytes(),
            body_length: body.len() as u64,
            closes: None,
        })
    }

    fn author(text: &str) -> Author {
        author_of(&Prints::built_in(), text)
    }

    fn program(text: &str) -> Option<String> {
        author(text).program
    }

    #[test]
    fn the_built_in_marks_can_be_read() {
        let prints = entry::read(Prints::text(), false).unwrap();
        assert!(prints.prints.len() > 100);
        assert!(prints.words.len() > 10);
    }

    #[test]
    fn what_is_evoked_is_in_the_vocabulary() {
        let Ok(causes) = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/causes.json")) else {
            return;
        };
        let prints = Prints::built_in();
        let patterns = prints
            .prints
            .iter()
            .flat_map(|print| &print.answers)
            .chain(&prints.words);
        let mut evoked = 0;
        for cause in patterns.flat_map(|pattern| (100..600).filter_map(|status| pattern.evoked(status))) {
            assert!(causes.contains(&format!("\"id\": \"{cause}\"")), "{cause}");
            evoked += 1;
        }
        assert!(evoked > 100);
    }

    #[test]
    fn uvicorn_is_told_by_order_and_silence() {
        let refusal = "HTTP/1.1 403 Forbidden\r\nDate: now\r\nConnection: close\r\nContent-Length: 0\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\r\n";
        let author = author(refusal);
        assert_eq!(author.program.as_deref(), Some("uvicorn (websockets-sansio)"));
        assert_eq!((author.role, author.sure), (Role::Application, true));
        assert!(
            author
                .marks
                .contains(&"field order Date, Connection, Content-Length, Content-Type".to_owned())
        );
        assert_eq!(
            program(&refusal.replace("Date: now\r\nConnection: close", "Connection: close\r\nDate: now")),
            None
        );
        assert_eq!(program(&refusal.replace("Content-Length", "content-length")), None);
    }

    #[test]
    fn refusals_as_recorded_are_told() {
        for (text, name, evoked) in [
            (
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 93\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body>\
                 <h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
                "HAProxy",
                Some("proxy.deny-rule"),
            ),
            (
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 93\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n",
                "HAProxy",
                Some("proxy.deny-rule"),
            ),
            (
                "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nSec-Websocket-Version: 13\r\n\
                 X-Content-Type-Options: nosniff\r\nDate: now\r\nContent-Length: 10\r\n\r\nForbidden\n",
                "gorilla/websocket",
                None,
            ),
            (
                "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\nUnauthorized",
                "ws (Node.js)",
                None,
            ),
            (
                "HTTP/1.1 403 Forbidden\r\nServer: TornadoServer/6.6.1\r\nContent-Type: text/html; charset=UTF-8\r\nDate: now\r\n\
                 Content-Length: 35\r\n\r\nCross origin websockets not allowed",
                "Tornado",
                Some("origin.not-allowed"),
            ),
            ("HTTP/1.1 403 Access denied\r\n\r\n", "daphne", None),
            ("HTTP/1.1 403 \r\ncontent-length: 0\r\n\r\n", "uvicorn (wsproto)", None),
        ] {
            let author = author(text);
            assert_eq!(author.program.as_deref(), Some(name), "{author:?}");
            assert!(author.sure && author.relayed_by.is_none(), "{author:?}");
            assert_eq!(author.evokes.as_deref(), evoked, "{author:?}");
        }
    }

    #[test]
    fn server_alone_names_nobody() {
        for server in [
            "nginx",
            "uvicorn",
            "TornadoServer/6.5",
            "Apache",
            "cloudflare",
            "Microsoft-IIS/10.0",
            "envoy",
        ] {
            for rest in [
                "Content-Length: 0",
                "Content-Type: text/plain\r\nContent-Length: 0",
                "X-Any: thing",
            ] {
                let author = author(&format!("HTTP/1.1 403 Forbidden\r\nServer: {server}\r\n{rest}\r\n\r\n"));
                let is_envoy = server == "envoy" && author.program.as_deref() == Some("Envoy");
                assert!(
                    !author.sure && (author.program.is_none() || is_envoy),
                    "{server} {rest} {author:?}"
                );
            }
        }
    }

    #[test]
    fn a_page_outweighs_server() {
        let page = "HTTP/1.1 403 Forbidden\r\nServer: uvicorn\r\nContent-Type: text/html\r\n\r\n<html>\r\n<head><title>403 \
            Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n<hr><center>nginx</center>\r\n\
            </body>\r\n</html>\r\n";
        let author = author(page);
        assert_eq!(author.program.as_deref(), Some("nginx"));
        assert_eq!((author.role, author.sure, author.relayed_by), (Role::Proxy, true, None));
        assert_eq!(author.evokes.as_deref(), Some("proxy.deny-rule"));
        assert_eq!(
            program(&page.replace(">nginx<", ">openresty/1.27.1.1<")).as_deref(),
            Some("OpenResty")
        );
        let unknown = super::tests::author(&page.replace(">nginx<", ">my-proxy/7<"));
        assert_eq!(
            (unknown.program, unknown.role, unknown.sure),
            (None, Role::Proxy, false)
        );
    }

    #[test]
    fn an_application_behind_nginx_is_not_nginx() {
        let author = author(
            "HTTP/1.1 403 Forbidden\r\nServer: nginx/1.29.3\r\nDate: now\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        );
        assert_eq!(
            (author.program, author.role, author.sure),
            (None, Role::Application, false)
        );
        assert_eq!(author.relayed_by.as_deref(), Some("nginx"));
    }

    #[test]
    fn pages_of_firewalls_and_clouds_are_told() {
        let f5 = author(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><head><title>Request Rejected</title></head><body>The \
             requested URL was rejected. Please consult with your administrator.<br><br>Your support ID is: 1</body></html>",
        );
        assert_eq!(
            (f5.role, f5.sure, f5.evokes.as_deref()),
            (Role::Waf, true, Some("waf.block"))
        );
        let challenge =
            author("HTTP/1.1 403 Forbidden\r\nServer: cloudflare\r\nCF-RAY: 1\r\ncf-mitigated: challenge\r\n\r\n");
        assert_eq!(
            (challenge.program.as_deref(), challenge.sure),
            (Some("Cloudflare"), true)
        );
        assert_eq!(challenge.evokes.as_deref(), Some("waf.challenge"));
        assert_eq!(challenge.relayed_by, None);
        let filter = author(
            "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html><head><title>Web Page Blocked</title></head></html>",
        );
        assert_eq!((filter.program, filter.role, filter.sure), (None, Role::Filter, false));
        let elb = "HTTP/1.1 403 Forbidden\r\nServer: awselb/2.0\r\nContent-Type: text/html\r\nContent-Length: 118\r\n\r\n<html>\r\n\
             <head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n";
        assert!(elb.ends_with("</html>\r\n") && elb.len() - elb.find("<html>").unwrap() == 118);
        assert_eq!((author(elb).role, author(elb).sure), (Role::Waf, false));
    }

    #[test]
    fn a_reason_phrase_says_nothing_in_http2() {
        assert_eq!(
            program("HTTP/1.1 403 ModSecurity Action\r\nDate: now\r\n\r\n").as_deref(),
            Some("ModSecurity")
        );
        assert_eq!(program("HTTP/2 403 \r\ndate: now\r\n\r\n"), None);
        let hypercorn = author("HTTP/2 403 \r\ncontent-length: 0\r\ndate: now\r\nserver: hypercorn-h2\r\n\r\n");
        assert_eq!(
            (hypercorn.program.as_deref(), hypercorn.sure),
            (Some("hypercorn"), true)
        );
    }

    #[test]
    fn what_many_proxies_sign_is_told_as_it_stands() {
        let author = author("HTTP/1.1 403 Forbidden\r\nVia: 1.1 edge\x07 (box)\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(
            author.relayed_by.as_deref(),
            Some("a proxy that signs as 1.1 edge. (box)")
        );
        assert_eq!(author.role, Role::Application);
    }

    #[test]
    fn users_write_their_own() {
        let prints = Prints::built_in().with(
            r#"
            [[print]]
            program = "our gateway"
            role = "proxy"
            source = "we run it"
            versions = "3"
            recorded = true
            server = "corp*"

            [[print.answer]]
            what = "its refusal"
            status = [403, 407]
            fields = ["X-Corp-Rule", "*", "Server?"]
            body = "denied by rule *"
            evokes = { 403 = "proxy.deny-rule" }
            "#,
        );
        let prints = prints.unwrap();
        let refusal = "HTTP/1.1 403 Forbidden\r\nX-Corp-Rule: 7\r\nDate: now\r\nServer: corp/3\r\n\r\ndenied by rule 7";
        let author = author_of(&prints, refusal);
        assert_eq!(author.program.as_deref(), Some("our gateway"));
        assert_eq!((author.sure, author.evokes.as_deref()), (true, Some("proxy.deny-rule")));
        assert_eq!(author.marks.last().map(String::as_str), Some("Server: corp/3"));
        assert_eq!(author_of(&prints, &refusal.replace("403", "404")).program, None);
    }

    #[test]
    fn a_users_mistakes_are_told_with_their_lines() {
        let print = "[[print]]\nprogram = \"x\"\nrole = \"proxy\"\nsource = \"s\"\n";
        for (text, line, word) in [
            ("[[print]\n", 1, ""),
            ("\n[[print]]\nprogram = \"x\"\n", 2, "role"),
            ("[[print]]\nrole = \"prox\"\n", 2, "prox"),
            (&format!("{print}colour = 1\n"), 5, "colour"),
            (
                &format!("{print}[[print.answer]]\nvalues = {{ Server = \"x\" }}\n"),
                5,
                "Server",
            ),
            (&format!("{print}[[print.answer]]\nstatus = 403\n"), 5, "Server"),
            (&format!("{print}[[print.answer]]\nfields = [\"a b\"]\n"), 5, "a b"),
            (
                &format!("{print}[[print.answer]]\nbody = \"long enough\"\nstatus = \"x\"\n"),
                7,
                "status",
            ),
            (
                &format!("{print}[[print.answer]]\nbody = \"long enough\"\nevokes = {{ x = \"y\" }}\n"),
                5,
                "x",
            ),
            (&format!("{print}recorded = true\n"), 1, "versions"),
            ("[[words]]\nbody = \"x\"\n", 1, "cause"),
        ] {
            let error = Prints::default().with(text).unwrap_err();
            assert_eq!(error.line, line, "{text} {error}");
            assert!(error.message.contains(word), "{text} {error}");
        }
    }

    #[test]
    fn every_condition_counts() {
        let prints = Prints::default().with(
            "[[print]]\nprogram = 'x'\nrole = 'waf'\nsource = 's'\n[[print.answer]]\nversion = '1.0'\nstatus = 403\nreason = 'No *'\n\
             fields = ['A', 'B?']\nvalues = { A = '1*', B = '!2' }\nwithout = ['C']\nbody = 'go *'\nbody_length = 7\ncloses = true\n",
        );
        let prints = prints.unwrap();
        let fields = vec![(b"A".as_slice(), b"12".as_slice()), (b"B", b"3")];
        let (reason, body) = (b"No Way".as_slice(), b"go away".as_slice());
        let fitting = Answer {
            version: (1, 0),
            status: 403,
            reason,
            fields,
            body,
            body_length: 7,
            closes: Some(true),
        };
        let fits = |answer: Answer<'_>| prints.author(&answer).program.is_some();
        assert!(fits(fitting.clone()));
        assert!(fits(Answer {
            closes: None,
            ..fitting.clone()
        }));
        assert!(fits(Answer {
            fields: vec![(b"A", b"1")],
            ..fitting.clone()
        }));
        for answer in [
            Answer {
                version: (1, 1),
                ..fitting.clone()
            },
            Answer {
                status: 400,
                ..fitting.clone()
            },
            Answer {
                reason: b"no way",
                ..fitting.clone()
            },
            Answer {
                fields: vec![(b"a", b"1")],
                ..fitting.clone()
            },
            Answer {
                fields: vec![(b"A", b"2")],
                ..fitting.clone()
            },
            Answer {
                fields: vec![(b"A", b"1"), (b"B", b"2")],
                ..fitting.clone()
            },
            Answer {
                fields: vec![(b"A", b"1"), (b"C", b"2")],
                ..fitting.clone()
            },
            Answer {
                body: b"no away",
                ..fitting.clone()
            },
            Answer {
                body_length: 8,
                ..fitting.clone()
            },
            Answer {
                closes: Some(false),
                ..fitting.clone()
            },
        ] {
            assert!(!fits(answer.clone()), "{answer:?}");
        }
    }

    #[test]
    fn equal_marks_name_nobody() {
        let print = |program| {
            format!(
                "[[print]]\nprogram = \"{program}\"\nrole = \"waf\"\nsource = \"s\"\n[[print.answer]]\nbody = \"*go away*\"\n"
            )
        };
        let prints = Prints::default().with(&(print("one") + &print("two"))).unwrap();
        let author = author_of(&prints, "HTTP/1.1 403 Forbidden\r\n\r\nnow go away!");
        assert_eq!((author.program, author.role, author.sure), (None, Role::Waf, false));
    }

    #[test]
    fn any_octets_are_borne() {
        let prints = Prints::built_in();
        let mut random = fastrand::Rng::with_seed(9112);
        for _ in 0..300 {
            let octets: Vec<u8> = (0..random.usize(0..6000))
                .map(|_| *random.choice(b"ad* <>:-\r\n\x00\xff403").unwrap())
                .collect();
            let mut cut = |most| {
                let (start, length) = (random.usize(0..=octets.len()), random.usize(0..=most));
                &octets[start..octets.len().min(start + length)]
            };
            let fields = (0..200).map(|_| (cut(12), cut(30))).collect();
            let (reason, body) = (cut(40), cut(6000));
            let answer = Answer {
                version: (1, 1),
                status: 403,
                reason,
                fields,
                body,
                body_length: u64::MAX,
                closes: None,
            };
            assert!(!prints.author(&answer).sure);
        }
    }
}

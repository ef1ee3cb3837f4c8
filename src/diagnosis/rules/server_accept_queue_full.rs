//! SYNs or final ACKs ignored by a host that answers others: its accept queue is full.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        passage::{is_half_seen, near},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
        silent_syn::{evidence, silent_syns},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "server.accept-queue-full",
    name: "accept queue full",
    guide: Some(Guide::Server),
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "The server answers SYNs, but ignores the acknowledgement that completes the handshake: it sends SYN-ACK again, and leaves \
           the client's octets unacknowledged. Or it ignores SYNs while connections that it accepted just before stay unserved.",
    means: "The system completes handshakes on behalf of the program and queues them until the program calls accept(). If the \
            program is too slow, hangs, or the queue is short, the queue is full; Linux then drops SYNs and final ACKs in silence, \
            and the clients repeat them. Nothing on the way is at fault.",
    ladder: "client                      server\n\
             |--- SYN ------------------->|\n\
             |<-- SYN, ACK ---------------|\n\
             |--- ACK ------------------->| (ignored)\n\
             |--- GET, Upgrade ---------->| (ignored)\n\
             |<-- SYN, ACK (again) -------|",
    confused_with: &[
        (
            "firewall.silent-drop-syn",
            "no connection to this port stays unserved, and it does not recover by itself",
        ),
        (
            "firewall.l7-drop-after-request",
            "the SYN-ACK is not repeated: the server has the acknowledgement, only the request vanishes",
        ),
        (
            "server.not-accepting",
            "the queue has still room: handshake and request are acknowledged, and nobody reads",
        ),
    ],
    remedies: &[
        "On the server: ss -ltn shows Recv-Q (waiting) against Send-Q (the queue's length); nstat -az TcpExtListenOverflows counts.",
        "Find out why the program does not accept: a blocked event loop, all workers busy, a debugger, a stop signal.",
        "Raise the queue: net.core.somaxconn and the program's backlog (uvicorn --backlog, nginx listen ... backlog=).",
    ],
    references: &[
        "listen(2), tcp(7): tcp_abort_on_overflow",
        "Linux: net.core.somaxconn, TcpExtListenOverflows",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    if is_half_seen(case) {
        return None;
    }
    ignored_acknowledgement(case).or_else(|| ignored_syn(case))
}

/// The final ACK and data came, and SYN-ACK is sent again all the same.
fn ignored_acknowledgement(case: &Case<'_>) -> Option<Match> {
    let facts = &case.attempt.connection;
    let again = facts.ignored_acknowledgement()?;
    let (answers, data) = (&facts.from_server.syns, facts.from_client.data.as_ref()?);
    // Seen from the client, a filter that drops all but SYNs looks the same.
    let at_server = near(case) == Some(Side::Server);
    let unserved = case.listening().unserved > 1;
    let confidence = if at_server || unserved {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let summary = format!(
        "The server ignored the acknowledgement that completes the handshake and sent SYN-ACK {} times: its accept queue is full.",
        answers.count()
    );
    let found = Match::new(confidence, Outcome::Unreachable, SaidBy::ServerHost, summary)
        .weighing(75)
        .shown_by_all(answers.first().map(|answer| Evidence::new(answer.at.packet, "SYN-ACK")))
        .shown_by_all(
            facts
                .established
                .map(|at| Evidence::new(at.packet, "its acknowledgement")),
        )
        .shown_by(data.first.at.packet, "octets of the client, never acknowledged")
        .shown_by(again.packet, "SYN-ACK again, as if neither had come")
        .but("A filter that drops all but SYNs would show the same at the client; a capture at the server tells.");
    Some(found)
}

/// SYNs are ignored while connections to the same port, accepted before, stay unserved.
fn ignored_syn(case: &Case<'_>) -> Option<Match> {
    let syns = silent_syns(case).filter(|syns| syns.count > 1)?;
    let listening = case.listening();
    let overflowed = listening.overflowed;
    let waiting = listening.first_unserved.filter(|at| *at < syns.first);
    // A program that serves others during these very seconds has room in its queue.
    let served = listening.last_payload.is_some_and(|at| at > syns.first);
    let sign = overflowed.or(waiting).filter(|_| listening.answered > 0 && !served)?;
    let text = match overflowed {
        Some(_) => {
            "on another connection the same port ignores the final acknowledgement and sends SYN-ACK again".to_owned()
        }
        None => format!(
            "{} connections to the same port were accepted and stay unserved, this one first",
            listening.unserved
        ),
    };
    let confidence = if overflowed.is_some() || listening.unserved > 1 {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let summary = format!(
        "The host ignored {} SYNs within {}, while connections that it had accepted wait unserved: its accept queue is full.",
        syns.count,
        seconds(syns.last.time.since(syns.first.time))
    );
    let found = Match::new(confidence, Outcome::Unreachable, SaidBy::ServerHost, summary)
        .weighing(75)
        .shown_by_all(evidence(case))
        .shown_by(sign.packet, text)
        .but("A filter may drop these SYNs for reasons of its own.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn the_syn_ack_comes_again_though_it_was_acknowledged() {
        let ladder = "1 > S; 1.02 < SA; 1.021 > A; 1.022 > GET lost; 1.3 > again lost; 2.02 < SA; 2.03 > A; 2.5 > again lost; 9 end";
        assert_eq!(
            told(ladder),
            ("server.accept-queue-full", Confidence::Possible, Outcome::Unreachable)
        );
    }

    #[test]
    fn syns_are_ignored_while_others_wait_unserved() {
        let waits = |n: u32| format!("0.{n} {n}> S; 0.{n}1 {n}< SA; 0.{n}2 {n}> A; 0.{n}3 {n}> GET; 0.{n}4 {n}< A;");
        let ladder = format!("{}{} 1 > S lost; 2 > S lost; 4 > S lost; 9 end", waits(2), waits(3));
        assert_eq!(
            told(&ladder),
            ("server.accept-queue-full", Confidence::Likely, Outcome::Unreachable)
        );
        assert_eq!(
            cause(&format!("{GOOD} 1 > S lost; 2 > S lost; 4 > S lost; 9 end")),
            "firewall.silent-drop-syn"
        );
    }
}

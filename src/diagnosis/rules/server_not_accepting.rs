//! The host completes the TCP handshake and acknowledges the request; no process ever answers.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        passage::PATIENCE,
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
        waiting::Waiting,
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "server.not-accepting",
    name: "nobody accepts the connection",
    guide: Some(Guide::Server),
    stages: &[Stage::Request],
    sees: "Handshake and request are acknowledged. Nothing else ever comes from this port, on any connection of the capture; not \
           even a FIN after the client's FIN.",
    means: "The system completes handshakes and acknowledges octets on behalf of the program that listens. The program itself does \
            not call accept() or does not read: it is stopped, hangs in its start, is held in a debugger, or its event loop is \
            blocked. A program that has accepted the connection closes it when the client does.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- ACK --------------------|\n\
             |            ...             |\n\
             |--- FIN ------------------->|\n\
             |<-- ACK --------------------| (and no FIN)",
    confused_with: &[
        (
            "server.no-answer",
            "a program reads: it closes after the client's FIN, or answers other requests meanwhile",
        ),
        (
            "server.accept-queue-full",
            "the next step: handshakes are ignored as well",
        ),
        ("firewall.l7-drop-response", "answers are sent, and lost on the way"),
    ],
    remedies: &[
        "On the server: ss -ltn shows connections that wait for accept() in Recv-Q of the listening socket.",
        "Look at the process: is it stopped (state T), in a debugger, or busy in one thread? py-spy dump, gdb -p, jstack.",
        "With several processes on one socket, one that does not accept may still be handed connections (SO_REUSEPORT).",
    ],
    references: &["RFC 9293 section 3.9.2", "listen(2), accept(2)"],
    check,
};

/// A program that reads notices the client's FIN at once; so long after it, nobody reads.
const NOTICED: u64 = 1_000_000_000;

fn check(case: &Case<'_>) -> Option<Match> {
    let waiting = Waiting::of(case).filter(|waiting| waiting.lost == 0)?;
    let facts = &case.attempt.connection;
    let request = case.attempt.request.as_ref()?;
    let listening = case.listening();
    let spoke = listening.last_payload.is_some_and(|at| at > request.first.at);
    if spoke || waiting.left_by(Side::Server).is_some() {
        return None;
    }
    let left = waiting.left_by(Side::Client);
    let ignored = left.filter(|&at| facts.from_client.fin_acknowledged && case.survey.left_after(at) > NOTICED);
    let never = listening.first_payload.is_none();
    let sure = ignored.is_some() && never || listening.unserved > 1 && never && waiting.waited >= PATIENCE;
    if ignored.is_none() && !never {
        return None;
    }
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let outcome = if left.is_some() {
        Outcome::Abandoned
    } else {
        Outcome::Undetermined
    };
    let ignored = ignored.map(|at| {
        Evidence::new(
            at.packet,
            "the client's FIN is acknowledged by the system; no program closes the other direction",
        )
    });
    let since = if never { "ever" } else { "any more" };
    let summary = format!(
        "The system acknowledged the request; within {} no program on port {} answered {since}.",
        seconds(waiting.waited),
        facts.server.port
    );
    let found = Match::new(confidence, outcome, SaidBy::ServerHost, summary)
        .weighing(70)
        .shown_by_all(waiting.evidence())
        .shown_by_all(ignored)
        .but("A program that reads and does nothing looks much the same.");
    Some(found)
}

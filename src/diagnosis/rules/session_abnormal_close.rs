//! The connection ended without a closing handshake.

use crate::{
    attempt::Stage,
    diagnosis::{
        closing::{Closing, How},
        marks::{milliseconds, seconds},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        tls_handshake::name,
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "session.abnormal-close",
    name: "closed without a Close frame",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "After the switch one end sends FIN or a reset, and no Close frame came before. Or what one end sends is acknowledged no more.",
    means: "RFC 6455 wants a Close frame before the end; without one, the other end reports 1006. Programs that are killed or fail, \
            proxies that are reloaded, and clients that only drop the connection end like this. The marks of the segment are those of \
            the end whose address it bears.",
    ladder: "client                        server\n\
             |<-- 101 ----------------------|\n\
             |        (messages)            |\n\
             |<-- FIN or RST ---------------|",
    confused_with: &[
        (
            "session.server-error",
            "at once after the switch or a message: the application failed",
        ),
        (
            "proxy.idle-timeout",
            "after a silence of a round length, which repeats on other connections",
        ),
        (
            "firewall.idle-timeout",
            "after a silence, and what is sent then is dropped or reset by a box",
        ),
        ("firewall.rst-injected", "the reset bears marks of another sender"),
    ],
    remedies: &[
        "Look at what happened to that end at that moment: stopped, killed for want of memory, redeployed, gone to sleep.",
        "Let the client connect again by itself, and both ends send pings, so that a lost connection is noticed.",
    ],
    references: &["RFC 6455 sections 7.1.1, 7.1.5 and 7.4.1 (1006)"],
    check,
};

/// A silence before the end that is longer, in nanoseconds, may be the reason for it.
const LONG: u64 = 10_000_000_000;

fn check(case: &Case<'_>) -> Option<Match> {
    match Closing::of(case) {
        Some(closing) => cut(&closing),
        None => vanished(case),
    }
}

fn cut(closing: &Closing<'_>) -> Option<Match> {
    let what = match closing.how {
        How::Frame(_) => return None,
        How::Fin => "closed the connection",
        How::Reset => "reset the connection",
    };
    let waited = closing.waited();
    let silence = if waited >= LONG {
        format!(" and {} of silence", seconds(waited))
    } else {
        String::new()
    };
    let confidence = if waited >= LONG && closing.by == Side::Server {
        Confidence::Possible
    } else {
        Confidence::Likely
    };
    let summary = format!(
        "The {} {what} without a Close frame, {} after the switch{silence}; the other end reports 1006.",
        name(closing.by),
        milliseconds(closing.age())
    );
    Some(
        closing
            .found(confidence, summary)
            .weighing(30)
            .but("It says how it ended and not why."),
    )
}

/// Nobody ended it, but one end is not heard any more.
fn vanished(case: &Case<'_>) -> Option<Match> {
    /// Repeats that mere loss does not explain.
    const REPEATS: usize = 3;
    let facts = &case.attempt.connection;
    let open = facts.resets.is_empty() && facts.from_client.fin.is_none() && facts.from_server.fin.is_none();
    let session = case
        .attempt
        .session
        .as_deref()
        .filter(|session| open && session.closes.is_empty())?;
    if facts.is_one_sided() || session.unread != [false; 2] {
        return None;
    }
    let in_vain = |side: &Side| {
        let sent = facts.from(*side);
        let repeats = sent
            .repeats_unacknowledged()
            .filter(|repeat| repeat.offset >= sent.acknowledged);
        sent.unacknowledged() > 0 && repeats.count() >= REPEATS
    };
    let side = [Side::Client, Side::Server].into_iter().find(in_vain)?;
    let last = facts.from(side).repeats_unacknowledged().last()?;
    let summary = format!(
        "After the switch, what the {} sent was acknowledged no more; it tried until {} after its last success.",
        name(side),
        seconds(last.seen.at.time.since(facts.from(side).acknowledged_at?.time))
    );
    let found = Match::new(Confidence::Possible, Outcome::Lost, SaidBy::Unknown, summary).weighing(20);
    let found = found.shown_by(last.seen.at.packet, "the same octets again, and no acknowledgement");
    Some(found.but("Who stopped passing or answering it is not shown."))
}

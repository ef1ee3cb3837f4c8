//! Loss that hits both directions and all sizes; not a filter.

use crate::{
    attempt::Stage,
    diagnosis::{
        cut::{SILENCE, cut},
        passage::{loss, name, repeats, vanished},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
        silent_syn::{evidence, silent_syns},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "network.loss",
    name: "loss on the way",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect, Stage::Tls, Stage::Request, Stage::Open, Stage::Closed],
    sees: "Segments of any kind and size, of both ends and on several connections, have to be sent again, and most come through then. \
           On this connection they did not come through in time.",
    means: "The way loses segments by chance: a bad line, radio, an overloaded link or queue. A filter would drop the same thing each \
            time and let other things pass.",
    ladder: "client                      server\n\
             |--- GET ------------->X       |\n\
             |--- GET (again) ------------->|\n\
             |            X<------- 101 ----|\n\
             |<-- 101 (again) --------------|",
    confused_with: &[
        ("firewall.l7-drop-after-request", "only the request vanishes, each time"),
        ("firewall.mtu-blackhole", "only full-size segments vanish, each time"),
        (
            "firewall.stateful-invalid-drop",
            "nothing is lost before, and nothing passes after",
        ),
        (
            "capture.gap",
            "the receiver acknowledges what was not seen: the capture lost it, not the network",
        ),
    ],
    remedies: &[
        "Look for the lossy link: mtr to the server from both ends, error counters of interfaces, Wi-Fi signal.",
        "Give clients timeouts that outlast some repeats (at least 10 s), and let them try again.",
    ],
    references: &["RFC 6298 section 5", "RFC 9293 section 3.8.1"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let upgraded = case.attempt.is_upgraded();
    let loss = loss(case);
    if loss.is_none() && !upgraded {
        return None;
    }
    let (summary, shown) = match case.attempt.stage {
        Stage::Connect => {
            (silent_syns(case)?.count > 1).then(|| ("The SYNs got no answer".to_owned(), evidence(case)))?
        }
        Stage::Open | Stage::Closed => {
            let cut = cut(case)?;
            // After a silence nobody knows when the way broke.
            if loss.is_none() && cut.lost.silence >= SILENCE && cut.lost.repeats < 2 {
                return None;
            }
            let who = name(cut.side);
            let shown = repeats(case, cut.side, &cut.lost, "octets of the session, never acknowledged");
            (format!("The {who}'s octets did not get through any more"), shown)
        }
        _ => [Side::Client, Side::Server].into_iter().find_map(|side| {
            let lost = vanished(case, side)?;
            let shown = repeats(case, side, &lost, "octets that did not get through");
            Some((format!("The {}'s octets did not get through", name(side)), shown))
        })?,
    };
    let outcome = match () {
        () if upgraded => Outcome::Lost,
        () if case.attempt.connection.left(Side::Client).is_some() => Outcome::Abandoned,
        () => Outcome::Undetermined,
    };
    let (weight, reason) = match &loss {
        Some(loss) => (65, loss.text.clone()),
        None => (45, "nothing tells whether the line failed or a filter".into()),
    };
    let shows: Vec<Evidence> = loss.into_iter().collect();
    let found = Match::new(
        Confidence::Possible,
        outcome,
        SaidBy::Network,
        format!("{summary}: {reason}."),
    )
    .weighing(weight)
    .shown_by_all(shown)
    .shown_by_all(shows)
    .but("It is chance only if other things get lost as well.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::ladder::{GOOD, SHAKEN, cause};

    #[test]
    fn a_way_that_loses_other_things_too_is_not_a_filter() {
        let lossy = "0.3 2> x20 lost; 0.6 2> again; 0.62 2< A; 0.7 2< x30 lost; 0.9 2< again; 0.91 2> A;";
        let dropped = "1.021 > GET lost; 1.3 > again lost; 1.9 > again lost; 3 > again lost; 9 end";
        assert_eq!(cause(&format!("{GOOD}{lossy}{SHAKEN}{dropped}")), "network.loss");
        assert_ne!(cause(&format!("{GOOD}{SHAKEN}{dropped}")), "network.loss");
    }
}

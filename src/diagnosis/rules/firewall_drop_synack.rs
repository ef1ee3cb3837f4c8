//! The server answers the SYN, the client never gets the answer.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        passage::{is_half_seen, loss, near},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.drop-synack",
    name: "SYN-ACK dropped on the way back",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect],
    sees: "The server answers the SYN with SYN-ACK, again and again. The client goes on sending SYN as if it had got no answer, and \
           never acknowledges.",
    means: "The way to the server is open, the way back is not. A filter that lets SYNs through and drops the answers does this; so \
            does asymmetric routing past a stateful filter that never saw the SYN, and the client's own host firewall.",
    ladder: "client                      server\n\
             |--- SYN ------------------->|\n\
             |        X<------- SYN, ACK -|\n\
             |--- SYN (again) ----------->|\n\
             |        X<------- SYN, ACK -|",
    confused_with: &[
        (
            "firewall.silent-drop-syn",
            "a capture at the client cannot tell the two apart: no SYN-ACK is seen in either",
        ),
        (
            "server.accept-queue-full",
            "the client does acknowledge, and the server repeats SYN-ACK all the same",
        ),
        (
            "client.gave-up",
            "the client answers the SYN-ACK with a reset: it gets it and does not want it any more",
        ),
    ],
    remedies: &[
        "Look at the filters on the way back: rules that allow only established connections need to have seen the SYN.",
        "Compare the routes of both directions (traceroute from both ends); with two ways, bind the filter's state or route both \
         through one.",
        "Cloud: a stateless network ACL needs a rule for the client's ephemeral ports (1024-65535) on the way back.",
    ],
    references: &["RFC 9293 section 3.5", "RFC 6298 section 5", "AWS VPC: network ACLs"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let facts = &case.attempt.connection;
    let (syns, answers) = (&facts.from_client.syns, &facts.from_server.syns);
    let (answer, latest) = (answers.first()?.at, answers.last()?.at);
    let unheard = facts.established.is_none() && facts.resets.is_empty() && facts.errors.is_empty();
    if !unheard || is_half_seen(case) {
        return None;
    }
    let again: Vec<Evidence> = syns
        .iter()
        .filter(|syn| syn.at > answer)
        .map(|syn| Evidence::new(syn.at.packet, "SYN again: the client does not have the answer"))
        .collect();
    let loss = loss(case);
    let confidence = match (again.len(), answers.count()) {
        (0, 1) => return None,
        (1.., _) if loss.is_none() => Confidence::Likely,
        _ => Confidence::Possible,
    };
    let summary = format!(
        "The server sent SYN-ACK {} times within {}; the client never acknowledged it and sent SYN {} times.",
        answers.count(),
        seconds(latest.time.since(answer.time)),
        syns.count()
    );
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(if again.is_empty() { 40 } else { 60 })
        .shown_by(facts.first.packet, "SYN")
        .shown_by(answer.packet, "SYN-ACK, never acknowledged")
        .shown_by_all(again)
        .but(match loss {
            Some(loss) => format!("Loss explains it as well: {}.", loss.text),
            None => {
                "A SYN with a forged source, as of a scan, is never acknowledged either; but it is seldom repeated."
                    .to_owned()
            }
        });
    Some(match near(case) {
        Some(Side::Client) => {
            found.advising("The SYN-ACKs were captured at the client: look at its own host firewall first.")
        }
        _ => found,
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn the_client_repeats_its_syn_though_it_is_answered() {
        let ladder = "1 > S; 1.001 < SA lost; 2 > S; 2.001 < SA lost; 4 > S; 4.001 < SA lost; 9 end";
        assert_eq!(
            told(ladder),
            ("firewall.drop-synack", Confidence::Likely, Outcome::FirewallDrop)
        );
    }

    #[test]
    fn a_client_that_resets_has_got_the_answer() {
        assert_eq!(cause("1 > S; 1.1 < SA; 1.101 > R; 9 end"), "client.gave-up");
    }
}

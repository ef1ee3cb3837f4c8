//! What one connection makes of a ladder of packets: each test reads as what an observer would see.

use super::{
    GapCause, Place, Roles, Side,
    sample::{FIRST, MS, Packet, after_opening, client, connection, connections, opening, server},
    state,
};

const C: Side = Side::Client;
const S: Side = Side::Server;

#[test]
fn a_whole_connection() {
    let ladder = [
        client().syn().at(0),
        server().syn().ack(0).at(20),
        client().ack(0).at(21),
        client().ack(0).data(0, b">hello").at(22),
        server().ack(6).at(42),
        server().ack(6).data(0, b"<hi").at(100),
        client().ack(3).at(101),
        server().ack(6).fin(3).at(110),
        client().ack(4).fin(6).at(111),
        server().ack(7).seq(4).at(131),
    ];
    let (facts, told) = connection(&ladder);
    assert_eq!((told.text(C), told.text(S)), (">hello".into(), "<hi".into()));
    assert_eq!(told.acknowledged, [6, 3]);
    assert_eq!(told.finished.map(|at| at.unwrap().packet.number()), [9, 8]);
    assert_eq!(
        (facts.server_rtt, facts.client_rtt),
        (Some(20 * MS as u64), Some(MS as u64))
    );
    assert_eq!(facts.established.unwrap().packet.number(), 3);
    assert!(facts.from_client.fin_acknowledged && facts.from_server.fin_acknowledged);
    assert_eq!((facts.from_client.sent, facts.from_client.acknowledged), (6, 6));
    assert_eq!((facts.from_server.sent, facts.from_server.acknowledged), (3, 3));
    assert_eq!((facts.history.to_string(), state(&facts)), ("ShADadfF".into(), "SF"));
    let idle = facts.idle.unwrap();
    assert_eq!((idle.from.packet.number(), idle.to.packet.number()), (5, 6));
    assert_eq!(
        (facts.from_client.ttl, facts.from_server.ttl),
        (Some((64, 64)), Some((57, 57)))
    );
    assert_eq!(facts.from_client.keep_alives + facts.from_server.keep_alives, 0);
}

#[test]
fn a_repeated_syn_is_the_same_connection() {
    let ladder = [client().syn().at(0), client().syn().at(1000), client().syn().at(3000)];
    let (facts, _) = connection(&ladder);
    assert_eq!(facts.from_client.syns.count(), 3);
    assert_eq!((facts.history.to_string(), state(&facts)), ("S".into(), "S0"));
    let answered = [&ladder[..], &[server().syn().ack(0).at(3010)]].concat();
    assert_eq!(
        connection(&answered).0.server_rtt,
        None,
        "nobody knows which of them was answered"
    );
}

#[test]
fn another_syn_is_another_connection() {
    let other = [FIRST[0].wrapping_add(64_000), FIRST[1].wrapping_add(9)];
    let again = |packet: Packet| packet.first(other);
    let mut ladder = opening();
    ladder.push(client().ack(0).data(0, b">first"));
    ladder.push(again(client().syn()));
    ladder.push(again(server().syn().ack(0)));
    ladder.push(again(client().ack(0).data(0, b">second")));
    let texts: Vec<String> = connections(&ladder)
        .into_iter()
        .map(|ended| ended.told().1.text(C))
        .collect();
    assert_eq!(texts, [">first", ">second"]);
}

#[test]
fn a_syn_after_a_stray_packet_of_the_server_is_another_connection() {
    let other = [FIRST[0].wrapping_add(64_000), FIRST[1]];
    assert_eq!(
        connections(&[server().ack(50).seq(7), client().first(other).syn()]).len(),
        2
    );
    assert_eq!(
        connections(&[server().syn().ack(0), client().syn()]).len(),
        1,
        "only their order is turned"
    );
}

#[test]
fn sides_are_known_without_the_opening() {
    let (facts, told) = connection(&[client().ack(0).data(0, b">ask"), server().ack(4).data(0, b"<tell")]);
    assert_eq!((facts.roles, facts.client.port), (Roles::ByData, 50_000));
    assert_eq!((told.text(C), told.text(S)), (">ask".into(), "<tell".into()));
    // By its port, the client would be the server.
    let low = |packet: Packet| Packet { port: 80, ..packet };
    let ladder = [
        low(client().ack(0)),
        low(client().ack(0).data(0, b">ask")),
        low(server().ack(4).rst(0)),
    ];
    let (facts, told) = connection(&ladder);
    assert_eq!((facts.roles, facts.client.port), (Roles::ByData, 80));
    assert_eq!(told.text(C), ">ask");
    assert_eq!(
        (facts.reset_by(S).unwrap().place, facts.history.to_string()),
        (Place::Exact, "ADr".into())
    );
    let (facts, _) = connection(&[server().syn().ack(0)]);
    assert_eq!((facts.roles, facts.client.port), (Roles::ByHandshake, 50_000));
}

#[test]
fn data_in_the_syn() {
    let ladder = [
        client().syn().data(0, b">early"),
        server().syn().ack(6),
        client().ack(0).data(6, b" late"),
        server().ack(11),
    ];
    let (facts, told) = connection(&ladder);
    assert_eq!(told.text(C), ">early late");
    assert_eq!((facts.from_client.acknowledged, told.acknowledged[0]), (11, 11));
    assert!(facts.established.is_some());
    let refused = [
        client().syn().data(0, b">early"),
        server().syn().ack(0),
        client().ack(0).data(0, b">early"),
    ];
    let (facts, told) = connection(&refused);
    assert_eq!(
        (told.text(C), facts.from_client.data.as_ref().unwrap().repeats.count()),
        (">early".into(), 1)
    );
}

#[test]
fn reordering_repeats_and_overlaps() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(3, b"ll"),
        client().ack(0).data(0, b">he"),
        client().ack(0).data(1, b"hello"),
        client().ack(0).data(1, b"he"),
        server().ack(6),
        client().ack(0).data(0, b">hello"),
    ]);
    let data = facts.from_client.data.as_ref().unwrap();
    assert_eq!(told.text(C), ">hello");
    assert_eq!(data.repeats.count(), 2);
    let acknowledged: Vec<bool> = data.repeats.iter().map(|repeat| repeat.acknowledged).collect();
    assert_eq!(acknowledged, [false, true]);
    assert_eq!((data.conflicts.count(), data.gaps.count(), data.missing), (0, 0, 0));
}

#[test]
fn the_first_octets_win_and_the_others_are_a_conflict() {
    let (facts, told) = after_opening(&[
        server().ack(0).data(0, b"<200 OK"),
        server().ack(0).data(0, b"<403 No").ttl(250),
    ]);
    assert_eq!(told.text(S), "<200 OK");
    let data = facts.from_server.data.as_ref().unwrap();
    let conflict = data.conflicts.first().unwrap();
    assert_eq!(
        (
            conflict.earlier.number(),
            conflict.seen.at.packet.number(),
            conflict.offset
        ),
        (4, 5, 1)
    );
    assert_eq!(facts.history.to_string(), "ShAdit");
    let shifted = [
        server().ack(0).data(0, b"<200 OK"),
        server().ack(0).data(3, b"0 OX and more"),
    ];
    let (facts, told) = after_opening(&shifted);
    assert_eq!(told.text(S), "<200 OK and more");
    assert_eq!(
        facts
            .from_server
            .data
            .as_ref()
            .unwrap()
            .conflicts
            .first()
            .unwrap()
            .offset,
        6
    );
}

#[test]
fn keep_alives_are_no_repeats() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(0, b">a"),
        server().ack(2),
        client().ack(0).data(1, b"\0"),
        client().ack(0).seq(1),
        server().ack(2),
        server().ack(2).seq(-1),
        client().ack(0).seq(2),
    ]);
    assert_eq!((facts.from_client.keep_alives, facts.from_server.keep_alives), (2, 1));
    let data = facts.from_client.data.as_ref().unwrap();
    assert_eq!((data.repeats.count(), data.conflicts.count(), data.segments), (0, 0, 1));
    assert_eq!((told.text(C), facts.is_one_sided()), (">a".into(), false));
}

#[test]
fn a_probe_of_a_zero_window_brings_the_next_octet() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(0, b">a"),
        server().ack(2).window(0),
        client().ack(0).data(2, b"b"),
        server().ack(2).window(0),
        client().ack(0).data(2, b"b"),
        server().ack(2).window(100),
        client().ack(0).data(2, b"bcd"),
        server().ack(5),
    ]);
    assert_eq!((told.text(C), facts.from_server.zero_windows), (">abcd".into(), 2));
    assert_eq!(
        (facts.from_client.unacknowledged(), facts.history.to_string()),
        (0, "ShADwaT".into())
    );
}

#[test]
fn what_was_acknowledged_and_never_captured_is_a_gap() {
    let rest = [
        server().ack(0).data(9, b"c"),
        server().ack(0).data(10, b"d"),
        server().ack(0).data(11, b"e"),
    ];
    let ladder = [
        &[
            server().ack(0).data(0, b"<a"),
            server().ack(0).data(8, b"b"),
            client().ack(9),
        ],
        &rest[..],
        &[client().ack(12)],
    ]
    .concat();
    let (facts, told) = after_opening(&ladder);
    assert_eq!(told.text(S), "<a______bcde");
    assert_eq!(told.gaps, [(S, 2, 6, GapCause::NotCaptured)]);
    let data = facts.from_server.data.as_ref().unwrap();
    assert_eq!(
        (data.missing, data.beyond_hole, facts.history.to_string()),
        (6, 0, "ShAdg".into())
    );
    // Not acknowledged, they were lost in the network before the capture point.
    let (facts, told) = after_opening(&[&ladder[..2], &rest[..]].concat());
    assert_eq!((told.text(S), told.gaps.len()), ("<a".into(), 0));
    assert_eq!(facts.from_server.data.as_ref().unwrap().beyond_hole, 4);
}

#[test]
fn what_the_capture_recorded_out_of_order_is_no_gap() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(3, b"lo"),
        server().ack(5),
        client().ack(0).data(5, b"!"),
        client().ack(0).data(0, b">he"),
    ]);
    assert_eq!((told.text(C), told.gaps.len()), (">helo!".into(), 0));
    assert_eq!((told.acknowledged[0], facts.from_client.has_gaps()), (5, false));
}

#[test]
fn an_acknowledgement_captured_before_its_octets_counts() {
    let (facts, told) = after_opening(&[server().ack(6), client().ack(0).data(0, b">hello"), server().ack(6)]);
    assert_eq!(
        (told.text(C), told.acknowledged[0], told.gaps.len()),
        (">hello".into(), 6, 0)
    );
    assert_eq!(facts.from_client.unacknowledged(), 0);
}

#[test]
fn a_direction_that_was_never_captured_is_a_gap() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(0, b">ask"),
        client().ack(500).seq(4),
        client().ack(900).seq(4),
    ]);
    assert_eq!(told.gaps, [(S, 0, 900, GapCause::NotCaptured)]);
    assert_eq!(facts.from_server.data.as_ref().unwrap().missing, 900);
}

#[test]
fn the_snapshot_length_makes_gaps() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(0, b">abc").cut(6),
        client().ack(0).data(10, b"def").cut(1),
        client().ack(0).data(14, b"").cut(5),
        client().ack(0).data(0, b">abc").cut(6),
    ]);
    assert_eq!(told.text(C), ">abc______def______");
    assert!(told.gaps.iter().all(|gap| gap.3 == GapCause::Snapped));
    let data = facts.from_client.data.as_ref().unwrap();
    assert_eq!(
        (data.missing, data.repeats.count(), facts.from_client.sent),
        (12, 1, 19)
    );
}

#[test]
fn a_fin_waits_for_the_octets_before_it() {
    let (facts, told) = after_opening(&[
        server().ack(0).fin(5),
        client().ack(6),
        server().ack(0).data(0, b"<bye!"),
    ]);
    assert_eq!(
        (told.text(S), told.finished[1].unwrap().packet.number()),
        ("<bye!".into(), 4)
    );
    assert!(facts.from_server.fin_acknowledged && told.gaps.is_empty());
    // The octets before it are lost to the capture: they are five, and the sixth is the FIN.
    let (facts, told) = after_opening(&[server().ack(0).fin(5), client().ack(6)]);
    assert_eq!(told.gaps, [(S, 0, 5, GapCause::NotCaptured)]);
    assert_eq!((facts.from_server.sent, facts.from_server.fin_acknowledged), (5, true));
    assert!(told.finished[1].is_some());
    let (facts, told) = after_opening(&[server().ack(0).data(0, b"<a"), client().ack(3), server().ack(0).fin(2)]);
    assert!(told.gaps.is_empty() && facts.from_server.fin_acknowledged);
    assert_eq!(facts.from_server.acknowledged, 2);
}

#[test]
fn a_reset_is_judged_by_its_place() {
    let place = |rst: Packet| {
        let ladder = [client().ack(0).data(0, b">hello"), server().ack(6), rst];
        let (facts, _) = after_opening(&ladder);
        *facts.resets.first().unwrap()
    };
    assert_eq!(place(client().rst(6)).place, Place::Exact);
    assert_eq!(place(client().rst(1000)).place, Place::InWindow);
    assert_eq!(place(client().rst(5)).place, Place::Outside);
    assert_eq!(place(client().rst(10_000_000)).place, Place::Outside);
    let reset = place(server().ack(6).rst(0).ttl(240));
    assert_eq!(
        (reset.place, reset.acknowledges, reset.side),
        (Place::Exact, Some(6), S)
    );
    assert_eq!((reset.ttl_before, reset.seen.marks.ttl), (Some((57, 57)), 240));
    assert_eq!(
        (reset.after_other, reset.after_own),
        (Some(2 * MS as u64), Some(MS as u64))
    );
    let refusal = |ack: i64| {
        let rst = Packet {
            sequence: -i64::from(FIRST[1]),
            ..server().ack(ack).rst(0)
        };
        connection(&[client().syn(), rst]).0
    };
    let facts = refusal(0);
    assert_eq!(
        (facts.resets.first().unwrap().place, state(&facts)),
        (Place::Exact, "REJ")
    );
    assert_eq!(refusal(-1).resets.first().unwrap().place, Place::Outside);
    assert_eq!(refusal(77).resets.first().unwrap().place, Place::Outside);
}

#[test]
fn who_goes_on_after_its_reset_did_not_send_it() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(0, b">ask"),
        server().ack(4).rst(0).ttl(250),
        server().ack(4).data(0, b"<tell"),
    ]);
    assert_eq!(facts.resets.first().unwrap().went_on.unwrap().packet.number(), 6);
    assert_eq!((told.text(S), facts.from_server.ttl), ("<tell".into(), Some((57, 57))));
}

#[test]
fn a_challenge_establishes_nothing() {
    let (facts, _) = connection(&[client().syn(), server().syn().ack(0), client().ack(-5000).seq(-3000)]);
    assert_eq!((facts.established, facts.from_server.acknowledged), (None, 0));
}

#[test]
fn what_is_not_wanted_costs_no_memory_and_is_counted() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(6, b"early"),
        client().ack(0).data(0, b">stop"),
        client().ack(0).data(100, b"more"),
        client().ack(0).data(100, b"more"),
        server().ack(104),
        client().ack(0).fin(104),
    ]);
    assert_eq!((told.text(C), told.gaps.len()), (">stop".into(), 0));
    assert_eq!((facts.from_client.sent, facts.from_client.unacknowledged()), (104, 0));
    assert_eq!(facts.from_client.data.as_ref().unwrap().repeats.count(), 1);
    assert!(told.finished[0].is_some());
}

#[test]
fn round_trips_are_not_told_by_what_was_sent_twice() {
    let (facts, _) = after_opening(&[
        client().ack(0).data(0, b">a").at(10),
        client().ack(0).data(0, b">a").at(300),
        server().ack(2).at(301),
    ]);
    assert_eq!(facts.server_rtt, Some(MS as u64), "the handshake's");
    let (facts, _) = after_opening(&[
        client().ack(0).data(0, b">a").at(10),
        client().ack(0).data(0, b">a").at(300),
    ]);
    let flight = facts.from_client.oldest_in_flight().unwrap();
    assert_eq!((flight.at.time.0, flight.repeated), (10 * MS, true));
}

#[test]
fn sizes_that_passed_and_that_did_not() {
    let (facts, _) = after_opening(&[
        client().ack(0).data(0, &[b'>'; 500]),
        server().ack(500),
        client().ack(0).data(500, &[b'x'; 1448]),
        client().ack(0).data(1948, &[b'x'; 100]),
        client().ack(0).data(500, &[b'x'; 1448]),
    ]);
    assert_eq!(facts.from_client.unacknowledged(), 1548);
    assert_eq!(facts.from_client.oldest_in_flight().unwrap().length, 1448);
    assert_eq!(facts.from_client.repeats_unacknowledged().count(), 1);
    assert_eq!(facts.from_client.data.as_ref().unwrap().largest_passed, 500);
}

/// A ladder as a router sees it on its two interfaces: second copies have passed one hop more.
fn twice(ladder: &[Packet], copy_first: impl Fn(usize) -> bool) -> Vec<Packet> {
    let mut both = Vec::new();
    for (number, packet) in ladder.iter().enumerate() {
        let copy = packet.clone().ttl(packet.ttl - 1).on(1);
        both.push(packet.clone());
        let place = both.len() - usize::from(copy_first(number));
        both.insert(place, copy);
    }
    both
}

#[test]
fn a_packet_captured_on_two_interfaces_counts_once() {
    let ladder = [
        client().syn(),
        client().syn(),
        server().syn().ack(0),
        client().ack(0),
        client().ack(0).data(0, b">ask"),
        client().ack(0).data(0, b">ask"),
        server().ack(4).window(0),
        server().ack(4).data(0, b"<tell"),
        client().ack(5).fin(4),
        server().ack(5).fin(5),
        client().ack(6).seq(5),
        client().ack(6).rst(5),
    ];
    for first in 0..ladder.len() * 2 {
        let (facts, told) = connection(&twice(&ladder, |number| number > 2 && number % (first + 1) == first));
        assert_eq!((told.text(C), told.text(S)), (">ask".into(), "<tell".into()));
        assert_eq!(
            (facts.from_client.ttl, facts.from_server.ttl),
            (Some((64, 64)), Some((57, 57))),
            "{first}"
        );
        assert_eq!((facts.from_client.syns.count(), facts.from_server.syns.count()), (2, 1));
        assert_eq!(
            (facts.from_client.fins, facts.from_server.fins, facts.resets.count()),
            (1, 1, 1)
        );
        assert_eq!((facts.from_client.segments, facts.from_server.segments), (7, 4));
        assert_eq!(facts.from_client.data.as_ref().unwrap().repeats.count(), 1);
        assert_eq!(facts.from_server.data.as_ref().unwrap().repeats.count(), 0);
        assert_eq!(
            (facts.from_server.zero_windows, facts.history.to_string()),
            (1, "ShADTwadFfR".into())
        );
    }
}

#[test]
fn a_packet_with_one_tag_and_then_another_counts_once() {
    let tagged = |packet: &Packet, domain: u32| Packet {
        domain,
        ttl: packet.ttl - domain as u8,
        ..packet.clone()
    };
    let ladder = [
        client().syn(),
        client().syn(),
        server().syn().ack(0),
        client().ack(0).data(0, b">ask"),
    ];
    let both: Vec<Packet> = ladder
        .iter()
        .flat_map(|packet| [tagged(packet, 7), tagged(packet, 8)])
        .collect();
    let (facts, told) = connection(&both);
    assert_eq!(
        (facts.from_client.syns.count(), facts.from_client.ttl),
        (2, Some((57, 57)))
    );
    assert_eq!(
        (told.text(C), facts.from_client.data.as_ref().unwrap().repeats.count()),
        (">ask".into(), 0)
    );
}

#[test]
fn what_only_the_other_interface_saw_counts() {
    let (facts, told) = after_opening(&[
        client().ack(0).data(0, b">a").on(1).ttl(63),
        client().ack(0).data(2, b"b"),
        client().ack(0).data(2, b"b").on(1).ttl(63),
        client().ack(0).data(3, b"c").on(1).ttl(63),
        client().ack(0).data(3, b"c").on(1).ttl(63),
        client().ack(0).rst(4).on(1).ttl(63),
    ]);
    assert_eq!((told.text(C), facts.from_client.ttl), (">abc".into(), Some((64, 64))));
    assert_eq!(
        facts.from_client.data.as_ref().unwrap().repeats.count(),
        1,
        "twice on one interface is a repeat"
    );
    assert_eq!(
        facts.resets.first().unwrap().ttl_before,
        None,
        "TTLs of two interfaces are not compared"
    );
}

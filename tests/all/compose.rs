//! Composes a capture from a recipe: keeps the books of TCP as Linux does, and writes frames of Ethernet into a pcap file.

use std::{collections::BTreeMap, net::IpAddr};

use etherparse::{IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder, TcpHeader};

use crate::{
    payload::{Speaker, filler},
    recipe::{Connection, Error, Host, Recipe, Segment, What},
};

/// When every composed capture begins: 22 November 2026, 09:00:00 UTC, in microseconds since 1970.
const START: u64 = 1_795_338_000_000_000;
/// Octets of segments that Linux takes and announces on Ethernet (its options leave 1448 for payload).
const MSS: u16 = 1460;
/// The IP identification of an ICMP error: routers count all that they send, so any will do.
const ICMP_ID: u16 = 0x5a1e;
/// The windows of a SYN, a SYN-ACK and any other segment.
const WINDOWS: [u16; 3] = [64_240, 65_160, 502];

/// The pcap file of a recipe.
pub(crate) fn pcap(recipe: &Recipe) -> Vec<u8> {
    let mut frames: Vec<(u64, Vec<u8>)> = recipe
        .connections
        .iter()
        .flat_map(|connection| Ladder::new(recipe, connection).frames())
        .collect();
    frames.sort_by_key(|(time, _)| *time);
    // Version 2.4, times in microseconds, up to 262144 octets of a frame, Ethernet.
    let words: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1];
    let mut octets: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    for (time, frame) in frames {
        let (time, length) = (START + time, frame.len() as u32);
        let words = [(time / 1_000_000) as u32, (time % 1_000_000) as u32, length, length];
        octets.extend(words.into_iter().flat_map(u32::to_le_bytes));
        octets.extend(frame);
    }
    octets
}

/// One connection, as far as its recipe was followed.
struct Ladder<'r> {
    recipe: &'r Recipe,
    connection: &'r Connection,
    /// Client and server.
    ends: [End; 2],
    /// Segments that have a name, as they were sent.
    named: BTreeMap<&'r str, Sent>,
    /// Microseconds since the start.
    now: u64,
    frames: Vec<(u64, Vec<u8>)>,
}

/// What one end knows. Places in a stream count from its SYN.
struct End {
    first: u32,
    /// Of the octet that it sends next.
    next: u32,
    /// Of the octet that it waits for.
    heard: u32,
    /// What it has got beyond that.
    held: Vec<(u32, u32)>,
    id: u16,
    clock: u32,
    /// The other end's latest timestamp.
    echo: u32,
}

/// A segment as it was sent.
#[derive(Clone)]
struct Sent {
    by_client: bool,
    flags: String,
    place: u32,
    payload: Vec<u8>,
    ip: IpHeaders,
    tcp: TcpHeader,
}

impl<'r> Ladder<'r> {
    fn new(recipe: &'r Recipe, connection: &'r Connection) -> Self {
        let end = |name: &str| {
            let octets = filler(&connection.key, name, 10);
            let word = |at: usize| u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
            End {
                first: word(0),
                next: 0,
                heard: 0,
                held: Vec::new(),
                id: u16::from_be_bytes([octets[8], octets[9]]),
                clock: word(4),
                echo: 0,
            }
        };
        Ladder {
            recipe,
            connection,
            ends: [end("client"), end("server")],
            named: BTreeMap::new(),
            now: connection.begins,
            frames: Vec::new(),
        }
    }

    fn frames(mut self) -> Vec<(u64, Vec<u8>)> {
        for step in &self.connection.steps {
            self.now += step.after;
            match &step.what {
                What::Segment(segment) => self.segment(segment),
                What::Error(error) => self.error(error),
            }
        }
        self.frames
    }

    fn segment(&mut self, segment: &'r Segment) {
        if let Some(again) = &segment.again {
            let sent = self.sent(again);
            return self.send(segment, sent.flags, sent.payload, Some(sent.place));
        }
        let speaker = Speaker {
            is_client: segment.by_client,
            port: self.connection.ends[1].1,
            key: &self.connection.key,
        };
        let parts = segment.parts.iter().map(|part| part.octets(&speaker).unwrap());
        let payload = parts.collect::<Vec<_>>().concat();
        let payload = match &segment.of {
            Some(range) => payload[range.start..range.end.min(payload.len())].to_vec(),
            None => payload,
        };
        self.send(segment, segment.flags.clone(), payload, None);
    }

    fn send(&mut self, segment: &'r Segment, flags: String, payload: Vec<u8>, again: Option<u32>) {
        let (me, other) = (usize::from(!segment.by_client), usize::from(segment.by_client));
        let forged = segment.from.is_some();
        let place = again
            .unwrap_or(self.ends[me].next)
            .wrapping_add_signed(segment.seq as i32);
        // SYN and FIN take a place each.
        let length = payload.len() as u32 + flags.matches(['S', 'F']).count() as u32;
        let tcp = self.tcp(segment, &flags, place, me);
        let ip = self.ip(segment, &flags, me, other, tcp.header_len() + payload.len());
        let sent = Sent {
            by_client: segment.by_client,
            flags,
            place,
            payload,
            ip,
            tcp,
        };
        if !segment.unseen {
            self.frame(&sent);
        }
        if !forged {
            let end = &mut self.ends[me];
            end.next = end.next.max(place + length);
        }
        if !segment.lost {
            let stamp = self.ends[me].clock.wrapping_add((self.now / 1000) as u32);
            self.ends[other].hear(place, length);
            if !forged {
                self.ends[other].echo = stamp;
            }
        }
        if let Some(name) = &segment.name {
            self.named.insert(name, sent);
        }
    }

    fn tcp(&self, segment: &Segment, flags: &str, place: u32, me: usize) -> TcpHeader {
        let (end, other) = (&self.ends[me], &self.ends[1 - me]);
        let has = |flag: char| flags.contains(flag);
        let ports = [me, 1 - me].map(|side| self.connection.ends[side].1);
        let window = match (has('S'), has('A'), has('R')) {
            (_, true, true) if end.next == 0 => 0,
            (_, false, true) => 0,
            (true, false, _) => WINDOWS[0],
            (true, true, _) => WINDOWS[1],
            _ => WINDOWS[2],
        };
        let mut tcp = TcpHeader::new(
            ports[0],
            ports[1],
            // Who answers a SYN with a reset has no number of its own.
            if has('R') && end.next == 0 {
                0
            } else {
                end.first.wrapping_add(place)
            },
            segment.window.unwrap_or(window),
        );
        (tcp.syn, tcp.ack, tcp.fin) = (has('S'), has('A'), has('F'));
        (tcp.rst, tcp.psh) = (has('R'), has('P'));
        if tcp.ack {
            let heard = other.first.wrapping_add(end.heard);
            tcp.acknowledgment_number = heard.wrapping_add_signed(segment.ack as i32);
        }
        let plain = segment.bare || segment.from.is_some() || tcp.rst && (!tcp.ack || end.next == 0);
        let stamp = end.clock.wrapping_add((self.now / 1000) as u32);
        let options = match plain {
            true if tcp.syn => [&[2, 4][..], &MSS.to_be_bytes()].concat(),
            true => Vec::new(),
            false => options(tcp.syn, [stamp, end.echo], &end.gaps(other.first)),
        };
        tcp.set_options_raw(&options).unwrap();
        tcp
    }

    fn ip(&mut self, segment: &Segment, flags: &str, me: usize, other: usize, length: usize) -> IpHeaders {
        let hosts = [me, other].map(|side| self.host(&self.connection.ends[side].0));
        let writer = segment.from.as_ref().map_or(hosts[0], |name| self.host(name));
        let ttl = segment.ttl.unwrap_or(writer.ttl);
        // Linux writes 0 where it has no connection yet, or none any more, and counts on each connection of its own.
        let own = &mut self.ends[me];
        let id = match flags {
            _ if segment.from.is_some() => 0,
            "SA" | "R" => 0,
            "RA" if own.next == 0 => 0,
            _ => {
                own.id = own.id.wrapping_add(1);
                own.id
            }
        };
        ip_header(
            [hosts[0].address, hosts[1].address],
            ttl,
            segment.id.unwrap_or(id),
            IpNumber::TCP,
            length,
        )
    }

    fn error(&mut self, error: &'r Error) {
        let sent = self.sent(&error.quotes);
        let me = usize::from(!sent.by_client);
        let router = self.host(&error.from);
        let victim = self.host(&self.connection.ends[me].0);
        let mut quoted = sent;
        // Linux quotes what fits into 576 octets, or into 1280 of IPv6.
        let most = match &mut quoted.ip {
            IpHeaders::Ipv4(header, _) => {
                header.time_to_live = error.ttl.unwrap_or(header.time_to_live);
                548
            }
            IpHeaders::Ipv6(header, _) => {
                header.hop_limit = error.ttl.unwrap_or(header.hop_limit);
                1232
            }
        };
        let mut quote = Vec::new();
        let step = PacketBuilder::ip(quoted.ip.clone()).tcp_header(quoted.tcp.clone());
        step.write(&mut quote, &quoted.payload).unwrap();
        quote.truncate(most);
        let is_v4 = router.address.is_ipv4();
        let protocol = if is_v4 { IpNumber::ICMP } else { IpNumber::IPV6_ICMP };
        let mut ip = ip_header(
            [router.address, victim.address],
            router.ttl,
            0,
            protocol,
            quote.len() + 8,
        );
        if let IpHeaders::Ipv4(header, _) = &mut ip {
            header.dont_fragment = false;
            header.identification = ICMP_ID;
        }
        let link = PacketBuilder::ethernet2(self.mac_of(router), self.mac_of(victim)).ip(ip);
        let mut frame = Vec::new();
        match is_v4 {
            true => link
                .icmpv4_raw(error.kind, error.code, [0; 4])
                .write(&mut frame, &quote),
            false => link
                .icmpv6_raw(error.kind, error.code, [0; 4])
                .write(&mut frame, &quote),
        }
        .unwrap();
        self.frames.push((self.now, frame));
    }

    fn frame(&mut self, sent: &Sent) {
        let (me, other) = (usize::from(!sent.by_client), usize::from(sent.by_client));
        let macs = [me, other].map(|side| self.mac_of(self.host(&self.connection.ends[side].0)));
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(macs[0], macs[1])
            .ip(sent.ip.clone())
            .tcp_header(sent.tcp.clone())
            .write(&mut frame, &sent.payload)
            .unwrap();
        self.frames.push((self.now, frame));
    }

    fn sent(&self, name: &str) -> Sent {
        let sent = self.named.get(name);
        sent.unwrap_or_else(|| panic!("no segment is called {name}")).clone()
    }

    fn host(&self, name: &str) -> &'r Host {
        let host = self.recipe.hosts.get(name);
        host.unwrap_or_else(|| panic!("there is no host {name}"))
    }

    /// The link address that bears a host's packets: of its own making, or its router's.
    fn mac_of(&self, host: &Host) -> [u8; 6] {
        let bearer = host.behind.as_ref().map_or(host, |router| self.host(router));
        let octets = match bearer.address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets()[12..].to_vec(),
        };
        [2, 0, octets[0], octets[1], octets[2], octets[3]]
    }
}

impl End {
    /// Takes octets in.
    fn hear(&mut self, place: u32, length: u32) {
        self.held.push((place, place + length));
        self.held.sort_unstable();
        for &(from, to) in &self.held {
            if from <= self.heard {
                self.heard = self.heard.max(to);
            }
        }
        self.held.retain(|(_, to)| *to > self.heard);
    }

    /// What it has got beyond a gap, in the other end's sequence numbers (RFC 2018).
    fn gaps(&self, first: u32) -> Vec<[u32; 2]> {
        let block = |&(from, to): &(u32, u32)| [first.wrapping_add(from), first.wrapping_add(to)];
        self.held
            .iter()
            .filter(|(from, to)| from < to)
            .take(3)
            .map(block)
            .collect()
    }
}

/// Options as Linux orders them: of a SYN its MSS, SACK, timestamps and scale; else timestamps, and SACK blocks.
fn options(is_syn: bool, stamps: [u32; 2], blocks: &[[u32; 2]]) -> Vec<u8> {
    let mut options = match is_syn {
        true => [&[2, 4][..], &MSS.to_be_bytes(), &[4, 2]].concat(),
        false => vec![1, 1],
    };
    options.extend([8, 10]);
    options.extend(stamps.into_iter().flat_map(u32::to_be_bytes));
    if is_syn {
        options.extend([1, 3, 3, 7]);
    } else if !blocks.is_empty() {
        options.extend([1, 1, 5, 2 + 8 * blocks.len() as u8]);
        options.extend(blocks.iter().flatten().flat_map(|place| place.to_be_bytes()));
    }
    options
}

fn ip_header(ends: [IpAddr; 2], ttl: u8, id: u16, protocol: IpNumber, length: usize) -> IpHeaders {
    match ends {
        [IpAddr::V4(from), IpAddr::V4(to)] => {
            let mut header = Ipv4Header::new(length as u16, ttl, protocol, from.octets(), to.octets()).unwrap();
            header.identification = id;
            header.dont_fragment = true;
            IpHeaders::Ipv4(header, Default::default())
        }
        [IpAddr::V6(from), IpAddr::V6(to)] => IpHeaders::Ipv6(
            Ipv6Header {
                payload_length: length as u16,
                next_header: protocol,
                hop_limit: ttl,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv6Header::default()
            },
            Default::default(),
        ),
        _ => panic!("one IPv4, one IPv6"),
    }
}

//! Recognises rotated sets: files that one program wrote one after another, and that are read as one capture.

use std::{
    collections::BTreeMap,
    fs, iter,
    path::{Path, PathBuf},
};

use super::{Chain, Chunk, Limits, LinkType, Reader, Source, Time, arrange::Candidate};

/// How much earlier than the last packet of a file the first one of the next file may be, in nanoseconds: the processors of
/// a capturing machine put their packets in line a little out of order.
const TOLERANCE: i64 = 1_000_000;

/// How long no packet may come between two files of a set, in nanoseconds: three hours. A connection that lasts through such a
/// silence would be probed after two (RFC 9293 section 3.8.4), so nothing is torn, and captures of other days stay apart.
const SILENCE: u64 = 3 * 3600 * 1_000_000_000;

/// Puts rotated sets together, each chain where its first file was named.
///
/// `tcpdump -C` and `-G` and `dumpcap -b` number the files of a set, or put the date into the name. So those belong together
/// that stand in one folder, are called the same but for numbers (and but for a compression's suffix), were captured on the
/// same kind of link, and follow each other in time. Captures of one time are of several places, and stay apart.
pub(super) fn chains(candidates: Vec<Candidate>) -> Vec<Chain> {
    let mut chains: Vec<Vec<usize>> = Vec::new(); // of places in `candidates`
    let mut sets: BTreeMap<(PathBuf, String), Vec<Member>> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        match set_of(candidate) {
            Some((set, numbers)) => sets.entry(set).or_default().push(Member { index, numbers }),
            None => chains.push(vec![index]),
        }
    }
    for members in sets.into_values() {
        if members.len() == 1 {
            chains.push(vec![members[0].index]);
        } else {
            chains.extend(put_together(members, &candidates));
        }
    }
    chains.sort_by_key(|chain| chain.iter().min().copied());
    let files = |chain: Vec<usize>| {
        chain
            .into_iter()
            .map(|index| candidates[index].source.clone())
            .collect()
    };
    chains.into_iter().map(|chain| Chain { files: files(chain) }).collect()
}

/// A file that is called as others are but for its numbers.
struct Member {
    /// Its place among the candidates.
    index: usize,
    numbers: Vec<String>,
}

/// The folder and the name without its numbers, and the numbers.
fn set_of(candidate: &Candidate) -> Option<((PathBuf, String), Vec<String>)> {
    let Source::Path(path) = &candidate.source else {
        return None;
    };
    let name = path.file_name().filter(|_| candidate.reopens)?.to_string_lossy();
    let suffix = [".gz", ".zst", ".lz4"]
        .into_iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    let name = suffix.unwrap_or(&name);
    let is_digit = |c: char| c.is_ascii_digit();
    let numbers = name
        .split(|c| !is_digit(c))
        .filter(|run| !run.is_empty())
        .map(String::from)
        .collect();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    Some(((folder, name.replace(is_digit, "")), numbers))
}

/// A capture with packets.
struct Part<'a> {
    member: Member,
    source: &'a Source,
    first: Time,
    link: LinkType,
}

/// Which members of a set make a chain.
#[derive(Clone, Copy)]
enum Way {
    All,
    /// Those that have this one of their numbers in common: that of a place, as in `host1_00001.pcap`, `host2_00001.pcap`.
    SameNumber(usize),
    None,
}

/// The chains of a set: as few as there can be so that in each the files follow each other.
fn put_together(members: Vec<Member>, candidates: &[Candidate]) -> Vec<Vec<usize>> {
    let mut chains = Vec::new();
    let mut parts = Vec::new();
    for member in members {
        let source = &candidates[member.index].source;
        match beginning(source) {
            Some((first, link)) => parts.push(Part {
                member,
                source,
                first,
                link,
            }),
            None => chains.push(vec![member.index]),
        }
    }
    parts.sort_by_key(|part| (part.first, part.member.index));
    let numbers = parts
        .iter()
        .map(|part| part.member.numbers.len())
        .max()
        .unwrap_or_default();
    let by_number = (0..numbers)
        .map(Way::SameNumber)
        .filter(|&way| grouped(&parts, way).len() > 1);
    let ways = iter::once(Way::All).chain(by_number).chain(iter::once(Way::None));
    for way in ways {
        let groups = grouped(&parts, way);
        if groups.iter().all(|group| follow_each_other(group)) {
            chains.extend(
                groups
                    .iter()
                    .map(|group| group.iter().map(|part| part.member.index).collect()),
            );
            break;
        }
    }
    chains
}

fn grouped<'a>(parts: &'a [Part<'a>], way: Way) -> Vec<Vec<&'a Part<'a>>> {
    let mut groups: BTreeMap<(usize, &str), Vec<&Part<'_>>> = BTreeMap::new();
    for part in parts {
        let key = match way {
            Way::All => (0, ""),
            Way::SameNumber(place) => (0, part.member.numbers.get(place).map_or("", String::as_str)),
            Way::None => (part.member.index, ""),
        };
        groups.entry(key).or_default().push(part);
    }
    groups.into_values().collect()
}

/// Whether each file ends before the next one begins, and not long before; they are in the order of their beginnings.
fn follow_each_other(parts: &[&Part<'_>]) -> bool {
    parts.windows(2).all(|pair| {
        let (this, next) = (pair[0], pair[1]);
        let alike = this.link == next.link && this.member.numbers != next.member.numbers;
        let bound = Time(next.first.0.saturating_add(TOLERANCE));
        alike && end_by(this.source, bound).is_some_and(|end| next.first.since(end) <= SILENCE)
    })
}

/// The time of the first packet, and the link type of the first interface.
fn beginning(source: &Source) -> Option<(Time, LinkType)> {
    let mut reader = Reader::open(source, 0, Limits::default()).ok()?;
    let mut chunk = Chunk::new();
    reader.fill(&mut chunk);
    let first = chunk.frames().next()?.time?;
    Some((first, *reader.finish().link_types.first()?))
}

/// The time of the last packet, if none is later than `bound`. Of a large file only both ends are read, if that tells; of a
/// compressed one as much as it takes to find a later packet.
fn end_by(source: &Source, bound: Time) -> Option<Time> {
    let mut reader = Reader::open(source, 0, Limits::default()).ok()?;
    let mut chunk = Chunk::new();
    let mut end = None;
    let mut more = reader.fill(&mut chunk);
    let last = reader.last_time();
    while more {
        end = end.max(chunk.frames().filter_map(|frame| frame.time).max());
        if end > Some(bound) {
            return None;
        }
        if last.is_some() {
            return last.filter(|&last| last <= bound);
        }
        more = reader.fill(&mut chunk);
    }
    end
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::capture::{
        order::ByteOrder,
        sample::{MICROSECONDS, PcapFile, PcapngFile},
    };

    /// A capture with packets at these seconds.
    fn pcap(seconds: &[u32]) -> Vec<u8> {
        of_link(1, seconds)
    }

    fn of_link(link: u32, seconds: &[u32]) -> Vec<u8> {
        let file = PcapFile::new(ByteOrder::Little, MICROSECONDS, 0, link);
        seconds
            .iter()
            .fold(file, |file, &seconds| file.record(seconds, 500_000, 60, &[0; 60]))
            .octets
    }

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    /// The chains of files that are named in this order.
    fn chained(files: &[(&str, Vec<u8>)]) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let mut candidates = Vec::new();
        for (name, octets) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, octets).unwrap();
            candidates.push(Candidate {
                source: Source::Path(path),
                reopens: true,
            });
        }
        let name = |source: &Source| match source {
            Source::Path(path) => path.strip_prefix(folder.path()).unwrap().display().to_string(),
            Source::StandardInput => "-".to_string(),
        };
        chains(candidates)
            .iter()
            .map(|chain| chain.files.iter().map(name).collect())
            .collect()
    }

    #[test]
    fn rotated_sets_of_tcpdump_and_dumpcap() {
        let files = [
            ("t.pcap10", pcap(&[50])),
            ("t.pcap2", pcap(&[30, 40])),
            ("t.pcap", pcap(&[10])),
            ("t.pcap1", pcap(&[20, 20])),
        ];
        assert_eq!(chained(&files), [["t.pcap", "t.pcap1", "t.pcap2", "t.pcap10"]]);
        let files = [
            ("r_00001_20261122101112.pcap", pcap(&[10])),
            ("r_00002_20261122101212.pcap", pcap(&[20])),
        ];
        assert_eq!(
            chained(&files),
            [["r_00001_20261122101112.pcap", "r_00002_20261122101212.pcap"]]
        );
        // A ring begins anew with the lowest number.
        assert_eq!(
            chained(&[("r1.pcap", pcap(&[30])), ("r2.pcap", pcap(&[10, 20]))]),
            [["r2.pcap", "r1.pcap"]]
        );
    }

    #[test]
    fn chains_stand_where_their_first_file_was_named() {
        let files = [
            ("b.pcap", pcap(&[1])),
            ("x2.pcap", pcap(&[20])),
            ("a.pcap", pcap(&[1])),
            ("x1.pcap", pcap(&[10])),
        ];
        assert_eq!(
            chained(&files),
            [vec!["b.pcap"], vec!["x1.pcap", "x2.pcap"], vec!["a.pcap"]]
        );
    }

    #[test]
    fn captures_of_one_time_stay_apart() {
        let files = [("client1.pcap", pcap(&[10, 30])), ("client2.pcap", pcap(&[20, 40]))];
        assert_eq!(chained(&files), [["client1.pcap"], ["client2.pcap"]]);
        let files = files.map(|(name, octets)| (name, gzip(&octets)));
        assert_eq!(chained(&files), [["client1.pcap"], ["client2.pcap"]]);
        let within = [
            ("v1.pcap", pcap(&[10, 40])),
            ("v2.pcap", pcap(&[20, 30])),
            ("v3.pcap", pcap(&[50])),
        ];
        assert_eq!(chained(&within), [["v1.pcap"], ["v2.pcap"], ["v3.pcap"]]);
    }

    #[test]
    fn rotated_sets_of_two_places_are_two_chains() {
        let sets = |a: &str, b: &str, c: &str, d: &str| {
            chained(&[
                (a, pcap(&[10, 20])),
                (b, pcap(&[20, 30])),
                (c, pcap(&[11, 21])),
                (d, pcap(&[21, 31])),
            ])
        };
        assert_eq!(
            sets("h1_1", "h1_2", "h2_1", "h2_2"),
            [["h1_1", "h1_2"], ["h2_1", "h2_2"]]
        );
        assert_eq!(
            sets("1_h1", "2_h1", "1_h2", "2_h2"),
            [["1_h1", "2_h1"], ["1_h2", "2_h2"]]
        );
    }

    #[test]
    fn only_what_is_alike_is_joined() {
        let two = |a, first, b, second| chained(&[(a, first), (b, second)]).len();
        assert_eq!(two("x1.pcap", pcap(&[10]), "x2.pcap.gz", gzip(&pcap(&[20]))), 1);
        assert_eq!(two("x1.pcap", pcap(&[10]), "y2.pcap", pcap(&[20])), 2);
        assert_eq!(two("a/x1.pcap", pcap(&[10]), "b/x2.pcap", pcap(&[20])), 2);
        assert_eq!(two("x1.pcap", pcap(&[10]), "x2.pcap", of_link(113, &[20])), 2);
        assert_eq!(two("x.pcap", pcap(&[10]), "x.pcap.gz", gzip(&pcap(&[10, 11]))), 2);
        assert_eq!(two("x1.pcap", pcap(&[10]), "x2.pcap", pcap(&[])), 2);
        assert_eq!(two("x1.pcap", pcap(&[10]), "x2.pcap", pcap(&[10_810])), 1);
        assert_eq!(two("x1.pcap", pcap(&[10]), "x2.pcap", pcap(&[10_811])), 2);
    }

    #[test]
    fn of_large_files_the_last_packet_counts() {
        let large: Vec<u32> = (1000..9000).collect();
        let octets = pcap(&large);
        assert!(octets.len() > 512 << 10);
        for (second, chains) in [(8999, 1), (8998, 2)] {
            assert_eq!(
                chained(&[("x1.pcap", octets.clone()), ("x2.pcap", pcap(&[second]))]).len(),
                chains
            );
        }
        let mut file = PcapngFile::new(ByteOrder::Big).interface(1, 0, &[]);
        for second in large {
            file = file.packet(0, u64::from(second) * 1_000_000 + 500_000, 60, &[0; 60]);
        }
        let octets = file.statistics(0, &[]).octets;
        for (second, chains) in [(8999, 1), (8998, 2)] {
            assert_eq!(
                chained(&[("x1.pcapng", octets.clone()), ("x2.pcapng", pcap(&[second]))]).len(),
                chains
            );
        }
    }
}

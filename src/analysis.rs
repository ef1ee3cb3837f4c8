//! The road from captures to a report, top to bottom; the only file that knows of threads: the reader's and the pool's.
//!
//! A window is a run of chunks. Of each window (1) every chunk is decoded, in parallel, and its segments are filed by shard;
//! (2) in a short step in frame order, fragments are put together; (3) every shard, in parallel, takes its segments in frame
//! order into its own table; (4) in a short step, while the next window is decoded, connections that are new take their stream
//! numbers in frame order. The number of shards is fixed, so neither threads nor the sizes of chunks and windows change a byte
//! of the report.

use std::{
    io,
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use foldhash::HashSet;
use rayon::{iter::MaxLen, prelude::*};

use crate::{
    attempt::{Attempt, Dialogue, Pending, Stage, conclude},
    capture::{self, Arrangement, CaptureFile, Chain, Chunk, PacketId, Reader, Secrets, Source, Time, arrange},
    fingerprint::Prints,
    packet::{Datagram, Decoded, Endpoint, Fragment, Fragments, IcmpError, Neighbour, Segment, Skip, decode},
    report::{Batch, Composer, Report, Scene, Sink, Style},
    survey::{Part, Roll, Survey, Tally},
    tcp::{Limits, Table},
    tls::KeyLog,
};

/// Is told how many octets of a file were read, and of how many.
pub type Progress = Box<dyn Fn(u64, Option<u64>) + Send + Sync>;

/// What to analyse, and how.
#[derive(Default)]
pub struct Options {
    /// Files, folders, `-` for standard input.
    pub captures: Vec<PathBuf>,
    /// Threads of the pool; as many as there are processors if not said.
    pub threads: Option<NonZeroUsize>,
    /// Chunks of a window, at most; only the speed depends on it.
    pub window: Option<NonZeroUsize>,
    /// Octets of a chunk; only the speed depends on it.
    pub chunk: Option<NonZeroUsize>,
    /// TLS secrets; those in pcapng files are used beside them.
    pub key_log: Option<KeyLog>,
    /// Marks of programs; those that come with the program if not said.
    pub prints: Option<Prints>,
    /// Whether credentials are shown in the report.
    pub show_secrets: bool,
    /// Told how many octets of a file were read, and of how many, as work goes on.
    pub progress: Option<Progress>,
}

/// How many parts the connections are divided into, whatever the threads.
const SHARDS: usize = 64;
/// Chunks of a window, at most: some 8 MiB of capture. The more there are, the more segments of a connection a shard takes while
/// it has it at hand.
const WINDOW: usize = 32;
/// Chunks of the first window, for which the pool waits; each further one has half as many more until there are enough, for it is
/// read while the one before is on the road.
const FIRST_WINDOW: usize = 4;
/// Bounds of one shard; all together 4 million live connections and 256 MiB of octets out of order.
const LIMITS: Limits = Limits {
    connections: 65_536,
    held_per_direction: 1 << 20,
    held: 4 << 20,
};

/// Why captures could not be analysed.
#[derive(Debug)]
pub enum Error {
    /// A capture that was named cannot be read at all.
    Capture(capture::Error),
    /// The report could not be written.
    Output(io::Error),
}

/// Analyses captures.
///
/// # Errors
/// If a capture that was named cannot be read at all. A damaged capture is read as far as it goes, with a warning.
pub fn analyze(options: &Options) -> Result<Report, Error> {
    let mut attempts = Vec::new();
    let mut report = analyze_into(options, &mut attempts)?;
    report.attempts = attempts;
    Ok(report)
}

/// Analyses captures, and hands the attempts on while they are judged; the report that is returned is without them.
///
/// # Errors
/// If a capture that was named cannot be read at all, or the sink cannot be written.
pub fn analyze_into<S: Sink + Send>(options: &Options, sink: &mut S) -> Result<Report, Error> {
    let arrangement = arrange(&options.captures).map_err(Error::Capture)?;
    let threads = options.threads.map_or(0, NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    // Without threads of their own the work is done on this one.
    let Ok(pool) = pool else {
        return work(options, &arrangement, sink);
    };
    pool.install(|| work(options, &arrangement, sink))
}

fn work<S: Sink + Send>(options: &Options, arrangement: &Arrangement, sink: &mut S) -> Result<Report, Error> {
    let mut composer = Composer::new(sink);
    // The marks of programs are read while the first window fills.
    let prints = || options.prints.clone().unwrap_or_else(Prints::built_in);
    let (walked, prints) = rayon::join(|| walk_all(options, arrangement, &mut composer), prints);
    let walked = walked?;
    composer.begin()?;
    for walked in walked {
        judge(walked, &prints, options, &mut composer)?;
    }
    Ok(composer.finish()?)
}

/// Walks the road up to the facts, chain by chain, and tells the composer of the captures.
fn walk_all<S: Sink>(
    options: &Options,
    arrangement: &Arrangement,
    composer: &mut Composer<'_, S>,
) -> Result<Vec<Walked>, Error> {
    let (mut all, mut index) = (Vec::new(), 0);
    for chain in &arrangement.chains {
        let mut walked = walk(chain, index, options, options.key_log.clone())?;
        // Secrets may stand anywhere in a pcapng file, so that they are known only now: with them, the road is walked again.
        let found = secrets_in(&walked.captures, options);
        let once = !chain.files.iter().all(can_be_read_again);
        if let Some(found) = found.clone().filter(|_| !once) {
            walked = walk(chain, index, options, Some(found))?;
        }
        index += chain.files.len() as u32;
        let mut warnings = walked.warnings();
        if let Some(first) = warnings.first_mut().filter(|_| all.is_empty()) {
            first.extend(left_out(arrangement));
        }
        if let Some(first) = warnings.first_mut().filter(|_| once && found.is_some()) {
            first.push(SECRETS_TOO_LATE.to_owned());
        }
        composer.captures(&walked.captures, &warnings, walked.tally.connections);
        all.push(walked);
    }
    Ok(all)
}

const SECRETS_TOO_LATE: &str =
    "TLS secrets stand in it, which were not used, for it can be read only once: give it as a file.";

/// Whether it is a file, and no pipe.
fn can_be_read_again(source: &Source) -> bool {
    matches!(source, Source::Path(path) if path.is_file())
}

/// What stands in a folder beside the captures and could not be read as one.
fn left_out(arrangement: &Arrangement) -> impl Iterator<Item = String> {
    const TOLD: usize = 8;
    let all = &arrangement.left_out;
    let told = all.iter().take(TOLD);
    let told = told.map(|(path, reason)| format!("{} was left out: {reason}.", path.display()));
    let more = all.len().saturating_sub(TOLD);
    told.chain((more > 0).then(|| format!("{more} more files were left out.")))
}

/// The secrets that captures hold, if any, with those that were given.
fn secrets_in(captures: &[CaptureFile], options: &Options) -> Option<KeyLog> {
    let blocks = captures.iter().flat_map(|capture| &capture.secrets);
    let key_logs = blocks.filter(|block| block.kind == Secrets::TLS_KEY_LOG);
    let found = key_logs
        .map(|block| KeyLog::parse(&block.octets))
        .reduce(|mut all, more| {
            all.merge(more);
            all
        });
    let found = found.filter(|found| !found.is_empty())?;
    let mut all = options.key_log.clone().unwrap_or_default();
    all.merge(found);
    Some(all)
}

/// What a chain of captures came to.
struct Walked {
    captures: Vec<CaptureFile>,
    first_index: u32,
    /// In the order of their first packets.
    attempts: Vec<Pending>,
    tally: Tally,
    skipped: Vec<Skips>,
    forgotten: u64,
    fragments_forgotten: u64,
    errors_unmatched: u64,
}

/// How many frames of one capture said nothing about TCP, by reason.
#[derive(Clone, Copy, Debug, Default)]
struct Skips {
    unknown_link: u64,
    malformed: u64,
    cut_short: u64,
}

/// Hands work out piece by piece: each is worth it, and where several are handed out at once, a thread that has done its own
/// waits for another's.
fn each<I: IndexedParallelIterator>(work: I) -> MaxLen<I> {
    work.with_max_len(1)
}

/// Walks the road up to the facts, for one chain.
fn walk(chain: &Chain, first_index: u32, options: &Options, key_log: Option<KeyLog>) -> Result<Walked, Error> {
    let mut limits = capture::Limits::default();
    limits.chunk = options.chunk.map_or(limits.chunk, NonZeroUsize::get);
    let mut readers = Vec::new();
    for (source, index) in chain.files.iter().zip(first_index..) {
        readers.push(Reader::open(source, index, limits).map_err(Error::Capture)?);
    }
    let mut road = Road::new(chain.files.len(), first_index, key_log);
    let chunks_a_window = options.window.map_or(WINDOW, NonZeroUsize::get);
    let (full, windows) = sync_channel::<Vec<Chunk>>(0);
    let (empty, used) = sync_channel::<Vec<Chunk>>(2);
    let captures = std::thread::scope(|scope| {
        let read = scope.spawn(move || read_ahead(readers, chunks_a_window, options, &full, &used));
        for window in windows {
            road.window(&window);
            // The reader may have finished and gone.
            let _ = empty.try_send(window);
        }
        read.join().unwrap_or_default()
    });
    Ok(road.end(captures))
}

/// The reader's thread: fills windows, at most one ahead of the pool.
fn read_ahead(
    readers: Vec<Reader>,
    chunks_a_window: usize,
    options: &Options,
    full: &SyncSender<Vec<Chunk>>,
    used: &Receiver<Vec<Chunk>>,
) -> Vec<CaptureFile> {
    let mut captures = Vec::new();
    let mut window: Vec<Chunk> = Vec::new();
    let (mut filled, mut wanted) = (0, chunks_a_window.min(FIRST_WINDOW));
    for mut reader in readers {
        loop {
            if window.len() == filled {
                window.push(Chunk::new());
            }
            let Some(chunk) = window.get_mut(filled) else { break };
            if !reader.fill(chunk) {
                break;
            }
            filled += 1;
            if filled == wanted {
                if let Some(progress) = &options.progress {
                    progress(reader.position(), reader.size());
                }
                window.truncate(filled);
                if full.send(std::mem::take(&mut window)).is_err() {
                    break;
                }
                window = used.try_recv().unwrap_or_default();
                (filled, wanted) = (0, chunks_a_window.min(wanted + wanted.div_ceil(2)));
            }
        }
        captures.push(reader.finish());
    }
    window.truncate(filled);
    let _ = full.send(window);
    captures
}

/// The state of the road between windows.
struct Road {
    shards: Vec<Shard>,
    fragments: Fragments,
    neighbours: Tally,
    skipped: Vec<Skips>,
    first_index: u32,
    /// The capture that stream numbers are given in, and the next one.
    next_stream: (u32, u64),
}

/// What one part of the connections came to so far.
struct Shard {
    table: Table<Dialogue>,
    /// Numbers for those that were new in the window before.
    streams: Vec<u64>,
    /// In runs: one list would be moved again and again as it grew.
    attempts: Vec<Vec<Entry>>,
    tally: Tally,
    errors_unmatched: u64,
}

/// Attempts of a shard that stand in one run, about.
const RUN: usize = 256;

/// An attempt, with what putting it in order takes, noted while the connection is at hand: later, the way to each is long.
struct Entry {
    /// The connection's first packet, and the place in the connection.
    order: (PacketId, u32),
    claim: Claim,
    attempt: Pending,
}

/// Why an attempt may count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// An upgrade was asked for, or may have been inside TLS.
    Asked,
    /// It began as an attempt would.
    Began,
    /// Nothing speaks for it itself.
    Nothing,
}

/// What is filed to a shard.
#[derive(Clone, Copy)]
enum Item<'w> {
    Segment(Segment<'w>),
    IcmpError(IcmpError),
}

impl Item<'_> {
    fn packet(&self) -> PacketId {
        match self {
            Item::Segment(segment) => segment.packet,
            Item::IcmpError(error) => error.packet,
        }
    }
}

/// A chunk's frames, decoded and filed by shard.
struct Filed<'w> {
    /// Shard by shard, in frame order within each.
    items: Vec<Item<'w>>,
    /// Where each shard begins in `items`.
    begins: [u32; SHARDS + 1],
    fragments: Vec<Fragment<'w>>,
    neighbours: Vec<Neighbour>,
    skipped: Vec<(u32, Skips)>,
}

impl Road {
    fn new(captures: usize, first_index: u32, key_log: Option<KeyLog>) -> Self {
        let key_log = key_log.map(Arc::new);
        let shard = || Shard {
            table: Table::with_secrets(LIMITS, key_log.clone()),
            streams: Vec::new(),
            attempts: Vec::new(),
            tally: Tally::default(),
            errors_unmatched: 0,
        };
        Road {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            fragments: Fragments::default(),
            neighbours: Tally::default(),
            skipped: vec![Skips::default(); captures],
            first_index,
            next_stream: (first_index, 0),
        }
    }

    /// Takes one window.
    fn window(&mut self, window: &[Chunk]) {
        // The connections that the window before began take their numbers meanwhile: these are asked for by the shards.
        let ((), filed) = rayon::join(
            || self.number(),
            || each(window.par_iter()).map(file).collect::<Vec<_>>(),
        );
        let datagrams = self.put_together(&filed);
        let mut late: Vec<Vec<Item<'_>>> = Vec::new();
        if !datagrams.is_empty() {
            late = std::iter::repeat_with(Vec::new).take(SHARDS).collect();
            for item in datagrams.iter().filter_map(|datagram| item(datagram.decoded())) {
                late[shard_of(&item)].push(item);
            }
        }
        each(self.shards.par_iter_mut()).enumerate().for_each(|(index, shard)| {
            shard.number();
            let chunks = filed.iter().map(|filed| filed.of_shard(index));
            match late.get(index).filter(|late| !late.is_empty()) {
                None => chunks.flatten().for_each(|item| shard.take(item)),
                Some(late) => shard.take_merged(chunks.flatten(), late),
            }
        });
    }

    /// The short step in frame order between decoding and the shards.
    fn put_together(&mut self, filed: &[Filed<'_>]) -> Vec<Datagram> {
        let mut datagrams = Vec::new();
        for filed in filed {
            for (capture, skips) in &filed.skipped {
                if let Some(sum) = self.skipped.get_mut((capture - self.first_index) as usize) {
                    sum.add(*skips);
                }
            }
            filed.neighbours.iter().for_each(|word| self.neighbours.neighbour(word));
            datagrams.extend(
                filed
                    .fragments
                    .iter()
                    .filter_map(|fragment| self.fragments.add(fragment)),
            );
        }
        datagrams
    }

    /// Gives new connections their stream numbers, in the order of their first packets.
    fn number(&mut self) {
        let mut newcomers: Vec<(PacketId, u32, u32)> = Vec::new();
        for (shard, index) in self.shards.iter_mut().zip(0..) {
            newcomers.extend(
                shard
                    .table
                    .newcomers()
                    .zip(0..)
                    .map(|(packet, place)| (packet, index, place)),
            );
            shard.streams.clear();
            shard.streams.resize(shard.table.newcomers().len(), 0);
        }
        newcomers.par_sort_unstable();
        for (packet, shard, place) in newcomers {
            if packet.capture() != self.next_stream.0 {
                self.next_stream = (packet.capture(), 0);
            }
            self.shards[shard as usize].streams[place as usize] = self.next_stream.1;
            self.next_stream.1 += 1;
        }
    }

    /// The capture is over.
    fn end(mut self, captures: Vec<CaptureFile>) -> Walked {
        self.number();
        each(self.shards.par_iter_mut()).for_each(Shard::end);
        let mut walked = Walked {
            captures,
            first_index: self.first_index,
            attempts: Vec::new(),
            tally: self.neighbours,
            skipped: self.skipped,
            forgotten: 0,
            fragments_forgotten: self.fragments.forgotten(),
            errors_unmatched: 0,
        };
        let (mut attempts, mut tallies) = (Vec::new(), Vec::with_capacity(SHARDS));
        for shard in self.shards {
            attempts.extend(shard.attempts);
            walked.forgotten += shard.table.forgotten();
            walked.errors_unmatched += shard.errors_unmatched;
            tallies.push(shard.tally);
        }
        // A divided tally is added up side by side, and no part of it more than once.
        let (some, others): (Vec<Tally>, Vec<Tally>) = tallies.into_iter().map(Tally::divide).unzip();
        let counted = || rayon::join(|| Tally::sum(some), || Tally::sum(others));
        let ((some, others), attempts) = rayon::join(counted, || what_counts(attempts));
        walked.tally.merge(some);
        walked.tally.merge(others);
        walked.attempts = attempts;
        walked
    }
}

/// Decodes a chunk and files what it holds by shard.
fn file(chunk: &Chunk) -> Filed<'_> {
    let mut filed = Filed {
        items: Vec::new(),
        begins: [0; SHARDS + 1],
        fragments: Vec::new(),
        neighbours: Vec::new(),
        skipped: Vec::new(),
    };
    let mut shards: Vec<u8> = Vec::with_capacity(chunk.len());
    let mut items = Vec::with_capacity(chunk.len());
    for frame in chunk.frames() {
        match decode(&frame) {
            Decoded::Fragment(fragment) => filed.fragments.push(fragment),
            Decoded::Neighbour(word) => filed.neighbours.push(word),
            Decoded::Skipped(skip) => filed.skip(frame.packet.capture(), skip),
            decoded => {
                if let Some(item) = item(decoded) {
                    shards.push(shard_of(&item) as u8);
                    items.push(item);
                }
            }
        }
    }
    filed.sort(&items, &shards);
    filed
}

fn item(decoded: Decoded<'_>) -> Option<Item<'_>> {
    match decoded {
        Decoded::Segment(segment) => Some(Item::Segment(segment)),
        Decoded::IcmpError(error) => Some(Item::IcmpError(error)),
        _ => None,
    }
}

fn shard_of(item: &Item<'_>) -> usize {
    match item {
        Item::Segment(segment) => segment.key().0.shard(SHARDS),
        Item::IcmpError(error) => error.key().0.shard(SHARDS),
    }
}

impl<'w> Filed<'w> {
    /// Counting sort: stable, so each shard keeps the frame order. The items themselves are moved, so that a shard finds its
    /// own side by side.
    fn sort(&mut self, items: &[Item<'w>], shards: &[u8]) {
        for &shard in shards {
            self.begins[usize::from(shard) + 1] += 1;
        }
        for shard in 0..SHARDS {
            self.begins[shard + 1] += self.begins[shard];
        }
        let mut next = self.begins;
        let mut order = vec![0; shards.len()];
        for (&shard, index) in shards.iter().zip(0..) {
            let place = &mut next[usize::from(shard)];
            order[*place as usize] = index;
            *place += 1;
        }
        self.items = order.iter().map(|&index: &u32| items[index as usize]).collect();
    }

    fn of_shard(&self, shard: usize) -> impl Iterator<Item = &Item<'w>> {
        let range = self.begins[shard] as usize..self.begins[shard + 1] as usize;
        self.items[range].iter()
    }

    fn skip(&mut self, capture: u32, skip: Skip) {
        let mut skips = Skips::default();
        match skip {
            Skip::NotIp | Skip::NotTcp => return,
            Skip::UnknownLink => skips.unknown_link = 1,
            Skip::Malformed => skips.malformed = 1,
            Skip::CutShort => skips.cut_short = 1,
        }
        match self.skipped.last_mut().filter(|(last, _)| *last == capture) {
            Some((_, sum)) => sum.add(skips),
            None => self.skipped.push((capture, skips)),
        }
    }
}

impl Skips {
    fn add(&mut self, other: Skips) {
        self.unknown_link += other.unknown_link;
        self.malformed += other.malformed;
        self.cut_short += other.cut_short;
    }

    fn warnings(&self) -> impl Iterator<Item = String> {
        let say = |count: u64, what: &str| (count > 0).then(|| format!("{count} packets were left out: {what}."));
        [
            say(self.unknown_link, "their link-layer type is not one that is read"),
            say(self.malformed, "their headers contradict themselves"),
            say(self.cut_short, "the snapshot length cut off their TCP header"),
        ]
        .into_iter()
        .flatten()
    }
}

impl Shard {
    fn take(&mut self, item: &Item<'_>) {
        match item {
            Item::Segment(segment) => self.table.segment(segment),
            Item::IcmpError(error) => self.errors_unmatched += u64::from(!self.table.icmp(error)),
        }
    }

    /// Takes two rows of items, each in frame order, in the frame order of both.
    fn take_merged<'a, 'w: 'a>(&mut self, items: impl Iterator<Item = &'a Item<'w>>, late: &'a [Item<'w>]) {
        let mut late = late.iter().peekable();
        for item in items {
            while let Some(earlier) = late.next_if(|late| late.packet() < item.packet()) {
                self.take(earlier);
            }
            self.take(item);
        }
        late.for_each(|item| self.take(item));
    }

    /// Numbers the connections that were new in the window before, and concludes those that ended in it.
    fn number(&mut self) {
        for ended in self.table.number(&self.streams) {
            let mut conclusion = conclude(ended);
            self.tally.count(&mut conclusion);
            let entries = conclusion.into_attempts().map(Entry::of);
            match self.attempts.last_mut().filter(|run| run.len() < RUN) {
                Some(run) => run.extend(entries),
                None => {
                    let mut run = Vec::with_capacity(RUN);
                    run.extend(entries);
                    self.attempts.push(run);
                }
            }
        }
        self.streams.clear();
    }

    /// The capture is over.
    fn end(&mut self) {
        self.number();
        self.table.end_all();
        self.number();
    }
}

impl Entry {
    fn of(attempt: Pending) -> Self {
        Entry {
            order: attempt.order(),
            claim: Claim::of(&attempt),
            attempt,
        }
    }
}

impl Claim {
    fn of(attempt: &Pending) -> Self {
        let port = attempt.ends().1.port;
        let service = port == 80 || port == 443 || port >= 1024;
        let hidden =
            |attempt: &Attempt| attempt.tls.as_ref().is_some_and(|tls| tls.is_complete()) && !attempt.is_ordinary();
        let asks = |attempt: &Attempt| !attempt.presumed || hidden(attempt);
        let speaks = |attempt: &Attempt| attempt.tls.is_some() || attempt.request.is_some();
        let knocks = |attempt: &Attempt| attempt.stage == Stage::Connect && attempt.connection.opening_seen();
        if attempt.whole().is_some_and(asks) {
            Claim::Asked
        } else if attempt.whole().is_some_and(speaks) || service && attempt.whole().is_none_or(knocks) {
            Claim::Began
        } else {
            Claim::Nothing
        }
    }
}

/// Those attempts that count, in the order of their first packets.
///
/// Presumed ones that have nothing to do with upgrades are left out, by the contract's rule: one counts if its first octets are
/// TLS or HTTP, if it is a SYN to port 80, 443 or above 1023 that led nowhere, or if upgrades are, or may be, inside TLS, asked
/// for elsewhere at its server's endpoint or between its two hosts.
fn what_counts(runs: Vec<Vec<Entry>>) -> Vec<Pending> {
    let hosts = |(client, server): (Endpoint, Endpoint)| (client.address, server.address);
    let asked = runs.iter().flatten().filter(|entry| entry.claim == Claim::Asked);
    let asked: Vec<_> = asked.map(|entry| entry.attempt.ends()).collect();
    let servers: HashSet<_> = asked.iter().map(|(_, server)| *server).collect();
    let pairs: HashSet<_> = asked.into_iter().map(hosts).collect();
    let is_beside = |ends: (Endpoint, Endpoint)| servers.contains(&ends.1) || pairs.contains(&hosts(ends));
    let counts = |entry: &Entry| entry.claim != Claim::Nothing || is_beside(entry.attempt.ends());
    let mut counting = Vec::with_capacity(runs.iter().map(Vec::len).sum());
    counting.extend(runs.into_iter().flatten().filter(counts));
    counting.par_sort_unstable_by_key(|entry| entry.order);
    counting.into_iter().map(|entry| entry.attempt).collect()
}

impl Walked {
    fn span(&self) -> (Time, Time) {
        let first = self.captures.iter().filter_map(|capture| capture.first).min();
        let last = self.captures.iter().filter_map(|capture| capture.last).max();
        (first.unwrap_or_default(), last.unwrap_or_default())
    }

    /// What the reader of the report must know about the captures, by capture.
    fn warnings(&self) -> Vec<Vec<String>> {
        let mut warnings: Vec<Vec<String>> = self.skipped.iter().map(|skips| skips.warnings().collect()).collect();
        let all = [
            (
                self.forgotten,
                "connections were forgotten before their end, to stay within the bound on live connections",
            ),
            (
                self.fragments_forgotten,
                "IP datagrams were left out: not all of their fragments are in the capture",
            ),
            (
                self.errors_unmatched,
                "ICMP errors quote segments of connections that are not in the capture",
            ),
        ];
        if let Some(first) = warnings.first_mut() {
            first.extend(
                all.iter()
                    .filter(|(count, _)| *count > 0)
                    .map(|(count, what)| format!("{count} {what}.")),
            );
            first.extend(self.lacking_secrets());
        }
        warnings
    }

    /// Which connections given secrets do not open, if any were given: by the client randoms that key logs name them by.
    fn lacking_secrets(&self) -> Option<String> {
        const NAMED: usize = 4;
        let mut hellos: Vec<_> = self
            .attempts
            .iter()
            .filter_map(Pending::whole)
            .filter(|attempt| !attempt.is_ordinary())
            .filter_map(|attempt| {
                let facts = &attempt.tls.as_deref()?.facts;
                let hello = facts.client_hello.as_ref().filter(|_| facts.lacks_secrets())?;
                Some((attempt.connection.first, hello))
            })
            .collect();
        hellos.dedup_by_key(|(first, _)| *first);
        let named: Vec<String> = hellos
            .iter()
            .take(NAMED)
            .map(|(_, hello)| hello.random_in_digits())
            .collect();
        let more = match hellos.len().checked_sub(NAMED + 1) {
            Some(more) => format!(" and {} more", more + 1),
            None => String::new(),
        };
        (!named.is_empty()).then(|| {
            let count = hellos.len();
            let named = named.join(", ");
            format!("Of the TLS connections {count} cannot be opened with the secrets given, by client random: {named}{more}.")
        })
    }
}

/// Attempts that are entered on one roll of the survey.
const ROLL: usize = 4096;
/// Attempts that are judged one after the other, by one thread.
const BATCH: usize = 64;
/// Batches that are judged while those before them are handed on.
const BATCHES: usize = 64;

/// The second half: facts become verdicts, and verdicts a report.
fn judge<S: Sink + Send>(
    walked: Walked,
    prints: &Prints,
    options: &Options,
    composer: &mut Composer<'_, S>,
) -> io::Result<()> {
    let mut survey = Survey::begin(&walked.attempts, &walked.tally, walked.span());
    let starts = (0..walked.attempts.len()).into_par_iter().step_by(ROLL);
    let rolls: Vec<Roll<'_>> = each(starts).map(|start| survey.roll(start..start + ROLL)).collect();
    let parts = each((0..Part::COUNT).into_par_iter());
    let parts = parts.map(|number| survey.part(&rolls, number)).collect();
    survey.enter(rolls, parts);
    let scene = Scene {
        survey: &survey,
        prints,
        captures: &walked.captures,
        first_index: walked.first_index,
        style: Style {
            show_secrets: options.show_secrets,
        },
    };
    // Ordinary exchanges were control experiments; there is nothing to tell of them.
    let told: Vec<&Pending> = walked
        .attempts
        .par_iter()
        .filter(|pending| !pending.whole().is_some_and(Attempt::is_ordinary))
        .collect();
    let (mut before, mut judged) = (composer.attempts(), Vec::new());
    for attempts in told.chunks(BATCH * BATCHES) {
        let judge = || {
            let batches = each(attempts.par_chunks(BATCH)).enumerate();
            batches
                .map(|(place, batch)| scene.batch::<S>(batch, before + (place * BATCH) as u64))
                .collect()
        };
        let last = std::mem::take(&mut judged);
        let (taken, next) = rayon::join(|| take(composer, last), judge);
        taken?;
        (before, judged) = (before + attempts.len() as u64, next);
    }
    take(composer, judged)?;
    // Nothing waits for the facts to be freed.
    rayon::spawn(move || drop(walked));
    Ok(())
}

/// Hands judged attempts on.
fn take<S: Sink + Send>(composer: &mut Composer<'_, S>, judged: Vec<Batch<S::Batch>>) -> io::Result<()> {
    judged.into_iter().try_for_each(|batch| composer.take(batch))
}

impl std::fmt::Display for Error {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Capture(error) => error.fmt(to),
            Error::Output(error) => write!(to, "the report cannot be written: {error}"),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Output(error)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Capture(error) => Some(error),
            Error::Output(error) => Some(error),
        }
    }
}

//! A plan from a seed.

use super::{Entry, Fault, FaultKind, Plan, Request, Setup, What, Where, WorkSpec};
use crate::{
    broker::types::{Kind, Version},
    random::{Random, mix},
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Longest work, in nanoseconds.
const LONGEST: u64 = 4_000_000_000;

impl Plan {
    pub(crate) fn generate(seed: u64) -> Self {
        let random = &mut Random::new(mix(seed));
        let setup = setup(seed, random);
        let span = random.pick(&[1_000, 10_000, 60_000]);
        let works = works(&setup, random);
        let mut entries = requests(&setup, &works, span, random);
        let moments: Vec<_> = entries.iter().map(|entry| entry.at).collect();
        entries.extend(faults(&setup, &moments, span, random));
        if random.one_in(50) {
            entries.extend(flapping(&setup, span, random));
        }
        entries.sort_by_key(|entry| entry.at);
        Self { setup, entries }
    }
}

/// Equal requests, again and again, each time with the end of a session while some are answered and
/// not confirmed.
fn flapping(setup: &Setup, span: u64, random: &mut Random) -> Vec<Entry> {
    let request = Request {
        reply: Where::Queue(1),
        id: 2_000,
        work: WorkSpec { key: 1_000, ..WorkSpec::default() },
        deadline: None,
        persistent: true,
        expiration: None,
    };
    let rounds = 0..random.between(20, 40);
    let round = |round| {
        let at = span + 15_000 * round;
        let requests = std::iter::repeat_n(What::Request(request.clone()), 8);
        let close = |daemon| {
            let kind = FaultKind::CloseReplies;
            What::Fault(Fault { kind, daemon, queue: 1, arriving: 1_000, ..Fault::default() })
        };
        // Nothing is confirmed meanwhile, so those that come again are lost again.
        let kind = FaultKind::Stall;
        let stall = What::Fault(Fault { kind, queue: 1, lasts: 6_000, ..Fault::default() });
        let daemons = 0..setup.daemons;
        let entry = |at| move |what| Entry { at, what };
        let mut entries = vec![entry(at)(stall)];
        entries.extend(requests.map(entry(at)));
        entries.extend(daemons.clone().map(close).map(entry(at + 2)));
        entries.extend(daemons.map(close).map(entry(at + 4_000)));
        entries
    };
    rounds.flat_map(round).collect()
}

fn setup(seed: u64, random: &mut Random) -> Setup {
    let version = random.pick(&[Version::V3_10, Version::V4_0, Version::V4_3]);
    let kind = random.pick(&[Kind::Classic, Kind::Quorum]);
    let quorum = kind == Kind::Quorum;
    let tight = random.one_in(3);
    let (quick, long) = if tight { (256 * KIB, MIB) } else { (16 * MIB, 64 * MIB) };
    Setup {
        seed,
        version,
        kind,
        delivery_limit: if quorum && random.one_in(4) { random.pick(&[3, 50]) } else { 0 },
        ttl: if random.one_in(12) { 20_000 } else { 0 },
        daemons: random.between(1, 3),
        prefetch: random.pick(&[1, 4, 20, 64, 100]),
        threads: random.between(1, 3),
        quick,
        long,
        max_message: if random.one_in(8) { random.pick(&[30, 60, 100_000]) } else { 0 },
        heartbeat: random.pick(&[2_000, 10_000]),
        drain: random.pick(&[500, 5_000, 25_000]),
        skew: if random.one_in(3) { 3_000 } else { 0 },
    }
}

/// Some pieces of work, from which requests choose.
fn works(setup: &Setup, random: &mut Random) -> Vec<WorkSpec> {
    let count = random.between(2, 40);
    let work = |key| {
        if random.one_in(2) {
            return WorkSpec { key, ..WorkSpec::default() };
        }
        let (most, nanos) =
            if random.one_in(2) { (setup.quick / 4, 2_000_000) } else { (setup.long, LONGEST) };
        // Up to the least memory with which it can be done at all.
        let memory = if random.one_in(4) { most } else { random.spread(2 * KIB, most) };
        let length = random.spread(1, memory / 2);
        let fails = random.one_in(30);
        WorkSpec { key, nanos: random.spread(20_000, nanos), memory, length, fails }
    };
    (1..=count).map(work).collect()
}

fn requests(setup: &Setup, works: &[WorkSpec], span: u64, random: &mut Random) -> Vec<Entry> {
    let count = random.between(60, 110);
    let bursts: Vec<_> = (0..random.between(1, 30)).map(|_| random.below(span)).collect();
    let hostile = if random.one_in(2) { random.between(1, 63) } else { 0 };
    let one_id = random.one_in(10);
    let deadlines = random.one_in(2);
    let mut entries = Vec::new();
    for number in 0..count {
        let reply = caller(hostile, random);
        let id = if one_id { 0 } else { number };
        let expiration = random.one_in(40).then(|| random.spread(100, span));
        let request = Request {
            reply,
            id,
            work: random.pick(works),
            deadline: (deadlines && random.one_in(4)).then(|| deadline(span, random)),
            persistent: !random.one_in(8),
            expiration,
        };
        let at = if random.one_in(4) { random.below(span) } else { random.pick(&bursts) };
        entries.push(Entry { at, what: What::Request(request) });
    }
    if random.one_in(6) {
        let (at, work) = (random.below(span), random.pick(works));
        let request = Request {
            reply: Where::Queue(1),
            id: 1_000,
            work,
            deadline: None,
            persistent: true,
            expiration: None,
        };
        let equal = Entry { at, what: What::Request(request) };
        entries.extend(std::iter::repeat_n(equal, usize::from(setup.prefetch.min(64))));
    }
    entries
}

fn caller(hostile: u64, random: &mut Random) -> Where {
    const HOSTILE: [Where; 6] = [
        Where::Queue(4),
        Where::Queue(5),
        Where::Queue(6),
        Where::Nowhere,
        Where::Unsaid,
        Where::Queue(4),
    ];
    let choice = usize::try_from(random.below(6)).unwrap_or_default();
    if hostile >> choice & 1 == 1 && random.one_in(4) {
        return HOSTILE[choice];
    }
    Where::Queue(random.pick(&[1, 1, 2, 3]))
}

fn deadline(span: u64, random: &mut Random) -> i64 {
    match random.below(8) {
        0 => i64::MIN,
        1 => i64::MAX,
        2 => -1,
        _ => i64::try_from(random.spread(10, 2 * span)).unwrap_or_default(),
    }
}

/// Most of them hit soon after a request was sent.
fn faults(setup: &Setup, moments: &[u64], span: u64, random: &mut Random) -> Vec<Entry> {
    if random.one_in(10) {
        return Vec::new();
    }
    let mask = random.next() | random.next();
    let kinds: Vec<_> =
        FaultKind::ALL.iter().copied().filter(|kind| mask >> *kind as u64 & 1 == 1).collect();
    if kinds.is_empty() {
        return Vec::new();
    }
    let count = random.between(4, 56);
    let fault = |_| {
        let at = if random.one_in(6) {
            random.below(span + span / 4)
        } else {
            random.pick(moments) + random.between(1, 3)
        };
        Entry { at, what: What::Fault(fault(random.pick(&kinds), setup, random)) }
    };
    (0..count).map(fault).collect()
}

fn fault(kind: FaultKind, setup: &Setup, random: &mut Random) -> Fault {
    let beats = 2 * setup.heartbeat;
    let lasts = match kind {
        FaultKind::Alarm if random.one_in(40) => random.spread(600_000, 8_000_000),
        FaultKind::Alarm => random.spread(100, 60_000),
        FaultKind::Restart | FaultKind::Crash => random.spread(100, 20_000),
        FaultKind::Stall | FaultKind::Fill => random.spread(500, 60_000),
        FaultKind::Kill | FaultKind::Stop => random.spread(50, 10_000),
        _ => 0,
    };
    let quickly = random.one_in(2);
    let after = |random: &mut Random| if quickly { random.below(3) } else { random.below(beats) };
    let queue = match kind {
        // What is deleted is lost, so the queue of requests only now and then.
        FaultKind::Delete if random.one_in(30) => 0,
        FaultKind::Delete => random.pick(&[3, 6, 6, 6]),
        FaultKind::Fill => random.pick(&[1, 2, 3]),
        _ => random.pick(&[0, 1, 2, 3]),
    };
    Fault {
        kind,
        daemon: random.below(setup.daemons),
        queue: usize::try_from(queue).unwrap_or_default(),
        lasts,
        arriving: if random.one_in(3) { 1_000 } else { random.below(20) },
        noticed: after(random),
        seen: after(random),
        by: random.pick(&[-60_000, -2_000, 2_000, 60_000]),
    }
}

//! Runs of many seeds, and what is said of them.

use crate::{
    coverage::Coverage,
    ground::MS,
    mutants::Mutant,
    plan::Plan,
    shrink::{rule, shrink},
    world::{ANSWERED_BY, run},
};
use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How many kinds of failures are told; `TELL=` changes it.
const TOLD: usize = 3;

/// From how many seeds each mutant starts, how far apart, and within how many it must be caught.
const STARTS: u64 = 5;
const APART: u64 = 1_000_000;
const CAUGHT_WITHIN: u64 = 1_000;

/// After so many runs, what was never reached is worth a line.
const MANY: u64 = 10_000;

/// How many of the last lines of a story are shown.
const LINES: usize = 400;

impl Plan {
    /// A plan in its text form, from a file.
    pub(crate) fn kept(file: &Path) -> Self {
        let text = fs::read_to_string(file);
        let plan = text.map_err(|error| error.to_string()).and_then(|text| text.parse());
        plan.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

/// What came of all seeds.
#[derive(Default)]
struct Total {
    runs: u64,
    events: u64,
    /// How long a good caller has waited at most since the last fault, in nanoseconds.
    slowest: u64,
    coverage: Coverage,
    failures: Vec<(u64, String)>,
}

/// Runs a plan and tells what happens.
pub(crate) fn tell(plan: &Plan) -> ExitCode {
    let outcome = run(plan, None, true);
    println!("{plan}");
    for line in &outcome.story {
        println!("{line}");
    }
    match outcome.wrong {
        None => {
            println!("sim: nothing is wrong, {} events", outcome.events);
            ExitCode::SUCCESS
        }
        Some(wrong) => {
            println!("WRONG: {wrong}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the plans that failed once.
pub(crate) fn run_kept() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sim/kept");
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let mut failed = false;
    for file in files {
        if let Some(wrong) = run(&Plan::kept(&file), None, false).wrong {
            println!("{}: {wrong}", file.display());
            failed = true;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The same plan leads to the same events, and is the same after it was written and read.
pub(crate) fn check_determinism(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let plan = Plan::generate(seed);
        assert_eq!(plan.to_string().parse(), Ok(plan.clone()), "seed {seed}, written and read");
        let [first, second] = [(); 2].map(|()| run(&plan, None, true));
        assert!(first.story == second.story, "seed {seed} leads to different events");
        assert_eq!(first.wrong, second.wrong, "seed {seed} ends differently");
    }
}

/// Runs seeds on all cores, tells the first failures, and sums up.
pub(crate) fn run_seeds(seeds: impl Iterator<Item = u64>) -> ExitCode {
    #[expect(clippy::disallowed_types, reason = "how fast it runs is said, not checked")]
    let begun = std::time::Instant::now();
    let seeds: Vec<_> = seeds.collect();
    let next = AtomicU64::new(0);
    let total = Mutex::new(Total::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut own = Total::default();
                while let Some(seed) = take(&next).and_then(|at| seeds.get(at)) {
                    own.run(*seed);
                }
                total.lock().unwrap_or_else(PoisonError::into_inner).add(own);
            });
        }
    });
    let mut total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.failures.sort();
    total.report(begun.elapsed().as_secs_f64());
    if total.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn take(next: &AtomicU64) -> Option<usize> {
    usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok()
}

impl Total {
    fn run(&mut self, seed: u64) {
        let outcome = run(&Plan::generate(seed), None, false);
        self.runs += 1;
        self.events += outcome.events;
        self.slowest = self.slowest.max(outcome.slowest);
        self.coverage.add(outcome.coverage);
        self.failures.extend(outcome.wrong.map(|wrong| (seed, wrong)));
    }

    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.events += other.events;
        self.slowest = self.slowest.max(other.slowest);
        self.coverage.add(other.coverage);
        self.failures.extend(other.failures);
    }

    fn report(&self, seconds: f64) {
        let mut rules: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (seed, wrong) in &self.failures {
            rules.entry(rule(wrong)).or_insert((0, *seed)).0 += 1;
        }
        let told = env::var("TELL").ok().and_then(|told| told.parse().ok()).unwrap_or(TOLD);
        let first = rules.values().take(told).map(|(_, seed)| *seed);
        for seed in first {
            tell_failure(seed);
        }
        for (rule, (count, seed)) in &rules {
            println!("{count} seeds fail: {rule} (such as SEED={seed})");
        }
        if env::var("COVERAGE").is_ok() {
            println!("{}", self.coverage.report());
        }
        if self.runs >= MANY {
            for missing in self.coverage.missing() {
                println!("{missing}");
            }
        }
        println!(
            "the longest that a good caller waited after the last fault: {:.1} s; allowed are {} s \
             and three times the work of all",
            Duration::from_nanos(self.slowest).as_secs_f64(),
            ANSWERED_BY / MS / 1_000
        );
        println!(
            "sim: {} runs, {} faults that hit, {} events, in {seconds:.1} s; {} failures",
            self.runs,
            self.coverage.faults,
            self.events,
            self.failures.len()
        );
    }
}

/// The smallest plan that fails as that of a seed does, and its story.
fn tell_failure(seed: u64) {
    let plan = Plan::generate(seed);
    let Some(wrong) = run(&plan, None, false).wrong else { return };
    let plan = shrink(plan, &wrong, None);
    let outcome = run(&plan, None, true);
    let left_out = outcome.story.len().saturating_sub(LINES);
    println!("--- SEED={seed} fails; the smallest plan that fails alike:\n{plan}");
    if left_out > 0 {
        println!("({left_out} lines are left out)");
    }
    for line in &outcome.story[left_out..] {
        println!("{line}");
    }
    println!("WRONG: {}\n", outcome.wrong.unwrap_or_default());
}

/// Breaks each rule, and sees how soon that is noticed. What fails without the mutant does not
/// count.
pub(crate) fn catch_mutants() -> ExitCode {
    let mut all_caught = true;
    for mutant in Mutant::ALL {
        let caught: Vec<_> =
            (0..STARTS).map(|start| caught_within(mutant, start * APART)).collect();
        all_caught &= caught.iter().all(Option::is_some);
        let within = caught.iter().map(|caught| match caught {
            Some((seeds, wrong)) => format!("{seeds} ({})", rule(wrong)),
            None => "never".into(),
        });
        println!("{mutant:?}: {}", within.collect::<Vec<_>>().join(", "));
    }
    println!("sim: {} mutants; all caught: {all_caught}", Mutant::ALL.len());
    if all_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn caught_within(mutant: Mutant, start: u64) -> Option<(u64, String)> {
    (0..CAUGHT_WITHIN).find_map(|seed| {
        let plan = Plan::generate(start + seed);
        let wrong = run(&plan, Some(mutant), false).wrong?;
        let own = run(&plan, None, false).wrong;
        own.is_none().then_some((seed + 1, wrong))
    })
}

//! `fibrpcctl`, one process after the other.

use crate::support::{
    program::{Ran, ctl_command},
    random::Random,
    sustained_load::{GRACE, TIMEOUT},
    tally::{Tally, is_right, some_number},
};
use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

/// Processes at once.
const AT_ONCE: usize = 2;

/// Most calls of a process.
const CALLS: usize = 5;

/// Callers, each of which starts a process when the one before has ended.
#[derive(Debug)]
pub(crate) struct Programs {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Tally>>,
}

impl Programs {
    pub(crate) fn start(uri: &str, seed: u64) -> Self {
        let (stop, mut random) = (Arc::new(AtomicBool::new(false)), Random::new(seed));
        let caller = |_| {
            let (uri, stop) = (uri.to_owned(), Arc::clone(&stop));
            let mut random = Random::new(random.next());
            thread::spawn(move || {
                let mut tally = Tally::default();
                while !stop.load(Ordering::Relaxed) {
                    call(&uri, &mut random, &mut tally);
                }
                tally
            })
        };
        let callers = (0..AT_ONCE).map(caller).collect();
        Self { stop, callers }
    }

    pub(crate) fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally::default();
        for caller in self.callers {
            tally.add(caller.join().unwrap());
        }
        tally
    }
}

/// One process, one to several calls.
fn call(uri: &str, random: &mut Random, tally: &mut Tally) {
    let numbers: Vec<_> = (0..=random.below(CALLS)).map(|_| some_number(random)).collect();
    tally.made += numbers.len() as u64;
    let timeout = format!("{}s", TIMEOUT.as_secs());
    let child = ctl_command(uri, &["--wait", "--timeout", &timeout, "call"])
        .args(numbers.iter().map(u64::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    let (sender, ended) = mpsc::channel();
    let waiter = thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    if let Ok(output) = ended.recv_timeout(TIMEOUT + GRACE) {
        judge(&numbers, &output.into(), tally);
    } else {
        tally.hung += numbers.len() as u64;
        Command::new("kill").args(["-KILL", &pid]).status().unwrap();
    }
    let _ = waiter.join().unwrap(); // an error: it came too late
}

/// Answers come in the order of the numbers; a call that failed has none, and a line on stderr.
fn judge(numbers: &[u64], ran: &Ran, tally: &mut Tally) {
    let mut answers = ran.stdout.lines().peekable();
    let waits = |line: &&str| line.starts_with("fibrpcctl: waiting: ");
    let mut complaints = ran.stderr.lines().filter(|line| !waits(line));
    for n in numbers {
        if answers.next_if(|answer| is_right(*n, answer)).is_some() {
            tally.answered += 1;
        } else if complaints.next().is_some() {
            tally.error(format!("fibrpcctl, code {}", ran.code.unwrap_or(-1)));
        } else {
            tally.wrong.push(format!("F({n}) of {numbers:?}: {ran:?}"));
        }
    }
    if answers.next().is_some() {
        tally.wrong.push(format!("an answer too many to {numbers:?}: {ran:?}"));
    }
}

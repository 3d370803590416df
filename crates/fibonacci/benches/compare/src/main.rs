//! The kernel beside other libraries: the time to the decimal digits of F(n), warm, one thread.
//!
//! Every library runs in a process of its own, which stays warm. The processes take turns: one
//! round asks each for each n, so that what disturbs the machine disturbs all of them. Reported
//! are the medians over the rounds, and how many times faster than the first `--peer` each is.
//!
//! `compare [--rounds N] [--peer NAME=COMMAND]... [n...]`

use fibonacci::{Arena, Backend};
use malachite_base::num::arithmetic::traits::Square as _;
use std::{
    env,
    error::Error,
    hint::black_box,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const NS: [u64; 13] = [
    30,
    93,
    300,
    1_000,
    3_000,
    10_000,
    20_000,
    30_000,
    50_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// The libraries that are too slow for a large n, and the largest they are asked for.
const SLOW: [(&str, u64); 3] =
    [("Python int", 1_000_000), ("num-bigint", 10_000_000), ("dashu", 10_000_000)];

fn main() -> Result<()> {
    let mut args = env::args().skip(1).peekable();
    if args.next_if_eq("--serve").is_some() {
        return serve(&args.next().unwrap_or_default());
    }
    let (mut peers, mut rounds, mut ns) = (Vec::new(), 5, Vec::new());
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => rounds = args.next().unwrap_or_default().parse()?,
            "--peer" => peers.push(Peer::start(&args.next().unwrap_or_default())?),
            n => ns.push(n.replace('_', "").parse()?),
        }
    }
    let own = env::current_exe()?.display().to_string();
    let libraries =
        Backend::available().map(Backend::name).chain(["malachite", "num-bigint", "dashu"]);
    for name in libraries {
        peers.push(Peer::start(&format!("{name}={own} --serve {name}"))?);
    }
    let ns = if ns.is_empty() { NS.to_vec() } else { ns };
    report(&mut peers, rounds, &ns)
}

/// A library in its process.
struct Peer {
    name: String,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// From `NAME=COMMAND`.
    fn start(description: &str) -> Result<Self> {
        let (name, command) = description.split_once('=').ok_or("expected NAME=COMMAND")?;
        let mut words = command.split(' ');
        let mut process = Command::new(words.next().unwrap_or_default())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command}: {error}"))?;
        let input = process.stdin.take().ok_or("no stdin")?;
        let output = BufReader::new(process.stdout.take().ok_or("no stdout")?);
        Ok(Self { name: name.into(), process, input, output })
    }

    fn seconds(&mut self, n: u64) -> Result<f64> {
        writeln!(self.input, "{n}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.trim().parse().map_err(|_| format!("{} gave up at {n}", self.name).into())
    }

    fn is_fit_for(&self, n: u64) -> bool {
        SLOW.iter().all(|(name, most)| self.name != *name || n <= *most)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn report(peers: &mut [Peer], rounds: usize, ns: &[u64]) -> Result<()> {
    println!(
        "Best vectors of this machine: {}. {rounds} rounds, medians.\n",
        Backend::best().name()
    );
    print!("| n |");
    peers.iter().for_each(|peer| print!(" {} |", peer.name));
    println!("\n|---|{}", "---|".repeat(peers.len()));
    for &n in ns {
        let mut times = vec![Vec::new(); peers.len()];
        for _ in 0..rounds {
            for (peer, times) in peers.iter_mut().zip(&mut times) {
                if peer.is_fit_for(n) {
                    times.push(peer.seconds(n)?);
                }
            }
        }
        print!("| {n} |");
        let medians: Vec<_> = times.iter_mut().map(|times| median(times)).collect();
        for time in &medians {
            match (time, medians[0]) {
                (Some(time), Some(first)) => {
                    print!(" {} ({:.2}x) |", readable(*time), first / time)
                }
                _ => print!(" |"),
            }
        }
        println!();
    }
    Ok(())
}

fn median(times: &mut [f64]) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

fn readable(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.3} us", s * 1e6),
        s if s < 1.0 => format!("{:.3} ms", s * 1e3),
        s => format!("{s:.3} s"),
    }
}

/// Answers the questions of the main process.
fn serve(name: &str) -> Result<()> {
    let mut library = library(name)?;
    for line in std::io::stdin().lines() {
        let n = line?.trim().parse()?;
        let mut calls = 0;
        let start = Instant::now();
        while calls == 0 || start.elapsed() < Duration::from_millis(20) {
            library(n);
            calls += 1;
        }
        let start = Instant::now();
        for _ in 0..calls {
            library(black_box(n));
        }
        println!("{:.12}", start.elapsed().as_secs_f64() / f64::from(calls));
    }
    Ok(())
}

fn library(name: &str) -> Result<Box<dyn FnMut(u64)>> {
    if let Some(backend) = Backend::available().find(|backend| backend.name() == name) {
        let (mut arena, mut out) = (Arena::with_backend(backend), Vec::new());
        return Ok(Box::new(move |n| {
            out.clear();
            if let Err(error) = arena.decimal(n, &mut out, &|| false) {
                panic!("{error}");
            }
            black_box(&out);
        }));
    }
    Ok(match name {
        "malachite" => Box::new(|n| drop(black_box(malachite(n)))),
        "num-bigint" => Box::new(|n| drop(black_box(num_bigint(n)))),
        "dashu" => Box::new(|n| drop(black_box(dashu(n)))),
        _ => return Err(format!("{name} is not known").into()),
    })
}

/// The bits of a number, most significant first.
fn bits(n: u64) -> impl Iterator<Item = bool> {
    (0..u64::BITS - n.leading_zeros()).rev().map(move |bit| n >> bit & 1 == 1)
}

fn malachite(n: u64) -> String {
    use malachite_nz::natural::Natural;
    let (mut a, mut b) = (Natural::from(0_u32), Natural::from(1_u32));
    for bit in bits(n) {
        let even = &a * ((&b << 1) - &a);
        let odd = a.square() + b.square();
        (a, b) = if bit { (odd.clone(), even + odd) } else { (even, odd) };
    }
    a.to_string()
}

fn num_bigint(n: u64) -> String {
    use num_bigint::BigUint;
    let (mut a, mut b) = (BigUint::from(0_u32), BigUint::from(1_u32));
    for bit in bits(n) {
        let even = &a * ((&b << 1) - &a);
        let odd = &a * &a + &b * &b;
        (a, b) = if bit { (odd.clone(), even + odd) } else { (even, odd) };
    }
    a.to_string()
}

fn dashu(n: u64) -> String {
    use dashu_int::UBig;
    let (mut a, mut b) = (UBig::ZERO, UBig::ONE);
    for bit in bits(n) {
        let even = &a * ((&b << 1) - &a);
        let odd = a.sqr() + b.sqr();
        (a, b) = if bit { (odd.clone(), even + odd) } else { (even, odd) };
    }
    a.to_string()
}

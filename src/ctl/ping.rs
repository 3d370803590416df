//! `fibrpcctl ping`: many pings, as ping(8) does it.

use super::{
    exit_of,
    latencies::Latencies,
    output::{MOST_OF_ANSWER, Output, answer_to_ping, insert_error, status},
    verbose::Verbose,
    verdict::verdict,
};
use crate::{
    cli::{CtlOptions, PingArgs, PingSeries},
    client::{CallError, Client, Pong, Timing},
    exit::Exit,
    text::excerpt,
    wall_clock,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Map, Value};
use std::time::{Duration, Instant};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

/// Most pings without an answer yet, and most lines that nobody has read; then there is a pause.
const MOST_UNDER_WAY: usize = 1024;

/// A ping, and where its time went.
type Outcome = Result<(Pong, Timing), (CallError, Option<Timing>)>;

/// Sends one ping.
pub(super) async fn once(
    client: &Client,
    verbose: bool,
    output: &mut Output,
) -> Result<(), CallError> {
    let verbose = Verbose::new(client, verbose);
    match client.ping_timed(verbose.is_wanted()).await {
        Ok((pong, timing)) => {
            verbose.replied(output, "ping", &timing);
            output.pong(&pong);
            Ok(())
        }
        Err((error, timing)) => {
            verbose.failed(output, "ping", timing);
            Err(error)
        }
    }
}

/// Sends pings until there were enough, or somebody says stop, and sums them up.
pub(super) async fn run(
    args: &PingArgs,
    series: PingSeries,
    options: &CtlOptions,
    client: &Client,
    output: &mut Output,
    stop: &Notify,
) -> Exit {
    let mut ticks = interval(series.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = FuturesUnordered::new();
    let verbose = Verbose::new(client, options.verbose);
    let mut results = Results::new(args, &verbose);
    let mut sequence = 0;
    loop {
        let enough = series.count.is_some_and(|count| sequence >= count);
        if enough && under_way.is_empty() {
            break;
        }
        // The first makes the connection, and the others do not wait for that.
        let connected = sequence == 0 || results.over() > 0;
        let room = under_way.len() + output.pending_lines() < MOST_UNDER_WAY;
        tokio::select! {
            biased;
            () = stop.notified() => break,
            written = output.hand_over(), if output.pending_lines() > 0 => if written.is_err() {
                return results.exit.or(Exit::Failure); // nobody reads any more
            },
            Some((sequence, pong)) = under_way.next() => results.note(output, sequence, pong),
            _ = ticks.tick(), if room && connected && !enough => {
                sequence += 1;
                let timed = options.verbose;
                under_way.push(async move { (sequence, client.ping_timed(timed).await) });
            }
        }
    }
    results.sum_up(output, &options.queue, under_way.len());
    results.exit
}

struct Results<'a> {
    args: &'a PingArgs,
    verbose: &'a Verbose<'a>,
    started: Instant,
    lost: u64,
    /// The first, which takes as long as it takes to connect.
    first: Option<Duration>,
    others: Latencies,
    exit: Exit,
}

impl<'a> Results<'a> {
    fn new(args: &'a PingArgs, verbose: &'a Verbose<'a>) -> Self {
        let (started, others) = (Instant::now(), Latencies::new());
        Self { args, verbose, started, lost: 0, first: None, others, exit: Exit::Ok }
    }

    fn note(&mut self, output: &mut Output, sequence: u64, outcome: Outcome) {
        let (pong, timing) = match outcome {
            Ok(answered) => answered,
            Err((error, timing)) => {
                self.lost += 1;
                self.exit = self.exit.or(exit_of(&error));
                return self.lost(output, sequence, &error, timing);
            }
        };
        if sequence == 1 {
            self.first = Some(pong.elapsed);
        } else {
            self.others.note(pong.elapsed);
        }
        if self.args.quiet {
            return;
        }
        self.verbose.replied(output, &format!("ping {sequence}"), &timing);
        if output.is_json() {
            let mut object = self.object(sequence, "OK");
            object.insert("seconds".into(), pong.elapsed.as_secs_f64().into());
            object.insert("answer".into(), answer_to_ping(&pong));
            return output.json(object);
        }
        let answer = pong.instead.as_deref().map(|answer| excerpt(answer, MOST_OF_ANSWER));
        let what = answer.map_or_else(|| output.good("pong"), |answer| format!("\"{answer}\""));
        let connecting = if sequence == 1 { " (connecting included)" } else { "" };
        let time = milliseconds(pong.elapsed);
        let line = format!("{}{what}: seq={sequence} time={time} ms{connecting}", self.time());
        output.line(line.as_bytes());
    }

    fn lost(&self, output: &mut Output, sequence: u64, error: &CallError, timing: Option<Timing>) {
        if self.args.quiet {
            return;
        }
        self.verbose.failed(output, &format!("ping {sequence}"), timing);
        if output.is_json() {
            let mut object = self.object(sequence, status(error));
            insert_error(&mut object, error);
            output.json(object);
        } else {
            output.tell().complain(&format!("{}ping {sequence}: {error}", self.time()));
            output.hint(verdict(error).hint);
        }
    }

    fn object(&self, sequence: u64, status: &str) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("seq".into(), sequence.into());
        object.insert("status".into(), status.into());
        if self.args.timestamps {
            object.insert("time".into(), wall_clock::now().as_secs_f64().into());
        }
        object
    }

    fn time(&self) -> String {
        if self.args.timestamps {
            format!("[{:.6}] ", wall_clock::now().as_secs_f64())
        } else {
            String::new()
        }
    }

    fn answered(&self) -> u64 {
        self.others.count() + u64::from(self.first.is_some())
    }

    /// How many were answered or failed.
    fn over(&self) -> u64 {
        self.answered() + self.lost
    }

    fn sum_up(&self, output: &mut Output, queue: &str, under_way: usize) {
        let (answered, over) = (self.answered(), self.over());
        let sent = over + under_way as u64;
        // Where there was only one, its latency is all there is.
        let mut first = Latencies::new();
        if let Some(latency) = self.first {
            first.note(latency);
        }
        let spread = self.others.spread().or_else(|| first.spread());
        let seconds = self.started.elapsed();
        self.verbose.connected(output);
        if output.is_json() {
            let mut object = Map::new();
            object.insert("sent".into(), sent.into());
            object.insert("answered".into(), answered.into());
            object.insert("lost".into(), self.lost.into());
            object.insert("seconds".into(), seconds.as_secs_f64().into());
            for (name, at) in ["min_us", "p50_us", "p99_us", "max_us"].into_iter().zip(0..) {
                let micros = spread.map(|spread| rounded_micros(spread[at]));
                object.insert(name.into(), micros.into());
            }
            return output.json(object);
        }
        output
            .line(format!("--- {} ping statistics ---", excerpt(queue.as_bytes(), 60)).as_bytes());
        let loss = percent(self.lost, over);
        let rest = if under_way > 0 { format!(", {under_way} under way") } else { String::new() };
        let line =
            format!("{sent} sent, {answered} answered, {loss} lost{rest}, time {seconds:.1?}");
        output.line(line.as_bytes());
        if let Some(spread) = spread {
            let times = spread.map(milliseconds).join("/");
            let without = if self.first.is_some() && self.others.count() > 0 {
                ", without the first, which connected"
            } else {
                ""
            };
            output.line(format!("min/p50/p99/max = {times} ms{without}").as_bytes());
        }
    }
}

/// To a thousandth.
fn rounded_micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e9).round() / 1e3
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}

/// In tenths of a percent, not rounded to 0 or to 100 where it is neither.
fn percent(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 1000).div_ceil(u128::from(whole.max(1)));
    let tenths = if part < whole { tenths.min(999) } else { tenths };
    if tenths % 10 == 0 {
        format!("{}%", tenths / 10)
    } else {
        format!("{}.{}%", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn some_loss_is_neither_none_nor_all() {
        for (part, whole, text) in [
            (0, 0, "0%"),
            (0, 5, "0%"),
            (5, 5, "100%"),
            (1, 10, "10%"),
            (1, 100_000, "0.1%"),
            (99_999, 100_000, "99.9%"),
            (1, 3, "33.4%"),
        ] {
            assert_eq!(percent(part, whole), text);
        }
    }
}

//! Where the time of calls went: `-v`.

use super::output::Output;
use crate::client::{Client, Timing};
use serde_json::{Map, Value};
use std::{cell::Cell, time::Duration};

/// Tells where the time went, if somebody wants to know.
pub(super) struct Verbose<'a> {
    client: &'a Client,
    wanted: bool,
    /// Whether the steps of connecting were told.
    told: Cell<bool>,
}

impl<'a> Verbose<'a> {
    pub(super) fn new(client: &'a Client, wanted: bool) -> Self {
        Self { client, wanted, told: Cell::new(false) }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Tells of a call that has a reply; of JSON before its object is printed, which then has it.
    pub(super) fn replied(&self, output: &mut Output, what: &str, timing: &Timing) {
        if !self.wanted {
            return;
        }
        if output.is_json() {
            let mut object = of_reply(timing);
            if !self.told.replace(true) {
                object.insert("connecting".into(), self.connecting().into());
            }
            return output.set_timing(object);
        }
        self.told(output);
        output.tell().say("", &format!("{what}: {}", line(timing)));
    }

    /// Tells how far connecting and the call came where there is no reply.
    pub(super) fn failed(&self, output: &mut Output, what: &str, timing: Option<Timing>) {
        match timing.filter(|_| self.wanted) {
            Some(timing) if output.is_json() => self.replied(output, what, &timing),
            timing => {
                self.connected(output);
                if let Some(timing) = timing {
                    output.tell().say("", &format!("{what}: {}", late(&timing)));
                }
            }
        }
    }

    /// Tells the steps of connecting, if nobody did: of JSON before an object is printed, which then
    /// has them.
    pub(super) fn connected(&self, output: &mut Output) {
        if !self.wanted {
            return;
        }
        if !output.is_json() {
            self.told(output);
        } else if !self.told.replace(true) {
            let connecting = Value::from(self.connecting());
            output.set_timing(Map::from_iter([("connecting".to_owned(), connecting)]));
        }
    }

    fn told(&self, output: &Output) {
        if !self.told.replace(true) {
            let steps = self.client.connecting().into_iter();
            let steps = steps.map(|(step, took)| format!("{} {}", words(step.name()), ms(took)));
            let steps = steps.collect::<Vec<_>>().join(", ");
            let steps = if steps.is_empty() { "no step done".to_owned() } else { steps };
            output.tell().say("", &format!("connecting: {steps}"));
        }
    }

    fn connecting(&self) -> Map<String, Value> {
        let steps = self.client.connecting().into_iter();
        steps.map(|(step, took)| (format!("{}_us", step.name()), us(took))).collect()
    }
}

/// The parts in the order in which they were, the server's own last.
fn line(timing: &Timing) -> String {
    let mut parts = vec![format!("waited {}", ms(timing.waited))];
    if let Some(confirm) = timing.confirm {
        parts.push(format!("confirm {}", ms(confirm)));
    }
    if let Some(server) = timing.server {
        let (queue, compute) = (server.queue, server.compute);
        let both = queue + compute;
        parts.push(format!("server {} (queue {}, compute {})", ms(both), ms(queue), ms(compute)));
        parts.push(format!("both ways {}", ms(timing.answer.saturating_sub(both))));
    }
    format!("{}; reply after {}", parts.join(", "), ms(timing.waited + timing.answer))
}

/// The same of a call without a reply.
fn late(timing: &Timing) -> String {
    let (waited, rest) = (ms(timing.waited), ms(timing.answer));
    if timing.answer.is_zero() {
        return format!("waited {waited}, and was not sent");
    }
    let confirm = timing.confirm.map(ms);
    let confirm = confirm.map_or_else(|| "no confirm".to_owned(), |took| format!("confirm {took}"));
    format!("waited {waited}, {confirm}; no reply for {rest} after it was sent")
}

fn of_reply(timing: &Timing) -> Map<String, Value> {
    let server = timing.server.map(|server| {
        Map::from_iter([
            ("queue_us".to_owned(), us(server.queue)),
            ("compute_us".to_owned(), us(server.compute)),
        ])
    });
    Map::from_iter([
        ("waited_us".to_owned(), us(timing.waited)),
        ("confirm_us".to_owned(), timing.confirm.map_or(Value::Null, us)),
        ("answer_us".to_owned(), us(timing.answer)),
        ("server".to_owned(), server.map_or(Value::Null, Value::Object)),
    ])
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn ms(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1000.0)
}

fn us(duration: Duration) -> Value {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ServerTiming;

    #[test]
    fn a_line_has_the_parts_that_are_known() {
        let micros = Duration::from_micros;
        let mut timing = Timing::default();
        (timing.waited, timing.answer) = (micros(9000), micros(1500));
        assert_eq!(line(&timing), "waited 9.000 ms; reply after 10.500 ms");
        let unsent = Timing { answer: Duration::ZERO, ..timing };
        assert_eq!(late(&unsent), "waited 9.000 ms, and was not sent");
        assert_eq!(
            late(&timing),
            "waited 9.000 ms, no confirm; no reply for 1.500 ms after it was sent"
        );
        timing.confirm = Some(micros(600));
        assert!(late(&timing).contains("waited 9.000 ms, confirm 0.600 ms; no reply for 1.500 ms"));
        timing.server = Some(ServerTiming { queue: micros(10), compute: micros(290) });
        assert_eq!(
            line(&timing),
            "waited 9.000 ms, confirm 0.600 ms, server 0.300 ms (queue 0.010 ms, compute 0.290 ms), \
             both ways 1.200 ms; reply after 10.500 ms"
        );
    }
}

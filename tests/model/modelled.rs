//! Runs a script against the model.

use crate::{
    broker::{
        Broker,
        types::{ConnectionId, Method, Version},
    },
    script::{Action, Script},
    transcript::{Outcome, Recorder},
};
use std::collections::BTreeMap;

struct Run {
    broker: Broker,
    connections: BTreeMap<String, ConnectionId>,
    /// Those that are cut, and of which the broker has not noticed it.
    cut: Vec<ConnectionId>,
    recorder: Recorder,
}

/// What the model says to each step.
pub(crate) fn run(script: &Script, version: Version) -> Vec<Outcome> {
    let mut run = Run {
        broker: Broker::new(version),
        connections: BTreeMap::new(),
        cut: Vec::new(),
        recorder: Recorder::default(),
    };
    let steps = script.steps.iter();
    steps
        .map(|step| {
            run.act(&step.action);
            let queues = run.broker.visible_queues();
            let outcome = Outcome { events: run.recorder.take(), queues };
            outcome.normalised(step.action.is_several_publishes())
        })
        .collect()
}

impl Run {
    fn act(&mut self, action: &Action) {
        match action {
            Action::Send { channel, methods, until } => {
                self.make_sure_of(channel);
                for method in methods {
                    self.send(channel, method.clone());
                }
                if let Some((queue, ready)) = until {
                    self.wait(queue, *ready);
                }
            }
            Action::Cut { connection } => {
                if let Some(id) = self.connections.remove(connection) {
                    self.broker.cut(id, usize::MAX);
                    self.cut.push(id);
                }
                self.recorder.closed(connection);
            }
            Action::Restart => self.broker.restart(),
            Action::Alarm(alarm) => self.broker.set_alarm(*alarm),
            Action::Gone { .. } => {}
        }
        self.settle_down();
        if matches!(action, Action::Restart) {
            for (connection, _) in std::mem::take(&mut self.connections) {
                self.recorder.closed(&connection);
            }
        }
    }

    /// A channel is opened when it is first used.
    fn make_sure_of(&mut self, channel: &str) {
        if self.recorder.knows(channel) {
            return;
        }
        let (connection, _) = split(channel);
        if !self.connections.contains_key(connection) {
            let id = self.broker.connect();
            self.connections.insert(connection.into(), id);
        }
        self.send(channel, Method::OpenChannel);
        self.broker.settle_down();
        self.broker.receive(self.connections[connection]);
    }

    fn send(&mut self, channel: &str, method: Method) {
        let (connection, number) = split(channel);
        self.recorder.sent(channel, &method);
        self.broker.send((self.connections[connection], number), method);
    }

    fn settle_down(&mut self) {
        self.broker.settle_down();
        self.cut.retain(|id| !self.broker.notice(*id));
        self.broker.settle_down();
        for (name, id) in &self.connections {
            while let Some((channel, event)) = self.broker.receive(*id) {
                let channel = if channel == 0 { name.clone() } else { format!("{name}{channel}") };
                self.recorder.got(&channel, event);
            }
        }
    }

    /// Lets time pass until enough has expired.
    fn wait(&mut self, queue: &str, wanted: u32) {
        self.broker.settle_down();
        loop {
            let queues = self.broker.visible_queues();
            let ready = queues.iter().find(|(name, ..)| name == queue).map(|queue| queue.1);
            if ready == Some(wanted) {
                return;
            }
            let Some(expiry) = self.broker.next_expiry() else {
                return;
            };
            self.broker.advance(expiry);
            self.broker.settle_down();
        }
    }
}

/// The connection, by its letter, and the number of the channel.
pub(crate) fn split(channel: &str) -> (&str, u16) {
    let (connection, number) = channel.split_at(1);
    (connection, number.parse().unwrap_or_else(|_| panic!("{channel} is no channel, as a1 is")))
}

impl Action {
    /// Whether several messages are published in one go.
    pub(crate) fn is_several_publishes(&self) -> bool {
        let Self::Send { methods, .. } = self else {
            return false;
        };
        methods.iter().filter(|method| matches!(method, Method::Publish { .. })).count() > 1
    }
}
